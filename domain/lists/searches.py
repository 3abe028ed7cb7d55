"""Ways to look for words in a list. Each narrows the query by parameters, so that its text is built once."""

from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
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

    def shape(self, words):
        return len(words), len(words) == 1 and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 10

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
class Indexed:
    """Parts of names, addresses and ids by an index over three letters each; for tables that grow.

    `index` is made in a migration (`add_parts`). Words of one or two letters are looked for by `exact` alone.
    """

    index: str
    exact: tuple[Any, ...] = ()

    def shape(self, words):
        number = len(words) == 1 and words[0].isascii() and words[0].isdecimal() and len(words[0]) < 10
        return ("number",) if number else ("parts",) if all(len(word) > 2 for word in words) else ("exact", len(words))

    def narrow(self, listing, query, shape):
        if shape[0] == "number":
            return query.where(listing.model.id == parameter("number")), listing.model.id
        if shape[0] == "parts":
            return database.parts(query, self.index)
        conditions = [
            reduce(or_, [Expression(column, OP.ILIKE, parameter(f"part_{n}")) for column in self.exact])
            for n in range(shape[1])
        ]
        return query.where(reduce(and_, conditions)), listing.model.id

    def values(self, listing, words, by, tab):
        kind = self.shape(words)[0]
        if kind == "number":
            return {"number": int(words[0])}
        if kind == "parts":
            return {"match": database.match_parts(words)}
        return {f"part_{n}": f"{word}%" for n, word in enumerate(words)}
