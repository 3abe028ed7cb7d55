"""The questions that lists ask of rows that people made, each built once for all tables of all organizations.

Their texts name no table: it is a parameter, like slots and keys. For `records_list_1m_vs_django_admin`.
"""

from functools import lru_cache, reduce
from operator import or_
from typing import Any, NamedTuple

from peewee import OP, SQL, Case, Expression, NodeList, Select, fn

from database.compiled import Compiled
from database.connections import database, holds, points
from database.parameters import Parameter, parameter
from models import Record, RecordKey, RecordLink, RecordUnique

GATHERED = 2000  # so few are all read, whatever order is asked for
TALLIED = 500  # of more, so many are counted word by word

COLUMNS = (Record.id, Record.cells, Record.version)


def _columns():
    return (*COLUMNS, Record.created_by, Record.created_at, Record.changed_by, Record.changed_at)


class Narrowing(NamedTuple):
    """What of the conditions changes the text of a question."""

    probes: tuple = ()  # how fields that hold one value are looked up: "key" or "link"
    is_mine: bool = False  # rows of one maker
    groups: tuple = ()  # of what a rule asks, by row_conditions.py: of each group how one of them must be met
    all_words: bool = True  # whether a search may find all words

    @property
    def is_all(self):
        """Whether all rows of the table are asked for, as far as no search is."""
        return not (self.probes or self.is_mine or self.groups)


@lru_cache(maxsize=500)
def query(way, narrowing, descending, fresh):
    """Rows with their columns: found `way` all, key, link, whose, span, keys or search, in an order.

    `fresh` is the beginning; else it goes on from the parameters `after` and `after_id`.
    """
    return Compiled(lambda: _built(way, narrowing, descending, fresh))


def _built(way, narrowing, descending, fresh):
    rows, by_id = _narrowed(way, _columns(), narrowing)
    if way in ("span", "whose"):
        return rows.limit(_limit())
    order = [by_id.desc() if descending else by_id.asc()]
    after, after_id = parameter("after"), parameter("after_id")
    if way == "keys":
        rows = rows.select_extend(RecordKey.key)
        order.insert(0, RecordKey.key.desc() if descending else RecordKey.key.asc())
        if not fresh and descending:
            rows = rows.where((RecordKey.key <= after) & ((RecordKey.key < after) | (by_id < after_id)))
        elif not fresh:
            rows = rows.where((RecordKey.key >= after) & ((RecordKey.key > after) | (by_id > after_id)))
    elif not fresh:
        rows = rows.where(by_id < after_id if descending else by_id > after_id)
    return rows.order_by(*order).limit(_limit())


def _narrowed(way, columns, narrowing):
    """(rows found this way, the id to order them by)"""
    by_id: Any = Record.id
    if way in ("keys", "key", "span"):
        by_id = RecordKey.record
        query = RecordKey.select(*columns).join(Record, on=(Record.id == RecordKey.record))
        query = _spanned(way, query)
    elif way == "link":
        by_id = RecordLink.from_record
        query = RecordLink.select(*columns).join(Record, on=(Record.id == RecordLink.from_record))
        query = query.where(RecordLink.slot == parameter("slot"), RecordLink.to_record == parameter("key"))
    elif way == "whose":
        query, by_id = _whose(columns), RecordLink.from_record
        query = query.join(Record, on=(Record.id == RecordLink.from_record))
    else:
        query = Record.select(*columns)
        if way == "search":
            query, by_id = database.search(query, more=narrowing.all_words)
    whose = (Record.collection, parameter("collection")), (Record.created_by, parameter("made_by"))
    for column, value in whose if narrowing.is_mine else whose[:1]:
        # Where keys are walked, no other index may be: the plus keeps SQLite from it.
        query = query.where(column == value if way == "all" else value == NodeList((SQL("+"), column), glue=""))
    query = query.where(Record.archived_at.is_null())
    query = _probed(query, Record.id, narrowing)
    for number, ways in enumerate(narrowing.groups):
        query = query.where(reduce(or_, (_met(way, f"w{number}_{place}") for place, way in enumerate(ways))))
    return query, by_id


