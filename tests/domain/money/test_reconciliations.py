import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.clock import now
from database.scope import everywhere, inside
from domain import Forbidden, NotConfigured, NotFound, Refused
from domain.base import configuration, notices, settings
from domain.entitlements import grants
from domain.money import comparisons, facts, inbox, reconciliations, silences, trials
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import (
    Event,
    Missed,
    PaymentRefunded,
    ProviderFailed,
    StatusUnknown,
    SubscriptionChanged,
)
from models import AuditEvent, Grant, Letter, LongJob, Outgoing, Payment, PlanPrice, Subscription, WebhookEvent
from tests.fixtures.billing import time_passes
from tests.fixtures.threads import write

MONTHLY = sandbox.PRICES["pro_monthly"]


def reconcile(cast, heals=None):
    """A comparison from asking to its end; returns its row."""
    reconciliations.ask(by=cast.stella, heals=heals)
    assert reconciliations.work() == 1
    return reconciliations.runs(1)[0]


def figures(run):
    return {k: n for k, n in run.facts.items() if isinstance(n, int) and not isinstance(n, bool) and n}


def subscription():
    with everywhere("a test looks at the only subscription"):
        return Subscription.select().get()


def plan(cast):
    with inside(cast.acme):
        return grants.plan().key


@pytest.fixture
def deaf(pay, monkeypatch):
    """The sandbox of alice, whose webhooks all get lost: nothing is listed as missed either."""
    monkeypatch.setattr(stripe, "missed", lambda since: iter(()))
    return pay


def lose(pay):
    """What the sandbox wants to post never comes."""
    return len(pay.events())


# --- what was never heard of ----------------------------------------------------------------------------------


def test_a_house_that_heard_nothing_ends_as_one_that_heard_everything(deaf, cast, clock):
    id = deaf.subscribe()
    heard = deaf.events()
    assert plan(cast) == "free"
    run = reconcile(cast)
    assert (run.status, figures(run)) == ("done", {"subscriptions": 1, "payments": 1, "drift": 2, "mended": 2})
    mended = trials.state(cast.acme)
    assert mended["subscription", id]["status"] == "active"
    assert plan(cast) == "pro_monthly"
    deaf.deliver(*heard)
    assert trials.state(cast.acme) == mended


def test_what_differed_is_kept_with_what_was_done(deaf, cast, clock):
    id = deaf.subscribe()
    lose(deaf)
    first = reconcile(cast).facts["kept"][0]
    assert (first["what"], first["id"], first["done"], first["why"]) == ("subscription", id, "mended", "")
    told = {one["what"]: one for one in first["changes"]}
    assert ["status", "–", "active"] in told["subscription"]["columns"]
    assert told["grant"]["more"] == 3
    assert "facts" not in first


def test_a_second_comparison_finds_nothing(deaf, cast, clock):
    deaf.subscribe()
    lose(deaf)
    reconcile(cast)
    run = reconcile(cast)
    assert figures(run) == {"subscriptions": 1, "payments": 1}
    assert run.facts["kept"] == []


def test_an_end_that_was_lost_is_mended(deaf, cast, clock):
    id = deaf.subscribe()
    deaf.deliver()
    sandbox.end(id)
    lose(deaf)
    assert reconcile(cast).facts["mended"] == 1  # it isn't listed any more, so it was asked for
    assert subscription().status == "canceled"
    assert plan(cast) == "free"


def test_a_plan_whose_first_payment_never_came_is_told_of_once(shop, deaf, cast, clock):
    sandbox.change_customer(shop, card="declined")
    sandbox.subscribe(shop, MONTHLY, 1, metadata={"organization": cast.acme.public_id})
    deaf.deliver()
    time_passes(clock, days=2)
    deaf.deliver()
    assert subscription().status == "incomplete_expired"
    assert [one.recipient for one in Letter.select().where(Letter.template == "subscription_error")] == [
        cast.alice.email
    ]
    reconcile(cast, heals=True)
    assert Letter.select().where(Letter.template == "subscription_error").count() == 1


def test_what_ended_with_its_customer_is_asked_how_it_had_ended(shop, deaf, cast, clock):
    """Story 127 of seed 1: that a first payment's time ran out is unheard when the customer is deleted."""
    sandbox.change_customer(shop, card="declined")
    sandbox.subscribe(shop, MONTHLY, 1, metadata={"organization": cast.acme.public_id})
    deaf.deliver()
    assert subscription().status == "incomplete"
    time_passes(clock, days=2)
    assert lose(deaf)
    sandbox.delete_customer(shop)
    deaf.deliver()
    assert subscription().status == "canceled"
    reconcile(cast, heals=True)
    assert subscription().status == "incomplete_expired"
    assert "drift" not in figures(reconcile(cast))


