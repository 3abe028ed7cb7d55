"""Fields that are worked out, as who builds a table makes them: read, tried on real rows, added, changed.

Settings of such a field are texts of a form: a `formula`; or a field `of` linked rows («link 5 7», «back 6 9»), of a
roll-up with `how` they are put together. What is kept of them is a tree; see domain/fields/formulas.
"""

from typing import Any, NamedTuple

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.fields.formulas import functions, grammar, meaning
from domain.fields.formulas.types import Failed, Mistake
from domain.fields.kinds import clean, whole
from domain.fields.records import registry
from domain.fields.records.leftover import LeftOver
from domain.records import collections, kind_changes, rights, shape_changes, shapes
from domain.records.computed import scopes, working
from models import Collection, RecordField

TRIED = 5  # rows that a formula is tried on
LEVELS = 10  # of formula on formula
HOWS = (("sum", "Sum"), ("avg", "Mean"), ("min", "Least"), ("max", "Greatest"), ("count", "How many"), ("join", "List"))


class Tried(NamedTuple):
    """What a formula gives for a row: the number, what the row is called, the value or an error; its kind says how."""

    row: int
    title: str
    value: Any


class Trial(NamedTuple):
    """A formula that was read: its settings, the type in words, the kind of what it gives, and some rows."""

    options: dict
    said: str
    kind: Any
    rows: list


def read(collection, kind, form, by, id=0):
    """What is kept of a field's settings. `id` is the field's number, where there is one. Refuses with Mistake."""
    shape = shapes.read(collection)
    scope = scopes.of(shape)
    tree = _tree(scope, kind, form)
    typed = meaning.meant(tree, scope)
    if typed.type.name not in registry.RESULTS:
        raise Mistake("This gives nothing that a field can have.")
    _check_seen(collection, tree, by)
    if path := scopes.circle(id, tree):
        raise Mistake(f"It would go by itself: {' → '.join(path)}.")
    if _levels(tree) > LEVELS:
        raise Mistake(f"It goes by more than {LEVELS} formulas on top of each other.")
    options: dict = {"tree": tree, "gives": typed.type.name}
    if typed.type.name == "money":
        options["currency"] = typed.type.currency
    if typed.type.name in ("number", "percent"):
        options |= _places(form, tree)
    return options


def _places(form, tree):
    """Places behind the point that are shown; two where nothing is said and it divides."""
    text = clean(str(form.get("places") if form.get("places") is not None else "")).strip()
    if text:
        if text not in map(str, range(11)):
            raise Mistake("Choose 0 to 10 places.")
        return {"places": int(text)}
    return {"places": 2} if _divides(tree) else {}


def _divides(tree):
    is_one = tree[:2] in (("binary", "/"), ("call", "avg"))
    return is_one or any(_divides(one) for one in tree if isinstance(one, tuple))


def _tree(scope, kind, form):
    if isinstance(form.get("tree"), tuple):  # from within: no form has one; read again, as a ZIP may hold anything
        return grammar.parsed(grammar.printed(form["tree"], scope), scope)
    if kind == "formula":
        return grammar.parsed(str(form.get("formula") or ""), scope)
    word, link, there = [*str(form.get("of") or "").split(" "), "", "", ""][:3]
    way, field = scope.ways.get((word, whole(link))), whole(there) or 0
    if way is None or (field and field not in way.names.by_id):
        raise Mistake("Choose a field of linked rows.")
    how = str(form.get("how") or "") if kind == "rollup" else ""
    if kind == "rollup" and how not in dict(HOWS):
        raise Mistake("Choose how the rows are put together.")
    if not field and how != "count":
        raise Mistake(f"Choose a field of {way.label}.")
    named = (*way.key, field)
    if kind == "lookup" and not way.is_many:
        return named
    return ("call", how or "join", named)


def _levels(tree):
    """How many formulas stand on top of each other, this one too."""
    goes = {field.id: scopes.needs(theirs) for field, theirs in scopes.computed()}

    def depth(needed, room):
        if room < 0:
            return 0
        return 1 + max((depth(goes[id], room - 1) for id in needed if id in goes), default=0)

    return depth(scopes.needs(tree), LEVELS + 1)


def _check_seen(collection, tree, by):
    """Refuses with Mistake what whoever builds doesn't see all of, here or in other tables: results would tell it."""
    if by.may("records.build"):
        return
    hidden = rights.of(collection, by, shapes.read(collection)).hidden
    for word, link, *beyond in grammar.names(tree):
        if word == "field" and f"f{link}" in hidden:
            label = RecordField.get_by_id(link).label
            raise Mistake(f"You don't see all that {{{label}}} goes by, so you can't go by it.")
        if not beyond:
            continue
        field: Any = RecordField.get_by_id(link)
        table = whole(field.options.get("table")) if word == "link" else field.collection_id
        other = Collection.get_by_id(table)
        theirs = rights.of(other, by, shapes.read(other))
        if theirs.sees != "all" or theirs.hidden:
            raise Mistake(f"You don't see all of {other.name}, so you can't go by it.")


def tried(slug, kind, form, *, by, id=0):
    """A Trial of a field's settings on the newest rows; nothing is written. Refuses with Invalid or NotFound."""
    collection = collections.to_build(slug, by)
    shape = shapes.read(collection)
    try:
        options = read(collection, kind, form, by, id)
    except Mistake as mistake:
        raise Invalid({"formula": str(mistake)}) from None
    scope = scopes.of(shape)
    typed = meaning.meant(options["tree"], scope)
    made = registry.made(kind, options)
    rows = working.newest(shape, TRIED)
    beside = working.linked_for(shape, options["tree"], rows)
    found = []
    for id, document in rows:
        try:
            value = meaning.result(typed, meaning.Row(document, beside[id]))
        except Failed as failed:
            value = LeftOver(str(failed))
        found.append(Tried(id, kind_changes.title_of(shape.cells[0], document) or f"#{id}", value))
    return Trial(options, typed.type.said, made, found)


