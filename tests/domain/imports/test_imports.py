"""A file comes into a list: rehearsed, done, taken back, whatever happens on the way."""

import io

import pytest

from database.scope import inside
from domain import Invalid
from domain.imports import doing, imports, mappings
from domain.lists import rows
from domain.tasks import labels, tasks
from models import Change, ImportRow, Notification, Task


@pytest.fixture
def acme(cast):
    with inside(cast.acme):
        yield cast.acme


@pytest.fixture
def alice(at):
    return at("alice")


def took(by, text, name="tasks.csv", **mapping):
    """A file that was taken and rehearsed."""
    held = imports.take(tasks.rules, io.BytesIO(text if isinstance(text, bytes) else text.encode()), name, by=by)
    imports.rehearse(tasks.rules, held, held.mapping | mapping, by=by)
    assert doing.work() == 1
    return fresh(held)


def fresh(held):
    return type(held).get_by_id(held.id)


def brought(by, text, **mapping):
    held = took(by, text, **mapping)
    imports.run(tasks.rules, held, by=by)
    assert doing.work() == 1
    return fresh(held)


def counts(held):
    return {verdict: getattr(held, verdict) for verdict in imports.VERDICTS if getattr(held, verdict)}


def verdicts(held):
    return [(row.line, row.verdict, row.note) for row in imports.lines(held)[0]]


FILE = "Title,Priority,Due,Notes\nOrder paper,High,2026-12-31,x\nCall Ada,low,,y\n"


def test_a_file_is_rehearsed_without_a_change_and_then_done(acme, alice):
    held = took(alice, FILE)
    assert held.mapping["fields"] == ["title", "priority", "due_at", ""]
    assert (held.state, counts(held), Task.select().count()) == ("rehearsed", {"new": 2}, 0)
    imports.run(tasks.rules, held, by=alice)
    doing.work()
    assert (fresh(held).state, counts(fresh(held))) == ("done", {"new": 2})
    found = list(Task.select().order_by(Task.id))
    assert [(t.title, t.priority, str(t.due_at), t.category, t.user_id) for t in found] == [
        ("Order paper", "high", "2026-12-31", "general", alice.user.id),
        ("Call Ada", "low", "None", "general", alice.user.id),
    ]
    assert Change.select().count() == 1
    assert Notification.select().count() == 0


def test_a_key_tells_what_is_new_changed_same_and_twice(acme, alice, at):
    rows.create(tasks.rules, {"title": "Order paper", "priority": "low"}, by=alice)
    rows.create(tasks.rules, {"title": "Call Ada", "priority": "low"}, by=alice)
    rows.create(tasks.rules, {"title": "Twice"}, by=alice)
    rows.create(tasks.rules, {"title": "Twice"}, by=alice)
    text = FILE + "New one,low,,\norder  paper,low,,\nTwice,low,,\n"
    held = took(alice, text, key=["title"])
    assert verdicts(held)[:4] == [
        (2, "changed", None),
        (3, "same", None),
        (4, "new", None),
        (5, "refused", "It has the same key as line 2."),
    ]
    assert verdicts(held)[4][2].startswith("Several tasks have this key already")
    changed = ImportRow.get(ImportRow.line == 2)
    assert changed.changes == {"priority": ["low", "high"], "due_at": [None, "2026-12-31"]}
    assert counts(took(alice, text, key=["title"], mode="new")) == {"new": 1, "left_out": 2, "refused": 2}
    assert counts(took(alice, text, key=["title"], mode="change")) == {
        "changed": 1,
        "same": 1,
        "left_out": 1,
        "refused": 2,
    }


def test_empty_cells_leave_what_is_there_or_empty_it(acme, alice):
    made = rows.create(tasks.rules, {"title": "Call Ada", "priority": "high", "due_at": "2026-12-31"}, by=alice)
    text = "Title,Due\nCall Ada,\n"
    assert counts(brought(alice, text, key=["title"])) == {"same": 1}
    assert counts(brought(alice, text, key=["title"], empties="empty")) == {"changed": 1}
    assert Task.get_by_id(made.id).due_at is None


