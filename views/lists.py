"""Routes of a listed table: list and board, form, cells edited in place, bulk, undo, export, history.

Written once: `blueprint(rules)` gives a table all of it. What is special is in the table's Rules.
"""

import csv
import io
from functools import cached_property, lru_cache
from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, g
from htmx_flask import request
from markupsafe import Markup

from database.clock import now
from database.connections import database
from database.scope import inside
from domain import Invalid, NotFound, Refused
from domain.base import changes
from domain.fields.kinds import whole
from domain.fields.person import members, names
from domain.lists import lists, rows
from views import access, pages

VIEWS = ("list", "board")
ICONS = ("list", "layout-kanban", "download", "search", "plus", "keyboard", "arrow-left", "trash", "x")


class Here:
    """What the templates need to know of the list they draw."""

    def __init__(self, rules, by, ask, view="list"):
        self.rules, self.by, self.ask, self.view = rules, by, ask, view
        self.listing = rules.listing
        self.url = f"/{by.organization.slug}/{self.listing.name}"
        self.may_write = by.may(f"{self.listing.name}.write")

    @property
    def tabs(self):
        return [tab for tab in self.listing.tabs if self.by.may(tab.capability)]

    def address(self, **changes):
        """This list with something else asked: filters, tab, sort, view, or where to go on."""
        ask = self.ask
        asked = {"view": self.view if self.view != "list" else "", "tab": ask.tab, "q": ask.q, "sort": ask.sort}
        asked |= {"due": ask.due} | dict(ask.filters) | changes
        defaults = {"tab": self.listing.tabs[0].key, "sort": self.listing.sorts[0].key}
        kept = {k: v for k, v in asked.items() if v not in (None, "") and defaults.get(k) != v}
        return self.url + (f"?{urlencode(kept)}" if kept else "")

    @property
    def is_narrowed(self):
        return bool(self.ask.q or self.ask.filters or self.ask.due)

    def known(self, field):
        """Words used before in a free text."""
        return lists.known_words(self.listing, field)

    @cached_property
    def members(self):
        """(id, name) of everybody one could choose."""
        return tuple(members().items())

    def rights(self, row):
        """The names of the listed fields that this member may change in the row."""
        if not self.may_write:
            return ()
        return tuple(f.name for f in self.listing.listed if self.rules.may_change(row, f.name, self.by))

    def rows(self, answer):
        """The rows as HTML. What may be done to a row depends on its people alone: asked once for each."""
        listing, environment, moment = self.listing, current_app.jinja_env, now()
        rights, drawn = {}, []
        for row in answer.rows:
            people = tuple([getattr(row, name) for name in listing.belongs])
            held = rights.get(people)
            if held is None:
                names = tuple((n, answer.people.get(getattr(row, n))) for n in listing.people)
                held = rights[people] = (names, self.rights(_Owned(row, listing)))
            due = listing.due and getattr(row, listing.due)
            late = bool(due and due < moment and listing.is_open(row))
            drawn.append(_drawn(environment, self.view, listing, self.url, row, *held, late, self.may_write))
        return Markup("").join(drawn)


class _Owned:
    """A listed row, with the names that rules ask a model row by."""

    def __init__(self, row, listing):
        self._row, self._people = row, {f"{name}_id": name for name in (*listing.people, listing.owner)}

    def __getattr__(self, name):
        return getattr(self._row, self._people.get(name, name))


def clear_filters(listing):
    return {f.name: "" for f in listing.filters}


def bounded(count):
    """A count that stopped at its bound says so."""
    return f"{lists.COUNTED:,}+" if count > lists.COUNTED else f"{count:,}"


def init_app(app):
    """What list templates use in every block: fields know how they are drawn."""
    environment = app.jinja_env
    environment.filters["bounded"] = bounded
    environment.globals |= {"clear_filters": clear_filters, "due_choices": tuple(lists.DUE.items())}
    drawn = environment.get_template("fields/macros.html").module
    environment.globals |= {name: getattr(drawn, name) for name in ("cell", "input", "edit", "known", "shown")}
    around = environment.get_template("lists/macros.html").module
    for name in ("list_tools", "bulk_bar"):
        environment.globals[name] = lru_cache(maxsize=500, typed=True)(getattr(around, name))


@lru_cache(maxsize=4000, typed=True)
def _drawn(environment, view, listing, url, row, people, may, late, ticks):
    """A row's HTML is a function of these alone, so the same row is drawn once."""
    template = environment.get_template("lists/_card.html" if view == "board" else "lists/_row.html")
    context = {"listing": listing, "url": url, "row": row._asdict(), "people": dict(people), "may": may}
    return Markup(template.render(**context, late=late, ticks=ticks, is_open=listing.is_open(row)))  # noqa: S704  from a template


