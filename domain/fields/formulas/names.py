"""What a formula can name: fields of its own table and of those it is linked with, by number and by label."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from domain.fields.formulas.types import Mistake, Type
from domain.fields.kinds import comparable


@dataclass(frozen=True)
class Place:
    """A field as a formula has it. Without a `type` it can't be used, and `why` says so.

    `read` (document of a row) → its value as the language has values, None where it is empty.
    """

    id: int
    label: str
    type: Type | None = None
    read: Callable[[dict], Any] = lambda document: None
    why: str = ""


@dataclass(frozen=True)
class Way:
    """A link as a formula goes along it, to the other table or (`is_back`) from there; `places` are its fields."""

    id: int
    label: str
    is_back: bool = False
    is_many: bool = False
    places: tuple[Place, ...] = ()

    @property
    def key(self):
        return ("back" if self.is_back else "link"), self.id

    @cached_property
    def names(self):
        return Names(self.places)


class Names:
    """Labels of some things, each of which can be written: with its number behind it where two are called alike."""

    def __init__(self, things):
        self.by_id = {thing.id: thing for thing in things}
        self._by_label: dict[str, list] = {}
        for thing in things:
            for said in {comparable(thing.label), comparable(f"{thing.label} #{thing.id}")}:
                self._by_label.setdefault(said, []).append(thing)

    def called(self, text):
        """The things that a text may mean."""
        if (found := re.fullmatch(r"\s*#(\d{1,10})\s*", text)) and int(found[1]) in self.by_id:
            return [self.by_id[int(found[1])]]
        return self._by_label.get(comparable(text), [])

    def written(self, thing):
        """How a thing is written so that it is found again."""
        for text in (thing.label, f"{thing.label} #{thing.id}"):
            if self.called(text) == [thing]:
                return text
        return f"#{thing.id}"

    def one(self, text):
        """The thing that a text means. Refuses with Mistake none, or two."""
        found = self.called(text)
        if len(found) == 1:
            return found[0]
        if found:
            several = " or ".join(f"{{{thing.label} #{thing.id}}}" for thing in found[:3])
            raise Mistake(f"Two are called “{text}”: write {several}.")
        near = [t.label for t in self.by_id.values() if comparable(text)[:3] == comparable(t.label)[:3]]
        hint = f" Did you mean {{{near[0]}}}?" if near else ""
        raise Mistake(f"Nothing here is called “{text.strip()[:80]}”.{hint}")


class Scope:
    """All that one formula can name. Backward ways have the numbers of the other table's links: kept apart."""

    def __init__(self, places=(), ways=()):
        self.places = tuple(places)
        self.ways = {way.key: way for way in ways}
        self.own = Names(self.places)
        self._ways = Names([_Numbered(number, way) for number, way in enumerate(ways)])

    def way(self, text):
        """The way that a text means. Refuses with Mistake."""
        return self._ways.one(text).way

    def goes(self, text):
        """Whether a link is called so."""
        return bool(self._ways.called(text))

    def way_written(self, way):
        return self._ways.written(next(one for one in self._ways.by_id.values() if one.way is way))

    def field(self, id):
        """A field of its own table. Refuses with Mistake one that isn't here any more."""
        if (found := self.own.by_id.get(id)) is None:
            raise Mistake("A field that this goes by was put away.")
        return found

    def beyond(self, key, id):
        """(way, field there). Refuses with Mistake what isn't here any more."""
        way = self.along(key)
        if (found := way.names.by_id.get(id)) is None:
            raise Mistake(f"A field of {way.label} that this goes by was put away.")
        return way, found

    def along(self, key):
        if (way := self.ways.get(tuple(key))) is None:
            raise Mistake("A link that this goes by was put away.")
        return way


@dataclass(frozen=True)
class _Numbered:
    """A way under a number of its own, and its label."""

    id: int
    way: Way

    @property
    def label(self):
        return self.way.label
