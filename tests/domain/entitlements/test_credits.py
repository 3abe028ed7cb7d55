import dataclasses
from datetime import UTC, datetime, timedelta

import peewee
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from database.clock import now
from database.connections import database
from database.scope import OutOfScope, inside
from domain import Invalid, NotFound
from domain.base import configuration, settings
from domain.entitlements import credit_ledger, credits
from domain.lists import lists
from domain.organizations import organizations
from models import (
    AuditEvent,
    Change,
    CreditAccount,
    CreditBucket,
    CreditEntry,
    CreditHold,
    Grant,
    Organization,
    Outgoing,
)
from tests.fixtures.threads import refused, together, write

HOUR = timedelta(hours=1)


@pytest.fixture
def planned(clock, cast):
    """Acme has Pro with its thousand credits; it is June 15."""
    with inside(cast.acme):
        write(
            Grant.create, plan_key="pro_monthly", capability="feature.pro", source="manual:test", source_type="manual"
        )
    credits.renew(cast.acme, 1000, "invoice:1")
    return cast.acme


def spend(organization, amount=1, key="one", **more):
    return credits.spend(organization, amount, key=key, feature="ai.text", **more)


def hold(organization, amount, key="work", lasts=HOUR):
    return credits.hold(organization, amount, key=key, feature="ai.text", lasts=lasts)


def give(organization, amount, key="gift", **more):
    return credits.give(organization, amount, key=key, reason="A present", **more)


def ledger(organization):
    with inside(organization):
        found = CreditEntry.select().order_by(CreditEntry.id)
        return [(e.delta, e.balance_after, e.reason, e.idempotency_key) for e in found]


def buckets(organization):
    with inside(organization):
        found = CreditBucket.select().where(CreditBucket.closed_at.is_null()).order_by(CreditBucket.id)
        return [(bucket.kind, bucket.remaining) for bucket in found]


def whole(organization):
    """What must hold after every act: the balance is the ledger's sum, and what lies in buckets and holds."""
    with inside(organization):
        account = CreditAccount.get()
        entries = list(CreditEntry.select().order_by(CreditEntry.id))
        assert account.balance == sum(entry.delta for entry in entries) >= 0
        running = 0
        for entry in entries:
            running += entry.delta
            assert entry.balance_after == running
        open_buckets = CreditBucket.select().where(CreditBucket.closed_at.is_null())
        held = sum(row.amount for row in CreditHold.select().where(CreditHold.status == "open"))
        assert account.held == held <= account.balance
        assert account.balance - held == sum(bucket.remaining for bucket in open_buckets)
        closed = CreditBucket.select().where(CreditBucket.closed_at.is_null(False))
        assert sum(bucket.remaining for bucket in closed) == 0
    return account


# --- the account, and what renews it ------------------------------------------------------------------------


def test_an_account_is_opened_with_the_free_allowance(clock, cast):
    assert credits.balance(cast.acme) == (0, 0)
    assert ledger(cast.acme) == []
    settings.change("credits_free", "50", by=cast.stella)
    settings.forget()
    made = organizations.create("New works", by=cast.bob)
    assert credits.balance(made) == (50, 50)
    assert ledger(made) == [(50, 50, "grant", "opening")]
    assert buckets(made) == [("monthly", 50)]
    whole(made)


def test_a_renewal_replaces_the_balance_and_nothing_rolls_over(planned, clock):
    assert credits.balance(planned) == (1000, 1000)
    spend(planned, 600)
    moment = clock.forward(days=30)
    assert credits.renew(planned, 1000, "invoice:2")
    assert credits.balance(planned) == (1000, 1000)
    assert whole(planned).last_reset_at == moment
    assert ledger(planned)[2:] == [(600, 1000, "reset", "invoice:2")]
    assert credits.renew(planned, 100, "invoice:3")  # a smaller plan
    assert credits.balance(planned) == (100, 100)
    assert buckets(planned) == [("monthly", 100)]
    whole(planned)


