"""Files in cells of rows: put there by who may change the field, seen by who sees it, and by nobody else."""

import io

import pytest
from werkzeug.datastructures import MultiDict

from domain import Forbidden, NotFound
from domain.lists import asks, attachments, conditions, lists, rows
from domain.records import collections, kind_changes, listings, rules
from models import StoredFile


@pytest.fixture
def row(at, inside_acme):
    """A row of Rooms, with a plan and photos that it could have."""
    by = at("alice")
    collections.make("Rooms", by=by)
    for label in ("Plan", "Photos"):
        collections.add_field("rooms", label, "files", by=by)
    return rows.create(of(by), {of(by).listing.first: "Hall"}, by=by)


def of(by):
    return listings.find("rooms", by)


def name(by, label):
    return next(f.name for f in of(by).listing.fields if f.label == label)


def put(by, row, label, called, data=b"hello"):
    field = name(by, label) if label else ""
    return attachments.add(of(by), row.id, io.BytesIO(data), called, by=by, field=field)


def shown(by, label="Photos", **asked):
    listing = of(by).listing
    field = listing.by_name[name(by, label)]
    answer = lists.read(listing, asks.understand(listing, asked), by)
    return [field.kind.plain(getattr(row, field.name)) for row in answer.rows]


def test_files_stand_in_their_cell_in_the_order_in_which_they_came(row, at):
    by = at("alice")
    first, second = put(by, row, "Photos", "b.txt"), put(at("bob"), row, "Photos", "a.txt")
    other = put(by, row, "", "of the row.txt")
    assert shown(by) == ["b.txt; a.txt"]
    assert shown(by, "Plan") == [""]
    assert [file.id for file in attachments.on(of(by).listing, row.id)] == [other.id]
    attachments.remove(of(by), row.id, first.id, by=by)
    assert shown(by) == ["a.txt"]
    attachments.put_back(of(by), row.id, first.id, by=by)
    assert shown(by) == ["b.txt; a.txt"]
    assert second.slot == int(name(by, "Photos")[1:])


def test_rows_are_found_by_the_names_of_their_files(row, at):
    by = at("alice")
    put(by, row, "Photos", "Façade.txt")

    def asked(operator, *texts):
        return len(shown(by, where=[conditions.Condition(name(by, "Photos"), operator, texts).written()]))

    assert (asked("contains", "facade"), asked("contains", "plan"), asked("lacks", "plan")) == (1, 0, 1)
    assert (asked("empty"), asked("not_empty")) == (0, 1)


def test_who_does_not_see_the_field_finds_no_file_of_it(row, at):
    by, bob = at("alice"), at("bob")
    secret, plain = put(by, row, "Plan", "secret.txt"), put(by, row, "Photos", "photo.txt")
    plan, photos = name(by, "Plan"), name(by, "Photos")
    rule = {"sees": "all", "changes": "all", "others": "change", f"field_{plan[1:]}": "nothing"}
    rules.change("rooms", "role:member", MultiDict(rule | {f"field_{photos[1:]}": "see"}), by=by)
    assert attachments.get(of(bob), row.id, plain.id, bob).id == plain.id
    for act in (attachments.get, lambda *args: attachments.remove(*args[:-1], by=bob)):
        with pytest.raises(NotFound):
            act(of(bob), row.id, secret.id, bob)
    for field, refusal in ((plan, NotFound), (photos, Forbidden), ("f1", NotFound), ("f999", NotFound)):
        with pytest.raises(refusal):
            attachments.add(of(bob), row.id, io.BytesIO(b"x"), "x.txt", by=bob, field=field)
    assert StoredFile.select().count() == 2


def test_names_of_files_become_text_and_the_files_come_back(row, at):
    by = at("alice")
    put(by, row, "Photos", "a.txt")
    put(by, row, "Photos", "b.txt")
    field = int(name(by, "Photos")[1:])
    kind_changes.begin("rooms", field, "text", by=by)
    while kind_changes.work():
        pass
    assert shown(by) == ["a.txt; b.txt"]
    assert StoredFile.select().where(StoredFile.archived_at.is_null()).count() == 2


def test_a_row_comes_back_from_the_trash_with_its_files(row, at):
    by = at("alice")
    put(by, row, "Photos", "a.txt")
    removed = rows.remove(of(by), row.id, by=by)
    rows.undo(of(by), removed.batch, by=by)
    assert shown(by) == ["a.txt"]
