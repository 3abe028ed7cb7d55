"""Routes of any listed thing: list and board, form, cells edited in place, acts, bulk, undo, export, history.

`organization(rules)` and `platform(rules, path)` make a blueprint with the routes that the listing asks for, and
`add` gives them to one that has more: of an organization, of the platform's staff, or of a person's own things.
What is special is in the listing and its Rules.
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g
from htmx_flask import request

from database.columns import public_id
from domain import Forbidden, Invalid, Refused, Stale, existing
from domain.base.allowances import spend
from domain.fields.forms import as_text, read_whole
from domain.fields.records.leftover import plain_cell
from domain.lists import asks, conditions, lists, rows, totals
from domain.lists.listing import demand
from domain.people import admins
from models import Change
from views import access, pages
from views.lists import (
    board,
    calendars,
    charts,
    comments,
    drawing,
    export,
    files,
    filtering,
    grouping,
    many,
    row_page,
    saved_views,
    trash,
)
from views.lists.incoming import imports, pasting
from views.lists.place import Place
from views.safety import headers

DRAWN = {"calendar": calendars, "chart": charts, "board": board, "list": grouping}  # each asks something of its own
ICONS = (
    *("list", "layout-kanban", "download", "upload", "file-spreadsheet", "search", "plus", "keyboard"),
    *("arrow-left", "trash", "x", "sort-ascending", "sort-descending", "selector", "lock", "filter"),
    *("history", "arrow-back-up", "pencil", "progress-check", "flag", "tag", "user", "calendar"),
    *("link", "dots", "bookmark", "chart-bar", "chevron-left", "chevron-right", "calendar-event"),
    *("repeat", "repeat-off", "player-skip-forward", "rss", "external-link"),
)


@dataclass(frozen=True)
class Mounted:
    """A listed thing where it has its address. `find(**parts)` gives its rules, asked for in each request."""

    find: Any
    path: str  # below the organization, or from the top of the site; parts such as <id:parent> are its own
    side: str  # whose list it is: "organization", "platform" or "own"
    nav: str
    template: str
    context: Any  # (place) → what the template needs besides
    within: Any = None  # (the parent's id) → (name, address) of what the list stands in
    row_template: str = "lists/show.html"
    row_context: Any = lambda place, row: {}  # the same of the page of a row
    heads_with_acts: bool = False  # that page's head shows what acts move: after one it is drawn anew

    def place(self, parts, view=None):
        parent, named = parts.pop("parent", None), {name: parts.pop(name) for name in self.names if name in parts}
        rules = self.find(**named)
        by = g.by if self.side == "organization" else admins.SIDES[self.side](access.me())
        parent = by.user.id if self.side == "own" else parent
        if callable(rules.listing.reads):  # no door knew it
            demand(by, rules.listing.reads)
        if rules.listing.stands_in is not None:
            rules.listing.stands_in(parent, by)
        ask = asks.understand(rules.listing, request.args, parent)
        asked = request.args.get("view", "")
        view = view or (asked if asked in rules.listing.views else "list")
        if view == "board" or request.args.get("as") == "card":
            rules = board.chosen(rules)
        url = f"/{by.organization.slug}{self.path}" if by.organization else self.path
        url = url.replace("<id:parent>", str(parent))
        for name, value in named.items():
            url = url.replace(f"<{name}>", value)
        return Place(rules, by, ask, url, view, DRAWN[view].apart(rules.listing), self.within)

    def page(self, status=200, parts=None, **more):
        """The list's page, with what the template needs besides."""
        return _index(self, self.place(parts or {}), status, more)

    def again(self, refusal, **parts):
        """The page with what was sent to a form beside the list, and why it can't be taken."""
        return self.page(refusal.status, parts, values=request.form, errors=refusal.beside())

    names = ("table",)


# --- making the routes -------------------------------------------------------------------------------------


