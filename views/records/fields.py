"""One field of a table that people made: its kind, rehearsed with the very cells, its rules, its words, and undo."""

from urllib.parse import urlencode

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid, Refused
from domain.fields.kinds import whole
from domain.fields.records import conversions, formats, registry
from domain.records import collections, field_changes, kind_changes, shape_changes
from domain.records.computed import formulas
from domain.records.hanging import uses
from domain.records.programs import old_names
from domain.records.rows import rehearsals
from views import access, pages
from views.records.tables import link_tables

blueprint = Blueprint("record_fields", __name__)
HERE = "/<organization>/records/<table>"


def address(collection, *parts):
    """Where a table's page is, or one below it."""
    return "/".join(map(str, (f"/{g.by.organization.slug}/records/{collection.slug}", *parts)))


@blueprint.get(HERE + "/fields/<id:id>")
@access.member("records.build", collections.builds)
def show(table, id):
    return _shown(table, id)


def _shown(table, id, refusal=None, looks=False):
    collection = collections.found(table)
    field = collections.field_of(collection, id)
    if field.kind == "button":
        return pages.go(address(collection, "fields", id, "button"), refusal.sentence if refusal else "")
    field.kind_made = registry.made(field.kind, field.options)
    plain, is_worked_out = registry.plain(field.kind, field.options), field.kind in registry.COMPUTED
    becomes = [*([plain] if is_worked_out else []), *conversions.offered(plain)]
    return pages.page(
        "records/field.html",
        refusal.status if refusal else 200,
        collection=collection,
        field=field,
        words=(words := kind_changes.words_of(field)),
        named=[(one.id, one.label) for one in words],
        kinds=registry.KINDS,
        becomes=[(kind, registry.KINDS[kind].label) for kind in becomes],
        formula=formulas.written(collection, field.kind, field.options)["formula"] if is_worked_out else "",
        may_open=g.by.may("records.build"),
        settings=registry.OPTIONS,
        link_tables=link_tables(),
        filling=kind_changes.progress(collection).get(field.id),
        left=kind_changes.left_over(collection).get(field.id, 0),
        empty=field_changes.misfits(collection, field).empty_count if field.is_required else 0,
        misfits=field_changes.misfits(collection, field) if looks else None,
        begins=field_changes.begins_of(collection, field, g.by),
        orderable=kind_changes.may_be_ordered(field),
        errors=refusal.beside() if refusal else {},
        values=request.form or request.args if refusal or looks else {},
        uses=uses.of(field, g.by),
        old_names=old_names.of(field),
        url=address(collection),
        here="records",
    )


def _done(table, id, act):
    """What a form of a field's page asked for; back to the page, with what can't be done beside its control."""
    try:
        said = act(whole(request.form.get("shape")))
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        return _shown(table, id, refusal)
    at = address(collections.found(table), "fields")
    return pages.go(at if request.form.get("act") == "away" else f"{at}/{id}", said)


@blueprint.post(HERE + "/fields/<id:id>/act")
@access.member("records.build", collections.builds)
def act(table, id):
    form = request.form
    if form.get("act") == "look":
        return _shown(table, id, looks=True)

    def asked(shape):
        match form.get("act"):
            case "up" | "down" as way:
                field_changes.move(table, id, 1 if way == "down" else -1, by=g.by, shape=shape)
                return "It was moved."
            case "away":
                field_changes.put_away(table, id, by=g.by, shape=shape)
                return "The field was put away; it can be brought back below."
            case "programs":
                named = collections.rename_for_programs(table, id, by=g.by, shape=shape)
                return f"Programs call it {named.api_name}."
            case "forget":
                old_names.let_go(table, id, form.get("name", ""), by=g.by, shape=shape)
                return "The old name is no more: programs that use it are refused."
            case "describe":
                said = {name: form.get(name, "") for name in ("help", "begins")}
                field_changes.describe(table, id, by=g.by, shape=shape, **said)
                return "Saved."
            case "open" | "close" as way:
                formulas.open_to_all(table, id, way == "open", by=g.by, shape=shape)
                return "Everybody who sees the table sees it." if way == "open" else "Only who sees all inputs sees it."
            case "order":
                kind_changes.order(table, id, by=g.by, shape=shape)
                return "It is being put in order. You can work on."
            case "stop":
                kind_changes.stop(table, id, by=g.by, shape=shape)
                return "It stays as it is."
            case "rules":
                rules = {name: bool(form.get(name)) for name in ("is_required", "is_unique")}
                doubles = field_changes.rule(table, id, by=g.by, shape=shape, **rules)
                return f"Saved. {_some_rows(doubles)}" if doubles else "Saved."
        raise Invalid({"act": "Choose what to do."})

    return _done(table, id, asked)


def _some_rows(ids):
    return f"{len(ids):,} rows have a value that another has: {', '.join(map(str, ids[:20]))}."


