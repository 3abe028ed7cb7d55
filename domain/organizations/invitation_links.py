"""Links that several people may join an organization by: with a role, a limit and an end.

The secret of a link is shown once, when it is made, and kept as a hash. A link holds no seat: seats are counted
when somebody joins, and open invitations count as taken. Whoever joins must have proven their address; whoever
was removed after a link was made doesn't come back by it.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from peewee import JOIN, Case, CharField

from database.clock import now
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, NotFound, Refused, existing
from domain.base import changes, configuration, history, keys
from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing
from domain.organizations import invitations, organizations, permissions
from models import Change, Invitation, InvitationLink, Membership, Organization, Profile

ROLE = Choice((("member", "Member", "quiet"), ("viewer", "Viewer", "quiet")))  # admins are invited by name
DAYS = Choice((("1", "A day", ""), ("7", "7 days", ""), ("30", "30 days", "")))
FIELDS = (
    Field("role", "Role", ROLE, True, default="member"),
    Field("most", "How many may join", Number(1, 200), True, default=10),
    Field("days", "Holds for", DAYS, True, default="7"),
)


@writes
def make(form, *, by, key=""):
    """Make a link out of form texts; returns (the row, its secret), the same ones for a form that is sent twice
    with one `key`. Refuses with Invalid, and as `invite` does."""
    by.require("members.invite")
    key = changes.form_key(key)
    values, secret = read_whole(FIELDS, form), _secret(key, by)
    lock("changes", by.organization.id)  # a repeat waits for the first
    if held := InvitationLink.one(InvitationLink.secret_hash == _hash(secret)):
        return held, secret
    role, most, until = values["role"], values["most"], now() + timedelta(days=int(values["days"]))
    made = InvitationLink.create(role=role, most=most, expires_at=until, secret_hash=_hash(secret), made_by=by.user)
    summary, facts = f"A link for up to {most} to join as {role}", {"role": role, "most": most, "until": f"{until:%F}"}
    history.note("invitation.link_made", summary, made, by=by, verb="created", category="member", batch=key, **facts)
    return made, secret


def _secret(key, by):
    """By chance; what a form with a key makes follows from that, so that a repeat has the same to show."""
    said = f"{by.organization.id} {by.user.id} {key}"
    return keys.keyed("invitation link", said) if key else secrets.token_urlsafe(32)


def _hash(secret):
    return hashlib.sha256(clean(secret)[:200].encode()).hexdigest()


def address(secret):
    """The whole address that is passed on."""
    return configuration.active.site_url + path(secret)


def path(secret):
    """Where it leads, on this site."""
    return f"/accept-invitation/{secret}"


@writes
def end(id, *, by):
    """Nobody joins by the link from here on; who has joined stays. Refuses with NotFound, or when it is over."""
    by.require("invitations.cancel")
    held = existing(InvitationLink.one(InvitationLink.id == id), "There is no such link.")
    ended = InvitationLink.update(ended_at=now()).where(
        InvitationLink.id == held.id, InvitationLink.ended_at.is_null(), InvitationLink.expires_at > now()
    )
    if not ended.execute():
        raise Refused("This link is over already.", "INVALID_TRANSITION")
    summary = f"The link to join as {held.role} was ended; {held.joined} joined by it"
    history.note("invitation.link_ended", summary, held, by=by, category="member", joined=held.joined)
    return "The link is ended. Nobody can join by it any more."


def end_of(user):
    """End the links of somebody who may not invite any more and knows their addresses yet, in the present transaction
    and scope."""
    open_ones = InvitationLink.ended_at.is_null(), InvitationLink.expires_at > now()
    InvitationLink.update(ended_at=now()).where(InvitationLink.made_by == user, *open_ones).execute()


# --- joining ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """What a link offers; `refusal` is why this visitor can't take it, or None."""

    link: InvitationLink
    organization: Organization
    maker: str
    is_member: bool
    refusal: Refused | None


def look(secret, user):
    """What the link offers this user, or a stranger (None). Refuses with NotFound."""
    with everywhere("a link names itself, not its organization"):
        link = InvitationLink.one(InvitationLink.secret_hash == _hash(secret))
    if link is None:
        raise NotFound("There is no such link. Ask whoever gave it to you for a new one.")
    organization = Organization.get_by_id(link.organization_id)
    mine = user and Membership.one(Membership.organization == organization, Membership.user == user)
    with inside(organization):
        refusal = None if mine else _refusal(link, organization, user)
        maker = link.made_by.name if link.made_by else "Somebody who left"
    return Offer(link, organization, maker, bool(mine), refusal)


