"""An organizer moves an event, watches its cancelling and sees its programme by rooms."""

import re

from domain.events import events, orders
from domain.events.programme import sessions
from domain.lists import rows
from models import Event, EventSession
from tests.domain.events.test_stock import bought
from tests.fixtures.entrance import just_signed_in
from tests.fixtures.events import make_event


def test_a_move_says_how_many_are_told_and_comes_back_refused_with_what_was_typed(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    bought(event, tier, 2)
    alice, url = browse("alice"), f"/acme/events/{event.id}"
    assert f"{url}/move" in alice.get(f"{url}?part=when").text
    page = alice.get(f"{url}/move").text
    assert 'value="2026-07-03T20:00"' in page
    assert "1 order has tickets" in page
    form = {"starts": "2026-07-03T21:00", "ends": "2026-07-04T01:00", "timezone": "Europe/Berlin", "keep": "clock"}
    refused = alice.post(f"{url}/move", data=form | {"venue": "", "why": "It burnt."})
    assert (refused.status_code, "It burnt." in refused.text) == (422, True)
    assert alice.post(f"{url}/move", data=form | {"venue": "New Mill"}).status_code == 303
    assert Event.get().venue == "New Mill"
    assert browse("bob").get(f"{url}/move").status_code in (200, 403)
    assert browse("vera").get(f"{url}/move").status_code == 403


def test_its_cancelling_is_seen_before_meanwhile_and_after(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"))
    alice, url = browse("alice"), f"/acme/events/{event.id}"
    assert "Nobody bought tickets" in alice.get(f"{url}/cancelling").text
    bought(event, tier, 2)
    assert "1 order would end" in alice.get(f"{url}/cancelling").text
    with just_signed_in():
        events.cancel(event.id, "It rains.", by=at("alice"))
    assert f"{url}/cancelling" in alice.get(url).text
    meanwhile = alice.get(f"{url}/cancelling").text
    assert "0 of 1 done, 1 to go" in meanwhile
    assert 'hx-trigger="every 10s"' in meanwhile
    orders.call_off()
    after = alice.get(f"{url}/cancelling").text
    assert "1 of 1 done" in after
    assert 'hx-trigger="every 10s"' not in after


def test_a_programme_stands_on_a_board_by_its_rooms(clock, inside_acme, at, browse):
    (event, _), alice = make_event(at("alice")), browse("alice")
    for title, room in (("Opening", "Hall"), ("Talk", "Bar"), ("Break", "")):
        form = {"title": title, "starts_at": "2026-07-03T18:00:00Z", "ends_at": "2026-07-03T19:00:00Z", "room": room}
        part = rows.create(sessions.rules, form, by=at("alice"), parent=event.id)
    other, _ = make_event(at("alice"), title="Other")
    rows.create(sessions.rules, form | {"room": "Cellar"}, by=at("alice"), parent=other.id)
    page = f"/acme/events/{event.id}/sessions?view=board"
    assert re.findall(r'data-fold-column="\w+ (\w*)"', alice.get(page).text) == ["Bar", "Hall", ""]
    moved = alice.post(
        f"/acme/events/{event.id}/sessions/{part.id}/cells/room?as=card&board=room", data={"room": "Bar"}
    )
    assert moved.status_code == 303
    assert EventSession.get_by_id(part.id).room == "Bar"
    assert "Cellar" not in alice.get(page).text
