"""Ways to look for words in a list. Each narrows the query by parameters, so that its text is built once."""

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from peewee import OP, Expression

from database.connections import database
from database.parameters import parameter


@dataclass(frozen=True)
class Words:
    """Whole words, the last one as a beginning, by the table's own word index; for tables of organizations.

    `places` names, for a column that says whose row it is, the letter under which the index has it.
    """

    places: tuple = ()  # ((column, letter), …)

    def shape(self, words):
        """What of the words changes the text of the query."""
        return bool(words)

    def narrow(self, listing, query, shape):
        """(the query, the id to order and go on by)."""
        return database.search(query)

    def values(self, listing, words, by, tab):
        places = [f"o{by.organization.id}"]
        if tab.column:
            places.append(f"{dict(self.places)[tab.column]}{by.user.id}")
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

    Words of one or two letters are looked for as beginnings, without the index.
    """

    def shape(self, words):
        count, is_number = super().shape(words)
        return count, is_number, all(len(word) > 2 for word in words)

    def narrow(self, listing, query, shape):
        count, is_number, is_indexed = shape
        if is_number:
            return query.where(listing.model.id == parameter("number")), listing.model.id
        if is_indexed:
            return database.parts(query, self.columns, count)
        return super().narrow(listing, query, (count, False))

    def values(self, listing, words, by, tab):
        found = super().values(listing, words, by, tab)
        return found | ({"match": database.match_parts(words)} if self.shape(words)[2] else {})
