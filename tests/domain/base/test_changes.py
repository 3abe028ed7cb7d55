import pytest

import jobs
from database.scope import inside
from domain.base import changes, outgoing
from domain.lists import rows
from domain.operations import alerts
from domain.tasks import tasks
from tests.fixtures.threads import write


def test_a_page_hears_of_what_came_after_its_mark_and_of_nothing_else(cast, at, inside_acme):
    mark = changes.mark(cast.bob)
    assert changes.since(mark, cast.bob) == (mark, [])
    rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    newer, stale = changes.since(mark, cast.bob)
    assert stale == ["task"]
    assert changes.since(newer, cast.bob) == (newer, [])
    write(outgoing.notify, cast.alice, "task_due", "k", "for alice")
    jobs.run("outgoing")
    assert changes.since(newer, cast.bob)[1] == []
    assert changes.since(newer, cast.alice)[1] == ["bell"]
    alerts.broadcast("for all", by=cast.stella)
    assert changes.since(newer, cast.bob)[1] == ["bell"]


def test_another_organizations_changes_are_not_heard(cast, at):
    with inside(cast.globex):
        mark = changes.mark(cast.charlie)
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    with inside(cast.globex):
        assert changes.since(mark, cast.charlie) == (mark, [])


BROKEN = [None, "", "x", "1", "1-2", "1-2-3", "1-2-3-4-5", "-1-0-0-0", "²-0-0-0", "0-0-0-" + "9" * 30, "\x00-0-0-0"]


@pytest.mark.parametrize("mark", BROKEN)
def test_a_broken_mark_is_a_page_that_knows_nothing(cast, at, inside_acme, mark):
    rows.create(tasks.rules, {"title": "Call"}, by=at("alice"))
    assert "task" in changes.since(mark, cast.bob)[1]
