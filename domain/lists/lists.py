"""Lists of any table: tabs, filters, search, sorts and «more», at a cost that doesn't grow with the table.

A `Listing` declares what a table's list can do; `read` answers one `Ask` of it. Pages go on from a key
(never OFFSET) and counts stop at a bound (never a full count). The SQL of each shape of question is
built once.
"""

import re
from collections import namedtuple
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain
from typing import Any

from peewee import SQL, Select, fn

from database.clock import now
from database.columns import Moment
from database.compiled import Compiled
from database.connections import database
from database.parameters import Parameter, parameter
from database.scope import inside
from domain import Invalid
from domain.fields.kinds import Field, Unfit, clean, whole
from domain.fields.person import Person, members, names

PAGE = 50
MOST = 500  # rows of one answer
COUNTED = 500  # beyond this a count says «500+»
EXPORTED = 1000  # rows of one chunk
WORDS = 8


@dataclass(frozen=True)
class Tab:
    """One reading of the list: `column` names the person who is asking, or is None for everybody's rows."""

    key: str
    label: str
    column: str | None
    capability: str


@dataclass(frozen=True)
class Sort:
    """An order with an index behind it: by `column` (rows without one last), then by id."""

    key: str
    label: str
    column: str = "id"
    descending: bool = False


@dataclass(frozen=True, eq=False)
class Listing:
    """What the list, the board, the forms and the export of a table know about it."""

    name: str
    thing: str
    things: str
    model: Any
    fields: tuple[Field, ...]
    tabs: tuple[Tab, ...]
    sorts: tuple[Sort, ...]
    board_by: str
    owner: str
    icon: str = "list"
    due: str | None = None  # the moment that makes an open row overdue
    is_open: Any = None  # (row) → whether it can be overdue
    open_states: tuple = ()
    _queries: dict = field(default_factory=dict, repr=False)

    @cached_property
    def by_name(self):
        return {f.name: f for f in self.fields}

    @cached_property
    def listed(self):
        return tuple(f for f in self.fields if f.listed)

    @cached_property
    def filters(self):
        return tuple(f for f in self.fields if f.kind.filters)

    @cached_property
    def people(self):
        return tuple(f.name for f in self.fields if isinstance(f.kind, Person))

    @cached_property
    def belongs(self):
        """The columns that say whose row it is: what rights depend on."""
        return (self.owner, *self.people)

    @cached_property
    def columns(self):
        names = dict.fromkeys(["id", self.owner, *(f.name for f in self.listed)])
        return tuple(getattr(self.model, name) for name in names)

    @cached_property
    def moments(self):
        """Which columns need their value read; the others are what the database gave."""
        return tuple((i, c) for i, c in enumerate(self.columns) if isinstance(c, Moment))

    @cached_property
    def Row(self):
        return namedtuple("Row", [c.name for c in self.columns])

    @cached_property
    def sort_choices(self):
        return tuple((sort.key, sort.label) for sort in self.sorts)

    @property
    def first(self):
        """The field that a row is called by."""
        return self.fields[0].name

    @property
    def table(self):
        return self.model._meta.table_name

    def tab(self, key):
        return next((t for t in self.tabs if t.key == key), self.tabs[0])

    def sort(self, key):
        return next((s for s in self.sorts if s.key == key), self.sorts[0])


DUE = {"overdue": "Overdue", "week": "Next 7 days", "none": "No due date"}


@dataclass(frozen=True)
class Ask:
    """What somebody wants to see of a list."""

    tab: str = ""
    filters: tuple = ()  # ((field name, value), …)
    q: str = ""
    due: str = ""
    sort: str = ""
    after: str = ""
    rows: int = PAGE

    def but(self, **changes):
        return replace(self, **changes)

    @property
    def words(self):
        found = re.findall(r"\w+", self.q)
        return tuple(found[:WORDS])


@dataclass(frozen=True)
class Answer:
    rows: list
    more: str  # the key to go on from, empty at the end
    people: dict  # id → name


def understand(listing, args):
    """An Ask out of query arguments. What can't be meant is left out; a broken cursor is refused."""
    chosen = []
    for f in listing.filters:
        text = clean(args.get(f.name, ""))
        if text:
            try:
                chosen.append((f.name, f.kind.read(text)))
            except Unfit:
                continue
    rows = whole(args.get("rows")) or PAGE
    return Ask(
        tab=listing.tab(args.get("tab", "")).key,
        filters=tuple(chosen),
        q=" ".join(clean(args.get("q", "")).split())[:200],
        due=args.get("due", "") if args.get("due") in DUE and listing.due else "",
        sort=listing.sort(args.get("sort", "")).key,
        after=str(args.get("after", ""))[:80],
        rows=min(rows, MOST),
    )


def read(listing, ask, by):
    """One page of the list, newest first unless asked otherwise; `by` is the Member who asks.

    Refuses with Forbidden a tab that isn't theirs.
    """
    tab = listing.tab(ask.tab)
    by.require(tab.capability)
    sort = listing.sorts[0] if ask.q else listing.sort(ask.sort)
    if ask.due:
        sort = next(s for s in listing.sorts if s.column == (listing.due if ask.due != "none" else "id"))
    wanted = ask.rows + 1
    found = []
    for empty in _phases(sort, ask):
        query = _query(listing, tab, ask, sort, empty)
        values = _values(listing, ask, by, sort, empty)
        found += query(**values, limit=wanted - len(found))
        if len(found) >= wanted:
            break
    rows = [_row(listing, values) for values in found[: ask.rows]]
    more = _key(sort, rows[-1]) if len(found) > ask.rows else ""
    return Answer(rows, more, _people(listing, rows))


