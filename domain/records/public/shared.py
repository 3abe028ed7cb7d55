"""Public views: rows of a table that strangers read, by chosen fields and a fixed filter, and nothing of the rest.

What a view shows is a Listing of the chosen fields over Rights narrowed to them: nothing else can be named in an order,
a filter or a search. Places in it are told by sealed words, so that no number of a row is.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from database.clock import reader_day
from domain import Invalid, NotFound
from domain.base import allowances, keys
from domain.fields.choice import Choice
from domain.fields.forms import as_text, read_whole
from domain.fields.kinds import Field, Unfit, clean, whole
from domain.fields.switch import Switch
from domain.lists import attachments, calendars, lists
from domain.lists.asks import Ask, Looks
from domain.lists.listing import NEWEST, Tab, both
from domain.records.public import forms, links
from domain.records.rows import row_conditions
from domain.records.sight import Sight

LOOK = Choice(
    (("list", "A list", ""), ("board", "A board", ""), ("calendar", "A calendar", ""), ("gallery", "Cards", ""))
)
SETTINGS = (
    forms.ABOUT,
    Field("look", "Looks like", LOOK, default="list"),
    Field("search", "Can be searched", Switch(), default=True),
    Field("indexed", "Search engines may list it", Switch(), default=False),
    forms.EMBED,
)
PEOPLE = {"person", "people"}  # who is here is nothing that strangers read
ROWS, CARDS, COLUMNS = 50, 20, 40  # rows of a page, cards of a column, columns of a board
NO_WORD = "-"  # in an address, for rows without a word
CHOSEN = ("choice", "yes_no")  # kinds that strangers narrow a view by


# --- as it is built --------------------------------------------------------------------------------------------------


def showable(shape, allowed):
    """The cells that a view can show, of those that somebody sees."""
    return [cell for cell in shape.cells if allowed.sees_field(cell.name) and cell.kind_name not in PEOPLE]


def columns_by(shape, allowed):
    """The cells whose words can make the columns of a board."""
    return [cell for cell in showable(shape, allowed) if cell.kind_name == "choice"]


def days_by(shape, allowed):
    """The cells by which rows can stand in a calendar."""
    return [cell for cell in showable(shape, allowed) if cell.kind_name in ("day", "moment") and cell.is_keyed]


def read(form, shape, allowed):
    """The settings of a view out of form texts. Refuses with Invalid."""
    settings, problems = read_whole(SETTINGS, form), {}
    known = [cell.id for cell in showable(shape, allowed)]
    chosen = sorted((id for id in known if form.get(f"use_{id}")), key=lambda id: forms.place_in(form, id))
    if not chosen:
        problems["fields"] = "Choose at least one field."
    by, on = whole(form.get("by", "")), whole(form.get("on", ""))
    look = settings["look"]
    if look == "board" and (by not in chosen or by not in [cell.id for cell in columns_by(shape, allowed)]):
        problems["by"] = "Choose whose words make the columns, and show that field."
    if look == "calendar" and (on not in chosen or on not in [cell.id for cell in days_by(shape, allowed)]):
        problems["on"] = "Choose on which day rows stand, and show that field."
    try:
        where = row_conditions.read(shape, _conditions(form))
    except Unfit as unfit:
        problems["where"], where = str(unfit), []
    if any(row_conditions.ME in one["texts"] for one in where):
        problems["where"] = "Strangers are nobody: ask for a person, or for something else."
    if problems:
        raise Invalid(problems)
    texts = {f.name: as_text(f, settings[f.name]) if f is forms.EMBED else settings[f.name] for f in SETTINGS}
    return texts | {"fields": chosen, "where": where, "by": by, "on": on}


def _conditions(form):
    """What was ticked, and one more of `reasons`."""
    said = form.get("c_said", "")
    return [*form.getlist("where"), *([f"and~{said}"] if said else ())]


def reasons(shape):
    """(text that `read` takes as one more condition, in words) of what rows are chosen by."""
    told = {about.key: {one.key for one in about.operators} for about in row_conditions.offered(shape)}
    found = forms.reasons_to_ask([cell for cell in shape.cells if str(cell.id) in told])
    is_told = lambda text: text.split("~")[1] in told[text.partition("~")[0]]  # noqa: E731
    return [(text, words) for text, words in found if is_told(text)]


def narrowed(allowed, settings, shape, maker):
    """The Rights of a view: to read these fields of the rows that meet its filter."""
    return links.narrowed_to(allowed, {f"f{id}" for id in settings["fields"]}, settings["where"], shape)


VIEW = links.declare(links.Purpose("view", "Public view", "page", "records.read", read, narrowed))


# --- as it is shown --------------------------------------------------------------------------------------------------


class LinkSight(Sight):
    """A table as far as a link goes. A search looks at the cells that are seen and at no index, whose words are of
    other fields too: so neither what is found nor how far it was looked tells anything of these."""

    def _plan(self, listing, ask, by):
        plan = super()._plan(listing, ask.but(q=""), by)
        if ask.words:
            plan.tests.append(self._holds_words(ask.words))
        return plan


def rules_of(opened):
    """The rules of the table as a link shows it."""
    rules, settings = opened.rules, opened.link.settings
    cells = [cell for id in settings["fields"] if (cell := opened.seen(id)) and cell.kind_name not in PEOPLE]
    fields = tuple(replace(rules.listing.by_name[cell.name], listed=True) for cell in cells)
    ordered = [cell for cell in cells if cell.is_keyed and not cell.kind.pointing]
    sorts = [sort for cell in ordered for sort in both(cell.name, f"{cell.field.label} ↑", f"{cell.field.label} ↓")]
    shown = {cell.id: cell.name for cell in cells}
    listing = replace(
        rules.listing,
        fields=fields,
        sorts=(*NEWEST, *sorts),
        source=LinkSight(opened.shape, opened.allowed),
        version=(rules.listing.version, "public", settings["by"], settings["on"], tuple(f.name for f in fields)),
        tabs=(Tab("all", "All", None, "records.read"),),
        also=(),
        owner="",
        exports=(),
        board_by=shown.get(settings["by"], ""),
        calendar=(shown[settings["on"]],) if settings["on"] in shown else (),
    )
    return replace(rules, listing=listing)


@dataclass
class Page:
    """What a view shows of an address: `look` is what it is drawn as."""

    listing: Any
    ask: Ask
    look: str
    rows: list
    more: str = ""
    columns: tuple = ()  # (words, value for an address, rows, whether there are more)
    month: Any = None
    days: tuple = ()  # (day, rows, how many more)
    before: str = ""
    after: str = ""


def page(opened, args, network):
    """What an address asks of a view. What can't be meant is as nothing said; refuses with Invalid a place that is
    none, and with TooOften."""
    rules, settings = rules_of(opened), opened.link.settings
    listing = rules.listing
    ask = _ask(opened, listing, args)
    if ask.words or ask.finds_nothing:
        allowances.spend("public_searches", f"{opened.link.id}|{network}")
    look = settings["look"] if not args.get("in") else "list"
    if look == "board" and listing.board_by:
        return Page(listing, ask, look, [], columns=_columns(opened, listing, ask))
    if look == "calendar" and listing.calendar:
        return _month(opened, listing, ask, args)
    answer = lists.read(listing, ask, opened.by)
    look = "gallery" if look == "gallery" else "list"
    return Page(listing, ask, look, answer.rows, _sealed(opened, "place", answer.more) if answer.more else "")


def _ask(opened, listing, args):
    settings, filters = opened.link.settings, []
    for field in listing.fields:
        cell, text = opened.shape.by_name[field.name], clean(args.get(field.name, ""))
        if text and cell.kind_name in CHOSEN:
            try:
                filters.append((field.name, None if text == NO_WORD else field.kind.read(text)))
            except Unfit:
                continue
    after = ""
    if sealed := args.get("after", ""):
        after = _opened(opened, "place", sealed)
        if not after:
            raise Invalid({"after": "This place in the list can't be found; start from its beginning."})
    return Ask(
        tab="all",
        filters=tuple(filters),
        q=" ".join(clean(args.get("q", "")).split())[:100] if settings["search"] else "",
        sort=next((sort.key for sort in listing.sorts if sort.key == args.get("sort")), listing.sorts[0].key),
        after=after,
        rows=ROWS,
    )


def _columns(opened, listing, ask):
    name = listing.board_by
    kind = listing.by_name[name].kind
    words = (*kind.words[:COLUMNS], None)
    rest, looks = tuple(pair for pair in ask.filters if pair[0] != name), Looks(len(words))
    found = []
    for word in words:
        one = ask.but(filters=(*rest, (name, word)), rows=CARDS, after="", looks=looks)
        answer = lists.read(listing, one, opened.by)
        if word is not None or answer.rows:
            label = f"No {listing.by_name[name].label.lower()}" if word is None else kind.plain(word)
            found.append((label, NO_WORD if word is None else str(word), answer.rows, bool(answer.more)))
    return tuple(found)


def _month(opened, listing, ask, args):
    try:
        first = date.fromisoformat(f"{args.get('month', '')[:7]}-01")
    except ValueError:
        first = reader_day().replace(day=1)
    first = min(max(first, calendars.FIRST), calendars.LAST.replace(day=1))
    look = calendars.Look(listing.calendar[0], first, "", "month")
    shown = calendars.read(listing, ask.but(after=""), opened.by, look) if not ask.finds_nothing else None
    begin, end = look.days
    days = []
    for number in range((end - begin).days):
        day = begin + number * calendars.DAY
        entries = [one.row for one in shown.entries if one.first == day] if shown else []
        days.append((day, entries, shown.beyond.get(day, 0) if shown else 0))
    turned = [one.day.strftime("%Y-%m") if (one := look.turned(step)) else "" for step in (-1, 1)]
    return Page(listing, ask, "calendar", [], month=first, days=tuple(days), before=turned[0], after=turned[1])


# --- places and files ------------------------------------------------------------------------------------------------


def _sealed(opened, what, text):
    return keys.veiled(f"public {what} {opened.link.id}", text)


def _opened(opened, what, text):
    return keys.unveiled(f"public {what} {opened.link.id}", text[:800])


def file_address(opened, row, id):
    """What the address of a file in a row that is shown ends with; it tells no numbers."""
    return _sealed(opened, "file", f"{row}.{int(id)}")


def file(opened, address):
    """The StoredFile behind it, if its row and field are shown now. Refuses with NotFound."""
    row, _, id = _opened(opened, "file", address).partition(".")
    if whole(row) is None or whole(id) is None:
        raise NotFound(links.GONE)
    found = attachments.get(rules_of(opened), whole(row), whole(id), opened.by)
    if found.slot is None:
        raise NotFound(links.GONE)
    return found
