"""A list as a calendar: its days as a page, a row moved by a form or by being dragged."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import Task

MARCH = "view=calendar&cal_day=2026-03-05"


@pytest.fixture
def task(at, cast):
    with inside(cast.acme):
        return rows.create(tasks.rules, {"title": "Call the printer", "due_at": "2026-03-04"}, by=at("alice"))


@pytest.mark.parametrize("scale", ["", "month", "week", "agenda", "day"])
def test_each_scale_shows_the_row_on_its_day(browse, task, scale):
    day = "2026-03-04" if scale == "day" else "2026-03-02"
    page = browse("alice").get(f"/acme/tasks?view=calendar&cal={scale}&cal_day={day}").text
    section = page[page.index('data-day="2026-03-04"') :].partition("</section>")[0]
    assert "Call the printer" in section
    assert 'href="/acme/tasks/new?due_at=2026-03-04"' in section


def test_the_filters_keep_the_day_and_the_days_keep_the_filters(browse, task):
    page = browse("alice").get(f"/acme/tasks?{MARCH}&priority=high").text
    assert '<input type="hidden" name="cal_day" value="2026-03-05">' in page
    assert "/acme/tasks?view=calendar&amp;priority=high&amp;cal_day=2026-04-01" in page
    assert "Nothing on these days meets" in page


def test_a_row_is_dragged_and_the_notice_takes_it_back(browse, task, cast):
    client = browse("alice")
    answer = client.post(
        f"/acme/tasks/{task.id}/day?{MARCH}",
        data={"day": "2026-03-09", "was": "2026-03-04"},
        headers={"HX-Request": "true"},
    )
    assert "It is on Monday, 9 March 2026 now." in answer.text
    assert "listChanged" in answer.headers["HX-Trigger"]
    with inside(cast.acme):
        assert Task.get_by_id(task.id).due_at.isoformat() == "2026-03-09"
    client.post("/acme/tasks/undo/" + answer.text.partition("/undo/")[2].partition('"')[0])
    with inside(cast.acme):
        assert Task.get_by_id(task.id).due_at.isoformat() == "2026-03-04"


def test_the_form_does_the_same_without_scripts(browse, task):
    client = browse("alice")
    assert 'value="2026-03-04"' in client.get(f"/acme/tasks/{task.id}/day?{MARCH}").text
    refused = client.post(f"/acme/tasks/{task.id}/day?{MARCH}", data={"day": "soon"})
    assert (refused.status_code, "Write a day as" in refused.text) == (422, True)
    answer = client.post(f"/acme/tasks/{task.id}/day?{MARCH}", data={"day": "2026-03-10"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/acme/tasks?{MARCH}")


def test_who_may_not_change_it_cannot_move_it(browse, task):
    for method in ("get", "post"):
        asked = getattr(browse("bob"), method)(f"/acme/tasks/{task.id}/day?{MARCH}", data={"day": "2026-03-10"})
        assert asked.status_code == 403
    assert "data-from" in (page := browse("bob").get(f"/acme/tasks?{MARCH}&tab=all").text)
    assert 'draggable="true"' not in page


def test_a_table_of_peoples_own_has_a_calendar_where_it_has_a_day(browse, at, cast):
    with inside(cast.acme):
        collections.make("Names", by=at("alice"), fields=(("Who", "text"),))
        made = collections.make("Visits", by=at("alice"), fields=(("Who", "text"), ("From", "day"), ("To", "day")))
        rules = listings.of(made, at("alice"))
        row = rows.create(rules, {"f2": "Ada", "f3": "2026-03-04", "f4": "2026-03-10"}, by=at("alice"))
    client = browse("alice")
    assert "view=calendar" not in client.get("/acme/records/names").text
    page = client.get(f"/acme/records/visits?{MARCH}").text
    assert "w5 " in page  # from Wednesday to Sunday
    assert "w2 " in page  # and on to Tuesday
    assert client.get(f"/acme/records/visits/{row.id}/day?{MARCH}").status_code == 200
    assert client.post(f"/acme/records/names/1/day?{MARCH}", data={"day": "2026-03-10"}).status_code == 404