def organization(rules, path=None, **more):
    """A blueprint with the routes of an organization's list, at /<organization>/<its name>."""
    made = Blueprint(rules.listing.name, __name__)
    add(made, rules, path or f"/{rules.listing.name}", **more)
    return made


def platform(rules, path, **more):
    """A blueprint with the routes of a list of the platform's staff."""
    made = Blueprint(rules.listing.name, __name__)
    add(made, rules, path, side="platform", **more)
    return made


def add(
    blueprint,
    rules,
    path,
    *,
    side="organization",
    nav=None,
    template="lists/index.html",
    context=None,
    find=None,
    prefix="",
    **row,
):
    """Give a blueprint the routes of a list; `template` may extend lists/index.html with what is special. `row` is
    the same of the page of a row: `row_template`, `row_context`; and `within`, of what the list is a part.

    What it returns draws the list again: `mounted.page(status, **context)`, say beside a form that was refused.
    """
    listing = rules.listing
    mounted = Mounted(
        find or (lambda **_: rules), path, side, nav or listing.name, template, context or (lambda place: {}), **row
    )

    def door(right):
        if side == "own":
            return access.signed_in
        if callable(right):  # asked behind the door, of the table that the address names
            right = "admin.read" if side == "platform" else "organization.read"
        return access.platform(right) if side == "platform" else access.member(right)

    start = f"/<organization>{path}" if side == "organization" else path
    for suffix, method, handler, capability in _wanted(listing):
        view = _bound(handler, mounted)
        blueprint.add_url_rule(start + suffix, prefix + handler.__name__, door(capability)(view), methods=[method])
    for act in listing.acts:
        view = _bound(_acting(act.key), mounted)
        name = f"{prefix}act_{act.key.replace('-', '_')}"
        address = f"{start}/<{'id:' if listing.numbered else ''}id>/{act.key}"
        view = door(act.capability)(view)
        for method in ("GET", "POST") if act.asks else ("POST",):
            blueprint.add_url_rule(address, name, view, methods=[method])
    return mounted


def _wanted(listing):
    """(what follows the list's address, method, handler, capability) of the routes that a listing asks for."""
    reads, writes = listing.reads, listing.writes
    yield "", "GET", index, reads
    for form, _ in export.FORMS:
        yield f"/export.{form}", "GET", export.handler(form), reads
    if listing.source or conditions.offered(listing):
        yield "/condition", "GET", filtering.condition, reads
    if listing.is_saved:
        yield "/views", "GET", saved_views.saved, reads
        yield "/views", "POST", saved_views.save_view, reads
        yield "/views/<id:view>/removal", "POST", saved_views.remove_view, reads
    if listing.charts:
        yield "/charts", "GET", charts.chart_to_save, reads
        yield "/charts", "POST", charts.save_chart, reads
    if listing.board_by:
        yield "/column/<int:number>", "GET", board.column, reads
    if listing.calendar:
        yield "/subscription", "GET", calendars.subscription, reads
        yield "/subscription", "POST", calendars.subscribe, reads
    if listing.has_pages:
        yield "/<id:id>", "GET", row_page.show, reads
        if listing.comments:
            yield "/<id:id>/comments", "POST", comments.comment, writes
            yield "/<id:id>/comments/<id:comment>", "POST", comments.change_comment, writes
            yield "/<id:id>/comments/<id:comment>/removal", "POST", comments.remove_comment, writes
        if listing.files:
            yield "/<id:id>/files", "POST", files.upload, writes
            yield "/<id:id>/files/<id:file>", "GET", files.download, reads
            yield "/<id:id>/files/<id:file>/link", "POST", files.share, writes
            yield "/<id:id>/files/<id:file>/thumbnail", "GET", files.thumbnail, reads
            yield "/<id:id>/files/<id:file>/removal", "POST", files.remove_file, writes
            yield "/<id:id>/files/<id:file>/restoration", "POST", files.put_back, writes
    if writes or any(act.bulk for act in listing.acts):
        yield "/bulk", "POST", many.bulk, writes or next(act.capability for act in listing.acts if act.bulk)
    if writes:
        yield "/new", "GET", new, writes
        yield "", "POST", create, writes
        yield "/<id:id>", "POST", update, writes
        yield "/<id:id>/cells/<name>", "GET", cell, writes
        yield "/<id:id>/cells/<name>", "POST", update_cell, writes
        yield "/<id:id>/removal", "POST", remove, writes
        if listing.calendar:
            yield "/<id:id>/day", "GET", calendars.day, writes
            yield "/<id:id>/day", "POST", calendars.move, writes
        yield "/undo/<batch>", "POST", many.undo, writes
        yield "/changes", "GET", many.changes_of_mine, reads
        yield "/trash", "GET", trash.removed, writes
        yield "/restoration", "POST", trash.restore, writes
    if listing.imports:
        yield from imports.routes(listing)
        yield "/paste", "GET", pasting.paste, writes
        yield "/paste", "POST", pasting.pasted, writes


