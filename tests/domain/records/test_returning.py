"""A ZIP of tables becomes tables again: cell by cell, file by file; and one that is none is refused with a sentence."""

import contextlib
import hashlib
import io
import json
import sqlite3
import zipfile

import peewee
import pytest

from database.scope import inside
from database.transactions import GaveUp, WriterDown, writes
from database.troubles import Unavailable
from domain import Forbidden, Invalid, Refused
from domain.base import long_jobs
from domain.fields.records.leftover import plain_cell
from domain.files import made_files
from domain.imports import imports, kept_files
from domain.lists import attachments, comments, lists, rows
from domain.records import collections, field_changes, kind_changes, listings
from domain.records.archives import leaving, returning
from models import (
    Collection,
    Comment,
    ImportFile,
    LongJob,
    Record,
    RecordField,
    RecordLink,
    RecordOption,
    RecordSlot,
    StoredFile,
)
from tests.fixtures.threads import write

EVERY = (
    *(("Name", "text"), ("Long", "long_text"), ("Count", "number"), ("Price", "money"), ("Share", "percent")),
    *(("Done", "yes_no"), ("State", "choice", ("New", 'He said "no"; so')), ("Tags", "choices", ("Red", "Large"))),
    *(("Day", "day"), ("At", "moment"), ("Took", "duration"), ("Who", "person"), ("All", "people")),
    *(("Mail", "email"), ("Phone", "phone"), ("Site", "url"), ("Stars", "rating"), ("Key", "qrcode")),
)
CELLS = {
    "Long": "two\n\nlines =1",
    "Count": "123456789123456.12345",
    "Price": "-3.20 USD",
    "Share": "15",
    "Done": "no",
    "State": 'He said "no"; so',
    "Tags": ["Red", "Large"],
    "Day": "2026-03-29",
    "At": "2026-10-25T00:30:00Z",
    "Took": "1:30",
    "Mail": "ada@example.org",
    "Phone": "030 1234567",
    "Site": "https://example.org/a?b=c",
    "Stars": "5",
    "Key": "Drill ⚙ 1",
}


@pytest.fixture
def by(cast, at):
    with inside(cast.acme):
        yield at("alice")


def of(table, by):
    return listings.of(Collection.get_by_id(table.id), by)


def filled(by, cast):
    """Two tables that link to each other, with a row of every kind, left-overs, numbers, a file and a comment."""
    first = collections.make("Every; kind", by=by, fields=EVERY)
    other = collections.make("Other", by=by)
    collections.add_field(first.slug, "No", "autonumber", by=by, options={"prefix": "INV-"})
    collections.add_field(first.slug, "Papers", "files", by=by)
    collections.add_field(first.slug, "To", "links", by=by, options={"table": str(other.id)})
    outside = collections.make("Outside", by=by)
    collections.add_field(first.slug, "Out", "link", by=by, options={"table": str(outside.id)})
    out = rows.create(of(outside, by), {of(outside, by).listing.first: "Far away"}, by=by)
    there = [rows.create(of(other, by), {of(other, by).listing.first: f"Other {n}"}, by=by) for n in range(3)]
    listing = of(first, by).listing
    name = {f.label: f.name for f in listing.fields}
    form = {name[label]: cell for label, cell in CELLS.items()}
    form |= {name["Who"]: str(cast.bob.id), name["All"]: [str(cast.alice.id), str(cast.bob.id)]}
    made = [rows.create(of(first, by), {listing.first: f"Row {n}"} | (form if n % 2 else {}), by=by) for n in range(5)]
    _left_over(made[2].id, name["Count"], of(first, by).listing.source.shape)
    row = made[3].id
    links = {name["To"]: [f"#{there[2].id}", f"#{there[0].id}"], name["Out"]: f"#{out.id}"}
    rows.change(of(first, by), row, links, by=by)
    attachments.add(of(first, by), row, io.BytesIO(b"content of a file"), "Überblick.txt", by=by)
    papers = next(f.name for f in of(first, by).listing.fields if f.label == "Papers")
    attachments.add(of(first, by), row, io.BytesIO(b"a paper"), "Paper.txt", by=by, field=papers)
    comments.add(of(first, by), row, {"text": "Look, @Bob"}, by=by, page="/")
    field_changes.rule(first.slug, int(listing.first[1:]), by=by, is_required=True, is_unique=True)
    return first, other


@writes
def _left_over(id, name, shape):
    record = Record.get_by_id(id)
    slot = shape.by_name[name].slot
    cells = json.loads(record.cells) | {f"~s{slot}": "ca. 5"}
    Record.update(cells=json.dumps(cells)).where(Record.id == id).execute()


