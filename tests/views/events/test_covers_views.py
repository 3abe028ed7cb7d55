"""An event's picture, as organizers put it and strangers see it."""

import io

import pytest

from domain.events import events
from domain.lists import rows
from tests.fixtures.events import make_event
from tests.fixtures.flyers import corners, saved


@pytest.fixture
def event(clock, inside_acme, at):
    return make_event(at("alice"))[0]


def send(alice, event, data=None):
    photo = (io.BytesIO(saved(corners()) if data is None else data), "hall.jpg")
    return alice.post(f"/acme/events/{event.id}/cover", data={"photo": photo})


def test_it_stands_at_the_head_of_the_page_with_its_words_and_is_read_while_that_is(event, at, browse):
    alice, stranger = browse("alice"), browse(None)
    assert "cover.webp" not in stranger.get(f"/e/{event.slug}").text
    assert stranger.get(f"/e/{event.slug}/cover.webp").status_code == 404
    rows.change(events.rules, event.id, {"cover_alt": "The hall at night"}, by=at("alice"))
    assert send(alice, event).status_code == 303
    page = stranger.get(f"/e/{event.slug}").text
    assert 'alt="The hall at night"' in page
    picture = stranger.get(f"/e/{event.slug}/cover.webp")
    assert (picture.status_code, picture.mimetype) == (200, "image/webp")
    known = {"If-None-Match": picture.headers["ETag"]}
    assert stranger.get(f"/e/{event.slug}/cover.webp", headers=known).status_code == 304
    assert "cover?" in alice.get(f"/acme/events/{event.id}?part=about").text
    assert alice.get(f"/acme/events/{event.id}/cover").data == picture.data
    rows.change(events.rules, event.id, {"visibility": "private"}, by=at("alice"))
    assert stranger.get(f"/e/{event.slug}/cover.webp").status_code == 404
    assert alice.get(f"/e/{event.slug}/cover.webp").headers["Cache-Control"].startswith("private")
    assert alice.post(f"/acme/events/{event.id}/cover/removal").status_code == 303
    assert alice.get(f"/acme/events/{event.id}/cover").status_code == 404


def test_what_is_no_photo_is_said(event, browse):
    for data in (b"no photo", b""):
        refused = send(browse("alice"), event, data)
        assert refused.status_code == 422
        assert "photo" in refused.text.lower()
    assert browse("alice").post(f"/acme/events/{event.id}/cover", data={}).status_code == 422
