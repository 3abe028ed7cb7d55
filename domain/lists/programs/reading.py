"""Rows of any listed table as programs read them: JSON by the kinds of its fields, and nothing guessed.

What isn't known is refused, never left out: a filter that is ignored would answer with everything. A name that is
hidden from somebody is no other than one that isn't there.
"""

import hashlib
import json
from urllib.parse import urlencode

from domain import Invalid
from domain.fields.derived import Derived
from domain.fields.kinds import Unfit, whole
from domain.fields.person import Person
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows
from domain.lists.listing import granted

PAGE, MOST = 50, 200  # rows of one answer
OWN = ("after", "fields", "limit", "q", "sort", "tab")
UNKNOWN = "There is no field or parameter of this name here."


def page(rules, given, by, parent=None):
    """(rows as JSON, the query of the next page or empty, whether the search ended early) for the query of an address.

    Refuses with Invalid, which has a sentence for each parameter, and with Forbidden.
    """
    listing, chosen = rules.listing.whole, _chosen(rules.listing, given)
    ask = _understood(listing, given, by, parent)
    answer = lists.read(listing, ask, by)
    items = [_only(as_json(listing, row, answer.people), chosen) for row in answer.rows]
    next = urlencode({**given, "after": answer.more}) if answer.more else ""
    return items, next, bool(answer.looked)


def one(rules, id, by, parent=None):
    """A row as JSON. Refuses with NotFound."""
    rows.get(rules, id, by, parent)
    listing = rules.listing.whole
    row = lists.find(listing, id, by, parent)
    if row is None:
        raise rows.not_here(listing)
    people = lists.people_of(listing, [row])
    return as_json(listing, row, people)


def as_json(listing, row, people):
    """A row of the whole list as JSON: its id, its fields, and what is left over in cells that fit no kind."""
    found, left_over = {"id": row.id}, {}
    for field in shown(listing):
        value = getattr(row, field.name)
        if isinstance(value, LeftOver):
            left_over[called(listing, field)], value = str(value), None
        found[called(listing, field)] = _cell(field, value, people)
    return found | ({"_left_over": left_over} if left_over else {})


def _cell(field, value, people):
    if value is None:
        return field.kind.to_json(None) if field.kind.several else None
    if isinstance(field.kind, Person):
        return {"id": value, "name": people.get(value, "")}
    return bool(value) if field.kind.schema() == {"type": "boolean"} else field.kind.to_json(value)


def shown(listing):
    """The fields that programs read."""
    return [f for f in listing.fields if not isinstance(f.kind, Derived)]


def called(listing, field):
    """What programs call a field: in a table that people made it has a name for them, which outlives its label."""
    return field.also[0] if listing.source and field.also else field.name


def names(listing):
    """Name for programs, also one that a field had before → the field's own."""
    known = {called(listing, f): f.name for f in (*shown(listing), *listing.filterable)}
    if listing.source:
        known = {had: f.name for f in shown(listing) for had in f.also} | known
    return known


def orders(listing):
    """The orders that programs can ask for."""
    return [_order_called(listing, sort.key) for sort in listing.sorts]


def _order_called(listing, key):
    name, down, _ = key.partition("-down")
    return called(listing, listing.by_name[name]) + down if name in listing.by_name else key


def version(row):
    """What stands for a row as it is: another as soon as any of its fields is."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:20]


def parameters(listing):
    """(name, kind or None, sentence) of what a list can be asked."""
    for f in listing.filterable:
        yield called(listing, f), f.kind, f"Only rows with this {f.label.lower()}."
    for own in listing.ranges:
        label, name = listing.by_name[own].label.lower(), called(listing, listing.by_name[own])
        yield f"{name}_from", None, f"Only rows whose {label} is no earlier than this day or moment."
        yield f"{name}_to", None, f"Only rows whose {label} is no later than this day or moment."


def _understood(listing, given, by, parent):
    """The Ask of an address, all of it. Refuses with Invalid."""
    theirs = [one for one in listing.readings if granted(by, one.capability)] or listing.readings
    tab = next((one for one in theirs if one.column is None), theirs[0])
    wrong, sorts = _unknown(listing, given), {_order_called(listing, sort.key): sort.key for sort in listing.sorts}
    asked = {"tab": tab.key} | {name: text for name, text in given.items() if name in ("tab", "q", "after")}
    asked |= {"rows": given.get("limit", PAGE), "sort": sorts.get(given.get("sort", ""), "")}
    asked |= _filters(listing, {name: text for name, text in given.items() if name not in (*OWN, *wrong)})
    ask = asks.understand(listing, asked, parent)
    own = {f.name: called(listing, f) for f in (*listing.fields, *listing.filterable)}
    meant = {own[name] for name, _ in ask.filters} | {f"{own[name]}_{end}" for name, end, _ in ask.ranges}
    for name, kind, _ in parameters(listing):
        if name in given and name not in meant:
            wrong[name] = _why(kind, given[name])
    if given.get("sort", next(iter(sorts))) not in sorts:
        wrong["sort"] = f"Choose one of: {', '.join(sorts)}."
    if given.get("tab", ask.tab) != ask.tab:
        wrong["tab"] = f"Choose one of: {', '.join(one.key for one in listing.readings)}."
    if "limit" in given and not whole(given["limit"], MOST):
        wrong["limit"] = f"Write a number from 1 to {MOST}."
    if wrong:
        raise Invalid(wrong)
    return ask


def _filters(listing, given):
    """What rows are narrowed by, under the fields' own names."""
    known, found = names(listing), {}
    for name, text in given.items():
        base, end = next(((name[: -len(end)], end) for end in ("_from", "_to") if name.endswith(end)), (name, ""))
        found[known[name] if name in known else known[base] + end] = text
    return found


def _unknown(listing, given):
    known = {*OWN, *(name for name, *_ in parameters(listing))} - (set() if listing.search else {"q"})
    return {name: UNKNOWN for name in given if name not in known}


def _why(kind, text):
    try:
        kind.read(text)
    except (Unfit, AttributeError) as unfit:
        return str(unfit) if isinstance(unfit, Unfit) else "Write a day as 2026-12-31, or a moment."
    return "This can't be understood here."


def _chosen(listing, given):
    """The names that `fields` asks for, or None for all. Refuses with Invalid."""
    if "fields" not in given:
        return None
    chosen, known = given["fields"].split(","), {"id", *(called(listing, f) for f in shown(listing))}
    if not set(chosen) <= known:
        raise Invalid({"fields": UNKNOWN})
    return {"id", *chosen}


def _only(row, chosen):
    return row if chosen is None else {name: value for name, value in row.items() if name in chosen}
