"""What fields of a row become: (field, text) as the editor's rows say it, and the form that writes a row by them."""

from domain import Invalid, NotFound
from domain.automations import texts
from domain.fields.kinds import Unfit

MOST = 20


def read(form, target, source, problems):
    """[(field, text)] of the fields of a form; what can be read without a row is read now."""
    found = []
    for place in range(MOST):
        name, text = form.get(f"f{place}", ""), form.get(f"v{place}", "")
        if not name:
            continue
        field = next((f for f in target.written if f.name == name), None)
        if field is None:
            problems[f"f{place}"] = "This field isn't there, or isn't yours to change."
            continue
        try:
            said = texts.kept(text, source)
            if field.required and not said.strip():
                raise Unfit("Write what it becomes.")
            if not texts.NAMED.search(said):
                texts.read(field, said)
            found.append([name, said])
        except Unfit as unfit:
            problems[f"v{place}"] = f"{field.label}: {unfit}"
    if not found and not problems:
        problems["f0"] = "Choose at least one field."
    return found


def form_of(pairs, target, at):
    """Pairs as a form that changes or makes a row, by the words of where a step stands. Refuses with Invalid or
    NotFound."""
    form, problems = {}, {}
    for name, text in pairs:
        field = next((f for f in target.written if f.name == name), None)
        if field is None:
            raise NotFound("A field that it writes isn't there any more, or isn't to be seen.")
        try:
            form[name] = texts.read(field, text, at.source, at.row) if at.row is not None else texts.read(field, text)
        except Unfit as unfit:
            problems[name] = f"{field.label}: {unfit}"
    if problems:
        raise Invalid(problems)
    return form


def plain(form, target):
    """(field, what a form gives it in words) of each."""
    for name, text in form.items():
        field = target.field(name)
        yield field, field.kind.plain(field.read(text)) if text else ""
