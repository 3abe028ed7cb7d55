"""Buttons on rows: fields without a value, of which a builder says what pressing them does.

One that changes fields writes as whoever presses it might by hand, and is taken back likewise; one that opens an
address puts values of the row into it. Both hold fields by their numbers, so renames change nothing.
"""

import re
from typing import Any
from urllib.parse import quote

from database.clock import now, reader_day
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.fields.beside.button import Does
from domain.fields.kinds import Unfit, clean, comparable, whole
from domain.fields.records.leftover import plain_cell
from domain.fields.records.url import Url
from domain.lists import rows
from domain.lists.listing import Act
from domain.records import collections, shape_changes, shapes
from models import Collection

DOES = (("set", "Change fields of the row"), ("open", "Open a web address"))
SETTABLE = (
    *("text", "long_text", "number", "money", "percent", "yes_no", "choice", "choices", "day", "moment", "duration"),
    *("person", "email", "phone", "url", "qrcode", "barcode", "rating"),
)
MOST = 8  # fields that one press changes
LONGEST = 1000  # signs of an address
WORDS = {"now": ("day", "moment"), "me": ("person",)}  # what isn't known before somebody presses → of which kinds

# --- as who builds makes them -----------------------------------------------------------------------------------------


def settable(shape):
    """The cells that a button can change."""
    return [cell for cell in shape.cells if cell.kind_name in SETTABLE and not cell.formula]


def read(shape, form):
    """A button's settings out of a form: does, confirm; field_0, value_0 …, or address. Refuses with Invalid."""
    does = form.get("does", "set")
    if does not in dict(DOES):
        raise Invalid({"does": "Choose what it does."})
    made: dict[str, Any] = {"does": does, "confirm": bool(form.get("confirm"))}
    if does == "open":
        return Does(made, address=_read_address(shape, clean(form.get("address", "")).strip()))
    cells, problems, sets = {cell.id: cell for cell in settable(shape)}, {}, []
    for n in range(MOST):
        id = whole(form.get(f"field_{n}"))
        if id is None:
            continue
        try:
            cell = cells.get(id)
            if cell is None or id in [one[0] for one in sets]:
                raise Unfit("Choose each field once.")
            sets.append([id, cell.kind_name, *_read_value(cell, clean(form.get(f"value_{n}", "")).strip())])
        except Unfit as unfit:
            problems[f"value_{n}"] = str(unfit)
    if not (sets or problems):
        problems["field_0"] = "Choose a field that it changes."
    if problems:
        raise Invalid(problems)
    return Does(made, sets=sets)


def _read_value(cell, text):
    """[what is kept of a value, the word that stands for it where it isn't known yet]."""
    word = {"today": "now"}.get(comparable(text), comparable(text))
    if cell.kind_name in WORDS.get(word, ()):
        return [None, word]
    kind = cell.kind.for_all()
    value = kind.read(text) if text else None
    return [None if value is None else kind.stored(value), ""]


def _read_address(shape, text):
    """An address with {Label} of fields as one with their numbers. Refuses with Invalid."""
    by_label = {comparable(cell.field.label): cell for cell in reversed(shape.cells)}

    def numbered(found):
        cell = by_label.get(comparable(found[1]))
        if cell is None:
            raise Invalid({"address": f"Nothing here is called “{found[1][:60]}”."})
        return f"{{f{cell.id}}}"

    if not text or len(text) > LONGEST:
        raise Invalid({"address": f"Write an address of at most {LONGEST:,} characters."})
    made = re.sub(r"\{([^{}]*)\}", numbered, text)
    where = re.match(r"(https?://[^/?#{}]+(?=$|[/?#])|mailto:|tel:)", made, flags=re.I)
    if not where:  # whose site it is stands fixed: no row sends anybody anywhere else
        raise Invalid({"address": "Begin it with https:// and the name of a site, with mailto: or with tel:"})
    try:
        Url().read(_filled(made, lambda name: "x"))
    except Unfit as unfit:
        raise Invalid({"address": str(unfit)}) from None
    return made


def _filled(address, value):
    kept = "" if address[:4].lower() == "http" else "+@"  # a phone's or a mailbox's own signs
    return re.sub(r"\{(f\d+)\}", lambda found: quote(value(found[1]), safe=kept), address)


def written(shape, options):
    """The texts of a form that a button's settings are shown in."""
    form = {"does": options["does"], "confirm": options["confirm"]}
    labels = {cell.name: cell.field.label for cell in shape.cells}
    if options["does"] == "open":
        known = lambda found: "{%s}" % labels.get(found[1], "?")  # noqa: E731, UP031
        return form | {"address": re.sub(r"\{(f\d+)\}", known, options["address"])}
    for n, one in enumerate(options["sets"]):
        cell = shape.by_name.get(f"f{one[0]}")
        form |= {f"field_{n}": str(one[0]), f"value_{n}": one[3] or (_text(cell, one) if cell else "")}
    return form


