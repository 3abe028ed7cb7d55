"""Labels of tasks: one word made by typing, kept in order in one place, no task touched by it."""

import pytest

from domain import Forbidden, Invalid
from domain.lists import asks, lists, rows
from domain.tasks import labels, tasks
from models import Label, Task


def make(by, title, words):
    labels.add_typed(words, by=by)
    return rows.create(tasks.of(by), {"title": title, "labels": words}, by=by)


def said(by, id):
    found = tasks.of(by).listing
    return found.by_name["labels"].kind.plain(Task.get_by_id(id).labels)


def found(by, **asked):
    listing = tasks.of(by).listing
    ask = asks.understand(listing, {"tab": "all"} | asked)
    return [row.title for row in lists.read(listing, ask, by).rows]


def label(word):
    return Label.get(Label.label == word)


def test_a_label_is_made_by_typing_it_and_stands_once(at, inside_acme):
    by = at("alice")
    task = make(by, "a", 'Urgent; "Stage; main"; urgent')
    assert said(by, task.id) == '"Stage; main"; Urgent'
    make(at("bob"), "b", "URGENT")
    assert [one.label for one in labels.options()] == ["Stage; main", "Urgent"]
    with pytest.raises(Forbidden):
        labels.add(["New"], by=at("vera"))


def test_tasks_are_found_by_a_label_and_by_conditions(at, inside_acme):
    by = at("alice")
    for title, words in (("a", "Urgent; Stage"), ("b", "Stage"), ("c", "")):
        make(by, title, words)
    assert found(by, labels="Stage") == ["b", "a"]
    assert found(by, labels="Urgent", sort="title") == ["a"]
    assert found(by, where=["and~labels~has_none~Stage"]) == ["c"]
    assert (
        lists.counts(
            tasks.of(by).listing, asks.understand(tasks.of(by).listing, {"tab": "all", "labels": "Stage"}), by
        )["pending"]
        == 2
    )


def test_renaming_merging_and_putting_away_touch_no_task(at, inside_acme):
    by = at("alice")
    both = make(by, "both", "Urgent; Soon")
    late = make(by, "late", "Soon")
    stood = [Task.get_by_id(id).labels for id in (both.id, late.id)]
    rows.change(labels.rules, label("Urgent").id, {"label": "Now"}, by=by)
    rows.act(labels.rules, "merging", [label("Soon").id], by=by, value=str(label("Now").id))
    assert [said(by, id) for id in (both.id, late.id)] == ["Now", "Now"]
    assert found(by, labels="Now") == ["late", "both"]
    rows.act(labels.rules, "restoring", [label("Soon").id], by=by)
    assert said(by, late.id) == "Soon"
    rows.act(labels.rules, "archiving", [label("Soon").id], by=by)
    rows.change(tasks.of(by), late.id, {"labels": "Soon; Now"}, by=by)  # what was put away stays where it stands
    assert said(by, late.id) == "Now; Soon"
    assert stood[0] == Task.get_by_id(both.id).labels


def test_a_word_stands_once_and_only_admins_keep_order(at, inside_acme):
    make(at("alice"), "a", "Urgent; Soon")
    with pytest.raises(Invalid):
        rows.change(labels.rules, label("Soon").id, {"label": "urgent"}, by=at("alice"))
    with pytest.raises(Forbidden):
        rows.change(labels.rules, label("Soon").id, {"label": "Later"}, by=at("bob"))


def test_many_tasks_get_and_lose_a_label_and_keep_the_others(at, inside_acme):
    by = at("alice")
    ids = [make(by, "a", "Urgent").id, make(by, "b", "Soon").id]
    batch, done, _ = rows.bulk(tasks.of(by), ids, {"labels": "+Soon"}, by=by)
    assert (done, [said(by, id) for id in ids]) == (1, ["Soon; Urgent", "Soon"])
    rows.undo(tasks.of(by), batch, by=by)
    assert said(by, ids[0]) == "Urgent"
    rows.bulk(tasks.of(by), ids, {"labels": "-Soon"}, by=by)
    assert [said(by, id) for id in ids] == ["Urgent", ""]
    with pytest.raises(Invalid):
        rows.bulk(tasks.of(by), ids, {"labels": "+Nothing"}, by=by)


def test_a_removed_task_comes_back_with_its_labels(at, inside_acme):
    by = at("alice")
    task = make(by, "a", "Urgent; Soon")
    change = rows.remove(tasks.of(by), task.id, by=by)
    rows.undo(tasks.of(by), change.batch, by=by)
    assert said(by, task.id) == "Soon; Urgent"
