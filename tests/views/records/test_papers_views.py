"""Labels and pages of rows by plain forms."""

import pytest

from database.scope import inside
from domain.files.press import press
from domain.lists import rows
from domain.records import collections, listings


@pytest.fixture
def things(cast, at, monkeypatch):
    monkeypatch.setattr(press, "ask", lambda task, **more: b"%PDF")
    with inside(cast.acme):
        table = collections.make(
            "Things", by=at("alice"), fields=(("Name", "text"), ("State", "text"), ("Notes", "long_text"))
        )
        for name in ("Drill", "Saw"):
            rows.create(listings.of(table, at("alice")), {"f1": name}, by=at("alice"))
        return table


AT = "/acme/records/things"


def test_labels_are_of_what_the_list_shows(browse, things):
    vera = browse("vera")
    assert f'href="{AT}/labels?q=saw"' in vera.get(f"{AT}?q=saw").text
    page = vera.get(f"{AT}/labels?q=saw").text
    assert "1 label" in page
    assert 'name="q" value="saw"' in page
    made = vera.get(f"{AT}/labels.pdf?q=saw&code=f1&how=bars&sheet=roll")
    assert (made.status_code, made.content_type, made.data) == (200, "application/pdf", b"%PDF")
    assert made.headers["Cache-Control"] == "no-store"
    assert vera.get(f"{AT}/labels.pdf?line=f3").data == b"%PDF"  # a long text, which the list doesn't show
    refused = vera.get(f"{AT}/labels.pdf?sheet=a0")
    assert refused.status_code == 422
    assert "Choose of what is offered." in refused.text
    assert "No row to print a label for" in vera.get(f"{AT}/labels?q=nothing").text


def test_a_row_is_a_page_as_its_builder_said(browse, things):
    alice = browse("alice")
    assert f"{AT}/1/page.pdf" in alice.get(f"{AT}/1").text
    assert alice.get(f"{AT}/1/page.pdf").data == b"%PDF"  # nobody said anything: all fields, long texts too
    assert "Heading" in alice.get(f"{AT}/page").text
    wrong = alice.post(f"{AT}/page", data={"title": "{Nope}", "above": "kept"})
    assert wrong.status_code == 422
    assert "kept" in wrong.text
    assert alice.post(f"{AT}/page", data={"title": "For {Name}", "fields": ["2"]}).status_code == 303
    assert "For {Name}" in alice.get(f"{AT}/page").text
    assert browse("vera").get(f"{AT}/1/page.pdf").data == b"%PDF"
    assert browse("vera").get(f"{AT}/9/page.pdf").status_code == 404
