"""A picture beside a name: put at one's account, and shown where colleagues read who somebody is."""

import io

from PIL import Image

from database.scope import inside
from domain.base import allowances
from domain.lists import comments, rows
from domain.organizations import faces
from domain.tasks import tasks
from models import Profile
from tests.fixtures.flyers import saved


def send(client):
    photo = (io.BytesIO(saved(Image.new("RGB", (300, 400), "#00ff00"), "PNG")), "bob.png")
    return client.post("/account/picture", data={"photo": photo})


def test_it_is_shown_to_colleagues_wherever_they_read_the_name(cast, browse, at):
    bob, alice, stranger = browse("bob"), browse("alice"), browse("charlie")
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Order paper", "assigned_to": str(cast.bob.id)}, by=at("alice"))
        comments.add(tasks.rules, task.id, {"text": "It is done"}, by=at("bob"), page="/x")
    places = ("/acme/tasks?tab=all", "/acme/tasks?tab=all&view=board", f"/acme/tasks/{task.id}", "/acme/members")
    assert all("/files/faces/" not in alice.get(place).text for place in places)
    assert send(bob).status_code == 303
    address = Profile.get(Profile.user == cast.bob).avatar_url
    for place in places:
        assert f'src="{address}"' in alice.get(place).text, place
    assert bob.get("/account").text.count(f'src="{address}"') == 2  # beside the form and in the frame
    picture = alice.get(address)
    assert (picture.status_code, picture.mimetype) == (200, "image/webp")
    assert "private" in picture.headers["Cache-Control"]
    assert stranger.get(address).status_code == 404
    assert bob.post("/account/picture/removal").status_code == 303
    assert "/files/faces/" not in alice.get("/acme/tasks?tab=all").text
    assert alice.get(address).status_code == 404


def test_what_is_no_picture_is_said(browse, cast):
    bob = browse("bob")
    assert bob.post("/account/picture", data={"photo": (io.BytesIO(b"none"), "x.png")}).status_code == 422
    assert bob.post("/account/picture", data={}).status_code == 422
    assert Profile.get(Profile.user == cast.bob).avatar_url is None


def test_so_many_an_hour_are_tried(browse, monkeypatch):
    monkeypatch.setitem(allowances.SPENT, "pictures", allowances.parse("2/hour"))
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    bob = browse("bob")
    photos = [bob.post("/account/picture", data={"photo": (io.BytesIO(b"none"), "x.png")}) for _ in range(3)]
    assert [one.status_code for one in photos] == [422, 422, 429]


def test_staff_reads_who_somebody_is(browse, cast):
    faces.put(cast.bob, saved(Image.new("RGB", (300, 300), "#0000ff")), "bob.jpg")
    page = browse("stella").get(f"/admin/users/{cast.bob.id}").text
    address = Profile.get(Profile.user == cast.bob).avatar_url
    assert f'src="{address}"' in page
    assert browse("stella").get(address).status_code == 200


def test_members_read_what_somebody_says_of_themselves(browse):
    words = {"name": "Bob", "timezone": "UTC", "bio": "Lights <b>and</b> sound"}
    assert browse("bob").post("/account", data=words).status_code == 303
    assert "Lights &lt;b&gt;and&lt;/b&gt; sound" in browse("alice").get("/acme/members").text
    assert "Lights" in browse("bob").get("/account").text
