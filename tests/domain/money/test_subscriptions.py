import dataclasses
from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain import Invalid, NotFound, Refused
from domain.base import outgoing
from domain.entitlements import grants
from domain.money import billing, facts, providers, replays, subscriptions
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import ProviderFailed, SubscriptionChanged
from models import AuditEvent, Grant, Outgoing, Payment, PlanPrice, Subscription, WebhookEvent
from tests.fixtures.threads import write

MONTHLY, YEARLY = sandbox.PRICES["pro_monthly"], sandbox.PRICES["pro_yearly"]
pytestmark = pytest.mark.usefixtures("house", "clock")


@pytest.fixture
def make(cast):
    """A subscription as the provider told of it, with its grants."""

    def tell(id="sub_1", organization=None, price=MONTHLY, status="active", **more):
        values = {
            "provider": "stripe",
            "id": id,
            "customer_id": f"cus_{id}",
            "price_id": price,
            "status": status,
            "organization": (organization or cast.acme).public_id,
            "period_start_at": now(),
            "started_at": now(),
            "period_end_at": now() + timedelta(days=30),
            "happened_at": now(),
            "event_id": f"evt_{id}",
        }
        write(facts.apply, SubscriptionChanged(**(values | more)))
        with inside(organization or cast.acme):
            return Subscription.one(Subscription.provider_subscription_id == id)

    return tell


def doubts(row):
    return subscriptions.doubts([subscriptions.one(row.id)])[row.id]


def change(row, **values):
    with inside(row.organization_id):
        write(Subscription.update(**values).where(Subscription.id == row.id).execute)


def change_grants(row, **values):
    with inside(row.organization_id):
        write(Grant.update(**values).where(Grant.source == grants.source_of(row)).execute)


# --- finding ---------------------------------------------------------------------------------------------------


def test_subscriptions_of_all_organizations_are_found(make, cast, listed):
    first, second = make(), make("sub_2", cast.globex, status="past_due", unpaid_since_at=now())

    def found(**asked):
        return [row.id for row in listed(subscriptions.listing, **asked)]

    assert found() == [second.id, first.id]
    assert found(q="acme") == found(q="Acm") == found(q="sub_1") == found(q="cus_sub_1") == [first.id]
    assert found(q="sub") == [second.id, first.id]
    assert found(status="past_due") == [second.id]
    assert found(after=str(second.id)) == [first.id]
    assert subscriptions.counts()["past_due"] == 1
    with pytest.raises(NotFound):
        subscriptions.one(10**6)


def test_each_doubt_finds_its_subscriptions_and_no_others(make, cast, listed):
    plain, other = make(), make("sub_2", cast.globex)

    def found(doubt):
        return [row.id for row in listed(subscriptions.listing, doubt=doubt)]

    assert {doubt: found(doubt) for doubt in subscriptions.DOUBTS} == {doubt: [] for doubt in subscriptions.DOUBTS}
    change(other, provider_price_id="price_new")
    assert (found("price"), found("plan")) == ([other.id], [])
    change(other, provider_price_id=YEARLY)
    assert (found("price"), found("plan")) == ([], [other.id])
    change(other, provider_price_id=MONTHLY, provider="polar")
    assert (found("provider"), found("price"), found("plan")) == ([other.id], [], [])
    change(other, status="canceled")
    assert found("provider") == []
    second = make("sub_3")
    assert found("double") == [second.id, plain.id]
    change(second, cancel_at_period_end=True)
    assert found("double") == []


# --- what doesn't fit ---------------------------------------------------------------------------------------------


