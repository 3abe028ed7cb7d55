"""A field that becomes another kind: rehearsed with the very cells, filled beside the live ones, flipped, undone.

The new cells are a slot of their own. From the commit that makes it on, whoever writes a row fills it too; a job
walks over all rows in batches and goes on after a kill where it stood. The old slot is kept for KEPT days, with
what is changed meanwhile, so that going back is a flip as well. Nothing is lost on any way.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

from database.clock import now
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import long_jobs
from domain.fields.kinds import Unfit, comparable
from domain.fields.records import conversions, formats, registry
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.fields.records.many_options import split
from domain.records import batches, collections, documents, questions, rights, shape_changes, shapes
from domain.records.computed import working
from domain.records.hanging import queries, uses
from models import (
    Collection,
    LongJob,
    Organization,
    Record,
    RecordField,
    RecordKey,
    RecordLink,
    RecordOption,
    RecordSlot,
    User,
)

CHANGE = "kind_change"
KEPT = 30  # days
SLOTS = 3  # kept ones of a field
LOOKED = 20_000  # cells that a rehearsal looks at while somebody waits; rehearsals.py looks at the others
BATCH = 1000
LINKED = 200  # of rows that others are read for
SPAN = 0.015  # seconds after which a batch has what it has, so that others write in between
SHOWN = 25


class Becomes(NamedTuple):
    """A cell in a rehearsal: of which row, what stands in it, what it becomes; `is_left` where that are words."""

    row: int
    title: str
    now: str
    becomes: str
    is_left: bool
    beside: str


@dataclass
class Rehearsal:
    """What would become of a field's cells."""

    of: RecordField
    kind: str
    options: dict
    form: formats.Format
    questions: list = field(default_factory=list)
    looked: int = 0
    is_whole: bool = True
    empty: int = 0
    left: list = field(default_factory=list)  # Becomes, of those that don't fit
    left_count: int = 0
    fit: list = field(default_factory=list)  # Becomes, of those that do: short, long and odd ones
    words: dict = field(default_factory=dict)  # a choice's words that aren't options yet → how often
    last: int = 0  # the row that was looked at last

    @property
    def has_too_many_words(self):
        """Whether it has more than can become options; then no more are noted."""
        return len(self.words) > collections.OPTIONS

    @property
    def fit_count(self):
        return self.looked - self.empty - self.left_count


def rehearse(slug, id, kind, *, by, options=None, given=None):
    """What would become of the first LOOKED cells, read and not written. Refuses with Invalid or NotFound."""
    collection = collections.to_build(slug, by)
    row = collections.field_of(collection, id)
    made = Rehearsal(row, kind, _checked(row, kind, options or {}, by), formats.Format())
    cell, target = _both(made, collection)
    rows = list(rows_of(collection, archived=False, after=0, most=LOOKED + 1))
    made.is_whole = len(rows) <= LOOKED
    said = [
        plain_cell(cell.kind, value) for _, document, _ in rows[:LOOKED] if (value := cell.value(document)) is not None
    ]
    made.form, made.questions = conversions.questions(cell.kind, target, said, given)
    _look_at(made, collection, cell, target, rows[:LOOKED])
    made.fit = _telling(made.fit)
    return made


def rehearse_rest(made, onward):
    """Look at all the other cells of a Rehearsal too; `onward` is told how many were looked at."""
    collection = Collection.get_by_id(made.of.collection_id)
    cell, target = _both(made, collection)
    while rows := list(rows_of(collection, archived=False, after=made.last, most=BATCH * 2)):
        onward(made.looked)
        _look_at(made, collection, cell, target, rows)
    made.is_whole, made.fit = True, _telling(made.fit)


def _both(made, collection):
    """(the cell as it is, the kind that it would be of), for whoever sees all."""
    cell = shapes.read(collection).by_name[f"f{made.of.id}"]
    cell = replace(cell, field=replace(cell.field, kind=cell.kind.for_all()))
    return cell, registry.made(made.kind, made.options, _choices(made.of)).for_all()


def _look_at(made, collection, cell, target, rows):
    first = shapes.read(collection).cells[0]
    cells = [(id, document, cell.value(document)) for id, document, _ in rows]
    if made.kind in ("choice", "choices"):
        said = [plain_cell(cell.kind, value) for _, _, value in cells if value is not None]
        for word, (written, count) in _new_words(cell.kind, target, said, made.form).items():
            if word in made.words or not made.has_too_many_words:
                stood = made.words.get(word, (written, 0))
                made.words[word] = stood[0], stood[1] + count
    for id, document, value in cells:
        _look(made, id, cell, target, value, lambda document=document: title_of(first, document))
    made.looked, made.last = made.looked + len(rows), rows[-1][0] if rows else made.last


