"""Reports over plain forms, and the two desks where they are decided."""

import pytest

from models import ModerationItem, ModerationReport
from tests.fixtures.events import make_event


@pytest.fixture
def night(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    return event


HERE = "/report/event/jazz-night"


def test_strangers_report_a_page_and_it_is_gone_until_staff_shows_it(night, browse):
    stranger = browse(None)
    assert HERE in stranger.get("/e/jazz-night").text
    assert "Send the report" in stranger.get(HERE).text
    refused = stranger.post(HERE, data={"note": "Look"})
    assert (refused.status_code, "Choose what is wrong" in refused.text, "Look" in refused.text) == (422, True, True)
    for n in (1, 1, 2, 3):
        sent = stranger.post(HERE, data={"reason": "fraud"}, environ_base={"REMOTE_ADDR": f"192.0.2.{n}"})
    assert "It is hidden until then." in sent.text
    for path, status in (("", 404), ("/share.png", 404), ("/event.ics", 404), ("/tickets", 200)):
        assert stranger.get(f"/e/jazz-night{path}").status_code == status
    assert stranger.post("/e/jazz-night/orders").status_code == 404
    assert "hidden until somebody has looked" in stranger.get("/e/jazz-night").text

    staff = browse("stella")
    assert "Jazz Night" in staff.get("/admin/reports").text
    (item,) = ModerationItem.select()
    assert staff.get(f"/admin/reports/{item.id}").text.count("Fraud, or somebody") == 3
    done = staff.post("/admin/reports/bulk", data={"ids": str(item.id), "act": "approval"})
    assert done.status_code == 303
    assert stranger.get("/e/jazz-night").status_code == 200
    assert "Jazz Night" in staff.get("/admin/reports/decided").text
    assert "Nothing waits for a decision." in staff.get("/admin/reports").text


def test_machines_that_fill_what_nobody_sees_are_thanked_and_forgotten(night, browse):
    answer = browse(None).post(HERE, data={"reason": "child", "website": "https://example.org"})
    assert "Thank you." in answer.text
    assert ModerationReport.select().count() == 0


def test_a_report_is_taken_back_by_whoever_made_it(night, browse):
    stranger = browse(None)
    for n in (2, 3):
        stranger.post(HERE, data={"reason": "child"}, environ_base={"REMOTE_ADDR": f"192.0.2.{n}"})
    stranger.post(HERE, data={"reason": "child"})
    assert stranger.get("/e/jazz-night").status_code == 404
    other = stranger.post(f"{HERE}/withdrawal", headers={"User-Agent": "Another"})
    assert other.status_code == 404
    assert "taken back" in stranger.post(f"{HERE}/withdrawal").text
    assert [one.withdrawn_at is None for one in ModerationReport.select().order_by("id")] == [True, True, False]
    assert not ModerationItem.get().is_hidden