def packed(by, *tables):
    leaving.ask([table.slug for table in tables], by=by)
    leaving.work()
    job = leaving.newest(by)
    assert job.error is None
    return made_files.path(job).read_bytes()


def restored(by, data):
    returning.take(io.BytesIO(data), by=by)
    while returning.work():
        pass
    job = LongJob.get_by_id(returning.newest(by).id)
    assert (job.status, job.error) == ("done", None)
    return [Collection.get_by_id(id) for id in job.facts["tables"].values()]


def cells(table, by):
    listing = of(table, by).listing
    found = lists.read(listing, lists.Ask(tab="all", sort="oldest", rows=100), by).rows
    shape = listing.source.shape
    readers = {f.name: f.kind for f in listing.fields}
    whole = [listing.source.get_many([row.id])[row.id] for row in found]
    return [
        {
            cell.field.label: (
                type(row.value(cell.name)).__name__,
                plain_cell(readers[cell.name], row.value(cell.name)),
            )
            for cell in shape.cells
            if row.value(cell.name) is not None
        }
        for row in whole
    ]


def test_records_38_tables_come_back_cell_by_cell_and_file_by_file(by, cast):
    first, other = filled(by, cast)
    data = packed(by, first, other)
    again, others = restored(by, data)
    assert again.id != first.id
    was, became = cells(first, by), cells(again, by)
    out = [row.pop("Out")[1] for row in was if "Out" in row], [row.pop("Out")[1] for row in became if "Out" in row]
    assert out == (["Far away"], ["Far away"])
    assert became == was
    assert was[3]["Papers"][1] == "Paper.txt"
    assert was[2]["Count"] == ("LeftOver", "ca. 5")
    assert was[3]["To"][1].count("Other") == 2
    assert cells(others, by) == cells(other, by)
    fields = [(f.label, f.kind, f.is_required, f.is_unique) for f in collections.fields(first) if f.label != "Out"]
    assert [
        (f.label, f.kind, f.is_required, f.is_unique) for f in collections.fields(again) if f.label != "Out"
    ] == fields
    files = [list(StoredFile.select().where(StoredFile.table == f"record:{t.id}")) for t in (first, again)]
    assert [(f.sha256, f.name, f.type, f.size) for f in files[0]] == [
        (f.sha256, f.name, f.type, f.size) for f in files[1]
    ]
    assert b"".join(attachments.content(files[1][0])) == b"content of a file"
    target = {
        slot.id
        for slot in RecordSlot.select().where(
            RecordSlot.field.in_(RecordField.select(RecordField.id).where(RecordField.collection == again))
        )
    }
    assert sum(link.slot_id in target for link in RecordLink.select()) == 2
    new = rows.create(of(again, by), {of(again, by).listing.first: "One more"}, by=by)
    number = next(f.name for f in of(again, by).listing.fields if f.label == "No")
    assert of(again, by).listing.source.get_many([new.id])[new.id].value(number) == 6
    assert (
        Comment.select().where(Comment.table == f"record:{again.id}").count()
        == Comment.select().where(Comment.table == f"record:{first.id}").count()
    )


def test_records_38_it_comes_into_another_organization(by, cast, at):
    first, other = filled(by, cast)
    was, data = cells(first, by), packed(by, first, other)
    with inside(cast.globex):
        they = _owner(at, cast)
        again, _ = restored(they, data)
        became = cells(again, they)
    for row in (*was, *became):
        for label in ("Who", "All", "To", "Out"):
            row.pop(label, None)
    assert became == was


def _owner(at, cast):
    from domain.organizations import organizations
    from models import Membership

    user = Membership.get(Membership.organization == cast.globex, Membership.role == "owner").user
    return organizations.reach(user, cast.globex.slug)


