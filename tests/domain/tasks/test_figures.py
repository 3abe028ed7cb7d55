from datetime import timedelta

import pytest

from domain.lists import rows
from domain.tasks import figures, tasks
from models import Task
from tests.fixtures.threads import write


@pytest.fixture
def put(at, inside_acme):
    def made(who="alice", **form):
        return rows.create(tasks.rules, {"title": "T"} | form, by=at(who))

    return made


def by_label(found):
    return {one.label: (one.value, one.points[-1], one.difference) for one in found}


def test_use_h1_the_four_figures_are_of_ones_own_set_or_of_everybodys(cast, at, clock, put):
    today = clock().date()
    put(due_at=(today - timedelta(days=2)).isoformat())
    put(due_at=(today + timedelta(days=3)).isoformat(), status="in progress")
    put("bob", due_at=(today - timedelta(days=9)).isoformat(), assigned_to=str(cast.alice.id))
    finished = put("bob")
    rows.change(tasks.rules, finished.id, {"status": "completed"}, by=at("bob"))
    assert by_label(figures.standing(at("alice"), False)) == {
        "Overdue": (2, 2, 1),
        "Due this week": (1, 1, 0),
        "In progress": (1, 1, 1),
        "Done this week": (0, 0, 0),
    }
    assert by_label(figures.standing(at("bob"), False))["Done this week"] == (1, 1, 1)
    assert by_label(figures.standing(at("vera"), True))["Done this week"] == (1, 1, 1)
    assert by_label(figures.standing(at("vera"), True))["Overdue"][0] == 2


def test_what_was_in_progress_is_told_back_day_by_day(at, clock, put):
    task = put()
    for days, status in ((2, "in progress"), (3, "completed")):
        clock.forward(days=days)
        rows.change(tasks.rules, task.id, {"status": status}, by=at("alice"))
    clock.forward(days=1)
    (moving,) = [one for one in figures.standing(at("alice"), False) if one.label == "In progress"]
    assert moving.points == (0,) * 9 + (1, 1, 1, 0, 0)


def test_done_by_day_work_by_person_and_what_is_due(cast, at, clock, put):
    task = put(assigned_to=str(cast.bob.id), due_at=clock().date().isoformat())
    put(due_at=(clock().date() + timedelta(days=30)).isoformat())
    finished = put()
    rows.change(tasks.rules, finished.id, {"status": "completed"}, by=at("alice"))
    per_day = figures.per_day(figures.done(at("alice"), True))
    assert (len(per_day), per_day[-1], sum(count for _, count in per_day)) == (30, (clock().date(), 1), 1)
    assert figures.per_person() == [("Alice", 1), ("Bob", 1)]
    put(assigned_to=str(cast.bob.id))
    assert (figures.undated(at("bob"), False), figures.undated(at("alice"), False)) == (1, 0)
    assert {label: [t.id for t in due] for label, due in figures.agenda(at("bob"), False).items()} == {
        "Today": [task.id]
    }
    assert [told["verb"] for told in figures.activity(at("alice"), True)] == [
        "created",
        "completed",
        "created",
        "created",
        "created",
    ]
    assert task.id in [told["id"] for told in figures.activity(at("bob"), False)]


def test_a_figure_that_stopped_at_its_bound_says_so(at, clock, put, monkeypatch):
    for _ in range(4):
        put(status="in progress")
    monkeypatch.setattr(figures, "SUMMED", 3)
    (moving,) = [one for one in figures.standing(at("alice"), True) if one.label == "In progress"]
    assert moving.in_words == "3+"


def test_an_empty_set_is_empty(at, put):
    assert figures.is_empty(at("bob"), True)
    put()
    assert (figures.is_empty(at("bob"), True), figures.is_empty(at("bob"), False)) == (False, True)
    write(Task.delete().execute)