def test_a_new_row_has_what_is_never_empty_whatever_its_cells_say(acme, alice):
    held = brought(alice, "Title,Priority,Due\nNew one,,\n", key=["title"], empties="empty")
    assert counts(held) == {"new": 1}
    made = Task.get(Task.title == "New one")
    assert (made.priority, made.due_at) == ("medium", None)


def test_records_28_good_lines_come_in_and_the_others_are_on_the_error_sheet(acme, alice):
    lines = [f"T{n}," for n in range(17)] + ["T3,", "Late,2026-02-30"]
    held = brought(alice, "Title,Due\n" + "\n".join(lines) + "\n", key=["title"])
    assert counts(held) == {"new": 17, "refused": 2}
    columns, found = imports.error_sheet(held, tasks.rules)
    assert columns == ["Title", "Due", "Why it didn't come in"]
    assert [row[:2] for row in found] == [["T3", ""], ["Late", "2026-02-30"]]
    assert next(row[2] for row in imports.error_sheet(held, tasks.rules)[1]) == "It has the same key as line 5."


def test_records_30_of_17_dates_none_goes_without_a_word(acme, alice):
    days = ["2026-03-29"] + [f"{n}th of May" for n in range(16)]
    held = took(alice, "Title,Due\n" + "".join(f"T{n},{day}\n" for n, day in enumerate(days)))
    assert counts(held) == {"new": 1, "refused": 16}
    assert "1th of May" in verdicts(held)[2][2]


def test_records_6_the_order_of_a_column_of_dates_is_decided_by_all_of_it_or_asked(acme, alice):
    held = brought(alice, "Title,Due\na,09-01-2025\nb,15-01-2025\n")
    assert [str(t.due_at) for t in Task.select().order_by(Task.id)] == ["2025-01-09", "2025-01-15"]
    assert held.mapping["formats"]["1"]["order"] == "dmy"
    with pytest.raises(Invalid) as asked:
        took(alice, "Title,Due,Notes\na,09-01-2025,\n")
    assert "format_1_order" in asked.value.fields
    brought(alice, "Title,Due,Notes\nc,09-01-2025,\n", formats={"1": {"order": "mdy"}})
    assert str(Task.get(Task.title == "c").due_at) == "2025-09-01"


def test_unknown_words_of_a_choice_are_listed_with_counts_and_mapped(acme, alice):
    text = "Title,Status\na,WIP\nb,wip\nc,Nope\nd,In Progress\n"
    held = imports.take(tasks.rules, io.BytesIO(text.encode()), "t.csv", by=alice)
    (_, status) = mappings.columns(tasks.listing, imports.look(held), held.mapping)
    assert [(word, count) for word, count, _ in status.words] == [("WIP", 1), ("wip", 1), ("Nope", 1)]
    held = took(alice, text, words={"1": {"wip": "in progress", "nope": ""}})
    assert [verdict for _, verdict, _ in verdicts(held)] == ["new", "new", "refused", "new"]


def test_an_undo_puts_back_what_nobody_changed_since(acme, alice):
    made = rows.create(tasks.rules, {"title": "Old", "priority": "low", "category": "a"}, by=alice)
    held = brought(alice, "Title,Priority,Category\nOld,high,b\nNew,low,c\nTouched,low,d\n", key=["title"])
    assert counts(held) == {"new": 2, "changed": 1}
    rows.change(tasks.rules, made.id, {"category": "mine"}, by=alice)
    touched = Task.get(Task.title == "Touched")
    rows.change(tasks.rules, touched.id, {"description": "by hand"}, by=alice)
    imports.undo(tasks.rules, held, by=alice)
    doing.work()
    assert (fresh(held).state, fresh(held).kept) == ("undone", 2)
    assert {(t.title, t.priority, t.category) for t in Task.select()} == {
        ("Old", "low", "mine"),
        ("Touched", "low", "d"),
    }