@blueprint.post(HERE + "/fields/<id:id>/word")
@access.member("records.build", collections.builds)
def word(table, id):
    form = request.form
    option = whole(form.get("option")) or 0

    def asked(shape):
        how = {"by": g.by, "shape": shape}
        match form.get("act"):
            case "name":
                field_changes.rename_word(table, id, option, form.get("label", ""), **how)
            case "up" | "down" as way:
                field_changes.move_word(table, id, option, 1 if way == "down" else -1, **how)
            case "rest" | "offer" as way:
                field_changes.offer_word(table, id, option, way == "offer", **how)
            case "merge":
                field_changes.merge_words(table, id, option, whole(form.get("into")) or 0, **how)
            case _:
                raise Invalid({"act": "Choose what to do."})
        return "Saved."

    return _done(table, id, asked)


# --- another kind -------------------------------------------------------------------------------------------------


@blueprint.get(HERE + "/fields/<id:id>/kind")
@access.member("records.build", collections.builds)
def kind(table, id):
    if request.htmx and (job := rehearsals.progress(id, request.args.get("of", ""))):
        answer = pages.fragment("records/_looking.html", job=job)
        if not job.is_open:
            answer.headers["HX-Refresh"] = "true"
        return answer
    if "kind" not in request.args:
        return _shown(table, id)
    try:
        page = _rehearsed(table, id, request.args)
    except Invalid as refusal:
        return _shown(table, id, refusal)
    if "again" not in request.args:
        return page
    rest = [(name, text) for name, text in request.args.items(multi=True) if name != "again"]
    return pages.go(f"{request.path}?{urlencode(rest)}")  # whose reload asks for nothing again


@blueprint.post(HERE + "/fields/<id:id>/kind")
@access.member("records.build", collections.builds)
def change_kind(table, id):
    form = request.form
    asked = {"by": g.by, "options": form, "given": _given(form)}
    try:
        seen = rehearsals.of(table, id, form.get("kind", ""), **asked)
        if not seen.rehearsal.is_whole:
            raise Refused("Not all cells were looked at yet. Wait until they are.")
        how = {"adds_words": form.get("words") != "leave", "shape": whole(form.get("shape"))}
        kind_changes.begin(table, id, form["kind"], rehearsed=seen.rehearsal, **asked, **how)
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        return (
            _rehearsed(table, id, form, refusal) if form.get("kind") in registry.KINDS else _shown(table, id, refusal)
        )
    label = registry.KINDS[form["kind"]].label.lower()
    return pages.go(address(collections.found(table), "fields", id), f"It is becoming {label}. You can work on.")


def _rehearsed(table, id, asked, refusal=None):
    how = {"by": g.by, "options": asked, "given": _given(asked)}
    found = rehearsals.of(table, id, asked.get("kind", ""), again="again" in asked, **how)
    seen, collection = found.rehearsal, collections.found(table)
    return pages.page(
        "records/kind.html",
        refusal.status if refusal else 200,
        collection=collection,
        field=seen.of,
        seen=seen,
        job=found.job,
        is_old=found.is_old,
        again=urlencode([*asked.items(multi=True), ("again", "1")]) if found.is_old else "",
        label=registry.KINDS[seen.kind].label.lower(),
        given=_given(asked),
        uses=uses.of(seen.of, g.by, kind_changes.becoming(seen)),
        errors=refusal.beside() if refusal else {},
        url=address(collection),
        here="records",
    )


def _given(asked):
    """What was answered of a column's format, by its parts."""
    given = {}
    for part in formats.Format.__dataclass_fields__:
        if text := asked.get(f"ask_{part}"):
            given[part] = text == "True" if text in ("True", "False") else text
    if "yes" in given:
        given["yes"] = tuple(asked.getlist("ask_yes"))
    return given


# --- what was done ------------------------------------------------------------------------------------------------


@blueprint.post(HERE + "/changes")
@access.member("records.build", collections.builds)
def undo(table):
    shape_changes.undo(table, whole(request.form.get("id")) or 0, by=g.by, shape=whole(request.form.get("shape")))
    return pages.go(address(collections.found(table), "fields"), "It was taken back.")


@blueprint.post(HERE + "/fields/back")
@access.member("records.build", collections.builds)
def bring_back(table):
    id = whole(request.form.get("id")) or 0
    field_changes.bring_back(table, id, by=g.by, shape=whole(request.form.get("shape")))
    return pages.go(address(collections.found(table), "fields"), "The field is back.")


@blueprint.post(HERE + "/away")
@access.member("records.build")
def put_table_away(table):
    field_changes.put_table_away(table, by=g.by, shape=whole(request.form.get("shape")))
    return pages.go(f"/{g.by.organization.slug}/records", "The table was put away; it can be brought back below.")


@blueprint.post("/<organization>/records/back")
@access.member("records.build")
def bring_table_back():
    collection = field_changes.bring_table_back(request.form.get("table", ""), by=g.by)
    return pages.go(address(collection), f"{collection.name} is back.")