def test_the_same_invoice_renews_once(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    spend(cast.acme, 999)
    assert credits.renew(cast.acme, 1000, "invoice:1") is False
    assert credits.balance(cast.acme)[0] == 1
    assert len(ledger(cast.acme)) == 2
    assert credits.renew(cast.globex, 1000, "invoice:1")  # a key is an account's own


def test_the_same_invoice_from_many_threads_renews_once(cast):
    outcomes = together(*[lambda: credits.renew(cast.acme, 1000, "invoice:1")] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert credits.balance(cast.acme) == (1000, 1000)
    assert len(ledger(cast.acme)) == 1


def test_a_renewal_leaves_what_was_bought_or_given(planned):
    give(planned, 30)
    credits.renew(planned, 200, "invoice:2")
    assert credits.balance(planned) == (230, 200)
    assert buckets(planned) == [("gift", 30), ("monthly", 200)]
    whole(planned)


def test_renewing_one_organization_leaves_the_others(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    assert credits.balance(cast.globex) == (0, 0)
    assert ledger(cast.globex) == []


# --- spending -----------------------------------------------------------------------------------------------


def test_a_spend_moves_balance_bucket_and_ledger_by_the_same(planned, cast):
    assert spend(planned, 5, by=cast.bob) == 995
    entry = entries(planned)[0]
    assert (entry.delta, entry.balance_after, entry.reason) == (-5, 995, "spend")
    assert (entry.feature, entry.actor.name) == ("ai.text", "Bob")
    assert buckets(planned) == [("monthly", 995)]
    whole(planned)


def test_too_few_credits_are_refused_with_a_hint_and_nothing_is_changed(planned):
    spend(planned, 990)
    before = ledger(planned), buckets(planned)
    with pytest.raises(credits.InsufficientCredits) as refusal:
        spend(planned, 11, "two")
    assert (refusal.value.code, refusal.value.status) == ("INSUFFICIENT_CREDITS", 402)
    assert refusal.value.details == {"needed": 11, "left": 10}
    assert refusal.value.sentence == (
        "This takes 11 credits, and 10 are left. The monthly 1,000 come back on 1 July; a larger plan has more."
    )
    assert (ledger(planned), buckets(planned)) == before
    assert spend(planned, 10, "two") == 0  # the key of a refused spend is free


def test_a_refusal_speaks_of_none_and_one(clock, cast):
    with pytest.raises(credits.InsufficientCredits, match=r"This takes 1 credit, and none is left\. A larger plan"):
        spend(cast.acme, 1)
    give(cast.acme, 1)
    with pytest.raises(credits.InsufficientCredits, match="2 credits, and 1 is left"):
        spend(cast.acme, 2)


def test_the_same_key_spends_once_and_gives_the_same_answer(planned):
    assert spend(planned, 5) == 995
    assert spend(planned, 7, "two") == 988
    assert spend(planned, 5) == 995
    assert len(ledger(planned)) == 3
    with pytest.raises(credits.KeyReused):
        spend(planned, 6)
    assert credits.balance(planned)[0] == 988


def test_a_key_of_a_spend_is_never_taken_for_another_act(planned):
    for key in ("invoice:1", "opening", "reset:2026-06"):
        spend(planned, 1, key)
    assert credits.balance(planned)[0] == 997
    assert credits.renew(planned, 1000, "invoice:2")


def test_a_key_belongs_to_its_organization(planned, cast):
    give(cast.globex, 10)
    spend(planned, 5)
    assert spend(cast.globex, 5) == 5


@pytest.mark.parametrize("key", ["", "  ", None, 7, "k" * 121])
def test_a_spend_without_a_key_is_refused(planned, key):
    with pytest.raises(Invalid, match="key of its own"):
        credits.spend(planned, 1, key=key, feature="ai.text")
    assert len(ledger(planned)) == 1


def test_the_key_is_asked_for_by_the_signature(planned):
    with pytest.raises(TypeError, match="key"):
        credits.spend(planned, 1, feature="ai.text")


@pytest.mark.parametrize("amount", [0, -1, 1.5, True, "5", None, 10**12])
def test_an_amount_is_a_whole_number_above_nothing(planned, amount):
    for act in (
        lambda: spend(planned, amount),
        lambda: hold(planned, amount),
        lambda: give(planned, amount),
        lambda: credits.take(planned, amount, key="t", reason="A mistake", by=None),
    ):
        with pytest.raises(Invalid, match="whole number"):
            act()
    assert len(ledger(planned)) == 1


# --- check 9 ------------------------------------------------------------------------------------------------


def test_check_9_twenty_parallel_deductions_of_a_balance_of_ten_are_exactly_ten(cast):
    give(cast.acme, 10)
    outcomes = together(*[lambda n=n: spend(cast.acme, 1, f"key {n}") for n in range(20)])
    assert sorted(o for o in outcomes if isinstance(o, int)) == list(range(10))
    assert {type(o) for o in refused(outcomes)} == {credits.InsufficientCredits}
    assert len(refused(outcomes)) == 10
    assert credits.balance(cast.acme)[0] == 0
    assert len(ledger(cast.acme)) == 11
    whole(cast.acme)


def test_check_9_renewal_replaces_the_balance(planned):
    spend(planned, 1)
    credits.renew(planned, 1000, "invoice:2")
    assert credits.balance(planned) == (1000, 1000)


def test_check_9_the_lazy_reset_comes_before_the_check(planned, clock):
    spend(planned, 1000)
    with pytest.raises(credits.InsufficientCredits):
        spend(planned, 1, "june")
    clock.moment = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    assert credits.balance(planned) == (1000, 1000)  # what is due counts before it is written
    assert spend(planned, 400, "july") == 600
    assert ledger(planned)[2:] == [(1000, 1000, "reset", "reset:2026-07"), (-400, 600, "spend", "spend:july")]
    clock.forward(days=30, hours=23)
    assert spend(planned, 1, "still july") == 599
    assert whole(planned).last_reset_at == datetime(2026, 7, 1, tzinfo=UTC)


def test_check_9_the_same_key_from_many_threads_spends_once(cast):
    give(cast.acme, 10)
    assert together(*[lambda: spend(cast.acme, 3)] * 12) == [7] * 12
    assert len(ledger(cast.acme)) == 2
    whole(cast.acme)


def test_check_9_the_last_credits_and_the_same_key_from_many_threads(cast):
    """Whoever comes second finds nothing left, and still gets the first one's answer."""
    give(cast.acme, 3)
    assert together(*[lambda: spend(cast.acme, 3)] * 8) == [0] * 8


def test_check_9_users_never_write_credits(planned, cast, web, browse):
    """No route of an organization changes its credits, whatever it is sent."""
    written = [
        rule.rule
        for rule in web.url_map.iter_rules()
        if "credits" in rule.rule and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
    ]
    assert written
    assert all(rule.startswith("/admin/") for rule in written)
    for name in ("alice", "bob", "vera"):
        answer = browse(name).post(f"/admin/organizations/{planned.id}/credits", data={"amount": "5", "reason": "mine"})
        assert answer.status_code == 404
    assert credits.balance(planned)[0] == 1000


# --- the month ----------------------------------------------------------------------------------------------


def test_an_allowance_does_not_outlive_its_plan(planned, clock):
    with inside(planned):
        write(Grant.update(revoked_at=now()).execute)
    assert spend(planned, 1) == 999  # what the month gave stays until its end
    clock.forward(days=30)
    assert credits.balance(planned) == (0, 0)
    with pytest.raises(credits.InsufficientCredits):
        spend(planned, 1, "july")
    credits.settle_up(planned)
    assert ledger(planned)[-1] == (-999, 0, "reset", "reset:2026-07")
    assert whole(planned).monthly_allowance == 0


def test_a_changed_allowance_counts_from_the_next_month(planned, cast, clock):
    settings.change("credits_pro", "2000", by=cast.stella)
    settings.forget()
    assert credits.balance(planned) == (1000, 1000)
    clock.forward(days=30)
    assert spend(planned, 1) == 1999


def test_where_no_plans_are_sold_the_allowance_stays(planned, clock, monkeypatch):

    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    clock.forward(days=30)
    assert credits.balance(planned) == (1000, 1000)
    assert spend(planned, 1) == 999


def test_an_organization_without_credits_is_not_reset_into_the_ledger(clock, cast):
    clock.forward(days=30)
    give(cast.acme, 5)
    assert ledger(cast.acme) == [(5, 5, "grant", "give:gift")]
    clock.forward(days=30)
    assert credits.reset_stale(10) == 0


def test_the_job_resets_whoever_has_a_plan_and_a_stale_month_once(planned, cast, clock):
    assert credits.reset_stale(10) == 0
    spend(planned, 300)
    clock.forward(days=30)
    assert credits.reset_stale(10) == 1
    assert credits.reset_stale(10) == 0
    assert ledger(planned)[-1] == (300, 1000, "reset", "reset:2026-07")
    assert spend(planned, 1, "july") == 999
    assert [e for e in ledger(planned) if e[2] == "reset"][1:] == [(300, 1000, "reset", "reset:2026-07")]
    with inside(planned):
        assert Change.select().where(Change.table == "credits").count() == 1


def test_the_job_reaches_a_plan_without_an_invoice_and_leaves_the_suspended(planned, cast, clock):
    with inside(cast.globex):
        write(Grant.create, plan_key="pro_monthly", capability="feature.pro", source="m", source_type="manual")
    write(Organization.update(status="suspended").where(Organization.id == planned.id).execute)
    clock.forward(days=30)
    assert credits.reset_stale(10) == 1
    assert credits.balance(cast.globex) == (1000, 1000)
    assert len(ledger(planned)) == 1


def test_the_job_reaches_everybody_when_the_free_plan_has_credits(clock, cast):
    settings.change("credits_free", "20", by=cast.stella)
    settings.forget()
    clock.forward(days=30)
    assert credits.reset_stale(3) == 3
    while credits.reset_stale(3):
        pass
    assert ledger(cast.globex) == [(20, 20, "reset", "reset:2026-07")]


def test_a_reset_a_renewal_and_spends_at_once_end_in_one_month(planned, clock):
    spend(planned, 900)
    clock.forward(days=30)
    outcomes = together(
        *[lambda: credits.reset_stale(10)] * 2,
        lambda: credits.renew(planned, 1000, "invoice:2"),
        *[lambda n=n: spend(planned, 10, f"july {n}") for n in range(5)],
    )
    assert refused(outcomes) == []
    whole(planned)
    resets = [entry for entry in ledger(planned) if entry[2] == "reset"]
    assert len(resets) in (2, 3)  # June's, July's invoice, and the lazy one where it came before that
    assert len({entry[3] for entry in resets}) == len(resets)
    assert len(buckets(planned)) == 1


# --- buckets ------------------------------------------------------------------------------------------------


def test_what_ends_soonest_is_spent_first(planned, clock):
    give(planned, 10, "for ever")
    give(planned, 10, "next year", expires_at=clock.moment + timedelta(days=300))
    give(planned, 10, "tomorrow", expires_at=clock.moment + timedelta(days=1), kind="purchased")
    spend(planned, 4)
    assert buckets(planned) == [("monthly", 1000), ("gift", 10), ("gift", 10), ("purchased", 6)]
    spend(planned, 1010, "two")
    assert buckets(planned) == [("monthly", 0), ("gift", 10), ("gift", 6), ("purchased", 0)]
    with inside(planned):
        entry = CreditEntry.select().order_by(CreditEntry.id.desc()).first()
    assert [part for _, part in entry.drawn] == [6, 1000, 4]
    whole(planned)


def test_an_ended_bucket_leaves_a_row_and_is_not_spent(planned, clock):
    give(planned, 10, expires_at=clock.moment + HOUR)
    spend(planned, 4)
    assert credits.balance(planned)[0] == 1006
    clock.forward(hours=1)
    assert credits.balance(planned)[0] == 1000
    with pytest.raises(credits.InsufficientCredits):
        spend(planned, 1001, "two")
    assert credits.lapse(10) == 1
    assert credits.lapse(10) == 0
    assert ledger(planned)[-1][:3] == (-6, 1000, "expire")
    assert buckets(planned) == [("monthly", 1000)]
    assert whole(planned).lapses_at is None


def test_a_bucket_that_was_empty_ends_without_a_row(planned, clock):
    give(planned, 10, expires_at=clock.moment + HOUR)
    spend(planned, 10)
    clock.forward(hours=2)
    assert credits.lapse(10) == 1
    assert [entry[2] for entry in ledger(planned)] == ["reset", "grant", "spend"]
    whole(planned)


def test_the_account_knows_its_next_end(planned, clock):
    later, sooner = clock.moment + timedelta(days=9), clock.moment + timedelta(days=3)
    give(planned, 10, "later", expires_at=later)
    assert whole(planned).lapses_at == later
    give(planned, 10, "sooner", expires_at=sooner)
    give(planned, 10, "never")
    assert whole(planned).lapses_at == sooner
    hold(planned, 5)
    assert whole(planned).lapses_at == clock.moment + HOUR
    credits.release(planned, "work")
    assert whole(planned).lapses_at == sooner
    clock.moment = sooner
    credits.lapse(10)
    assert whole(planned).lapses_at == later


def test_what_stands_counts_what_is_due_as_the_next_act_writes_it(planned, clock):
    give(planned, 50, "long", expires_at=clock.moment + timedelta(days=90))
    give(planned, 70, "short", expires_at=clock.moment + timedelta(days=2))
    hold(planned, 100)
    clock.forward(days=30)
    shown = credits.standing(planned)
    credits.settle_up(planned)
    account = whole(planned)
    assert (shown.balance, shown.held, shown.allowance) == (account.balance, account.held, 1000) == (1050, 0, 1000)
    assert [(b.kind, b.remaining) for b in shown.buckets] == [("monthly", 1000), ("gift", 50)]
    after = credits.standing(planned)
    assert [(b.kind, b.remaining, b.expires_at) for b in after.buckets] == [
        (b.kind, b.remaining, b.expires_at) for b in shown.buckets
    ]
    assert after.resets_at == datetime(2026, 8, 1, tzinfo=UTC)


# --- holds --------------------------------------------------------------------------------------------------


def test_a_hold_sets_aside_and_its_settlement_spends_what_was_used(planned):
    held = hold(planned, 100)
    assert (held.status, held.amount) == ("open", 100)
    standing = credits.standing(planned)
    assert (standing.balance, standing.held, standing.available) == (1000, 100, 900)
    with pytest.raises(credits.InsufficientCredits):
        spend(planned, 901)
    assert credits.settle(planned, "work", 60) == 940
    assert ledger(planned)[-1] == (-60, 940, "spend", "spend:work")
    assert buckets(planned) == [("monthly", 940)]
    whole(planned)


def test_holding_settling_and_releasing_twice_is_once(planned):
    assert hold(planned, 100).id == hold(planned, 100).id
    assert whole(planned).held == 100
    assert credits.settle(planned, "work", 60) == credits.settle(planned, "work", 60) == 940
    with pytest.raises(credits.KeyReused):
        credits.settle(planned, "work", 61)
    hold(planned, 5, "other")
    assert credits.release(planned, "other") == credits.release(planned, "other") == 940
    assert len(ledger(planned)) == 2
    whole(planned)


def test_a_hold_refuses_what_it_cannot(planned):
    with pytest.raises(credits.InsufficientCredits):
        hold(planned, 1001)
    hold(planned, 100)
    with pytest.raises(credits.KeyReused):
        hold(planned, 101)
    with pytest.raises(Invalid, match="Only 100 credits are held"):
        credits.settle(planned, "work", 101)
    with pytest.raises(NotFound):
        credits.settle(planned, "no such", 1)
    with pytest.raises(NotFound):
        credits.release(planned, "no such")
    with pytest.raises(Invalid, match="last for some time"):
        hold(planned, 1, "x", timedelta(0))
    credits.release(planned, "work")
    with pytest.raises(credits.InvalidTransition):
        credits.settle(planned, "work", 1)
    hold(planned, 1, "third")
    credits.settle(planned, "third", 1)
    with pytest.raises(credits.InvalidTransition):
        credits.release(planned, "third")


def test_one_key_is_for_a_spend_or_for_a_hold(planned):
    spend(planned, 1, "mixed up")
    with pytest.raises(credits.KeyReused):
        hold(planned, 1, "mixed up")
    hold(planned, 5)
    spend(planned, 5, "work")
    with pytest.raises(credits.KeyReused):
        credits.settle(planned, "work", 5)
    whole(planned)


def test_a_lapsed_hold_gives_back_and_can_not_be_settled(planned, clock):
    hold(planned, 1000)
    clock.forward(hours=1)
    assert credits.standing(planned).available == 1000
    assert spend(planned, 1) == 999  # no job was needed for it
    with pytest.raises(credits.HoldExpired) as refusal:
        credits.settle(planned, "work", 10)
    assert (refusal.value.code, refusal.value.status) == ("HOLD_EXPIRED", 410)
    assert credits.release(planned, "work") == 999
    whole(planned)


def test_the_job_releases_lapsed_holds(planned, clock):
    hold(planned, 10)
    assert credits.lapse(10) == 0
    clock.forward(hours=1)
    assert credits.lapse(10) == 1
    assert whole(planned).held == 0
    with inside(planned):
        assert CreditHold.get().status == "lapsed"


def test_what_a_hold_gives_back_to_a_closed_bucket_lapses_at_once(planned, clock):
    give(planned, 10, expires_at=clock.moment + HOUR)
    hold(planned, 30, lasts=timedelta(days=60))
    clock.forward(days=30)
    credits.settle_up(planned)  # the gift has ended, and a new month stands beside what is held
    assert (whole(planned).balance, whole(planned).held) == (1030, 30)
    assert credits.settle(planned, "work", 4) == 1000
    assert ledger(planned)[-2:] == [(-4, 1026, "spend", "spend:work"), (-26, 1000, "expire", "expire:spend:work")]
    assert credits.settle(planned, "work", 4) == 1000
    assert buckets(planned) == [("monthly", 1000)]
    whole(planned)


def test_settling_and_releasing_at_once_is_one_of_them(planned):
    hold(planned, 100)
    outcomes = together(*[lambda: credits.settle(planned, "work", 40), lambda: credits.release(planned, "work")] * 4)
    assert {type(o) for o in refused(outcomes)} == {credits.InvalidTransition}
    assert len(refused(outcomes)) == 4
    assert credits.balance(planned)[0] in (960, 1000)
    whole(planned)


def test_holds_and_spends_at_once_never_take_more_than_there_is(cast):
    give(cast.acme, 10)
    outcomes = together(
        *[lambda n=n: spend(cast.acme, 2, f"spend {n}") for n in range(6)],
        *[lambda n=n: hold(cast.acme, 2, f"hold {n}") for n in range(6)],
    )
    assert len(refused(outcomes)) == 7
    account = whole(cast.acme)
    assert account.balance == account.held


# --- refunds ------------------------------------------------------------------------------------------------


def test_a_refund_goes_back_to_where_it_came_from_once(planned, clock, cast):
    give(planned, 10, expires_at=clock.moment + HOUR)
    spend(planned, 15, by=cast.bob)
    assert buckets(planned) == [("monthly", 995), ("gift", 0)]
    assert credits.refund(planned, "one", by=cast.bob) == credits.refund(planned, "one") == 1010
    assert buckets(planned) == [("monthly", 1000), ("gift", 10)]
    assert ledger(planned)[-1] == (15, 1010, "refund", "refund:one")
    assert entries(planned)[0].feature == "ai.text"
    whole(planned)
    with pytest.raises(NotFound):
        credits.refund(planned, "two")


def test_a_settled_hold_can_be_refunded_too(planned):
    hold(planned, 100)
    credits.settle(planned, "work", 60)
    assert credits.refund(planned, "work") == 1000
    assert buckets(planned) == [("monthly", 1000)]
    whole(planned)


def test_a_refund_from_last_month_lapses_at_once(planned, clock):
    spend(planned, 15)
    clock.forward(days=30)
    assert credits.refund(planned, "one") == credits.refund(planned, "one") == 1000
    assert [entry[:3] for entry in ledger(planned)[-2:]] == [(15, 1015, "refund"), (-15, 1000, "expire")]
    whole(planned)


def test_refunds_from_many_threads_give_back_once(planned):
    spend(planned, 15)
    assert together(*[lambda: credits.refund(planned, "one")] * 8) == [1000] * 8
    assert len(ledger(planned)) == 3


# --- giving and taking ---------------------------------------------------------------------------------------


def test_staff_give_and_take_with_a_reason_and_it_is_audited(planned, cast):
    assert credits.give(planned, 50, key="a", reason="  For the\nlost day ", by=cast.stella) == 1050
    assert credits.take(planned, 1020, key="b", reason="Given by mistake", by=cast.stella) == 30
    assert buckets(planned) == [("monthly", 0), ("gift", 30)]
    given, taken = AuditEvent.select().where(AuditEvent.action.startswith("billing.credits")).order_by(AuditEvent.id)
    assert given.summary == "50 credits given to Acme"
    assert (given.actor, given.organization) == (cast.stella, planned)
    assert given.metadata == {"amount": 50, "before": 1000, "after": 1050, "reason": "For the lost day"}
    assert taken.summary == "1,020 credits taken from Acme"
    assert taken.metadata == {"amount": 1020, "before": 1050, "after": 30, "reason": "Given by mistake"}
    newest = entries(planned)[0]
    assert (newest.reason, newest.note, newest.actor.name) == ("adjust", "Given by mistake", "Stella")
    whole(planned)


def test_giving_and_taking_twice_is_once(planned, cast):
    assert give(planned, 5) == give(planned, 5) == 1005
    for _ in range(2):
        assert credits.take(planned, 5, key="t", reason="A mistake", by=cast.stella) == 1000
    assert AuditEvent.select().where(AuditEvent.action.startswith("billing.credits")).count() == 2
    assert together(*[lambda: give(planned, 7, "race")] * 6) == [1007] * 6


def test_more_than_there_is_can_not_be_taken_and_a_reason_is_needed(planned, cast, clock):
    with pytest.raises(credits.InsufficientCredits):
        credits.take(planned, 1001, key="t", reason="A mistake", by=cast.stella)
    for reason in ("", "  x ", None, "y" * 201):
        with pytest.raises(Invalid, match="Say why"):
            credits.give(planned, 5, key="k", reason=reason, by=cast.stella)
    with pytest.raises(Invalid, match="still to come"):
        give(planned, 5, expires_at=clock.moment)
    with pytest.raises(Invalid, match="at most"):
        give(planned, credits.MOST)
    assert len(ledger(planned)) == 1
    assert not AuditEvent.select().where(AuditEvent.action.startswith("billing.credits")).count()


# --- the low notice --------------------------------------------------------------------------------------------


def told():
    rows = Outgoing.select().where(Outgoing.kind == "notification", Outgoing.key.startswith("credits.low"))
    return [(row.payload["recipient"], row.payload["title"]) for row in rows.order_by(Outgoing.id)]


def test_owners_and_admins_are_told_once_a_period_when_credits_run_low(planned, cast, clock):
    organizations.add_member(planned, cast.stella, "admin", by=cast.alice)
    spend(planned, 900)
    assert told() == []  # a tenth is left
    spend(planned, 1, "two")
    both = [(person.id, "Credits are running low: 99 of 1,000 left") for person in (cast.alice, cast.stella)]
    assert told() == both
    spend(planned, 9, "three")
    give(planned, 500)
    spend(planned, 500, "four")
    assert told() == both
    clock.forward(days=30)
    spend(planned, 950, "july")
    assert len(told()) == 2  # what was given counts too
    spend(planned, 41, "more")
    assert len(told()) == 4


def test_a_settlement_tells_it_too_and_without_an_allowance_nothing_is_low(planned, cast):
    give(cast.globex, 10)
    spend(cast.globex, 10)
    assert told() == []
    hold(planned, 950)
    credits.settle(planned, "work", 950)
    assert [title for _, title in told()] == ["Credits are running low: 50 of 1,000 left"]


def test_a_spend_leaves_nothing_else_behind(planned):
    before = [table.select().count() for table in (AuditEvent, Outgoing)]
    spend(planned, 1)
    assert [table.select().count() for table in (AuditEvent, Outgoing)] == before
    with inside(planned):
        assert Change.select().where(Change.table == "credits").count() == 0


# --- looking ----------------------------------------------------------------------------------------------------


def entries(organization):
    with inside(organization):
        return credits.newest(100)


def test_the_ledger_is_read_newest_first_in_pages(planned, cast, at):
    for number in range(7):
        spend(planned, 1, f"key {number}", by=cast.bob)
    spend(planned, 1, "nobody's")

    def read(by, **asked):
        with inside(by.organization):
            return lists.read(credit_ledger.listing, lists.understand(credit_ledger.listing, asked), by)

    first = read(at("alice"), rows="5")
    assert [entry.balance_after for entry in first.rows] == [992, 993, 994, 995, 996]
    assert [entry.who for entry in first.rows[:2]] == [None, "Bob"]
    assert [entry.balance_after for entry in read(at("alice"), after=first.more).rows] == [997, 998, 999, 1000]
    assert len(read(at("alice"), q="bob").rows) == 7
    assert len(read(at("alice"), reason="reset").rows) == 1
    assert read(at("charlie", "globex")).rows == []


def test_spending_is_summed_by_day_of_utc(planned, clock):
    spend(planned, 5, "a")
    clock.moment = datetime(2026, 6, 16, 23, 59, 59, tzinfo=UTC)
    spend(planned, 7, "b")
    clock.moment = datetime(2026, 6, 17, 0, 0, tzinfo=UTC)
    spend(planned, 11, "c")
    spend(planned, 20, "d")
    credits.refund(planned, "d")
    give(planned, 3)
    found = credits.spent_by_day(planned, 3)
    assert [(day.isoformat(), total) for day, total in found] == [
        ("2026-06-15", 5),
        ("2026-06-16", 7),
        ("2026-06-17", 11),
    ]
    clock.forward(days=1)
    assert [total for _, total in credits.spent_by_day(planned, 3)] == [7, 11, 0]


# --- what the database keeps ----------------------------------------------------------------------------------


def test_a_balance_never_falls_below_zero_nor_below_what_is_held(planned):
    with inside(planned):
        for change in (
            {CreditAccount.balance: -1},
            {CreditAccount.held: 1001},
            {CreditAccount.held: -1},
        ):
            with pytest.raises(peewee.IntegrityError):
                write(CreditAccount.update(change).execute)
        with pytest.raises(peewee.IntegrityError):
            write(CreditBucket.update(remaining=CreditBucket.remaining + 1).execute)
        with pytest.raises(peewee.IntegrityError):
            write(CreditBucket.update(remaining=-1).execute)


def test_the_ledger_is_write_once(planned, cast):
    spend(planned, 5, by=cast.bob)
    before = ledger(planned)
    with inside(planned):
        for change in ({"delta": -1}, {"balance_after": 7}, {"reason": "grant"}, {"idempotency_key": "x"}):
            with pytest.raises(peewee.PeeweeException, match="write-once"):
                write(CreditEntry.update(**change).execute)
        write(CreditEntry.update(actor=None).execute)  # whoever did it may be forgotten
    assert ledger(planned) == before


def test_there_is_one_monthly_bucket_at_a_time(planned):
    with inside(planned), pytest.raises(peewee.IntegrityError):
        write(CreditBucket.create, account=CreditAccount.get(), kind="monthly", amount=1, remaining=1)


def test_credits_are_untouchable_outside_of_the_organization(cast):
    for table in (CreditAccount, CreditBucket, CreditHold, CreditEntry):
        with pytest.raises(OutOfScope):
            table.select().first()


def test_within_another_act_a_refused_spend_takes_nothing(planned):
    from database.transactions import writes

    @writes
    def act():
        spend(planned, 10, "kept")
        with pytest.raises(credits.InsufficientCredits):
            spend(planned, 5000, "too much")
        return credits.balance(planned)[0]

    assert act() == 990
    assert [entry[3] for entry in ledger(planned)] == ["invoice:1", "spend:kept"]
    whole(planned)


# --- any story ----------------------------------------------------------------------------------------------------

amounts, keys = some.integers(1, 40), some.integers(0, 5)
acts = some.one_of(
    some.tuples(some.just("spend"), amounts, keys),
    some.tuples(some.just("give"), amounts, keys, some.sampled_from([None, 1, 30, 700])),
    some.tuples(some.just("hold"), amounts, keys, some.sampled_from([1, 50, 900])),
    some.tuples(some.just("settle"), amounts, keys),
    some.tuples(some.just("release"), keys),
    some.tuples(some.just("refund"), keys),
    some.tuples(some.just("take"), amounts, keys),
    some.tuples(some.just("renew"), some.integers(0, 100), keys),
    some.tuples(some.just("wait"), some.sampled_from([1, 24, 100, 24 * 31])),
    some.tuples(some.just("jobs")),
)


def do(organization, clock, by, verb, *given):
    if verb == "spend":
        return spend(organization, given[0], f"s{given[1]}")
    if verb == "give":
        ends = given[2] and clock.moment + timedelta(hours=given[2])
        return give(organization, given[0], f"g{given[1]}", expires_at=ends)
    if verb == "hold":
        return hold(organization, given[0], f"h{given[1]}", timedelta(hours=given[2]))
    if verb == "settle":
        return credits.settle(organization, f"h{given[1]}", given[0])
    if verb == "release":
        return credits.release(organization, f"h{given[0]}")
    if verb == "refund":
        return credits.refund(organization, f"{'sh'[given[0] % 2]}{given[0]}")
    if verb == "take":
        return credits.take(organization, given[0], key=f"t{given[1]}", reason="Because", by=by)
    if verb == "renew":
        return credits.renew(organization, given[0], f"invoice:{given[1]}")
    if verb == "wait":
        return clock.forward(hours=given[0])
    return credits.lapse(10) + credits.reset_stale(10)


@pytest.fixture
def story(clock, cast, quick):
    """A new organization for each run of a story: the house is one test's."""
    made = iter(range(10_000))

    def begin():
        return organizations.create(f"Story {next(made)}", by=cast.alice)

    return begin


@hypothesis_settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some.lists(acts, min_size=5, max_size=30))
def test_any_story_keeps_the_sums(story, cast, clock, acts_of):
    from domain import Refused

    organization = story()
    for act in acts_of:
        before = ledger(organization)
        try:
            do(organization, clock, cast.stella, *act)
        except Refused:
            assert ledger(organization) == before, f"{act} was refused and changed something"
        whole(organization)
        shown = credits.standing(organization)
        if act[0] in ("wait", "jobs"):
            credits.settle_up(organization)
            account = whole(organization)
            assert (shown.balance, shown.held) == (account.balance, account.held)


def test_the_account_is_read_where_the_scope_says(planned, cast):
    """The compiled queries ask the scope anew at each call."""
    give(cast.globex, 5)
    for organization, expected in ((planned, 1000), (cast.globex, 5), (planned, 1000)):
        assert credits.balance(organization)[0] == expected
    assert spend(cast.globex, 5) == 0
    assert spend(planned, 1, "two") == 999
    assert database.dialect in ("sqlite", "postgres")
