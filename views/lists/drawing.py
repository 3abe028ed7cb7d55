"""Rows, cells and the controls of fields as HTML: each kind of field has its template, each row is drawn once."""

import json
from functools import lru_cache
from itertools import product
from typing import Any

from flask import current_app
from markupsafe import Markup

from database.clock import is_past
from database.columns import public_id
from domain.automations import automations
from domain.fields.person import names
from domain.fields.records.leftover import LeftOver
from domain.files import qr
from domain.lists import asks, comments, lists
from views.lists import export
from views.lists.place import Place

PARTS = ("cell", "input", "edit", "shown", "filter")  # how a kind is seen; what one lacks is as of a text
_kinds: dict[tuple[str, str], Any] = {}


def init_app(app):
    """What list templates use in every block."""
    environment = app.jinja_env
    environment.filters["bounded"] = bounded
    environment.globals |= {"new_key": public_id, "mention_handles": lambda: json.dumps(list(comments.handles()))}
    environment.globals |= {"row_buttons": _buttons, "scan_code": _code}
    environment.globals |= {"due_choices": tuple(asks.DUE.items()), "draw_rows": rows, "export_forms": export.FORMS}
    _kinds.clear()
    plain = environment.get_template("fields/text.html").module
    for template in environment.list_templates(filter_func=lambda name: name.startswith("fields/")):
        made = environment.get_template(template).module
        for name, part in product(made.kind.split(), PARTS):
            _kinds[name, part] = getattr(made, part, getattr(plain, part))
    environment.globals |= {part: _part(part) for part in PARTS}
    around = environment.get_template("lists/macros.html").module
    for name in ("list_tools", "bulk_bar", "list_switch", "first_condition"):
        environment.globals[name] = lru_cache(maxsize=500, typed=True)(getattr(around, name))


def _buttons(listing, by):
    """The automations that stand on a row's page as buttons, for who works there."""
    return automations.buttons(listing.table) if by and by.organization and by.may("automations.write") else ()


def _code(kind, text):
    """The picture of a text as a code, where one holds it."""
    return Markup(qr.drawn(kind, text))  # noqa: S704  made of numbers alone


def _part(part):
    def draw(field, *args, **kwargs):
        is_left_over = part == "cell" and isinstance(args[0], LeftOver)
        return _kinds["left_over" if is_left_over else field.kind.name, part](field, *args, **kwargs)

    return draw


def bounded(count):
    """A count that stopped at its bound says so."""
    if count > lists.COUNTED:
        return f"{lists.COUNTED:,}+"
    return f"{count:,}+" if isinstance(count, asks.AtLeast) else f"{count:,}"


def one(place, id, look=""):
    """A row as the list shows it now, or as the «card» of a board; nothing where it is out of their sight by now."""
    if look == "card":
        place = Place(place.rules, place.by, place.ask, place.url, "board")
    found = lists.find(place.listing, id, place.by, place.ask.parent)
    people = names({getattr(found, n) for n in place.listing.people}) if found and place.listing.people else {}
    return rows(place, lists.Answer([found] if found else [], "", people))


def rows(place, answer):
    """The rows of an answer. What may be done to a row depends on its people alone: asked once for each."""
    listing, environment = place.listing, current_app.jinja_env
    rights, drawn = {}, []
    named = [f.name for f in listing.fields if f.kind.name in ("person", "people")]
    notes = listing.notes[1](answer.rows, place.by) if listing.notes else {}
    moves = place.moves if place.view == "board" else ()
    for row in answer.rows:
        people = tuple([getattr(row, name) for name in listing.belongs])
        known = rights.get(people)
        if known is None:
            owned = Owned(row, listing)
            may = place.rights(owned)
            known = rights[people] = (may, "" if may else place.why_not(owned))
        due = listing.due and getattr(row, listing.due)
        late = is_past(due) if listing.due and listing.is_open(row) else None
        called = tuple((n, place.called(getattr(row, n), answer.people)) for n in named)
        how = (called, *known, place.verbs(row) if place.acts else (), late, place.ticks, notes.get(row.id, ()), moves)
        kinds = tuple(map(type, row))  # Markup equals the same str, and True equals 1
        drawn.append(_row(environment, place.view, listing, place.url, row, kinds, *how))
    return Markup("".join(drawn))  # noqa: S704  each from a template


def address(listing, url, row):
    """Where a row's page is, or None."""
    if callable(listing.link):
        return listing.link(row)
    if not (listing.link or listing.has_pages):
        return None
    return f"{url}/{getattr(row, listing.link) if isinstance(listing.link, str) else row.id}"


class Owned:
    """A listed row, with the names that rules ask a model row by."""

    def __init__(self, row, listing):
        self._row, self._people = row, {f"{name}_id": name for name in listing.belongs}

    def __getattr__(self, name):
        return getattr(self._row, self._people.get(name, name))


@lru_cache(maxsize=4000, typed=True)
def _row(environment, view, listing, url, row, _kinds, people, may, why, verbs, late, ticks, notes, moves):
    """A row's HTML is a function of these alone, so the same row is drawn once."""
    template = environment.get_template("lists/_card.html" if view == "board" else "lists/_row.html")
    context = {
        "listing": listing,
        "url": url,
        "row": row._asdict() | {"row_page": f"{url}/{row.id}"},
        "people": dict(people),
        "may": may,
        "why": why,
    }
    context |= {"href": address(listing, url, row), "moves": moves}
    is_open = listing.is_open(row) if listing.is_open else True
    return Markup(template.render(**context, verbs=verbs, late=late, ticks=ticks, is_open=is_open, notes=notes))  # noqa: S704  from a template
