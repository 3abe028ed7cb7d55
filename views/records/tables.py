"""Tables that people make: all of them, a new one, the rows of one, and its fields."""

from functools import lru_cache, partial
from urllib.parse import urlencode

from flask import Blueprint, current_app, g
from htmx_flask import request

from database.columns import public_id
from domain import Invalid, Refused
from domain.fields import guesses
from domain.fields.kinds import Field, whole
from domain.fields.records import registry
from domain.fields.records.option import Options
from domain.fields.text import Text
from domain.lists.listing import Listing
from domain.lists.rows import Rules
from domain.lists.sources import Source
from domain.records import collections, field_changes, kind_changes, listings, shape_changes, templates
from domain.records.public import answers
from views import access, pages
from views.lists import routes

blueprint = Blueprint("records", __name__)
HERE = "/<organization>/records"
ICONS = (
    *("table", "letter-case", "align-left", "toggle-left", "calendar", "clock", "user", "tag", "columns", "hash"),
    *("coin", "percentage", "tags", "hourglass", "users", "mail", "phone", "link", "star", "math-function", "eye"),
    *("sum", "qrcode", "barcode"),
)

# What every table of people's has, for the routes: which one is meant is asked at each request.
ANY = Rules(
    Listing(
        *("records", "row", "rows", None, (Field("name", "Name", Text(1000)), Field("choice", "Choice", Options()))),
        source=Source(),
        reads="records.read",
        writes="records.write",
        imports=True,
        board_by="choice",
        has_pages=True,
        followed=True,
        charts=True,
        calendar=("day",),
        is_saved=True,
        comments=True,
        files=True,
    )
)


def _context(place):
    shape, builds = place.listing.source.shape, place.listing.source.rights.builds
    return {
        "collection": collections.found(request.view_args["table"]),
        "shape": shape,
        "builds": builds,
        "head_more": _head_more(shape.number) if builds else "",
    }


def _head_more(shape):
    """The head of a column for one more field, with a key of its own each time it is drawn."""
    tables = tuple(link_tables()) if collections.are_few() else None  # `many_tables_page`
    return _new_field(current_app.jinja_env, shape, tables).replace(KEY, public_id())


KEY = "key-of-this-form"


@lru_cache(maxsize=50, typed=True)
def _new_field(environment, shape, tables):
    """Its HTML is a function of these alone, but for the key."""
    kinds = [(key, kind.label) for key, kind in registry.KINDS.items()]
    return environment.get_template("records/_new_field.html").module.new_field(shape, kinds, tables, KEY)


mounted = routes.add(
    blueprint,
    ANY,
    "/records/<table>",
    find=lambda table: listings.find(table, g.by),
    nav="records",
    template="records/table.html",
    context=_context,
    row_template="records/row.html",
    row_context=lambda place, row: {"came_by": answers.of_row(row.id)},
)


# --- all tables -----------------------------------------------------------------------------------------------


@blueprint.get(HERE)
@access.member("records.read")
def all_tables():
    return _all({}, {})


def _all(values, errors, status=200):
    tables = collections.present(g.by)
    return pages.page(
        "records/index.html",
        status,
        tables=tables,
        counts=listings.counts(tables, g.by),
        builds=g.by.may("records.build"),
        templates=templates.TEMPLATES,
        offers_demo=templates.offers_demo(g.by),
        away=field_changes.tables_away() if g.by.may("records.build") else (),
        values=values,
        errors=errors,
        here="records",
    )


@blueprint.post(HERE)
@access.member("records.build")
def make():
    form, key = request.form, pages.form_key()
    try:
        if form.get("template") == "demo":
            made = templates.make_demo(by=g.by)
        else:
            made = templates.make(form["template"], by=g.by, form_key=key) if form.get("template") else None
        made = made or collections.make(form.get("name", ""), by=g.by, key=key)
    except Invalid as refusal:
        return _all(form, refusal.fields, refusal.status)
    return pages.go(_at(made), f"The table {made.name} is there.")


def link_tables():
    """(number, name) of the tables that a link can point to."""
    return [(table.id, table.name) for table in collections.present(g.by)] if g.by.may("records.build") else []


def _at(collection):
    return f"/{g.by.organization.slug}/records/{collection.slug}"


# --- its fields -----------------------------------------------------------------------------------------------


@blueprint.get(HERE + "/<table>/fields")
@access.member("records.build", collections.builds)
def fields(table):
    return _fields(table)


def _fields(table, refusal=None, about=None):
    collection = collections.found(table)
    return pages.page(
        "records/fields.html",
        refusal.status if refusal else 200,
        collection=collection,
        fields=collections.fields(collection),
        link_tables=link_tables(),
        filling=kind_changes.progress(collection),
        away=field_changes.away(collection),
        changes=shape_changes.recent(collection),
        kinds=registry.KINDS,
        errors={about: refusal.beside()} if refusal else {},
        values=request.form if refusal else {},
        url=_at(collection),
        here="records",
    )


@blueprint.post(HERE + "/<table>/fields")
@access.member("records.build", collections.builds)
def add_field(table):
    form, label = request.form, request.form.get("label", "")
    kind = form.get("kind") or guesses.kind_of(label)
    if kind in registry.COMPUTED:
        asked = urlencode({"kind": kind, "label": label})
        return pages.go(f"{_at(collections.found(table))}/formulas?{asked}")
    if kind == "button":
        return pages.go(f"{_at(collections.found(table))}/buttons?{urlencode({'label': label})}")
    words = [word for word in form.get("words", "").replace("\n", ",").split(",") if word.strip()]
    try:
        options = {name: form.get(name, "") for name in ("table", "back")}
        # One more field is in nobody's way, so a form from before another was added is as good.
        field = collections.add_field(table, label, kind, by=g.by, choices=words, options=options, key=pages.form_key())
    except Refused as refusal:
        if request.htmx or refusal.status in (403, 404):
            raise
        return _fields(table, refusal, "new")
    done = f"{field.label} is there: {registry.KINDS[field.kind].label.lower()}."
    if request.htmx:
        return pages.answer(pages.notice("good", done), trigger={"listChanged": True, "fieldAdded": True})
    return pages.go(_at(collections.found(table)) + ("/fields" if "stays" in form else ""), done)


def _changed(table, about, change, done, named="label"):
    """A change of the table's shape, then the page of its fields, with the word for it or with the refusal."""
    try:
        made = change(request.form.get(named, ""), by=g.by, shape=whole(request.form.get("shape")))
    except Refused as refusal:
        if refusal.status in (403, 404):
            raise
        return _fields(table, refusal, about)
    return pages.go(f"{_at(collections.found(table))}/fields", done(made))


@blueprint.post(HERE + "/<table>/fields/<id:id>")
@access.member("records.build", collections.builds)
def change_field(table, id):
    return _changed(table, id, partial(collections.rename_field, table, id), lambda field: f"{field.label} is saved.")


@blueprint.post(HERE + "/<table>/fields/<id:id>/words")
@access.member("records.build", collections.builds)
def add_word(table, id):
    return _changed(
        table, id, partial(collections.add_option, table, id), lambda option: f"{option.label} can be chosen."
    )


@blueprint.post(HERE + "/<table>/name")
@access.member("records.build", collections.builds)
def rename(table):
    done = lambda renamed: f"It is called {renamed.name}."  # noqa: E731
    return _changed(table, "name", partial(collections.rename, table), done, named="name")
