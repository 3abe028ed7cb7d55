"""What is exported and brought in again changes nothing: every kind, in every form that is read."""

import io
from pathlib import Path

import pytest

from database.clock import read_in
from database.scope import inside
from domain.fields.records import registry
from domain.imports import doing, imports
from domain.lists import lists, rows
from domain.records import collections, listings
from domain.tasks import tasks
from models import ImportFile, Record, Task
from tests.conftest import application
from views.lists import export

HARD = ['Cats; large, "grey"', "=1+1", "-35.01", "+49 30 1234", "'=guarded", "العربية 👍", "00123", "1E5", "A"]
CELLS = {
    "text": HARD,
    "long_text": ["two\n\nlines", "=1+1", "'-x", "plain"],
    "number": ["-35.01", "1234567.5", "0", "123456789123456.12345", "12"],
    "money": ["1250.50 EUR", "-3.20 USD", "500 JPY"],
    "percent": ["15", "0.5", "100"],
    "yes_no": ["yes", "no"],
    "choice": ["Cats; large", 'He said "no"', "-1"],
    "choices": [["Cats; large", "-1"], ['He said "no"'], ["-1"]],
    "day": ["2026-03-29", "2026-01-02", "2026-12-31"],
    "moment": ["2026-03-29T08:30:00Z", "2026-10-25T00:30:00Z"],
    "duration": ["1:30", "0:05", "100:00"],
    "person": ["bob@example.org"],
    "people": [["bob@example.org", "alice@example.org"]],
    "email": ["ada@example.org"],
    "phone": ["+49 30 1234567", "030 1234567"],
    "url": ["https://example.org/a?b=c"],
    "qrcode": HARD,
    "barcode": ["00123", "=1+1", "-35.01", "AB-0017"],
    "rating": ["3", "5"],
    "link": ['Cats; large, "grey"', "-35.01", "#1"],
    "links": ['"Cats; large, ""grey"""; -35.01', "#1; #2; #3"],
    "autonumber": ["", ""],
    "files": ["", ""],
}


def test_every_kind_has_its_round_trip():
    assert set(registry.KINDS) - set(CELLS) == set(registry.UNWRITTEN)  # nobody writes those


def exported(listing, by, form):
    """The file of the whole list, as it is downloaded."""
    with application().test_request_context("/"):
        tab = next(t.key for t in listing.readings if t.column is None)
        response = export.answer(listing, lists.Ask(tab=tab, sort="oldest"), by, form)
        return b"".join(response.iter_encoded())


def unchanged(rules, by, form):
    """Bring the export of a list into it again, by its ids: the lines that would change something."""
    data = exported(rules.listing, by, form)
    with inside(by.organization):
        held = imports.take(rules, io.BytesIO(data), f"x.{form}", by=by)
        shown = imports.mappings.columns(rules.listing, imports.look(held), held.mapping)
        answer = {"is_percent": form != "machines.csv"}  # programs get the fraction
        formats = {str(c.place): {q.part: answer.get(q.part, q.answers[0][0]) for q in c.open} for c in shown if c.open}
        imports.rehearse(rules, held, held.mapping | {"key": ["id"], "formats": formats}, by=by)
        doing.work()
        held = ImportFile.get_by_id(held.id)
        assert held.state == "rehearsed", held.error
        assert held.same > 0
        return [(line.verdict, line.changes, line.note) for line in imports.lines(held)[0] if line.verdict != "same"]


FORMS = ("csv", "xlsx", "machines.csv")


@pytest.mark.parametrize("form", FORMS)
def test_tasks_come_back_as_they_were(cast, at, form):
    by = at("alice")
    with inside(cast.acme):
        for number, title in enumerate(HARD):
            due = ("2026-12-31", "2026-03-29T08:30:00+00:00", "")[number % 3]
            rows.create(
                tasks.rules,
                {"title": title, "description": f"{title}\n\n=x", "due_at": due, "assigned_to": str(cast.bob.id)},
                by=by,
            )
        assert Task.select().count() == len(HARD)
    read_in("Europe/Berlin")
    assert unchanged(tasks.rules, by, form) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", CELLS)
def test_records_27_every_kind_comes_back_as_it_was(cast, at, kind, form):
    by = at("alice")
    options = ["Cats; large", 'He said "no"', "-1"]
    with inside(cast.acme):
        others = _others(by)
        table = collections.make("Things", by=by)
        to = {"table": str(others.listing.source.shape.collection)}
        words = options if kind in ("choice", "choices") else ()
        collections.add_field(table.slug, "Cell", kind, by=by, choices=words, options=to)
        rules = listings.find(table.slug, by)
        first, name = (f.name for f in rules.listing.fields[:2])
        for cell in CELLS[kind]:
            rows.create(rules, {first: "x", name: _sent(cast, kind, cell)}, by=by)
        rows.create(rules, {rules.listing.first: "empty"}, by=by)
        assert Record.select().count() == len(CELLS[kind]) + 1 + len(OTHERS)
    assert unchanged(rules, by, form) == []
    assert Path(imports.kept_files.folder()).is_dir()


OTHERS = ('Cats; large, "grey"', "-35.01", "Twin", "twin")


def _others(by):
    """Rows of a table that links point to, two of which are called alike."""
    found = listings.of(collections.make("Others", by=by), by)
    for title in OTHERS:
        rows.create(found, {found.listing.first: title}, by=by)
    return found


def _sent(cast, kind, cell):
    if kind in ("person", "people"):
        ids = [str(getattr(cast, one.partition("@")[0]).id) for one in ([cell] if isinstance(cell, str) else cell)]
        return ids if kind == "people" else ids[0]
    return cell
