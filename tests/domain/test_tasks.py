import pytest

import jobs
import models
from domain import Forbidden, NotFound, notices, rows, tasks
from models import Notification, Task


@pytest.fixture
def task(at, inside_acme):
    return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


def test_completing_leaves_exactly_one_notification_naming_the_new_title(cast, at, task, inside_acme):
    assert Notification.select().count() == 0
    form = {"status": "completed", "title": "Call the bookbinder"}
    rows.change(tasks.rules, task.id, form, by=at("alice"))
    rows.change(tasks.rules, task.id, form, by=at("alice"))
    assert Notification.select().count() == 0  # not inside the write
    jobs.work_off()
    (notice,) = notices.newest(cast.alice)
    assert (notice.type, notice.body) == ("task_completed", "Call the bookbinder")
    assert Notification.select().count() == 1


def test_reopening_and_completing_again_notifies_again(cast, at, task, inside_acme):
    for status in ("completed", "pending", "completed"):
        rows.change(tasks.rules, task.id, {"status": status}, by=at("alice"))
    jobs.work_off()
    assert notices.unread(cast.alice) == 2


def test_anothers_task_is_not_found(at, task, inside_acme):
    with pytest.raises(NotFound):
        rows.change(tasks.rules, task.id, {"title": "Mine now"}, by=at("bob"))
    assert Task.get_by_id(task.id).title == "Call the printer"


def test_an_assignee_may_change_the_status_only(cast, at, task, inside_acme):
    rows.change(tasks.rules, task.id, {"assigned_to": str(cast.bob.id)}, by=at("alice"))
    rows.change(tasks.rules, task.id, {"status": "in progress"}, by=at("bob"))
    with pytest.raises(Forbidden):
        rows.change(tasks.rules, task.id, {"title": "Mine now"}, by=at("bob"))
    assert (Task.get_by_id(task.id).status, Task.get_by_id(task.id).title) == ("in progress", "Call the printer")


def test_a_task_of_another_organization_is_out_of_reach(cast, at, task):
    with models.inside(cast.globex), pytest.raises(NotFound):
        rows.get(tasks.rules, task.id, at("charlie", "globex"))
