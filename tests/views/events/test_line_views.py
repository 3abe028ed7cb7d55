"""The line as somebody in it sees it: one address, whole without a script, and right in every state."""

import pytest

from domain.events import events, holds
from domain.events.line import calls, polls
from models import Place
from tests.domain.events.line.test_calls import again
from tests.domain.events.line.test_places import stand, token
from tests.domain.events.test_stock import figures
from tests.fixtures.entrance import just_signed_in
from tests.fixtures.events import make_event


@pytest.fixture
def full(clock, inside_acme, at):
    """All five are held: (event, tier, who holds them)."""
    event, (tier,) = make_event(at("alice"))
    return event, tier, stand(event, tier, 5)


def test_who_finds_nothing_gets_in_line_and_is_led_to_the_order_when_called(full, browse):
    event, tier, holder = full
    stranger = browse(None)
    page = stranger.get(f"/e/{event.slug}").text
    assert "Sold out: get in line for it" in page
    there = stranger.post(f"/e/{event.slug}/orders", data={f"t{tier.id}": "2"}).location
    page = stranger.get(there)
    assert page.headers["Cache-Control"] == "no-store"
    assert "Your place: <strong data-place>1</strong>" in page.text
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert "You are in line: place 1." in stranger.get(f"/e/{event.slug}").text
    holds.give_up(holder.order_id)
    called = stranger.get(there)
    assert (called.status_code, called.location) == (303, holds.address(Place.get(Place.number == 2).order))
    assert "Held for you until" in stranger.get(called.location).text
    assert "You hold 2 tickets" in stranger.get(f"/e/{event.slug}").text


def test_a_place_is_kept_by_mail_and_left(full, browse):
    event, tier, _ = full
    place, stranger = stand(event, tier), browse(None)
    there = polls.address(place)
    bad = stranger.post(there, data={"email": "ada@"})
    assert (bad.status_code, 'id="email_error"' in bad.text, 'value="ada@"' in bad.text) == (422, True, True)
    assert stranger.post(there, data={"email": "ada@example.org"}).location == there
    assert "a letter goes to <bdi>ada@example.org" in stranger.get(there).text
    assert stranger.post(f"{there}/departure").location == there
    assert "Get in line again" in stranger.get(there).text
    assert again(place).state == "left"


def test_who_says_that_fewer_are_fine_gets_what_is_free(full, browse):
    event, tier, holder = full
    place, stranger = stand(event, tier, 4), browse(None)
    holds.change(holder.order_id, {tier.id: 3})
    there = polls.address(place)
    assert "take what is free" in stranger.get(there).text
    stranger.post(f"{there}/part")
    assert (again(place).state, figures(event)) == ("called", [(5, 0)])


@pytest.mark.parametrize("way", ["lapsed", "cancelled", "closed"])
def test_each_end_is_told_in_its_own_words(full, browse, clock, at, way):
    event, tier, holder = full
    place = stand(event, tier)
    if way == "cancelled":
        with just_signed_in():
            events.cancel(event.id, "The mill burnt down.", by=at("alice"))
    elif way == "closed":
        clock.forward(days=60)
    else:
        clock.forward(minutes=10)  # nobody looks any more
        holds.give_up(holder.order_id)
    says = {"lapsed": "get in line again", "cancelled": "The mill burnt down.", "closed": "nobody is called any more"}
    assert says[way] in browse(None).get(polls.address(place)).text


def test_before_the_opening_the_page_counts_by_the_servers_clock_and_draws(clock, inside_acme, at, browse, monkeypatch):
    event, (tier,) = make_event(at("alice"), opens_at="2026-06-15T12:30:00Z", opening="draw")
    stranger = browse(None)
    page = stranger.get(f"/e/{event.slug}").text
    assert 'data-until="2026-06-15T12:30:00+00:00" data-now="2026-06-15T12:00:00+00:00"' in page
    assert calls.seed_hash(event) in page
    early = stranger.post(f"/e/{event.slug}/orders", data={f"t{tier.id}": "2", "form_key": token(monkeypatch)})
    assert (early.status_code, "Your choice is kept here" in early.text, "<option selected>2" in early.text) == (
        409,
        True,
        True,
    )
    clock.forward(minutes=20)
    assert ">I&#39;m here<" in stranger.get(f"/e/{event.slug}").text
    there = stranger.post(f"/e/{event.slug}/orders", data={f"t{tier.id}": "2", "form_key": token(monkeypatch)}).location
    page = stranger.get(there).text
    assert "You are in the draw" in page
    assert event.draw_seed not in page
    clock.forward(minutes=10)
    polls.note_seen(Place.get().id, calls.now().timestamp())
    calls.work()
    assert stranger.get(there).status_code == 303


def test_a_wrong_key_finds_no_place(full, browse):
    event, tier, _ = full
    place = stand(event, tier)
    assert browse(None).get(polls.address(place)[:-1] + "x").status_code == 404
    assert browse(None).get(f"/line/{'0' * 24}/{'0' * 32}").status_code == 404
    assert browse(None).get("/line/polls/1.1.1.x").status_code == 404