def title_of(first, document):
    """What a row is called in its first field, for whoever builds: nothing where that is another row's name, or worked
    out of what not everybody sees."""
    is_theirs = not first.kind.pointing and (first.formula is None or first.is_open)
    return plain_cell(first.kind, first.value(document)) if is_theirs else ""


def _look(made, id, cell, target, value, title):
    if value is None:
        made.empty += 1
        return
    became = conversions.convert(cell.kind, target, value, made.form)
    is_left = isinstance(became.value, LeftOver)
    now_there = plain_cell(cell.kind, value)
    if is_left and made.words and all(word in made.words for word in _words(target, now_there, made.form)):
        is_left, becomes = False, now_there  # it becomes an option
    else:
        becomes = str(became.value) if is_left else target.plain(became.value)
    made.left_count += is_left
    if len(kept := made.left if is_left else made.fit) < (SHOWN * 2 if is_left else LOOKED):
        kept.append(Becomes(id, title() if is_left else "", now_there, becomes, is_left, became.beside))


def _telling(fit):
    """Some that tell most: the shortest, the longest, those that change most, each once."""
    each = list({one.now: one for one in fit}.values())
    by_length = sorted(each, key=lambda one: len(one.now))
    odd = sorted(each, key=lambda one: (not one.beside, one.now == one.becomes, one.now))
    return list(dict.fromkeys([*odd[: SHOWN - 10], *by_length[:5], *by_length[-5:]]))[:SHOWN]


def _words(target, text, form):
    if target.several:
        return [comparable(word) for word in split(text, form.separator or ";")]
    return [comparable(text)]


def _new_words(kind, target, texts, form):
    """The words that stand in cells and are no options of the choice, as written first → how often."""
    if kind.name in ("options", "many_options"):
        return {}
    known = {comparable(option.label) for option in target.made}
    found: dict[str, list] = {}
    for text in texts:
        parts = split(text, form.separator or ";") if target.several else [text]
        for word in parts:
            said = comparable(word)
            if said and said not in known and len(word) <= 80 and "\n" not in word:
                found.setdefault(said, [word, 0])[1] += 1
    return {said: tuple(pair) for said, pair in sorted(found.items(), key=lambda one: -one[1][1])}


@writes
def begin(slug, id, kind, *, by, options=None, given=None, adds_words=True, shape=None, ordered=False, rehearsed=None):
    """Make a field another kind: from here on it is filled, by a job and by whoever writes. Returns the new slot.

    `adds_words`: a choice's words that aren't options become some; `ordered`: it has keys, whatever it had;
    `rehearsed` is the Rehearsal of all cells, where that was made before.
    Refuses with Invalid, NotFound or Stale.
    """
    collection = collections.to_build(slug, by)
    made = rehearsed or rehearse(slug, id, kind, by=by, options=options, given=given)
    row = made.of
    if RecordSlot.select().where(RecordSlot.field == row, RecordSlot.state == "filling").exists():
        raise Refused(f"{row.label} is becoming another kind already. Wait for it, or stop it.")
    others = [one for one in collections.fields(collection) if one.id != row.id]
    if kind in conversions.BESIDE and all(one.kind in conversions.BESIDE for one in others):
        raise Refused("A table needs a field that people write. Add another one first.")
    if row.is_unique:
        raise Invalid({"kind": f"{row.label} may not have doubles. Allow them first, then change its kind."})
    if adds_words and made.words:
        _add_words(row, made.words)
    target = registry.made(kind, made.options, ())
    is_keyed = target.keyed and not target.long and (kind != "text" or row.is_keyed or ordered)
    kept = made.options | {"read": made.form.kept(), "keyed": is_keyed}
    return _begin(collection, row, kind, kept, by, shape)


def fill(collection, row, kind, options, by, shape=None):
    """Have a field worked out, in the present transaction: its settings are read already. Refuses with Stale, or while
    it is becoming something else."""
    if RecordSlot.select().where(RecordSlot.field == row, RecordSlot.state == "filling").exists():
        raise Refused(f"{row.label} is being worked out. Wait for it, or stop it.")
    return _begin(collection, row, kind, options | {"keyed": True}, by, shape)


def _begin(collection, row, kind, options, by, shape):
    slot = RecordSlot.create(field=row, kind=kind, options=options, state="filling")
    label = registry.KINDS[kind].label.lower()
    what = {"slots": {slot.id: {"state": [None, "filling"]}}}
    collections.changed(collection, what, f"{collection.name}: {row.label} is becoming {label}", by, shape)
    long_jobs.begin(CHANGE, str(slot.id), by=by.user, total=count_rows(collection), **_beginning(by.organization))
    return slot


