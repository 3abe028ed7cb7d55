import csv
import io
import re

import pytest

from domain.base import audit
from domain.lists import lists
from models import AuditEvent
from tests.conftest import write


@pytest.fixture
def log(cast):
    """A handful of events in Acme, one in Globex, one of the platform."""

    def fill():
        audit.record(
            "organization.updated",
            "Changed name",
            by=cast.alice,
            organization=cast.acme,
            target=cast.acme,
            before={"name": "Acme <Ltd>"},
            after={"name": "Acme"},
        )
        audit.record("organization.access_denied", "Denied: POST", by=cast.bob, organization=cast.acme, result="denied")
        audit.record("organization.updated", "Secret of Globex", by=cast.charlie, organization=cast.globex)
        audit.record("settings.changed", "=HYPERLINK(1)", by=cast.stella, category="admin", before="a", after="b")

    write(fill)
    return {event.summary: event.id for event in AuditEvent.select()}


def rows(response):
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.get_data().decode("utf-8-sig"))))


def test_owners_and_admins_read_their_own_log_alone(browse, log, said):
    page = said(browse("alice").get("/acme/audit"))
    assert "Changed name" in page
    assert "Secret of Globex" not in page
    assert "HYPERLINK" not in page
    assert browse("bob").get("/acme/audit").status_code == 403
    assert browse("vera").get("/acme/audit").status_code == 403
    assert browse("charlie").get("/acme/audit").status_code == 404
    assert browse("stella").get("/acme/audit").status_code == 404


def test_an_event_of_another_organization_isnt_there(browse, log):
    alice = browse("alice")
    assert alice.get(f"/acme/audit/{log['Changed name']}").status_code == 200
    for summary in ("Secret of Globex", "=HYPERLINK(1)"):
        assert alice.get(f"/acme/audit/{log[summary]}").status_code == 404
        assert "Secret" not in alice.get(f"/acme/audit?after={log[summary]}").get_data(True)
    assert browse("alice").get("/acme/audit?organization=globex").get_data(True).count("Globex") == 0


def test_what_changed_is_shown_before_and_after(browse, log, said):
    response = browse("alice").get(f"/acme/audit/{log['Changed name']}")
    page = said(response)
    assert re.search(r"Name Acme &lt;Ltd&gt; Acme", page), page
    assert "127.0.0.1" not in page


def test_each_filter_narrows(browse, log, said, hx, outline):
    alice = browse("alice")
    assert "Denied: POST" in said(alice.get("/acme/audit?result=denied"))
    assert "Changed name" not in said(alice.get("/acme/audit?result=denied"))
    assert "Denied: POST" not in said(alice.get("/acme/audit?actor=ALICE@example.org"))
    assert "Changed name" in said(alice.get("/acme/audit?actor=ALICE@example.org"))
    assert "Changed name" in said(alice.get("/acme/audit?action=organization.updated"))
    assert "Bob joined" not in said(alice.get("/acme/audit?category=organization"))
    assert "Nothing fits" in said(alice.get("/acme/audit?action=no.such"))
    top, _ = outline(alice.get("/acme/audit?category=member", headers=hx("list_area")))
    assert top == ["list_area"]


def test_a_sentence_that_a_name_from_right_to_left_begins_reads_as_ours(browse, log):
    write(lambda: audit.record("organization.updated", "جمعية was founded"))
    title = re.search(
        r'<a class="row-title"[^>]*>(<bdi>جمعية</bdi> was founded)<', browse("stella").get("/admin/audit").text
    )
    assert title
    assert 'dir="ltr"' in title[0]


def test_nonsense_is_no_error(browse, log):
    for query in ["category=<b>", "result='", "after=x", "after=999999999999", "after=-1", "actor=%00x"]:
        assert browse("alice").get(f"/acme/audit?{query}").status_code in (200, 400, 422), query


def test_the_platform_reads_everything_and_narrows_to_one_organization(browse, log, said):
    stella = browse("stella")
    page = said(stella.get("/admin/audit"))
    assert "Secret of Globex" in page
    assert "Changed name" in page
    narrowed = said(stella.get("/admin/audit?organization=globex"))
    assert "Secret of Globex" in narrowed
    assert "Changed name" not in narrowed
    assert "Nothing fits" in said(stella.get("/admin/audit?organization=nowhere"))
    assert "of the chain" in said(stella.get(f"/admin/audit/{log['Secret of Globex']}"))
    assert stella.get("/admin/audit/999999").status_code == 404
    for name in (None, "alice"):
        assert browse(name).get("/admin/audit").status_code == 404
        assert browse(name).get("/admin/audit/export.csv").status_code == 404


def test_more_goes_on_where_the_page_ended(browse, cast, hx):
    def fill():
        for number in range(60):
            audit.record("organization.updated", f"Change {number:02}", by=cast.alice, organization=cast.acme)

    write(fill)
    alice = browse("alice")
    page = alice.get("/acme/audit?action=organization.updated").get_data(True)
    assert page.count("data-open>Change") == 50
    (address,) = set(re.findall(r'hx-get="(/acme/audit\?[^"]*after=[^"]+)"', page))
    more = alice.get(address.replace("&amp;", "&"), headers=hx("list_more")).get_data(True)
    assert re.findall(r"data-open>(Change \d+)", more) == [f"Change {n:02}" for n in range(9, -1, -1)]


def test_an_export_has_what_the_filters_leave_and_runs_no_formula(browse, log, cast, monkeypatch):
    monkeypatch.setattr(lists, "EXPORTED", 2)
    found = rows(browse("alice").get("/acme/audit/export.csv"))
    assert len(found) == AuditEvent.select().where(AuditEvent.organization == cast.acme).count()
    assert "IP" not in found[0]
    assert [row["What"] for row in rows(browse("alice").get("/acme/audit/export.csv?result=denied"))] == [
        "Denied: POST"
    ]
    everything = rows(browse("stella").get("/admin/audit/export.csv"))
    assert len(everything) == AuditEvent.select().count()
    assert {row["Organization"] for row in everything} >= {"Acme", "Globex", ""}
    assert "'=HYPERLINK(1)" in [row["What"] for row in everything]
    assert browse("bob").get("/acme/audit/export.csv").status_code == 403
    assert browse("charlie").get("/acme/audit/export.csv").status_code == 404