def test_a_refund_that_was_lost_is_mended(deaf, cast, clock):
    deaf.subscribe()
    deaf.deliver()
    with inside(cast.acme):
        paid = Payment.select().get()
    stripe.refund(paid.provider_payment_id, None, "once")
    lose(deaf)
    assert plan(cast) == "pro_monthly"
    run = reconcile(cast)
    assert [(one["what"], one["done"]) for one in run.facts["kept"]] == [("refund", "mended")]
    assert plan(cast) == "free"


def test_grants_that_were_lost_or_last_too_long_are_mended_though_the_row_is_right(deaf, cast, clock):
    deaf.subscribe()
    deaf.deliver()
    assert figures(reconcile(cast)).get("drift") is None
    until = subscription().current_period_end_at
    for values in ({"revoked_at": now()}, {"expires_at": until + timedelta(days=300)}, {"expires_at": now()}):
        with inside(cast.acme):
            write(Grant.update(**values).execute)
        assert reconcile(cast).facts["mended"] == 1
        with inside(cast.acme):
            assert [grant.expires_at for grant in Grant.active()] == [until] * 4


def test_grants_that_outlive_a_refund_are_mended(deaf, cast, clock):
    deaf.subscribe()
    deaf.deliver()
    with inside(cast.acme):
        write(Payment.update(amount_refunded=Payment.amount).execute)
    refunded = trials.state(cast.acme)
    run = reconcile(cast)
    with inside(cast.acme):
        assert Grant.active().count() == 0
    assert refunded != trials.state(cast.acme)
    assert run.facts["kept"][0]["changes"][0]["what"] == "grant"


# --- heal or ask ---------------------------------------------------------------------------------------------


def test_where_it_only_asks_nothing_changes_and_the_admins_are_told(deaf, cast, clock):
    settings.change("billing_heals", "off", by=cast.stella)
    deaf.subscribe()
    lose(deaf)
    before = trials.state(cast.acme)
    run = reconcile(cast)
    assert trials.state(cast.acme) == before
    assert (run.facts["drift"], run.facts["mended"], reconciliations.open_differences(run)) == (1, 0, 1)
    jobs.run("outgoing")
    assert [notice.link for notice in notices.newest(cast.stella)] == ["/admin/reconciliation"]


def test_an_admin_mends_one_difference_as_it_is_now(deaf, cast, clock):
    id = deaf.subscribe()
    lose(deaf)
    run = reconcile(cast, heals=False)
    sandbox.schedule_end(id, at_period_end=True)
    lose(deaf)
    assert reconciliations.mend(run.id, 1, by=cast.stella) == ""
    assert (subscription().status, subscription().cancel_at_period_end) == ("active", True)
    run = reconciliations.runs(1)[0]
    assert (run.facts["kept"][0]["done"], run.facts["mended"]) == ("mended", 1)
    assert AuditEvent.get(AuditEvent.action == "billing.difference_mended").actor == cast.stella
    for wrong in ((run.id, 1), (run.id, 9), (10**6, 1)):
        with pytest.raises(NotFound):
            reconciliations.mend(*wrong, by=cast.stella)


def test_a_kept_refund_is_mended_unless_something_newer_came(deaf, cast, clock):
    deaf.subscribe()
    deaf.deliver()
    with inside(cast.acme):
        paid = Payment.select().get()
    stripe.refund(paid.provider_payment_id, 300, "a part")
    lose(deaf)
    clock.forward(minutes=1)
    run = reconcile(cast, heals=False)
    assert [one["what"] for one in run.facts["kept"]] == ["refund"]
    clock.forward(minutes=1)
    stripe.refund(paid.provider_payment_id, 400, "more")
    deaf.deliver()
    with pytest.raises(Refused, match="Something newer"):
        reconciliations.mend(run.id, 1, by=cast.stella)
    with inside(cast.acme):
        write(Payment.update(amount_refunded=0).execute)
    clock.forward(minutes=1)
    run = reconcile(cast, heals=False)
    assert reconciliations.mend(run.id, 1, by=cast.stella) == ""
    with inside(cast.acme):
        assert Payment.select().get().amount_refunded == 700


def test_all_are_mended_by_comparing_once_more(deaf, cast, clock):
    settings.change("billing_heals", "off", by=cast.stella)
    deaf.subscribe()
    lose(deaf)
    reconcile(cast)
    assert plan(cast) == "free"
    run = reconcile(cast, heals=True)
    assert run.facts["drift"] == run.facts["mended"] > 0
    assert plan(cast) == "pro_monthly"


