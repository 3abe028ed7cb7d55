"""Rows of any listed table as programs read them: JSON by the kinds of its fields.

What can be asked is asking.py's.
"""

import hashlib
import json
from itertools import chain

from domain import Invalid
from domain.fields.kinds import Kind
from domain.fields.person import Person, named
from domain.fields.records.leftover import LeftOver
from domain.lists import lists, rows, totals
from domain.lists.asks import AtLeast
from domain.lists.programs import asking
from domain.lists.programs.asking import called, shown


def page(rules, asked, by):
    """(rows as JSON, where the next page goes on or empty, whether the search ended early) of what is asked.

    Refuses with Forbidden.
    """
    rules = rules.told or rules
    listing = rules.listing.whole
    answer = lists.read(listing, asked.ask, by)
    items = [as_json(listing, row, answer.people, asked.fields) for row in answer.rows]
    if asked.fields:
        _add_beyond(listing, asked.fields, answer.rows, items)
    more = asking.token(rules.listing, asked.ask, answer.more) if answer.more else ""
    return items, more, bool(answer.looked)


def count(rules, asked, by):
    """(how many rows there are, whether there are more than that)"""
    found = totals.total((rules.told or rules).listing.whole, asked.ask, by, lists.COUNTED + 1)
    return min(found, lists.COUNTED), found > lists.COUNTED or isinstance(found, AtLeast)


def one(rules, id, by, parent=None):
    """A row as JSON. Refuses with NotFound."""
    rules = rules.told or rules
    listing = rules.listing.whole
    if not listing.source:  # else finding it asks the same
        rows.get(rules, id, by, parent)
    row = lists.find(listing, id, by, parent)
    if row is None:
        raise rows.not_here(listing)
    people = {getattr(row, name) for name in listing.belongs} if listing.people else ()  # not all members are read
    return as_json(listing, row, dict(chain.from_iterable(named(id) for id in people if isinstance(id, int))))


def as_json(listing, row, people, chosen=None):
    """A row of the whole list as JSON: its id, its fields (`chosen`: those, as asking.py has them), and what is left
    over in cells that fit no kind."""
    found: dict = {"id": row.id}
    left_over = {}
    for name, own, (nothing, read) in _all(listing) if chosen is None else _those(chosen):
        value = getattr(row, own)
        if isinstance(value, LeftOver):
            left_over[name], value = str(value), None
        found[name] = nothing if value is None else read(value, people) if read else value
    found["id"] = row.id  # also where a field is called so
    return found | {"_left_over": left_over} if left_over and chosen is None else found


@asking.kept
def _all(listing):
    """(name for programs, name, the reader of its kind) of each field that is shown."""
    return [(called(listing, field), field.name, _reader(field.kind)) for field in shown(listing)]


def _those(chosen):
    return [(name.partition(".")[0], field.name, _reader(field.kind)) for name, (field, _) in chosen.items()]


def _reader(kind):
    """(JSON of no value, (value, names of people) → JSON of a value of this kind; None where the value is its JSON)"""
    nothing = kind.to_json(None) if kind.several else None
    if isinstance(kind, Person):
        return nothing, lambda value, people: {"id": value, "name": people.get(value, "")}
    if kind.schema() == {"type": "boolean"}:
        return nothing, lambda value, _people: bool(value)
    if type(kind).to_json is Kind.to_json and type(kind).stored is Kind.stored:
        return nothing, None
    return nothing, lambda value, _people: kind.to_json(value)


def _add_beyond(listing, chosen, rows_of, items):
    """Into what links say of rows, the fields of those that were asked for: one look for all rows of a page."""
    for name, (field, further) in chosen.items():
        if further is None:
            continue
        link, _, beyond = name.partition(".")
        ids = {int(id) for row in rows_of for id in getattr(row, field.name) or () if isinstance(id, int)}
        linked, (nothing, read) = field.kind.reader.rows(ids), _reader(further.kind)
        for item in items:
            held = item[link] if isinstance(item[link], list) else [item[link]] if item[link] else []
            for told in held:
                value = linked[told["id"]].value(further.name) if told["id"] in linked else None
                if isinstance(value, LeftOver):
                    told[beyond] = None
                else:
                    told[beyond] = nothing if value is None else read(value, {}) if read else value


def cell(rules, id, name, by, parent=None):
    """All that the cell of a link or of files holds of what is seen, as JSON. Refuses with NotFound, and with Invalid
    what is no such field."""
    rules = rules.told or rules
    field = rules.listing.by_name.get(asking.names(rules.listing).get(name))
    if field is None or not (field.kind.pointing or field.kind.holds_files):
        raise Invalid({name: asking.unknown(rules.listing, name)})
    held = one(rules, id, by, parent)[called(rules.listing, field)]
    return held if isinstance(held, list) else [held] if held else []


def version(row):
    """What stands for a row as it is: another as soon as any of its fields is."""
    return version_of(json.dumps(row, sort_keys=True))


def version_of(text):
    """The same of what is sent whole, by its text."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]
