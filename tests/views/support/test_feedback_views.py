"""Writing to whoever runs the site, and reading the answer."""

import pytest

from domain.base import allowances
from models import Feedback

MESSAGE = {"kind": "feedback", "category": "idea", "title": "More green", "body": "It suits you."}


def test_a_stranger_and_a_member_write_and_staff_answers(browse, cast):
    stranger, bob, stella = browse(None), browse("bob"), browse("stella")
    assert "Your e-mail address" in stranger.get("/feedback").text
    assert "Your e-mail address" not in bob.get("/feedback").text
    sent = stranger.post("/feedback", data=MESSAGE | {"email": "ida@example.org"})
    assert (sent.status_code, sent.headers["Location"]) == (303, "/feedback?sent=1")
    assert bob.post("/feedback", data=MESSAGE | {"title": "From <Bob>"}).status_code == 303
    desk = stella.get("/admin/feedback").text
    assert "ida@example.org" in desk
    assert "From &lt;Bob&gt;" in desk
    row = Feedback.one(Feedback.user == cast.bob)
    assert stella.post(f"/admin/feedback/{row.id}/resolution", data={"value": "Thank you."}).status_code == 303
    page = bob.get("/feedback").text
    assert "Thank you." in page
    assert "Resolved" in page
    assert "From &lt;Bob&gt;" not in browse("alice").get("/feedback").text
    assert browse("bob").get("/admin/feedback").status_code == 404


def test_a_refused_message_is_kept_and_a_machine_is_thanked_for_nothing(browse, cast):
    stranger = browse(None)
    answer = stranger.post("/feedback", data=MESSAGE | {"category": "", "body": "Kept words"})
    assert answer.status_code == 422
    assert "Choose what it is about." in answer.text
    assert "Kept words" in answer.text
    assert stranger.post("/feedback", data=MESSAGE | {"website": "x"}).status_code == 303
    assert Feedback.select().count() == 0


@pytest.fixture
def counted():
    allowances.limiter.reset()
    allowances.limiter.enabled = True
    yield
    allowances.limiter.reset()
    allowances.limiter.enabled = False


def test_the_sixth_in_an_hour_is_too_many(browse, cast, counted):
    stranger = browse(None)
    assert [stranger.post("/feedback", data=MESSAGE | {"title": f"N {n}"}).status_code for n in range(6)][-2:] == [
        303,
        429,
    ]
    assert Feedback.select().count() == 5
