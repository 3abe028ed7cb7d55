"""Reading a form by its fields: one way for lists, settings and every form beside them."""

import hashlib
import json

from domain import Invalid, Stale
from domain.fields.kinds import Unfit
from domain.fields.records.leftover import LeftOver, plain_cell


def read_form(fields, form, only=None, whole=False):
    """Form texts → {name: value}. Refuses with Invalid, which has a sentence for each field that can't be taken.
    A field that wasn't sent stays out, or with `whole` counts as left empty; with `only`, so does every other name
    stay out. An empty text is the
    field's default, or refused where the field is required. A kind that takes several answers (`several`)
    is given the list of them. For a form that must be whole, see `read_whole`."""
    values, problems = {}, {}
    for field in fields:
        is_sent = field.name in form
        if not (is_sent or whole) or (only is not None and field.name not in only):
            continue
        try:
            value = field.read(_sent(form, field) if is_sent else "")
            values[field.name] = field.default if value is None else value
        except Unfit as unfit:
            problems[field.name] = str(unfit)
    if problems:
        raise Invalid(problems)
    return values


def read_whole(fields, form):
    """The same for a form that has all of `fields`: what wasn't sent counts as left empty."""
    return read_form(fields, form, whole=True)


def _sent(form, field):
    if field.kind.several and hasattr(form, "getlist"):
        return form.getlist(field.name)
    return form[field.name]


# --- two people at one form -------------------------------------------------------------------------------------


def as_text(field, value):
    """A value as a form carries it: the text that `read` would take back."""
    return str(value) if isinstance(value, LeftOver) else field.kind.text(value)


def check_fresh(thing, fields, current, values, was):
    """Refuse with Stale where what stands in `current` is neither what the form was filled with nor what it wants.
    `was` is the text of each field as the page showed it; names without one aren't looked at."""
    stale = {}
    for field in fields:
        name = field.name
        if name not in was or name not in values or current[name] == values[name]:
            continue
        if not _is_text_of(field, current[name], was[name]):
            stale[name] = f"This was changed meanwhile, to: {plain_cell(field.kind, current[name]) or 'nothing'}."
    if stale:
        raise Stale(" ".join([f"Somebody else changed this {thing} meanwhile.", *stale.values()]), fields=stale)


def _is_text_of(field, value, text):
    try:
        return field.read(text) == value
    except Unfit:
        return str(value) == text if isinstance(value, LeftOver) else value is None and not text


def fingerprint(facts):
    """A short text that is another as soon as one of the facts is: what a form of lists and words was filled with."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
