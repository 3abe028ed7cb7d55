"""What a table that people made looks like at one number of its shape: its fields, their slots and kinds."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from peewee import JOIN

from database.clock import now
from database.compiled import Compiled
from database.connections import database
from database.parameters import parameter
from domain import Stale
from domain.fields.formulas import grammar
from domain.fields.kinds import Field, Kind
from domain.fields.records import formats, operators, registry
from domain.fields.records.leftover import LeftOver
from models import Collection, RecordField, RecordOption, RecordRule, RecordSlot

KEPT_SHAPES = 500


EMPTY = "2"


def _form_of(options):
    return formats.made(options.get("read"))


def value_in(self, document):
    """What stands in a document: a value, words left over, or None."""
    if (stored := document.get(self.stored)) is not None:
        return self.kind.restored(stored)
    words = document.get(self.left_over)
    return None if words is None else LeftOver(words)


def left_over_in(self):
    """The name in documents of words that fit no kind."""
    return f"~{self.stored}"


def key_in(self, document):
    """The place of what stands in a document in that order."""
    stored = document.get(self.stored)
    return EMPTY if stored is None else "1" + self.kind.key(self.kind.restored(stored))


def key_of(self, value):
    """The place of a value in the order of the field; empty cells and words left over come behind."""
    return EMPTY if value is None or isinstance(value, LeftOver) else "1" + self.kind.key(value)


@dataclass(frozen=True, eq=False)
class Filling:
    """A slot that is filled beside the live one, by a job and by whoever writes a row meanwhile."""

    slot: int
    kind: Kind
    options: dict
    is_kept: bool = False  # filled and left; what is changed since is written here too
    formula: Any = None  # its options, where it is worked out

    @cached_property
    def form(self):
        return _form_of(self.options)

    @property
    def is_keyed(self):
        return bool(self.options.get("keyed"))

    @cached_property
    def stored(self):
        return f"s{self.slot}"

    left_over = cached_property(left_over_in)
    value = value_in
    key = key_of
    key_in = key_in


@dataclass(frozen=True, eq=False)
class Cell:
    """A field as lists and documents know it: `field` for lists, `slot` where its cells lie."""

    id: int
    field: Field
    slot: int
    kind_name: str
    is_keyed: bool
    is_unique: bool
    api_name: str = ""
    aliases: tuple = ()
    options: Any = None
    is_open: bool = True  # whether everybody sees it who sees the row
    formula: Any = None  # its options, where it is worked out
    filling: tuple[Filling, ...] = ()

    @cached_property
    def name(self):
        return self.field.name

    @cached_property
    def kind(self):
        return self.field.kind

    @cached_property
    def stored(self):
        """Its name in documents."""
        return f"s{self.slot}"

    @property
    def is_ordered(self):
        """Whether lists can be ordered by it: by its keys, else up to a bound row by row."""
        return self.is_keyed or self.kind.pointing or (self.kind.keyed and not self.kind.long)

    @property
    def is_ranked(self):
        """Whether it is ordered by the order of its words."""
        return hasattr(self.kind, "order") or bool(getattr(self.kind, "options", ()))

    left_over = cached_property(left_over_in)
    value = value_in

    def form(self, other):
        """How what stands here is read for another slot of the field: as was said when one became the other."""
        return self._form if other.is_kept else other.form

    @cached_property
    def _form(self):
        return _form_of(self.options)

    @cached_property
    def narrows(self):
        """The condition that a filter of one value stands for where no key tells it, or None."""
        if self.kind.several:
            return operators.MANY[1]
        merged = any(o.merged_into for o in getattr(self.kind, "made", ()))
        return operators.CHOICE[0] if merged else None

    def meets(self, operator, value, operand):
        """Whether what stands in the cell meets a condition; words left over are no value."""
        if operator.key == "left_over":
            return isinstance(value, LeftOver)
        return self.kind.test(operator, None if isinstance(value, LeftOver) else value, operand)

    key = key_of
    key_in = key_in


class Button(NamedTuple):
    """What can be pressed on a row: see handling/buttons.py."""

    id: int
    label: str
    options: dict


@dataclass(frozen=True, eq=False)
class Shape:
    """The fields of a table in their order."""

    collection: int
    number: int
    name: str
    cells: tuple[Cell, ...]
    moment: Any = None  # when it became so
    away: tuple[
        Cell, ...
    ] = ()  # put away: what stands beside their cells goes on with the rows, for when they are back
    buttons: tuple[Button, ...] = ()

    @property
    def mark(self):
        """What no other shape of any table has."""
        return self.collection, self.number, self.moment

    @cached_property
    def by_name(self):
        return {cell.name: cell for cell in self.cells}

    @cached_property
    def ways(self):
        """Name of a cell → how a document is read as by value_in: its names there, and what makes the value, if it
        isn't the value already. For `api_list_vs_pocketbase`, a page of whole rows at once."""
        made = {cell.name: cell.kind.restored for cell in self.cells}
        plain = {name for name, way in made.items() if way.__func__ is Kind.restored}
        return {c.name: (c.stored, c.left_over, None if c.name in plain else made[c.name]) for c in self.cells}

    @cached_property
    def keyed(self):
        return tuple(cell for cell in self.cells if cell.is_keyed)

    @cached_property
    def computed(self):
        return tuple(cell for cell in self.cells if cell.formula)

    @cached_property
    def places(self):
        """All slots that have keys: of fields, those that are filled beside them, and those of fields put away."""
        every = [*self.cells, *self.away]
        beside: list[Any] = [other for cell in every for other in cell.filling if other.is_keyed]
        return (*self.keyed, *beside, *(cell for cell in self.away if cell.is_keyed))

    @cached_property
    def pointing(self):
        """All slots that hold links, likewise."""
        every: list[Any] = [place for cell in (*self.cells, *self.away) for place in (cell, *cell.filling)]
        return tuple(place for place in every if place.kind.pointing)

    @cached_property
    def unique(self):
        return tuple(cell for cell in (*self.cells, *self.away) if cell.is_unique)

    def begun_beyond(self, rights):
        """What a new row begins with in fields that whoever makes it doesn't see."""
        cells = [cell for cell in self.cells if cell.field.begins is not None and not rights.sees_field(cell.name)]
        return {cell.name: cell.field.begins for cell in cells}

    def of_kind(self, *names):
        """The cells of some kinds, by what registry.py calls them."""
        return tuple(cell for cell in self.cells if cell.kind_name in names)


