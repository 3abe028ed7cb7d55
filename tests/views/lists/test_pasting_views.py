"""Rows pasted into a list, by plain forms."""

import re

import pytest

from database.scope import inside
from domain.imports import pasting
from domain.records import collections
from models import Change, RecordOption, Task

TEXT = 'Title\tPriority\tDue\nOrder paper\thigh\t2026-12-31\n"Call ""Ada"""\tlow\t\nWrite\tdunno\t\n'


@pytest.fixture
def table(cast, at):
    with inside(cast.acme):
        return collections.make(
            "Things", by=at("alice"), fields=(("Name", "text"), ("Count", "number"), ("State", "choice", ("New",)))
        )


def form_of(page):
    """What the form on the page sends as it stands."""
    form = dict(re.findall(r'<input type="hidden" name="(form_key|said_\w+)" value="([^"]*)"', page))
    for name, rest in re.findall(r'<select[^>]*name="(to_\d+)"[^>]*>(.*?)</select>', page, re.S):
        form[name] = next(iter(re.findall(r'<option value="([^"]*)" selected', rest)), "")
    form |= dict.fromkeys(re.findall(r'name="(adds_\d+)"[^>]*checked', page), "1")
    return form


def test_rows_are_pasted_looked_at_added_and_taken_back_in_one(browse, cast):
    alice = browse("alice")
    assert 'href="/acme/tasks/paste"' in alice.get("/acme/tasks").get_data(True)
    assert "Paste tasks" in alice.get("/acme/tasks/paste").get_data(True)
    page = alice.post("/acme/tasks/paste", data={"text": TEXT}).get_data(True)
    assert "the first row names the columns" in page
    assert "2 can be added, 1 can’t." in page
    assert "Choose one of: Low, Medium, High." in page
    with inside(cast.acme):
        assert Task.select().count() == 0
    form = form_of(page) | {"text": TEXT, "put": "1"}
    assert (form["to_0"], form["to_1"], form["to_2"]) == ("title", "priority", "due_at")
    response = alice.post("/acme/tasks/paste", data=form, follow_redirects=True)
    said = response.get_data(True)
    with inside(cast.acme):
        made = Task.select().count()
        assert f"{made} tasks added. 1 was refused." in said
        batches = {change.batch for change in Change.select().where(Change.table == "task")}
    again = alice.post("/acme/tasks/paste", data=form)
    assert again.status_code == 303
    with inside(cast.acme):
        assert Task.select().count() == made
    (batch,) = batches
    alice.post(f"/acme/tasks/undo/{batch}")
    with inside(cast.acme):
        assert Task.select().count() == 0


def test_rows_without_names_go_into_the_fields_in_their_order_and_words_are_added(browse, cast, table):
    alice, text = browse("alice"), "Bolt\t12\tNew\nNut\tca. 3\tWaiting\nNail\t4\tWaiting\n"
    page = alice.post("/acme/records/things/paste", data={"text": text}).get_data(True)
    assert "3 rows" in page
    assert "Add 3" in page
    assert "Stays as words: Count" in page
    form = form_of(page) | {"text": text, "put": "1"}
    assert (form["to_0"], form["to_1"], form["to_2"], form["adds_2"]) == ("f1", "f2", "f3", "1")
    said = alice.post("/acme/records/things/paste", data=form, follow_redirects=True).get_data(True)
    assert "3 rows added." in said
    assert "ca. 3" in said
    with inside(cast.acme):
        assert [option.label for option in RecordOption.select()] == ["New", "Waiting"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste some rows first."),
        ("x\n" * (pasting.MOST + 1), "Bring them in as a file."),
        ("\t" * 300 + "x", "301"),
    ],
)
def test_what_cant_be_pasted_is_said_and_kept(browse, text, said):
    response = browse("alice").post("/acme/tasks/paste", data={"text": text})
    assert response.status_code == 422
    assert said in response.get_data(True)


def test_who_may_not_add_pastes_nothing(browse, table):
    assert browse("vera").post("/acme/tasks/paste", data={"text": "x\n"}).status_code == 403
    assert "/paste" not in browse("vera").get("/acme/tasks").get_data(True)
