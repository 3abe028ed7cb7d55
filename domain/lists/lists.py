"""Lists of any table: tabs, filters, search, sorts and «more», at a cost that doesn't grow with the table.

`read` answers one `Ask` of a Listing. Pages go on from a key (never OFFSET) and counts stop at a bound (never
a full count). The SQL of each shape of question is built once.
"""

from contextlib import nullcontext
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from peewee import SQL, Case, Select, fn

from database.clock import now
from database.columns import Moment
from database.compiled import Compiled
from database.connections import database
from database.parameters import Parameter, parameter
from database.scope import everywhere, inside
from database.tables import Owned
from domain import Invalid
from domain.fields.day import bounds, overdue, within_week
from domain.fields.derived import Derived
from domain.fields.kinds import whole
from domain.fields.person import members, names
from domain.lists import conditions
from domain.lists.asks import Answer, Ask, AtLeast
from domain.lists.listing import demand, granted

SUMMED = 10_000  # rows that are added up; of more, nothing is
COUNTED = 500  # beyond this a count says «500+»
EXPORTED = 1000  # rows of one chunk
_MOMENT = Moment()
SHAPES = 2000  # kept texts of queries


ONE, COUNTS, SUMS = "·one", "·counts", "·sums"  # questions that have no order


class Shape(NamedTuple):
    """All that changes the text of a query; the rest are its parameters."""

    tab: str
    filters: tuple
    empties: tuple  # the names of fields that have no value
    conditions: tuple  # with their values: what they mean may differ from one moment to the next
    ranges: tuple
    spans: tuple  # the names of fields whose days are asked for
    searched: Any
    due: str
    sort: str
    phase: Any  # which of a column's rows are read: those without a value, those with one, of one word, or all (None)
    fresh: bool
    inside: bool  # an organization (or everywhere)


def read(listing, ask, by, present=None):
    """One page of the list, in the first of its orders unless asked otherwise; `by` is who asks, and `present` the
    members' names, where they were asked for already.
    `by` is a Member of the organization one stands in or, for the lists of the platform, Staff. Refuses with
    Forbidden a tab that isn't theirs, and with Invalid a place that can't be gone on from."""
    tab = listing.tab(ask.tab)
    demand(by, tab.capability)
    if ask.finds_nothing:
        return Answer([], "", {})
    if listing.source:
        shown, more, looked = listing.source.page(listing, ask, by)
        return Answer(shown, more, people_of(listing, shown, present), looked)
    if ask.where:
        return _read_where(listing, ask, by, present)
    sort, wanted, found = _order(listing, ask), ask.rows + 1, []
    with standing(listing, by):
        for phase in _phases(listing, sort, ask):
            query = _query(listing, shape_of(listing, ask, by, sort, phase))
            found += query(**values_of(listing, ask, by, sort), limit=wanted - len(found))
            if len(found) >= wanted:
                break
    rows = [_row(listing, values) for values in found[: ask.rows]]
    more = _key_after(listing, sort, rows[-1]) if len(found) > ask.rows else ""
    return Answer(rows, more, people_of(listing, rows, present))


LOOKED = 5000  # rows that are looked at for one page where conditions are asked of their values
FOUND = 200  # the newest rows that a search finds, among which words are counted: each lies in a page of the
# file of its own, and a reader's cache has room for no more of them (`list_growth`)
CHUNK = 500  # of them at once


def _read_where(listing, ask, by, present):
    """A page of the rows that meet the conditions: looked for row by row, and no further than LOOKED."""
    sort, found, looked, most = _order(listing, ask), [], 0, ask.bound(LOOKED)
    tests = conditions.tests(listing, ask.where, getattr)
    for looked, row in enumerate(candidates(listing, ask, by), 1):
        found += [row] if all(test(row) for test in tests) else []
        if len(found) > ask.rows or looked >= most:
            break
    ask.looked(looked)
    rows, more = found[: ask.rows], ""
    if len(found) > ask.rows:
        more, looked = _key_after(listing, sort, rows[-1]), 0
    elif looked >= most:
        more = _key_after(listing, sort, row)
    return Answer(rows, more, people_of(listing, rows, present), looked if more else 0)


def candidates(listing, ask, by):
    """The rows asked for without the conditions, in their order, as they are needed."""
    plain = ask.but(where=(), rows=CHUNK)
    while True:
        answer = read(listing, plain, by)
        yield from answer.rows
        if not answer.more:
            return
        plain = plain.but(after=answer.more)


