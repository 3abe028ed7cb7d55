"""What formulas of a table can name: its fields, and along links, both ways, those of other tables."""

from decimal import Decimal

from domain.fields.formulas import grammar
from domain.fields.formulas.names import Place, Scope, Way
from domain.fields.formulas.types import (
    DATE,
    DURATION,
    MOMENT,
    NUMBER,
    PERCENT,
    PERSON,
    TEXT,
    YES_NO,
    Failed,
    Type,
)
from domain.fields.kinds import whole
from domain.fields.records import registry
from domain.records import shapes
from models import Collection, RecordField, RecordSlot

TYPES = {
    **dict.fromkeys(("text", "long_text", "email", "phone", "url", "qrcode", "barcode"), TEXT),
    **dict.fromkeys(("choice", "choices", "autonumber"), TEXT),
    **{"number": NUMBER, "rating": NUMBER, "percent": PERCENT, "yes_no": YES_NO, "day": DATE, "moment": MOMENT},
    **{"duration": DURATION, "person": PERSON},
}
SAID = ("phone", "choice", "choices", "autonumber")  # kinds of which formulas have the words
WHY = {"files": "Files have no value.", "people": "Several people have no one value."}
LINKS = ("link", "links")


def of(shape):
    """The Scope of formulas of a table of this shape, as who sees everything has it."""
    cells = [cell for cell in shape.cells if not cell.kind.pointing]
    return Scope([place(cell) for cell in cells], [*_forward(shape), *_backward(shape)])


def place(cell):
    """A field as formulas have it."""
    type = Type("money", cell.kind.currency) if cell.kind_name == "money" else TYPES.get(cell.kind_name)
    why = WHY.get(cell.kind_name, "Name a field of the rows that it links to.")
    return Place(cell.id, cell.field.label, type, reader(cell), "" if type else why)


def reader(cell):
    """(document) → the value of a cell in formulas. Raises Failed where a formula stands there that gave an error."""
    key, left, restored, is_computed = f"s{cell.slot}", f"~s{cell.slot}", cell.kind.restored, cell.formula is not None
    if cell.kind_name in SAID:
        kind = cell.kind
        restored = lambda stored: kind.plain(kind.restored(stored)) or None  # noqa: E731
    elif cell.kind_name == "rating":
        restored = Decimal

    def read(document):
        stored = document.get(key)
        if stored is not None:
            return restored(stored)
        if is_computed and (words := document.get(left)) is not None:
            raise Failed(words)
        return None

    return read


def _places(shape):
    return tuple(place(cell) for cell in shape.cells if not cell.kind.pointing)


def _forward(shape):
    for cell in shape.cells:
        if cell.kind.pointing and (other := _there(cell.kind.table)):
            yield Way(cell.id, cell.field.label, False, cell.kind.takes_many, _places(shapes.read(other)))


def _backward(shape):
    for field in pointing(shape.collection):
        if other := _there(field.collection_id):
            label = field.options.get("back") or f"{other.name}: {field.label}"
            yield Way(field.id, label, True, True, _places(shapes.read(other)))


def pointing(table):
    """The links of any table that point to rows of this one."""
    live = RecordField.kind.in_(LINKS), RecordField.archived_at.is_null()
    fields = RecordField.select().where(*live).order_by(RecordField.id)
    return [field for field in fields if whole(field.options.get("table")) == table]


def _there(table):
    return Collection.one(Collection.id == table, Collection.archived_at.is_null())


# --- what goes by what -----------------------------------------------------------------------------------------------


def computed():
    """[(field, tree)] of all fields of the organization that are worked out, also as they will be."""
    kinds = RecordField.kind.in_(registry.COMPUTED), RecordField.archived_at.is_null()
    found = [(field, field.options["tree"]) for field in RecordField.select().where(*kinds)]
    slots = RecordSlot.select(RecordSlot, RecordField).join(RecordField, on=(RecordField.id == RecordSlot.field))
    filling = slots.where(RecordSlot.state == "filling", RecordSlot.kind.in_(registry.COMPUTED))
    return [*found, *((slot.field, slot.options["tree"]) for slot in filling)]


def needs(tree):
    """The numbers of all fields that a tree goes by, links among them."""
    return {id for one in grammar.names(tree) for id in one[1:] if id}


def circle(id, tree):
    """The labels along which a field would go by itself, or nothing."""
    goes: dict[int, set] = {}
    labels: dict[int, str] = {}
    for field, theirs in computed():
        goes.setdefault(field.id, set()).update(needs(theirs))
    goes[id] = needs(tree)
    path = _path(id, id, goes, set())
    for field in RecordField.select().where(RecordField.id.in_(path)):
        table = Collection.get_by_id(field.collection_id)
        labels[field.id] = f"{table.name}.{field.label}"
    return [labels.get(one, "this field") for one in path]


def _path(at, end, goes, seen):
    for one in sorted(goes.get(at, ())):
        if one == end:
            return [at, end]
        if one not in seen:
            seen.add(one)
            if path := _path(one, end, goes, seen):
                return [at, *path]
    return []
