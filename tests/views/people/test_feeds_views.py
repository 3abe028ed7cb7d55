"""A calendar link: made in the calendar, shown once, read by a program without a session, listed and ended."""

import re

from database.scope import inside
from domain.base import allowances
from domain.lists import rows
from domain.tasks import tasks


def test_a_link_is_made_read_listed_and_ended(browse, at, cast, hx):
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Call the printer", "due_at": "2026-12-04"}, by=at("alice"))
    client, program = browse("alice"), browse(None)
    asked = "/acme/tasks/subscription?view=calendar&tab=all&cal_day=2026-12-01"
    assert "Make the link" in client.get(asked, headers=hx("dialog")).text
    page = client.post(asked, headers=hx("dialog")).text
    (path,) = re.findall(r'value="[^"]*(/calendars/[\w-]+\.ics)"', page)
    read = program.get(path)
    assert (read.status_code, read.mimetype) == (200, "text/calendar")
    assert "DTSTART;VALUE=DATE:20261204" in read.text
    same = program.get(path, headers={"If-None-Match": read.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    listed = client.get("/settings/calendars").text
    assert "Last read" in listed
    assert path not in listed
    assert path not in client.get(asked, headers=hx("dialog")).text
    (end,) = set(re.findall(r"/settings/calendars/\d+/end", listed))
    assert browse("bob").post(end).status_code == 404
    client.post(end)
    assert program.get(path).status_code == 404


def test_a_link_is_read_so_often_and_no_oftener(browse, cast, monkeypatch):
    client = browse("alice")
    page = client.post("/acme/tasks/subscription?view=calendar").text
    (path,) = re.findall(r'value="[^"]*(/calendars/[\w-]+\.ics)"', page)
    monkeypatch.setitem(allowances.SPENT, "feeds", allowances.parse("2/hour"))
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    assert [browse(None).get(path).status_code for _ in range(3)] == [200, 200, 429]
