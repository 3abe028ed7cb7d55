"""kill -9 while a file comes into a table and goes back: the end is that of an import that nobody killed.

The suite dies at ten places of the import and at three of its undo; each place is a statement of a writer's
transaction, its commit, or what lies between two of them.
"""

import io
import json

from database.scope import inside
from database.transactions import writes
from domain.imports import doing, imports
from domain.lists import lists
from domain.records import collections, field_changes, listings
from models import Change, Collection, ImportFile, ImportRow, LongJob, Record, RecordKey, RecordUnique
from tests.fixtures import deaths

CHILD = """
from database import connections, statements, transactions
from domain.imports import doing
from domain.records import listings
from tests.fixtures.deaths import awake, dies_at
import domain.tasks.tasks

awake()
doing.BATCH, doing.FEW, doing.JUDGED = 40, 4, 50
for one in (connections.Sqlite, connections.Postgres):
    dies_at(one, "execute_many")
dies_at(transactions.Piece, "run")
while doing.work():
    pass
print("lived")
"""
DEATHS = (1, 2, 3, 5, 7, 8, 11, 13, 17, 9)
UNDO_DEATHS = (3, 10, 27)
ROWS = 300


def _text():
    lines = [f"Row {n},C{n % 290},{n if n % 7 else f'ca. {n}'},{'New' if n % 3 else 'Other'}" for n in range(ROWS)]
    return "Name,Code,Count,State\n" + "\n".join(lines) + "\n"


@writes
def _nobody_holds_it():
    LongJob.update(held_until_at=None, attempts=0).execute()  # a minute later


def _killed(nth):
    deaths.die(CHILD, nth=nth)
    _nobody_holds_it()


def _table(by, name):
    """Some rows with codes that the file has too, then the file, rehearsed: two of three of its lines are changes."""
    fields = (("Name", "text"), ("Code", "text"), ("Count", "number"), ("State", "choice", ("New",)))
    table = collections.make(name, by=by, fields=fields)
    code = collections.fields(table)[1]
    field_changes.rule(table.slug, code.id, by=by, is_required=False, is_unique=True)
    rules = listings.of(Collection.get_by_id(table.id), by)
    first = "\n".join(_text().splitlines()[:101]).replace("Row", "Old") + "\n"
    for text, key in ((first, []), (_text(), [f"f{code.id}"])):
        rules = listings.of(Collection.get_by_id(table.id), by)
        held = imports.take(rules, io.BytesIO(text.encode()), f"{name}.csv", by=by)
        mapping = held.mapping | {"key": key, "adds": ["3"]}
        imports.rehearse(rules, held, mapping, by=by)
        doing.work()
        held = ImportFile.get_by_id(held.id)
        if not key:
            imports.run(rules, held, by=by)
            doing.work()
    return Collection.get_by_id(table.id), held


def _stands(table, by, held):
    """Everything that an import leaves, by names and places instead of by ids."""
    shape = listings.of(Collection.get_by_id(table.id), by).listing.source.shape
    slots = {cell.slot: cell.field.label for cell in shape.cells}
    names, found = {}, []
    for number, row in enumerate(Record.select().where(Record.collection == table).order_by(Record.id)):
        names[row.id] = number
        cells = {
            cell.field.label: cell.kind.plain(value) if not isinstance(value, str) else value
            for cell in shape.cells
            if (value := cell.value(json.loads(row.cells))) is not None
        }
        found.append((cells, row.words, row.version, row.archived_at is None))
    beside = [
        sorted(
            (slots[one.slot_id], one.key[:1] if slots[one.slot_id] == "State" else one.key, names[one.record])
            for one in kind.select().where(kind.slot.in_(list(slots)))
        )
        for kind in (RecordKey, RecordUnique)
    ]
    listing = listings.of(Collection.get_by_id(table.id), by).listing
    hits = lists.read(listing, lists.Ask(q="row 17", rows=100), by).rows
    searched = [getattr(row, listing.first) for row in hits]
    held = ImportFile.get_by_id(held.id)
    lines = [
        (row.line, row.verdict, row.is_done, names.get(row.record), bool(row.note))
        for row in ImportRow.select().where(ImportRow.file == held.id).order_by(ImportRow.line)
    ]
    _, sheet = imports.error_sheet(held, listings.of(Collection.get_by_id(table.id), by))
    noted = Change.select().where(Change.table == f"record:{table.id}", Change.row_id.is_null()).count()
    counts = {name: getattr(held, name) for name in ("state", *imports.VERDICTS, "kept", "left_over")}
    return found, *beside, searched, lines, list(sheet), noted, counts


def test_records_29_killed_at_ten_places_an_import_ends_as_one_that_nobody_killed(cast, at):
    with inside(cast.acme):
        by = at("alice")
        tables = [_table(by, name) for name in ("Killed", "Alone")]
        for table, held in tables:
            imports.run(listings.of(table, by), held, by=by)
            if table.name == "Killed":
                for nth in DEATHS:
                    _killed(nth)
            while doing.work():
                pass
        killed, alone = (_stands(table, by, held) for table, held in tables)
        assert killed == alone
        assert killed[-1]["new"] + killed[-1]["changed"] + killed[-1]["refused"] == ROWS
        assert (killed[-1]["state"], killed[-1]["refused"]) == ("done", 10)
        for table, held in tables:
            imports.undo(listings.of(Collection.get_by_id(table.id), by), ImportFile.get_by_id(held.id), by=by)
            if table.name == "Killed":
                for nth in UNDO_DEATHS:
                    _killed(nth)
            while doing.work():
                pass
        killed, alone = (_stands(table, by, held) for table, held in tables)
        assert killed == alone
        assert sum(is_there for *_, is_there in killed[0]) == 100
        assert {cells["Name"][:3] for cells, *_, is_there in killed[0] if is_there} == {"Old"}


def _judged(held):
    rows = ImportRow.select(ImportRow.line, ImportRow.verdict, ImportRow.cells).where(ImportRow.file == held.id)
    return list(rows.order_by(ImportRow.line).tuples())


def test_records_29_a_rehearsal_that_is_killed_says_in_the_end_what_another_says(cast, at):
    with inside(cast.acme):
        by = at("alice")
        table, held = _table(by, "Killed")
        was = _judged(held)
        imports.rehearse(listings.of(table, by), held, held.mapping, by=by)
        for nth in (3, 9, 14):
            _killed(nth)
        doing.work()
        held = ImportFile.get_by_id(held.id)
        assert (held.state, held.refused) == ("rehearsed", 10)
        assert _judged(held) == was