def test_a_subscription_that_fits_has_no_doubts(make):
    assert doubts(make()) == []
    assert subscriptions.doubts([]) == {}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"provider_price_id": "price_new"}, "Price unknown"),
        ({"provider_price_id": YEARLY}, "Its price is Pro, yearly"),
        ({"provider": "polar"}, "Other provider than the one that is connected"),
    ],
)
def test_a_row_that_does_not_fit_is_flagged(make, values, said):
    row = make()
    change(row, **values)
    assert said in [words for _, words in doubts(row)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"revoked_at": "now"}, "Access missing"),
        ({"expires_at": None}, "Access too long"),
        ({"expires_at": "now"}, "Access too short"),
        ({"plan_key": "pro_yearly"}, "Access by another plan"),
    ],
)
def test_grants_that_are_not_what_follows_are_flagged_and_mended_by_following(make, values, said):
    row = make()
    change_grants(row, **{name: now() if value == "now" else value for name, value in values.items()})
    assert doubts(row) == [("bad", said)]
    with inside(row.organization_id):
        write(grants.follow, subscriptions.one(row.id))
    assert doubts(row) == []


def test_access_that_outlives_its_subscription_or_its_money_is_flagged(make, cast):
    row = make()
    with inside(cast.acme):
        paid = write(
            Payment.create,
            provider="stripe",
            provider_payment_id="in_1",
            subscription=row,
            reason="cycle",
            status="paid",
            amount=1200,
            currency="USD",
            period_start_at=now(),
            period_end_at=row.current_period_end_at,
        )
    assert doubts(row) == []
    for values in ({"amount_refunded": 1200}, {"dispute": "open"}):
        with inside(cast.acme):
            write(
                Payment.update({"amount_refunded": 0, "dispute": "none"} | values).where(Payment.id == paid.id).execute
            )
        assert doubts(row) == [("bad", "Access too long")]
    with inside(cast.acme):
        write(Payment.update(dispute="won").where(Payment.id == paid.id).execute)
    assert doubts(row) == []
    change(row, status="canceled")
    assert doubts(row) == [("bad", "Access too long")]


def test_two_at_once_are_both_flagged(make):
    first, second = make(), make("sub_2")
    assert doubts(first) == doubts(second) == [("bad", "One of two at once")]


def test_the_doubts_of_many_cost_a_few_queries(make, monkeypatch):
    from database.connections import database

    ids, asked = [make(f"sub_{n}").id for n in range(25)], []
    rows = [subscriptions.one(id) for id in ids]
    execute = database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))
    assert len(subscriptions.doubts(rows)) == 25
    assert len(asked) < 10


# --- what is done about it -----------------------------------------------------------------------------------------


def test_a_sync_has_it_be_as_the_provider_says(pay, cast, listed):
    id = pay.subscribe()
    pay.deliver()
    sandbox.end(id)
    pay.events()
    (row,) = listed(subscriptions.listing, q=id)
    assert subscriptions.sync(row.id, by=cast.stella).status == "canceled"
    synced = AuditEvent.get(AuditEvent.action == "billing.subscription_synced")
    assert (synced.actor, synced.organization) == (cast.stella, cast.acme)


def test_a_sync_is_refused_where_the_provider_is_another_or_knows_nothing(make, cast, monkeypatch):
    row = make()
    monkeypatch.setattr(stripe, "refetch", lambda id: [])
    with pytest.raises(Refused, match="doesn't know sub_1"):
        subscriptions.sync(row.id, by=cast.stella)

    def down(id):
        raise ProviderFailed("Stripe: down")

    monkeypatch.setattr(stripe, "refetch", down)
    with pytest.raises(ProviderFailed):
        subscriptions.sync(row.id, by=cast.stella)
    change(row, provider="polar")
    with pytest.raises(Refused, match="bought at Polar"):
        subscriptions.sync(row.id, by=cast.stella)
    assert AuditEvent.select().where(AuditEvent.action == "billing.subscription_synced").count() == 0


