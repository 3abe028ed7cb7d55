from dataclasses import dataclass

from database.compiled import Compiled
from database.parameters import parameter
from database.scope import scope
from domain.fields.kinds import Kind, Unfit, whole
from models import Membership, Profile, User


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


_members = Compiled(
    lambda: (
        Membership.select(User.id, Profile.full_name, User.email)
        .join(User)
        .join(Profile, on=(Profile.user == User.id))
        .where(Membership.organization == parameter("scope"), User.status == "active")
    )
)


def members():
    """id → name of everybody in the organization one stands in, by name."""
    scope()
    found = ((id, name or email) for id, name, email in _members())
    return dict(sorted(found, key=lambda pair: pair[1].casefold()))


def names(ids):
    """id → name, also of people who have left."""
    ids = {id for id in ids if id}
    if not ids:
        return {}
    rows = User.select(User.id, Profile.full_name, User.email).join(Profile, on=(Profile.user == User.id))
    return {id: name or email for id, name, email in rows.where(User.id.in_(ids)).tuples()}


def emails(ids):
    """id → e-mail address, of those who are members of the organization one stands in."""
    found = User.select(User.id, User.email).join(Membership, on=(Membership.user == User.id))
    return dict(found.where(Membership.organization == scope(), User.id.in_(list(ids))).tuples())