def _spanned(way, query):
    query = query.where(RecordKey.slot == parameter("slot"))
    if way == "key":
        return query.where(RecordKey.key == parameter("key"))
    return query.where(RecordKey.key >= parameter("start"), RecordKey.key < parameter("end"))


def _probed(query, id, narrowing):
    for place, probe in enumerate(narrowing.probes):
        query = query.where((points if probe == "link" else holds)(id, place))
    return query


def _met(way, place):
    """The condition that a row meets a rule's, of which the parameters are called by their place."""
    if way == "maker":
        return Record.created_by == parameter(f"start_{place}")
    if way == "key":
        return holds(Record.id, place)
    slot, start, end = (parameter(f"{name}_{place}") for name in ("of", "start", "end"))
    rows = RecordKey.select(RecordKey.record).where(RecordKey.slot == slot, RecordKey.key >= start, RecordKey.key < end)
    if way == "range":
        return Record.id.in_(rows)
    links = RecordLink.slot == parameter(f"slot_{place}"), RecordLink.to_record.in_(rows)
    return Record.id.in_(RecordLink.select(RecordLink.from_record).where(*links))


def _limit():
    return SQL("?" if database.dialect == "sqlite" else "%s", (Parameter("limit"),))


def _ids(way, narrowing):
    """The ids alone, as record_id: of keys, where they tell all. What lies in the trash has none."""
    if way not in ("key", "span") or narrowing.is_mine or narrowing.groups:
        return _narrowed(way, (Record.id.alias("record_id"),), narrowing)[0]
    return _probed(_spanned(way, RecordKey.select(RecordKey.record)), RecordKey.record, narrowing)


@lru_cache(maxsize=100)
def counting(way, narrowing):
    """How many rows are found that way, to the parameter `limit`."""

    def build():
        return Select(from_list=[_ids(way, narrowing).limit(_limit()).alias("some")], columns=[fn.count(SQL("*"))])

    return Compiled(build)


@lru_cache(maxsize=200)
def tallied(way, narrowing, count):
    """(number of a key, how many hold it) of `count` keys b0, b1, …, among the first `limit` rows found that way. A row
    holds one of them or none: after the first it isn't asked for the others."""

    def build():
        some = _ids(way, narrowing).limit(_limit()).alias("some")
        held = Case(None, [(holds(some.c.record_id, f"b{place}"), SQL(str(place))) for place in range(count)])
        rows = Select(from_list=[some], columns=[held.alias("place")]).alias("told")
        return Select(from_list=[rows], columns=[rows.c.place, fn.COUNT(SQL("*"))]).group_by(rows.c.place)

    return Compiled(build)


@lru_cache(maxsize=200)
def keys_counted(length, narrowing, is_bounded):
    """(how a key of a slot begins, how many rows have such a one); of the first `limit` rows where it `is_bounded`."""

    def build():
        key = (fn.SUBSTR(RecordKey.key, 1, length) if length else RecordKey.key).alias("beginning")
        if narrowing.is_all:
            rows = RecordKey.select(key).where(RecordKey.slot == parameter("slot"))
        else:
            rows, _ = _narrowed("span", (key,), narrowing)
        some = (rows.limit(_limit()) if is_bounded else rows).alias("some")
        return Select(from_list=[some], columns=[some.c.beginning, fn.count(SQL("*"))]).group_by(some.c.beginning)

    return Compiled(build)


@lru_cache(maxsize=200)
def cells(count, narrowing):
    """(id, of each of so many fields the JSON [what stands in its cell, words left over]) of the next `limit` rows
    behind `after_id`. The names of field N and of its words in the document are `field_N` and `words_N`."""

    def build():
        columns = [_cell(place) for place in range(count)]
        rows, by_id = _narrowed("all", (Record.id, *columns), narrowing)
        return rows.where(by_id > parameter("after_id")).order_by(by_id).limit(_limit())

    return Compiled(build)


