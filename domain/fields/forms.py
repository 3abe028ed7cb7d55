"""Reading a form by its fields: one way for lists, settings and every form beside them."""

from domain import Invalid
from domain.fields.kinds import Unfit


def read_form(fields, form, only=None):
    """Form texts → {name: value}. Refuses with Invalid, which has a sentence for each field that can't be taken.

    A field that wasn't sent stays out; with `only`, so does every other name. An empty text is the
    field's default, or refused where the field is required. A kind that takes several answers (`several`)
    is given the list of them. For a form that must be whole, see `read_whole`.
    """
    values, problems = {}, {}
    for field in fields:
        if field.name not in form or (only is not None and field.name not in only):
            continue
        try:
            value = field.read(_sent(form, field))
            values[field.name] = field.default if value is None else value
        except Unfit as unfit:
            problems[field.name] = str(unfit)
    if problems:
        raise Invalid(problems)
    return values


def read_whole(fields, form):
    """The same for a form that has all of `fields`: what wasn't sent counts as left empty."""
    return read_form(fields, {field.name: _sent(form, field) if field.name in form else "" for field in fields})


def _sent(form, field):
    if getattr(field.kind, "several", False) and hasattr(form, "getlist"):
        return form.getlist(field.name)
    return form[field.name]
