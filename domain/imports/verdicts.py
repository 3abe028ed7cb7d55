"""What becomes of each line of a file: new, changed, same, left out or refused, judged against the rows there are."""

import hashlib
import json
import sqlite3
from dataclasses import dataclass, field, replace
from typing import Any

from domain import Invalid
from domain.fields.forms import fingerprint
from domain.fields.kinds import Unfit, clean, comparable, whole
from domain.fields.records import formats
from domain.fields.records.leftover import LeftOver, stored_cell
from domain.fields.records.option import Options
from domain.imports import additions
from domain.imports.mappings import ID
from domain.imports.reading import COLUMNS
from domain.imports.workbooks import Neutral
from domain.lists import lists, rows
from domain.lists.lists import Ask

NEW, CHANGED, SAME, LEFT_OUT, REFUSED = "new", "changed", "same", "left_out", "refused"
KNOWN_TEXTS = 2_000  # of one column, whose values are remembered


@dataclass
class Line:
    """A line of the file as it was understood, and what is to become of it."""

    line: int
    verdict: str = ""
    name: str = ""
    record: int | None = None
    values: dict = field(default_factory=dict)
    cells: dict | None = None  # name → [before, after]
    note: str | None = None
    left: list = field(default_factory=list)  # the fields whose words are left over
    id: int | None = None  # what the file says it is

    def refuse(self, why):
        self.verdict, self.note = REFUSED, why[:500]


@dataclass
class _Column:
    place: int
    field: Any
    form: Any
    words: dict
    adds: bool = False
    new: list = field(default_factory=list)  # words that it adds
    known: dict = field(default_factory=dict)


class Reader:
    """Lines of text → values, by a mapping: the same for every line, whatever is in the list."""

    def __init__(self, listing, mapping):
        self.listing, self.mapping = listing, mapping
        self.keeps_words = listing.source is not None  # what doesn't fit stays in the cell, as it is written
        by_name = {f.name: f for f in listing.written}
        self.columns, self.id_at, self.width = [], None, len(mapping["fields"])
        for place, name in enumerate(mapping["fields"]):
            if name == ID:
                self.id_at = place
            elif name in by_name:
                form = formats.made(mapping["formats"].get(str(place)))
                words, kind = mapping["words"].get(str(place), {}), by_name[name].kind
                is_new = bool(additions.kind_of(name)) or str(place) in mapping.get("adds", ())
                adds = is_new and isinstance(kind, Options)
                self.columns.append(_Column(place, by_name[name], form, words, adds))
        self.first = next((c.place for c in self.columns if c.field.name == listing.first), 0)

    def read(self, line, cells):
        """A Line with its values, or refused with why."""
        found = Line(line, name=" ".join(clean(cells[self.first] if self.first < len(cells) else "").split())[:80])
        if len(cells) > COLUMNS or any(cell.strip() for cell in cells[self.width :]):
            found.refuse("It has more cells than the first line. Is a quotation mark missing?")
            return found
        if self.id_at is not None and self.id_at < len(cells) and cells[self.id_at].strip():
            found.id = whole(cells[self.id_at].strip())
            if found.id is None:
                found.refuse(f"“{cells[self.id_at].strip()[:40]}” is no number of a {self.listing.thing}.")
                return found
        for column in self.columns:
            text = cells[column.place] if column.place < len(cells) else ""
            try:
                value = self._value(column, text)
            except Unfit as unfit:
                found.refuse(f"{column.field.label}: {unfit} It says “{clean(text)[:60]}”.")
                return found
            if isinstance(value, LeftOver):
                found.left.append(column.field.label)
            found.values[column.field.name] = value
        return found

    def _value(self, column, text):
        key = (type(text), text)
        if key not in column.known:
            if len(column.known) >= KNOWN_TEXTS:
                column.known.clear()
            column.known[key] = self._parsed(column, text)
        value = column.known[key]
        if isinstance(value, Unfit):
            raise value
        return value

    def _parsed(self, column, text):
        if "\0" in text:
            return Unfit("There is a sign that no text has (NUL).")
        plain = clean(text)
        if not plain.strip():
            return None
        form = column.form.but(decimal=".", order="ymd") if isinstance(text, Neutral) else column.form
        try:
            if column.words and (word := column.words.get(comparable(plain)[:200])):
                return column.field.kind.read(word)
            if column.adds and (new := additions.unknown_words(column.field.kind, plain, form)):
                column.new += new
                column.field = replace(column.field, kind=additions.with_words(column.field.kind, new))
            return column.field.kind.parse(plain, form)
        except Unfit as unfit:
            return LeftOver(plain.strip()) if self.keeps_words else unfit