def _bound(handler, mounted):
    def view(**parts):
        return handler(mounted, parts)

    view.__name__, view.__doc__ = handler.__name__, handler.__doc__
    view.__dict__.update(handler.__dict__)
    return view


# --- reading -----------------------------------------------------------------------------------------------


def index(mounted, parts):
    return mounted.page(parts=parts)


def _index(mounted, place, status, more):
    listing, by = place.listing, place.by
    if "group_key" in request.args and request.htmx:
        return grouping.rest(place)
    if place.ask.after and request.htmx.target == "list_more":
        return pages.fragment("lists/_rows.html", place=place, listing=listing, answer=place.read())
    context = {"place": place, "listing": listing, "here": mounted.nav}
    context |= saved_views.context(place) if listing.is_saved else {}
    context |= DRAWN[place.view].context(place)
    if place.view == "list" and "answer" not in context:
        context["answer"] = place.read()
    if listing.counted and place.view == "list" and not place.ask.after:
        context["counts"] = lists.counts(listing, place.ask, by)
    if place.view == "list" and "total" not in context and not place.ask.after:
        context["total"] = _total(place, context)
    if listing.sums and place.view == "list" and not place.ask.after:
        context["sums"] = totals.sums(listing, place.ask, by)
    if listing.has_pages and listing.beside and not request.htmx:
        context |= row_page.opened(mounted, place)
    answer = pages.page(mounted.template, status, **context, **mounted.context(place) | more)
    if listing.scans:
        answer = headers.seeing(answer)
    if request.htmx.trigger in ("list_tools", "chart_tools", "calendar_tools"):
        answer.headers["HX-Push-Url"] = place.address()  # without the empty filters of the form
    return answer


def _total(place, context):
    """How many rows there are: what is known already is not asked again."""
    answer, counts = context["answer"], context.get("counts")
    if not answer.more:
        return len(answer.rows)
    chosen = dict(place.ask.filters).get(place.listing.counted.name) if counts else None
    if counts and (chosen is None or chosen in counts):
        known = sum(counts.values()) if chosen is None else counts[chosen]
        is_exact = not any(isinstance(count, asks.AtLeast) for count in counts.values())
        if is_exact and max(counts.values()) <= lists.COUNTED:
            return known
        if known > lists.COUNTED:  # at least so many, whatever wasn't counted
            return lists.COUNTED + 1
        if chosen is None:
            return asks.AtLeast(known)
    return totals.total(place.listing, place.ask, place.by)


# --- making and changing -------------------------------------------------------------------------------------


def new(mounted, parts):
    access.refuse_who_only_looks()
    place = mounted.place(parts)
    theirs = [f.name for f in place.listing.written if place.rules.may_fill(f.name)]
    given = {name: request.args[name] for name in theirs if name in request.args}
    return _form(mounted, place, _begun(place) | given, {})


