from datetime import timedelta

import pytest

from database.scope import inside
from domain import Invalid, NotFound
from domain.entitlements import credit_accounts, credit_holds, credit_standings, credits
from models import (
    CreditHold,
)
from tests.fixtures.credits import HOUR, buckets, give, hold, ledger, spend, whole
from tests.fixtures.threads import refused, together


def test_a_hold_sets_aside_and_its_settlement_spends_what_was_used(planned):
    held = hold(planned, 100)
    assert (held.status, held.amount) == ("open", 100)
    standing = credit_standings.standing(planned)
    assert (standing.balance, standing.held, standing.available) == (1000, 100, 900)
    with pytest.raises(credit_accounts.InsufficientCredits):
        spend(planned, 901)
    assert credit_holds.settle(planned, "work", 60) == 940
    assert ledger(planned)[-1] == (-60, 940, "spend", "spend:work")
    assert buckets(planned) == [("monthly", 940)]
    whole(planned)


def test_holding_settling_and_releasing_twice_is_once(planned):
    assert hold(planned, 100).id == hold(planned, 100).id
    assert whole(planned).held == 100
    assert credit_holds.settle(planned, "work", 60) == credit_holds.settle(planned, "work", 60) == 940
    with pytest.raises(credit_accounts.KeyReused):
        credit_holds.settle(planned, "work", 61)
    hold(planned, 5, "other")
    assert credit_holds.release(planned, "other") == credit_holds.release(planned, "other") == 940
    assert len(ledger(planned)) == 2
    whole(planned)


def test_a_hold_refuses_what_it_cannot(planned):
    with pytest.raises(credit_accounts.InsufficientCredits):
        hold(planned, 1001)
    hold(planned, 100)
    with pytest.raises(credit_accounts.KeyReused):
        hold(planned, 101)
    with pytest.raises(Invalid, match="Only 100 credits are held"):
        credit_holds.settle(planned, "work", 101)
    with pytest.raises(NotFound):
        credit_holds.settle(planned, "no such", 1)
    with pytest.raises(NotFound):
        credit_holds.release(planned, "no such")
    with pytest.raises(Invalid, match="last for some time"):
        hold(planned, 1, "x", timedelta(0))
    credit_holds.release(planned, "work")
    with pytest.raises(credit_holds.InvalidTransition):
        credit_holds.settle(planned, "work", 1)
    hold(planned, 1, "third")
    credit_holds.settle(planned, "third", 1)
    with pytest.raises(credit_holds.InvalidTransition):
        credit_holds.release(planned, "third")


def test_one_key_is_for_a_spend_or_for_a_hold(planned):
    spend(planned, 1, "mixed up")
    with pytest.raises(credit_accounts.KeyReused):
        hold(planned, 1, "mixed up")
    hold(planned, 5)
    spend(planned, 5, "work")
    with pytest.raises(credit_accounts.KeyReused):
        credit_holds.settle(planned, "work", 5)
    whole(planned)


def test_a_lapsed_hold_gives_back_and_can_not_be_settled(planned, clock):
    hold(planned, 1000)
    clock.forward(hours=1)
    assert credit_standings.standing(planned).available == 1000
    assert spend(planned, 1) == 999  # no job was needed for it
    with pytest.raises(credit_holds.HoldExpired) as refusal:
        credit_holds.settle(planned, "work", 10)
    assert (refusal.value.code, refusal.value.status) == ("HOLD_EXPIRED", 410)
    assert credit_holds.release(planned, "work") == 999
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
    assert credit_holds.settle(planned, "work", 4) == 1000
    assert ledger(planned)[-2:] == [(-4, 1026, "spend", "spend:work"), (-26, 1000, "expire", "expire:spend:work")]
    assert credit_holds.settle(planned, "work", 4) == 1000
    assert buckets(planned) == [("monthly", 1000)]
    whole(planned)


def test_settling_and_releasing_at_once_is_one_of_them(planned):
    hold(planned, 100)
    outcomes = together(
        *[lambda: credit_holds.settle(planned, "work", 40), lambda: credit_holds.release(planned, "work")] * 4
    )
    assert {type(o) for o in refused(outcomes)} == {credit_holds.InvalidTransition}
    assert len(refused(outcomes)) == 4
    assert credit_standings.balance(planned)[0] in (960, 1000)
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
