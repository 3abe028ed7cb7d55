import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.clock import now
from database.scope import everywhere, inside
from domain import Refused
from domain.base import configuration, notices
from domain.entitlements import credit_standings, grants, plans
from domain.money import billing, facts, inbox, owners, pricing, trials
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import CustomerChanged, Event, StatusUnknown
from domain.organizations import organizations
from models import AuditEvent, CreditEntry, Customer, Grant, Notification, Outgoing, Payment, Subscription, WebhookEvent
from tests.fixtures.billing import plan
from tests.fixtures.threads import together, write

MONTHLY = sandbox.PRICES["pro_monthly"]


def stands(cast):
    with inside(cast.acme):
        return [(s.status, s.cancel_at_period_end) for s in Subscription.select()]


def bell(user):
    jobs.run("outgoing")
    return [n.type.removeprefix("billing.") for n in notices.newest(user, limit=50)][::-1]


# --- access ---------------------------------------------------------------------------------------------------


def test_a_subscription_gives_its_plan_to_its_organization_only(bare_free, cast, tell):
    assert plan(cast.acme) == "free"
    tell()
    assert (plan(cast.acme), plan(cast.globex)) == ("pro_monthly", "free")
    with inside(cast.acme):
        assert grants.capabilities() == set(plans.PAID)
    with inside(cast.globex):
        assert grants.capabilities() == set()


def test_where_billing_is_not_set_up_there_is_no_plan(cast, tell):
    tell()
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    with inside(cast.acme):
        assert grants.plan() is None
        with pytest.raises(Refused) as caught:
            billing.checkout("pro_monthly", by=organizations.reach(cast.alice, "acme"))
    assert caught.value.status == 503


def test_access_is_the_union_of_all_grants(bare_free, cast, clock, tell):
    def grant(capability, source, **more):
        with inside(cast.acme):
            write(
                Grant.create, plan_key="pro_yearly", capability=capability, source=source, source_type="manual", **more
            )

    grant("feature.pro", "gift", expires_at=clock() + timedelta(days=60))
    grant("feature.extra", "lifetime")
    grant("feature.gone", "taken back", revoked_at=clock())
    grant("feature.past", "past", expires_at=clock() - timedelta(seconds=1))
    tell()
    with inside(cast.acme):
        assert grants.capabilities() == {*plans.PAID, "feature.extra"}
    tell("canceled", after=5)
    with inside(cast.acme):
        assert grants.capabilities() == {"feature.pro", "feature.extra"}
    clock.forward(days=61)
    with inside(cast.acme):
        assert grants.capabilities() == {"feature.extra"}


@pytest.mark.parametrize("status", ["active", "trialing"])
def test_these_states_give_access_until_the_periods_end_and_not_after(cast, clock, tell, status):
    tell(status)
    clock.forward(days=30, seconds=-1)
    assert plan(cast.acme) == "pro_monthly"
    clock.forward(seconds=2)
    assert plan(cast.acme) == "free"  # even when no event ever says so


def test_an_open_payment_leaves_days_of_grace_from_when_it_fell_due(cast, clock, tell):
    due = clock()
    tell("past_due", unpaid_since_at=due, period_start_at=due)
    clock.forward(days=7, seconds=-1)
    assert plan(cast.acme) == "pro_monthly"
    clock.forward(seconds=2)
    assert plan(cast.acme) == "free"
    tell("active", after=700_000)
    assert plan(cast.acme) == "pro_monthly"  # paid after all


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired", "unpaid", "paused", "canceled"])
def test_these_states_give_none(cast, tell, status):
    tell(status)
    assert plan(cast.acme) == "free"
    tell("active", after=-5)  # older: ignored
    assert plan(cast.acme) == "free"


def test_cancelling_for_the_periods_end_keeps_access_until_then(cast, clock, tell):
    tell()
    tell(after=5, cancel_at_period_end=True)
    clock.forward(days=29)
    assert (plan(cast.acme), stands(cast)) == ("pro_monthly", [("active", True)])
    clock.forward(days=1, seconds=1)
    assert plan(cast.acme) == "free"


