import dataclasses
from datetime import datetime, timedelta

import jobs
from database.clock import now
from database.scope import inside
from domain.entitlements import credit_holds, credit_standings, credits
from models import Grant, JobRun
from tests.fixtures.threads import write


def reasons(organization):
    with inside(organization):
        return [entry.reason for entry in credit_standings.newest(100)]


def test_the_month_begins_for_everybody_with_a_plan(clock, cast, monkeypatch):
    one_at_a_time = dataclasses.replace(jobs.BY_NAME["credit_resets"], work=jobs.batches(1, credits.reset_stale))
    monkeypatch.setitem(jobs.BY_NAME, "credit_resets", one_at_a_time)
    for organization in (cast.acme, cast.globex):
        with inside(organization):
            write(Grant.create, plan_key="pro_monthly", capability="feature.pro", source="m", source_type="manual")
        credits.renew(organization, 1000, "invoice:1")
        credits.spend(organization, 300, key="a", feature="ai.text")
    assert jobs.run("credit_resets") == 0
    clock.forward(days=30)
    assert jobs.run("credit_resets") == 2
    assert jobs.run("credit_resets") == 0
    for organization in (cast.acme, cast.globex):
        assert reasons(organization) == ["reset", "spend", "reset"]
        assert credit_standings.balance(organization) == (1000, 1000)
    assert JobRun.select().where(JobRun.job == "credit_resets", JobRun.ok == True).count() == 3  # noqa: E712


def test_lapsed_holds_and_ended_credits_are_seen_to(clock, cast):
    credits.give(cast.acme, 10, key="g", reason="A present", expires_at=now() + timedelta(hours=3))
    credit_holds.hold(cast.acme, 4, key="h", feature="ai.text", lasts=timedelta(hours=1))
    assert jobs.run("credit_lapses") == 0
    clock.forward(hours=1)
    assert jobs.run("credit_lapses") == 1
    assert credit_standings.standing(cast.acme).held == 0
    clock.forward(hours=2)
    assert jobs.run("credit_lapses") == 1
    assert reasons(cast.acme)[0] == "expire"


def test_the_month_begins_at_night_in_utc_and_lapses_are_looked_for_often(house):
    from datetime import UTC

    begin = datetime(2026, 6, 30, 12, tzinfo=UTC)
    daily = jobs.BY_NAME["credit_resets"].trigger.get_next_fire_time(None, begin)
    assert (daily.day, daily.hour, daily.minute) == (1, 0, 5)
    assert jobs.BY_NAME["credit_lapses"].trigger.interval == timedelta(minutes=5)
