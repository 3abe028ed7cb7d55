"""The trash: what was removed comes back whole, for who may, as long as the organization keeps it."""

import io

import pytest

from database.scope import inside
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import changes, settings
from domain.lists import attachments, comments, rows, trash
from domain.organizations import own_settings
from domain.records import collections, listings
from domain.tasks import tasks
from models import AuditEvent, Comment, Membership, StoredFile, Task
from tests.fixtures.threads import write

RULES = tasks.rules


def make(by, title="Call the printer", **form):
    return rows.create(RULES, {"title": title} | form, by=by)


def found(by, **asked):
    return [name for _, name in trash.removed(RULES.listing, by, **asked)[0]]


def first(by):
    return trash.removed(RULES.listing, by)[0][0][0]


def keep(days, at):
    own_settings.keep_trash(days, by=at("alice"))


def test_a_removed_task_comes_back_as_it_was_with_comments_and_files(cast, at, inside_acme):
    task = make(at("alice"), status="completed", due_at="2026-07-01", assigned_to=str(cast.bob.id))
    comments.add(RULES, task.id, {"text": "Hello"}, by=at("bob"), page="/acme/tasks")
    attachments.add(RULES, task.id, io.BytesIO(b"x"), "a.txt", by=at("bob"))
    stood = Task.get_by_id(task.id).__data__
    rows.remove(RULES, task.id, by=at("alice"))
    assert found(at("alice")) == ["Call the printer"]
    assert trash.restore(RULES, [first(at("alice")).id], by=at("alice")) == 1
    same = {name for name, value in Task.get_by_id(task.id).__data__.items() if stood[name] == value}
    assert set(stood) - same <= {"created_at", "updated_at"}
    assert len(comments.thread(RULES.listing, task.id)) == len(attachments.on(RULES.listing, task.id)) == 1
    assert found(at("alice")) == []


def test_a_row_of_peoples_tables_comes_back_by_the_same_door(at, inside_acme):
    table = collections.make("Repairs", by=at("alice"), fields=(("Name", "text"),))
    rules = listings.of(table, at("alice"))
    row = rows.create(rules, {"f1": "Toaster"}, by=at("alice"))
    rows.remove(rules, row.id, by=at("alice"))
    ((change, name),), _ = trash.removed(rules.listing, at("alice"))
    assert (name, trash.restore(rules, [change.id], by=at("alice"))) == ("Toaster", 1)
    assert rows.get(rules, row.id, at("alice"))


def test_one_sees_what_one_removed_and_admins_see_everything(cast, at, inside_acme):
    for name in ("alice", "bob"):
        rows.remove(RULES, make(at(name), f"{name}'s").id, by=at(name))
    assert (found(at("bob")), found(at("alice")), found(at("dora"))) == (["bob's"], ["bob's", "alice's"], [])
    with pytest.raises(NotFound):
        trash.restore(RULES, [first(at("alice")).id], by=at("dora"))
    with pytest.raises(Forbidden):
        trash.restore(RULES, [first(at("alice")).id], by=at("vera"))
    with inside(cast.globex):
        assert found(at("charlie", "globex")) == []


def test_it_is_searched_and_goes_on_from_page_to_page(at, inside_acme, monkeypatch):
    monkeypatch.setattr(trash, "PAGE", 2)
    for number in range(3):
        rows.remove(RULES, make(at("alice"), f"Lantern {number}").id, by=at("alice"))
    shown, more = trash.removed(RULES.listing, at("alice"))
    assert [name for _, name in shown] == ["Lantern 2", "Lantern 1"]
    assert found(at("alice"), before=more) == ["Lantern 0"]
    assert found(at("alice"), q="tern 1") == ["Lantern 1"]


def test_restoring_twice_restores_once_and_too_many_are_refused(at, inside_acme):
    rows.remove(RULES, make(at("alice")).id, by=at("alice"))
    removal = first(at("alice")).id
    trash.restore(RULES, [removal, removal], by=at("alice"))
    with pytest.raises(NotFound):
        trash.restore(RULES, [removal], by=at("alice"))
    with pytest.raises(Refused, match="At most 200"):
        trash.restore(RULES, list(range(201)), by=at("alice"))
    assert Task.select().count() == 1


def test_a_task_of_who_has_left_comes_back_as_whoever_restores_it(cast, at, inside_acme):
    task = make(at("bob"), assigned_to=str(cast.bob.id))
    rows.remove(RULES, task.id, by=at("alice"))
    write(
        lambda: Membership.delete().where(Membership.user == cast.bob, Membership.organization == cast.acme).execute()
    )
    trash.restore(RULES, [first(at("alice")).id], by=at("alice"))
    back = Task.get_by_id(task.id)
    assert (back.user_id, back.assigned_to_id) == (cast.alice.id, None)


@pytest.mark.parametrize(("kept", "days"), [("30", 30), ("90", 90)])
def test_it_is_kept_as_long_as_the_organization_says_and_then_let_go(at, inside_acme, clock, kept, days):
    keep(kept, at)
    task = make(at("alice"))
    comments.add(RULES, task.id, {"text": "Hello"}, by=at("alice"), page="/acme/tasks")
    attachments.add(RULES, task.id, io.BytesIO(b"x"), "a.txt", by=at("alice"))
    rows.remove(RULES, task.id, by=at("alice"))
    settings.change("change_retention_days", "1", by=at("alice").user)
    clock.forward(days=days - 1)
    assert (changes.prune(100) >= 0, trash.purge(), found(at("alice"))) == (True, 0, ["Call the printer"])
    clock.forward(days=2)
    assert (found(at("alice")), trash.purge(), trash.purge()) == ([], 2, 0)
    assert (Comment.select().count(), StoredFile.get().archived_at is not None) == (0, True)


def test_for_ever_is_for_ever(at, inside_acme, clock):
    keep("0", at)
    rows.remove(RULES, make(at("alice")).id, by=at("alice"))
    clock.forward(days=4000)
    changes.prune(100)
    assert (trash.purge(), found(at("alice"))) == (0, ["Call the printer"])


def test_what_was_put_back_keeps_what_belongs_to_it(at, inside_acme, clock):
    task = make(at("alice"))
    comments.add(RULES, task.id, {"text": "Hello"}, by=at("alice"), page="/acme/tasks")
    rows.remove(RULES, task.id, by=at("alice"))
    trash.restore(RULES, [first(at("alice")).id], by=at("alice"))
    clock.forward(days=31)
    assert (trash.purge(), Comment.select().count()) == (0, 1)


def test_how_long_is_chosen_by_admins_and_logged(at, inside_acme):
    with pytest.raises(Forbidden):
        own_settings.keep_trash("90", by=at("bob"))
    with pytest.raises(Invalid):
        own_settings.keep_trash("31", by=at("alice"))
    keep("90", at)
    keep("90", at)
    told = AuditEvent.select().where(AuditEvent.summary == "Removed rows are kept for 90 days")
    assert told.count() == 1
