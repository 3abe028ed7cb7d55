"""The newsletter's pages for the staff: writing, trying, sending, following, and its readers."""

import pytest

from domain.base import roles
from domain.operations.news import sending
from models import Campaign, CampaignRecipient, Outgoing, Subscriber
from tests.fixtures import news
from tests.fixtures.threads import write

PATH = "/admin/campaigns"
SAYS = {"subject": "News of July", "body": "# Jazz\n\nOn **3 July**."}


@pytest.fixture
def stella(browse):
    return browse("stella")


@pytest.fixture
def draft(stella):
    path = stella.post(PATH).location
    assert stella.post(path, data=SAYS).status_code == 303
    return path


def test_who_writes_and_who_only_reads():
    assert {"newsletter.read", "newsletter.write"} <= roles.STAFF["content"][1]
    assert not {"newsletter.read", "newsletter.write"} & roles.STAFF["support"][1]


def test_an_issue_is_written_seen_and_tried(stella, draft):
    page = stella.get(draft).text
    assert "<h3>Jazz</h3>" in page
    assert "<strong>3 July</strong>" in page
    letter = stella.get(f"{draft}/html")
    assert "Jazz" in letter.text
    assert "sandbox" in letter.headers["Content-Security-Policy"]
    shown = stella.post(f"{draft}/preview", data={"body": "*so*<script>"}, headers={"HX-Request": "true"}).text
    assert "<em>so</em>" in shown
    assert "<script>" not in shown
    assert stella.post(f"{draft}/test").status_code == 303
    assert Outgoing.get(Outgoing.kind == "newsletter").recipient == "stella@example.org"


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(stella, draft, said):
    answer = stella.post(draft, data={"subject": "", "body": "Typed words"})
    assert answer.status_code == 422
    assert "subject_error" in answer.text
    assert "Typed words" in said(answer)
    news.readers(1)
    answer = stella.post(f"{draft}/schedule", data={"at": "2001-01-01T10:00"})
    assert answer.status_code == 422
    assert "This is over already" in said(answer)
    assert "2001-01-01T10:00" in answer.text
    assert Campaign.get().status == "draft"


def test_it_is_scheduled_and_taken_back(stella, draft, said):
    news.readers(3)
    assert "3 readers" in said(stella.get(draft))
    stella.post(f"{draft}/schedule", data={"at": "2031-01-01T10:00"})
    assert "It goes out by itself" in said(stella.get(draft))
    stella.post(f"{draft}/draft")
    assert Campaign.get().status == "draft"


def test_progress_figures_and_recipients_are_shown(stella, draft, said, monkeypatch):
    monkeypatch.setattr(sending, "HANDED", 2)
    news.readers(3)
    stella.post(f"{draft}/schedule", data={"now": "1"})
    sending.work()
    page = stella.get(draft).text
    assert "It is being sent" in page
    assert 'hx-trigger="load delay:2s"' in page
    part = stella.get(draft, headers={"HX-Request": "true", "HX-Target": "issue_progress"}).text
    assert part.lstrip().startswith('<div id="issue_progress"')
    stella.post(f"{draft}/pause")
    assert "It is paused" in said(stella.get(draft))
    stella.post(f"{draft}/resumption")
    while sending.work():
        pass
    page = stella.get(draft).text
    assert "It is out" in page
    assert "3 of 3" in page
    assert 'hx-trigger="load' not in page
    listed = said(stella.get(f"{draft}/recipients?state=handed"))
    assert "r0@example.org" in listed
    assert "r2@example.org" in stella.get(f"{draft}/recipients/export.csv").text
    assert "News of July" in said(stella.get(PATH))
    copied = stella.post(f"{draft}/copies").location
    assert copied != draft


def test_readers_are_listed_shown_taken_out_and_exported(stella, said, followed):
    row, _ = news.readers(2)
    assert "r1@example.org" in said(stella.get("/admin/subscribers"))
    assert "r0@example.org" in stella.get("/admin/subscribers/export.csv").text
    assert stella.get("/admin/subscribers/999").status_code == 404
    stella.post(f"/admin/subscribers/{row.id}/leaving")
    assert "Left" in said(stella.get(f"/admin/subscribers/{row.id}"))
    assert stella.post(f"/admin/subscribers/{row.id}/leaving").status_code in (303, 409)
    stella.post(f"/admin/subscribers/{row.id}/erasure")
    assert Subscriber.select().count() == 1


def test_readers_are_brought_in_by_lines(stella, said):
    sent = {"lines": "E-Mail\nada@example.org\nnobody", "where": "On paper, in 2025", "agreed": "1"}
    page = said(stella.post("/admin/subscribers/imports", data=sent))
    assert "1 reader added" in page
    assert "1 line has no whole address: 3" in page
    answer = stella.post("/admin/subscribers/imports", data=sent | {"where": "", "agreed": ""})
    assert answer.status_code == 422
    assert "ada@example.org" in said(answer)


def test_one_in_doubt_is_sent_again_by_a_person(stella, draft):
    (reader,) = news.readers(1)
    about = {"campaign": Campaign.get(), "subscriber": reader, "email_norm": reader.email_norm}
    mine = write(CampaignRecipient.create, state="skipped", **about)
    assert stella.post(f"{draft}/recipients/{mine.id}/repeat").status_code in (303, 409)
    assert CampaignRecipient.get().state == "skipped"