def may_be_ordered(row):
    """Whether a field has no order yet and could have one."""
    kind = registry.made(row.kind, row.options)
    return kind.keyed and not kind.long and not row.is_keyed


@writes
def order(slug, id, *, by, shape=None):
    """Give a field an order, so that lists of any length go by it: filled as another kind is, and undone likewise.

    Refuses with Invalid, NotFound or Stale.
    """
    row = collections.field_of(collections.to_build(slug, by), id)
    if not may_be_ordered(row):
        raise Refused(f"Lists can be ordered by {row.label} already.")
    return begin(slug, id, row.kind, by=by, options=row.options, shape=shape, ordered=True)


def _beginning(organization):
    return {"organization": organization.id, "upto": 0, "archived": False, "left": 0}


def _add_words(row, words):
    try:
        collections.add_words(row, [word for word, _ in words.values()], _choices(row))
    except Invalid as refusal:
        raise Invalid({"kind": f"{refusal.sentence} Add a field of another kind besides."}) from None


def _checked(row, kind, options, by):
    """The settings of a kind out of texts. Refuses with Invalid what isn't offered, NotFound what is hidden."""
    rights.require_sight(row, by)
    if kind not in registry.KINDS:
        raise Invalid({"kind": "There is no such kind of field."})
    if conversions.way(registry.plain(row.kind, row.options), kind) == conversions.NO:
        raise Invalid({"kind": conversions.INSTEAD})
    for one in (options, row.options):  # what it links to stands in its cells
        collections.check_linked(one, by)
    try:
        return registry.read_options(kind, options)
    except Unfit as unfit:
        raise Invalid({"options": str(unfit)}) from None


def _choices(row):
    return list(RecordOption.select().where(RecordOption.field == row).order_by(RecordOption.place, RecordOption.id))


def words_of(row):
    """The words of a field's choice that stand for themselves, in their order, also those that rest."""
    return [option for option in _choices(row) if option.merged_into_id is None]


def becoming(seen):
    """What a Rehearsal makes of its field, for what goes by it: words that would be added count as there."""
    cell = shapes.read(Collection.get_by_id(seen.of.collection_id)).by_name[f"f{seen.of.id}"]
    added = [
        RecordOption(id=-number, label=word, api_name="", tone="quiet")
        for number, (word, _) in enumerate(seen.words.values(), 1)
    ]
    new = registry.made(seen.kind, seen.options, [*_choices(seen.of), *added])
    return queries.Becoming(cell.name, cell.kind.for_all(), new.for_all(), seen.form)


# --- filling ------------------------------------------------------------------------------------------------------


@long_jobs.worker(CHANGE)
@writes
def work(job):
    """Fill one batch of a slot; returns how many rows were looked at."""
    slot = RecordSlot.one(RecordSlot.id == int(job.subject))
    if slot is None or slot.state != "filling":
        raise Refused("It was stopped.")
    row: Any = RecordField.get_by_id(slot.field_id)
    collection = Collection.get_by_id(row.collection_id)
    lock("records", collection.id)
    shape = shapes.read(Collection.get_by_id(collection.id))
    archived = job.facts["archived"]
    rows = list(rows_of(collection, archived, job.facts["upto"], BATCH))
    cell = shape.by_name.get(f"f{row.id}")
    other = next((one for one in cell.filling if one.slot == slot.id), None) if cell else None
    if other is None:  # its field was put away meanwhile: it waits no longer
        return stop_slot(slot)
    if not rows and archived:
        kinds = (cell.kind.for_all(), other.kind.for_all())
        return _flip(job, slot, row, collection, queries.Becoming(cell.name, *kinds, cell.form(other)))
    made = batches.filled(shape, rows[: LINKED if working.plan(shape).ways else BATCH], cell, other, SPAN)
    facts = {"archived": archived or not rows, "upto": made[-1].id if made else 0}
    facts["left"] = job.facts["left"] + sum(one.is_left for one in made)
    long_jobs.progress(job, job.done + len(made), lasting=True, **facts)
    batches.write_filled(made, slot, other, archived)
    return len(made)


def count_rows(collection):
    """How many rows a table has, those in the trash too."""
    return Record.select().where(Record.collection == collection).count()


def rows_of(collection, archived, after, most):
    """(id, document, version) of the next rows by their age, in the trash or not."""
    rows = questions.following(archived)(collection=collection.id, after_id=after, limit=most)
    return ((id, documents.loaded(cells), version) for id, cells, version in rows)