def _refusal(link, organization, user):
    if link.ended_at or link.expires_at <= now():
        return Refused("This link is over. Ask for a new one.", "INVALID_TRANSITION")
    if link.joined >= link.most:
        return Refused("As many people as it was made for have joined by this link.", "INVALID_TRANSITION")
    if refusal := invitations.closed(organization):
        return refusal
    if user is not None and user.email_verified_at is None:
        return invitations.WrongAccount(
            "Prove your e-mail address first, then open this link again.", "EMAIL_NOT_VERIFIED"
        )
    if user is not None and _was_removed(user, link):
        return Forbidden(f"You were removed from {organization.name} after this link was made. Ask for an invitation.")
    own = user is not None and _own(user).exists()
    return permissions.seat_refusal(organization, permissions.taken(organization) - own)


def _was_removed(user, link):
    removals = Change.select(Change.fields).where(
        Change.table == "organization_member",
        Change.verb == "deleted",
        Change.at >= link.created_at,
        Change.by != user,
    )
    return any(gone.fields.get("user") == [user.id, None] for gone in removals)


def _own(user):
    """Their open invitation to become a member: it has a seat for them."""
    return Invitation.select().where(
        Invitation.email_norm == user.email_norm,
        Invitation.status == "pending",
        Invitation.expires_at > now(),
        Invitation.workspace.is_null(),
    )


@writes
def join(secret, user, session=None):
    """Become a member by a link, and work there from here on; returns the Offer. A member stays what they are.
    Refuses with NotFound, and for each reason that `look` names, with MemberLimitExceeded and others."""
    lock("seats", look(secret, user).organization.id)
    offer = look(secret, user)
    if offer.refusal:
        raise offer.refusal
    if not offer.is_member:
        with inside(offer.organization):
            _join(offer, user)
    organizations.switch(user, offer.organization, session)
    return offer


def _join(offer, user):
    link, organization = offer.link, offer.organization
    free = (InvitationLink.joined < InvitationLink.most) & InvitationLink.ended_at.is_null()
    counted = InvitationLink.update(joined=InvitationLink.joined + 1).where(InvitationLink.id == link.id, free)
    if not counted.execute():
        raise Refused("This link is over. Ask for a new one.", "INVALID_TRANSITION")
    taken = Invitation.update(status="accepted", accepted_by=user, accepted_at=now())
    taken.where(Invitation.id.in_(_own(user).select(Invitation.id))).execute()
    invitations.add(organization, user, link.role, link=link.id)
    changes.record(organization, "invitation_link", link.id, "updated", by=user)
    title, at = f"{user.name} joined {organization.name} by a link", f"/{organization.slug}/members"
    organizations.tell(organization, "member.joined", f"joined_by_link:{link.id}:{user.id}", title, by=user, link=at)
    if link.made_by and organizations.reach(link.made_by, organization.slug):
        key = f"link:{link.id}:{user.id}"
        invitations.tell_inviter(link.made_by, organization, key, user, organization.name, link.role)


# --- as a list ----------------------------------------------------------------------------------------------

STATUS = Choice(
    (
        ("open", "Open", "good"),
        ("full", "Used up", "quiet"),
        ("expired", "Expired", "quiet"),
        ("ended", "Ended", "quiet"),
    )
)
_STATUS = Case(
    None,
    (
        (InvitationLink.ended_at.is_null(False), "ended"),
        (InvitationLink.expires_at <= parameter("moment"), "expired"),
        (InvitationLink.joined >= InvitationLink.most, "full"),
    ),
    "open",
)

listing = Listing(
    *("invitation_links", "link", "links", InvitationLink),
    (
        Field("label", "Link", Derived(lambda row: f"As {row['role']}, {row['joined']} of {row['most']} joined")),
        Field("role", "Role", ROLE),
        Field("status", "Status", STATUS),
        Field("who", "Made by", Text(120)),
        Field("created_at", "Made", Moment(past=True)),
        Field("expires_at", "Holds until", Moment(past=True)),
    ),
    NEWEST,
    joins=lambda query: query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == InvitationLink.made_by)),
    elsewhere=(
        ("label", CharField(), InvitationLink.role),
        ("who", Profile.full_name, None),
        ("status", CharField(), _STATUS),
    ),
    acts=(
        Act(
            *("end", "End link", end, "invitations.cancel"),
            confirm="End this link? Nobody can join by it any more; who has joined stays.",
            tone="danger",
            when=lambda row: row.status in ("open", "full"),
        ),
    ),
    also=("joined", "most"),
    reads="invitations.read",
    chips="status",
    icon="link",
    empty=(("all", "A link lets several people join without an invitation each: for a team, a class, a chat."),),
)
