from dataclasses import dataclass
from typing import NamedTuple

from database.compiled import Compiled
from database.parameters import parameter
from database.scope import scope
from domain.fields.kinds import Kind, Unfit, clean, comparable, whole
from domain.fields.records import operators
from models import Membership, Profile, User


class Called(NamedTuple):
    """Somebody as they are drawn: by their name, and their picture where they have one."""

    name: str | None
    face: str | None = None


@dataclass(frozen=True)
class Person(Kind):
    """A member of the organization one stands in. The value is the user's id, found in scope only."""

    name = "person"
    filters: bool = True
    bulk: bool = True
    names_people: bool = True

    def read(self, text):
        if whole(text) not in members():
            raise Unfit("Choose a member of this organization.")
        return whole(text)

    def plain(self, value):
        return names({value}).get(value, "") if value else ""

    operators = operators.CHOICE

    def parse(self, text, form):
        return found(text)

    def key(self, value):
        return f"{value:010}"

    def asked(self, text):
        return whole(text) or self.read(text)  # also of somebody who has left

    def restored(self, stored):
        return whole(stored)

    def to_json(self, value):
        return {"id": value, "name": self.plain(value)} if value else None

    def from_json(self, json):
        id = json.get("id") if isinstance(json, dict) else json
        if isinstance(id, bool) or not isinstance(id, int):
            raise Unfit("Send a member's id.")
        return self.read(str(id))

    def schema(self, writes=False):
        if writes:
            return {"type": "integer", "description": "The id of a member."}
        fields = {"id": {"type": "integer"}, "name": {"type": "string"}}
        return {"type": "object", "properties": fields, "required": ["id", "name"]}


def found(text):
    """The member of this e-mail address, or of this name if only one has it. Refuses with Unfit."""
    said = comparable(text)
    known = [(id, comparable(name or ""), comparable(email)) for id, name, email, _ in _members()]
    for place in (2, 1):
        ids = [one[0] for one in known if one[place] == said]
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise Unfit(f"{len(ids)} people here are called {clean(text)[:80]}.")
    raise Unfit("Nobody here is called that.")


_members = Compiled(
    lambda: (
        Membership.select(User.id, Profile.full_name, User.email, Profile.avatar_url)
        .join(User)
        .join(Profile, on=(Profile.user == User.id))
        .where(Membership.organization == parameter("scope"), User.status == "active")
    )
)


def members():
    """id → name of everybody in the organization one stands in, by name."""
    scope()
    found = ((id, name or email) for id, name, email, _ in _members())
    return dict(sorted(found, key=lambda pair: pair[1].casefold()))


def drawn():
    """id → Called of the same."""
    scope()
    found = sorted(_members(), key=lambda row: (row[1] or row[2]).casefold())
    return {id: Called(name or email, face) for id, name, email, face in found}


def names(ids):
    """id → name, also of people who have left; words that are left over in a cell are nobody's."""
    ids = {id for id in ids if isinstance(id, int)}
    if not ids:
        return {}
    rows = User.select(User.id, Profile.full_name, User.email).join(Profile, on=(Profile.user == User.id))
    return {id: name or email for id, name, email in rows.where(User.id.in_(ids)).tuples()}


# Asked for each row that a program reads: `api_get_vs_pocketbase`.
_called = Compiled(
    lambda: (
        User.select(User.id, Profile.full_name, User.email)
        .join(Profile, on=(Profile.user == User.id))
        .where(User.id == parameter("id"))
    )
)


def named(id):
    """[(id, name)] of one person, as `names` has it."""
    return [(id, name or email) for id, name, email in _called(id=id)]


def emails(ids):
    """id → e-mail address, of those who are members of the organization one stands in."""
    found = User.select(User.id, User.email).join(Membership, on=(Membership.user == User.id))
    return dict(
        found.where(Membership.organization == scope(), User.id.in_([id for id in ids if isinstance(id, int)])).tuples()
    )