def _cell(place):
    names = parameter(f"field_{place}"), parameter(f"words_{place}")
    if database.dialect == "sqlite":
        return fn.JSON_EXTRACT(Record.cells, *(fn.PRINTF('$."%s"', name) for name in names))
    document = Record.cells.cast("jsonb")
    return fn.JSONB_BUILD_ARRAY(*(fn.JSONB_EXTRACT_PATH(document, name) for name in names)).cast("text")


@lru_cache(maxsize=2)
def following(archived):
    """(id, its document's text, version) of the next `limit` rows behind `after_id`, in the trash or not: for
    `kind_change_1m`."""

    def build():
        where = Record.collection == parameter("collection"), Record.archived_at.is_null(not archived)
        rows = Record.select(*COLUMNS).where(*where, Record.id > parameter("after_id"))
        return rows.order_by(Record.id).limit(_limit())

    return Compiled(build)


@lru_cache(maxsize=1)
def left_over():
    """Of the first `limit` rows that are empty under a slot, how many have words left over there. These are in the
    document as `words` has them: within a text of JSON no quote stands bare, so nothing else is like it."""

    def build():
        rows = RecordKey.select(Record.cells).join(Record, on=(Record.id == RecordKey.record))
        rows = rows.where(RecordKey.slot == parameter("slot"), RecordKey.key == "2", Record.archived_at.is_null())
        some = rows.limit(_limit()).alias("some")
        found = Expression(some.c.cells, OP.ILIKE, parameter("words"))
        return Select(from_list=[some], columns=[fn.count(some.c.cells)]).where(found)

    return Compiled(build)


@lru_cache(maxsize=1)
def held():
    """How many rows a span of keys holds, to GATHERED + 1."""

    def build():
        span = (RecordKey.slot == parameter("slot"), RecordKey.key >= parameter("start"))
        rows = RecordKey.select(RecordKey.record).where(*span, RecordKey.key < parameter("end")).limit(GATHERED + 1)
        return Select(from_list=[rows.alias("some")], columns=[fn.count(SQL("*"))])

    return Compiled(build)


def these(ids, collection):
    """The rows with these ids, of those that don't lie in the trash."""
    rows = Record.select(*_columns()).where(
        Record.id.in_(list(ids)), Record.collection == collection, Record.archived_at.is_null()
    )
    return database.execute(rows).fetchall() if ids else []


def holder(slot, key):
    """The id of the row that has this unique value in a slot, or None."""
    found = RecordUnique.one(RecordUnique.slot == slot, RecordUnique.key == key)
    return found and found.record


def ever(ids, collection):
    """The rows with these ids, those in the trash too."""
    rows = Record.select(*_columns()).where(Record.id.in_(list(ids)), Record.collection == collection)
    return database.execute(rows).fetchall() if ids else []


def _whose(columns):
    """The links of a slot to rows whose key in another slot, `of`, lies in a span."""
    index = (RecordKey.slot == parameter("of"), RecordKey.key >= parameter("start"), RecordKey.key < parameter("end"))
    found = RecordKey.select(RecordKey.record).where(*index)
    return RecordLink.select(*columns).where(RecordLink.slot == parameter("slot"), RecordLink.to_record.in_(found))


@lru_cache(maxsize=1)
def whose():
    """How many of them there are, to GATHERED + 1."""

    def build():
        links = _whose((RecordLink.from_record,)).limit(GATHERED + 1)
        return Select(from_list=[links.alias("some")], columns=[fn.count(SQL("*"))])

    return Compiled(build)


@lru_cache(maxsize=1)
def linked():
    """How many rows point to one, to GATHERED + 1."""

    def build():
        found = (RecordLink.slot == parameter("slot"), RecordLink.to_record == parameter("key"))
        rows = RecordLink.select(RecordLink.from_record).where(*found).limit(GATHERED + 1)
        return Select(from_list=[rows.alias("some")], columns=[fn.count(SQL("*"))])

    return Compiled(build)


@lru_cache(maxsize=1)
def one():
    """The row with the parameter `id`, unless it lies in the trash."""
    return Compiled(
        lambda: Record.select(*_columns()).where(
            Record.id == parameter("id"),
            Record.collection == parameter("collection"),
            Record.archived_at.is_null(),
        )
    )