def changed(data, name=None, content=b"", add=None):
    """The ZIP with one part of other content, or one more."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            new.writestr(one.filename, content if one.filename == name else old.read(one))
        if add:
            new.writestr(*add)
    return out.getvalue()


def test_what_is_no_zip_of_tables_is_refused_with_a_sentence(by, cast):
    first, _ = filled(by, cast)
    data = packed(by, first)
    sha256 = hashlib.sha256(b"content of a file").hexdigest()
    before = Collection.select().count()
    for bad, said in (
        (b"no zip", "no whole ZIP"),
        (data[:-40], "no whole ZIP"),
        (changed(data, add=("../../etc/passwd", "x")), "which no ZIP of tables does"),
        (changed(data, add=("/etc/passwd", "x")), "which no ZIP of tables does"),
        (changed(data, f"files/{sha256}", b"another content"), "isn't what the ZIP says it is"),
        (changed(data, f"tables/{first.id}/records.jsonl", b"{}\n"), "isn't what the ZIP says it is"),
        (changed(data, add=("files/" + "0" * 64, b"\0" * 20_000_000)), "far more than it is"),
        (changed(data, "manifest.json", b'{"guildhall": 99, "tables": []}'), "another version"),
        (changed(data, "manifest.json", b"[]"), "no whole ZIP"),
    ):
        with pytest.raises(Invalid) as refused:
            returning.take(io.BytesIO(bad), by=by)
        assert said in refused.value.fields["file"]
    assert Collection.select().count() == before


def test_a_way_back_that_is_cut_off_goes_on_and_one_that_fails_puts_its_tables_away(by, cast, monkeypatch):
    first, other = filled(by, cast)
    data, was = packed(by, first, other), cells(first, by)
    monkeypatch.setattr(returning, "BATCH", 2)
    returning.take(io.BytesIO(data), by=by)
    do, dead = returning._Restore._do, []

    def dies(*given):
        do(*given)
        dead.append(1)
        if len(dead) in (1, 3, 6):
            raise SystemExit

    monkeypatch.setattr(returning._Restore, "_do", dies)
    for _ in range(3):
        with pytest.raises(SystemExit):
            returning.work()
    returning.work()
    job = returning.newest(by)
    assert (job.status, job.error) == ("done", None)
    again = cells(Collection.get_by_id(next(iter(job.facts["tables"].values()))), by)
    for row in (*was, *again):
        row.pop("Out", None)
    assert again == was
    there = Collection.select().where(Collection.archived_at.is_null()).count()
    returning.take(io.BytesIO(data), by=by)
    monkeypatch.setattr(attachments, "used", lambda: 10**12)
    returning.work()
    assert "no room" in returning.newest(by).error
    assert Collection.select().where(Collection.archived_at.is_null()).count() == there


def test_who_may_not_build_brings_no_zip_in(by, at):
    with pytest.raises(Forbidden):
        returning.take(io.BytesIO(b""), by=at("bob"))


# --- odd ZIPs, whose hashes are right -----------------------------------------------------------------------------


def small(by):
    """The ZIP of a table with one row, a choice, a link to itself, a file and a comment."""
    table = collections.make("Small", by=by, fields=(("Name", "text"), ("State", "choice", ("New",))))
    collections.add_field(table.slug, "To", "links", by=by, options={"table": str(table.id)})
    collections.add_field(table.slug, "No", "autonumber", by=by)
    name = {f.label: f.name for f in of(table, by).listing.fields}
    row = rows.create(of(table, by), {name["Name"]: "One", name["State"]: "New"}, by=by).id
    attachments.add(of(table, by), row, io.BytesIO(b"content"), "Paper.txt", by=by)
    comments.add(of(table, by), row, {"text": "Look, @Bob"}, by=by, page="/")
    return packed(by, table)


def odd(data, part, **values):
    """The ZIP with other values in the first line of a part: `cells` and `fields` by their place, hashes made right."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        parts = {one.filename: old.read(one) for one in old.infolist()}
    manifest = json.loads(parts["manifest.json"])
    path = next(name for name in parts if name.endswith(part))
    about = manifest["tables"][0] if part == "manifest.json" else json.loads(parts[path])
    for name, value in values.items():
        if name == "every_cell":
            kinds = json.loads(parts[path.replace("records.jsonl", "shape.json")])["fields"]
            about["cells"] = {str(field["id"]): value for field in kinds}
        elif name == "first_field":
            about["fields"][0] |= value
        else:
            about[name] = value
    if part != "manifest.json":
        parts[path] = json.dumps(values.get("line", about)).encode() + b"\n"
        manifest["sha256"][path] = hashlib.sha256(parts[path]).hexdigest()
    parts["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def kept():
    return sorted(path.name for path in kept_files.folder().glob("*"))


BEYOND = 2**63
ODD = [
    ("records.jsonl", {"left_over": []}),
    ("records.jsonl", {"cells": []}),
    ("records.jsonl", {"cells": None}),
    ("records.jsonl", {"id": BEYOND}),
    ("records.jsonl", {"id": "x"}),
    ("records.jsonl", {"id": float("inf")}),
    ("records.jsonl", {"by": []}),
    ("records.jsonl", {"made_at": "0001-01-01T00:00:00+14:00"}),
    ("records.jsonl", {"made_at": 5}),
    ("records.jsonl", {"every_cell": [BEYOND]}),
    ("records.jsonl", {"every_cell": BEYOND}),
    ("records.jsonl", {"line": []}),
    ("records.jsonl", {"line": None}),
    ("files.jsonl", {"sha256": "0" * 64}),
    ("files.jsonl", {"sha256": []}),
    ("comments.jsonl", {"mentions": []}),
    ("comments.jsonl", {"mentions": {"x": "bob@example.org"}}),
    ("comments.jsonl", {"row_id": None}),
    ("comments.jsonl", {"at": None}),
    ("comments.jsonl", {"line": "x"}),
    ("shape.json", {"first_field": {"words": [5]}}),
    ("shape.json", {"first_field": {"options": None, "words": [{}]}}),
]


@pytest.mark.parametrize(("part", "values"), ODD)
def test_odd_data_ends_a_restore_with_a_sentence_and_leaves_nothing(by, part, values):
    data, before = small(by), Collection.select().count()
    returning.take(io.BytesIO(odd(data, part, **values)), by=by)
    assert returning.work() == 1
    job = returning.newest(by)
    assert (job.status, job.error) == ("failed", "The ZIP can't be read any more.")
    assert Collection.select().where(Collection.archived_at.is_null()).count() == before
    assert kept() == []


def test_a_cell_with_more_links_than_a_statement_takes_comes_to_its_end(by):
    data = small(by)
    link = next(str(f.id) for f in collections.fields(Collection.get(Collection.name == "Small")) if f.kind == "links")
    returning.take(io.BytesIO(odd(data, "records.jsonl", cells={link: list(range(1, 200_000))})), by=by)
    assert returning.work() == 1
    job = returning.newest(by)
    assert (job.status, job.error, kept()) == ("done", None, [])


def test_words_left_over_in_a_cell_of_links_come_back(by):
    data = small(by)
    link = next(str(f.id) for f in collections.fields(Collection.get(Collection.name == "Small")) if f.kind == "links")
    again, *_ = restored(by, odd(data, "records.jsonl", left_over={link: "Bob 1"}))
    assert cells(again, by)[0]["To"] == ("LeftOver", "Bob 1")


WRITTEN = (
    *("text", "long_text", "number", "money", "percent", "yes_no", "day", "moment", "duration", "email", "phone"),
    *("url", "rating", "qrcode"),
)
TEXTS = {"text", "long_text", "qrcode"}


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({}, set()),
        ([None], set()),
        (True, {"yes_no", "number", "percent"}),
        (-1, {"number", "percent", "duration"}),
        (10**30, set()),
        (1.5, {"number", "percent"}),
        (float("inf"), set()),
        ("-Infinity", TEXTS),
        ("javascript:x", TEXTS),
    ],
)
def test_a_cell_that_its_kind_never_has_comes_back_as_words(by, value, fits):
    table = collections.make("Kinds", by=by, fields=[(kind, kind) for kind in WRITTEN])
    rows.create(of(table, by), {of(table, by).listing.first: "One"}, by=by)
    again, *_ = restored(by, odd(packed(by, table), "records.jsonl", every_cell=value))
    (row,) = cells(again, by)
    took = {kind for kind, (type, _) in row.items() if type != "LeftOver"}
    assert took == fits
    assert {row[kind][1] for kind in row.keys() - took} == {json.dumps(value)}


