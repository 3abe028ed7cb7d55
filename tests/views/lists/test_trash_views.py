"""The trash as a page: what is in it, and one or many restored."""

import re

import pytest

from domain.lists import rows
from domain.tasks import tasks
from models import Task


@pytest.fixture
def gone(at, inside_acme):
    for title in ("Lantern <1>", "Candle"):
        rows.remove(tasks.rules, rows.create(tasks.rules, {"title": title}, by=at("alice")).id, by=at("alice"))


def test_it_says_who_removed_what_and_is_searched(browse, gone):
    page = browse("alice").get("/acme/tasks/trash").text
    assert ("Lantern &lt;1&gt;" in page, "Removed by Alice" in page, "for 30 days" in page) == (True, True, True)
    found = browse("alice").get("/acme/tasks/trash?q=lan").text
    assert ("Lantern" in found, "Candle" in found) == (True, False)
    assert "The trash is empty" in browse("bob").get("/acme/tasks/trash").text
    assert browse("charlie").get("/acme/tasks/trash").status_code == 404


def test_many_are_restored_at_once_without_script(browse, at, gone):
    alice = browse("alice")
    ids = re.findall(r'type="checkbox"[^>]*name="ids" value="(\d+)"', alice.get("/acme/tasks/trash").text)
    answer = alice.post("/acme/tasks/restoration", data={"ids": ids})
    assert (len(ids), answer.status_code, answer.location) == (2, 303, "/acme/tasks/trash")
    assert Task.select().count() == 2
    rows.remove(tasks.rules, Task.get().id, by=at("alice"))
    one = re.findall(r'name="one" value="(\d+)"', alice.get("/acme/tasks/trash").text)
    assert alice.post("/acme/tasks/restoration", data={"one": one, "ids": ["1", "2"]}).status_code == 303
    assert alice.post("/acme/tasks/restoration", data={}, headers={"Accept": "application/json"}).status_code == 422


def test_how_long_it_is_kept_is_a_setting(browse, gone):
    alice = browse("alice")
    assert alice.post("/acme/settings/trash", data={"trash_days": "0"}).status_code == 303
    assert "kept here for ever" in alice.get("/acme/tasks/trash").text
