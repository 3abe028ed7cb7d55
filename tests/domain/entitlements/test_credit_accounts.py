import dataclasses
from datetime import timedelta

import peewee
import pytest

from database.clock import now
from database.scope import OutOfScope, inside
from domain.base import configuration, settings
from domain.entitlements import credit_accounts, credit_holds, credit_standings, credits
from models import (
    Change,
    CreditAccount,
    CreditBucket,
    CreditEntry,
    CreditHold,
    Grant,
    Organization,
)
from tests.fixtures.credits import HOUR, buckets, give, hold, ledger, spend, whole
from tests.fixtures.threads import refused, together, write

# --- the month ----------------------------------------------------------------------------------------------


def test_an_allowance_does_not_outlive_its_plan(planned, clock):
    with inside(planned):
        write(Grant.update(revoked_at=now()).execute)
    assert spend(planned, 1) == 999  # what the month gave stays until its end
    clock.forward(days=30)
    assert credit_standings.balance(planned) == (0, 0)
    with pytest.raises(credit_accounts.InsufficientCredits):
        spend(planned, 1, "july")
    credits.settle_up(planned)
    assert ledger(planned)[-1] == (-999, 0, "reset", "reset:2026-07")
    assert whole(planned).monthly_allowance == 0


def test_a_changed_allowance_counts_from_the_next_month(planned, cast, clock):
    settings.change("credits_pro", "2000", by=cast.stella)
    settings.forget()
    assert credit_standings.balance(planned) == (1000, 1000)
    clock.forward(days=30)
    assert spend(planned, 1) == 1999


def test_where_no_plans_are_sold_the_allowance_stays(planned, clock, monkeypatch):

    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    clock.forward(days=30)
    assert credit_standings.balance(planned) == (1000, 1000)
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
    assert credit_standings.balance(cast.globex) == (1000, 1000)
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
    assert credit_standings.balance(planned)[0] == 1006
    clock.forward(hours=1)
    assert credit_standings.balance(planned)[0] == 1000
    with pytest.raises(credit_accounts.InsufficientCredits):
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
    credit_holds.release(planned, "work")
    assert whole(planned).lapses_at == sooner
    clock.moment = sooner
    credits.lapse(10)
    assert whole(planned).lapses_at == later


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
        with pytest.raises(credit_accounts.InsufficientCredits):
            spend(planned, 5000, "too much")
        return credit_standings.balance(planned)[0]

    assert act() == 990
    assert [entry[3] for entry in ledger(planned)] == ["invoice:1", "spend:kept"]
    whole(planned)
