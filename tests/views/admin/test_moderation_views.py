"""The platform's line of reports."""

import pytest

from models import ModerationItem
from tests.fixtures.events import make_event
from tests.views.moderation.test_reports_views import HERE


@pytest.fixture
def night(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    return event


def test_staff_reads_what_was_said_and_removes_it(night, browse):
    browse(None).post(HERE, data={"reason": "hate", "note": "The third line."})
    (item,) = ModerationItem.select()
    staff = browse("stella")
    assert "The third line." in staff.get(f"/admin/reports/{item.id}").text
    done = staff.post(f"/admin/reports/{item.id}/decision", data={"remove": "1"})
    assert (done.status_code, done.location) == (303, "/admin/reports")
    assert browse(None).get("/e/jazz-night").status_code == 404
    assert staff.post(f"/admin/reports/{item.id}/decision", data={"remove": "1"}).status_code in (303, 409)
    assert ModerationItem.get().state == "removed"
    staff.post(f"/admin/reports/{item.id}/decision", data={"approve": "1"})
    assert browse(None).get("/e/jazz-night").status_code == 200
    assert staff.get("/admin/reports/999").status_code == 404
