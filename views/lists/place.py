"""What the templates of a list need to know of the list they draw."""

from functools import cached_property
from urllib.parse import parse_qsl, urlencode

from domain.fields.person import Called, drawn, names
from domain.lists import conditions, lists, rows
from domain.lists.listing import granted, looks_only, may_share

VIEWS = (
    *(("list", "List", "list"), ("board", "Board", "layout-kanban")),
    *(("chart", "Chart", "chart-bar"), ("calendar", "Calendar", "calendar")),
)


class Place:
    """A list as somebody stands before it: whose, what was asked of it, and where it is."""

    def __init__(self, rules, by, ask, url, view="list", apart=(), within=None):
        self.rules, self.by, self.ask, self.url, self.view = rules, by, ask, url, view
        self.apart = tuple(apart)  # (name, text) of what the view asks for itself
        self.listing, self._within = rules.listing, within
        self.may_write = bool(self.listing.writes) and granted(by, self.listing.writes)
        self.may_share = may_share(by, self.listing)
        self.may_subscribe = not self.listing.shares or granted(by, self.listing.shares)
        self.may_add = self.may_write and rules.may_add(by)

    @cached_property
    def within(self):
        """(name, address) of what the list stands in, such as an event; None where it stands by itself."""
        return self._within(self.ask.parent) if self._within else None

    @cached_property
    def tabs(self):
        return [tab for tab in self.listing.readings if granted(self.by, tab.capability)]

    @property
    def everything(self):
        """The query of the widest tab they may see, not narrowed: what «all» is."""
        tab = next((tab for tab in self.tabs[::-1] if tab.column is None), self.tabs[0])
        return "" if tab is self.listing.readings[0] else urlencode({"tab": tab.key})

    @cached_property
    def acts(self):
        """What this person may do to rows here."""
        return tuple(act for act in self.listing.acts if granted(self.by, act.capability))

    @property
    def ticks(self):
        """Whether rows can be chosen, to do something to many."""
        return self.may_write or any(act.bulk for act in self.acts)

    def address(self, **changes):
        """This list with something else asked: filters, tab, sort, view, or where to go on."""
        ask = self.ask
        asked = {"view": self.view if self.view != "list" else "", "tab": ask.tab, "q": ask.q, "sort": ask.sort}
        asked |= {"due": ask.due} | self.filters | ({} if "view" in changes else dict(self.apart)) | changes
        defaults = {"tab": self.listing.readings[0].key, "sort": self.listing.sorts[0].key}
        kept = {k: v for k, v in asked.items() if v not in (None, "") and defaults.get(k) != v}
        if "where" not in changes and ask.where:
            kept["where"] = [one.written() for one in ask.where]
        return self.url + (f"?{urlencode(kept, doseq=True)}" if kept else "")

    @cached_property
    def asked(self):
        """(whether it is an alternative, its words, the list without it) of each condition."""
        names = self.present if self.by.organization and self.listing.people else {}
        where = self.ask.where
        without = [[one.written() for one in where if one is not gone] for gone in where]
        return [
            (n > 0 and one.is_or, conditions.said(self.listing, one, names), self.address(where=rest))
            for n, (one, rest) in enumerate(zip(where, without, strict=True))
        ]

    @property
    def kept(self):
        """(name, text) of all that is asked, for the hidden inputs of a form that asks for more."""
        query = self.address(after="").partition("?")[2]
        return tuple(parse_qsl(query))

    @cached_property
    def conditional(self):
        """(name, label) of the fields that conditions can be about."""
        return tuple((field.name, field.label) for field in conditions.offered(self.listing))

    @property
    def views(self):
        """(view, its label, its icon, its address) of the ways in which the list is drawn."""
        return tuple(
            (*view, self.address(view="" if view[0] == "list" else view[0]))
            for view in VIEWS
            if view[0] in self.listing.views
        )

    @cached_property
    def filters(self):
        """The chosen filters as the texts of their controls."""
        ranges = {f"{name}_{end}": self._text(name, end, value) for name, end, value in self.ask.ranges}
        return {name: self.listing.by_name[name].kind.text(value) for name, value in self.ask.filters} | ranges

    def _text(self, name, end, value):
        return self.listing.by_name[name].kind.bound_text(value, end)

    @property
    def unfiltered(self):
        """The list with all of its tab, or None where nothing is narrowed."""
        nothing = dict.fromkeys(self.filters, "")
        return self.address(q="", due="", where="", **nothing) if self.ask.is_narrowed else None

    def turned(self, field):
        """The next order by a field's column: (its address, how it is ordered now), or None."""
        orders = self.listing.orders.get(field.name)
        if not orders or self.view != "list":
            return None
        keys = [sort.key for sort in orders]
        now = keys.index(self.ask.sort) if self.ask.sort in keys and not self.ask.q else None
        next = orders[0 if now is None else (now + 1) % len(orders)]
        standing = "" if now is None else "descending" if orders[now].descending else "ascending"
        return self.address(sort=next.key, q=""), standing

    def known(self, field):
        """Words used before in a free text."""
        return lists.known_words(self.listing, field, self.rules.reachable(self.by))

    @cached_property
    def words_here(self):
        """The words of the free text that makes the board, of the rows below the same page."""
        field, above = self.listing.by_name[self.listing.board_by], self.listing.parent
        below = (above == self.ask.parent,) if above is not None else ()
        return tuple(lists.known_words(self.listing, field, self.rules.reachable(self.by), *below))

    @cached_property
    def members(self):
        """(id, name) of everybody one could choose."""
        return tuple(self.present.items()) if self.by.organization else ()

    def options(self, field):
        """(value, label) of what can be chosen for a field."""
        return self.members if field.name in self.listing.people else field.kind.choices

    @cached_property
    def moves(self):
        """(value, label) of what a card of the board can be moved to."""
        field = self.listing.by_name[self.listing.board_by]
        if field.kind.names_people:
            found = self.members
        elif self.listing.counted is None:
            found = tuple((word, word) for word in self.words_here)
        else:
            found = tuple((word, label) for word, label, _ in field.kind.options)
        return (
            found
            if field.required or (not self.listing.source and not self.listing.column(field.name).may_be_empty)
            else (*found, (None, "–"))
        )

    @cached_property
    def offers(self):
        """The options of all fields that have some, for parts that are kept by their arguments."""
        fields = [f for f in self.listing.fields if f.kind.bulk]
        return tuple((f.name, tuple(f.kind.bulk_choices or self.options(f))) for f in fields)

    def beyond(self, id):
        """What is to be said of a row that was made out of their own sight; else nothing."""
        if not self.listing.source or lists.find(self.listing, id, self.by, self.ask.parent) is not None:
            return ""
        return f" It isn't among the {self.listing.things} that you see."

    def rights(self, row):
        """The names of the listed fields that this person may change in the row."""
        if not self.may_write:
            return ()
        return tuple(f.name for f in self.listing.listed if self.rules.may_change(row, f.name, self.by))

    def verbs(self, row):
        """The acts that can be done to this row."""
        return tuple(
            act
            for act in self.acts
            if (act.when is None or act.when(row)) and (act.may is None or act.may(row, self.by))
        )

    def why_not(self, row):
        """Why this person may change nothing of a row that others may change; empty where that goes without saying."""
        if self.rules.why is None:
            return looks_only(self.listing, self.by)
        return rows.why_not(self.rules, row, self.by, present=self.present)

    @cached_property
    def present(self):
        """id → name of the members."""
        return {id: called.name for id, called in self.drawn.items()}

    @cached_property
    def drawn(self):
        """id → Called of the members; of nobody where one stands in no organization."""
        return drawn() if self.by.organization else {}

    def called(self, id, known):
        """Somebody as they are drawn, or several of them; who has left by the name that is `known` of them."""
        if isinstance(id, tuple):
            known = names(set(id) - self.drawn.keys())
            return tuple(self.drawn.get(one) or Called(known.get(one)) for one in id)
        return self.drawn.get(id) or Called(known.get(id))

    def read(self, ask=None):
        """The rows that are asked for here, or by another Ask."""
        return lists.read(self.listing, ask or self.ask, self.by, self.present if self.listing.people else None)

    @cached_property
    def others(self):
        """(tab, how many, its address) of the tabs that aren't empty: where an empty one leads."""
        if not self.listing.counted:
            return ()
        found = lists.elsewhere(self.listing, self.ask, self.by)
        return [(tab, count, self.address(tab=tab.key, **{self.listing.board_by: ""})) for tab, count in found]