def _flip(job, slot, row, collection, becoming):
    """The new slot is the live one, in one transaction."""
    long_jobs.finish(job)
    old = RecordSlot.get_by_id(row.slot_id)
    own = {name: value for name, value in slot.options.items() if name not in ("read", "keyed")}
    until = now() + timedelta(KEPT)
    keyed = old.options | {"keyed": row.is_keyed}
    RecordSlot.update(options=keyed, kept_until_at=until).where(RecordSlot.id == old.id).execute()
    # Taken back, the new slot is a kept one in its turn.
    filled = {"state": "kept", "left_over": job.facts["left"], "kept_until_at": until}
    RecordSlot.update(**filled).where(RecordSlot.id == slot.id).execute()
    is_alike = slot.kind == row.kind and own.get("table") == row.options.get("table")
    begins = {} if is_alike else {"begins": None}  # it was of the other kind, or a row of the other table
    diff = {
        "fields": {
            row.id: {"kind": slot.kind, "options": own, "slot_id": slot.id, "is_keyed": slot.options["keyed"]} | begins
        },
        "slots": {slot.id: {"state": "live"}, old.id: {"state": "kept"}},
    }
    by = shape_changes.Asker(User.get_by_id(job.asked_by_id), Organization.get_by_id(job.facts["organization"]))
    label = registry.KINDS[slot.kind].label.lower()
    diff |= uses.translations(row, becoming)
    said = "has other settings now" if slot.kind == row.kind else f"is {label} now"
    said = "can be ordered now" if slot.options["keyed"] and not row.is_keyed and own == row.options else said
    shape_changes.make(collection, diff, f"{collection.name}: {row.label} {said}", by, filled=row.id)
    if slot.kind == "autonumber":
        collections.number_rows(slot.id, by)
    _let_go_of_oldest(row)


def _let_go_of_oldest(row):
    kept = RecordSlot.select().where(RecordSlot.field == row, RecordSlot.state == "kept")
    for slot in list(kept.order_by(RecordSlot.kept_until_at.desc(), RecordSlot.id.desc()))[SLOTS:]:
        RecordSlot.update(state="gone").where(RecordSlot.id == slot.id).execute()


@writes
def stop(slug, id, *, by, shape=None):
    """Let a field be what it is: what was filled so far goes. Refuses with NotFound or Stale."""
    collection = collections.to_build(slug, by)
    row = collections.field_of(collection, id)
    slot = RecordSlot.one(RecordSlot.field == row, RecordSlot.state == "filling")
    if slot is None:
        raise Refused(f"{row.label} isn't becoming another kind.")
    stop_slot(slot)
    what = {"slots": {slot.id: {"state": ["filling", "gone"]}}}
    collections.changed(collection, what, f"{collection.name}: {row.label} stays as it is", by, shape)


def stop_slot(slot):
    """What was being filled isn't any more, in the present transaction."""
    RecordSlot.update(state="gone").where(RecordSlot.id == slot.id).execute()
    long_jobs.replace(CHANGE, str(slot.id))


def progress(collection):
    """field → the LongJob that fills it."""
    slots = RecordSlot.select().join(RecordField, on=(RecordField.id == RecordSlot.field))
    filling = slots.where(RecordField.collection == collection, RecordSlot.state == "filling")
    found = {str(slot.id): slot.field_id for slot in filling}
    jobs = LongJob.select().where(LongJob.kind == CHANGE, LongJob.subject.in_(list(found))) if found else ()
    return {found[job.subject]: job for job in jobs}


def left_over(collection):
    """field → how many cells had words left over when it became what it is."""
    slots = RecordSlot.select(RecordSlot.field, RecordSlot.left_over, RecordSlot.kind)
    slots = slots.join(RecordField, on=(RecordField.slot_id == RecordSlot.id))
    return {row.field_id: row.left_over for row in slots.where(RecordField.collection == collection) if row.left_over}


def prune(limit):
    """Let go of slots whose days are over, with their keys; returns how many."""
    with everywhere("kept slots end in all organizations"):
        over = list(
            RecordSlot.select().where(RecordSlot.state == "kept", RecordSlot.kept_until_at < now()).limit(limit)
        )
    for slot in over:
        with inside(slot.organization_id):
            _let_go(slot)
            while _without_keys(slot):
                pass
    return len(over)


@writes
def _let_go(slot):
    RecordSlot.update(state="gone").where(RecordSlot.id == slot.id).execute()
    row: Any = RecordField.get_by_id(slot.field_id)
    lock("records", row.collection_id)
    Collection.update(shape=Collection.shape + 1).where(Collection.id == row.collection_id).execute()


@writes
def _without_keys(slot):
    RecordLink.delete().where(RecordLink.slot == slot.id).execute()
    some = RecordKey.select(RecordKey.record).where(RecordKey.slot == slot.id).limit(BATCH * 4)
    return RecordKey.delete().where(RecordKey.slot == slot.id, RecordKey.record.in_(some)).execute()
