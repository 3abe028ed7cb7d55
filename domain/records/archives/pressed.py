"""Buttons of a ZIP: they leave as the texts of the form that says them, and are said anew by the fields of here."""

from copy import deepcopy

from database.transactions import writes
from domain import Refused
from domain.records import collections, shapes
from domain.records.handling import buttons


def said(table):
    """The buttons of a table, each as texts."""
    shape = shapes.read(table)
    found = [field for field in collections.fields(table) if field.kind == "button"]
    return [{"id": one.id, "label": one.label, "says": buttons.written(shape, one.options)} for one in found]


def check(shape):
    """Raises whatever comes of a shape whose buttons aren't as `said` has them."""
    for one in shape.get("buttons", []):
        one["label"], int(one["id"]), {**one["says"]}


def make(about, job, progress, by):
    """Make the buttons of shapes, once their fields are here. One that can't be said here stays away: it gives a
    word or names a person that there isn't."""
    for shape in about:
        for one in shape.get("buttons", [])[: collections.FIELDS]:
            if str(one["id"]) not in job.facts["fields"]:
                _make(str(shape["id"]), one, job, progress, by)


@writes
def _make(table, one, job, progress, by):
    facts = deepcopy(job.facts)
    slug = collections.numbered(facts["tables"][table]).slug
    try:
        made = buttons.add(slug, str(one["label"]), _form(one["says"], facts["fields"]), by=by).id
    except Refused:
        made = None
    facts["fields"][str(one["id"])] = made
    progress(0, facts)


def _form(says, fields):
    """The same texts by the numbers that fields have here."""
    form = {name: str(text or "") for name, text in says.items()}
    return form | {name: str(fields.get(form[name]) or "") for name in form if name.startswith("field_")}