def written(collection, kind, options):
    """The texts of a form that a field's settings are shown in."""
    tree, scope = grammar.of_json(options["tree"]), scopes.of(shapes.read(collection))
    form = {"formula": grammar.printed(tree, scope), "places": str(options.get("places", ""))}
    if kind != "formula":
        how, named = (tree[1], tree[2]) if tree[0] == "call" else ("", tree)
        form |= {"of": " ".join(map(str, named)), "how": how}
    return form


def offered(collection):
    """(what is written, what it is, whether it can be used) of all that a formula of a table can name, and (value,
    label) of the fields of linked rows, as a look-up or roll-up has them in its form."""
    scope = scopes.of(shapes.read(collection))
    names, choices = [], []
    for one in scope.places:
        said = one.type.said if one.type else one.why
        names.append((grammar.printed(("field", one.id), scope), said, bool(one.type)))
    for way in scope.ways.values():
        names.append((grammar.printed((*way.key, 0), scope), "rows", True))
        choices.append((" ".join(map(str, (*way.key, 0))), f"{way.label}: the rows themselves"))
        for one in way.places:
            if one.type:
                choices.append((" ".join(map(str, (*way.key, one.id))), f"{way.label} → {one.label}"))
                said = f"{one.type.said}, of each row" if way.is_many else one.type.said
                names.append((grammar.printed((*way.key, one.id), scope), said, True))
    return names, choices


USAGES = tuple(sorted(function.usage for function in functions.FUNCTIONS.values()))


@writes
def add(slug, label, kind, form, *, by, shape=None):
    """Add a field that is worked out, filled by a job. Returns the RecordField.

    Refuses with Invalid, NotFound or Stale.
    """
    if kind not in registry.COMPUTED:
        raise Invalid({"kind": "There is no such kind of field."})
    collection = collections.to_build(slug, by)
    try:
        options = read(collection, kind, form, by)
    except Mistake as mistake:
        raise Invalid({"formula": str(mistake)}) from None
    field = collections.add_field(slug, label, kind, by=by, options=options, shape=shape)
    kind_changes.fill(collections.found(slug), field, kind, options, by)
    return field


@writes
def change(slug, id, kind, form, *, by, shape=None):
    """Let a field be worked out otherwise, or at all: its values are filled beside the present ones by a job.

    What was typed in it until now is put away as another field, and this one stands in its place. Returns the
    RecordField. Refuses with Invalid, NotFound or Stale.
    """
    collection = collections.to_build(slug, by)
    row = collections.field_of(collection, id)
    if kind not in registry.COMPUTED:
        raise Invalid({"kind": "There is no such kind of field."})
    if row.kind not in registry.COMPUTED:
        return _instead(slug, row, kind, form, by, shape)
    rights.require_sight(row, by)
    try:
        options = read(collection, kind, form, by, row.id)
    except Mistake as mistake:
        raise Invalid({"formula": str(mistake)}) from None
    kept = {name: row.options[name] for name in ("open",) if name in row.options}
    kind_changes.fill(collection, row, kind, options | kept, by, shape)
    return row


def _instead(slug, row, kind, form, by, shape):
    """A field that is worked out in the place of one that was typed, which is put away under another name."""
    collection = collections.found(slug)
    if row.kind == "button":
        raise Refused(f"{row.label} is a button: nothing stands in it.")
    others = [one for one in collections.fields(collection) if one.id != row.id]
    if all(one.kind in (*registry.COMPUTED, "autonumber", "files") for one in others):
        raise Refused("A table needs a field that people write. Add another one first.")
    try:
        options = read(collection, kind, form, by)
    except Mistake as mistake:
        raise Invalid({"formula": str(mistake)}) from None
    users = [field.label for field, tree in scopes.computed() if row.id in scopes.needs(tree)]
    if row.id in scopes.needs(options["tree"]) or users:
        said = f"{', '.join(users)} goes by it" if users else "The formula goes by what is typed in it"
        raise Invalid({"formula": f"{said}: add a new field for the formula instead."})
    field = add(slug, row.label, kind, form, by=by, shape=shape)
    diff = {"fields": {row.id: {"label": f"{row.label[:70]} (typed)", "archived_at": now()}}}
    diff["fields"] |= {field.id: {"place": row.place}}
    shape_changes.make(collections.found(slug), diff, f"{collection.name}: {row.label} is worked out now", by)
    return field


@writes
def open_to_all(slug, id, is_open, *, by, shape=None):
    """Show what a field gives also to who doesn't see all that it goes by, or no more.

    Refuses with NotFound or Stale.
    """
    by.require("records.build")
    collection = collections.to_build(slug, by)
    row = collections.field_of(collection, id)
    if row.kind not in registry.COMPUTED:
        raise NotFound("This field isn't worked out.")
    options = row.options | {"open": bool(is_open)}
    diff = {"fields": {row.id: {"options": options}}, "slots": {row.slot_id: {"options": options}}}
    who = "all who see the table" if is_open else "who sees all that it goes by"
    shape_changes.make(collection, diff, f"{collection.name}: {row.label} is shown to {who}", by, shape)
