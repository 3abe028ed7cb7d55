"""The page of a row: what happened and what was said, in order."""

import pytest

from domain.lists import comments, rows
from domain.tasks import tasks


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


@pytest.fixture
def said(at, task):
    return comments.add(tasks.rules, task.id, {"text": "**Hello** @Bob <b>x"}, by=at("alice"), page="/acme/tasks")[0]


def test_a_comment_stands_in_the_activity_in_order_with_the_history(browse, at, task, said):
    rows.change(tasks.rules, task.id, {"status": "completed"}, by=at("alice"))
    page = browse("bob").get(f"/acme/tasks/{task.id}").text
    assert '<strong>Hello</strong> <span class="mention mention-you">@Bob</span> &lt;b&gt;x' in page
    assert page.index("created it") < page.index("<strong>Hello</strong>") < page.index("Pending</bdi> →")
    assert f"/comments/{said.id}/removal" not in page  # alice's, and bob is no admin
    assert 'data-stale="task task:comments task:files label"' in page


def test_a_long_thread_says_that_there_is_more(browse, at, task, monkeypatch):
    monkeypatch.setattr(comments, "SHOWN", 2)
    for number in range(3):
        comments.add(tasks.rules, task.id, {"text": f"number {number}"}, by=at("alice"), page="/acme/tasks")
    browser = browse("alice")
    page = browser.get(f"/acme/tasks/{task.id}").text
    assert ("number 0" in page, "Show older comments" in page) == (False, True)
    assert "number 0" in browser.get(f"/acme/tasks/{task.id}?comments=10").text
