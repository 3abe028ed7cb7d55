from datetime import UTC, datetime, timedelta

from database.scope import inside
from domain.entitlements import credit_ledger, credit_standings, credits
from domain.lists import asks, lists
from tests.fixtures.credits import give, hold, spend, whole


def test_what_stands_counts_what_is_due_as_the_next_act_writes_it(planned, clock):
    give(planned, 50, "long", expires_at=clock.moment + timedelta(days=90))
    give(planned, 70, "short", expires_at=clock.moment + timedelta(days=2))
    hold(planned, 100)
    clock.forward(days=30)
    shown = credit_standings.standing(planned)
    credits.settle_up(planned)
    account = whole(planned)
    assert (shown.balance, shown.held, shown.allowance) == (account.balance, account.held, 1000) == (1050, 0, 1000)
    assert [(b.kind, b.remaining) for b in shown.buckets] == [("monthly", 1000), ("gift", 50)]
    after = credit_standings.standing(planned)
    assert [(b.kind, b.remaining, b.expires_at) for b in after.buckets] == [
        (b.kind, b.remaining, b.expires_at) for b in shown.buckets
    ]
    assert after.resets_at == datetime(2026, 8, 1, tzinfo=UTC)


def test_the_ledger_is_read_newest_first_in_pages(planned, cast, at):
    for number in range(7):
        spend(planned, 1, f"key {number}", by=cast.bob)
    spend(planned, 1, "nobody's")

    def read(by, **asked):
        with inside(by.organization):
            return lists.read(credit_ledger.listing, asks.understand(credit_ledger.listing, asked), by)

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
    found = credit_standings.spent_by_day(planned, 3)
    assert [(day.isoformat(), total) for day, total in found] == [
        ("2026-06-15", 5),
        ("2026-06-16", 7),
        ("2026-06-17", 11),
    ]
    clock.forward(days=1)
    assert [total for _, total in credit_standings.spent_by_day(planned, 3)] == [7, 11, 0]
