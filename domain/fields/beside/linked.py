"""Rows of another table that a row points to, as a tuple of their numbers."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from domain.fields.kinds import Field, Kind, Unfit, clean, comparable, whole
from domain.fields.records import operators
from domain.fields.records.leftover import LeftOver
from domain.fields.records.many_options import quoted, split

MOST = 100  # rows that a cell points to
BLANK = "#"  # stands before a row's number
_NUMBERED = re.compile(r"(?:(.*) )?#?([1-9][0-9]{0,9})")
_EVERYTHING: list = []


def everything(table):
    """The reader of a table for whoever sees all of it: for conversions, which no reader's eyes see."""
    return _EVERYTHING[0](table)


def offer(reader_of):
    """Who knows tables says here how all of one is read."""
    _EVERYTHING[:] = [reader_of]


class Ref(int):
    """The number of a row, with what it is called; two that are called otherwise are another to whatever is kept."""

    title: str
    more: Any
    file: Any  # of a file: its row

    def __new__(cls, id, title, more=None, file=None):
        made = super().__new__(cls, id)
        made.title, made.more, made.file = title, more, file
        return made

    def __eq__(self, other):
        return int(self) == other and (
            not isinstance(other, Ref) or (self.title, self.more) == (other.title, other.more)
        )

    def __ne__(self, other):
        return not self == other

    __hash__ = int.__hash__


