"""What a list is: declared once, read by lists.py, changed by rows.py, drawn by views/lists.

How to declare one: docs/decisions/lists.md
"""

from collections import namedtuple
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from domain import Forbidden
from domain.fields.choice import Choice
from domain.fields.kinds import Field, whole
from domain.fields.person import Person
from domain.fields.records.option import Options
from domain.lists import tables
from domain.lists.columns import Column


def granted(by, right):
    """Whether a Member or Staff has a right: a capability by its name, or (by) → bool."""
    return bool(right(by)) if callable(right) else by.may(right)


def looks_only(listing, by, verb="change"):
    """What is said to a member whose role lets them look at a list that others change; else nothing."""
    if not listing.writes or callable(listing.writes) or not by.organization or by.may(listing.writes):
        return ""
    return f"You can look at {listing.things} here, but not {verb} them: your role is {by.role}."


def demand(by, right):
    """The same as a refusal."""
    if not callable(right):
        by.require(right)
    elif not right(by):
        raise Forbidden("Your role doesn't allow that here.")


def may_share(by, listing):
    """Whether they may share what they save of a list with all who see it: who writes there, if it lets them."""
    return granted(by, listing.writes or listing.reads) and (not listing.shares or granted(by, listing.shares))


def demand_outside(by, listing):
    """Refuses with Forbidden who may not make links by which others see what they see of a list."""
    if listing.shares and not granted(by, listing.shares):
        raise Forbidden("Sharing this list is not yours: who sees to its rules can change that.")


@dataclass(frozen=True)
class Tab:
    """One reading of the list: `column` names the person who is asking, or is None for everybody's rows."""

    key: str
    label: str
    column: str | None
    capability: Any


@dataclass(frozen=True)
class Sort:
    """An order with an index behind it: by `column` (rows without one last), then by id."""

    key: str
    label: str
    column: str = "id"
    descending: bool = False


def both(key, up, down, first="up", column=""):
    """The two orders of a column (the one called like the key), for its head to turn over."""
    column = column or key
    pair = (Sort(key, up, column), Sort(f"{key}-down", down, column, descending=True))
    return pair if first == "up" else pair[::-1]


NEWEST = (Sort("newest", "Newest first", descending=True), Sort("oldest", "Oldest first"))


@dataclass(frozen=True)
class Act:
    """A named verb on a row, or on many at once: more than a change of fields.

    `run(id, by=…)` is the domain's; it refuses as ever. It may return what to say. Where the act `asks` for a value
    it is `run(id, value, by=…)`.
    """

    key: str  # the noun in its address
    label: str
    run: Any
    capability: str
    done: str = "Done."
    icon: str = ""
    tone: str = ""
    confirm: str = ""  # asked first; {name} is the row's
    when: Any = None  # (row as listed) → whether it can be done to it
    may: Any = None  # (row as listed, by) → whether they may do it to this one; `run` refuses it by itself
    once: bool = False  # done again it does more: a form that is sent twice does it once
    asks: Any = None  # (row as listed, by) → the Field whose value a form asks for; its default is what stands there
    bulk: bool = False
    cell: str = ""  # the field in whose cell its button stands, instead of a column of its own
    press: str = ""  # the key that does it to the row one stands on
    many: Any = None  # (ids, by=…) → what to say: how many rows at once are done, where that takes a long job
    leads: Any = None  # (ids) → where it is gone on with, beside the list: a page instead of `run`
    spends: str = ""  # the limit of requests that it counts against
    opens: bool = False  # it leads out of the house, in a tab of its own: nothing is done to the row