def test_a_price_is_named_and_its_event_replayed(pay, cast, monkeypatch):
    pay.subscribe()
    other = {plan: price for plan, price in sandbox.PRICES.items() if plan != "pro_monthly"}
    replaced = dataclasses.replace(providers.account(), prices=other)
    monkeypatch.setattr(providers, "account", lambda: replaced)
    pay.deliver()
    event = WebhookEvent.get(WebhookEvent.type == "customer.subscription.created")
    assert (event.status, event.error) == ("ignored", f"No plan of ours has the price {MONTHLY}.")
    assert subscriptions.unknown_prices(event) == [("stripe", MONTHLY)]
    subscriptions.name_price("stripe", MONTHLY, "pro_monthly", by=cast.stella)
    subscriptions.name_price("stripe", MONTHLY, "pro_monthly", by=cast.stella)
    assert subscriptions.unknown_prices(event) == []
    assert replays.replay(event.id, by=cast.stella)[0].status == "processed"
    with inside(cast.acme):
        assert grants.plan().key == "pro_monthly"
    (named,) = AuditEvent.select().where(AuditEvent.action == "billing.price_named")
    assert (named.actor, named.target_id, named.metadata) == (
        cast.stella,
        MONTHLY,
        {"before": None, "after": "pro_monthly"},
    )


def test_a_price_is_not_named_against_the_configuration_or_for_no_plan(cast):
    with pytest.raises(Refused, match="by the site's configuration"):
        subscriptions.name_price("stripe", MONTHLY, "pro_yearly", by=cast.stella)
    for wrong in (
        ("stripe", "p", "free"),
        ("stripe", "p", "nothing"),
        ("stripe", " ", "pro_monthly"),
        ("nobody", "p", "pro_monthly"),
        ("stripe", "p" * 121, "pro_monthly"),
    ):
        with pytest.raises(Invalid):
            subscriptions.name_price(*wrong, by=cast.stella)
    assert PlanPrice.select().where(PlanPrice.price_id == MONTHLY, PlanPrice.plan_key == "pro_yearly").count() == 0


def test_a_price_that_was_named_wrongly_is_named_anew(cast):
    for plan in ("pro_monthly", "pro_yearly"):
        subscriptions.name_price("stripe", "price_new", plan, by=cast.stella)
    assert PlanPrice.get(PlanPrice.price_id == "price_new").plan_key == "pro_yearly"
    assert AuditEvent.select().where(AuditEvent.action == "billing.price_named").count() == 2


# --- what is left for the provider ---------------------------------------------------------------------------------


def test_an_end_that_was_given_up_is_told_again_and_then_done(pay, cast, monkeypatch):
    id = pay.subscribe()
    pay.deliver()
    answers = []

    def end(row):
        answers.append(row.payload)
        if len(answers) <= outgoing.TRIES:
            raise ProviderFailed("Stripe: down")
        billing.end_at_provider(row)

    monkeypatch.setitem(outgoing._senders, "subscription_end", (end, False))
    payload = {"provider": "stripe", "subscription": id}
    write(outgoing.enqueue, "subscription_end", f"subscription_end:stripe:{id}", payload)
    for _ in range(outgoing.TRIES):
        write(Outgoing.update(next_attempt_at=now()).execute)
        outgoing.send_due()
    (row,) = subscriptions.given_up()
    assert (row.payload, row.error) == (payload, "ProviderFailed: Stripe: down")
    subscriptions.tell_again(row.id, by=cast.stella)
    assert subscriptions.given_up() == []
    with pytest.raises(NotFound):
        subscriptions.tell_again(row.id, by=cast.stella)
    outgoing.send_due()
    assert Outgoing.get_by_id(row.id).status == "sent"
    assert stripe.refetch(id)[0].status == "canceled"
    assert AuditEvent.get(AuditEvent.action == "billing.end_asked_again").actor == cast.stella


def test_one_that_lost_its_payload_is_told_from_its_key(cast):
    row = write(
        Outgoing.create, kind="subscription_double", key="subscription_double:stripe:sub_1", payload={}, status="buried"
    )
    subscriptions.tell_again(row.id, by=cast.stella)
    assert Outgoing.get_by_id(row.id).payload == {"provider": "stripe", "subscription": "sub_1"}


def test_a_letter_that_was_given_up_is_not_told_again(cast):
    row = write(Outgoing.create, kind="mail", key="mail:a:b", payload={}, status="buried")
    assert subscriptions.given_up() == []
    with pytest.raises(NotFound):
        subscriptions.tell_again(row.id, by=cast.stella)
