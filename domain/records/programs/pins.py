"""A table as a program knows it that was made for an earlier number of its shape (`Records-Shape`).

Names and kinds are those of then: a kind is read where its slot is still kept and filled; a field that came later isn't
told, one that was put away since is null. What can't be told so is refused, never changed under its hands.
"""

from dataclasses import dataclass, replace
from typing import Any

from domain import Invalid, Refused
from domain.lists.rows import Rules
from domain.records import rights
from domain.records.sight import Sight
from domain.records.stored_rows import Row
from models import Collection, RecordOption, ShapeChange

HEADER = "Records-Shape"


class ShapeChanged(Refused):
    """A field is of another kind now, or was put away."""

    code, status = "SHAPE_CHANGED", 409


@dataclass
class _Past:
    """What of the fields was otherwise: by their names."""

    called: dict
    added: set
    kinds: dict  # name → the slot that was live
    away: set


@dataclass(frozen=True, eq=False)
class _Earlier(Sight):
    """Rows told by an earlier shape. What a rule asks is asked of the `present` one, whose keys it was made for."""

    present: Any = None

    def shown(self, found):
        shown = {row.id for row in self.rights.shown(self.present, [Row(self.present, *values) for values in found])}
        return [Row(self.shape, *values) for values in found if values[0] in shown]


def of(rules, number, by):
    """The Rules by the names of an earlier shape; rows are told as its `told` has them. The present one as they are:
    also by a number that none had yet, which would tell of changes that they don't see.

    Refuses with Invalid what is no number, and with ShapeChanged.
    """
    shape = rules.listing.source.shape
    if number < 1:
        raise Invalid({HEADER: "Send the number of a shape, as the list's own says it."})
    past = _past(shape, number)
    collection: Any = Collection.get_by_id(shape.collection)
    away = [cell for cell in shape.away if cell.name in past.away]
    past.away = {cell.name for cell in away if rights.sees_away(cell, collection, by)}
    for some in (past.called, past.kinds):
        for name in some.keys() - rules.listing.by_name.keys() - past.away:
            del some[name]  # not theirs to see
    past.added &= rules.listing.by_name.keys()
    if not (past.called or past.added or past.kinds or past.away):
        return rules
    cells = [_cell(cell, past) for cell in shape.cells]
    cells += [_gone(cell, past) for cell in shape.away if cell.name in past.away]
    then = replace(shape, cells=tuple(cells), away=())
    fields = {cell.name: cell.field for cell in cells}
    source = _Earlier(then, rules.listing.source.rights, rules.listing.source.stale_words, shape)
    told = _listing(rules.listing, past, source, fields, number)
    names = {name: field for name, field in fields.items() if name not in past.kinds}
    written = _listing(rules.listing, past, rules.listing.source, names, -number)
    return replace(rules, listing=written, told=replace(rules, listing=told), fixed=_fixed(told, past))


def _listing(listing, past, source, fields, number):
    """The listing with fields of then."""
    known = [fields.get(f.name, f) for f in listing.fields if f.name not in past.added]
    gone = [field for name, field in fields.items() if name in past.away and source is not listing.source]
    here = {f.name for f in (*known, *gone)}
    sorts = tuple(sort for sort in listing.sorts if sort.column == "id" or sort.column in here)
    ranges = tuple(name for name in listing.ranges if name in here and name not in past.kinds)
    version = (listing.version, "shape", number)
    return replace(listing, fields=(*known, *gone), sorts=sorts, ranges=ranges, source=source, version=version)


def _past(shape, number):
    past = _Past({}, set(), {}, set())
    then = ShapeChange.collection == shape.collection, ShapeChange.number > number
    for change in ShapeChange.select().where(*then).order_by(ShapeChange.number.desc()):
        if "add" in change.what:
            past.added.add(f"f{change.what['add']}")
        for id, pairs in change.what.get("fields", {}).items():
            if isinstance(pairs, dict):
                _take_back(past, f"f{id}", pairs)
    here = {cell.name for cell in shape.cells}
    by_slot = {cell.name: cell.slot for cell in shape.cells}
    past.called = {name: word for name, word in past.called.items() if name not in past.added}
    past.kinds = {n: slot for n, slot in past.kinds.items() if n in here - past.added and by_slot[n] != slot}
    past.away -= past.added | here
    return past


