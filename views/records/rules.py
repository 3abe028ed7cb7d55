"""Who may what with a table that people made: rules, each said as a sentence, and why somebody sees a row."""

from flask import Blueprint, g, session
from htmx_flask import request

from domain import Invalid, NotFound
from domain.fields.kinds import whole
from domain.fields.person import members
from domain.lists import conditions
from domain.organizations import organizations
from domain.records import collections, rules, shape_changes, shapes
from domain.records.rows import explanations, row_conditions
from views import access, cookies, pages

blueprint = Blueprint("record_rules", __name__)
HERE = "/<organization>/records/<table>/rules"


@blueprint.get(HERE)
@access.member("records.build")
def index(table):
    return _rules(table)


def _rules(table, who="", errors=None, status=200):
    collection = collections.found(table)
    shape, names, made = shapes.read(collection), members(), rules.of(collection)
    asked = request.args
    everybody = {member.user.id: member for member in organizations.everybody(g.by.organization).values()}
    person = everybody.get(whole(asked.get("person")) or 0)
    answer = explanations.explain(table, person, whole(asked.get("row")) or 0) if person else None
    editing = who or asked.get("who", "")
    if editing and not _is_known(editing, names):
        raise NotFound("There is no such role or person here.")
    # Without a script the form comes back as it was, with one more field to ask about.
    given = request.form if errors else asked if "sees" in asked else None
    return pages.page(
        "records/rules.html",
        status,
        collection=collection,
        shape=shape,
        made=[(who, rules.called(who, names), rules.sentence(rule, shape, names)) for who, rule in made.items()],
        editing=editing,
        editing_name=rules.called(editing, names) if editing else "",
        rule=made.get(editing),
        given=given,
        shown=given or made.get(editing),
        levels=_levels(shape, made.get(editing), given),
        conditions=_conditions(shape, made.get(editing), given, names),
        **_asked(shape, given or {}),
        offered={"sees": rules.SEES, "changes": rules.CHANGES, "levels": rules.LEVELS, "may": rules.MAY},
        whom=[(f"role:{role}", f"All {role}s") for role in rules.RULED]
        + [(f"user:{id}", name) for id, name in names.items()],
        people=names,
        eyes=rules.eyes(g.by, everybody),
        changes=[change for change in shape_changes.recent(collection) if "rules" in change.what],
        answer=answer,
        chosen=asked,
        errors=errors or {},
        url=_at(collection),
        here="records",
    )


def _at(collection):
    return f"/{g.by.organization.slug}/records/{collection.slug}"


def _asked(shape, args):
    """What the form asks of one more condition: first its field is chosen, then the rest as its kind has it."""
    about = row_conditions.about(shape, args.get("c_field", ""))
    abouts = [(one.key, one.label) for one in row_conditions.offered(shape)]
    offers = {"typed": conditions.of_form(args), "abouts": abouts, "unordered": row_conditions.unordered(shape)}
    return offers | {"about": about, "choices": row_conditions.choices(about)}


@blueprint.get(HERE + "/condition")
@access.member("records.build")
def condition(table):
    """What is asked of a field, for one more condition of the form."""
    collection = collections.found(table)
    about = _asked(shapes.read(collection), request.args)
    return pages.fragment("records/rules.html", "rule_condition", url=_at(collection), **about)


def _is_known(who, names):
    kind, _, id = who.partition(":")
    return (kind == "role" and id in rules.RULED) or (kind == "user" and whole(id) in names)


def _levels(shape, rule, given):
    """Field's id → the level that the form shows for it; empty is «as all other fields»."""
    if given:
        return {cell.id: given.get(f"field_{cell.id}", "") for cell in shape.cells}
    return {cell.id: rule.fields.get(str(cell.id), "") if rule else "" for cell in shape.cells}


def _conditions(shape, rule, given, names):
    """(text of the form, in words, whether it is an «or», whether it is ticked) of the rule's conditions: a form that
    is refused loses none of them."""
    kept = [(row_conditions.written(one), one) for one in (rule.where if rule else ())]
    ticked = given.getlist("where") if given else [text for text, _ in kept]
    return [(text, row_conditions.said(one, shape, names), one["is_or"], text in ticked) for text, one in kept]


@blueprint.post(HERE)
@access.member("records.build")
def change(table):
    who = request.form.get("who", "")
    try:
        rules.change(table, who, request.form, by=g.by, shape=whole(request.form.get("shape")))
    except Invalid as refusal:
        return _rules(table, who, refusal.fields, refusal.status)
    return pages.go(f"/{g.by.organization.slug}/records/{table}/rules", "The rule holds from now on.")


@blueprint.post(HERE + "/removal")
@access.member("records.build")
def remove(table):
    rules.remove(table, request.form.get("who", ""), by=g.by)
    return pages.go(f"/{g.by.organization.slug}/records/{table}/rules", "The rule is gone.")


@blueprint.post(HERE + "/look")
@access.member("records.build")
def look(table):
    """Look at the table through other eyes: it can only be read until one stops."""
    role, person = rules.look(table, request.form.get("who", ""), by=g.by)
    session[cookies.VIEW_AS] = [g.by.organization.id, role, person, f"/records/{table}/rules"]
    return pages.go(f"/{g.by.organization.slug}/records/{table}")