def test_a_payment_keeps_the_period_that_is_told_no_more(cast, tell, bill):
    tell()
    bill()
    with inside(cast.acme):
        paid = Payment.get()
        bill(begins=False, after=60)
        assert (Payment.get().period_start_at, Payment.get().period_end_at) == (
            paid.period_start_at,
            paid.period_end_at,
        )
    assert paid.period_end_at


def test_a_renewal_moves_the_end_of_access(cast, clock, tell):
    tell()
    tell(after=5, period_end_at=clock() + timedelta(days=60))
    clock.forward(days=59)
    assert plan(cast.acme) == "pro_monthly"


def test_a_change_of_plan_changes_the_grants(cast, clock, tell):
    tell()
    tell(after=5, price_id=sandbox.PRICES["pro_yearly"], period_end_at=clock() + timedelta(days=365))
    assert plan(cast.acme) == "pro_yearly"
    with inside(cast.acme):
        assert Grant.select().count() == len(plans.PAID)


# --- order and repetition ---------------------------------------------------------------------------------------


def rows(cast):
    with everywhere("the test counts"):
        return [t.select().count() for t in (Subscription, Grant, Customer, CreditEntry, AuditEvent, Outgoing)]


def test_a_repeated_fact_changes_nothing(cast, tell):
    tell()
    before = rows(cast)
    tell()
    tell()
    assert rows(cast) == before


def test_the_older_fact_loses_whatever_the_order(cast, tell):
    tell("past_due", after=5)  # updated, before created
    tell("active", after=0)
    assert stands(cast) == [("past_due", False)]
    tell("active", after=9)
    assert stands(cast) == [("active", False)]


def test_what_is_over_does_not_come_back_by_an_old_event(cast, tell):
    tell()
    tell("canceled", after=5)
    tell("active", after=3)
    tell("active", after=5)  # the same second
    tell("past_due", after=9)  # later, but unasked
    assert (stands(cast), plan(cast.acme)) == ([("canceled", False)], "free")


def test_what_the_provider_says_when_asked_beats_any_order(cast, tell):
    tell("canceled", after=5)
    tell("active", after=3, fresh=True)
    assert (stands(cast), plan(cast.acme)) == ([("active", False)], "pro_monthly")


def test_a_fact_is_applied_once_by_many_threads(cast, tell):
    outcomes = together(*[tell] * 6)
    assert not [o for o in outcomes if isinstance(o, Exception)], outcomes
    assert stands(cast) == [("active", False)]
    assert AuditEvent.select().where(AuditEvent.action == "billing.subscription_created").count() == 1


def test_an_ended_subscription_does_not_take_a_newer_ones_access(cast, clock, tell):
    tell(id="sub_old")
    tell(id="sub_new", after=5)
    tell("canceled", id="sub_old", after=9)
    assert plan(cast.acme) == "pro_monthly"
    with inside(cast.acme):
        assert billing.subscription().provider_subscription_id == "sub_new"


# --- what isn't ours ---------------------------------------------------------------------------------------------


def test_an_unknown_price_grants_nothing_and_takes_nothing(cast, tell):
    with pytest.raises(owners.Unknown, match="price_other"):
        tell(price_id="price_other")
    assert rows(cast)[:2] == [0, 0]
    tell()
    tell(after=5, price_id="price_other", cancel_at_period_end=True)  # changed in the provider's dashboard
    assert plan(cast.acme) == "pro_monthly"
    assert stands(cast) == [("active", True)]
    jobs.run("outgoing")
    assert [n.title for n in notices.newest(cast.stella)] == ["A subscription has a price that is no plan"]


def test_a_price_that_was_replaced_is_still_its_plan(cast, tell):
    pricing.remember_prices()
    changed = sandbox.account().prices | {"pro_monthly": "price_new"}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pricing.providers, "plan_of", lambda id: {v: k for k, v in changed.items()}.get(id))
        tell()
    assert plan(cast.acme) == "pro_monthly"


def test_a_known_customer_is_enough(cast, customer, tell):
    tell(organization=None)
    assert plan(cast.acme) == "pro_monthly"


