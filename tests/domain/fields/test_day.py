from datetime import UTC, date, datetime, timedelta

import pytest

from database.clock import is_past, read_in
from domain.fields.day import Due
from domain.fields.kinds import Unfit
from domain.lists.lists import Ask, read
from domain.tasks import tasks
from models import Task
from tests.fixtures.threads import write


@pytest.fixture(autouse=True)
def zone():
    yield
    read_in("UTC")


def test_report_12_a_due_day_is_a_day_in_every_zone():
    for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati"):
        read_in(zone)
        assert Due().read("2026-12-31") == date(2026, 12, 31)
        assert Due().plain(date(2026, 12, 31)) == Due().exported(date(2026, 12, 31), None) == "2026-12-31"


def test_report_12_what_a_form_was_given_reads_as_the_same():
    for value in (date(2026, 12, 31), datetime(2027, 10, 31, 1, 30, tzinfo=UTC)):
        assert Due().read(Due().stored(value)) == Due().restored(Due().stored(value)) == value


def test_report_11_a_moment_is_told_on_the_readers_clock():
    read_in("Asia/Tokyo")
    value = datetime(2026, 12, 30, 23, 0, tzinfo=UTC)
    assert Due().plain(value) == "2026-12-31 08:00 JST"
    assert Due().exported(value, None) == "2026-12-31T08:00:00+09:00"
    assert Due().read("2026-12-31T08:00") == value


@pytest.mark.parametrize(
    "text", ["31.12.2026", "2026-12", "2026-12-31T", "2026-12-31T25:00", "1969-12-31", "2201-01-01"]
)
def test_report_02_what_is_no_day_is_refused(text):
    with pytest.raises(Unfit):
        Due().read(text)


def test_a_day_is_over_when_it_is_over_for_its_reader(clock):
    day = clock().date()
    assert not is_past(day)
    assert is_past(day - timedelta(days=1))
    read_in("Pacific/Kiritimati")  # fourteen hours ahead
    clock.forward(hours=12)
    assert is_past(day)
    assert not is_past(None)


def test_overdue_and_the_next_week_are_found_by_day_and_by_moment(cast, at, clock, inside_acme):
    moment = clock()
    for title, due in {
        "yesterday": moment.date() - timedelta(days=1),
        "today": moment.date(),
        "in a week": moment.date() + timedelta(days=7),
        "later": moment.date() + timedelta(days=8),
        "an hour ago": moment - timedelta(hours=1),
        "in an hour": moment + timedelta(hours=1),
        "in eight days": moment + timedelta(days=8),
        "never": None,
    }.items():
        write(Task.create, title=title, user=cast.alice, due_at=due)

    def found(**asked):
        return {row.title for row in read(tasks.listing, Ask(**asked), at("alice")).rows}

    assert found(due="overdue") == {"yesterday", "an hour ago"}
    assert found(due="week") == {"today", "in an hour", "in a week"}
    assert found(due="none") == {"never"}
    first = read(tasks.listing, Ask(sort="due", rows=3), at("alice"))
    rest = read(tasks.listing, Ask(sort="due", after=first.more), at("alice"))
    assert [row.title for row in first.rows + rest.rows] == [
        *("yesterday", "today", "an hour ago", "in an hour", "in a week", "later", "in eight days", "never"),
    ]
    read_in("Pacific/Kiritimati")  # there the next day has begun
    assert found(due="overdue") == {"yesterday", "today", "an hour ago"}
