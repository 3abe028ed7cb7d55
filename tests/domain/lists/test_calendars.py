"""A calendar: rows by the reader's days, as many as fit however full a day is, and moved to another day."""

from datetime import UTC, date, datetime

import pytest

from database import clock
from domain import Forbidden, Invalid, Stale
from domain.lists import asks, calendars, rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import Task

RULES = tasks.rules
MARCH = date(2026, 3, 29)  # the clocks go forward in Berlin


@pytest.fixture(autouse=True)
def zone():
    yield clock.read_in
    clock.read_in("UTC")


def make(by, title="Call the printer", **form):
    return rows.create(RULES, {"title": title} | form, by=by)


def look(rules, **asked):
    return calendars.understand(rules.listing, {"cal_day": MARCH.isoformat()} | asked)


def stand(rules, by, given=None, **asked):
    """(first day, last day, name) of what a calendar shows, and the days that have more."""
    ask = asks.understand(rules.listing, {"tab": "all"} | (given or {}))
    shown = calendars.read(rules.listing, ask, by, look(rules, **asked))
    named = [
        (one.first.isoformat(), one.last.isoformat(), getattr(one.row, rules.listing.first)) for one in shown.entries
    ]
    return named, {day.isoformat(): int(count) for day, count in shown.beyond.items()}


def test_a_month_is_whole_weeks_and_a_week_begins_on_monday():
    month = calendars.Look("due_at", date(2026, 3, 29))
    assert month.days == (date(2026, 2, 23), date(2026, 4, 6))
    assert [month.turned(step).day for step in (-1, 1)] == [date(2026, 2, 1), date(2026, 4, 1)]
    week = calendars.Look("due_at", date(2026, 3, 29), scale="week")
    assert week.days == (date(2026, 3, 23), date(2026, 3, 30))
    assert calendars.Look("due_at", date(2200, 12, 31)).turned(1) is None


@pytest.mark.parametrize(
    "asked", [{"cal_day": "2026-13-77"}, {"cal": "century", "cal_on": "title"}, {"cal_day": "9999-12-31"}]
)
def test_what_an_address_says_wrong_is_as_nothing_said(asked):
    found = calendars.understand(RULES.listing, asked)
    assert (found.on, found.scale) == ("due_at", "")
    assert calendars.FIRST <= found.day <= calendars.LAST


@pytest.mark.parametrize("name", ["Pacific/Midway", "UTC", "Pacific/Kiritimati"])
def test_records_case_19_a_day_is_the_same_for_every_reader_and_a_moment_is_on_theirs(at, inside_acme, zone, name):
    by = at("alice")
    make(by, "day", due_at="2026-03-29")
    make(by, "moment", due_at="2026-03-29T11:30:00+00:00")
    zone(name)
    moment = {"Pacific/Midway": "2026-03-29", "UTC": "2026-03-29", "Pacific/Kiritimati": "2026-03-30"}[name]
    named = stand(RULES, by)[0]
    assert sorted(named) == sorted([("2026-03-29", "2026-03-29", "day"), (moment, moment, "moment")])
    # On the page of one day stands what is on it, and nothing else.
    assert [n for *_, n in stand(RULES, by, cal="day")[0]] == [n for first, _, n in named if first == "2026-03-29"]


def test_a_full_month_is_read_up_to_a_limit_of_each_day(at, inside_acme, monkeypatch):
    monkeypatch.setattr(calendars, "FEW", 10)
    by = at("alice")
    for day in ("2026-03-05", "2026-03-06"):
        for number in range(9):
            make(by, f"{day} {number}", due_at=day)
    make(by, "alone", due_at="2026-03-20")
    named, beyond = stand(RULES, by)
    assert len(named) == 9
    assert beyond == {"2026-03-05": 5, "2026-03-06": 5}
    assert ("2026-03-20", "2026-03-20", "alone") in named


def test_filters_search_and_rights_hold_in_a_calendar(cast, at, inside_acme):
    make(at("alice"), "Alice's own", due_at="2026-03-05")
    make(at("bob"), "Bob's printer", due_at="2026-03-05", priority="high")
    assert [n for *_, n in stand(RULES, at("alice"), {"priority": "high"})[0]] == ["Bob's printer"]
    assert [n for *_, n in stand(RULES, at("alice"), {"q": "own"})[0]] == ["Alice's own"]
    assert [n for *_, n in stand(RULES, at("alice"), {"where": ["and~title~contains~print"]})[0]] == ["Bob's printer"]
    assert [n for *_, n in stand(RULES, at("bob"), {"tab": "mine"})[0]] == ["Bob's printer"]


