"""Tables that people make: made, named, given fields and options, put away and brought back.

Each change of a shape raises its number and is noted with what takes it back. What turns a field into another
kind is domain/records/kind_changes.py.
"""

import re
import unicodedata
from datetime import timedelta

from database.clock import now
from database.compiled import Compiled, CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.transactions import writes
from domain import Invalid, NotFound, Stale, existing
from domain.base import changes, history, long_jobs
from domain.fields.beside.button import Does
from domain.fields.kinds import Unfit, clean, comparable, whole
from domain.fields.records import registry
from domain.fields.text import Name, Text
from domain.records import documents, rights, shapes
from domain.records.computed import dependents
from models import Collection, RecordField, RecordOption, RecordSlot, ShapeChange, User

FIELDS = 200  # of one table
OPTIONS = 1000  # of one field
ALIASED = timedelta(days=365)  # that a field answers to the name it had
TABLES = 2000  # of one organization
# What programs know lists of the house by, so that no table is called so.
RESERVED = {"tasks", "labels", "events", "event-types", "members", "workspaces", "subscriptions"}
BESIDE = {"archives", "back"}  # pages that stand where tables do
_NAME, _LABEL = Name(80), Text(80)
FEW = 50  # tables
NUMBERS = "record numbers"  # the long job of rows/numbers.py


NOT_HERE = "This table isn't here: it was removed, or it isn't yours to see."


def present(by):
    """The tables that aren't put away and that this member may see something of, by name."""
    hidden, bound = rights.not_seen(by), by.api_key.tables if by.api_key else None
    rows = [row for row in _present() if row.id not in hidden and (not bound or str(row.id) in bound)]
    return sorted(rows, key=lambda row: comparable(row.name))


def are_few():
    """Whether the tables fit into one choice: at most FEW."""
    return len(_some(limit=FEW + 1)) <= FEW


def found(slug):
    """The table with this address. Refuses with NotFound."""
    return existing(_called.first(slug=slug), NOT_HERE)


def is_called(slug):
    """Whether a table has this address."""
    return _called.first(slug=slug) is not None


# Asked by every page of a table: `records_list_1m_vs_django_admin`, `records_write_per_second`.
_present = CompiledRows(Collection, lambda: Collection.select().where(Collection.archived_at.is_null()))
_some = Compiled(
    lambda: Collection.select(Collection.id).where(Collection.archived_at.is_null()).limit(parameter("limit"))
)
_called = CompiledRows(
    Collection,
    lambda: Collection.select().where(Collection.slug == parameter("slug"), Collection.archived_at.is_null()).limit(1),
)


def to_build(slug, by):
    """The table with this address, for who may change its shape. Refuses with NotFound or Forbidden."""
    collection = found(slug)
    rights.require_build(collection, by)
    return collection


def builds(by, table, **_):
    """Whether a member may change the shape of the table with this address."""
    collection = Collection.one(Collection.slug == table, Collection.archived_at.is_null())
    return collection is not None and rights.may_build(collection, by)


def check_linked(options, by):
    """Refuses with Invalid a link to a table of which whoever builds doesn't see all: making one tells its rows."""
    other = Collection.one(Collection.id == whole(options.get("table"))) if options.get("table") else None
    if other is not None and not by.may("records.build"):
        theirs = rights.of(other, by, shapes.read(other))
        if theirs.sees != "all" or theirs.hidden:
            raise Invalid({"table": "You don't see all of that table, so you can't link to it."})


def numbered(id):
    """The table with this number. Refuses with NotFound."""
    row = Collection.one(Collection.id == id, Collection.archived_at.is_null())
    if row is None:
        raise NotFound("This table isn't here: it was removed, or it isn't yours to see.")
    return row


def fields(collection):
    """Its fields in their order, each with `words`: the options of a choice."""
    live = RecordField.collection == collection, RecordField.archived_at.is_null()
    found = list(RecordField.select().where(*live).order_by(RecordField.place, RecordField.id))
    options = RecordOption.select().where(RecordOption.field.in_(found), RecordOption.archived_at.is_null())
    words: dict[int, list] = {field.id: [] for field in found}
    for option in options.order_by(RecordOption.place):
        words[option.field_id].append(option)
    for field in found:
        field.words = words[field.id]
    return found