@pytest.mark.parametrize("part", ["files.jsonl", "comments.jsonl"])
def test_what_is_of_a_row_that_can_not_be_comes_to_its_end(by, part):
    """SQLite takes no such number; PostgreSQL finds nothing under it, as of any row that isn't in the ZIP."""
    returning.take(io.BytesIO(odd(small(by), part, row_id=BEYOND)), by=by)
    assert returning.work() == 1
    assert (returning.newest(by).is_open, kept()) == (False, [])


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("manifest.json", {"rows": float("inf")}),
        ("manifest.json", {"rows": BEYOND}),
        ("manifest.json", {"rows": -1}),
        ("manifest.json", {"id": float("inf")}),
        ("shape.json", {"fields": None}),
        ("shape.json", {"buttons": [{"id": 1, "label": "x", "says": 5}]}),
        ("shape.json", {"line": []}),
    ],
)
def test_an_odd_manifest_or_shape_is_refused_at_once(by, part, values):
    with pytest.raises(Invalid, match="no whole ZIP"):
        returning.take(io.BytesIO(odd(small(by), part, **values)), by=by)
    assert (kept(), returning.newest(by)) == ([], None)


def test_what_unpacks_without_bound_or_lists_without_end_is_refused_at_once(by, monkeypatch):
    data, out = small(by), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as whole, zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as other:
        for name in whole.namelist():
            other.writestr(name, whole.read(name))
    with pytest.raises(Invalid, match="packed in a way"):
        returning.take(io.BytesIO(out.getvalue()), by=by)
    monkeypatch.setattr(returning, "MOST_DIRECTORY", 100)
    with pytest.raises(Invalid, match="more files"):
        returning.take(io.BytesIO(data), by=by)
    assert (kept(), returning.newest(by)) == ([], None)


