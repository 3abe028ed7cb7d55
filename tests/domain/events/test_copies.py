"""A copy is another evening with the same clock: its windows move, and nothing that was sold comes along."""

import pytest

from domain import Forbidden
from domain.events import events, holds, stock, tiers
from domain.events.door import checkpoints
from domain.events.programme import sessions, speakers
from domain.fields.forms import read_whole
from domain.lists import rows
from models import Checkpoint, Event, EventSession, PricePhase, SessionSpeaker, TicketOrder, Tier
from tests.fixtures.events import make_event, make_phase


@pytest.fixture
def full(clock, inside_acme, at):
    """A night of July with a window that ends in winter time, an early bird, a hidden tier, a programme and a gate."""
    by = at("alice")
    event, (day, crew) = make_event(
        by,
        capacity="40",
        tickets=(
            {"sale_from_at": "2026-02-01T09:00:00Z", "sale_until_at": "2026-07-01T16:00:00Z", "price_cents": "20"},
            {"name": "Crew"},
        ),
    )
    tiers.hide(crew.id, "trombone", by=by)
    make_phase(day, by, until_at="2026-03-15T23:00:00Z")
    about = {"title": "Opening", "starts_at": "2026-07-03T19:00:00Z", "ends_at": "2026-07-03T20:00:00Z", "seats": "9"}
    part = rows.create(sessions.rules, about, by=by, parent=event.id)
    who = rows.create(speakers.rules, {"name": "Ada"}, by=by, parent=event.id)
    sessions.put_on(part.id, str(who.id), by=by)
    rows.create(checkpoints.rules, {"name": "Front"}, by=by, parent=event.id)
    holds.hold(event.id, {day.id: 2})
    return event


def copied(event, by, moment):
    (field,) = [act.asks(event, by) for act in events.listing.acts if act.key == "copies"]
    values = read_whole((field,), {"starts_at": moment})
    said = events.copy(event.id, values["starts_at"], by=by)
    return said, Event.select().order_by(Event.id.desc()).get()


def test_event_case_11_every_window_moves_by_the_same_distance_on_the_wall_clock(full, at):
    said, made = copied(full, at("alice"), "2027-01-09T19:00:00Z")  # 20:00 in Berlin, in winter
    assert (made.state, made.slug, made.title) == ("draft", "jazz-night-2", full.title)
    assert f"{events.local(made, made.ends_at):%d.%m. %H:%M}" == "10.01. 01:00"
    day = Tier.get(Tier.event == made, Tier.name == "Day ticket")
    local = lambda moment: f"{events.local(made, moment):%Y-%m-%d %H:%M}"  # noqa: E731
    assert local(day.sale_from_at) == "2026-08-10 10:00"  # 190 days on, still at ten
    assert local(day.sale_until_at) == "2027-01-07 18:00"
    assert local(PricePhase.get(PricePhase.event == made).until_at) == "2026-09-22 00:00"
    assert "Day ticket on sale from 10 August 2026, 10:00" in said
    assert "Early bird until 22 September 2026, 00:00" in said


def test_a_copy_has_all_that_belongs_to_it_and_nothing_that_was_sold(full, at):
    _, made = copied(full, at("alice"), "2026-08-07T18:00:00Z")
    events.publish(made.id, by=at("alice"))
    day, crew = Tier.select().where(Tier.event == made).order_by(Tier.id)
    assert holds.hold(made.id, {crew.id: 1}, code="trombone")
    stocks = stock.of(made.id)
    part = EventSession.get(EventSession.event == made)
    sizes = {kind: one.size for (kind, _), one in stocks.items()}
    assert sizes == {"event": 40, "tier": 5, "session": 9}
    assert SessionSpeaker.get(SessionSpeaker.session == part).speaker.event_id == made.id
    assert Checkpoint.get(Checkpoint.event == made).name == "Front"
    assert stock.binds(stocks, day).sold == 0
    assert stock.check(made.id) == stock.check(full.id) == []
    assert TicketOrder.select().where(TicketOrder.event == made).count() == 1


def test_who_may_not_make_events_copies_none(full, at):
    with pytest.raises(Forbidden):
        copied(full, at("vera"), "2026-08-07T18:00:00Z")
    assert Event.select().count() == 1


@pytest.mark.parametrize(
    ("moment", "begins", "ends"),
    [
        ("2027-03-27T19:00:00Z", "03:15", "04:10"),  # clocks go from 02:00 to 03:00 before its end
        ("2026-10-24T18:00:00Z", "02:15", "03:10"),
    ],
)
def test_what_lies_in_the_hour_that_clocks_skip_does_not_end_before_it_begins(full, at, moment, begins, ends):
    night = {"title": "Last", "starts_at": "2026-07-04T00:15:00Z", "ends_at": "2026-07-04T01:10:00Z"}
    rows.create(sessions.rules, night, by=at("alice"), parent=full.id)
    _, made = copied(full, at("alice"), moment)
    part = EventSession.get(EventSession.event == made, EventSession.title == "Last")
    assert [f"{events.local(made, at):%H:%M}" for at in (part.starts_at, part.ends_at)] == [begins, ends]


def test_a_copy_begins_at_the_very_moment_that_was_said_also_in_the_doubled_hour(full, at):
    _, made = copied(full, at("alice"), "2026-10-25T01:30:00Z")  # the second 02:30 in Berlin
    assert f"{made.starts_at:%d %H:%M}" == "25 01:30"
