from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from domain.fields.kinds import Kind, Unfit, comparable, whole
from domain.fields.records import operators


@dataclass(frozen=True)
class Option:
    """A word of a choice that people made; cells hold its id."""

    id: int
    label: str
    tone: str = "quiet"
    api_name: str = ""
    is_archived: bool = False
    merged_into: int | None = None

    @cached_property
    def said(self):
        """Its label as names are compared; made once, as an import adds words one by one."""
        return comparable(self.label)


@dataclass(frozen=True)
class Options(Kind):
    """One of the options that people made, kept by its id, so that renaming one touches no cell."""

    name = "options"
    made: tuple[Option, ...] = ()
    filters: bool = True
    bulk: bool = True
    ranked = False
    chosen = False

    def read(self, text):
        """Its id, its label without case, or its lasting key."""
        places = self._places.get(("", text)), self._places.get(("label", comparable(text)))
        found = min((place for place in places if place is not None), default=None)
        if found is None:
            if len(self.present) > 12:
                raise Unfit("Choose one from the list.")
            raise Unfit(f"Choose one of: {', '.join(o.label for o in self.present)}.")
        return self.present[found].id

    @cached_property
    def present(self):
        return [o for o in self.made if not o.is_archived and o.merged_into is None]

    @cached_property
    def _places(self):
        """How an option may be written → its place among those present, of several the first: for `import_1m`."""
        found: dict[tuple[str, str], int] = {}
        for place, option in enumerate(self.present):
            for said in ("", str(option.id)), ("", option.api_name), ("label", option.said):
                found.setdefault(said, place)
        return found

    @cached_property
    def known(self):
        """How all its words are called, also those that rest, as names are compared."""
        return {option.said for option in self.made}

    @cached_property
    def _by_id(self):
        return {option.id: option for option in self.made}

    def with_resting(self, value):
        """The same that offers the words of this cell too, as a cell may be written again with what stands in it."""
        rest = {id for id in self._each(value) if id in self._by_id and self._by_id[id].is_archived}
        made = tuple(replace(o, is_archived=False) if o.id in rest else o for o in self.made)
        return replace(self, made=made) if rest else self

    def _each(self, value):
        """The words of a cell, each once, also where two became one."""
        return () if value is None else (self.compared(value),)

    @property
    def words(self):
        return [o.id for o in self.present]

    @cached_property
    def order(self):
        """All that may stand in a cell, in their order: archived ones too, and merged ones behind what they became."""
        place = {o.id: number for number, o in enumerate(self.made)}
        target = {o.id: place[found.id] for o in self.made if (found := self._of(o.id))}
        return sorted(place, key=lambda id: (target.get(id, 0), place[id] != target.get(id), place[id]))

    @property
    def options(self):
        """(id, label, tone) of what can be chosen."""
        return tuple((o.id, o.label, o.tone) for o in self.present)

    @property
    def choices(self):
        return tuple((str(o.id), o.label) for o in self.present)

    def _of(self, value):
        """The option of an id, or what it was merged into."""
        by_id, seen = self._by_id, set()
        found = by_id.get(value)
        while found and found.merged_into and found.id not in seen:
            seen.add(found.id)
            found = by_id.get(found.merged_into, found)
        return found

    def word_of(self, value):
        """The id of the word that stands in a cell: what its own was merged into; None where nothing or no word is."""
        found = self._of(value) if isinstance(value, int) else None
        return found and found.id

    def plain(self, value):
        found = self._of(value)
        return found.label if found else ""

    def tone(self, value):
        found = self._of(value)
        return "off" if found is None or found.is_archived else found.tone

    def key(self, value):
        return f"{value:010}"

    def restored(self, stored):
        return whole(stored)

    operators: Any = operators.CHOICE

    def compared(self, value):
        """What it was merged into is the same."""
        found = self._of(value)
        return found.id if found else value

    def asked(self, text):
        """Also one that isn't offered any more."""
        return self.compared(int(text)) if any(str(o.id) == text for o in self.made) else self.read(text)

    def span(self, operator, operand):
        """Where others were merged into it, cells lie in several places: no one range."""
        merged = {self.compared(o.id) for o in self.made if o.merged_into}
        return None if merged & {*(operand or ())} else super().span(operator, operand)

    def from_json(self, json):
        found = next((o for o in self.present if o.api_name == json), None)
        if found is None:
            raise Unfit("Send the key of an option.")
        return found.id

    def to_json(self, value):
        found = self._of(value)
        return found and found.api_name