def test_a_fact_is_kept_and_read_back_whole(clock):
    fact = PaymentRefunded(
        provider="stripe", happened_at=now(), event_id="e", asked_at=now(), payment_id="in_1", amount_refunded=5
    )
    assert comparisons.unpacked(comparisons.packed(fact)) == fact


# --- not ours, not settled -------------------------------------------------------------------------------------


def told(id, cast, price=MONTHLY, **more):
    values = {
        "provider": "stripe",
        "id": id,
        "customer_id": f"cus_{id}",
        "organization": cast.acme.public_id,
        "price_id": price,
        "status": "active",
        "period_start_at": now(),
        "period_end_at": now() + timedelta(days=30),
        "started_at": now(),
        "happened_at": now(),
        "event_id": f"asked:{id}",
        "asked_at": now(),
    }
    return SubscriptionChanged(**(values | more))


@pytest.fixture
def listed(monkeypatch, cast, clock):
    """What the provider lists: a list of facts, all else is empty."""
    made = []
    monkeypatch.setattr(stripe, "list_active", lambda: iter([list(made)]))
    monkeypatch.setattr(stripe, "list_since", lambda since: iter(()))
    monkeypatch.setattr(stripe, "missed", lambda since: iter(()))
    return made


def test_other_products_of_the_account_are_counted_and_left_alone(listed, cast):
    listed += [told("sub_x", cast, "price_other", organization=None), told("sub_y", cast, organization="not-here")]
    run = reconcile(cast)
    assert figures(run) == {"subscriptions": 2, "foreign": 1, "unsettled": 1}  # one has a price of ours
    with everywhere("a test counts"):
        assert Subscription.select().count() == 0


def test_a_price_that_is_no_plan_is_not_settled_and_the_admins_hear_of_it(listed, cast):
    listed.append(told("sub_1", cast, "price_new"))
    run = reconcile(cast)
    assert figures(run) == {"subscriptions": 1, "unsettled": 1}
    assert run.facts["kept"][0]["why"] == "No plan of ours has the price price_new."
    jobs.run("outgoing")
    assert [notice.title for notice in notices.newest(cast.stella)] == ["A subscription has a price that is no plan"]
    write(PlanPrice.create, provider="stripe", price_id="price_new", plan_key="pro_yearly")
    assert reconcile(cast).facts["mended"] == 1
    assert plan(cast) == "pro_yearly"


def test_billing_f06_a_status_nobody_knows_is_not_settled_and_the_admins_hear_of_it(listed, cast, monkeypatch):
    listed.append(told("sub_1", cast))
    reconcile(cast)
    about = {"customer_id": listed.pop().customer_id, "organization": cast.acme.public_id, "happened_at": now()}
    unknown = StatusUnknown(
        provider="stripe", event_id="e", asked_at=now(), thing="subscription", id="sub_1", status="resting", **about
    )
    monkeypatch.setattr(stripe, "refetch", lambda id: [unknown])
    for _ in range(2):
        run = reconcile(cast)
        assert (figures(run)["unsettled"], run.facts["kept"][0]["what"]) == (1, "subscription")
        assert "'resting'" in run.facts["kept"][0]["why"]
    jobs.run("outgoing")
    assert ["resting" in notice.title for notice in notices.newest(cast.stella)].count(True) == 1
    assert plan(cast) == "pro_monthly"


def test_a_subscription_the_provider_does_not_know_is_told_and_stays(listed, cast, monkeypatch):
    listed.append(told("sub_1", cast))
    reconcile(cast)
    listed.clear()
    monkeypatch.setattr(stripe, "refetch", lambda id: [])
    run = reconcile(cast)
    assert (figures(run), run.facts["kept"][0]["id"]) == ({"unsettled": 1}, "sub_1")
    assert "doesn't know it" in run.facts["kept"][0]["why"]
    assert plan(cast) == "pro_monthly"


def test_one_that_cannot_be_applied_does_not_keep_the_others_from_it(listed, cast, monkeypatch):
    listed += [told("sub_1", cast), told("sub_2", cast)]
    apply = facts.apply

    def broken(fact):
        if fact.id == "sub_1":
            raise ZeroDivisionError("by nothing")
        apply(fact)

    monkeypatch.setattr(facts, "apply", broken)
    run = reconcile(cast)
    assert [(one["id"], one["done"]) for one in run.facts["kept"]] == [("sub_1", "refused"), ("sub_2", "mended")]
    assert "by nothing" in run.facts["kept"][0]["why"]