def matching(listing, ask, by):
    """(of the first LOOKED rows those that meet the conditions, whether that were all rows)"""
    tests = conditions.tests(listing, ask.where, getattr)
    most = ask.bound(LOOKED)
    first = list(islice(candidates(listing, ask.but(after=""), by), most))
    ask.looked(len(first))
    return [row for row in first if all(test(row) for test in tests)], len(first) < most


def find(listing, id, by, parent=None):
    """The row with this id as the list shows it, or None."""
    if listing.source:
        return listing.source.find(listing, id, by)
    query = _query(listing, shape_of(listing, Ask(tab=listing.readings[0].key, parent=parent), by, ONE, None))
    with standing(listing, by):
        rows = query(**values_of(listing, Ask(parent=parent), by, None), id=id, limit=1)
    return _row(listing, rows[0]) if rows else None


def find_many(listing, by, parent, narrow, *more):
    """(row as the list shows it, what stands in the columns `more`) of its rows that `narrow` leaves of a query."""
    shape = shape_of(listing, Ask(tab=listing.readings[0].key, parent=parent), by, ONE, None)
    query = narrowed(listing, shape, (*listing.columns, *more))[0]
    with standing(listing, by):
        found = Compiled(lambda: narrow(query))(**values_of(listing, Ask(parent=parent), by, None))
    beyond = len(listing.columns)
    return [(_row(listing, values[:beyond]), values[beyond:]) for values in found]


def standing(listing, by):
    """Where the query stands: in the organization that is stood in already, or for the platform in all of them."""
    if by.organization is None and issubclass(listing.model, Owned):
        return everywhere("the platform's lists show all organizations")
    return nullcontext()


def _order(listing, ask):
    if ask.due:
        return next(s for s in listing.sorts if s.column == (listing.due if ask.due != "none" else "id"))
    if ask.words:
        return listing.found_by or next((s for s in listing.sorts if s.column == "id"), listing.sorts[0])
    return listing.sort(ask.sort)


EMPTY, FILLED = True, False


def _phases(listing, sort, ask):
    """What is read in several goes: a choice word by word, in the order of its words; what is empty comes last."""
    if sort.column == "id":
        return (None,)
    empty = listing.column(sort.column).may_be_empty
    words = listing.words_of(sort)
    if words:
        goes = words + ((EMPTY,) if empty else ())
        here = _phase_of(listing, sort, ask.after)
        return goes[goes.index(here) :] if here in goes else goes
    if not empty:
        return (None,)
    if ask.due in ("overdue", "week") or any(name == sort.column for name, *_ in ask.spans):
        return (FILLED,)
    return (EMPTY,) if ask.after.startswith("~") else (FILLED, EMPTY)


def _phase_of(listing, sort, after):
    """The phase that a page goes on in; None where that is the only one."""
    value, cut, _ = after.rpartition("~")
    if not cut:
        return None
    return (value.removeprefix(".") if listing.words_of(sort) else FILLED) if value else EMPTY


def shape_of(listing, ask, by, sort, phase):
    """The Shape of what somebody asks."""
    words = ask.words
    fresh = not (ask.after and (phase is None or phase == _phase_of(listing, sort, ask.after)))
    return Shape(
        listing.tab(ask.tab).key,
        tuple(name for name, value in ask.filters if name not in listing.condition_of and value is not None),
        tuple(name for name, value in ask.filters if value is None),
        tuple(pair for pair in ask.filters if pair[0] in listing.condition_of and pair[1] is not None),
        tuple((name, end) for name, end, _ in ask.ranges),
        tuple(name for name, *_ in ask.spans),
        listing.search.shape(words) if words else None,
        ask.due,
        sort if isinstance(sort, str) else sort.key,
        phase,
        fresh,
        by.organization is not None,
    )


def _query(listing, shape):
    return Compiled(lambda: _build(listing, shape)) if shape.conditions else _kept(listing, shape)


@lru_cache(maxsize=SHAPES)
def _kept(listing, shape):
    return Compiled(lambda: _build(listing, shape))


def _build(listing, shape):
    query, by_id = narrowed(listing, shape, listing.columns)
    if shape.sort == ONE:
        return query.where(listing.model.id == parameter("id")).limit(limit())
    sort, id = listing.sort(shape.sort), listing.model.id
    phase, fresh = shape.phase, shape.fresh
    column: Any = None if sort.column == "id" else listing.column(sort.column)
    by_value = column is not None and phase in (None, FILLED)  # else all that is read has one value, or none
    if isinstance(phase, str):
        query = query.where(column.node == phase)
    elif phase is not None:
        query = query.where(column.node.is_null(phase))
    if not fresh:
        on = by_id < parameter("after_id") if sort.descending else by_id > parameter("after_id")
        query = query.where(_beyond(column.order, id, sort.descending) if by_value else on)
    order = [column.order.desc() if sort.descending else column.order.asc()] if by_value else []
    order.append(by_id.desc() if sort.descending else by_id.asc())
    return query.order_by(*order).limit(limit())


