"""Comments as pages and forms: with htmx, without script, and refused."""

import pytest

from domain.lists import comments, rows
from domain.tasks import tasks
from models import Comment


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


@pytest.fixture
def said(at, task):
    return comments.add(tasks.rules, task.id, {"text": "**Hello** @Bob <b>x"}, by=at("alice"), page="/acme/tasks")[0]


def test_without_script_a_comment_is_a_form_that_comes_back_to_the_page(browse, task):
    browser = browse("bob")
    answer = browser.post(f"/acme/tasks/{task.id}/comments", data={"text": "Done?"})
    made = Comment.get()
    assert (answer.status_code, answer.location) == (303, f"/acme/tasks/{task.id}#comment_{made.id}")
    changed = browser.post(f"/acme/tasks/{task.id}/comments/{made.id}", data={"text": "Done!", "was_text": "Done?"})
    assert (changed.status_code, Comment.get().text) == (303, "Done!")
    assert browser.post(f"/acme/tasks/{task.id}/comments/{made.id}/removal").status_code == 303
    assert Comment.select().count() == 0


def test_with_htmx_the_form_comes_back_empty_and_the_row_beside_it(browse, hx, task):
    answer = browse("bob").post(f"/acme/tasks/{task.id}/comments", data={"text": "Done?"}, headers=hx("row_comment"))
    assert answer.text.lstrip().startswith('<div id="row_comment"')
    assert 'hx-swap-oob="morph"' in answer.text
    assert "<p>Done?</p>" in answer.text
    assert "maxlength" in answer.text.partition('id="row_detail"')[0]


def test_what_is_refused_stays_in_its_form_with_a_sentence(browse, hx, task, said):
    long, bob, alice = "x" * 5001, browse("bob"), browse("alice")
    answer = bob.post(f"/acme/tasks/{task.id}/comments", data={"text": long}, headers=hx("row_comment"))
    assert answer.status_code == 422
    assert "Keep it to 5,000 characters; this has 5,001." in answer.text
    assert long in answer.text
    at = f"/acme/tasks/{task.id}/comments/{said.id}"
    answer = alice.post(at, data={"text": "Mine", "was_text": "other"}, headers=hx("row_detail"))
    assert (answer.status_code, ">\nMine</textarea>" in answer.text) == (409, True)


def test_who_only_looks_reads_and_has_no_form(browse, task, said):
    page = browse("vera").get(f"/acme/tasks/{task.id}").text
    assert "<strong>Hello</strong>" in page
    assert "/comments" not in page.replace("task:comments", "")
