"""After any history of a table, what stands beside its rows equals what is worked out of them anew.

Keys, unique values, links and searched words are kept by whoever writes; nothing but this test would see one that is
missing. `make oracle` is the long form: ORACLE histories of up to sixty steps, with new luck each time.
"""

import io
import itertools
import json
import os

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from domain import Refused
from domain.imports import doing, imports
from domain.lists import asks, lists, rows
from domain.records import (
    collections,
    documents,
    field_changes,
    kind_changes,
    listings,
    rules,
    shape_changes,
    shapes,
)
from domain.records.computed import dependents, formulas
from models import Collection, Record, RecordField, RecordKey, RecordLink, RecordOption, RecordSlot, RecordUnique

MANY = int(os.environ.get("ORACLE", "0"))
STEPS = 60 if MANY else 18
numbers = itertools.count(1)

FIELDS = ("Name", "Cell", "State", "On", "Other")
TEXTS = ("", "3", "12", "ca. 300", "Open", "open", "2026-03-01", "ada@example.org", "ja", "Row; Open", "É 7", "-1,5")
KINDS = (
    "text",
    "number",
    "choice",
    "choices",
    "day",
    "moment",
    "long_text",
    "yes_no",
    "email",
    "link",
    "links",
    "rating",
)
WORKED = ("Said", "Found")  # fields that are worked out
FORMULAS = (
    *('{Name} & "/" & {State}', "{Cell}", "{Cell} * 2", "1 / len({Name})", "add_days({On}, 1)", "{On} = {On}"),
    *("count({Other})", "join({Other.Name})", "count({Back})", "join({Back.Said})", "sum({Back.Cell})", "{Found}"),
)
few = st.integers(0, 7)
field, text = st.sampled_from(FIELDS), st.sampled_from(TEXTS)
worked = st.sampled_from(WORKED)
STEP = st.one_of(
    st.tuples(st.just("make"), st.lists(text, min_size=5, max_size=5)),
    st.tuples(st.just("change"), few, field, text),
    st.tuples(st.just("bulk"), field, text),
    st.tuples(st.just("remove"), few),
    st.tuples(st.just("take_back"), few),
    st.tuples(st.just("kind"), field, st.sampled_from(KINDS)),
    st.tuples(st.just("fill"), st.integers(1, 3)),
    st.tuples(st.just("undo"), few),
    st.tuples(st.just("merge"), few, few),
    st.tuples(st.just("rest"), few),
    st.tuples(st.just("away"), field),
    st.tuples(st.just("back")),
    st.tuples(st.just("unique"), field, st.booleans()),
    st.tuples(st.just("rule"), field),
    st.tuples(st.just("words"), few),
    st.tuples(st.just("bring"), st.lists(st.tuples(few, text), min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("back_import")),
    st.tuples(st.just("stop"), st.one_of(field, worked)),
    st.tuples(st.just("formula"), st.one_of(worked, field), st.sampled_from(FORMULAS)),
    st.tuples(st.just("kind"), worked, st.sampled_from(KINDS)),
    st.tuples(st.just("away"), worked),
    st.tuples(st.just("off"), st.integers(1, 2)),
)


class History:
    """One table with its acts; what can't be done is left out."""

    def __init__(self, by):
        self.by, self.batches, self.held = by, [], None
        self.table = collections.make(
            f"History {next(numbers)}",
            by=by,
            fields=(("Name", "text"), ("Cell", "text"), ("State", "choice", ("New", "Open", "Done")), ("On", "day")),
        )
        options = {"table": str(self.table.id), "back": "Back"}
        collections.add_field(self.table.slug, "Other", "links", by=by, options=options)
        formulas.add(self.table.slug, "Said", "formula", {"formula": FORMULAS[0]}, by=by)
        formulas.add(self.table.slug, "Found", "formula", {"formula": "join({Back.Said})"}, by=by)
        for cells in (
            ("Row", "3", "Open", "2026-03-01", ""),
            ("Other", "ca. 300", "", "", "Row"),
            ("Ä 10", "", "", "", ""),
        ):
            self.make(cells)

    @property
    def rules(self):
        return listings.of(Collection.get_by_id(self.table.id), self.by)

    def row(self, number):
        found = list(Record.select(Record.id).where(Record.collection == self.table, Record.archived_at.is_null()))
        return found[number % len(found)].id if found else 0

    def of(self, label):
        fields = RecordField.select().where(RecordField.collection == self.table, RecordField.label == label)
        return fields.order_by(RecordField.archived_at.is_null(False), RecordField.id.desc()).get()

    def do(self, step):
        verb, *given = step
        try:
            getattr(self, verb)(*given)
        except Refused:
            return False
        return True

    def make(self, cells):
        known = {f.label: f.name for f in self.rules.listing.written}
        form = {known[label]: text for label, text in zip(FIELDS, cells, strict=True) if label in known}
        rows.create(self.rules, form, by=self.by)

    def change(self, number, label, text):
        _, change = rows.change(self.rules, self.row(number), {f"f{self.of(label).id}": text}, by=self.by)
        self.batches += [change.batch] if change else []

    def bulk(self, label, text):
        ids = [self.row(number) for number in range(3)]
        self.batches.append(rows.bulk(self.rules, ids, {f"f{self.of(label).id}": text}, by=self.by)[0])

    def remove(self, number):
        self.batches.append(rows.remove(self.rules, self.row(number), by=self.by).batch)

    def take_back(self, number):
        if self.batches:
            rows.undo(self.rules, self.batches.pop(number % len(self.batches)), by=self.by)

    def kind(self, label, kind):
        options = {"table": str(self.table.id), "back": "Back"} if kind in ("link", "links") else {}
        kind_changes.begin(self.table.slug, self.of(label).id, kind, by=self.by, options=options)

    def fill(self, times):
        for _ in range(times):
            kind_changes.work()

    def formula(self, label, text):
        formulas.change(self.table.slug, self.of(label).id, "formula", {"formula": text}, by=self.by)

    def off(self, times):
        for _ in range(times):
            dependents.work()

    def stop(self, label):
        kind_changes.stop(self.table.slug, self.of(label).id, by=self.by)

    def undo(self, number):
        found = [one for one in shape_changes.recent(self.table) if one.undoable]
        if found:
            shape_changes.undo(self.table.slug, found[number % len(found)].id, by=self.by)

    def words_of(self):
        fields = RecordField.select(RecordField.id).where(RecordField.collection == self.table)
        return list(RecordOption.select().where(RecordOption.field.in_(fields)))

    def merge(self, one, other):
        words = self.words_of()
        word, into = words[one % len(words)], words[other % len(words)]
        field_changes.merge_words(self.table.slug, word.field_id, word.id, into.id, by=self.by)

    def rest(self, number):
        words = self.words_of()
        word = words[number % len(words)]
        field_changes.offer_word(self.table.slug, word.field_id, word.id, word.archived_at is not None, by=self.by)

    def away(self, label):
        field_changes.put_away(self.table.slug, self.of(label).id, by=self.by)

    def back(self):
        if gone := field_changes.away(self.table):
            field_changes.bring_back(self.table.slug, gone[0].id, by=self.by)

    def unique(self, label, is_on):
        field_changes.rule(self.table.slug, self.of(label).id, by=self.by, is_required=False, is_unique=is_on)

    def rule(self, label):
        form = MultiDict({"sees": "all", "changes": "all", "others": "change", f"field_{self.of(label).id}": "nothing"})
        rules.change(self.table.slug, "role:viewer", form, by=self.by)

    def words(self, times):
        for _ in range(times):
            rules.move_words()

    def bring(self, lines, is_known):
        """A file with new lines, or lines for rows that are there."""
        known = {f.label: f.name for f in self.rules.listing.written}
        first = self.rules.listing.by_name[self.rules.listing.first].label
        made = "".join(f'{self.row(n) if is_known else ""},"L{n}","{text}"\n' for n, text in lines)
        held = imports.take(self.rules, io.BytesIO(f"id,{first},Cell\n{made}".encode()), "x.csv", by=self.by)
        fields = ["id" if is_known else "", self.rules.listing.first, known.get("Cell", "")]
        if fields[2] == fields[1]:
            fields[1] = ""
        mapping = held.mapping | {"fields": fields, "key": ["id"] if is_known else []}
        imports.rehearse(self.rules, held, mapping, by=self.by)
        doing.work()
        imports.run(self.rules, imports.one(self.rules, held.id, by=self.by), by=self.by)
        doing.work()
        self.held = held.id

    def back_import(self):
        if self.held:
            imports.undo(self.rules, imports.one(self.rules, self.held, by=self.by), by=self.by)
            self.held = None
            doing.work()

    def end(self):
        for _ in (*FIELDS, *WORKED):
            self.do(("back",))
        for _ in range(200):
            if not (kind_changes.work() or dependents.work() or rules.move_words() or doing.work()):
                return
        raise AssertionError("a job never ends")


def expected(table):
    """What stands beside the rows, worked out of them: keys, links, words."""
    shape = shapes.read(Collection.get_by_id(table.id))
    keys, links, words, uniques = set(), set(), {}, set()
    for row in Record.select().where(Record.collection == table):
        document = json.loads(row.cells)
        if row.archived_at is not None:
            words[row.id] = ("", "")
            continue
        keys |= {(slot, key, row.id) for slot, key in documents.keys(shape, document)}
        links |= {(slot, to, row.id) for slot, to in documents.links(shape, document)}
        uniques |= {(slot, key, row.id) for slot, key in documents.uniques(shape, document).items()}
        words[row.id] = tuple(documents.words(shape, document).values())
    return {"keys": keys, "links": links, "words": words, "uniques": uniques}


def stands(table):
    kept = RecordSlot.select(RecordSlot.id).join(RecordField).where(RecordField.collection == table)
    kept = kept.where(RecordSlot.state != "gone")
    found = Record.select().where(Record.collection == table)
    beside = {
        name: set(model.select(model.slot, *columns).where(model.slot.in_(kept)).tuples())
        for name, model, columns in (
            ("keys", RecordKey, (RecordKey.key, RecordKey.record)),
            ("links", RecordLink, (RecordLink.to_record, RecordLink.from_record)),
            ("uniques", RecordUnique, (RecordUnique.key, RecordUnique.record)),
        )
    }
    return beside | {"words": {row.id: (row.words, row.words_more) for row in found}}


def worked_out(table):
    """(what stands in rows that aren't in the trash, what it is when it is all worked out anew)."""
    shape = shapes.read(Collection.get_by_id(table.id))
    live = Record.select().where(Record.collection == table, Record.archived_at.is_null())
    stood = {row.id: json.loads(row.cells) for row in live}
    return stood, {id: documents.worked_out(shape, dict(document), id) for id, document in stood.items()}


def compare(table):
    stood, anew = worked_out(table)
    assert stood == anew
    should, is_there = expected(table), stands(table)
    for name in ("keys", "links"):
        missing, more = should[name] - is_there[name], is_there[name] - should[name]
        assert (sorted(missing), sorted(more)) == ([], []), name
    assert is_there["words"] == should["words"]
    # Of doubles that were there before, one row holds the value.
    assert is_there["uniques"] <= should["uniques"]
    assert {pair[:2] for pair in is_there["uniques"]} == {pair[:2] for pair in should["uniques"]}


def shows(history):
    """Every order of the list has every row once."""
    listing = history.rules.listing
    live = Record.select().where(Record.collection == history.table, Record.archived_at.is_null()).count()
    for sort in listing.sorts:
        found = lists.read(listing, asks.Ask(tab="all", sort=sort.key, rows=500), history.by).rows
        assert len({row.id for row in found}) == len(found) == live, sort.key


@settings(
    max_examples=MANY or 10,
    deadline=None,
    derandomize=not MANY,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(STEP, min_size=STEPS // 2, max_size=STEPS))
def test_after_any_history_all_that_stands_beside_rows_is_what_they_say(inside_acme, at, steps):
    history = History(at("alice"))
    for step in steps:
        done = history.do(step)
        note(f"{step}{'' if done else ' (refused)'}")
    history.end()
    compare(history.table)
    shows(history)