def test_a_customer_is_bound_to_its_organization_once(cast, clock):
    fact = CustomerChanged(
        provider="stripe",
        customer_id="cus_1",
        organization=cast.acme.public_id,
        email="alice@example.org",
        happened_at=clock(),
        event_id="evt_1",
    )
    write(facts.apply, fact)
    write(facts.apply, fact)
    with inside(cast.acme):
        assert [c.provider_customer_id for c in Customer.select()] == ["cus_1"]
    with inside(cast.globex):
        assert Customer.select().count() == 0


def test_a_subscription_of_something_else_is_flagged_with_its_invoice_and_buries_nothing(cast, pay, clock):
    """Another product on the same account, bought by a customer of ours."""
    id = pay.subscribe()
    other = sandbox.price(MONTHLY) | {"id": "price_of_something_else", "lookup_key": None}
    write(sandbox.put, other)
    write(sandbox.put, sandbox.get(id) | {"price": other["id"]})
    pay.deliver()
    assert plan(cast.acme) == "free"
    flagged = {e.type: (e.status, bool(e.error)) for e in WebhookEvent.select()}
    assert flagged["customer.subscription.created"] == ("ignored", True)
    assert flagged["invoice.paid"] == ("ignored", True)


# --- invoices ---------------------------------------------------------------------------------------------------


def test_an_invoice_before_its_subscription_waits(cast, customer, bill, tell):
    with pytest.raises(facts.Retry):
        bill()
    tell()
    bill()
    assert credit_standings.balance(cast.acme) == (1000, 1000)


def test_a_failed_payment_makes_past_due_keeps_access_and_tells_once(cast, customer, clock, tell, bill):
    tell()
    bill(paid=False, after=5)
    assert (stands(cast), plan(cast.acme)) == ([("past_due", False)], "pro_monthly")
    bill(paid=False, after=99)  # the second try of the same invoice
    assert bell(cast.alice) == ["subscription_created", "payment_failed"]
    assert Outgoing.select().where(Outgoing.kind == "mail").count() == 2  # the welcome, and this


def test_an_old_failure_does_not_undo_a_newer_payment(cast, customer, tell, bill):
    tell("past_due")
    tell("active", after=50)
    bill(paid=False, after=5)
    assert stands(cast) == [("active", False)]


def test_a_late_event_of_a_failed_payment_does_not_contradict_what_the_provider_says_now(cast, pay, clock):
    """The subscription was asked for and is active; only the failure's event comes late."""
    id = pay.subscribe()
    pay.deliver()
    clock.forward(days=30)
    sandbox.renew(id, paid=False)
    late = pay.events()
    clock.forward(hours=1)
    sandbox.renew(id)
    pay.deliver()
    pay.deliver(*late)
    assert stands(cast) == [("active", False)]


# --- who is told ------------------------------------------------------------------------------------------------


def test_events_of_a_whole_purchase_may_come_in_any_order(cast, pay):
    pay.subscribe()
    events = pay.events()
    for event in reversed(events):
        pay.deliver(event)
    for event in events:
        pay.deliver(event)
    assert (plan(cast.acme), stands(cast)) == ("pro_monthly", [("active", False)])
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    assert bell(cast.alice) == ["subscription_created"]
    with inside(cast.acme):
        assert CreditEntry.select().count() == 1


def test_billing_f06_a_status_that_nobody_knows_is_told_to_admins_once_and_changes_nothing(cast, pay, monkeypatch):
    pay.subscribe()
    pay.deliver()
    before = trials.state(cast.acme)
    unknown = StatusUnknown(
        provider="stripe", happened_at=now(), event_id="e", thing="invoice", id="in_1", status="fraudulent"
    )
    monkeypatch.setattr(stripe, "facts", lambda body: [unknown])
    for number in range(2):
        inbox.accept(stripe.CHANNEL, Event(f"evt_{number}", "invoice.updated", "", now()), b"{}")
        while inbox.work_off():
            pass
    jobs.run("outgoing")
    told = list(Notification.select().where(Notification.type == "system.billing"))
    assert [(notice.recipient, "fraudulent" in notice.title, "in_1" in notice.body) for notice in told] == [
        (cast.stella, True, True)
    ]
    assert trials.state(cast.acme) == before