def _phases(sort, ask):
    """A column that may be empty is read in two goes: the rows that have it, then those that don't."""
    if sort.column == "id":
        return (None,)
    if ask.due in ("overdue", "week"):
        return (False,)
    return (True,) if ask.after.startswith("~") else (False, True)


def _query(listing, tab, ask, sort, empty):
    asked = ask.words
    fresh = not (ask.after and (empty is None or empty == ask.after.startswith("~")))
    shape = (tab.key, tuple(name for name, _ in ask.filters), bool(asked), ask.due, sort.key, empty, fresh)
    held = listing._queries.get(shape)
    if held is None:
        held = listing._queries[shape] = Compiled(
            lambda: _build(listing, tab, [n for n, _ in ask.filters], bool(asked), ask.due, sort, empty, fresh)
        )
    return held


def _build(listing, tab, filters, searched, due, sort, empty, fresh):
    model = listing.model
    query = model.select(*listing.columns)
    if tab.column:
        query = query.where(getattr(model, tab.column) == parameter("user"))
    for name in filters:
        query = query.where(getattr(model, name) == parameter("filter_" + name))
    by_id = model.id
    if searched:
        query, by_id = database.search(query)
    if due:
        moment = getattr(model, listing.due)
        if due == "none":
            query = query.where(moment.is_null())
        else:
            query = query.where(
                moment < parameter("due_before"), getattr(model, listing.board_by).in_(listing.open_states)
            )
            if due == "week":
                query = query.where(moment >= parameter("due_from"))
    id = model.id
    column = None if sort.column == "id" else getattr(model, sort.column)
    if column is not None:
        query = query.where(column.is_null(empty))
        if not empty and not fresh:
            # Spelled out so that both databases walk the index from here.
            query = query.where(
                (column >= parameter("after")) & ((column > parameter("after")) | (id > parameter("after_id")))
            )
    if not fresh and (column is None or empty):
        query = query.where(by_id < parameter("after_id") if sort.descending else by_id > parameter("after_id"))
    order = [] if column is None or empty else [column.asc()]
    order.append(by_id.desc() if sort.descending else by_id.asc())
    return query.order_by(*order).limit(SQL("?" if database.dialect == "sqlite" else "%s", (Parameter("limit"),)))


def _values(listing, ask, by, sort, empty):
    model = listing.model
    values = {"user": by.user.id}
    for name, value in ask.filters:
        values["filter_" + name] = getattr(model, name).db_value(value)
    if ask.words:
        places = [f"o{by.organization.id}"]
        column = listing.tab(ask.tab).column
        if column:
            places.append(f"{model.SEARCH_PLACES[column]}{by.user.id}")
        values["match"] = database.match(ask.words, places)
    if ask.due in ("overdue", "week"):
        moment = now()
        stored = getattr(model, listing.due).db_value
        values["due_before"] = stored(moment if ask.due == "overdue" else moment + timedelta(days=7))
        values["due_from"] = stored(moment)
    if ask.after:
        values |= _after(model, ask, sort)
    return values


def _key(sort, row):
    if sort.column == "id":
        return str(row.id)
    value = getattr(row, sort.column)
    return f"~{row.id}" if value is None else f"{value.isoformat() if isinstance(value, datetime) else value}~{row.id}"


def _after(model, ask, sort):
    try:
        value, _, id = ask.after.rpartition("~")
        by_column = sort.column != "id"
        if whole(id) is None or by_column != ("~" in ask.after):
            raise ValueError(ask.after)
        found = {"after_id": whole(id)}
        if value:
            found["after"] = getattr(model, sort.column).db_value(datetime.fromisoformat(value))
        return found
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise Invalid({"after": "This place in the list can't be found; start from its beginning."}) from None


def _row(listing, values):
    if listing.moments:
        values = list(values)
        for place, column in listing.moments:
            values[place] = column.python_value(values[place])
    return listing.Row._make(values)


def _people(listing, rows):
    if not listing.people:
        return {}
    known = members()
    seen = set(chain.from_iterable((getattr(row, name) for name in listing.people) for row in rows)) - {None}
    return known if seen <= known.keys() else known | names(seen - known.keys())


def counts(listing, ask, by):
    """State → how many rows of the tab are in it, at most COUNTED + 1 («more than»)."""
    tab = listing.tab(ask.tab)
    by.require(tab.capability)
    shape = ("counts", tab.key)
    if shape not in listing._queries:
        listing._queries[shape] = Compiled(lambda: _build_counts(listing, tab))
    row = listing._queries[shape](user=by.user.id)[0]
    return dict(zip(listing.by_name[listing.board_by].kind.words, row, strict=True))


KNOWN = 200  # rows looked at for words to offer


def known_words(listing, field):
    """The words of a free text that were used lately, to choose from."""
    column = getattr(listing.model, field.name)
    recent = listing.model.select(column).order_by(listing.model.id.desc()).limit(KNOWN).tuples()
    return sorted({word for (word,) in recent if word}, key=str.casefold)


def _build_counts(listing, tab):
    model = listing.model
    bounded = []
    for word in listing.by_name[listing.board_by].kind.words:
        rows = model.select(model.id).where(getattr(model, listing.board_by) == word).limit(COUNTED + 1)
        if tab.column:
            rows = rows.where(getattr(model, tab.column) == parameter("user"))
        bounded.append(Select(from_list=[rows.alias("some")], columns=[fn.count(SQL("*"))]))
    return Select(columns=bounded)


def export(listing, ask, by):
    """Chunks of rows of the whole list (not only one page), each with its people, for a stream."""
    ask = ask.but(after="", rows=EXPORTED)
    while True:
        with inside(by.organization):
            answer = read(listing, ask, by)
        yield answer
        if not answer.more:
            return
        ask = ask.but(after=answer.more)
