"""An automation in plain words: When, If, Then. Each button of the editor sends the whole form; only saving keeps it.

Without a script each is a page; with one the editor alone is drawn again.
"""

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid, NotFound, Refused
from domain.automations import automations, bodies, dates, linked, samples, sources, steps, trials
from domain.automations.webhooks import endpoints
from domain.fields.kinds import whole
from domain.fields.person import members
from domain.lists import conditions, rows
from models import AutomationRun
from views import access, pages
from views.lists import routes

blueprint = Blueprint("automations", __name__)
HERE = "/<organization>/automations"
ICONS = (
    *("bolt", "bell", "clock", "mail", "player-play", "send", "arrow-up", "arrow-down", "arrow-back-up", "eye", "key"),
    *("checklist", "pencil", "plus", "link", "copy"),
)
routes.add(
    blueprint,
    rows.Rules(automations.listing),
    "/automations",
    template="automations/index.html",
    context=lambda place: {"samples": samples.SAMPLES},
)
PARTS = ("fields", "from", "to", "field", "side", "days", "time", "every", "weekday", "month_day")


def _at(id=""):
    return f"/{g.by.organization.slug}/automations{f'/{id}' if id else ''}"


@blueprint.get(HERE + "/new")
@access.member("automations.write")
def new():
    sample = request.args.get("sample", "")
    draft = samples.draft(sample, g.by) if sample else dict(bodies.EMPTY, source=request.args.get("source", ""))
    return _editor(draft)


@blueprint.post(HERE)
@access.member("automations.write")
def create():
    draft, does = _draft(request.form), request.form.get("do", "save")
    if does not in ("save", "save_on"):
        return _drawn_again(draft, does)
    try:
        key, on = pages.form_key(), does == "save_on"
        made = automations.make(draft, by=g.by, key=key, on=on)
    except Refused as refusal:
        return _editor(draft, refusal=refusal)
    return pages.go(_at(made.id), f"“{made.name}” is {'on' if made.state == 'on' else 'saved, and turned off'}.")


@blueprint.get(HERE + "/<id:id>")
@access.member("automations.write")
def show(id):
    row = automations.one(id, g.by)
    number = whole(request.args.get("version"))
    return _editor(automations.draft_of(row, g.by, number), row, older=number if number != row.number else None)


@blueprint.post(HERE + "/<id:id>")
@access.member("automations.write")
def update(id):
    row, draft, does = automations.one(id, g.by), _draft(request.form), request.form.get("do", "save")
    if does not in ("save", "save_on"):
        return _drawn_again(draft, does, row)
    try:
        saved = automations.change(id, draft, whole(request.form.get("number")), by=g.by)
        if does == "save_on" and saved.state != "on":
            automations.turn_on(id, by=g.by)
    except Refused as refusal:
        return _editor(draft, row, refusal=refusal)
    return pages.go(_at(id), f"“{saved.name}” is saved. It acts as you.")


@blueprint.post(HERE + "/<id:id>/versions/<id:number>/restoration")
@access.member("automations.write")
def restore(id, number):
    row = automations.restore(id, number, by=g.by)
    return pages.go(_at(id), f"Version {number} of “{row.name}” is back, as version {row.number}.")


@blueprint.post(HERE + "/<id:id>/pressing")
@access.member("automations.write")
def press(id):
    row_id = whole(request.form.get("row"))
    said = automations.press(id, row_id, by=g.by, key=pages.form_key())
    back = request.form.get("back", "")
    is_ours = back.startswith(f"/{g.by.organization.slug}/") and "//" not in back and "\\" not in back
    return pages.go(back if is_ours else _at("runs"), said)


# --- the editor -----------------------------------------------------------------------------------------------------


def _draft(form):
    """What stands in the form; texts are bounded where they are read."""
    trigger = {part: form.get(f"t_{part}", "") for part in PARTS} | {"fields": form.getlist("t_fields")[:50]}
    trigger["kind"] = form.get("t_kind", "made")
    todo = []
    for place in range(bodies.MOST_STEPS + 1):
        start = f"s{place}_"
        if start + "kind" in form:
            todo.append({name.removeprefix(start): form[name] for name in form if name.startswith(start)})
    where = form.getlist("where")[: conditions.MOST + 1]
    return {
        "name": form.get("name", "")[:200],
        "source": form.get("source", ""),
        "trigger": trigger,
        "where": where,
        "steps": todo,
    }