def _beyond(column, id, descending):
    """Spelled out so that both databases walk the index from here."""
    value, last = parameter("after"), parameter("after_id")
    if descending:
        return (column <= value) & ((column < value) | (id < last))
    return (column >= value) & ((column > value) | (id > last))


def limit():
    """How many rows a kept query is asked for at each call."""
    return SQL("?" if database.dialect == "sqlite" else "%s", (Parameter("limit"),))


def narrowed(listing, shape, columns):
    """(the rows of the list that are asked for, in no order; the id to order and go on by)"""
    model, tab = listing.model, listing.tab(shape.tab)
    query = model.select(*(column.node for column in columns))
    if listing.joins:
        query = listing.joins(query)
    if listing.only is not None:
        query = query.where(listing.only)
    if listing.within is not None and shape.inside:
        query = query.where(listing.within == parameter("organization"))
    if listing.parent is not None:
        query = query.where(listing.parent == parameter("parent"))
    if tab.column and shape.sort != ONE:
        query = query.where(listing.column(tab.column).node == parameter("user"))
    walked = _walked(listing, shape)
    for name in shape.filters:
        node = listing.column(name).node
        # A function of a column is looked up in no index, so the narrowest one is walked.
        query = query.where(
            (fn.coalesce(node, "") if walked not in (None, name) else node) == parameter("filter_" + name)
        )
    for name in shape.empties:
        column = listing.column(name)
        query = query.where(column.node.is_null() | (column.node == "") if column.is_text else column.node.is_null())
    for name, value in shape.conditions:
        query = query.where(listing.condition_of[name](value))
    for name, end in shape.ranges:
        kind, bound = listing.by_name[name].kind, parameter(f"{name}_{end}")
        query = query.where(kind.within(listing.column(name).node, end, bound))
    for number, name in enumerate(shape.spans):
        part = lambda part, number=number: parameter(f"days_{number}_{part}")  # noqa: E731
        query = query.where(listing.by_name[name].kind.on_days(listing.column(name).node, part))
    by_id = model.id
    if shape.searched:
        query, by_id = listing.search.narrow(listing, query, shape.searched)
    if shape.due:
        query = query.where(*_due(listing, shape.due))
    return query, by_id


def _walked(listing, shape):
    """The filter whose index is walked: without statistics SQLite would often take a wider one."""
    asked = {*shape.filters, *(name for name, _ in shape.conditions)}
    if listing.within is not None and shape.inside:
        asked.add("organization")
    return next((name for name in listing.walks if name in asked), None)


def _due(listing, due):
    node = listing.column(listing.due).node
    if due == "none":
        return (node.is_null(),)
    is_open = listing.column(listing.open_by or listing.board_by).node.in_(listing.open_states)
    return is_open, overdue(node) if due == "overdue" else within_week(node)


def values_of(listing, ask, by, sort):
    """The parameters of what somebody asks."""
    values = {"user": by.user.id, "parent": ask.parent, "moment": _MOMENT.db_value(now())}
    values |= {name: value(by) for name, value in listing.knows}
    if by.organization is not None:
        values["organization"] = by.organization.id
    for name, value in ask.filters:
        if name in listing.condition_of or value is None:
            continue
        values["filter_" + name] = listing.column(name).stored(value)
    for name, end, value in ask.ranges:
        values[f"{name}_{end}"] = listing.column(name).stored(value)
    for number, (name, first, end) in enumerate(ask.spans):
        column = listing.column(name)
        given = listing.by_name[name].kind.days_asked(first, end)
        values |= {f"days_{number}_{part}": column.stored(value) for part, value in given.items()}
    if ask.words:
        values |= listing.search.values(listing, ask.words, by, listing.tab(ask.tab))
    if ask.due in ("overdue", "week"):
        values |= bounds()
    if ask.after:
        values |= _after(listing, ask, sort)
    return values


def _key_after(listing, sort, row):
    if sort.column == "id":
        return str(row.id)
    value = getattr(row, sort.column)
    return f"~{row.id}" if value is None else f"{listing.column(sort.column).cursor(value)}~{row.id}"


