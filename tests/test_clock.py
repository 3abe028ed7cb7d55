"""Calendar months, counted from a moment."""

from datetime import UTC, datetime

import pytest

from database.clock import month_of, months_after, next_month, written, written_day


@pytest.mark.parametrize(
    ("start", "months", "day", "end"),
    [
        ("2026-01-31", 1, None, "2026-02-28"),
        ("2027-11-30", 3, None, "2028-02-29"),
        ("2026-12-01", 1, None, "2027-01-01"),
        ("2028-02-29", 12, None, "2029-02-28"),
        ("2026-11-30", 25, None, "2028-12-30"),
        ("2026-02-28", 1, 31, "2026-03-31"),  # the day it was begun on comes back after a short month
        ("2026-03-31", 1, 31, "2026-04-30"),
    ],
)
def test_months_are_calendar_months(start, months, day, end):
    moment = datetime.fromisoformat(f"{start}T09:30:00+00:00")
    assert months_after(moment, months, day) == datetime.fromisoformat(f"{end}T09:30:00+00:00")


def test_a_month_begins_on_its_first_day():
    moment = datetime(2026, 12, 31, 23, 59, 59, 7, tzinfo=UTC)
    assert month_of(moment) == datetime(2026, 12, 1, tzinfo=UTC)
    assert next_month(moment) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", "5 July 2026, 14:00 Berlin time"),
        ("America/Argentina/Buenos_Aires", "5 July 2026, 09:00 Buenos Aires time"),
        ("", "5 July 2026, 12:00 UTC"),
    ],
)
def test_a_moment_is_written_as_people_say_it(zone, words):
    moment = datetime(2026, 7, 5, 12, tzinfo=UTC)
    assert written(moment, zone) == words
    assert written_day(moment, zone) == "5 July 2026"
