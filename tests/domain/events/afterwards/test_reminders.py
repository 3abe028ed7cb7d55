"""A day before it begins, whoever has tickets is reminded once, and again only where it was moved."""

from datetime import timedelta

from domain.events import events
from domain.events.afterwards import moves, reminders
from domain.lists import rows
from models import Event, Letter
from tests.domain.events.test_stock import bought


def reminded():
    return [one.recipient for one in Letter.select().where(Letter.template == "event_reminder").order_by(Letter.id)]


def test_who_has_tickets_is_reminded_once_and_who_just_bought_is_not(night, clock):
    event, tier = night
    bought(event, tier, 2)
    bought(event, tier, email="bo@example.org")
    assert reminders.remind() == 0
    clock.moment = event.starts_at - timedelta(hours=24)
    clock.forward(minutes=1)
    bought(event, tier, email="late@example.org")
    assert (reminders.remind(1), reminders.remind(1), reminders.remind()) == (1, 1, 0)
    assert reminded() == ["ada@example.org", "bo@example.org"]
    clock.moment = event.starts_at
    assert reminders.remind() == 0


def test_an_event_that_does_not_remind_writes_to_nobody(night, clock, at):
    event, tier = night
    bought(event, tier)
    rows.change(events.rules, event.id, {"reminds": "off"}, by=at("alice"))
    clock.moment = event.starts_at - timedelta(hours=23)
    assert (reminders.remind(), reminded()) == (0, [])
    rows.change(events.rules, event.id, {"reminds": "on"}, by=at("alice"))
    assert (reminders.remind(), len(reminded())) == (1, 1)


def test_a_moved_event_reminds_anew_and_a_cancelled_one_does_not(night, clock, at):
    event, tier = night
    bought(event, tier)
    clock.moment = event.starts_at - timedelta(hours=23)
    assert reminders.remind() == 1
    texts = {"starts": "2026-07-05T20:00", "ends": "2026-07-06T01:00"}
    moves.move(event.id, moves.texts(event) | texts, by=at("alice"))
    assert reminders.remind() == 0
    clock.moment = Event.get_by_id(event.id).starts_at - timedelta(hours=1)
    assert (reminders.remind(), len(reminded())) == (1, 2)