@writes
def make(name, *, by, fields=(("Name", "text"),), key=""):
    """Make a table with fields (label, kind[, words of a choice[, settings]]).

    A form that is sent twice with one `key` makes one. Refuses with Invalid.
    """
    by.require("records.build")
    name, key = _read(_NAME, "name", name), changes.form_key(key)
    if key and (before := changes.made(by, Collection._meta.table_name, key)):
        return Collection.get_by_id(before.row_id)
    lock("slugs", by.organization.id)
    taken = {row.slug for row in Collection.select(Collection.slug)}
    if len(taken) >= TABLES:
        raise Invalid({"name": f"An organization has {TABLES:,} tables at most."})
    taken |= RESERVED | BESIDE
    collection = Collection.create(name=name, slug=_free(_named(name, "table"), taken), made_by=by.user)
    for place, (label, kind, *more) in enumerate(fields):
        _add(collection, place, label, kind, more[1] if len(more) > 1 else {}, *more[:1])
    history.note("records.made", f"The table {name} was made", collection, by=by, verb="created", after=name, batch=key)
    return collection


@writes
def rename(slug, name, *, by, shape=None):
    """Call a table something else; its address stays. Refuses with Invalid, NotFound or Stale."""
    collection, name = to_build(slug, by), _read(_NAME, "name", name)
    if name != collection.name:
        Collection.update(name=name).where(Collection.id == collection.id).execute()
        changed(
            collection,
            {"collections": {collection.id: {"name": [collection.name, name]}}},
            f"{collection.name} → {name}",
            by,
            shape,
        )
    return found(slug)


@writes
def add_field(slug, label, kind="text", *, by, choices=(), options=None, shape=None, key=""):
    """Add a field at the end; of a choice with its first words. Returns the RecordField.

    A form that is sent twice with one `key` adds one. `shape` is the number that the page was drawn by. Refuses with
    Invalid, NotFound or Stale.
    """
    collection, topic, key = to_build(slug, by), RecordField._meta.table_name, changes.form_key(key)
    if key and (before := changes.made(by, topic, key)):
        return field_of(collection, before.row_id)
    lock("records", collection.id)
    collection = numbered(collection.id)  # as whoever was before left it
    check_linked(options or {}, by)
    count = RecordField.select().where(RecordField.collection == collection).count()
    if count >= FIELDS:
        raise Invalid({"label": f"A table has {FIELDS} fields at most, the removed ones counted."})
    options = options or {}
    if kind == "phone":
        options = {"country": User.get_by_id(by.user.id).country, **options}
    field = _add(collection, count, label, kind, options, choices)
    if field.is_keyed and not documents.order_empty(collection.id, field.slot_id) and kind != "autonumber":
        # A long table isn't ordered by it until somebody asks for that on its page: a job does it.
        RecordField.update(is_keyed=False).where(RecordField.id == field.id).execute()
    if kind == "autonumber":
        number_rows(field.slot_id, by)
    changed(collection, {"add": field.id}, f"{collection.name}: the field {field.label} was added", by, shape)
    if key:
        changes.record(by.organization, topic, field.id, "created", by=by.user, batch=key)
    return field


def number_rows(slot, by):
    """Have the rows that there are numbered by a job, in the present transaction."""
    long_jobs.replace(NUMBERS, str(slot))
    long_jobs.begin(NUMBERS, str(slot), by=by.user, organization=by.organization.id, after=0)


@writes
def rename_field(slug, id, label, *, by, shape=None):
    """Call a field something else; whatever uses it holds its number. Refuses with Invalid, NotFound or Stale."""
    collection, label = to_build(slug, by), _read(_LABEL, "label", label)
    field = field_of(collection, id)
    if label != field.label:
        RecordField.update(label=label).where(RecordField.id == field.id).execute()
        what = {"fields": {field.id: {"label": [field.label, label]}}}
        changed(collection, what, f"{collection.name}: {field.label} is called {label}", by, shape)
    return field_of(collection, id)


