"""A logo beside the name: in the frame of every page, and on the pages of events."""

import io

import pytest
from PIL import Image

from domain.organizations import logos
from models import ModerationItem
from tests.fixtures.events import make_event
from tests.fixtures.flyers import saved
from tests.fixtures.threads import write


@pytest.fixture
def event(clock, inside_acme, at):
    return make_event(at("alice"))[0]


def send(client):
    photo = (io.BytesIO(saved(Image.new("RGB", (400, 300), "#00ff00"), "PNG")), "acme.png")
    return client.post("/acme/logo", data={"photo": photo})


def test_it_stands_in_the_frame_and_on_the_pages_of_events(event, browse):
    alice, bob, stranger = browse("alice"), browse("bob"), browse(None)
    assert "/logo" not in bob.get("/acme/tasks").text + stranger.get(f"/e/{event.slug}").text
    assert stranger.get(f"/e/{event.slug}/logo.webp").status_code == 404
    assert send(alice).status_code == 303
    assert 'src="/acme/logo?' in bob.get("/acme/tasks").text
    picture = bob.get("/acme/logo")
    assert (picture.status_code, picture.mimetype) == (200, "image/webp")
    assert f'src="/e/{event.slug}/logo.webp?' in stranger.get(f"/e/{event.slug}").text
    assert stranger.get(f"/e/{event.slug}/logo.webp").data == picture.data
    in_letters = f"/organizations/{event.organization.public_id}/logo.png"
    drawn = stranger.get(in_letters)
    assert (drawn.mimetype, drawn.data[:4]) == ("image/png", b"\x89PNG")
    assert browse("charlie").get("/acme/logo").status_code == 404
    assert alice.post("/acme/logo/removal").status_code == 303
    assert "/logo" not in bob.get("/acme/tasks").text
    assert [stranger.get(one).status_code for one in (in_letters, "/organizations/nobody/logo.png")] == [404, 404]


def test_it_is_hidden_with_the_name(event, browse, at):
    send(browse("alice"))
    about = {"subject": "organization", "subject_id": at("alice").organization.id, "title": "Acme", "reason": "spam"}
    write(ModerationItem.create, is_hidden=True, **about)
    stranger = browse(None)
    assert "logo.webp" not in stranger.get(f"/e/{event.slug}").text
    assert stranger.get(f"/e/{event.slug}/logo.webp").status_code == 404
    assert stranger.get(f"/organizations/{event.organization.public_id}/logo.png").status_code == 404


def test_what_is_no_picture_is_said(inside_acme, browse):
    alice = browse("alice")
    assert alice.post("/acme/logo", data={"photo": (io.BytesIO(b"none"), "x.png")}).status_code == 422
    assert alice.post("/acme/logo", data={}).status_code == 422
    assert logos.sha256() is None