def _begun(place):
    """What stands in a form of something new."""
    given = {f.name: f.kind.text(f.begins) for f in place.listing.written if f.begins is not None}
    return given | place.rules.proposes(place.by)


def create(mounted, parts):
    place = mounted.place(parts)
    form, listing = request.form, place.listing
    try:
        row = rows.create(place.rules, form, by=place.by, parent=place.ask.parent, key=pages.form_key())
    except Invalid as refusal:
        if request.htmx.target == "quick_add":
            return _quick(place, form.get(listing.first, ""), " ".join(refusal.fields.values()), refusal.status)
        return _form(mounted, place, form, refusal.fields, 422)
    if request.htmx.target == "quick_add":
        return pages.answer(_quick(place), trigger={"listChanged": True})
    beyond = place.beyond(row.id)
    done, page = f"{listing.thing.capitalize()} created.{beyond}", place.url if beyond else _page_of(place, row.id)
    another = "another" in form
    if request.htmx:
        called = plain_cell(listing.by_name[listing.first].kind, listing.column(listing.first).of(row))
        note = pages.notice("good", f"Created “{called}”.{beyond}", link=page if listing.has_pages else None)
        again = _form(mounted, place, _begun(place), {}, another=True) if another else ""
        return pages.answer(again, note, trigger={"listChanged": True} | ({} if another else {"closeDialog": True}))
    return pages.go(f"{place.url}/new" if another else page, done)


def _quick(place, text="", error="", status=200):
    """The row to type in, empty again or with what was refused."""
    about = {"place": place, "listing": place.listing, "quick_text": text, "quick_error": error}
    return pages.fragment("lists/_quick.html", None, status, **about)


def _form(mounted, place, values, errors, status=200, another=False):
    # A form that was refused is the same form still: its key stays.
    about = {"place": place, "listing": place.listing, "values": values, "errors": errors}
    about |= {"form_key": values.get("form_key") or public_id(), "another": another or "another" in values}
    return pages.in_dialog("lists/_dialog.html", "lists/new.html", status, here=mounted.nav, **about)


def update(mounted, parts):
    place, form, id = mounted.place(parts), request.form, parts["id"]
    was = pages.was()
    try:
        _, change = rows.change(place.rules, id, form, by=place.by, was=was, parent=place.ask.parent)
    except Invalid as refusal:
        return row_page.draw(
            mounted, place, rows.get(place.rules, id, place.by, place.ask.parent), form, refusal.fields, refusal.status
        )
    except Stale as refusal:
        if not refusal.fields:
            raise
        fields = {**refusal.fields, "form": refusal.sentence}
        return row_page.draw(
            mounted, place, rows.get(place.rules, id, place.by, place.ask.parent), form, fields, refusal.status
        )
    if request.htmx:
        shown = row_page.draw(mounted, place, rows.get(place.rules, id, place.by, place.ask.parent))
        by_name = place.listing.by_name
        told = change and ", ".join(  # what followed by itself isn't named
            by_name[name].label for name in change.fields if name in by_name and not by_name[name].acted
        )
        return pages.answer(shown, pages.notice("good", f"{told} saved.", _undo(place, change)) if change else "")
    done, tone = ("Saved.", "good") if change else ("Nothing was different.", "info")
    return pages.go(_page_of(place, id), done, tone, _undo(place, change))


def _page_of(place, id):
    """Where one is led that wrote a row: its page, or the list where rows have none."""
    return f"{place.url}/{id}" if place.listing.has_pages else place.url


def cell(mounted, parts):
    """One cell, to be edited (or, with ?show, as it was)."""
    place, name = mounted.place(parts), parts["name"]
    row, field = rows.get(place.rules, parts["id"], place.by, place.ask.parent), _field(place, name)
    if "show" in request.args:
        return pages.answer(drawing.one(place, row.id, request.args.get("as")))
    if not place.rules.may_change(row, name, place.by):
        raise Forbidden(rows.why_not(place.rules, row, place.by))
    text = as_text(field, place.listing.column(name).of(row))
    return pages.fragment("lists/_cell.html", place=place, row=row, field=field, text=text, was=text, error=None)