def test_a_part_that_is_damaged_inside_is_refused_at_once(by):
    data = small(by)
    with zipfile.ZipFile(io.BytesIO(data)) as whole:
        at = whole.getinfo("manifest.json").header_offset + 30 + len("manifest.json")
    with pytest.raises(Invalid, match="no whole ZIP"):
        returning.take(io.BytesIO(data[:at] + b"\xff" * 8 + data[at + 8 :]), by=by)
    assert kept() == []


def test_a_name_that_is_none_comes_to_its_end(by):
    """Half a character, which no database takes."""
    before = Collection.select().count()
    with contextlib.suppress(Invalid):
        returning.take(io.BytesIO(odd(small(by), "shape.json", name="\ud800")), by=by)
        returning.work()
        assert returning.newest(by).status == "failed"
    assert Collection.select().where(Collection.archived_at.is_null()).count() == before + 1
    assert kept() == []


def _busy():
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return peewee.OperationalError(error)


@pytest.mark.parametrize("trouble", [WriterDown(), GaveUp(), Unavailable("The disk is full."), _busy()])
def test_what_is_not_the_zips_fault_is_tried_again(by, monkeypatch, trouble):
    returning.take(io.BytesIO(small(by)), by=by)

    def fails(*_):
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(returning._Restore, "_finish", fails)
        with pytest.raises(type(trouble)):
            returning.work()
    assert (returning.newest(by).is_open, len(kept())) == (True, 1)
    returning.work()
    assert (returning.newest(by).status, kept()) == ("done", [])


def test_one_that_is_cut_off_again_and_again_leaves_no_half_table(by, monkeypatch):
    before = Collection.select().count() + 1
    returning.take(io.BytesIO(small(by)), by=by)

    def dies(*_):
        raise SystemExit

    monkeypatch.setattr(returning._Restore, "_finish", dies)
    with pytest.raises(SystemExit):
        returning.work()
    write(LongJob.update(attempts=long_jobs.MOST).where(LongJob.kind == returning.JOB).execute)
    returning.work()
    assert (returning.newest(by).status, returning.newest(by).error) == ("failed", long_jobs.CUT_OFF)
    assert Collection.select().where(Collection.archived_at.is_null()).count() == before
    assert kept() == []


# --- a file that several need ----------------------------------------------------------------------------------


def named(organization, data, state="taken"):
    """An import of this organization that names the file."""
    sha256 = hashlib.sha256(data).hexdigest()
    with inside(organization):
        about = {"table": "tasks", "sha256": sha256, "size": len(data), "name": "x", "state": state}
        return writes(ImportFile.create)(organization=organization, **about)


@pytest.mark.parametrize(("state", "stays"), [("taken", True), ("done", True), ("dropped", False)])
def test_a_file_that_an_import_needs_outlives_every_restore_of_it(by, cast, monkeypatch, state, stays):
    data = small(by)
    for whole in (data, data[:-40]):
        named(cast.globex, whole, state)
    with pytest.raises(Invalid):
        returning.take(io.BytesIO(data[:-40]), by=by)
    assert kept() == [hashlib.sha256(data[:-40]).hexdigest()] * stays
    restored(by, data)
    assert len(kept()) == 2 * stays
    returning.take(io.BytesIO(data), by=by)
    monkeypatch.setattr(attachments, "used", lambda: 10**12)
    returning.work()
    assert returning.newest(by).status == "failed"
    assert len(kept()) == 2 * stays


def test_a_file_that_another_restore_needs_outlives_this_one(by, cast, at):
    data = small(by)
    returning.take(io.BytesIO(data), by=by)
    with inside(cast.globex):
        they = _owner(at, cast)
        returning.take(io.BytesIO(data), by=they)
    returning.work()
    assert (returning.newest(by).status, len(kept())) == ("done", 1)
    returning.work()
    assert (returning.newest(they).status, kept()) == ("done", [])


