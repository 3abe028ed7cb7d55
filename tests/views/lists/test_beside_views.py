"""A row that stands open beside its list: of tasks and of people's tables, in lists, boards and calendars."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from models import Record

PANEL = {"HX-Request": "true", "HX-Target": "panel"}


@pytest.fixture
def lamp(cast, at):
    with inside(cast.acme):
        fields = (("Name", "text"), ("State", "choice", ("New", "Done")), ("On", "day"))
        rules = listings.of(collections.make("Repairs", by=at("alice"), fields=fields), at("alice"))
        rows.create(rules, {rules.listing.first: "Lamp", rules.listing.fields[2].name: "2026-03-01"}, by=at("alice"))
        return Record.get().id


@pytest.mark.parametrize("view", ["", "&view=board", "&view=calendar&cal_day=2026-03-01"])
def test_an_address_opens_the_list_with_the_row_beside_it(browse, lamp, view, outline):
    answer = browse("alice").get(f"/acme/records/repairs?open={lamp}{view}")
    _, ids = outline(answer)
    assert answer.status_code == 200
    assert ids.count("row_detail") == ids.count("row_form") == ids.count("panel") == 1
    assert len(ids) == len(set(ids))
    panel = answer.text.partition('id="panel"')[2]
    assert "Lamp" in panel
    assert "Open its page" in panel


def test_it_is_asked_for_alone_and_says_where_its_list_is(browse, task):
    page = browse("alice").get(f"/acme/tasks/{task.id}", headers=PANEL).text
    assert "<html" not in page
    assert 'id="row_detail"' in page
    assert 'id="row_comment"' in page
    assert 'href="/acme/tasks" ' in page.partition("data-panel-close")[0].rpartition("<a")[2] + " "


def test_what_is_not_theirs_or_gone_opens_nothing_and_says_so(browse, lamp):
    page = browse("alice").get(f"/acme/records/repairs?open={lamp + 1}").text
    assert "isn’t here" in page or "isn&#39;t here" in page
    assert 'id="row_detail"' not in page
    assert browse("charlie").get(f"/acme/records/repairs/{lamp}", headers=PANEL).status_code == 404


def test_a_saved_view_does_not_keep_what_was_open(browse, lamp, cast):
    alice = browse("alice")
    saved = alice.post("/acme/records/repairs/views", data={"name": "All", "query": f"open={lamp}&sort=oldest"})
    assert "open=" not in saved.headers["Location"]
