"""Waiting until a date of the row: on the organization's clock, also when the date is moved, also over a kill -9."""

from datetime import UTC, date, datetime

import pytest

from domain.automations import automations, dates, runs
from domain.lists import rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import AutomationRun, Notification, Organization
from tests.fixtures import deaths
from tests.fixtures.automating import draft, notice, on, work
from tests.fixtures.threads import write

SOON = {"kind": "wait", "field": "due_at", "side": "before", "days": "1", "time": "9:00"}


@pytest.fixture(autouse=True)
def berlin(request):
    if "above_sql" not in request.keywords:
        cast = request.getfixturevalue("cast")
        request.getfixturevalue("inside_acme")
        write(Organization.update(timezone="Europe/Berlin").where(Organization.id == cast.acme.id).execute)


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("side", "days", "value", "at"),
    [
        ("on", 0, date(2026, 6, 18), (2026, 6, 18, 7)),
        ("before", 3, date(2026, 4, 1), (2026, 3, 29, 7)),  # the night in which the clocks go on
        ("after", 365, date(2026, 12, 1), (2027, 12, 1, 8)),
        ("on", 0, datetime(2026, 6, 18, 23, tzinfo=UTC), (2026, 6, 19, 7)),  # the next day there
        ("after", 3650, date(9999, 12, 31), None),
        ("on", 0, None, None),
        ("on", 0, "soon", None),
    ],
)
def test_a_moment_lies_by_a_date_where_the_organization_is(side, days, value, at):
    about = {"side": side, "days": days, "time": "09:00"}
    assert dates.moment(about, value, "Europe/Berlin") == (at and datetime(*at, tzinfo=UTC))


@pytest.mark.above_sql
def test_a_moment_after_the_last_one_is_none():
    about = {"side": "on", "days": 0, "time": "23:00"}
    assert dates.moment(about, date(9999, 12, 31), "America/New_York") is None


def made(by, due, *steps, **about):
    on(by, steps=steps or [SOON, notice("{Title}")], **about)
    return rows.create(tasks.rules, {"title": "Call", "due_at": due}, by=by)


def told():
    return [one.title for one in Notification.select().order_by(Notification.id)]


def test_a_step_waits_until_the_day_before_a_date(at, clock):
    made(at("alice"), "2026-06-18")  # it is noon of the 15th
    (run,) = work()
    assert (run.state, run.next_at, told()) == ("waiting", datetime(2026, 6, 17, 7, tzinfo=UTC), [])
    clock.forward(days=1, hours=18, minutes=59)
    assert work()[0].state == "waiting"
    clock.forward(minutes=2)
    assert (work()[0].state, told()) == ("done", ["Call"])


def test_what_has_come_is_not_waited_for(at):
    made(at("alice"), "2026-06-15")
    assert [one["words"] for one in work()[0].results] == ["Its date had come.", "Told 1 person."]


@pytest.mark.parametrize("is_earlier", [True, False])
def test_a_date_that_is_moved_moves_the_wait(at, clock, is_earlier):
    task = made(at("alice"), "2026-06-25")
    work()
    due = "2026-06-17" if is_earlier else "2026-07-10"
    rows.change(tasks.rules, task.id, {"due_at": due}, by=at("alice"))
    (run,) = work()
    until = datetime(2026, 6, 16, 7, tzinfo=UTC) if is_earlier else datetime(2026, 7, 9, 7, tzinfo=UTC)
    assert (run.state, run.next_at, run.step, told()) == ("waiting", until, 1, [])
    clock.moment = until
    work()
    assert told() == ["Call"]


def test_a_date_that_is_moved_moves_the_wait_of_an_earlier_version_as_well(at, clock):
    task = made(at("alice"), "2026-06-25")
    (run,) = work()
    automations.change(run.automation_id, draft(steps=[notice("Two")]), 1, by=at("alice"))
    rows.change(tasks.rules, task.id, {"due_at": "2026-06-17"}, by=at("alice"))
    clock.moment = datetime(2026, 6, 16, 7, tzinfo=UTC)
    work()
    assert told() == ["Call"]


def test_another_change_of_the_row_moves_nothing_and_a_wait_for_so_long_goes_on(at, clock):
    a_while = {"kind": "wait", "count": "3", "unit": "days"}
    task = made(at("alice"), "2026-06-25", a_while, SOON, notice())
    (before,) = work()
    rows.change(tasks.rules, task.id, {"due_at": "2026-06-15", "title": "Other"}, by=at("alice"))
    (after,) = work()
    assert (after.next_at, after.step, after.results) == (before.next_at, 1, before.results)


def test_a_date_that_is_empty_fails_the_run_which_goes_on_once_there_is_one(at):
    task = made(at("alice"), "")
    (run,) = work()
    assert (run.state, run.step, run.error) == ("failed", 0, "It waits for Due, which is empty.")
    rows.change(tasks.rules, task.id, {"due_at": "2026-06-15"}, by=at("alice"))
    runs.try_again(run.id, by=at("alice"))
    assert (work()[0].state, told()) == ("done", ["Call"])


def test_a_date_that_is_emptied_meanwhile_is_told_and_nothing_follows(at, clock):
    task = made(at("alice"), "2026-06-25")
    work()
    rows.change(tasks.rules, task.id, {"due_at": ""}, by=at("alice"))
    assert (work()[0].state, told()) == ("failed", [])


def test_a_run_keeps_the_date_of_the_version_that_it_began_with(at, clock):
    made(at("alice"), "2026-06-18")
    (run,) = work()
    automations.change(run.automation_id, draft(steps=[SOON | {"days": "2"}, notice("Two")]), 1, by=at("alice"))
    clock.forward(days=1)
    assert work()[0].state == "waiting"
    clock.forward(days=1)
    assert (work()[0].state, told()) == ("done", ["Call"])


def test_a_table_s_date_is_waited_for_as_well(at, clock):
    by = at("alice")
    table = collections.make("Loans", by=by, fields=(("What", "text"), ("Lent on", "day")))
    what, lent = (f.name for f in listings.of(table, by).listing.fields[:2])
    wait = {"kind": "wait", "field": lent, "side": "after", "days": "14", "time": "10:00"}
    on(by, source=f"record:{table.id}", steps=[wait, notice("{What} is late")])
    rows.create(listings.of(table, by), {what: "Drill", lent: "2026-06-10"}, by=by)
    work()
    clock.moment = datetime(2026, 6, 24, 8, 1, tzinfo=UTC)
    work()
    assert told() == ["Drill is late"]


CHILD = """
from domain.automations import running
from tests.fixtures.deaths import awake, dies_at
from views import factory

awake()
dies_at(running, "_effect", before=False)
while running.work():
    pass
print("lived")
"""


def test_kill_9_while_it_begins_to_wait_forgets_no_date_and_tells_once(at, clock):
    made(at("alice"), "2099-06-18", notice("One"), SOON | {"days": "9"}, notice("Two"))
    deaths.die(CHILD, nth=2)
    (run,) = work()
    assert (run.state, run.step, len(run.results)) == ("waiting", 2, 2)
    assert run.next_at == datetime(2099, 6, 9, 7, tzinfo=UTC)
    clock.moment = run.next_at
    work()
    assert AutomationRun.get().state == "done"
    assert told() == ["One", "Two"]