# Asked by every write of a row: `records_write_per_second`.
_number = Compiled(lambda: Collection.select(Collection.shape).where(Collection.id == parameter("id")))


def still(shape, names):
    """The present shape of a table, for who writes cells of these names by an earlier one. Refuses with Stale.

    In the transaction that writes: what is filled beside a field is filled by each row that is written.
    """
    if _number(id=shape.collection) == [(shape.number,)]:
        return shape
    fresh = read(Collection.get_by_id(shape.collection))
    if any(name not in fresh.by_name or fresh.by_name[name].slot != shape.by_name[name].slot for name in names):
        raise Stale("This table was changed meanwhile. Look again; what you wrote is still here.")
    return fresh


def read(collection):
    """The present shape of a table; kept by its number and moment: a number whose transaction fell comes again."""
    return _read(database.obj, collection.id, collection.shape, collection.updated_at, collection.name)


@lru_cache(maxsize=KEPT_SHAPES)
def _read(_database, id, number, moment, name):
    fields = (
        RecordField.select(RecordField, RecordSlot)
        .join(RecordSlot, JOIN.INNER, on=(RecordSlot.id == RecordField.slot_id), attr="slot")
        .where(RecordField.collection == id)
        .order_by(RecordField.place, RecordField.id)
    )
    fields, buttons = _apart(fields)
    options: dict[int, list[Any]] = {}
    for option in (
        RecordOption.select()
        .where(RecordOption.field.in_([f.id for f in fields]))
        .order_by(RecordOption.place, RecordOption.id)
    ):
        options.setdefault(option.field_id, []).append(option)
    filling: dict[int, list[Filling]] = {}
    for slot in RecordSlot.select().where(
        RecordSlot.field.in_([f.id for f in fields]), RecordSlot.state.in_(("filling", "kept"))
    ):
        kind = registry.made(slot.kind, slot.options, options.get(slot.field_id, ()))
        made = Filling(slot.id, kind, slot.options, slot.state == "kept", _formula(slot))
        filling.setdefault(slot.field_id, []).append(made)
    rules = list(RecordRule.select().where(RecordRule.collection == id))
    cells = [(f, _cell(f, options.get(f.id, ()), tuple(filling.get(f.id, ())), rules)) for f in fields]
    cells = _as_open_as_their_inputs(cells)
    here, away = (tuple(cell for f, cell in cells if bool(f.archived_at) == gone) for gone in (False, True))
    return Shape(id, number, name, here, moment, away, buttons)


def _apart(fields):
    """(fields that have cells, the buttons that aren't put away)."""
    every = list(fields)
    buttons = tuple(Button(f.id, f.label, f.options) for f in every if f.kind == "button" and not f.archived_at)
    return [field for field in every if field.kind != "button"], buttons


def _formula(slot):
    return slot.options if slot.kind in registry.COMPUTED else None


def _as_open_as_their_inputs(cells):
    """What is worked out is open to all where all that it goes by is; what comes from other tables never is."""
    by_id = {cell.id: cell for _, cell in cells}

    def is_open(cell, depth=0):
        if cell.formula is None or not cell.is_open or depth > 200:
            return cell.is_open and depth <= 200
        for word, id, *_ in grammar.names(cell.formula["tree"]):
            if word != "field" or (id in by_id and not is_open(by_id[id], depth + 1)):
                return False
        return True

    return [(row, replace(cell, is_open=is_open(cell)) if cell.formula else cell) for row, cell in cells]


def aliases(row):
    """The names that a field had and still answers to."""
    return tuple(name for name, until in row.aliases if until > now().isoformat())


def _begins(row, kind):
    """What new rows begin with; None where the field became of another kind, which can't read it."""
    try:
        value = None if row.begins is None else kind.restored(row.begins)
        if value is None or kind.pointing:  # its names are of another table, whose shape may be this one
            return value
        return value if kind.for_all().text(value) else None
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        return None


def _cell(row, options, filling, rules):
    kind = registry.made(row.slot.kind, row.slot.options, options)
    formula = _formula(row.slot)
    is_acted = bool(kind.counts or kind.holds_files or formula)
    facts = {"required": row.is_required, "help": row.help or "", "acted": is_acted}
    facts |= {"begins": _begins(row, kind), "icon": registry.KINDS[row.slot.kind].icon}
    names = (row.api_name, *aliases(row))
    made = Field(f"f{row.id}", row.label, kind, listed=not kind.long, also=names, **facts)
    return Cell(
        *(row.id, made, row.slot_id, registry.gives(formula) if formula else row.kind),
        *(row.is_keyed and kind.keyed, row.is_unique, row.api_name),
        aliases=names[1:],
        options=row.slot.options,
        is_open=all(rule.fields.get(str(row.id), rule.others) != "nothing" for rule in rules),
        filling=filling,
        formula=formula,
    )