def _text(cell, one):
    """What is set as a person reads it; empty where the field can't read it any more."""
    try:
        return "" if one[2] is None else cell.kind.for_all().plain(cell.kind.for_all().restored(one[2]))
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        return ""


@writes
def add(slug, label, form, *, by, shape=None):
    """Add a button. Returns its RecordField. Refuses with Invalid, NotFound, Forbidden or Stale."""
    collection = collections.to_build(slug, by)
    options = read(shapes.read(collection), form)
    return collections.add_field(slug, label, "button", by=by, options=options, shape=shape)


@writes
def change(slug, id, form, *, by, shape=None):
    """Let a button do something else, and be called so. Refuses as `add` does."""
    collection = collections.to_build(slug, by)
    row = found(collection, id)
    options, label = read(shapes.read(collection), form), collections.read_label(form.get("label", ""))
    diff = {"fields": {row.id: {"options": options, "label": label}}, "slots": {row.slot_id: {"options": options}}}
    shape_changes.make(collection, diff, f"{collection.name}: the button {label} was changed", by, shape)
    return collections.field_of(collection, id)


def found(collection, id):
    """The RecordField of a button. Refuses with NotFound."""
    row = collections.field_of(collection, id)
    if row.kind != "button":
        raise NotFound("This is no button.")
    return row


def goes_by(button):
    """The numbers of the fields that a button goes by."""
    if button.options["does"] == "open":
        return {int(id) for id in re.findall(r"\{f(\d+)\}", button.options["address"])}
    return {one[0] for one in button.options["sets"]}


# --- as they are pressed ----------------------------------------------------------------------------------------------


def acts(shape, allowed, rules_for):
    """The buttons of a table as Acts of its listing, for who has these rights; `rules_for(by)` are its rules then."""
    return tuple(_act(button, shape, allowed, rules_for) for button in shape.buttons)


def _act(button, shape, allowed, rules_for):
    names = [f"f{id}" for id in goes_by(button)]
    is_set = button.options["does"] == "set"
    key, asks = f"buttons/{button.id}", "Press “" + button.label.replace("{", "(").replace("}", ")") + "” for {name}?"

    def may(row, by):
        if not is_set:
            return all(name in shape.by_name and allowed.sees_field(name) for name in names)
        return all(name in shape.by_name and allowed.may_change(row, name, by) for name in names)

    return Act(
        *(key, button.label, lambda id, by: press(rules_for(by), shape.collection, button.id, id, by=by)),
        *("records.write" if is_set else "records.read", "Done.", "arrow-right" if is_set else "external-link"),
        confirm=asks if is_set and button.options["confirm"] else "",
        may=may,
        bulk=is_set,
        opens=not is_set,
    )


@writes
def press(rules, table, button, id, *, by):
    """Do to a row what a button says. Returns the noted change, or what to say.

    Refuses as a change by hand does, and where a field that it changes is gone or of another kind.
    """
    shape = shapes.read(Collection.get_by_id(table))
    one = _button(shape, button)
    if one.options["does"] != "set":
        raise NotFound("This button changes nothing.")
    form = {}
    for field, kind, stored, word in one.options["sets"]:
        cell = shape.by_name.get(f"f{field}")
        if cell is None or cell.kind_name != kind or cell.name not in rules.listing.by_name:
            raise Refused(f"“{one.label}” rests: a field that it changes was put away or is of another kind.")
        form[cell.name] = _now(cell, word, by) if word else _sent(cell, stored, one)
    _, noted = rows.change(rules, id, form, by=by)
    return noted or "Nothing was different."


def _button(shape, id):
    return existing(next((one for one in shape.buttons if one.id == id), None), "This button isn't here any more.")


def _now(cell, word, by):
    if word == "me":
        return str(by.user.id)
    return cell.kind.text(reader_day() if cell.kind_name == "day" else now().replace(microsecond=0))


def _sent(cell, stored, button):
    try:
        kind = cell.kind.for_all()
        return "" if stored is None else kind.text(kind.restored(stored))
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):
        raise Refused(f"“{button.label}” rests: what it sets doesn't fit its field any more.") from None


def address(rules, table, button, id, *, by):
    """Where a button leads for a row. Refuses with NotFound where not all that it goes by is seen, and with Refused
    where the row's values make no address."""
    shape = shapes.read(Collection.get_by_id(table))
    one = _button(shape, button)
    row = rows.get(rules, id, by)
    names = {f"f{field}" for field in goes_by(one)}
    if one.options["does"] != "open" or not names <= rules.listing.by_name.keys():
        raise NotFound("This button leads nowhere.")

    try:
        values = {name: plain_cell(rules.listing.by_name[name].kind, row.value(name)) for name in names}
        return Url().read(_filled(one.options["address"], values.__getitem__))
    except Unfit as unfit:
        raise Refused(f"“{one.label}”: {unfit}") from None
