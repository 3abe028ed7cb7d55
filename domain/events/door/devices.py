"""Who works at an event's door, and on which phones: members, and those who have their door and nothing else: the
people of the event's workspace, and its own scanners (scanners.py). A suspended organization's door stays open: the
holders have paid."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now
from database.compiled import CompiledPairs, CompiledRows
from database.parameters import parameter
from database.scope import everywhere
from database.transactions import writes
from domain import Forbidden, NotFound, Refused
from domain.base import history
from domain.events import events
from domain.events.door import checkpoints
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Named, Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from domain.organizations import organizations, permissions
from models import Assignment, Checkpoint, Device, Event, Membership, Organization, Profile, User

BEFORE, AFTER = timedelta(days=1), timedelta(days=1)  # around the event, in which its door is there
MOST = 100  # phones of an event


class Revoked(Refused):
    """This phone was taken off the door: what it holds of the event goes, and it makes no entries."""

    code, status = "FORBIDDEN", 403


@dataclass(frozen=True)
class Keeper:
    """Somebody at the door of an event: they see names and tickets, and neither addresses nor prices."""

    user: User
    organization: Organization
    event: Event
    role: str  # in the organization or in the event's workspace
    member: organizations.Member | None = None  # where they are one of the organization


def is_there(event):
    """Whether an event has a door now: for a while after its end too, also where it is put away at once, for phones
    that have scans to send."""
    return event.is_known and event.ends_at + AFTER > now()


def reach(user, public_id):
    """The Keeper of an event (its public id), or None where they don't work at its door or it has none now.
    Refuses with SecondFactorRequired a member of an organization that asks for one."""
    with everywhere("an event's door is found by its address"):
        event = next(iter(_events(public_id=str(public_id)[:40])), None)
        if event is None or not is_there(event) or event.organization.status == "deleted":
            return None
        member = organizations.reach(user, event.organization.slug)
        role = _role(user, event, member)
    if not role:
        return None
    if member and (closed := permissions.closed(member)):
        raise closed
    return Keeper(user, event.organization, event, role, member)


# At each scan: `check_in_vs_pretix`.
_events = CompiledPairs(
    Event.organization,
    lambda: Event.select(Event, Organization).join(Organization).where(Event.public_id == parameter("public_id")),
)
_phones = CompiledRows(
    Device, lambda: Device.select().where(Device.token_hash == parameter("token"), Device.event == parameter("event"))
)


def _role(user, event, member):
    """What they are at the door; empty for nobody."""
    if member is not None and member.role != "viewer":
        return member.role
    here = Assignment.event == event.id
    if event.workspace_id:
        here |= (Assignment.workspace == event.workspace_id) & Assignment.event.is_null()
    placed = {one.event_id: one.role for one in Assignment.select().where(Assignment.user == user.id, here)}
    return placed.get(None) or placed.get(event.id, "")


def open_to(user):
    """The events whose door they work at, those that begin first before others."""
    with everywhere("somebody works at doors of several organizations"):
        member = Membership.select(Membership.organization).where(
            Membership.user == user.id, Membership.role != "viewer"
        )
        mine = Assignment.user == user.id
        placed = Assignment.select(Assignment.workspace).where(mine, Assignment.event.is_null())
        alone = Assignment.select(Assignment.event).where(mine, Assignment.event.is_null(False))
        query = (
            Event.select(Event, Organization)
            .join(Organization)
            .where(
                Event.state == "published",
                Event.starts_at < now() + BEFORE * 7,
                Event.ends_at > now() - AFTER,
                Organization.status != "deleted",
                (Event.organization << member) | (Event.workspace << placed) | (Event.id << alone),
            )
        )
        return list(query.order_by(Event.starts_at, Event.id).limit(50))


# --- phones --------------------------------------------------------------------------------------------------------


@writes
def open_door(keeper, name, checkpoint_id):
    """A phone begins to work at a gate: (its row, the token that is shown once). Refuses with NotFound."""
    gate = checkpoints.chosen(keeper.event, checkpoint_id)
    mine = Device.select().where(Device.event == keeper.event.id, Device.revoked_at.is_null())
    if mine.count() >= MOST:
        raise Refused(f"{MOST} phones work at this door already. Take one off first.")
    lately = Device.revoked_at > now() - AFTER
    if Device.one(Device.event == keeper.event.id, Device.user == keeper.user.id, lately):
        raise Revoked("A phone of yours was taken off this door. Whoever did that can let it back.")
    token, name = secrets.token_urlsafe(32), clean(name or "")[:60] or keeper.user.name
    made = Device.create(
        event=keeper.event, checkpoint=gate, user=keeper.user, name=name, token_hash=hashed(token), seen_at=now()
    )
    history.note(
        "device.opened",
        f"{name} works at {gate.name}",
        made,
        by=keeper.user,
        organization=keeper.organization,
    )
    return made, token


def hashed(token):
    """What is kept of a phone's token."""
    return hashlib.sha256(str(token)[:100].encode("utf-8", "surrogatepass")).hexdigest()