def _after(listing, ask, sort):
    try:
        value, _, id = ask.after.rpartition("~")
        by_column = sort.column != "id"
        if whole(id) is None or by_column != ("~" in ask.after):
            raise ValueError(ask.after)
        words = listing.words_of(sort)
        if words and (value.removeprefix(".") not in words if value else not listing.column(sort.column).may_be_empty):
            raise ValueError(ask.after)
        found = {"after_id": whole(id)}
        if value:
            found["after"] = listing.column(sort.column).after(value)
        return found
    except (ValueError, TypeError, AttributeError, OverflowError):
        raise Invalid({"after": "This place in the list can't be found; start from its beginning."}) from None


def _row(listing, values):
    if listing.to_read:
        values = list(values)
        for place, column in listing.to_read:
            values[place] = column.read(values[place])
    row, kind = listing.Row._make(values), listing.fields[0].kind
    return row._replace(**{listing.first: kind.words(row._asdict())}) if isinstance(kind, Derived) else row


def people_of(listing, rows, present=None):
    """id → name of everybody whom these rows name."""
    if not listing.people:
        return {}
    known = members() if present is None else present
    seen = set(chain.from_iterable((getattr(row, name) for name in listing.belongs) for row in rows)) - {None}
    return known if seen <= known.keys() else known | names(seen - known.keys())


def counts(listing, ask, by):
    """Word of the counted choice → how many of the rows asked for have it, to COUNTED + 1 («more»); AtLeast so many
    where not all were looked at: of a search the newest FOUND, of conditions the first LOOKED.
    Its own filter isn't asked: each count says what a click on it leads to."""
    tab = listing.tab(ask.tab)
    demand(by, tab.capability)
    if ask.finds_nothing:
        return dict.fromkeys(listing.counted.kind.words, 0)
    if listing.source:
        return listing.source.counts(listing, ask, by)
    plain = ask.but(tab=tab.key).without(listing.counted.name)
    if ask.where:
        rows, is_whole = matching(listing, plain, by)
        words = [getattr(row, listing.counted.name) for row in rows]
        return {word: AtLeast.unless(is_whole, words.count(word)) for word in listing.counted.kind.words}
    shape = shape_of(listing, plain, by, COUNTS, None)
    query = Compiled(lambda: _build_counts(listing, shape)) if shape.conditions else _counting(listing, shape)
    with standing(listing, by):
        row = query(**values_of(listing, plain, by, None))[0]
    is_whole = not shape.searched or sum(row) < FOUND
    found = zip(listing.counted.kind.words, row, strict=True)
    return {word: AtLeast.unless(is_whole, min(count, COUNTED + 1)) for word, count in found}


def elsewhere(listing, ask, by):
    """(tab, how many rows) of the other tabs that aren't empty and that they may see: where an empty one leads."""
    others = [tab for tab in listing.readings if tab.key != ask.tab and granted(by, tab.capability)]
    found = [(tab, sum(counts(listing, ask.but(tab=tab.key), by).values())) for tab in others]
    return [(tab, count) for tab, count in found if count]


@lru_cache(maxsize=SHAPES)
def _counting(listing, shape):
    return Compiled(lambda: _build_counts(listing, shape))


def _build_counts(listing, shape):
    bounded, column = [], listing.column(listing.counted.name)
    if shape.searched:  # a word that is rare would be looked for in all that is found: `people_1m_search_ms`
        rows, by_id = narrowed(listing, shape, [column])
        first = rows.select(column.node.alias("word")).order_by(by_id.desc()).limit(FOUND).alias("first")
        cases = [Case(None, ((first.c.word == word, 1),)) for word in listing.counted.kind.words]
        return Select(from_list=[first], columns=[fn.count(case) for case in cases])
    for word in listing.counted.kind.words:
        rows, _ = narrowed(listing, shape, [listing.column("id")])
        rows = rows.where(column.node == word).limit(COUNTED + 1)
        bounded.append(Select(from_list=[rows.alias("some")], columns=[fn.count(SQL("*"))]))
    return Select(columns=bounded)


KNOWN = 200  # rows looked at for words to offer


def known_words(listing, field, *conditions):
    """The words of a free text that were used lately in the rows that meet the conditions, to choose from."""
    column = listing.column(field.name).node
    recent = listing.model.select(column).where(*conditions).order_by(listing.model.id.desc()).limit(KNOWN).tuples()
    return sorted({word for (word,) in recent if word}, key=str.casefold)


def export(listing, ask, by):
    """Chunks of rows of the whole list (not only one page), each with its people, for a stream."""
    listing, ask = listing.wide, ask.but(after="", rows=EXPORTED)
    while True:
        if by.organization is None:
            answer = read(listing, ask, by)
        else:
            with inside(by.organization):
                answer = read(listing, ask, by)
        yield answer
        if not answer.more:
            return
        ask = ask.but(after=answer.more)
