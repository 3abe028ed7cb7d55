"""Many rows of a table at once: the same as one by one, or none of them."""

import io

import pytest

from database.columns import public_id
from database.scope import inside
from domain.imports import doing, imports
from domain.lists import lists, rows
from domain.records import batches, collections, field_changes, listings
from models import Collection, ImportFile, ImportRow, Record, RecordField, RecordKey, RecordUnique

FIELDS = (("Name", "text"), ("Code", "text"), ("Count", "number"), ("State", "choice", ("New", "Done")))
TEXT = "Name,Code,Count,State\n" + "".join(f"Row {n},C{n},{n if n % 5 else 'ca. ' + str(n)},New\n" for n in range(60))


@pytest.fixture
def by(cast, at):
    with inside(cast.acme):
        yield at("alice")


def table(by, name="Things", unique=False):
    made = collections.make(name, by=by, fields=FIELDS)
    if unique:
        code = RecordField.get(RecordField.collection == made, RecordField.label == "Code")
        field_changes.rule(made.slug, code.id, by=by, is_required=False, is_unique=True)
    return listings.of(Collection.get_by_id(made.id), by)


def brought(rules, text, by, **mapping):
    held = imports.take(rules, io.BytesIO(text.encode()), "x.csv", by=by)
    imports.rehearse(rules, held, held.mapping | mapping, by=by)
    doing.work()
    held = ImportFile.get_by_id(held.id)
    imports.run(rules, held, by=by)
    doing.work()
    return ImportFile.get_by_id(held.id)


def stands(rules):
    """All that is kept of a table's rows, by their names instead of by their ids and slots."""
    shape = rules.listing.source.shape
    slots = {cell.slot: cell.field.label for cell in shape.cells}
    names = {}
    found = []
    for row in Record.select().where(Record.collection == shape.collection).order_by(Record.id):
        names[row.id] = len(names)
        cells = row.cells
        for slot in slots:
            cells = cells.replace(f's{slot}"', f'{slots[slot]}"')
        found.append((cells.split('"State"')[0], row.words, row.version, row.archived_at is None))
    keys = [
        sorted(
            (slots[k.slot_id], k.key if slots[k.slot_id] != "State" else k.key[0], names[k.record])
            for k in table.select().where(table.slot.in_(list(slots)))
        )
        for table in (RecordKey, RecordUnique)
    ]
    return found, *keys


@pytest.mark.parametrize("unique", [False, True])
def test_rows_in_batches_are_what_rows_one_by_one_are(by, monkeypatch, unique):
    at_once = table(by, "At once", unique)
    assert brought(at_once, TEXT, by).new == 60
    monkeypatch.setattr(batches, "ELSEWHERE", ("text",))
    alone = table(by, "Alone", unique)
    assert not alone.listing.source.takes_many
    assert brought(alone, TEXT, by).new == 60
    assert stands(at_once) == stands(alone)
    assert lists.read(at_once.listing, lists.Ask(q="row 7"), by).rows[0].f1 == "Row 7"


def test_changes_in_batches_are_what_changes_one_by_one_are(by, monkeypatch):
    text = TEXT.replace("New", "Done").replace("Row 1", "Line 1")
    made = []
    for kinds in (batches.ELSEWHERE, ("text",)):
        monkeypatch.setattr(batches, "ELSEWHERE", kinds)
        rules = table(by, f"Table {kinds[0]}", unique=True)
        brought(rules, TEXT, by)
        code = rules.listing.fields[1].name
        held = brought(rules, text + "Row 70,C70,1,New\n", by, key=[code])
        assert (held.changed, held.new, held.refused) == (60, 1, 0)
        made.append(stands(rules))
        touched = next(
            row.id
            for row in rules.listing.source.get_many([r.id for r in Record.select()]).values()
            if row.value(code) == "C10"
        )
        rows.change(rules, touched, {rules.listing.first: "Mine"}, by=by)
        imports.undo(rules, held, by=by)
        doing.work()
        held = ImportFile.get_by_id(held.id)
        assert (held.state, held.kept) == ("undone", 1)
        made.append(stands(rules))
    assert made[0] == made[2]
    assert made[1] == made[3]
    assert sum(there for *_, there in made[1][0]) == 60
    assert {cells for cells, *_, there in made[1][0] if "Mine" in cells or "Done" in cells} != set()


def test_records_28_doubles_of_a_batch_are_refused_by_themselves(by):
    rules = table(by, unique=True)
    rows.create(rules, {rules.listing.fields[0].name: "Old", rules.listing.fields[1].name: "C7"}, by=by)
    held = brought(rules, TEXT + "Again,C3,1,New\n", by)
    assert (held.new, held.refused) == (59, 2)
    assert Record.select().count() == 60
    wrong = {row.line: row.note for row in ImportRow.select().where(ImportRow.verdict == "refused")}
    assert wrong == {9: "Another row has this already.", 62: "Another row has this already."}


def test_a_row_that_somebody_changed_meanwhile_is_met_as_it_is(by):
    rules = table(by)
    brought(rules, TEXT, by)
    name, code = (field.name for field in rules.listing.fields[:2])
    held = imports.take(rules, io.BytesIO(TEXT.replace("Row", "Line").encode()), "y.csv", by=by)
    imports.rehearse(rules, held, held.mapping | {"key": [code]}, by=by)
    doing.work()
    (standing,) = [
        row
        for row in rules.listing.source.get_many([row.id for row in Record.select()]).values()
        if row.value(code) == "C5"
    ]
    worked = rules.listing.source.worked(standing, {name: "Mine"})
    rows.change(rules, standing.id, {"f3": "5"}, by=by)
    with pytest.raises(batches.AsItIs):
        doing.writes(rules.listing.source.write_many)([worked], by, doing.now())
    imports.run(rules, ImportFile.get_by_id(held.id), by=by)
    doing.work()
    row = rules.listing.source.get_many([standing.id])[standing.id]
    assert (row.value(name), str(row.value("f3"))) == ("Line 5", "ca. 5")


def test_a_form_that_is_sent_twice_makes_one_row_of_a_table(by):
    rules, key = table(by), public_id()
    made = [rows.create(rules, {rules.listing.first: "Once"}, by=by, key=key).id for _ in range(2)]
    assert made[0] == made[1]