@writes
def rename_for_programs(slug, id, *, by, shape=None):
    """Let programs call a field as it is called now; for ALIASED they may also use the name it had.

    No other field gets a name that one has or had. Refuses with NotFound or Stale.
    """
    collection = to_build(slug, by)
    field = field_of(collection, id)
    others = _names_of([row for row in _all_fields(collection) if row.id != field.id]) | {"id"}
    name = _free(_named(field.label, "field", "_"), others, "_")
    if name != field.api_name:
        held = [pair for pair in field.aliases if pair[0] != name]
        held.append([field.api_name, (now() + ALIASED).isoformat()])
        what = {"fields": {field.id: {"api_name": [field.api_name, name], "aliases": [field.aliases, held]}}}
        RecordField.update(api_name=name, aliases=held).where(RecordField.id == field.id).execute()
        changed(collection, what, f"{collection.name}: programs call {field.label} {name}", by, shape)
    return field_of(collection, id)


def name_for_programs(field, name, is_keyed):
    """A new field's name for programs, and whether long lists are ordered by it, as they were elsewhere; in the present
    transaction, while it has no rows. A name that is taken gets a number."""
    others = _names_of([row for row in _all_fields(field.collection) if row.id != field.id])
    kind = registry.made(field.kind, field.options, ())
    values = {"api_name": _free(_named(name, "field", "_"), others, "_")}
    values |= {"is_keyed": True} if is_keyed and kind.keyed and not kind.long else {}
    RecordField.update(**values).where(RecordField.id == field.id).execute()


def names_for_words(names):
    """Names by which programs know the words of one choice, each another one."""
    found: dict[str, None] = {}
    for name in names:
        found[_free(_named(name, "option", "_"), found, "_")] = None
    return [*found]


def _all_fields(collection):
    """Its fields, those put away too."""
    return list(RecordField.select().where(RecordField.collection == collection))


def _names_of(fields):
    """What programs may call these fields, or might once: also what they were called long ago."""
    return {name for field in fields for name in (field.api_name, *(had for had, _ in field.aliases))}


def add_option(slug, id, label, *, by, shape=None):
    """Add a word to a choice, at its end. Refuses with Invalid, NotFound or Stale."""
    return add_options(slug, id, (label,), by=by, shape=shape)[0]


@writes
def add_options(slug, id, labels, *, by, shape=None):
    """The same of several words, in one change of the shape."""
    collection = to_build(slug, by)
    field = field_of(collection, id)
    options = list(RecordOption.select().where(RecordOption.field == field))
    if field.kind not in ("choice", "choices"):
        raise Invalid({"label": f"{field.label} has no words to choose from."})
    made = add_words(field, labels, options)
    said = f"the word {made[0].label}" if len(made) == 1 else f"{len(made)} more words"
    what = {"option": [option.id for option in made], "field": field.id}
    changed(collection, what, f"{collection.name}: {field.label} has {said}", by, shape)
    return made


def read_label(text):
    """A label out of text. Refuses with Invalid."""
    return _read(_LABEL, "label", text)


def field_of(collection, id):
    """A field that isn't put away, by its number. Refuses with NotFound."""
    field = RecordField.one(
        RecordField.collection == collection, RecordField.id == id, RecordField.archived_at.is_null()
    )
    if field is None:
        raise NotFound("This field isn't here any more.")
    return field


def changed(collection, what, summary, by, shape=None, filled=None):
    """Raise the number of a table's shape and note what was changed, in the present transaction.

    Refuses with Stale when the page was drawn by another `shape` than the table has by now.
    """
    lock("records", collection.id)
    stood = shape if shape is not None else collection.shape
    number = stood + 1
    moved = Collection.update(shape=number).where(Collection.id == collection.id, Collection.shape == stood)
    if not moved.execute():
        last = ShapeChange.select().where(ShapeChange.collection == collection).order_by(ShapeChange.id.desc()).first()
        who = last.by.name if last and last.by_id else "Somebody"
        raise Stale(f"{who} changed this table a moment ago. Look again, then do it once more.")
    noted = ShapeChange.create(collection=collection, number=number, what=what, by=by.user)
    dependents.shape_moved(collection, what, by, filled)
    history.note("records.shape_changed", summary, collection, by=by, target=collection)
    history.changes.record(by.organization, f"record:{collection.id}", None, "updated", by=by.user)
    return noted


