"""Rows of lists that no log tells all of, by when they were written: each is told, whoever was slow."""

from datetime import timedelta

import pytest

from database.clock import now
from database.connections import database
from database.scope import inside
from domain.events import orders
from domain.events.afterwards import attendees
from domain.events.programme import speakers
from domain.lists.programs import moments
from models import Speaker
from tests.fixtures.doors import an_event
from tests.fixtures.threads import write


@pytest.fixture
def event(cast, clock):
    with inside(cast.acme):
        yield an_event()


def spoken(event, name, ago):
    moment = now() - timedelta(seconds=ago)
    return write(Speaker.create, event=event, name=name, updated_at=moment)


def heard(event, by, reached, most=10):
    rows, reached = moments.behind(speakers.listing, reached, most, Speaker.id > 0, by, event.id)
    return [row.name for row in rows], reached


def test_rows_are_told_in_the_order_of_their_moments_a_page_at_a_time(event, at):
    start, moment = moments.Reached((now() - timedelta(minutes=5)).isoformat(), 0), now() - timedelta(minutes=1)
    spoken(event, "Old", 3600)
    for name in ("Ada", "Ben", "Cleo"):
        write(Speaker.create, event=event, name=name, updated_at=moment)
    spoken(event, "First", 120)
    told, reached = [], start
    while not told or reached.began:
        page, reached = heard(event, at("alice"), reached, 2)
        told += [page]
    assert told == [["First", "Ada"], ["Ben", "Cleo"], []]
    assert heard(event, at("alice"), reached)[0] == []


def test_what_was_written_before_and_is_done_after_a_look_is_not_left_out(event, at):
    _, reached = heard(event, at("alice"), moments.here())
    spoken(event, "Slow", 5)
    assert heard(event, at("alice"), reached)[0] == ["Slow"]


def test_a_look_that_has_no_room_left_goes_on_later_from_where_it_was(event, at):
    start = moments.here()
    spoken(event, "Ada", 0)
    told, reached = heard(event, at("alice"), start, 0)
    assert (told, reached.moment, bool(reached.began)) == ([], start.moment, True)
    assert heard(event, at("alice"), reached)[0] == ["Ada"]


def test_what_sales_moved_is_found_by_the_index_of_moments(event, at, sqlite, monkeypatch):
    """However many orders and passes an event has, those that were written before aren't looked at."""
    asked, run = [], database.obj.execute_sql
    monkeypatch.setattr(database.obj, "execute_sql", lambda *sent: asked.append(sent) or run(*sent))
    for listing in (orders.listing, attendees.listing):
        asked.clear()
        moments.behind(listing.whole, moments.here(), 10, listing.model.id > 0, at("alice"), event.id)
        ((text, given),) = [sent for sent in asked if '"updated_at" >=' in sent[0]]
        plan = [row[-1] for row in run(f"EXPLAIN QUERY PLAN {text}", given)]
        assert f"{listing.table}_event_id_updated_at_id (event_id=? AND updated_at>?)" in " ".join(plan), plan
        assert "TEMP B-TREE" not in " ".join(plan), plan
