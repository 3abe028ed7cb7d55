"""Rows that are pasted out of a spreadsheet into a list: looked at, said what becomes of them, and made at once.

It reads as an import does; more than MOST rows are a file to bring in.
"""

import csv
import io

from database.columns import public_id
from database.transactions import writes
from domain import Forbidden, Invalid, Refused
from domain.base import changes
from domain.fields.kinds import comparable
from domain.imports import additions, imports, mappings, reading, verdicts
from domain.imports.verdicts import NEW
from domain.lists import rows
from domain.lists.listing import demand

MOST = 500  # rows
AT_ONCE = 25  # rows that are made in one transaction


def look(text, listing):
    """What was pasted, as a Look. Refuses with Invalid nothing, too much, and what has too many columns."""
    found = [cells for cells in _cells(text) if any(cell.strip() for cell in cells)]
    if not found:
        raise Invalid({"text": "Paste some rows first."})
    columns = max(map(len, found))
    if columns > reading.COLUMNS:
        raise Invalid({"text": f"These are {columns:,} columns; at most {reading.COLUMNS} can be pasted."})
    has_header = len(found) > 1 and _is_header(found[0], listing)
    names = reading.column_names([*found[0], *[""] * (columns - len(found[0]))] if has_header else [""] * columns)
    lines = list(enumerate(found, 1))[has_header:]
    if len(lines) > MOST:
        said = f"These are {len(lines):,} rows; at most {MOST} can be pasted. Bring them in as a file."
        raise Invalid({"text": said})
    layout = reading.Layout(delimiter="\t", has_header=has_header)
    return reading.Look(layout, rows=lines, count=len(lines), columns=names)


def _cells(text):
    """Rows of cells, as spreadsheets copy them: parted by tabs, those with a line break within in quotes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t", strict=True))
    except csv.Error:  # a quotation mark that is only that
        found = [line.split("\t") for line in text.split("\n")]
    return [[reading.unguarded(cell) for cell in cells] for cells in found]


def _is_header(cells, listing):
    """Whether a first row says what the columns are called: most of it are names of fields."""
    known = {comparable(word) for f in listing.fields for word in (f.name, f.label)}
    named = sum(comparable(cell) in known for cell in cells)
    return named * 2 > sum(bool(cell.strip()) for cell in cells)


def propose(listing, found, by):
    """Where the columns go: by what they are called, else one after another into the fields of the list."""
    adds = [str(place) for place in range(len(found.columns))] if additions.offered(listing, by) else []
    if found.layout.has_header:
        return mappings.propose(listing, found.columns) | {"key": [], "adds": adds}
    written = {f.name for f in listing.written}
    fields = [f.name for f in listing.listed if f.name in written]
    fields = [*fields, *[""] * len(found.columns)][: len(found.columns)]
    return mappings.propose(listing, found.columns) | {"fields": fields, "key": [], "adds": adds}


def judged(rules, found, mapping, by):
    """(lines with their verdicts, the mapping as it is decided). Refuses with Invalid."""
    demand(by, rules.listing.writes)
    if not rules.may_add(by):
        raise Forbidden(f"You can't add {rules.listing.things} here.")
    mapping = mapping | {"key": [], "mode": "both"}
    wide = additions.widened(rules, mapping).listing
    mappings.check_required(wide, mapping)
    mapping = mappings.decided(wide, found, mapping)
    judge = verdicts.Judge(rules, mapping, by)
    try:
        lines = judge.judge(found.rows)
    finally:
        judge.close()
    made = {str(column.place): column.new for column in judge.reader.columns if column.new}
    return lines, mapping | {"made": made}


def put(rules, found, mapping, *, by, parent=None, key=""):
    """Make the rows, in one batch to be undone. Returns (batch, how many, the lines that were refused).

    What is sent twice with one `key` is made once. Refuses with Invalid or Forbidden.
    """
    batch = changes.form_key(key) or public_id()
    lines, mapping = judged(rules, found, mapping, by)
    if any(mapping["made"].values()) or any(map(additions.kind_of, mapping["fields"])):
        mapping = _add(rules, mapping, by)
        rules = rules.seen_by(by)
        reader = verdicts.Reader(rules.listing, mapping)
        lines = [
            reader.read(*row) if line.verdict == NEW else line for row, line in zip(found.rows, lines, strict=True)
        ]
    fit = [line for line in lines if line.verdict in (NEW, "")]
    for number, few in enumerate(imports.batches(fit, AT_ONCE)):
        if not _make(rules, few, by, parent, batch, is_first=not number):
            return batch, len(fit), []
    refused = [line for line in lines if line.verdict == verdicts.REFUSED]
    return batch, len(lines) - len(refused), refused


@writes
def _add(rules, mapping, by):
    if not additions.offered(rules.listing, by):
        raise Forbidden("Adding fields or words to this table isn't yours to do.")
    return additions.add(rules, mapping, by)


@writes
def _make(rules, lines, by, parent, batch, is_first):
    """Make some of the rows; False where the same form was sent before."""
    if is_first and changes.made(by, rules.listing.table, batch):
        return False
    for line in lines:
        try:
            _make_one(rules, verdicts.begun(rules, line), by, parent, batch)
        except Refused as refusal:
            line.refuse(" ".join(refusal.fields.values()) or refusal.sentence)
    return True


@writes
def _make_one(rules, values, by, parent, batch):
    rows.add(rules, values, by=by, parent=parent, batch=batch)