def test_what_one_may_not_change_is_refused_with_why(acme, alice, at):
    made = rows.create(tasks.rules, {"title": "Alice's", "priority": "low"}, by=alice)
    held = took(at("bob"), f"Id,Title\n{made.id},Mine now\n999999,Nobody's\nx,y\n")
    assert held.mapping["key"] == ["id"]
    assert [note for _, _, note in verdicts(held)] == [
        "Only Alice and admins can change this.",
        "There is no task 999999 that you can see.",
        "“x” is no number of a task.",
    ]


def test_what_was_removed_or_changed_after_the_rehearsal_is_met_as_it_is(acme, alice):
    gone = rows.create(tasks.rules, {"title": "Gone", "priority": "low"}, by=alice)
    kept = rows.create(tasks.rules, {"title": "Kept", "priority": "low"}, by=alice)
    held = took(alice, "Title,Priority\nGone,high\nKept,high\n", key=["title"])
    rows.remove(tasks.rules, gone.id, by=alice)
    rows.change(tasks.rules, kept.id, {"priority": "high"}, by=alice)
    imports.run(tasks.rules, held, by=alice)
    doing.work()
    assert [(v, n) for _, v, n in verdicts(fresh(held))] == [
        ("refused", "This task was removed meanwhile."),
        ("same", None),
    ]


def test_the_mapping_is_remembered_by_what_the_columns_are_called(acme, alice):
    text = "What,How\nOrder paper,high\n"
    brought(alice, text, fields=["title", "priority"])
    again = imports.take(tasks.rules, io.BytesIO(text.encode()), "t.csv", by=alice)
    assert again.mapping["fields"] == ["title", "priority"]
    assert imports.earlier(again).new == 1


def test_notices_go_out_only_where_they_are_asked_for(acme, alice, cast):
    text = "Title,Assignee\nFor Bob,bob@example.org\n"
    brought(alice, text)
    assert Task.get().assigned_to_id == cast.bob.id
    assert Change.select().where(Change.row_id.is_null(False)).count() == 0
    brought(alice, text, told=True)
    assert Change.select().where(Change.row_id.is_null(False)).count() == 1


def test_a_sign_that_no_text_has_refuses_its_line_alone(acme, alice):
    text = "Title\n" + "x\n" * 40_000 + "A\0da\nfine\n"
    held = took(alice, text)
    assert counts(held) == {"new": 40_001, "refused": 1}


def test_records_29_work_that_was_cut_off_goes_on_and_does_nothing_twice(acme, alice, monkeypatch):
    held = took(alice, "Title\n" + "".join(f"T{n}\n" for n in range(1000)))
    imports.run(tasks.rules, held, by=alice)
    do, dead = doing._do_each, []

    def dies(*args, **more):
        do(*args, **more)
        dead.append(1)
        if len(dead) in (1, 3):
            raise SystemExit

    monkeypatch.setattr(doing, "_do_each", dies)
    for _ in range(2):
        with pytest.raises(SystemExit):
            doing.work()
    doing.work()
    assert counts(fresh(held)) == {"new": 1000}
    assert Task.select().count() == 1000
    assert len({t.title for t in Task.select()}) == 1000


def test_a_file_of_tasks_brings_labels_that_are_known_and_how_they_repeat(acme, alice):
    labels.add(["Urgent", "Stage; main"], by=alice)
    held = imports.take(tasks.of(alice), io.BytesIO(LABELLED.encode()), "tasks.csv", by=alice)
    imports.rehearse(tasks.of(alice), held, held.mapping, by=alice)
    doing.work()
    imports.run(tasks.of(alice), fresh(held), by=alice)
    doing.work()
    made = Task.get(Task.title == "a")
    assert tasks.of(alice).listing.by_name["labels"].kind.plain(made.labels) == '"Stage; main"; Urgent'
    assert (made.repeats, bool(made.series), made.occurrence) == ("every week on Monday", True, 1)
    assert counts(fresh(held)) == {"new": 1, "refused": 1}


LABELLED = 'Title,Labels,Repeats\na,"urgent; ""Stage; main""",every week on mon\nb,,sometimes\n'