def _drawn_again(draft, does, row=None):
    """The editor after a button that saves nothing: one more step, another order, one condition less, a trial."""
    verb, _, rest = does.partition(":")
    place = whole(rest, bodies.MOST_STEPS + conditions.MOST) if rest else None
    asking, problems = request.form.get("c_field", ""), {}
    if verb == "add" and rest in steps.KINDS and len(draft["steps"]) < bodies.MOST_STEPS:
        draft["steps"].append({"kind": rest})
    elif verb == "drop" and place and place <= len(draft["steps"]):
        del draft["steps"][place - 1]
    elif verb == "up" and place and 1 < place <= len(draft["steps"]):
        todo = draft["steps"]
        todo[place - 2], todo[place - 1] = todo[place - 1], todo[place - 2]
    elif verb == "forget":
        draft["where"] = [one for n, one in enumerate(draft["where"], 1) if n != place]
    elif verb == "condition" and (one := conditions.of_form(request.form)):
        draft["where"], asking, problems = _with_condition(draft, one.written(), asking)
    if verb == "try":
        return _tried(draft, row)
    return _editor(draft, row, problems=problems, asking=asking)


def _with_condition(draft, written, asking):
    """(the conditions, the field whose condition is still asked for, what is wrong) with one more."""
    try:
        source = bodies.source_of(draft, g.by)
        if source is not None:
            source.understood([written])
    except Refused:
        return draft["where"], asking, {"where": "Say what to compare with."}
    return [*draft["where"], written], "", {}


def _tried(draft, row):
    try:
        _, source, body = bodies.read(draft, g.by)
        found = trials.trial(body, source, g.by)
    except Refused as refusal:
        return _editor(draft, row, refusal=refusal)
    return _editor(draft, row, trial=found, warnings=bodies.warnings(body, source))


def _editor(draft, row=None, *, refusal=None, problems=None, asking="", trial=None, warnings=(), older=None):
    errors = refusal.beside() if refusal else problems or {}
    try:
        source = bodies.source_of(draft, g.by)
    except Invalid as lost:
        source, errors = None, lost.fields | errors
    field = next((f for f in conditions.offered(_asked(source)) if f.name == asking), None) if source else None
    about = {
        "draft": draft,
        "row": row,
        "at": _at(row.id) if row else _at(),
        "list_at": _at(),
        "errors": errors,
        "source": source,
        "all_sources": sources.every(g.by),
        "targets": _targets(),
        "ways": linked.every(source) if source else (),
        "most_linked": linked.MOST,
        "bodies": bodies,
        "dates": dates,
        "kinds": steps.KINDS,
        "units": steps.UNITS,
        "people": list(members().items()),
        "endpoints": [(one.id, one.name) for one in endpoints.every()],
        "conditional": conditions.offered(_asked(source)) if source else (),
        "asked": _asked_words(source, draft["where"]),
        "field": field,
        "offers": _offers(field),
        "trial": trial,
        "warnings": warnings,
        "older": older,
        "here": "automations",
    }
    if row is not None:
        about |= {"versions": automations.versions(row), "runs": _runs(row), "states": automations.STATE}
    status = refusal.status if refusal else 422 if problems else 200
    return pages.page("automations/edit.html", status, **about)


def _asked(source):
    return source.listing if source.listing.source else source.listing.whole


def _asked_words(source, where):
    """(the condition as it is kept, whether it is an alternative, its words) of each that is understood."""
    found = []
    for text in where:
        one = conditions.parsed(text)
        words = conditions.said(_asked(source), one, members()) if one and source else ""
        found.append((text, bool(one and one.is_or), words or "something that isn’t here any more"))
    return found


def _offers(field):
    if field is None:
        return None
    if field.kind.names_people:
        return list(members().items())
    return field.kind.choices if hasattr(field.kind, "choices") else None


def _targets():
    """(name, what it is called, its fields) of the lists whose rows can be made."""
    found = []
    for name, label in sources.every(g.by):
        if name == sources.TASKS or name.startswith(sources.RECORDS):
            try:
                found.append((name, label, sources.find(name, g.by).written))
            except NotFound:
                continue
    return found


def _runs(row, limit=8):
    mine = AutomationRun.select().where(AutomationRun.automation == row)
    return list(mine.order_by(AutomationRun.id.desc()).limit(limit))
