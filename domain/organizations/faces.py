"""The picture of a person: the middle of a photo, drawn anew, and shown wherever they are named among colleagues.

It lies with the files of their personal organization; where it is seen stands in their profile.
"""

from database.scope import inside
from database.transactions import writes
from domain import NotFound
from domain.base import audit
from domain.lists import attachments
from domain.organizations import organizations
from models import Membership, Organization, Profile, User

TABLE = "user"
ITSELF = 0  # as the row on which the file is, as with logos
SIZE = 128, 128
MOST = 12_000  # bytes


def _own(user):
    """The person as the Member of their personal organization."""
    mine = Organization.owner == user, Organization.is_personal, Organization.status != "deleted"
    return organizations.reach(user, Organization.get(*mine).slug)


def content(public_id, viewer, *, sees_all=False):
    """(hash, bytes as WebP) of somebody's picture, for themselves and whoever is in an organization with them, or sees
    all. Refuses with NotFound."""
    user = User.one(User.public_id == public_id, User.status != "deleted")
    if not (user and user.profile.avatar_url and (sees_all or user.id == viewer.id or _are_colleagues(user, viewer))):
        raise NotFound("There is no picture here.")
    own = _own(user)
    with inside(own.organization):
        found = attachments.picture(TABLE, ITSELF)
        return found.sha256, b"".join(attachments.content(found))


def _are_colleagues(user, viewer):
    theirs = Membership.select(Membership.organization).where(Membership.user == viewer)
    return Membership.select().where(Membership.user == user, Membership.organization.in_(theirs)).exists()


def put(user, data, name):
    """Make a photo (bytes) the picture of a person, instead of the one they had. Refuses as
    attachments.bring_picture."""
    own = _own(user)
    with inside(own.organization):
        _note(own, attachments.bring_picture(TABLE, ITSELF, data, name, SIZE, MOST, by=own))


@writes
def _note(own, facts):
    attachments.note_picture(TABLE, ITSELF, [facts], own)
    _set(own.user, f"/files/faces/{own.user.public_id}?{facts['sha256'][:12]}", "Chose a picture")


@writes
def remove(user):
    """Let go of it. Refuses with NotFound."""
    own = _own(user)
    with inside(own.organization):
        if not attachments.put_picture_away(TABLE, ITSELF, own):
            raise NotFound("You have no picture.")
    _set(user, None, "Removed the picture")


def _set(user, address, words):
    Profile.update(avatar_url=address).where(Profile.user == user.id).execute()
    audit.record("auth.user.updated", words, by=user, target=user)