@dataclass(frozen=True, eq=False)
class Listing:
    """What the list, the board, the forms and the export of a table know about it.

    Two listings of one name and version are the same to every cache.
    """

    name: str
    thing: str
    things: str
    model: Any
    fields: tuple[Field, ...]
    sorts: tuple[Sort, ...] = NEWEST
    source: Any = None  # what has its rows where they aren't columns of a table: domain/lists/sources.py
    tabs: tuple[Tab, ...] = ()
    reads: Any = ""  # who sees it: a capability, or (by) → bool for a table that isn't known at import
    writes: Any = ""  # who makes and changes rows; without it, rows are changed by acts alone
    shares: Any = ""  # who of them shares views, charts and links, where not all do
    search: Any = None
    joins: Any = None  # (query) → the query with the tables that `elsewhere` speaks of
    elsewhere: Any = ()  # ((field name, column of a joined table, its place or None), …)
    also: tuple[str, ...] = ()  # columns that links, acts and looks need besides the listed
    imports: bool = False  # files can be brought in: domain/imports
    followed: bool = (
        False  # all that changes in its rows is noted; else programs hear of them by when they were written
    )
    moves: Any = ()  # of a list that isn't: the `updated_at` of joined tables that it shows something of
    grows: Any = ()  # of a list that isn't: columns beside its parent, one of which is greater with each write to it
    once: Any = ()  # ((field that holds no value twice, (value, by, parent) → the id of its row or None), …)
    exports: tuple[str, ...] = ()  # fields that aren't listed but stand in the file
    within: Any = None  # the column that names the organization, where the table isn't Owned
    only: Any = None  # a condition all its rows meet
    knows: Any = ()  # ((name, (by) → value), …): parameters that its conditions and columns name besides
    hears: str = ""  # tables besides its own whose changes it is drawn anew for
    parent: Any = None  # the column that names the row it stands in
    stands_in: Any = None  # (id, by): refuses with NotFound where that row isn't theirs to see
    found_by: Sort | None = None  # the order of what a search finds, where no sort goes by id
    walks: tuple[str, ...] = ()  # filters with an index, the narrowest first («organization» is `within`): it is walked
    conditions: Any = ()  # ((a Field to filter by, (value) → its condition, asked anew each time), …)
    notes: Any = None  # (heading, (rows, by) → {id: ((tone, words[, address]), …)}): badges that no column has
    ranges: tuple[str, ...] = ()  # fields with a filter «from … to …»
    acts: tuple[Act, ...] = ()
    begins: tuple[str, ...] = ()  # what the form for a new row asks for, where the rest can wait for its page
    link: Any = None  # (row) → where its page is; True or a column: below the list, by id or that; None: it has none
    has_pages: bool = False  # rows have the machine's own page
    beside: bool = True  # which also opens beside the list
    files: bool = False  # which people put on a row: domain/lists/attachments.py
    others: Any = None  # (id, by) → the rows elsewhere that point to a row, as its page shows them
    comments: bool = False  # which people comment on: domain/lists/comments.py
    sums: tuple[str, ...] = ()  # numbers and amounts that are added up below the list
    calendar: tuple[
        str, ...
    ] = ()  # the days and moments, each of which has an order, by which rows stand in a calendar
    chips: str = ""  # a choice whose words are counted above the list
    under: Any = ()  # the columns shown small below the first
    board_by: str = ""
    open_by: str = ""  # what `open_states` are words of, where that isn't `board_by`
    owner: str = ""
    icon: str = "list"
    charts: bool = False  # its rows are counted and added up in charts: domain/charts
    scans: bool = False  # a camera reads what is searched for
    is_saved: bool = False  # its members save what they ask of it as views
    due: str | None = None  # the day or moment (Due) that makes an open row overdue
    is_open: Any = None  # (row) → whether it can be overdue
    open_states: tuple = ()
    title: str = ""  # its heading, where that isn't what its rows are called
    about: str = ""  # a sentence below its heading
    empty: tuple[tuple[str, ...], ...] = ()  # (tab, what an empty one says, and what to whoever only looks)
    version: Any = 0

    def __post_init__(self):
        if isinstance(self.search, tuple) and self.source is None:
            raise TypeError(
                f"{self.name}: names are searched in given rows; a table takes a search of domain/lists/searches."
            )
        if self.charts and not (self.followed or self.grows):
            raise TypeError(f"{self.name}: figures are kept until rows change; say what `grows` then.")

    def __eq__(self, other):
        return isinstance(other, Listing) and (self.name, self.version) == (other.name, other.version)

    def __hash__(self):
        return hash((self.name, self.version))

    @cached_property
    def views(self):
        """The ways in which it is drawn, the first one unless another is asked for."""
        more = {"board": self.board_by, "calendar": self.calendar, "chart": self.charts}
        return ("list", *(view for view, asked in more.items() if asked))

    @cached_property
    def by_name(self):
        return {f.name: f for f in (*self.fields, *(f for f, _ in self.conditions))}

    @cached_property
    def listed(self):
        return tuple(f for f in self.fields if f.listed)

    @cached_property
    def written(self):
        """What forms and cells may hold: neither what acts alone move nor what a joined table has."""
        return tuple(f for f in self.fields if not f.acted and f.name not in self._columns)

    @cached_property
    def changeable(self):
        """The names of the same."""
        return frozenset(f.name for f in self.written)

    @cached_property
    def asked(self):
        """What the form for a new row holds."""
        return tuple(self.by_name[name] for name in self.begins) or self.written

    @cached_property
    def of_row(self):
        """The fields whose values stand in the row itself, not in a joined table."""
        return tuple(f for f in self.fields if f.name not in self._columns)

    @cached_property
    def filters(self):
        """What is filtered by the value of a column."""
        return tuple(f for f in self.fields if f.kind.filters and f.filters)

    @cached_property
    def filterable(self):
        """All fields that one value narrows the list by."""
        return (*self.filters, *(f for f, _ in self.conditions))

    @cached_property
    def condition_of(self):
        return {f.name: condition for f, condition in self.conditions}

    @cached_property
    def people(self):
        return tuple(f.name for f in self.fields if isinstance(f.kind, Person))

    @cached_property
    def belongs(self):
        """The columns that say whose row it is: what rights depend on."""
        return (self.owner, *self.people) if self.owner else self.people

    def bounds(self, by, parent=None):
        """The conditions that a row of the table meets when it is one of this list's at all."""
        found = [] if self.only is None or self.joins else [self.only]
        if self.within is not None and by.organization is not None:
            found.append(self.within == by.organization.id)
        if self.parent is not None:
            found.append(self.parent == parent)
        return found

    def column(self, name):
        """How a value of this name is read and compared."""
        if self.source:
            return self.source.column(name)
        return self._columns.get(name) or Column(name, self.model._meta.fields[name])

    @cached_property
    def _columns(self):
        return {name: Column(name, field, place or field) for name, field, place in self.elsewhere}

    @cached_property
    def names(self):
        """What is read of each row, by name."""
        owner = (self.owner,) if self.owner else ()
        return tuple(dict.fromkeys(["id", *owner, *(f.name for f in self.listed), *self.also, *self.under]))

    @cached_property
    def columns(self):
        """The same by their columns."""
        return tuple(self.column(name) for name in self.names)

    @cached_property
    def wide(self):
        """The same list with what only its file has."""
        more = (*self.also, *self.exports)
        return replace(self, name=f"{self.name} as a file", also=more, exports=()) if self.exports else self

    @cached_property
    def whole(self):
        """The same list with all of its fields, as programs read it."""
        more = tuple(f.name for f in self.fields if not f.listed)
        return replace(self, name=f"{self.name} for programs", also=(*self.also, *more), exports=())

    @cached_property
    def to_read(self):
        """Which columns need their value read; the others are what the database gave."""
        return tuple((place, column) for place, column in enumerate(self.columns) if column.needs_reading)

    @cached_property
    def Row(self):
        return namedtuple("Row", self.names)

    @cached_property
    def sort_choices(self):
        return tuple((sort.key, sort.label) for sort in self.sorts)

    @cached_property
    def orders(self):
        """Column → the orders by it, the first one first: what a click on its head goes through."""
        found = {}
        for sort in self.sorts:
            found.setdefault(sort.column, []).append(sort)
        return found

    def words_of(self, sort):
        """The words of the choice that an order goes by, in that order; of any other order none."""
        field = self.by_name.get(sort.column) if isinstance(sort, Sort) and not self.source else None
        words = tuple(field.kind.words) if field and isinstance(field.kind, Choice) else ()
        return words[::-1] if sort and words and sort.descending else words

    @cached_property
    def counted(self):
        """The choice whose words are counted."""
        found = self.by_name.get(self.chips or self.board_by)
        return found if found and isinstance(found.kind, Choice | Options) else None

    @cached_property
    def boards(self):
        """The fields whose words or people can make the columns of its board; of a free text only the declared one."""
        made_of = Choice | Options | Person
        found = [
            f for f in self.written if (isinstance(f.kind, made_of) and not f.kind.several) or f.name == self.board_by
        ]
        return tuple(sorted(found, key=lambda f: f.name != self.board_by)) if self.board_by else ()

    @cached_property
    def _boarded(self):
        return {}

    def boarded(self, name):
        """The same list with a board by another of these fields; by any other name as it is."""
        if name not in {f.name for f in self.boards[1:]}:
            return self
        if name not in self._boarded:
            about = {"board_by": name, "open_by": self.board_by, "chips": "", "version": (self.version, name)}
            self._boarded[name] = replace(self, **about)
        return self._boarded[name]

    @cached_property
    def board_words(self):
        """What the columns of the board are of; the last may be of rows without a word."""
        words = tuple(self.by_name[self.board_by].kind.words)
        return (*words, None) if self.source else words

    @property
    def first(self):
        """The field that a row is called by."""
        return self.fields[0].name

    @property
    def table(self):
        return self.model._meta.table_name if self.model else self.name

    def id(self, given):
        """The id of a row out of an address or a form, or None for what can't be one."""
        return whole(given) if self.numbered else str(given)[:160] or None

    @property
    def heading(self):
        return self.title or self.things.capitalize()

    @property
    def rows(self):
        """What finds and writes its rows: tables.py, or its source."""
        return self.source or tables

    @property
    def numbered(self):
        return self.source is None or self.source.numbered

    @cached_property
    def readings(self):
        """The tabs; a list without any is one for whoever may read it."""
        return self.tabs or (Tab("all", f"All {self.things}", None, self.reads),)

    def tab(self, key):
        return next((t for t in self.readings if t.key == key), self.readings[0])

    def sort(self, key):
        if self.found_by and key == self.found_by.key:
            return self.found_by
        return next((s for s in self.sorts if s.key == key), self.sorts[0])

    @cached_property
    def acts_aside(self):
        """The acts that have a column of their own."""
        return tuple(act for act in self.acts if not act.cell)

    def says_empty(self, tab, may_write):
        """What an empty tab says; nobody who only looks is invited to write."""
        said = next((said for key, *said in self.empty if key == tab), [""])
        return said[0] if may_write else said[-1]

    def act(self, key):
        return next((act for act in self.acts if act.key == key), None)
