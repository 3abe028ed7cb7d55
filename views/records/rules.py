"""Who may what with a table that people made: rules, each said as a sentence, and why somebody sees a row."""

from flask import Blueprint, g, session
from htmx_flask import request

from domain import Invalid, NotFound
from domain.fields.kinds import whole
from domain.fields.person import members
from domain.organizations import organizations
from domain.records import collections, rules, shapes
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
    answer = rules.explain(table, person, whole(asked.get("row")) or 0) if person else None
    editing = who or asked.get("who", "")
    if editing and not _is_known(editing, names):
        raise NotFound("There is no such role or person here.")
    return pages.page(
        "records/rules.html",
        status,
        collection=collection,
        shape=shape,
        made=[(who, rules.called(who, names), rules.sentence(rule, shape, names)) for who, rule in made.items()],
        editing=editing,
        editing_name=rules.called(editing, names) if editing else "",
        rule=request.form if errors else made.get(editing),
        levels=_levels(shape, made.get(editing), errors),
        ticked=request.form.getlist("where") if errors else _ticked(made.get(editing)),
        conditions=rules.conditions(shape),
        offered={"sees": rules.SEES, "changes": rules.CHANGES, "levels": rules.LEVELS},
        whom=[(f"role:{role}", f"All {role}s") for role in rules.RULED]
        + [(f"user:{id}", name) for id, name in names.items()],
        people=names,
        eyes=rules.eyes(g.by, everybody),
        answer=answer,
        chosen=asked,
        errors=errors or {},
        url=f"/{g.by.organization.slug}/records/{collection.slug}",
        here="records",
    )


def _is_known(who, names):
    kind, _, id = who.partition(":")
    return (kind == "role" and id in rules.RULED) or (kind == "user" and whole(id) in names)


def _levels(shape, rule, errors):
    """Field's id → the level that the form shows for it; empty is «as all other fields»."""
    if errors:
        return {cell.id: request.form.get(f"field_{cell.id}", "") for cell in shape.cells}
    return {cell.id: rule.fields.get(str(cell.id), "") if rule else "" for cell in shape.cells}


def _ticked(rule):
    return [f"{what}:{value}" for what, value in rule.where] if rule else []


@blueprint.post(HERE)
@access.member("records.build")
def change(table):
    who = request.form.get("who", "")
    try:
        rules.change(table, who, request.form, by=g.by)
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
