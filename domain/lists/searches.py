"""Ways to look for words in a list. Each narrows the query by parameters, so that its text is built once."""

import re
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from peewee import OP, Expression

from database.connections import database
from database.parameters import parameter

# Thai, Lao, Burmese, Khmer, kana and Han are written without spaces; Korean puts its particles to the word.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
LAST = "\U0010ffff"  # comes after every letter
BEGINNING_SO = 1000  # rows that are looked at for a word of one or two letters: a letter alone begins very many


@dataclass(frozen=True)
class Words:
    """Whole words, the last one as a beginning, by the table's own word index; for tables of organizations.
    `places` names, for a column that says whose row it is, the letters under one of which the index has it. A word of
    a script without spaces stands within a sentence: such are looked for in `columns`, row by row."""

    places: tuple = ()  # ((column, letters), …)
    columns: tuple = ()  # what the index is made of

    def shape(self, words):
        """What of the words changes the text of the query."""
        return len(words) if any(map(UNSPACED.search, words)) else "index"

    def narrow(self, listing, query, shape):
        """(the query, the id to order and go on by)."""
        if shape == "index":
            return database.search(query)
        for place in range(shape):
            query = query.where(
                reduce(or_, [Expression(c, OP.ILIKE, parameter(f"part_{place}")) for c in self.columns])
            )
        return query, listing.model.id

    def values(self, listing, words, by, tab):
        if self.shape(words) != "index":
            return {f"part_{place}": f"%{word}%" for place, word in enumerate(words)}
        places = [f"o{by.organization.id}"]
        if tab.column:
            letters = dict(self.places)[tab.column]
            places.append("(" + " OR ".join(f"{letter}{by.user.id}" for letter in letters) + ")")
        return {"match": database.match(words, places)}


@dataclass(frozen=True)
class Parts:
    """Parts of a few columns, each word in any of them, or a row's number; for tables that stay small."""

    columns: tuple[Any, ...]
    numbered: bool = True  # a number alone is a row's own; else it is a part like any other

    def shape(self, words):
        is_number = (
            self.numbered and len(words) == 1 and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 10
        )
        return len(words), is_number

    def narrow(self, listing, query, shape):
        count, is_number = shape
        for place in range(count):
            part = parameter(f"part_{place}")
            any_of = [Expression(column, OP.ILIKE, part) for column in self.columns]
            if is_number:
                any_of.append(listing.model.id == parameter("number"))
            query = query.where(reduce(or_, any_of))
        return query, listing.model.id

    def values(self, listing, words, by, tab):
        found = {f"part_{place}": f"%{word}%" for place, word in enumerate(words)}
        return found | ({"number": int(words[0])} if self.shape(words)[1] else {})


@dataclass(frozen=True)
class Indexed(Parts):
    """The same by an index over three letters each (`add_parts` in a migration), for tables that grow.
    The index knows no words of one or two letters: beside longer ones they are looked for in what those find, and
    alone they are beginnings of `begins`, columns in lower case that have an index of their own. Of those the first
    thousand are looked at, in the order of letters."""

    begins: tuple = ()

    def shape(self, words):
        count, is_number = super().shape(words)
        return count, is_number, tuple(len(word) > 2 for word in words)

    def narrow(self, listing, query, shape):
        count, is_number, are_long = shape
        if is_number:
            return query.where(listing.model.id == parameter("number")), listing.model.id
        if any(are_long):
            query, by_id = database.parts(query, self.columns, count)
            short = [place for place, is_long in enumerate(are_long) if not is_long]
            return query.where(*(self._holds(f"part_{place}") for place in short)), by_id
        if not self.begins:
            return super().narrow(listing, query, (count, False))
        for place in range(count):
            found = [listing.model.id << _beginning(listing.model, column, place) for column in self.begins]
            query = query.where(reduce(or_, found))
        return query, listing.model.id

    def _holds(self, part):
        return reduce(or_, [Expression(column, OP.ILIKE, parameter(part)) for column in self.columns])

    def values(self, listing, words, by, tab):
        found = super().values(listing, words, by, tab)
        long = [word for word in words if len(word) > 2]
        for place, word in enumerate(words):
            found |= {f"begin_{place}": word.lower(), f"end_{place}": word.lower() + LAST}
        return found | ({"match": database.match_parts(long)} if long else {})


def _beginning(model, column, place):
    """A walk of an index in the plain order of letters, which is SQLite's own; on PostgreSQL it wants to be said."""
    if database.dialect == "postgres":
        column = column.collate('"C"')
    within = (column >= parameter(f"begin_{place}")) & (column < parameter(f"end_{place}"))
    return model.select(model.id).where(within).order_by(column).limit(BEGINNING_SO)
