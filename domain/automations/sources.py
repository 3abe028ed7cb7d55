"""The lists that automations are about, each with its rules as one member has them.

A list is called as its table's changes are (`Change.table`). What an automation may see and do of it is what the member
sees and does that it acts as: every row and every word comes from here.
"""

from dataclasses import dataclass, replace
from typing import Any

from database.transactions import writes
from domain import Forbidden, NotFound
from domain.events import orders
from domain.events.afterwards import attendees
from domain.fields.kinds import whole
from domain.fields.records.leftover import plain_cell, restored_cell
from domain.lists import asks, conditions, lists, rows
from domain.lists.listing import demand, granted
from domain.lists.programs import reading
from domain.money import subscriptions
from domain.organizations import members
from domain.records import collections, listings
from domain.tasks import tasks
from models import Membership


def _everywhere(listing, **more):
    """A list of one event's as the list of all events of the organization."""
    return rows.Rules(replace(listing, parent=None, stands_in=None, notes=None, conditions=(), acts=(), **more))


ORDERS = _everywhere(orders.listing, name="orders of all events", title="Orders of tickets")
PASSES = _everywhere(attendees.listing, name="passes of all events", title="Passes")
MEMBERS = rows.Rules(replace(members.listing, acts=(), notes=None, title="Members"))
FIXED = {
    "ticket_order": (ORDERS, "/events"),
    "pass": (PASSES, "/events"),
    "subscription": (rows.Rules(subscriptions.own), "/billing"),
    Membership._meta.table_name: (MEMBERS, "/members"),  # type: ignore[attr-defined]
}
TASKS = "task"
RECORDS = "record:"


@dataclass(frozen=True)
class Source:
    """One list as one member has it."""

    name: str
    rules: Any
    by: Any
    path: str  # of its page, below the organization
    has_pages: bool

    @property
    def listing(self):
        return self.rules.listing

    @property
    def label(self):
        return self.listing.heading

    @property
    def is_written(self):
        """Whether automations can change and make its rows."""
        return bool(self.listing.writes)

    @property
    def fields(self):
        """All fields that this member sees."""
        return self.listing.fields

    @property
    def written(self):
        """Those that forms may hold."""
        return tuple(f for f in self.listing.written if not f.kind.holds_files) if self.is_written else ()

    @property
    def dates(self):
        """Those by which rows come on a day."""
        return tuple(self.listing.by_name[name] for name in self.listing.calendar)

    @property
    def addresses(self):
        """Those that hold addresses or people to write to."""
        return tuple(f for f in self.fields if f.kind.name == "email" or f.kind.names_people)

    def field(self, name):
        """A field by its name, or None where it isn't there or isn't theirs to see."""
        return next((f for f in self.fields if f.name == name), None)

    def link(self, id):
        """Where a row is, below the site."""
        return f"/{self.by.organization.slug}{self.path}{f'/{id}' if self.has_pages and id else ''}"

    def row(self, id):
        """The row with this id. Refuses with NotFound and Forbidden."""
        demand(self.by, self.listing.reads)
        rows.get(self.rules, id, self.by)
        if self.listing.source:
            return self.listing.source.get(self.listing, id, self.by, None, None)
        found = lists.find(self.listing.whole, id, self.by)
        if found is None:
            raise rows.not_here(self.listing)
        return found

    def value(self, row, name):
        """A value of a row; also of what stands behind a link, as conditions name it."""
        return row.asked(name) if self.listing.source else getattr(row, name, None)

    def text(self, row, name):
        """The same in words."""
        return plain_cell(self.listing.by_name[name].kind, self.value(row, name))

    def title(self, row):
        """What a row is called."""
        return self.text(row, self.listing.first) or f"#{row.id}"

    def titles(self, ids):
        """id → what a row is called, of those that are there and theirs to see."""
        if self.listing.source:
            found = self.listing.source.get_many(ids).values()
        else:
            theirs = self.listing.model.id << list(ids), self.rules.reachable(self.by)
            found = [row for row, _ in lists.find_many(self.listing.whole, self.by, None, lambda q: q.where(*theirs))]
        return {row.id: self.title(row) for row in found}

    def as_json(self, id):
        """A row as programs get it."""
        return reading.one(self.rules, id, self.by)

    def restored(self, name, stored):
        """A value as it stood, out of what was noted of it."""
        return restored_cell(self.listing.by_name[name].kind, stored)

    @property
    def tab(self):
        """The widest reading of the list that is theirs."""
        theirs = [tab for tab in self.listing.readings if granted(self.by, tab.capability)]
        return next((tab for tab in theirs[::-1] if tab.column is None), theirs[0] if theirs else None)

    def page(self, **asked):
        """A page of its rows by what is asked. Refuses with Forbidden."""
        if self.tab is None:
            raise Forbidden("This list isn't yours to see.")
        return lists.read(self.listing, asks.Ask(tab=self.tab.key, **asked), self.by)

    def understood(self, texts):
        """Conditions as they are kept. Refuses with NotFound one about what isn't there, or isn't theirs to see."""
        found, lost = conditions.read(self.listing.whole if not self.listing.source else self.listing, list(texts))
        if lost:
            raise NotFound("A condition is about a field or a word that isn't there any more.")
        return found

    def meets(self, row, where, value=None):
        """Whether a row meets conditions; `value` (row, name) reads it as it was at another time."""
        listing = self.listing if self.listing.source else self.listing.whole
        return all(test(row) for test in conditions.tests(listing, where, value or self.value))

    @writes
    def change(self, id, form):
        """Change a row as a form does; the noted Change, or None where nothing was different."""
        return rows.change(self.rules, id, form, by=self.by)[1]

    @writes
    def make(self, form, key):
        """Make a row as a form does, once for each key."""
        return rows.create(self.rules, form, by=self.by, key=key)


def find(name, by):
    """The list of this name. Refuses with NotFound and Forbidden."""
    if name == TASKS:
        found = Source(name, tasks.of(by), by, "/tasks", True)
    elif name.startswith(RECORDS):
        table = collections.numbered(whole(name.removeprefix(RECORDS)))
        found = Source(name, listings.of(table, by), by, f"/records/{table.slug}", True)
    elif name in FIXED:
        rules, path = FIXED[name]
        found = Source(name, rules, by, path, False)
    else:
        raise NotFound("There is no such list any more.")
    demand(by, found.listing.reads)
    return found


def every(by):
    """(name, what it is called) of all lists that this member may have automations about."""
    found = [(TASKS, "Tasks")] if by.may(tasks.listing.reads) else []
    if by.may("records.read"):
        found += [(f"{RECORDS}{table.id}", table.name) for table in collections.present(by)]
    return found + [(name, rules.listing.heading) for name, (rules, _) in FIXED.items() if by.may(rules.listing.reads)]
