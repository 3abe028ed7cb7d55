"""What an organization sees of reports."""

import pytest

from models import ModerationItem
from tests.fixtures.events import make_event
from tests.views.moderation.test_reports_views import HERE


@pytest.fixture
def night(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    return event


def test_an_organization_sees_what_was_reported_and_asks_for_a_review(night, browse):
    stella, offers = browse("stella"), []
    for n in (1, 2, 3):
        said = {"reason": "private", "note": "My telephone number"}
        browse(None).post(HERE, data=said, environ_base={"REMOTE_ADDR": f"192.0.2.{n}"})
        (item,) = ModerationItem.select()
        offers.append("Show it again" in stella.get(f"/admin/reports/{item.id}").text)
    assert offers == [False, False, True]  # the third hides it
    alice = browse("alice")
    page = alice.get("/acme/reports").text
    assert "Jazz Night" in page
    assert "telephone" not in page  # what was said is for who decides
    assert "/acme/reports" in alice.get(f"/acme/events/{night.id}").text
    asked = alice.post(f"/acme/reports/{item.id}/appeal", data={"words": "It is the box office's."})
    assert asked.status_code == 303
    assert "It is the box office" in stella.get(f"/admin/reports/{item.id}").text
    assert browse("bob").get("/acme/reports").status_code == 403
    assert browse("charlie").get("/acme/reports").status_code == 404
    assert alice.get(f"/admin/reports/{item.id}").status_code == 404
    assert alice.post(f"/acme/reports/{item.id}/approval").status_code in (403, 409)
