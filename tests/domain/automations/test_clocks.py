"""Days and dates that set automations off: on the organization's clock, once, and made up for after a pause."""

from datetime import UTC, datetime

import pytest

from domain.automations import automations, clocks
from domain.lists import rows
from domain.organizations import own_settings
from domain.tasks import tasks
from models import Automation, AutomationRun, Organization
from tests.fixtures.automating import draft, notice, on, work
from tests.fixtures.threads import write

NINE = {"time": "9:00"}


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("trigger", "after", "due"),
    [
        ({"every": "day"}, (2026, 6, 15, 6, 59), (2026, 6, 15, 7)),  # Berlin, in summer
        ({"every": "day"}, (2026, 6, 15, 7), (2026, 6, 16, 7)),
        ({"every": "day"}, (2026, 12, 1, 7, 30), (2026, 12, 1, 8)),
        ({"every": "week", "weekday": 0}, (2026, 6, 15, 8), (2026, 6, 22, 7)),
        ({"every": "month", "month_day": 31}, (2026, 2, 1), (2026, 2, 28, 8)),
        ({"every": "month", "month_day": 31}, (2026, 12, 30), (2026, 12, 31, 8)),
    ],
)
def test_a_clock_strikes_on_its_days_where_the_organization_is(trigger, after, due):
    given = {"kind": "schedule", "time": "09:00"} | trigger
    assert clocks.next_due(given, datetime(*after, tzinfo=UTC), "Europe/Berlin") == datetime(*due, tzinfo=UTC)


@pytest.fixture
def berlin(cast, inside_acme):
    write(Organization.update(timezone="Europe/Berlin").where(Organization.id == cast.acme.id).execute)


def strike():
    while clocks.work():
        pass
    return work()


def test_certain_days_set_it_off_once_however_long_the_server_was_off(at, clock, berlin):
    on(at("alice"), source="", kind="schedule", every="day", **NINE, steps=[notice("Monday")])
    assert strike() == []
    clock.forward(days=3)
    assert len(strike()) == 1
    strike()
    clock.forward(days=1)
    assert len(strike()) == 2


def test_a_date_that_comes_sets_it_off_for_each_row_once(at, clock, berlin):
    by = at("alice")
    on(by, kind="date", field="due_at", side="before", days="2", **NINE, steps=[notice("{Title}")])
    for title, due in (("A", "2026-06-18"), ("B", "2026-06-18"), ("C", "2026-06-19"), ("D", "")):
        rows.create(tasks.rules, {"title": title, "due_at": due}, by=by)
    assert strike() == []  # it is noon of the 15th: two days before the 18th is tomorrow
    clock.forward(hours=18)
    assert strike() == []  # 8 o'clock in Berlin
    clock.forward(hours=1)
    assert len(strike()) == 2
    strike()
    clock.forward(days=3)
    assert len(strike()) == 3
    assert {run.state for run in AutomationRun.select()} == {"done"}


def test_a_clock_that_fails_stops_no_other(at, clock, berlin, monkeypatch):
    for word in ("One", "Two"):
        on(at("alice"), source="", kind="schedule", every="day", **NINE, steps=[notice(word)], name=word)
    strikes = clocks._strike
    first = Automation.get(Automation.name == "One").id
    monkeypatch.setattr(clocks, "_strike", lambda id, organization: 1 / 0 if id == first else strikes(id, organization))
    clock.forward(days=1)
    assert len(strike()) == 1


def test_a_clock_that_is_looked_at_twice_strikes_once(at, clock, berlin):
    made = on(at("alice"), source="", kind="schedule", every="day", **NINE, steps=[notice()])
    struck = Automation.get_by_id(made.id).due_at
    clock.forward(days=1)
    strike()
    write(Automation.update(due_at=struck).where(Automation.id == made.id).execute)  # as if cut off before its mark
    assert len(strike()) == 1


def test_what_struck_and_was_not_looked_at_yet_strikes_although_it_is_saved(at, clock, berlin):
    by, about = at("alice"), {"source": "", "kind": "schedule", "every": "day"}
    made = on(by, **about, **NINE, steps=[notice("One")])
    clock.forward(days=1)
    automations.change(made.id, draft(**about, **NINE, steps=[notice("Two")]), 1, by=by)
    assert [run.version.number for run in strike()] == [2]
    clock.forward(days=1)
    automations.change(made.id, draft(**about, time="23:59", steps=[notice("Two")]), 2, by=by)
    assert len(strike()) == 1  # another clock is another matter


def test_where_the_organization_moves_its_clock_no_date_is_missed(at, clock, berlin):
    by = at("alice")
    automation = on(by, kind="date", field="due_at", side="on", time="20:00", steps=[notice("Due")])
    rows.create(tasks.rules, {"title": "Due in two days", "due_at": "2026-06-17"}, by=by)
    own_settings.update("Acme", "America/New_York", "EUR", by=by)
    assert Automation.get_by_id(automation.id).due_at.hour == 0  # 20:00 there
    clock.forward(days=1)
    strike()
    own_settings.update("Acme", "Asia/Tokyo", "EUR", by=by)
    clock.forward(days=3)
    strike()
    assert AutomationRun.select().count() == 1
