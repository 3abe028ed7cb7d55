"""Calendar links: what a program reads is what their person may see at that moment, in the form of RFC 5545."""

from datetime import date, datetime

import pytest
from icalendar import Calendar
from werkzeug.datastructures import MultiDict

from database import clock
from domain import Forbidden, NotFound, Refused
from domain.lists import rows
from domain.organizations import own_settings
from domain.people import feeds
from domain.records import collections, listings, rules
from domain.tasks import tasks
from models import CalendarFeed, Membership, Organization, User
from tests.fixtures.threads import write

RULES = tasks.rules


@pytest.fixture(autouse=True)
def zone():
    yield
    clock.read_in("UTC")


def make(by, title, **form):
    return rows.create(RULES, {"title": title} | form, by=by)


def subscribed(by, query="tab=all", listing=RULES.listing, path="/tasks"):
    return feeds.make(listing, query, path, by=by)[1]


def read(secret):
    """Name → event of what a program reads by a link."""
    found = Calendar.from_ical(feeds.text(*feeds.behind(secret)))
    return {str(event["summary"]): event for event in found.walk("VEVENT")}


def test_a_day_is_a_date_and_a_moment_is_in_utc_and_signs_are_escaped(at, inside_acme):
    by = at("alice")
    day = rows.create(RULES, {"title": "Tents; two, \\ three", "due_at": soon(3)}, by=by)
    make(by, "Call " + "é" * 90, due_at=f"{soon(4)}T08:00:00+00:00")
    secret = subscribed(by)
    found, raw = read(secret), feeds.text(*feeds.behind(secret))
    one = found["Tents; two, \\ three"]
    assert (one["dtstart"].dt, one["dtend"].dt) == (date.fromisoformat(soon(3)), date.fromisoformat(soon(4)))
    moment = found["Call " + "é" * 90]["dtstart"]
    assert moment.dt == datetime.fromisoformat(f"{soon(4)}T08:00:00+00:00")
    assert b"Z\r\n" in raw.partition(b"DTSTART:")[2][:20]
    assert max(map(len, raw.split(b"\r\n"))) <= 75  # bytes, also of letters that take two
    assert f"/acme/tasks/{day.id}" in one["url"]
    uid = one["uid"]
    rows.change(RULES, day.id, {"due_at": soon(9)}, by=by)
    assert read(secret)["Tents; two, \\ three"]["uid"] == uid


def soon(days):
    return (clock.now() + days * feeds.DAY).date().isoformat()


def test_it_is_read_with_the_rights_of_this_moment(cast, at, inside_acme):
    make(at("alice"), "Alice's", due_at=soon(1))
    secret = subscribed(at("bob"))
    assert set(read(secret)) == {"Alice's"}
    own_settings.show_own_tasks_only(True, by=at("alice"))
    with pytest.raises(Forbidden):
        read(secret)


def test_who_was_removed_or_suspended_reads_nothing_and_a_new_membership_doesnt_bring_it_back(cast, at, inside_acme):
    secret = subscribed(at("bob"))
    write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
    with pytest.raises(NotFound):
        feeds.behind(secret)
    write(User.update(status="active").where(User.id == cast.bob.id).execute)
    assert feeds.behind(secret)
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    with pytest.raises(NotFound):
        feeds.behind(secret)
    write(Organization.update(status="active").where(Organization.id == cast.acme.id).execute)
    membership = Membership.get(Membership.user == cast.bob, Membership.organization == cast.acme)
    write(membership.delete_instance)
    write(Membership.create, organization=cast.acme, user=cast.bob, role="member")
    with pytest.raises(NotFound):
        feeds.behind(secret)


def test_a_field_that_is_hidden_is_in_no_calendar(cast, at, inside_acme):
    by = at("alice")
    table = collections.make("Visits", by=by, fields=(("Who", "text"), ("On", "day"), ("Salary", "text")))
    full = listings.of(table, by)
    names = {f.label: f.name for f in full.listing.fields}
    rows.create(full, {names["Who"]: "Ada", names["On"]: soon(2), names["Salary"]: "secret"}, by=by)
    mine = subscribed(by, "", full.listing, "/records/visits")
    theirs = subscribed(at("bob"), "", listings.of(table, at("bob")).listing, "/records/visits")
    assert b"secret" in feeds.text(*feeds.behind(theirs))
    form = {"sees": "all", "changes": "all", "adds": "1", "archives": "1", "shares": "1", "others": "change"}
    rules.change("visits", "role:member", MultiDict(form | {f"field_{names['Salary'][1:]}": "nothing"}), by=by)
    assert b"secret" not in feeds.text(*feeds.behind(theirs))
    assert b"secret" in feeds.text(*feeds.behind(mine))


def test_filters_hold_and_old_rows_give_way_to_what_is_ahead(at, inside_acme, monkeypatch):
    by = at("alice")
    make(by, "high", due_at=soon(1), priority="high")
    make(by, "low", due_at=soon(1), priority="low")
    assert set(read(subscribed(by, "tab=all&priority=high"))) == {"high"}
    monkeypatch.setattr(feeds, "ROWS", 3)
    make(by, "long ago", due_at=soon(-200))
    make(by, "longer ago", due_at=soon(-300))
    assert set(read(subscribed(by))) == {"high", "low", "long ago"}


def test_a_link_is_kept_as_a_hash_counted_and_ended_by_its_person(cast, at, inside_acme, monkeypatch):
    secret = subscribed(at("alice"))
    feed, _ = feeds.behind(secret)
    assert secret not in str(feed.__data__)
    feeds.note_use(feed)
    assert CalendarFeed.get_by_id(feed.id).used_at
    with pytest.raises(NotFound):
        feeds.end(feed.id, by=cast.bob)
    feeds.end(feed.id, by=cast.alice)
    with pytest.raises(NotFound):
        feeds.behind(secret)
    monkeypatch.setattr(feeds, "MOST", 1)
    subscribed(at("alice"))
    with pytest.raises(Refused):
        subscribed(at("alice"))