def test_a_run_keeps_a_hundred_differences_and_counts_all(listed, cast, monkeypatch):
    listed += [told(f"sub_{n}", cast, "price_new") for n in range(130)]
    run = reconcile(cast)
    assert (len(run.facts["kept"]), run.facts["unsettled"]) == (100, 130)


# --- a provider that fails --------------------------------------------------------------------------------------


def test_a_provider_that_fails_half_way_leaves_what_was_mended_and_says_so(listed, cast, monkeypatch):
    def pages():
        yield [told(f"sub_{n}", cast) for n in range(5)]
        raise ProviderFailed("Stripe: the connection broke")

    settings.change("billing_second_subscription", "ask", by=cast.stella)
    monkeypatch.setattr(comparisons, "AT_ONCE", 5)
    monkeypatch.setattr(stripe, "list_active", pages)
    run = reconcile(cast)
    assert (run.status, run.error) == ("failed", "Stripe: the connection broke")
    assert run.facts["mended"] == run.facts["subscriptions"] == 5
    assert AuditEvent.get(AuditEvent.action == "billing.reconciled").result == "failure"
    monkeypatch.setattr(stripe, "list_active", lambda: iter([[told(f"sub_{n}", cast) for n in range(6)]]))
    run = reconcile(cast)
    assert (run.status, run.facts["drift"]) == ("done", 1)


def test_a_comparison_that_was_killed_is_taken_up_again(deaf, cast, clock, monkeypatch):
    deaf.subscribe()
    lose(deaf)
    reconciliations.ask(by=cast.stella)

    def die():
        raise SystemExit

    active = stripe.list_active
    monkeypatch.setattr(stripe, "list_active", die)
    with pytest.raises(SystemExit):
        reconciliations.work()
    monkeypatch.setattr(stripe, "list_active", active)
    assert reconciliations.runs(1)[0].is_open
    jobs.run("reconciliation")
    assert (reconciliations.runs(1)[0].status, plan(cast)) == ("done", "pro_monthly")


def test_one_runs_at_a_time_and_only_for_who_may(cast, pay):
    with pytest.raises(Forbidden):
        reconciliations.ask(by=cast.alice)
    reconciliations.ask(by=cast.stella)
    with pytest.raises(Refused, match="running already"):
        reconciliations.ask(by=cast.stella)
    assert reconciliations.work() == 1
    assert reconciliations.work() == 0


def test_without_a_provider_there_is_nothing_to_compare(cast, clock):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    with pytest.raises(NotConfigured):
        reconciliations.ask(by=cast.stella)
    for act in (
        reconciliations.nightly,
        silences.fetch_missed,
        silences.renew_overdue,
        silences.watch_silence,
    ):
        assert act() == 0
    assert reconciliations.overview()["last_event"] is None


# --- the night ---------------------------------------------------------------------------------------------------


def test_the_night_is_begun_once_and_a_missed_one_made_up_for(cast, pay, clock):
    clock.moment = clock.moment.replace(hour=2, minute=29)
    assert reconciliations.nightly() == 1  # nobody ever compared
    assert reconciliations.nightly() == 0
    jobs.run("reconciliation")
    clock.forward(minutes=1)
    assert (reconciliations.nightly(), reconciliations.nightly()) == (1, 0)
    jobs.run("reconciliation")
    clock.forward(hours=23)
    assert reconciliations.nightly() == 0
    clock.forward(days=3)
    assert (reconciliations.nightly(), reconciliations.nightly()) == (1, 0)


def test_old_runs_go(cast, pay, clock):
    reconcile(cast)
    clock.forward(days=91)
    assert reconciliations.nightly() == 1
    assert LongJob.select().where(LongJob.kind == comparisons.KIND).count() == 1


def test_payments_are_read_a_month_back_however_lately_it_was_done(listed, cast, clock, monkeypatch):
    asked = []
    monkeypatch.setattr(stripe, "list_since", lambda since: asked.append(clock() - since) or iter(()))
    reconcile(cast)
    clock.forward(days=1)
    reconcile(cast)
    assert asked == [timedelta(days=35)] * 2


# --- missed, overdue, silent --------------------------------------------------------------------------------------


def test_events_that_were_never_delivered_are_fetched_and_worked(pay, cast, clock):
    pay.subscribe()
    lose(pay)
    assert silences.fetch_missed() == 0, "they may yet come"
    clock.forward(minutes=10)
    fetched = silences.fetch_missed()
    assert fetched == WebhookEvent.select().count() > 0
    jobs.run("inbox")
    assert plan(cast) == "pro_monthly"
    assert silences.fetch_missed() == 0
    assert inbox.last_delivered(stripe.CHANNEL) is None


