"""An event is published once nothing is missing, and keeps its addresses."""

import pytest

from database.clock import now
from domain import Forbidden, Invalid
from domain.base.configuration import Configuration
from domain.events import events
from domain.lists import rows
from models import Event, Stock
from tests.domain.events.test_stock import bought
from tests.fixtures.events import FORM, make_event
from tests.fixtures.threads import write


def test_the_gate_lists_what_is_missing(clock, inside_acme, at):
    event, _ = make_event(
        at("alice"), publish=False, tickets=(), venue="", starts_at="2026-01-01T10:00Z", ends_at="2026-01-01T11:00Z"
    )
    assert [part for part, _ in events.missing(event)] == ["when", "when", "tickets"]
    with pytest.raises(Invalid) as refusal:
        events.publish(event.id, by=at("alice"))
    assert "at least one kind of ticket" in refusal.value.sentence
    assert Event.get_by_id(event.id).state == "draft"


def test_what_costs_money_is_published_once_it_can_be_paid(clock, inside_acme, at, monkeypatch):
    monkeypatch.setattr(Configuration, "has_sandbox", False)
    event, _ = make_event(at("alice"), publish=False, tickets=({"price_cents": "20"}, {}))
    ((part, words),) = events.missing(event)
    assert (part, "nobody could pay" in words) == ("money", True)
    event.transfer_about = "IBAN DE02"
    assert not events.missing(event)
    make_event(at("alice"), title="Free for all")


def test_it_goes_from_draft_to_published_to_cancelled_and_never_back(night, at):
    event, _ = night
    for impossible in (events.publish, events.archive, events.delete):
        with pytest.raises(events.InvalidTransition):
            impossible(event.id, by=at("alice"))
    with pytest.raises(Forbidden):
        events.cancel(event.id, "Rain", by=at("bob"))
    events.cancel(event.id, "Rain", by=at("alice"))
    with pytest.raises(events.InvalidTransition):
        events.cancel(event.id, "Rain", by=at("alice"))
    events.archive(event.id, by=at("alice"))
    assert Event.get_by_id(event.id).state == "archived"


def test_what_ran_is_archived_after_its_end(night, at, clock):
    event, _ = night
    clock.forward(days=40)
    events.archive(event.id, by=at("alice"))
    assert Event.get_by_id(event.id).state == "archived"


def test_a_draft_is_deleted_whole(clock, inside_acme, at):
    event, _ = make_event(at("bob"), publish=False)
    events.delete(event.id, by=at("bob"))
    assert not Event.select().exists()
    assert not Stock.select().exists()


def test_old_addresses_lead_to_the_present_one_and_belong_to_nobody_else(night, at, cast):
    event, _ = night
    events.move(event.id, "Midsummer Jazz", by=at("alice"))
    found = events.find("jazz-night")
    assert (found.event.slug, found.moved) == ("midsummer-jazz", True)
    assert not events.find("midsummer-jazz").moved
    found = events.find(event.public_id)
    assert (found.event.slug, found.moved) == ("midsummer-jazz", True)
    assert events.find(event.public_id.swapcase()) is None
    second, _ = make_event(at("alice"))
    assert second.slug == "jazz-night-2"
    with pytest.raises(Invalid):
        events.move(second.id, "jazz night", by=at("alice"))
    events.move(event.id, "jazz night", by=at("alice"))  # its own, again
    assert not events.find("jazz-night").moved


def test_strangers_find_no_draft_and_nothing_private(clock, inside_acme, at):
    make_event(at("alice"), publish=False)
    make_event(at("alice"), title="Members", visibility="private")
    make_event(at("alice"), title="By link", visibility="unlisted")
    assert events.find("jazz-night") is None
    assert events.find("members") is None
    assert events.find("by-link") is not None
    assert events.find("x" * 5000) is None


def test_a_draft_that_is_put_away_stays_unseen(night, at):
    event, _ = make_event(at("alice"), publish=False, title="Never told")
    events.archive(event.id, by=at("alice"))
    assert events.find("never-told") is None
    write(Event.update(state="archived", ends_at=now()).where(Event.id == night[0].id).execute)
    assert events.find("jazz-night") is not None


def test_another_title_keeps_the_address(night, at):
    event, _ = night
    rows.change(events.rules, event.id, {"title": "Blues Night"}, by=at("alice"))
    assert Event.get_by_id(event.id).slug == "jazz-night"


def test_the_currency_stays_once_something_is_ordered(night, at):
    event, tier = night
    bought(event, tier)
    with pytest.raises(Invalid):
        rows.change(events.rules, event.id, {"currency": "USD"}, by=at("alice"))


def test_a_form_whose_end_comes_first_is_refused(inside_acme, at):
    with pytest.raises(Invalid) as refusal:
        rows.create(events.rules, FORM | {"ends_at": FORM["starts_at"]}, by=at("alice"))
    assert set(refusal.value.fields) == {"ends_at"}


def test_a_title_in_another_script_has_an_address_that_says_what_it_is(clock, inside_acme, at):
    made = [make_event(at("alice"), title="مهرجان الفوانيس")[0].slug for _ in range(2)]
    assert made == ["event", "event-2"]