def update_cell(mounted, parts):
    place, id, name, form = mounted.place(parts), parts["id"], parts["name"], request.form
    field, column = _field(place, name), place.listing.column(name)
    was = {name: form["was"]} if "was" in form else {}
    try:
        row, change = rows.change(
            place.rules, id, {name: form.get(name, "")}, by=place.by, was=was, parent=place.ask.parent
        )
    except (Invalid, Stale) as refusal:
        if not request.htmx or request.args.get("as") == "card":  # a card has no place for an error: a notice
            raise
        row = rows.get(place.rules, id, place.by, place.ask.parent)
        about = {"place": place, "row": row, "field": field, "error": refusal.fields.get(name, refusal.sentence)}
        current = as_text(field, column.of(row))
        return pages.fragment("lists/_cell.html", None, refusal.status, text=form.get(name, ""), was=current, **about)
    if not request.htmx:
        here = access.same_site(request.referrer) or ""  # the board or list as it stood
        return pages.go(here if here.partition("?")[0] == place.url else place.url)
    done = f"{field.label}: {plain_cell(field.kind, column.of(row)) or 'none'}."
    note = pages.notice("good", done, _undo(place, change)) if change else ""
    return pages.answer(drawing.one(place, id, request.args.get("as")), note, trigger={"listChanged": True})


def _field(place, name):
    return existing(next((f for f in place.listing.written if f.name == name), None))


def _undo(place, change):
    return f"{place.url}/undo/{change.batch}" if change else None


def remove(mounted, parts):
    place = mounted.place(parts)
    change = rows.remove(place.rules, parts["id"], by=place.by, parent=place.ask.parent)
    done = f"{place.listing.thing.capitalize()} deleted."
    if request.htmx and request.htmx.target:
        return pages.answer(pages.notice("good", done, _undo(place, change)), trigger={"listChanged": True})
    return pages.go(place.url, done, undo=_undo(place, change))


# --- acts ----------------------------------------------------------------------------------------------------


def _acting(key):
    def act(mounted, parts):
        place, id = mounted.place(parts), parts["id"]
        chosen = place.listing.act(key)
        if chosen.leads:
            return many.lead(place, chosen, [id])
        if chosen.spends and request.method == "POST":
            spend(chosen.spends, place.by.organization or place.by.user)
        if chosen.asks:
            row = existing(lists.find(place.listing, id, place.by, place.ask.parent))
            if request.method == "GET" and chosen.may is not None and not chosen.may(row, place.by):
                raise Forbidden(f"“{chosen.label}” isn't yours to do here.")
            field = chosen.asks(row, place.by)
            asked = {"act": chosen, "id": id, "field": field, "name": getattr(row, place.listing.first)}
            if request.method == "GET":
                return row_page.asking(mounted, place, asked, field.default)
        try:
            given = {"value": read_whole((field,), request.form)[field.name]} if chosen.asks else {}
            about = {"by": place.by, "parent": place.ask.parent, "form_key": pages.form_key()}
            _, _, answer = rows.act(place.rules, key, [id], **about, **given)
        except Refused as refusal:
            if not chosen.asks or refusal.status in (403, 404):
                raise
            return row_page.asking(mounted, place, asked, request.form.get(field.name), refusal)
        done = answer if isinstance(answer, str) else chosen.done
        undo = _undo(place, answer) if isinstance(answer, Change) else None
        page = mounted.heads_with_acts and row_page.pressed_there(place, id)
        if request.htmx and not page:
            return pages.answer(pages.notice("good", done, undo), trigger={"listChanged": True, "closeDialog": True})
        return pages.go(page or place.url, done, undo=undo)

    return act