@pytest.fixture
def bookings(at, inside_acme):
    made = collections.make("Bookings", by=at("alice"), fields=(("Who", "text"), ("From", "day"), ("Until", "moment")))
    return listings.of(made, at("alice"))


def book(rules, by, who, first, last=""):
    return rows.create(rules, {"f1": who, "f2": first, "f3": last}, by=by)


def test_rows_of_several_days_stand_from_their_first_to_their_last(bookings, at):
    by = at("alice")
    assert (look(bookings).on, look(bookings).until) == ("f2", "f3")  # called like an end
    book(bookings, by, "inside", "2026-03-10", "2026-03-12T10:00:00+00:00")
    book(bookings, by, "till midnight", "2026-03-17", "2026-03-19T00:00:00+00:00")
    book(bookings, by, "goes on", "2026-01-01", "2026-03-02T08:00:00+00:00")
    book(bookings, by, "over", "2026-01-01", "2026-02-20T08:00:00+00:00")
    book(bookings, by, "turned", "2026-03-20", "2026-03-01T08:00:00+00:00")
    book(bookings, by, "open", "2026-03-21")
    assert stand(bookings, by)[0] == [
        ("2026-01-01", "2026-03-02", "goes on"),
        ("2026-03-10", "2026-03-12", "inside"),
        ("2026-03-17", "2026-03-18", "till midnight"),
        ("2026-03-20", "2026-03-20", "turned"),
        ("2026-03-21", "2026-03-21", "open"),
    ]
    assert {first for first, last, _ in stand(bookings, by, cal_on="f2", cal_until="-")[0] if first != last} == set()


def test_a_full_month_of_records_is_bounded_too(bookings, at, monkeypatch):
    monkeypatch.setattr(calendars, "FEW", 10)
    by = at("alice")
    for number in range(12):
        book(bookings, by, f"{number}", "2026-03-05" if number < 9 else "2026-03-30")
    named, beyond = stand(bookings, by, cal_until="-", cal_on="f2")
    assert (len(named), beyond) == (4 + 3, {"2026-03-05": 5})


def test_moving_keeps_the_time_of_day_also_where_the_clocks_change(at, inside_acme, zone):
    zone("Europe/Berlin")
    by = at("alice")
    task = make(by, due_at="2026-03-27T08:00:00+00:00")  # nine in Berlin
    row, change = calendars.move(RULES, task.id, "due_at", "2026-03-30", by=by)
    assert row.due_at == datetime(2026, 3, 30, 7, 0, tzinfo=UTC)  # nine again
    rows.undo(RULES, change.batch, by=by)
    assert Task.get_by_id(task.id).due_at == datetime(2026, 3, 27, 8, 0, tzinfo=UTC)
    day = make(by, due_at="2026-03-27")
    assert calendars.move(RULES, day.id, "due_at", "2026-04-01", by=by)[0].due_at == date(2026, 4, 1)


def test_moving_takes_the_end_along(bookings, at):
    by = at("alice")
    row = book(bookings, by, "Ada", "2026-03-10", "2026-03-12T10:00:00+00:00")
    moved, _ = calendars.move(bookings, row.id, "f2", "2026-03-15", by=by, until="f3")
    assert (moved.value("f2"), moved.value("f3")) == (date(2026, 3, 15), datetime(2026, 3, 17, 10, tzinfo=UTC))


def test_a_day_behind_which_the_end_would_be_out_of_the_calendar_is_refused(bookings, at):
    rules, by = bookings, at("alice")
    row = book(rules, by, "Ada", "2026-03-27", "2026-03-29")
    first, last = rules.listing.calendar
    for day, until in (("9999-12-31", last), ("9999-12-31", ""), ("0001-01-01", last)):
        with pytest.raises(Invalid):
            calendars.move(rules, row.id, first, day, by=by, until=until)


def test_moving_is_refused_where_a_change_is(cast, at, inside_acme):
    task = make(at("alice"), due_at="2026-03-27")
    with pytest.raises(Invalid):
        calendars.move(RULES, task.id, "due_at", "soon", by=at("alice"))
    with pytest.raises(Forbidden):
        calendars.move(RULES, task.id, "due_at", "2026-03-28", by=at("bob"))
    with pytest.raises(Stale):
        calendars.move(RULES, task.id, "due_at", "2026-03-28", by=at("alice"), was="2026-03-26")
    assert Task.get_by_id(task.id).due_at == date(2026, 3, 27)