def _take_back(past, name, pairs):
    if "api_name" in pairs:
        past.called[name] = pairs["api_name"][0]
    if "slot_id" in pairs and "kind" in pairs:
        past.kinds[name] = pairs["slot_id"][0]
    if "archived_at" in pairs:
        (past.away.add if pairs["archived_at"][0] is None else past.away.discard)(name)
        if pairs["archived_at"][0] is not None:
            past.added.add(name)  # it wasn't there then


def _cell(cell, past):
    """The cell under the name and of the kind of then. Refuses with ShapeChanged."""
    if cell.name in past.called:
        also = (past.called[cell.name], *(one for one in cell.field.also if one != past.called[cell.name]))
        cell = replace(cell, field=replace(cell.field, also=also))
    if cell.name in past.kinds:
        kept = next((one for one in cell.filling if one.slot == past.kinds[cell.name] and one.is_kept), None)
        if kept is None or any(kind.pointing or kind.holds_files or kind.counts for kind in (kept.kind, cell.kind)):
            name = cell.field.also[0]
            raise ShapeChanged(f"“{name}” is of another kind now. Get the client anew.", fields={name: "Another kind."})
        field = replace(cell.field, kind=kept.kind, begins=None)
        cell = replace(cell, field=field, slot=kept.slot, is_keyed=kept.is_keyed, is_unique=False, filling=())
    return cell


def _gone(cell, past):
    """A field that was put away: there, and always empty."""
    also = (past.called.get(cell.name, cell.field.also[0]),)
    field = replace(cell.field, also=also, required=False, begins=None)
    return replace(cell, field=field, slot=-cell.id, is_keyed=False, is_unique=False, filling=(), formula=None)


def _fixed(told, past):
    """Name for programs → why it can't be written, of what can't."""
    names = {field.name: field.also[0] for field in told.fields if field.also}
    away = {names[name]: "This field was put away." for name in past.away & names.keys()}
    return away | {names[name]: "This field is of another kind now." for name in past.kinds.keys() & names.keys()}


def number(rules):
    """The number that a client made now is pinned to: that of the last change that these rights show."""
    shape, since = rules.listing.source.shape, ShapeChange.number.desc()
    for change in ShapeChange.select().where(ShapeChange.collection == shape.collection).order_by(since):
        if _touched(change.what) & rules.listing.by_name.keys():
            return change.number
    return 1


def _touched(what):
    """The names of the fields that a change is about."""
    fields = {int(id) for id, pairs in what.get("fields", {}).items() if isinstance(pairs, dict)}
    fields |= {int(what[word]) for word in ("add", "field") if word in what}
    if words := [int(id) for id in what.get("options", {})]:
        fields |= {option.field_id for option in RecordOption.select().where(RecordOption.id.in_(words))}
    return {f"f{id}" for id in fields}


def differing(rules):
    """[(id of the field, the name of then)] of what a pinned program calls otherwise than it is called now."""
    if rules.told is None:
        return []
    present = {cell.name: (cell.id, cell.api_name) for cell in rules.told.listing.source.shape.cells}
    return [
        (present[field.name][0], field.also[0])
        for field in rules.listing.fields
        if field.name in present and field.also and field.also[0] != present[field.name][1]
    ]


def refuse_what_is_fixed(rules: Rules, sent):
    """Refuses with ShapeChanged what a pinned program can't write any more."""
    wrong = {name: rules.fixed[name] for name in sent if name in rules.fixed}
    if wrong:
        raise ShapeChanged(" ".join(wrong.values()), fields=wrong)