class Judge:
    """Compares lines with the rows there are, as one person sees them. `close` when it is over."""

    def __init__(self, rules, mapping, by):
        self.there, rules = rules.listing, additions.widened(rules, mapping)
        self.rules, self.listing, self.mapping, self.by = rules, rules.listing, mapping, by
        self.key = tuple(mapping["key"])
        self.reader = Reader(self.listing, mapping)
        # A file of SQLite's own, gone when it is closed: a million keys are more than memory should hold.
        self.places = sqlite3.connect("")
        self.places.execute("CREATE TABLE there (key BLOB, id INTEGER, PRIMARY KEY (key, id)) WITHOUT ROWID")
        self.places.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self.kinds = {f.name: f.kind for f in self.listing.written}
        if self.key and self.key != (ID,):
            self._learn()

    def close(self):
        self.places.close()

    def _learn(self):
        names = [name for name in self.key if name != ID]
        tab = next((tab for tab in self.listing.readings[::-1] if tab.column is None), self.listing.readings[0])
        for answer in lists.export(self.there, Ask(tab=tab.key), self.by):
            found = (
                (self._digest({name: getattr(row, name) for name in names}, row.id), row.id) for row in answer.rows
            )
            self.places.executemany("INSERT OR IGNORE INTO there VALUES (?, ?)", [pair for pair in found if pair[0]])

    def _digest(self, values, id):
        """What tells a row by its key, or None where that is empty."""
        said = [values.get(name) if name != ID else id for name in self.key]
        if all(value is None for value in said):
            return None
        texts = [_compared(self.kinds.get(name), value) for name, value in zip(self.key, said, strict=True)]
        return hashlib.blake2b(json.dumps(texts).encode(), digest_size=16).digest()

    def judge(self, batch):
        """[(line, cells)] → [Line], each with its verdict."""
        found = [self.reader.read(line, cells) for line, cells in batch]
        for one in found:
            if not one.verdict and self.key:
                self._find(one)
        ids = [one.record for one in found if one.record is not None and not one.verdict]
        standing = {row.id: row for row in self._rows_there(ids)}
        for one in found:
            if not one.verdict:
                self._compare(one, standing)
        return found

    def _find(self, one):
        digest = self._digest(one.values, one.id)
        if digest is None:
            return
        seen = self.places.execute("SELECT line FROM seen WHERE key = ?", (digest,)).fetchone()
        if seen:
            return one.refuse(f"It has the same key as line {seen[0]:,}.")
        self.places.execute("INSERT INTO seen VALUES (?, ?)", (digest, one.line))
        if self.key == (ID,):
            one.record = one.id
            return None
        there = [id for (id,) in self.places.execute("SELECT id FROM there WHERE key = ? LIMIT 3", (digest,))]
        if len(there) > 1:
            said = ", ".join(str(id) for id in there)
            return one.refuse(f"Several {self.listing.things} have this key already: {said}.")
        one.record = there[0] if there else None
        return None

    def _rows_there(self, ids):
        for start in range(0, len(ids), 200):
            yield from standing(self.rules, ids[start : start + 200], self.by)

    def _compare(self, one, standing):
        if one.record is None:
            one.verdict = NEW
            if self.mapping["mode"] == "change":
                one.verdict, one.note = LEFT_OUT, "It isn't there yet."
            else:
                self._begin(one)
            return
        row = standing.get(one.record)
        if row is None:
            return one.refuse(f"There is no {self.listing.thing} {one.record} that you can see.")
        if self.mapping["mode"] == "new":
            one.verdict, one.note = LEFT_OUT, "It is there already."
            return None
        return compare(self.rules, one, row, self.mapping, self.by)

    def _begin(self, one):
        try:
            values = begun(self.rules, one, self.mapping)
        except Invalid as refusal:
            return one.refuse(" ".join(refusal.fields.values()))
        written = [f for f in self.listing.written if self.rules.may_fill(f.name)]
        lacking = [f for f in written if f.required and values[f.name] is None]
        if lacking:
            one.refuse(f"{lacking[0].label} can't be empty.")
        return None


def begun(rules, line, mapping=None):
    """The values of a new row of a line: an empty cell is what the row begins with, or empty where that was asked.

    Refuses with Invalid what isn't theirs to fill.
    """
    empties = mapping is not None and mapping["empties"] == "empty"
    given = {name: value for name, value in line.values.items() if empties or value is not None}
    usual = {f.name: f.default for f in rules.listing.written}  # of what is never empty
    return rows.begun(rules, {name: usual.get(name) if value is None else value for name, value in given.items()})


def _compared(kind, value):
    stored = str(value) if kind is None or value is None or isinstance(value, LeftOver) else kind.stored(value)
    return comparable(stored) if isinstance(stored, str) else stored


def in_batches(listing):
    """Whether its rows can be written many at once."""
    return getattr(listing.source, "takes_many", False)


def standing(rules, ids, by):
    """The rows with these ids that `by` can see."""
    found = []
    ids = [id for id in ids if isinstance(id, int) and id < 2**31]
    if in_batches(rules.listing):
        return list(rules.listing.source.get_many(ids).values())
    for id in ids:
        row = rules.listing.rows.get(rules.listing, id, by, None, rules.reachable(by))
        found += [row] if row is not None else []
    return found


def compare(rules, one, row, mapping, by):
    """Judge a line against the row that it means: changed cell by cell, same, or refused."""
    listing = rules.listing
    changes = {}
    for name, value in one.values.items():
        if value is None and mapping["empties"] == "leave":
            continue
        f = listing.by_name[name]
        value = f.default if value is None else value
        now = None if additions.kind_of(name) else listing.column(name).of(row)
        if now == value and type(now) is type(value):
            continue
        if value is None and f.required:
            return one.refuse(f"{f.label} can't be empty.")
        if not additions.kind_of(name) and not rules.may_change(row, name, by):
            return one.refuse(rows.why_not(rules, row, by))
        changes[name] = [stored_cell(f.kind, now), stored_cell(f.kind, value)]
    one.verdict = CHANGED if changes else SAME
    one.cells = changes or None
    return None


def mark(listing, row):
    """A short text that is another as soon as somebody changed a row."""
    if listing.source is not None:
        return str(listing.column("changed_at").of(row))
    return fingerprint({f.name: stored_cell(f.kind, listing.column(f.name).of(row)) for f in listing.written})