def blueprint(rules):
    listing = rules.listing
    made = Blueprint(listing.name, __name__, url_prefix=f"/<organization>/{listing.name}")
    reads, writes = access.member(f"{listing.name}.read"), access.member(f"{listing.name}.write")

    def here(view=None):
        asked = request.args.get("view", "")
        ask = lists.understand(listing, request.args)
        return Here(rules, g.by, ask, view or (asked if asked in VIEWS else "list"))

    @made.get("")
    @reads
    def index():
        place = here()
        context = {"place": place, "listing": listing, "here": listing.name}
        if place.view == "board":
            context["columns"] = _columns(place)
        else:
            context["answer"] = lists.read(listing, place.ask, g.by)
        if not place.ask.after:
            context["counts"] = lists.counts(listing, place.ask, g.by)
        answer = pages.page("lists/index.html", **context)
        if request.htmx.trigger == "list_tools":
            answer.headers["HX-Push-Url"] = place.address()  # without the empty filters of the form
        return answer

    @made.get("/column/<int:number>")
    @reads
    def column(number):
        """More cards of one board column."""
        place = here("board")
        words = listing.by_name[listing.board_by].kind.words
        if number >= len(words):
            raise NotFound()
        found = _column(place, words[number])
        return pages.fragment("lists/_cards.html", place=place, column=found, number=number)

    @made.get("/new")
    @writes
    def new():
        return _form({}, {})

    @made.post("")
    @writes
    def create():
        try:
            row = rows.create(rules, request.form, by=g.by)
        except Invalid as refusal:
            return _form(request.form, refusal.fields, 422)
        if request.htmx:
            note = pages.notice("good", f"{listing.thing.capitalize()} created.")
            return pages.answer(note, trigger={"closeDialog": True, "listChanged": True})
        return pages.go(f"/{g.by.organization.slug}/{listing.name}/{row.id}", f"{listing.thing.capitalize()} created.")

    def _form(values, errors, status=200):
        about = {"place": here(), "listing": listing, "values": values, "errors": errors}
        if request.htmx and request.htmx.target == "dialog":
            return pages.fragment("lists/_dialog.html", status=status, **about)
        return pages.page("lists/new.html", status, here=listing.name, **about)

    @made.get("/<id:id>")
    @reads
    def show(id):
        return _show(rows.get(rules, id, g.by))

    def _show(row, values=None, errors=None, status=200):
        texts = {f.name: rows.as_text(f, getattr(row, rows._column(rules, f.name))) for f in listing.fields}
        noted = list(changes.history(listing.table, row.id))
        return pages.page(
            "lists/show.html",
            status,
            place=here(),
            listing=listing,
            row=row,
            was=texts,
            values=texts | (values or {}),
            errors=errors or {},
            history=[_told(listing, change) for change in noted],
            editable={f.name for f in listing.fields if here().may_write and rules.may_change(row, f.name, g.by)},
            may_remove=here().may_write and rules.may_remove(row, g.by),
            here=listing.name,
        )

    @made.post("/<id:id>")
    @writes
    def update(id):
        form = request.form
        was = {k.removeprefix("was_"): v for k, v in form.items() if k.startswith("was_")}
        try:
            row, change = rows.change(rules, id, form, by=g.by, was=was)
        except (Invalid, rows.Stale) as refusal:
            fields = refusal.fields
            row = rows.get(rules, id, g.by)
            if not fields:
                raise
            fields = {**fields, "form": refusal.sentence} if isinstance(refusal, rows.Stale) else fields
            return _show(row, form, fields, refusal.status)
        target = f"/{g.by.organization.slug}/{listing.name}/{row.id}"
        return pages.go(target, "Saved." if change else "Nothing was different.", "good" if change else "info")

    @made.get("/<id:id>/cells/<name>")
    @reads
    def cell(id, name):
        """One cell, to be edited (or, with ?show, as it was)."""
        row, field = rows.get(rules, id, g.by), _field(name)
        if "show" in request.args or not rules.may_change(row, name, g.by):
            return _row(row)
        text = rows.as_text(field, getattr(row, rows._column(rules, name)))
        return pages.fragment("lists/_cell.html", place=here(), row=row, field=field, text=text, was=text, error=None)

    @made.post("/<id:id>/cells/<name>")
    @writes
    def update_cell(id, name):
        field, form = _field(name), request.form
        was = {name: form["was"]} if "was" in form else {}
        try:
            row, change = rows.change(rules, id, {name: form.get(name, "")}, by=g.by, was=was)
        except (Invalid, rows.Stale) as refusal:
            if not request.htmx or request.args.get("as") == "card":  # a card has no place for an error: a notice
                raise
            row = rows.get(rules, id, g.by)
            fields = refusal.fields
            current = rows.as_text(field, getattr(row, rows._column(rules, name)))
            return pages.fragment(
                "lists/_cell.html",
                status=refusal.status,
                place=here(),
                row=row,
                field=field,
                text=form.get(name, ""),
                was=current,
                error=fields.get(name, refusal.sentence),
            )
        if not request.htmx:
            return pages.go(f"/{g.by.organization.slug}/{listing.name}")
        said = f"{field.label}: {field.kind.plain(getattr(row, rows._column(rules, name))) or 'none'}."
        note = pages.notice("good", said, _undo(change)) if change else ""
        return pages.answer(_row(row), note, trigger={"listChanged": True})

    def _field(name):
        if name not in listing.by_name:
            raise NotFound()
        return listing.by_name[name]

    def _undo(change):
        return f"/{g.by.organization.slug}/{listing.name}/undo/{change.batch}" if change else None

    def _row(row):
        place = here("board" if request.args.get("as") == "card" else "list")
        listed = listing.Row._make(
            getattr(row, rows._column(rules, c.name) if c.name != listing.owner else f"{c.name}_id")
            for c in listing.columns
        )
        people = names({getattr(listed, n) for n in listing.people})
        return pages.answer(place.rows(lists.Answer([listed], "", people)))

    @made.post("/<id:id>/removal")
    @writes
    def remove(id):
        change = rows.remove(rules, id, by=g.by)
        said = f"{listing.thing.capitalize()} deleted."
        if request.htmx and request.htmx.target:
            return pages.answer(pages.notice("good", said, _undo(change)), trigger={"listChanged": True})
        return pages.go(f"/{g.by.organization.slug}/{listing.name}", said)

    @made.post("/bulk")
    @writes
    def bulk():
        form = request.form
        ids = list(dict.fromkeys(id for text in form.getlist("ids") if (id := whole(text))))
        removing = form.get("act") == "remove"
        # «act» is a field's name; its value comes in a control of that name, so that one form serves all.
        name = form.get("act", "")
        if not ids:
            raise Refused(f"Choose some {listing.things} first.", "INVALID_INPUT", 422)
        if not removing and name not in listing.by_name:
            raise Refused("Choose what to change.", "INVALID_INPUT", 422)
        values = {} if removing else {name: form.get(f"to_{name}", "")}
        batch, done, left_out = rows.bulk(rules, ids, values, by=g.by, removing=removing)
        said = f"{done} {listing.thing if done == 1 else listing.things} {'deleted' if removing else 'changed'}."
        if left_out:
            said += f" {left_out} not: they aren't yours to change."
        undo = f"/{g.by.organization.slug}/{listing.name}/undo/{batch}" if done else None
        if request.htmx:
            note = pages.notice("good" if done else "warn", said, undo)
            return pages.answer(note, trigger={"listChanged": True, "unselect": True})
        return pages.go(f"/{g.by.organization.slug}/{listing.name}", said)

    @made.post("/undo/<batch>")
    @writes
    def undo(batch):
        count = rows.undo(rules, batch[:40], by=g.by)
        said = f"Put back {count} {listing.thing if count == 1 else listing.things}."
        if request.htmx:
            return pages.answer(pages.notice("info", said), trigger={"listChanged": True})
        return pages.go(f"/{g.by.organization.slug}/{listing.name}", said)

    @made.get("/export.csv")
    @reads
    def export():
        ask, by = lists.understand(listing, request.args), g.by
        by.require(listing.tab(ask.tab).capability)
        chunks = _csv(listing, lists.export(listing, ask, by), by.organization)
        answer = Response(chunks, content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = f'attachment; filename="{listing.name}-{now():%Y-%m-%d}.csv"'
        return answer

    return made


# --- the board ----------------------------------------------------------------------------------------


def _columns(place):
    return [_column(place, word) for word in place.listing.by_name[place.listing.board_by].kind.words]


def _column(place, word):
    listing = place.listing
    filters = tuple(pair for pair in place.ask.filters if pair[0] != listing.board_by)
    answer = lists.read(listing, place.ask.but(filters=(*filters, (listing.board_by, word))), place.by)
    return {"word": word, "label": listing.by_name[listing.board_by].kind.plain(word), "answer": answer}


# --- history and export ------------------------------------------------------------------------------------


def _told(listing, change):
    """A change in words: who, when, and for each field what it was and what it became."""
    told = []
    for name, (before, after) in change.fields.items():
        field = listing.by_name.get(name)
        if field and change.verb == "updated":
            told.append((field.label, _plain(field, before), _plain(field, after)))
    return {
        "verb": change.verb,
        "who": change.by.name if change.by_id else "Someone who left",
        "at": change.at,
        "fields": told,
    }


def _plain(field, stored):
    return field.kind.plain(field.kind.restored(stored)) or "nothing"


def _csv(listing, answers, organization):
    """Lines of CSV, chunk by chunk; the scope is entered for each, as a stream outlives its request."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(["Id", *(f.label for f in listing.listed)])
    for answer in answers:
        with inside(organization):
            for row in answer.rows:
                write.writerow([row.id, *(_cell(f, getattr(row, f.name), answer.people) for f in listing.listed)])
        database.close()  # between chunks the connection is somebody else's
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()


def _cell(field, value, people):
    return inert(people.get(value, "") if field.kind.name == "person" else field.kind.plain(value))


def inert(text):
    """A cell's text that no spreadsheet runs as a formula (OWASP: CSV injection)."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