@dataclass(frozen=True)
class Linked(Kind):
    """One row of a table, or several. Without a `reader` nothing is shown and nothing found: who looks has one.

    A reader has `slug` and `called` of the table; refs(ids) → {id: Ref} of those it sees; named(text) → the ids of
    rows called exactly so; `fields`, what it sees of a row; and `adds`, whether it may make one by its name.
    """

    name = "linked"
    keyed = False
    pointing = True
    filters = True
    typed = True  # its filter is written
    table: int = 0
    takes_many: bool = False
    reader: Any = None
    tells_doubles: bool = False  # of one row each: then no two rows link to the same

    def unique_key(self, value):
        return str(int(value[0])) if value and not self.takes_many else None

    def for_all(self):
        return replace(self, reader=everything(self.table))

    def refs(self, ids):
        """The rows among these that are seen, in that order."""
        found = self.reader.refs(tuple(ids)) if self.reader and ids else {}
        return [found[id] for id in ids if id in found]

    def read(self, text):
        """Rows by what they are called, «#12» or 12: a list, or for several a text with semicolons between them."""
        if isinstance(text, list):
            return self._of(text)
        return self._of(self._words(text))

    def _words(self, text):
        return split(text, ";") if self.takes_many else [clean(text).strip()]

    def parse(self, text, form):
        if not self.takes_many:
            return self.read(text)
        return self._of(split(text, form.separator or ";"))

    def _of(self, words):
        words = [word for word in words if word]
        if len(words) > (MOST if self.takes_many else 1):
            raise Unfit(f"At most {MOST} rows." if self.takes_many else "Choose one row.")
        return tuple(dict.fromkeys(self._row_called(word) for word in words)) or None

    def _row_called(self, word):
        ids = self.reader.named(word) if self.reader else []
        if not ids and (found := _NUMBERED.fullmatch(word)) and (refs := self.refs([whole(found[2])])):
            said = comparable(refs[0].title)
            if found[1] is None or said in (comparable(word), comparable(found[1])):
                return refs[0]
        if len(ids) > 1:
            raise Unfit(f"{len(ids)} rows are called {word[:80]}: which? Write one with its number, such as #{ids[0]}.")
        if not ids:
            raise Unfit(f"No row is called {word[:80]}.")
        return self.refs(ids)[0]

    def plain(self, value):
        return "; ".join(quoted(one.title) if self.takes_many else one.title for one in self._shown(value))

    def _shown(self, value):
        """The rows of a value with their names, which those of a list have already."""
        known = all(isinstance(one, Ref) for one in value or ())
        return value or () if known else self.refs(value)

    text = plain

    def for_programs(self, value):
        return "; ".join(f"{BLANK}{int(one)}" for one in self._shown(value))

    def of_text(self, text):
        """The rows of a form's text, to be drawn; none where it can't be read."""
        try:
            return self.read(text) or () if text else ()
        except Unfit:
            return ()

    def makes(self, text):
        """The words of a form's text that no row is called by, where rows of that name may be made."""
        if not (self.reader and self.reader.adds and text):
            return []
        return [word for word in self._words(text) if not self.reader.named(word) and not _NUMBERED.fullmatch(word)]

    @property
    def called(self):
        """What the other table is called."""
        return self.reader.called

    def address(self, url, id):
        """Where a row of the other table is, by where this table is."""
        return f"{url.rpartition('/')[0]}/{self.reader.slug}/{int(id)}"

    def searched(self, value):
        return ""  # who finds the row may not see the other one

    def stored(self, value):
        return [int(id) for id in value] if value else None

    def restored(self, stored):
        return tuple(stored) if stored else None

    def to_json(self, value):
        found = [{"id": int(one), "title": one.title} for one in self._shown(value)]
        return found if self.takes_many else found[0] if found else None

    def schema(self, writes=False):
        parts = {"id": {"type": "integer"}, "title": {"type": "string"}}
        one: dict = {"type": "object", "properties": parts, "required": ["id", "title"], "additionalProperties": True}
        if not writes:
            return {"type": "array", "items": one} if self.takes_many else one
        if not self.takes_many:
            move = {"type": "boolean", "description": "Also from a row that has it, where no two may."}
            moved = {"id": {"type": "integer"}, "move": move}
            return {"anyOf": [{"type": "integer"}, {"type": "object", "properties": moved, "required": ["id"]}]}
        ids = {"type": "array", "items": {"type": "integer"}}
        return {"anyOf": [ids, {"type": "object", "properties": {"add": ids, "remove": ids}}]}

    def from_json(self, json):
        given = json if isinstance(json, list) else [json]
        ids = [one.get("id") if isinstance(one, dict) else one for one in given]
        if any(isinstance(id, bool) or not isinstance(id, int) for id in ids):
            raise Unfit("Send the number of a row." if not self.takes_many else "Send a list of rows' numbers.")
        return self._of([f"{BLANK}{id}" for id in ids])

    @cached_property
    def operators(self):
        return operators.MANY if self.takes_many else operators.CHOICE

    def compared(self, value):
        return value if self.takes_many or not isinstance(value, tuple) else value[0]

    def asked(self, text):
        found = self.read(text)
        return found[0] if found else None

    def beyond(self, field):
        """A field for each that is seen of the other row, for conditions: «Sponsor → City»."""
        if self.reader is None:
            return ()
        return tuple(
            Field(f"{field.name}.{f.name}", f"{field.label} → {f.label}", Beyond(f.kind), also=f.also)
            for f in self.reader.fields
            if f.kind.operators and not isinstance(f.kind, Linked)
        )


class Beyond(Kind):
    """What conditions ask of a field of linked rows: as of its kind, and one row that meets it is enough.

    A cell is a tuple of what stands in those rows; of none it is asked as of one that is empty.
    """

    keyed = False
    filters = False

    def __init__(self, kind):
        self.kind = kind

    def __getattribute__(self, name):
        mine = name in ("keyed", "filters", "kind", "test", "span") or name.startswith("_")
        return object.__getattribute__(self, name) if mine else getattr(self.kind, name)

    def test(self, operator, value, operand):
        return any(self._meets(operator, one, operand) for one in value or (None,))

    def _meets(self, operator, value, operand):
        if operator.key == "left_over":
            return isinstance(value, LeftOver)
        return self.kind.test(operator, None if isinstance(value, LeftOver) else value, operand)

    def span(self, operator, operand):
        return None