def known(keeper, token):
    """The phone that has this token. Refuses with NotFound, with Revoked, and with Forbidden for somebody else's."""
    found = _phones.first(token=hashed(token), event=keeper.event.id) if token else None
    if found is None:
        raise NotFound("This phone isn't at the door yet. Choose a gate.")
    if found.revoked_at:
        raise Revoked("This phone was taken off the door.")
    if found.user_id != keeper.user.id:
        raise Forbidden(f"This phone was opened by {found.user.name}. Sign in as them, or choose a gate anew.")
    return found


@writes
def go_to(device, checkpoint_id):
    """The phone works at another gate from here on. Refuses with NotFound."""
    gate = checkpoints.one(checkpoint_id, device.event_id)
    Device.update(checkpoint=gate).where(Device.id == device.id).execute()
    return gate


@writes
def revoke(id, *, by):
    """Take a phone off the door: it forgets the event at its next word with us. Refuses with NotFound."""
    by.require("events.write")
    if not Device.update(revoked_at=now()).where(Device.id == id, Device.revoked_at.is_null()).execute():
        raise NotFound("This phone is off the door already.")
    device = Device.get(Device.id == id)
    history.note("device.revoked", f"{device.name} was taken off the door", device, by=by)
    return f"{device.name} is off the door."


@writes
def let_back(id, *, by):
    """Let a phone that was taken off work again. Refuses with NotFound."""
    by.require("events.write")
    if not Device.update(revoked_at=None).where(Device.id == id, Device.revoked_at.is_null(False)).execute():
        raise NotFound("This phone isn't off the door.")
    device = Device.get(Device.id == id)
    history.note("device.let_back", f"{device.name} works at the door again", device, by=by)
    return f"{device.name} works again."


# --- as a list -----------------------------------------------------------------------------------------------------


def _joined(query):
    query = query.join(User, on=(User.id == Device.user)).join(Profile, on=(Profile.user == User.id))
    return query.join_from(Device, Checkpoint, on=(Checkpoint.id == Device.checkpoint))


listing = Listing(
    *("devices", "phone", "phones", Device),
    (
        Field("name", "Name", Text(60)),
        Field("who", "Who", Named()),
        Field("gate", "Gate", Text(60)),
        Field("seen_at", "Last seen", Moment(past=True)),
        Field("waiting", "Yet to send", Number()),
        Field("revoked_at", "Taken off", Moment(past=True)),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(("who", Profile.full_name, None), ("gate", Checkpoint.name, None)),
    acts=(
        Act(
            *("revocation", "Take off the door", revoke, "events.write"),
            confirm="Take {name} off the door? It can't let anybody in from here on.",
            when=lambda row: row.revoked_at is None,
            tone="danger",
        ),
        Act(*("return", "Let back", let_back, "events.write"), when=lambda row: row.revoked_at is not None),
    ),
    parent=Device.event,
    stands_in=lambda id, by: events.one(id),
    reads="events.read",
    icon="device-mobile",
    empty=(("all", "Whoever opens the door on a phone is listed here."),),
)
rules = rows.Rules(listing)