# --- parts --------------------------------------------------------------------------------------------------------


def _add(collection, place, label, kind, options, choices=()):
    label = _read(_LABEL, "label", label)
    if kind not in registry.KINDS:
        raise Invalid({"kind": "There is no such kind of field."})
    options = _settings(kind, options)
    known = _names_of(_all_fields(collection)) | {"id"}
    made = registry.made(kind, options, ())
    field = RecordField.create(
        collection=collection,
        label=label,
        api_name=_free(_named(label, "field", "_"), known, "_"),
        place=place,
        kind=kind,
        options=options,
        is_keyed=made.keyed and not made.long and (kind != "text" or place == 0) and kind not in registry.COMPUTED,
    )
    slot = RecordSlot.create(field=field, kind=kind, options=options)
    RecordField.update(slot_id=slot.id).where(RecordField.id == field.id).execute()
    field.slot_id = slot.id
    add_words(field, choices)
    return field


def _settings(kind, options):
    if kind in registry.COMPUTED:
        if not isinstance(options.get("tree"), tuple | list):  # as computed/formulas.py reads it
            raise Invalid({"kind": "Write what is worked out: choose this kind on the page of fields."})
        return dict(options)
    if kind == "button":
        if not isinstance(options, Does):
            raise Invalid({"kind": "Say what it does: choose this kind on the page of fields."})
        return dict(options)
    try:
        return registry.read_options(kind, options)
    except Unfit as unfit:
        raise Invalid({"table": str(unfit)}) from None


TONES = ("info", "warn", "good", "quiet", "bad", "off")
# Words that say themselves how things stand: a colour that is only their turn would contradict them.
SPEAKING = {
    **dict.fromkeys(("ready", "active", "done", "hired", "signed", "booked", "mended"), "good"),
    **dict.fromkeys(("broken", "declined", "cancelled", "lost", "failed"), "bad"),
}


def add_words(field, labels, options=()):
    """Make words of a choice behind its `options`, in the present transaction. Refuses with Invalid."""
    if (count := len(options) + len(labels)) > OPTIONS:
        raise Invalid({"label": f"A field has {OPTIONS:,} words at most; with these it would have {count:,}."})
    known = {comparable(option.label): option for option in options}
    names, made = {option.api_name for option in options}, []
    for place, text in enumerate(labels, len(options)):
        label = _read(_LABEL, "label", text)
        if there := known.get(comparable(label)):
            rests = " It rests: offer it again on the field's page." if there.archived_at else ""
            raise Invalid({"label": f"{field.label} has the word {label} already.{rests}"})
        name = _free(_named(label, "option", "_"), names, "_")
        tone = SPEAKING.get(label.casefold(), TONES[place % len(TONES)])
        word = RecordOption.put(field=field.id, label=label, api_name=name, tone=tone, place=place)
        known[comparable(label)] = word
        names.add(name)
        made.append(word)
    return made


def _read(kind, name, text):
    try:
        text = kind.read(clean(text).strip())
    except Unfit as unfit:
        raise Invalid({name: str(unfit)}) from None
    if not text:
        raise Invalid({name: "Write a name."})
    return text


def _named(text, otherwise, sign="-"):
    """An address or lasting name made of a label: plain small letters, figures and `sign`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", sign, plain).strip(sign)[:50].strip(sign)
    return made if made and not made[0].isdigit() else f"{otherwise}{sign}{made}".strip(sign)


def _free(name, taken, sign="-"):
    free, number = name, 2
    while free in taken:
        free, number = f"{name}{sign}{number}", number + 1
    return free
