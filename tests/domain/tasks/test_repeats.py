"""Tasks that repeat: the next one is left once, on its day, at its time of day."""

from datetime import UTC, date, datetime
from functools import partial

import pytest

from database.scope import inside
from domain import Forbidden, Refused
from domain.fields.repeat import rhythm
from domain.lists import rows
from domain.tasks import repeats, tasks
from models import Change, Task, User
from tests.fixtures.threads import together, write

RULES = tasks.rules


@pytest.fixture(autouse=True)
def _noon(request):
    """The 15th of June 2026, where a database is asked."""
    if "inside_acme" in request.fixturenames:
        request.getfixturevalue("clock")


@pytest.mark.parametrize(
    ("said", "day", "after", "found"),
    [
        ("every day", "2026-03-01", "2026-03-01", "2026-03-02"),
        ("every 3 days", "2026-03-01", "2026-03-08", "2026-03-10"),
        ("every week", "2026-03-02", "2026-03-02", "2026-03-09"),
        ("every week on Monday, Thursday", "2026-03-02", "2026-03-02", "2026-03-05"),
        ("every 2 weeks on Monday, Thursday", "2026-03-05", "2026-03-05", "2026-03-16"),
        ("every month on day 31", "2026-01-31", "2026-01-31", "2026-02-28"),
        ("every month on day 31", "2026-02-28", "2026-02-28", "2026-03-31"),
        ("every month on day 31", "2028-01-31", "2028-01-31", "2028-02-29"),
        ("every 3 months on day 15", "2026-01-15", "2026-08-01", "2026-10-15"),
        ("3 days after completion", "2026-03-01", "2026-03-20", "2026-03-23"),
    ],
)
def test_the_next_day(said, day, after, found):
    days = map(date.fromisoformat, (day, after))
    assert repeats.next_day(rhythm(said), *days).isoformat() == found


def make(by, **form):
    return rows.create(RULES, {"title": "Water the plants"} | form, by=by)


def complete(by, id, status="completed"):
    return rows.change(RULES, id, {"status": status}, by=by)


def series(task):
    found = Task.select().where(Task.series == task.series).order_by(Task.occurrence)
    return [(one.occurrence, one.due_at and one.due_at.isoformat(), one.status) for one in found]


def test_completing_leaves_the_next_once_with_all_it_needs(cast, at, inside_acme):
    by = at("alice")
    task = make(by, due_at="2026-06-30", repeats="monthly", priority="high", assigned_to=str(cast.bob.id))
    complete(at("bob"), task.id)
    assert series(task) == [(1, "2026-06-30", "completed"), (2, "2026-07-30", "pending")]
    next_one = Task.get(Task.series == task.series, Task.occurrence == 2)
    assert (next_one.user_id, next_one.assigned_to_id, next_one.priority) == (cast.alice.id, cast.bob.id, "high")
    assert next_one.repeats == "every month on day 30"
    noted = Change.get(Change.row_id == next_one.id, Change.table == "task")
    assert (noted.verb, noted.by_id, noted.fields["repeats"][1]) == ("created", cast.bob.id, "every month on day 30")
    complete(by, task.id, "pending")
    complete(by, task.id)
    assert len(series(task)) == 2


def test_two_clicks_at_once_leave_one(cast, at, inside_acme):
    task = make(at("alice"), due_at="2026-06-30", repeats="daily", assigned_to=str(cast.bob.id))
    together(*(partial(_clicked, cast.acme, at(name), task.id) for name in ("alice", "bob", "alice", "bob")))
    assert len(series(task)) == 2


def test_the_time_of_day_stays_where_clocks_change_and_missed_days_are_not_made_up_for(at, inside_acme, cast):
    write(User.update(timezone="Europe/Berlin").where(User.id == cast.alice.id).execute)
    task = make(at("alice"), due_at="2026-03-28T08:00:00+00:00", repeats="every 2 weeks")
    complete(at("alice"), task.id)
    (_, (_, due, _)) = series(task)
    assert due == datetime(2026, 6, 20, 7, 0, tzinfo=UTC).isoformat()  # nine in Berlin, behind today


def test_a_series_ends_by_its_count_its_last_day_and_when_it_is_cancelled(at, inside_acme):
    by = at("alice")
    counted = make(by, due_at="2026-06-15", repeats="every day, 2 times")
    complete(by, counted.id)
    complete(by, Task.get(Task.series == counted.series, Task.occurrence == 2).id)
    assert len(series(counted)) == 2
    dated = make(by, due_at="2026-06-20", repeats="every week, until 2026-06-26")
    complete(by, dated.id)
    assert len(series(dated)) == 1
    dropped = make(by, due_at="2026-06-20", repeats="every week")
    complete(by, dropped.id, "cancelled")
    assert len(series(dropped)) == 1


def test_one_time_is_skipped_and_taken_back(at, inside_acme):
    by = at("alice")
    task = make(by, due_at="2026-06-20", repeats="every week, 2 times")
    (_, _, change) = rows.act(RULES, "skipping", [task.id], by=by)
    assert series(task) == [(2, "2026-06-27", "pending")]
    with pytest.raises(Refused):
        rows.act(RULES, "skipping", [task.id], by=by)
    rows.undo(RULES, change.batch, by=by)
    assert series(task) == [(1, "2026-06-20", "pending")]


def test_a_series_is_deleted_and_what_is_done_stays(at, inside_acme):
    by = at("alice")
    task = make(by, due_at="2026-06-20", repeats="every week")
    complete(by, task.id)
    with pytest.raises(Forbidden):
        tasks.remove_series(task.id, by=at("bob"))
    tasks.remove_series(task.id, by=by)
    assert series(task) == [(1, "2026-06-20", "completed")]
    complete(by, task.id, "pending")
    complete(by, task.id)
    assert len(series(task)) == 1


def _clicked(organization, by, id):
    with inside(organization):
        complete(by, id)