def test_the_list_of_what_was_missed_is_read_a_month_back(cast, clock, monkeypatch):
    asked = []
    event = Missed(Event("evt_m", "t", "", now()), b"{}")
    monkeypatch.setattr(stripe, "missed", lambda since: asked.append(clock() - since) or iter([event]))
    assert (silences.fetch_missed(), silences.fetch_missed()) == (1, 0)
    assert asked == [timedelta(days=30)] * 2
    monkeypatch.setattr(stripe, "CAN", frozenset())
    assert silences.fetch_missed() == 0
    assert len(asked) == 2


def test_a_renewal_that_did_not_come_is_asked_for_within_the_hour(deaf, cast, clock):
    id = deaf.subscribe()
    deaf.deliver()
    end = subscription().current_period_end_at
    sandbox.renew(id)
    lose(deaf)
    clock.moment = end + timedelta(minutes=59)
    assert silences.renew_overdue() == 0
    assert plan(cast) == "free"  # its grants ended with the period
    clock.forward(minutes=2)
    assert silences.renew_overdue() == 1
    assert plan(cast) == "pro_monthly"
    assert subscription().current_period_end_at > clock()
    assert silences.renew_overdue() == 0


def test_one_that_fails_does_not_keep_the_other_renewals_waiting(listed, cast, clock, monkeypatch):
    settings.change("billing_second_subscription", "ask", by=cast.stella)
    listed += [told(f"sub_{n}", cast) for n in range(3)]
    reconcile(cast)
    clock.forward(days=31)

    def refetch(id):
        if id == "sub_1":
            raise ProviderFailed("Stripe: this subscription can't be read")
        return [told(id, cast)]

    monkeypatch.setattr(stripe, "refetch", refetch)
    jobs.run("overdue")
    assert jobs.last_runs()["overdue"].error == "ProviderFailed: Stripe: this subscription can't be read"
    with inside(cast.acme):
        assert sorted(s.provider_subscription_id for s in Subscription.select() if s.current_period_end_at > now()) == [
            "sub_0",
            "sub_2",
        ]


def test_silence_is_told_once_while_subscriptions_run(pay, cast, clock):
    assert silences.silent_since() is None
    pay.subscribe()
    pay.deliver()
    heard = clock()
    clock.forward(hours=72)
    assert silences.watch_silence() == 0
    clock.forward(seconds=1)
    assert silences.silent_since() == heard
    for _ in range(30):
        clock.forward(hours=1)
        assert silences.watch_silence() == 1
    jobs.run("outgoing")
    assert [n.title for n in notices.newest(cast.stella)] == ["No webhooks come from the payment provider"]
    assert reconciliations.overview()["silent_since"] == heard
    inbox.accept(stripe.CHANNEL, Event("evt_new", "t", "", now()), b"{}")
    assert silences.watch_silence() == 0


def test_what_was_fetched_does_not_end_the_silence(deaf, cast, clock):
    deaf.subscribe()
    deaf.deliver()
    clock.forward(hours=73)
    inbox.accept_missed(stripe.CHANNEL, [Missed(Event("evt_m", "t", "", now()), b"{}")])
    assert silences.watch_silence() == 1


# --- how much it costs ----------------------------------------------------------------------------------------------


def test_a_page_that_says_the_same_costs_a_few_queries_not_some_for_each(listed, cast, monkeypatch):
    settings.change("billing_second_subscription", "ask", by=cast.stella)
    listed += [told(f"sub_{n}", cast) for n in range(60)]
    reconcile(cast)
    asked = []
    from database.connections import database

    execute = database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda sql, *rest: asked.append(sql) or execute(sql, *rest))
    run = reconcile(cast)
    assert run.facts["drift"] == 0
    assert len(asked) < 60
    assert Outgoing.select().where(Outgoing.kind == "subscription_double").count() == 0


def test_what_the_provider_does_not_know_any_more_is_not_called_mended(deaf, cast, clock, monkeypatch):
    deaf.subscribe()
    lose(deaf)
    run = reconcile(cast, heals=False)
    monkeypatch.setattr(stripe, "refetch", lambda id: [])
    with pytest.raises(Refused, match="doesn't know"):
        reconciliations.mend(run.id, 1, by=cast.stella)
    assert reconciliations.open_differences(reconciliations.runs(1)[0]) == 1
