from dataclasses import dataclass

from domain.fields.kinds import Kind, Unfit, whole
from domain.fields.person import Person, found, members, names
from domain.fields.records import operators
from domain.fields.records.many_options import quoted, split

_ONE = Person()


@dataclass(frozen=True)
class People(Kind):
    """Several members of the organization one stands in, as a tuple of ids by age."""

    name = "people"
    several = True
    keyed = False
    operators = operators.MANY

    def read(self, text):
        """Ids, addresses or names: a list, or a text with semicolons between them."""
        return self._members_of(text if isinstance(text, list) else split(text, ";"))

    def parse(self, text, form):
        return self._members_of(split(text, form.separator or ";"))

    def _members_of(self, words):
        if len(words) > 100:
            raise Unfit("At most a hundred people.")
        return tuple(sorted({whole(word) if whole(word) in members() else found(word) for word in words})) or None

    def plain(self, value):
        known = names(set(value or ()))
        return "; ".join(quoted(known.get(id, "")) for id in value or ())

    def text(self, value):
        return "; ".join(map(str, value or ()))

    def stored(self, value):
        return list(value) if value else None

    def restored(self, stored):
        return tuple(stored) if stored else None

    def asked(self, text):
        return whole(text) or _ONE.read(text)

    def to_json(self, value):
        known = names(set(value or ()))
        return [{"id": id, "name": known.get(id, "")} for id in value or ()]

    def schema(self, writes=False):
        return {"type": "array", "items": _ONE.schema(writes)}

    def from_json(self, json):
        if not isinstance(json, list):
            raise Unfit("Send a list of members' ids.")
        return tuple(sorted({_ONE.from_json(one) for one in json})) or None
