import pytest

import jobs
import models
from database.scope import inside
from domain.base import notices
from domain.lists import comments, rows
from domain.operations import alerts
from domain.organizations import own_settings
from domain.tasks import tasks
from models import Notification


@pytest.fixture
def told(at, cast):
    """alice gave bob a task, and bob was told."""
    with inside(cast.acme):
        made = rows.create(tasks.rules, {"title": "Fetch the keys", "assigned_to": str(cast.bob.id)}, by=at("alice"))
    jobs.work_off()
    (notice,) = notices.newest(cast.bob)
    return notice, made


def test_the_page_lists_ones_own_and_nobody_elses(browse, told):
    assert "Fetch the keys" in browse("bob").get("/notifications").get_data(True)
    for name in ("alice", "charlie"):
        assert "Fetch the keys" not in browse(name).get("/notifications").get_data(True)


def test_reading_leads_to_the_thing_and_is_noted_once(browse, told, cast):
    notice, task = told
    assert notices.unread(cast.bob) == 1
    bob = browse("bob")
    response = bob.post(f"/notifications/{notice.id}/reading")
    assert (response.status_code, response.headers["Location"]) == (303, f"/acme/tasks/{task.id}")
    read_at = Notification.get_by_id(notice.id).read_at
    assert notices.unread(cast.bob) == 0
    bob.post(f"/notifications/{notice.id}/reading")
    assert Notification.get_by_id(notice.id).read_at == read_at


def test_nobody_reads_what_is_somebody_elses(browse, told, cast):
    notice, _ = told
    for name in ("alice", "charlie", "stella"):
        assert browse(name).post(f"/notifications/{notice.id}/reading").status_code == 404
    assert notices.unread(cast.bob) == 1


def test_htmx_may_stay_and_gets_the_bell(browse, told, hx):
    notice, _ = told
    bob = browse("bob")
    bell = bob.get("/notifications/bell", headers=hx("bell_panel"))
    assert bell.status_code == 200
    assert "<html" not in bell.get_data(True)
    assert "Alice gave you a task" in bell.get_data(True)
    response = bob.post(f"/notifications/{notice.id}/reading", data={"stay": "1"}, headers=hx("bell_panel"))
    assert response.status_code == 200
    assert "<html" not in response.get_data(True)


def test_all_are_read_at_once(browse, told, cast, followed):
    bob = browse("bob")
    assert "Marked 1 as read." in followed(bob, bob.post("/notifications/reading"))
    assert "Nothing was unread." in followed(bob, bob.post("/notifications/reading"))


def test_the_page_goes_on_with_what_is_older(browse, cast):
    from database import transactions

    @transactions.writes
    def many():
        for number in range(65):
            Notification.create(recipient=cast.bob, type="hello", title=f"Notice {number}.")

    many()
    bob = browse("bob")
    first = bob.get("/notifications").get_data(True)
    assert "Notice 64." in first
    assert "Notice 34." not in first
    oldest = Notification.get(Notification.title == "Notice 35.").id
    assert f"before={oldest}" in first
    second = bob.get(f"/notifications?before={oldest}").get_data(True)
    assert "Notice 34." in second
    assert "Notice 35." not in second


def test_an_alert_shows_for_a_day(browse, cast, clock):
    alerts.broadcast("Tea is ready.", by=cast.stella)
    assert "Tea is ready." in browse("bob").get("/notifications").get_data(True)
    clock.forward(hours=25)
    assert "Tea is ready." not in browse("bob").get("/notifications").get_data(True)
    assert models.Alert.select().count() == 1


def test_news_of_a_task_ask_again_whether_their_reader_may_see_it(task, cast, at, queries):
    with inside(cast.acme):
        for n in range(3):
            comments.add(tasks.rules, task.id, {"text": f"Look {n}, @Vera"}, by=at("alice"), page="/acme/tasks")
    jobs.work_off()
    assert {one.body for one in notices.newest(cast.vera)} == {"Look 0, @Vera", "Look 1, @Vera", "Look 2, @Vera"}
    with inside(cast.acme):
        comments.add(tasks.rules, task.id, {"text": "And, @Vera"}, by=at("alice"), page="/acme/tasks")
        own_settings.show_own_tasks_only(True, by=at("alice"))
    jobs.work_off()  # what waited isn't brought any more
    told = [(one.title, one.body, one.link) for one in notices.newest(cast.vera)]
    assert told == [(notices.UNSEEN, None, None)] * 3
    queries.clear()
    notices.newest(cast.vera)
    assert len(queries) <= 6  # however many there are
