"""Organizers hear once of what an event sold on each day of their calendar, alone or in their digest."""

from datetime import UTC, datetime

import pytest

import jobs
from database.connections import database
from domain.base import notices, preferences
from domain.events import holds, payments
from domain.events.afterwards import sales_news
from domain.operations import digests
from models import Membership, Notification, Outgoing, TicketOrder, User
from tests.domain.events.test_stock import ADA, bought
from tests.fixtures.events import make_tier
from tests.fixtures.threads import write

NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
MORNING = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)


@pytest.fixture
def sold(night, clock):
    """Two orders at noon on 15 June: three tickets."""
    clock.moment = NOON
    event, tier = night
    bought(event, tier, 2)
    bought(event, tier, email="bo@example.org")
    return event


def told():
    jobs.work_off()
    return sorted((one.recipient.name, one.title) for one in Notification.select())


def test_a_day_is_told_once_when_it_is_over(sold, clock):
    assert (sales_news.tell(), told()) == (0, [])
    clock.moment = MORNING
    assert (sales_news.tell(), sales_news.tell()) == (1, 0)
    assert told() == [("Alice", "Jazz Night: 2 orders, 3 tickets on 15 June")]
    clock.forward(days=1)
    assert sales_news.tell() == 0  # nothing was sold


def test_what_was_told_is_found_by_an_index_however_much_was_sent(sold, clock, monkeypatch):
    """An event at a time is asked about, of thousands."""
    clock.moment, asked, execute = MORNING, [], database.obj.execute_sql

    def note(sql, params=None, *about):
        asked.append((sql, params))
        return execute(sql, params, *about)

    monkeypatch.setattr(database.obj, "execute_sql", note)
    sales_news.tell()
    monkeypatch.undo()
    looks = [one for one in asked if one[0].startswith("SELECT") and '"outgoing"' in one[0]]
    assert looks
    assert not [one for one in looks if "LIKE" in one[0].upper()]


def test_it_comes_with_other_news_in_the_readers_digest_at_their_hour(sold, clock, cast):
    clock.moment = MORNING
    sales_news.tell()
    jobs.work_off()
    assert digests.send_due() == 0  # it came after this day's turn
    clock.forward(days=1)
    assert digests.send_due() == 1
    (letter,) = Outgoing.select().where(Outgoing.key.startswith("digest:"))
    (group,) = letter.payload["values"]["groups"]
    assert (letter.recipient, group["name"]) == ("alice@example.org", "Acme")
    assert [entry["title"] for entry in group["entries"]] == ["Jazz Night: 2 orders, 3 tickets on 15 June"]
    assert group["entries"][0]["link"].endswith(f"/events/{sold.id}/orders")


def test_a_day_is_one_of_its_readers_calendar(sold, clock, cast):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.alice.id).execute)
    clock.moment = datetime(2026, 6, 15, 15, 1, tzinfo=UTC)  # midnight there
    assert sales_news.tell() == 1
    write(User.update(timezone="America/Los_Angeles").where(User.id == cast.alice.id).execute)
    clock.moment = datetime(2026, 6, 16, 6, 59, tzinfo=UTC)
    assert sales_news.tell() == 0  # it is told already, whatever zone that was


def test_who_wants_no_letter_has_it_in_the_bell_and_who_wants_neither_hears_nothing(sold, clock, cast):
    clock.moment = MORNING
    preferences.choose(cast.alice, "sales", {"letter": "off", "in_bell": "off"})
    assert (sales_news.tell(), told()) == (0, [])
    preferences.choose(cast.alice, "sales", {"in_bell": "on"})
    assert sales_news.tell() == 1
    assert told() == [("Alice", "Jazz Night: 2 orders, 3 tickets on 15 June")]
    assert not Outgoing.select().where(Outgoing.kind == "mail", Outgoing.key.startswith("sales:")).exists()


def test_at_once_is_a_letter_of_its_own_that_comes_once(sold, clock, cast):
    clock.moment = MORNING
    preferences.choose(cast.alice, "sales", {"letter": "now", "in_bell": "off"})
    assert (sales_news.tell(), sales_news.tell()) == (1, 0)
    (letter,) = Outgoing.select().where(Outgoing.key.startswith("sales:"))
    assert letter.payload["values"]["title"] == "Jazz Night: 2 orders, 3 tickets on 15 June"


def test_whoever_made_it_hears_too_and_nobody_who_may_not_see_orders(sold, clock, cast):
    clock.moment = MORNING
    write(type(sold).update(made_by=cast.bob).where(type(sold).id == sold.id).execute)
    assert sales_news.tell() == 1
    assert [name for name, _ in told()] == ["Alice", "Bob"]
    write(Membership.update(role="viewer").where(Membership.user == cast.bob).execute)
    (shown,) = notices.newest(cast.bob)
    assert shown.title == notices.UNSEEN  # nor once they lost the right


def test_money_and_add_ons_are_counted_for_what_they_are(night, clock, at):
    clock.moment = NOON
    event, tier = night
    poster = make_tier(event, at("alice"), name="Poster", kind="addon")
    order = holds.hold(event.id, {tier.id: 1, poster.id: 2})
    holds.say_who(order.id, ADA)
    payments.take_free(order.id)
    write(TicketOrder.update(paid_cents=2100, refunded_cents=1050).where(TicketOrder.id == order.id).execute)
    clock.moment = MORNING
    sales_news.tell()
    assert told() == [("Alice", "Jazz Night: 1 order, 1 ticket, €10.50 on 15 June")]


def test_days_that_no_job_ran_are_told_of_later_but_not_for_ever(sold, clock):
    clock.moment = MORNING
    clock.forward(days=2)
    assert sales_news.tell() == 1
    write(Outgoing.delete().execute)
    write(Notification.delete().execute)
    clock.forward(days=1)
    assert sales_news.tell() == 0