def test_a_second_zip_that_has_to_wait_is_not_kept_and_the_first_is(by):
    data = small(by)
    returning.take(io.BytesIO(data), by=by)
    for again in (data, odd(data, "shape.json", name="Else")):
        with pytest.raises(Refused, match="being brought in already"):
            returning.take(io.BytesIO(again), by=by)
        assert kept() == [hashlib.sha256(data).hexdigest()]
    table = Collection.get(Collection.name == "Small")
    with pytest.raises(Invalid):
        imports.take(of(table, by), io.BytesIO(data), "tables.xlsx", by=by)
    assert kept() == [hashlib.sha256(data).hexdigest()]
    returning.work()
    assert (returning.newest(by).status, kept()) == ("done", [])


def test_fields_come_back_with_help_beginnings_bounds_and_one_to_one_links(by, cast):
    other = collections.make("Rooms", by=by, fields=(("Name", "text", (), {"least": "2", "most": "9"}),))
    room = rows.create(of(other, by), {of(other, by).listing.first: "Attic"}, by=by)
    kinds = (("Name", "text"), ("State", "choice", ("New", "Done")), ("Who", "person"), ("All", "people"))
    bounds = ("Price", "money", (), {"currency": "EUR", "least": "1", "most": "9.50"})
    table = collections.make("Repairs", by=by, fields=(*kinds, bounds))
    link = collections.add_field(table.slug, "Room", "link", by=by, options={"table": str(other.id)})
    field_changes.rule(table.slug, link.id, by=by, is_required=False, is_unique=True)
    name = {f.label: f for f in of(table, by).listing.fields}
    begins = {"Name": "Lamp", "Who": str(cast.bob.id), "All": str(cast.alice.id), "Price": "2", "Room": f"#{room.id}"}
    begins["State"] = str(name["State"].kind.made[1].id)
    for label, text in begins.items():
        field_changes.describe(table.slug, int(name[label].name[1:]), by=by, help=f"About {label}", begins=text)
    name = {f.label: f for f in of(table, by).listing.fields}
    new_rooms, new = restored(by, packed(by, other, table))
    fields = {f.label: f for f in of(new, by).listing.fields}
    said = {label: (f.help, f.kind.for_all().plain(f.begins)) for label, f in fields.items() if f.help}
    assert said == {label: (f"About {label}", name[label].kind.for_all().plain(name[label].begins)) for label in begins}
    assert fields["Room"].begins != name["Room"].begins
    assert RecordField.get_by_id(int(fields["Room"].name[1:])).is_unique
    for rules, texts in ((of(new_rooms, by), {"Name": "A"}), (of(new, by), {"Price": "9.51"})):
        known = {f.label: f.name for f in rules.listing.fields}
        with pytest.raises(Invalid):
            rows.create(rules, {known["Name"]: "Long enough"} | {known[k]: text for k, text in texts.items()}, by=by)


def test_names_for_programs_and_orders_of_long_lists_come_back(by):
    table = collections.make(
        "Stock", by=by, fields=(("Item", "text"), ("Where", "text"), ("State", "choice", ("New",)))
    )
    where, state = collections.fields(table)[1:]
    kind_changes.order(table.slug, where.id, by=by)
    while kind_changes.work():
        pass
    collections.rename_field(table.slug, where.id, "Shelf", by=by)
    word = RecordOption.get(RecordOption.field == state)
    write(RecordOption.update(label="Fresh").where(RecordOption.id == word.id).execute)
    data = packed(by, table)
    for _ in range(2):  # also beside the first
        (made,) = restored(by, data)
        item, shelf, state = collections.fields(made)
        assert [(one.label, one.api_name) for one in (item, shelf, state)] == [
            *(("Item", "item"), ("Shelf", "where"), ("State", "state")),
        ]
        assert (shelf.is_keyed, RecordOption.get(RecordOption.field == state).api_name) == (True, "new")


def test_a_beginning_of_a_zip_that_cannot_be_read_is_left_out(by, cast):
    table = collections.make("Odd", by=by, fields=(("Count", "number"),))
    data = odd(packed(by, table), "shape.json", first_field={"begins": {"a": [1]}, "help": ["x"] * 900})
    (new,) = restored(by, data)
    field = of(new, by).listing.fields[0]
    assert field.begins is None
    assert len(field.help) == 500
