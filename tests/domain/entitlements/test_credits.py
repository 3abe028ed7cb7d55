from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from database.connections import database
from database.scope import inside
from domain import Invalid, NotFound
from domain.base import settings
from domain.entitlements import credit_accounts, credit_holds, credit_standings, credits
from domain.organizations import organizations
from models import (
    AuditEvent,
    Change,
    Outgoing,
)
from tests.fixtures.credits import HOUR, buckets, entries, give, hold, ledger, spend, whole
from tests.fixtures.threads import refused, together

# --- the account, and what renews it ------------------------------------------------------------------------


def test_an_account_is_opened_with_the_free_allowance(clock, cast):
    assert credit_standings.balance(cast.acme) == (0, 0)
    assert ledger(cast.acme) == []
    settings.change("credits_free", "50", by=cast.stella)
    settings.forget()
    made = organizations.create("New works", by=cast.bob)
    assert credit_standings.balance(made) == (50, 50)
    assert ledger(made) == [(50, 50, "grant", "opening")]
    assert buckets(made) == [("monthly", 50)]
    whole(made)


def test_a_renewal_replaces_the_balance_and_nothing_rolls_over(planned, clock):
    assert credit_standings.balance(planned) == (1000, 1000)
    spend(planned, 600)
    moment = clock.forward(days=30)
    assert credits.renew(planned, 1000, "invoice:2")
    assert credit_standings.balance(planned) == (1000, 1000)
    assert whole(planned).last_reset_at == moment
    assert ledger(planned)[2:] == [(600, 1000, "reset", "invoice:2")]
    assert credits.renew(planned, 100, "invoice:3")  # a smaller plan
    assert credit_standings.balance(planned) == (100, 100)
    assert buckets(planned) == [("monthly", 100)]
    whole(planned)


def test_the_same_invoice_renews_once(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    spend(cast.acme, 999)
    assert credits.renew(cast.acme, 1000, "invoice:1") is False
    assert credit_standings.balance(cast.acme)[0] == 1
    assert len(ledger(cast.acme)) == 2
    assert credits.renew(cast.globex, 1000, "invoice:1")  # a key is an account's own


def test_the_same_invoice_from_many_threads_renews_once(cast):
    outcomes = together(*[lambda: credits.renew(cast.acme, 1000, "invoice:1")] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    assert len(ledger(cast.acme)) == 1


def test_a_renewal_leaves_what_was_bought_or_given(planned):
    give(planned, 30)
    credits.renew(planned, 200, "invoice:2")
    assert credit_standings.balance(planned) == (230, 200)
    assert buckets(planned) == [("gift", 30), ("monthly", 200)]
    whole(planned)


def test_renewing_one_organization_leaves_the_others(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    assert credit_standings.balance(cast.globex) == (0, 0)
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
    with pytest.raises(credit_accounts.InsufficientCredits) as refusal:
        spend(planned, 11, "two")
    assert (refusal.value.code, refusal.value.status) == ("INSUFFICIENT_CREDITS", 402)
    assert refusal.value.details == {"needed": 11, "left": 10}
    assert refusal.value.sentence == (
        "This takes 11 credits, and 10 are left. The monthly 1,000 come back on 1 July; a larger plan has more."
    )
    assert (ledger(planned), buckets(planned)) == before
    assert spend(planned, 10, "two") == 0  # the key of a refused spend is free


def test_a_refusal_speaks_of_none_and_one(clock, cast):
    with pytest.raises(
        credit_accounts.InsufficientCredits, match=r"This takes 1 credit, and none is left\. A larger plan"
    ):
        spend(cast.acme, 1)
    give(cast.acme, 1)
    with pytest.raises(credit_accounts.InsufficientCredits, match="2 credits, and 1 is left"):
        spend(cast.acme, 2)


def test_the_same_key_spends_once_and_gives_the_same_answer(planned):
    assert spend(planned, 5) == 995
    assert spend(planned, 7, "two") == 988
    assert spend(planned, 5) == 995
    assert len(ledger(planned)) == 3
    with pytest.raises(credit_accounts.KeyReused):
        spend(planned, 6)
    assert credit_standings.balance(planned)[0] == 988


def test_a_key_of_a_spend_is_never_taken_for_another_act(planned):
    for key in ("invoice:1", "opening", "reset:2026-06"):
        spend(planned, 1, key)
    assert credit_standings.balance(planned)[0] == 997
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
    assert {type(o) for o in refused(outcomes)} == {credit_accounts.InsufficientCredits}
    assert len(refused(outcomes)) == 10
    assert credit_standings.balance(cast.acme)[0] == 0
    assert len(ledger(cast.acme)) == 11
    whole(cast.acme)


def test_check_9_renewal_replaces_the_balance(planned):
    spend(planned, 1)
    credits.renew(planned, 1000, "invoice:2")
    assert credit_standings.balance(planned) == (1000, 1000)


def test_check_9_the_lazy_reset_comes_before_the_check(planned, clock):
    spend(planned, 1000)
    with pytest.raises(credit_accounts.InsufficientCredits):
        spend(planned, 1, "june")
    clock.moment = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    assert credit_standings.balance(planned) == (1000, 1000)  # what is due counts before it is written
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
    assert credit_standings.balance(planned)[0] == 1000


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
    credit_holds.settle(planned, "work", 60)
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
    with pytest.raises(credit_accounts.InsufficientCredits):
        credits.take(planned, 1001, key="t", reason="A mistake", by=cast.stella)
    for reason in ("", "  x ", None, "y" * 201):
        with pytest.raises(Invalid, match="Say why"):
            credits.give(planned, 5, key="k", reason=reason, by=cast.stella)
    with pytest.raises(Invalid, match="still to come"):
        give(planned, 5, expires_at=clock.moment)
    with pytest.raises(Invalid, match="at most"):
        give(planned, credit_accounts.MOST)
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
    credit_holds.settle(planned, "work", 950)
    assert [title for _, title in told()] == ["Credits are running low: 50 of 1,000 left"]


def test_a_spend_leaves_nothing_else_behind(planned):
    before = [table.select().count() for table in (AuditEvent, Outgoing)]
    spend(planned, 1)
    assert [table.select().count() for table in (AuditEvent, Outgoing)] == before
    with inside(planned):
        assert Change.select().where(Change.table == "credits").count() == 0


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
        return credit_holds.settle(organization, f"h{given[1]}", given[0])
    if verb == "release":
        return credit_holds.release(organization, f"h{given[0]}")
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
def story(clock, cast):
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
        shown = credit_standings.standing(organization)
        if act[0] in ("wait", "jobs"):
            credits.settle_up(organization)
            account = whole(organization)
            assert (shown.balance, shown.held) == (account.balance, account.held)


def test_the_account_is_read_where_the_scope_says(planned, cast):
    """The compiled queries ask the scope anew at each call."""
    give(cast.globex, 5)
    for organization, expected in ((planned, 1000), (cast.globex, 5), (planned, 1000)):
        assert credit_standings.balance(organization)[0] == expected
    assert spend(cast.globex, 5) == 0
    assert spend(planned, 1, "two") == 999
    assert database.dialect in ("sqlite", "postgres")
