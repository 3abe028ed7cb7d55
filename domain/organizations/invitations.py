"""Invitations: into the organization with a role there, into one workspace with a role in that, or to one event's
door.

The letter's link is no key by itself: whoever takes it must have proven the very address it went to. Seats
are counted when somebody is invited (open invitations count) and again when they come.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now, written
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused, existing
from domain.base import audit, changes, history, outgoing, settings
from domain.base.roles import WORKSPACE_ROLES
from domain.fields.email import address, normalized
from domain.fields.kinds import clean
from domain.organizations import assignments, logos, organizations, permissions, workspaces
from models import Invitation, Membership, Organization, User

ROLES = ("admin", "member", "viewer")  # nobody is invited as owner
MANY = 50  # addresses of one form
KEPT = timedelta(days=14)  # how long an expired one is shown, to be sent anew

SAYS = {
    "expired": "This invitation is too old. Ask for a new one.",
    "cancelled": "This invitation was taken back.",
    "accepted": "This invitation was accepted already.",
}


class AlreadyInvited(Refused):
    """There is an open one for this address: `details["invitation"]` can be sent again."""


class WrongAccount(Forbidden):
    """Signed in with another address than the one that was invited, or with one that isn't proven."""


# --- sending ----------------------------------------------------------------------------------------------


def invite(email, role, *, by, workspace=None, event=None, allow=lambda: None):
    """Invite an address, with a letter; returns the invitation.
    `workspace` is its id when they are to work in that alone, outside the paid seats, and `event` that whose door alone
    it is about. `allow()` is asked once
    the form is in order, and may refuse. Refuses with Invalid, AlreadyInvited, CapabilityRequired,
    MemberLimitExceeded, PersonalMode or Forbidden."""
    by.require("members.invite_staff" if workspace else "members.invite")
    problems = {}
    try:
        email = address(email)
    except Invalid as invalid:
        problems |= invalid.fields
    if role not in (WORKSPACE_ROLES if workspace else ROLES):
        problems["role"] = "Choose a role from the list."
    if problems:
        raise Invalid(problems)
    allow()
    return _invite(email, role, workspace, event, by)


def addresses_in(text):
    """The addresses in a pasted text, each once: between commas, semicolons or spaces, or as «Ada <ada@…>»."""
    found = {}
    for piece in re.split(r"[,;\n]", re.sub(r'"[^"\n]*"', " ", clean(text))):
        within = re.findall(r"<([^<>]*)>", piece)
        for word in within or piece.split():
            address = word.strip().removeprefix("mailto:").strip("\"'.<>")
            found.setdefault(address.casefold(), address)
    return [address for address in found.values() if address]


def invite_all(text, role, *, by, allow=lambda: None):
    """Invite every address of a text, each for itself; returns [(address, None or why it wasn't invited)].
    Refuses with Invalid where there is none or more than MANY, and with what concerns them all: see `invite`."""
    found, said = addresses_in(text), []
    if not 1 <= len(found) <= MANY:
        sentence = f"At most {MANY} at once; these are {len(found)}." if found else "Write at least one address."
        raise Invalid({"email": sentence})
    for email in found:
        try:
            invite(email, role, by=by, allow=allow)
            said.append((email, None))
        except Refused as refusal:
            if len(found) == 1 or refusal.status == 403 or "role" in refusal.fields:
                raise
            said.append((email, refusal.fields.get("email", refusal.sentence)))
    return said


@writes
def _invite(email, role, workspace, event, by):
    organization, norm = by.organization, normalized(email)
    lock("seats", organization.id)
    if held := open_for(norm):
        raise AlreadyInvited(
            f"{held.email} is invited already. Send that invitation again, or cancel it first.",
            invitation=held.id,
            fields={"email": f"{held.email} is invited already; it can be sent again in the list."},
        )
    place = workspaces.one(workspace) if workspace else None
    _refuse_insiders(norm, place, event, organization)
    if place is None:
        by.require("members.invite")  # the seats as they are now that it is our turn
    elif place.archived_at:
        raise Refused(f"{place.name} is archived. Restore it first.")
    Invitation.update(status="expired").where(Invitation.email_norm == norm, Invitation.status == "pending").execute()
    made = Invitation.create(
        email=email, email_norm=norm, role=role, workspace=place, event=event, invited_by=by.user, expires_at=_until()
    )
    where = f"{role} {assignments.spoken(place, event)}" if place else role
    facts = {"email": email, "role": role, "workspace": place.name if place else None}
    history.note("member.invited", f"{email} was invited: {where}", made, by=by, verb="created", **facts)
    _tell_invited(made, by.user)
    key, title = f"member.invited:{made.id}", f"{by.user.name} invited {email}"
    organizations.tell(organization, "member.invited", key, title, by=by.user, link=f"/{organization.slug}/members")
    return made


def _until():
    return now() + timedelta(hours=settings.get("invitation_ttl_hours"))


def _path(invitation):
    return f"/accept-invitation?invitationId={invitation.public_id}"


def _refuse_insiders(norm, workspace, event, organization):
    who = User.one(User.email_norm == norm)
    if who is None:
        return
    if Membership.one(Membership.organization == organization, Membership.user == who):
        sentence = f"{who.name} is a member of {organization.name} already."
        if workspace:
            sentence += " Choose them from the list instead."
        raise Invalid({"email": sentence})
    if workspace and assignments.held_by(who, workspace, event):
        raise Invalid({"email": f"{who.name} is {assignments.spoken(workspace, event)} already."})


def _place(invitation, organization):
    """What an invitation leads into, in words."""
    if invitation.event:
        return f"the door of “{invitation.event.title}”, {organization.name}"
    return f"{invitation.workspace.name} of {organization.name}" if invitation.workspace else organization.name


def _tell_invited(invitation, inviter):
    """By letter, and once in the bell of whoever has proven that the address is theirs. They aren't in the organization
    yet, so to them it is news of none, and says no more of it than the letter."""
    organization = Organization.get_by_id(invitation.organization_id)  # all of it: a member knows a part
    outgoing.letter(
        "invitation",
        invitation.email,
        f"invitation:{invitation.id}:{invitation.expires_at.timestamp()}",
        by=inviter.name,
        emblem=logos.emblem(organization),
        where=_place(invitation, organization),
        role=invitation.role,
        good_until=invitation.expires_at,
        until=written(invitation.expires_at, organization.timezone),
        link=organizations.link_to(organization).removesuffix(f"/{organization.slug}") + _path(invitation),
    )
    mine = User.email_norm == invitation.email_norm, User.email_verified_at.is_null(False), User.status == "active"
    if known := User.one(*mine):
        title = f"{inviter.name} invites you to {_place(invitation, organization)}"
        outgoing.notify(known, "organization.invited", f"invited:{invitation.id}", title, link=_path(invitation))


# --- those that are out -------------------------------------------------------------------------------------


def open_for(norm):
    """The open invitation of this (normalized) address in the organization one stands in, or None."""
    return Invitation.one(Invitation.email_norm == norm, Invitation.status == "pending", Invitation.expires_at > now())


def of(workspace, event=None):
    """Those into a workspace, or to an event's door, that wait for an answer or lapsed lately, newest first."""
    waiting = (Invitation.status.in_(("pending", "expired"))) & (Invitation.expires_at > now() - KEPT)
    into = Invitation.event == event if event else (Invitation.workspace == workspace) & Invitation.event.is_null()
    query = Invitation.select().where(waiting, into)
    rows, seen = [], set()
    for row in query.order_by(Invitation.id.desc()).limit(500):
        if row.email_norm not in seen:  # a lapsed one that was followed by another is no news
            rows.append(row)
        seen.add(row.email_norm)
    return rows


def one(id):
    """One invitation of the organization one stands in. Refuses with NotFound."""
    return existing(Invitation.one(Invitation.id == id), "There is no such invitation.")


@writes
def resend(id, *, by):
    """Send the letter again; it holds anew. Refuses with NotFound, or when it isn't waiting any more."""
    by.require("invitations.cancel")
    lock("seats", by.organization.id)
    held = one(id)
    if not held.is_open and held.workspace_id is None and (refusal := _full(by.organization, invited=True)):
        raise refusal  # a lapsed one gave its seat away
    until = _until()
    sent = Invitation.update(expires_at=until).where(Invitation.id == held.id, Invitation.status == "pending")
    if not sent.execute():
        raise Refused(SAYS[held.status], "INVALID_TRANSITION")
    held.expires_at = until
    history.note("invitation.resent", f"{held.email} was mailed again", held, by=by, category="member")
    _tell_invited(held, by.user)
    return held


@writes
def cancel(id, *, by):
    """Take an invitation back. Refuses with NotFound, or when it isn't waiting any more."""
    by.require("invitations.cancel")
    held = one(id)
    _settle(held, "cancelled")
    summary = f"The invitation of {held.email} was cancelled"
    history.note("invitation.cancelled", summary, held, by=by, category="member")
    return held


def _settle(invitation, status, **values):
    done = Invitation.update(status=status, **values).where(
        Invitation.id == invitation.id, Invitation.status == "pending"
    )
    if not done.execute():
        raise Refused(SAYS[one(invitation.id).status], "INVALID_TRANSITION")


@writes
def expire(limit):
    """Close those whose time is over, a batch at a time; returns how many."""
    with everywhere("invitations lapse for all organizations alike"):
        lapsed = Invitation.select(Invitation.id).where(Invitation.status == "pending", Invitation.expires_at <= now())
        return Invitation.update(status="expired").where(Invitation.id.in_(lapsed.limit(limit))).execute()


# --- answering -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """What an invitation offers, and to whom; `refusal` is why this visitor can't take it, or None."""

    invitation: Invitation
    organization: Organization
    workspace: object
    where: str  # in words
    inviter: str
    refusal: Refused | None

    @property
    def path(self):
        return _path(self.invitation)

    @property
    def masked(self):
        """The invited address for the eyes of somebody else: «n•••@example.org»."""
        name, _, domain = self.invitation.email.partition("@")
        return f"{name[:1]}•••@{domain}"


def look(public_id, user):
    """What the invitation offers this user, or a stranger (None). Refuses with NotFound."""
    invitation = _by_public_id(public_id)
    organization = Organization.get_by_id(invitation.organization_id)
    with inside(organization):
        inviter = invitation.invited_by
        return Offer(
            invitation,
            organization,
            invitation.workspace,
            _place(invitation, organization),
            inviter.name if inviter else "Somebody who left",
            _refusal(invitation, organization, user),
        )


def waits_for(email_norm):
    """Whether an open invitation waits for this address."""
    mine = Invitation.email_norm == email_norm, Invitation.status == "pending", Invitation.expires_at > now()
    with everywhere("an invitation is looked for by its address alone"):
        return Invitation.select().join(Organization).where(*mine, Organization.status == "active").exists()


def _by_public_id(public_id):
    with everywhere("a letter's link names an invitation, not its organization"):
        found = Invitation.one(Invitation.public_id == clean(public_id)[:40])
    if found is None:
        raise NotFound("There is no such invitation.")
    return found


def _refusal(invitation, organization, user):
    """Why it can't be taken, for the pages and for `accept` alike; asked inside the organization."""
    if invitation.status != "pending":
        return Refused(SAYS[invitation.status], "INVALID_TRANSITION")
    if not invitation.is_open:
        return Refused(SAYS["expired"], "INVALID_TRANSITION")
    if refusal := closed(organization):
        return refusal
    if user is not None and user.email_norm != invitation.email_norm:
        return WrongAccount("This invitation went to another address than the one you are signed in with.")
    if user is not None and user.email_verified_at is None:
        return WrongAccount("Prove your e-mail address first, then open this link again.", "EMAIL_NOT_VERIFIED")
    return _full(organization) if invitation.workspace_id is None else None


def closed(organization):
    """Why nobody can join the organization now, or None."""
    if organization.status != "active":
        return permissions.OrganizationSuspended(f"{organization.name} can't be joined now. Ask whoever invited you.")
    return permissions.invitations_are_on(None, None)


def _full(organization, invited=False):
    return permissions.seat_refusal(organization, permissions.taken(organization, invited=invited))


@writes
def accept(public_id, user, session=None):
    """Take the invitation: the user is in, and a new member works there from here on. Returns the Offer.
    Exactly once; refuses for each reason that `look` names, with WrongAccount, MemberLimitExceeded and others."""
    invitation = _by_public_id(public_id)
    lock("seats", invitation.organization_id)
    offer = look(public_id, user)
    if offer.refusal:
        raise offer.refusal
    with inside(offer.organization):
        _settle(offer.invitation, "accepted", accepted_by=user, accepted_at=now())
        if offer.workspace is not None:
            part = offer.workspace, user, offer.invitation.role
            assignments.place(*part, by=user, organization=offer.organization, event=offer.invitation.event)
        else:
            add(offer.organization, user, offer.invitation.role, invitation=offer.invitation.id)
            organizations.switch(user, offer.organization, session)
        changes.record(offer.organization, "invitation", offer.invitation.id, "updated", by=user)
        _tell_joined(offer, user)
    return offer


def add(organization, user, role, **facts):
    """Make somebody a member, in the present transaction; `facts` say by what."""
    joined = (
        Membership.insert(organization=organization, user=user, role=role).on_conflict_ignore().as_rowcount().execute()
    )
    if not joined:  # they came by another way meanwhile, and keep the role they have
        return
    audit.record(
        "member.joined",
        f"{user.name} joined as {role}",
        by=user,
        organization=organization,
        target=user,
        role=role,
        **facts,
    )
    membership = Membership.get(Membership.organization == organization, Membership.user == user)
    changes.record(organization, "organization_member", membership.id, "created", {"role": [None, role]}, by=user)


def _tell_joined(offer, user):
    place = offer.where
    path = f"/{offer.organization.slug}/" + (f"workspaces/{offer.workspace.slug}" if offer.workspace else "members")
    key = f"member.joined:{offer.invitation.id}"
    organizations.tell(offer.organization, "member.joined", key, f"{user.name} joined {place}", by=user, link=path)
    inviter = offer.invitation.invited_by
    if inviter is not None and organizations.reach(inviter, offer.organization.slug):
        tell_inviter(inviter, offer.organization, key, user, place, offer.invitation.role)


def tell_inviter(inviter, organization, key, user, where, role):
    """By letter, if they want it: what the bell says is said to owners and admins."""
    at = f"/{organization.slug}/members"
    values = {"name": inviter.name, "who": user.name, "where": where, "role": role}
    letter = "invitation_accepted", values | {"link": organizations.link_to(organization, "/members")}
    about = {"link": at, "organization": organization, "letter": letter, "in_bell": False}
    outgoing.notify(inviter, "member.accepted", f"accepted:{key}", f"{user.name} joined {where}", **about)


@writes
def decline(public_id, user):
    """Say no to an invitation; whoever sent it is told. Refuses with NotFound, WrongAccount, or when it is over."""
    offer = look(public_id, user)
    if isinstance(offer.refusal, WrongAccount):
        raise offer.refusal
    with inside(offer.organization):
        _settle(offer.invitation, "cancelled")
        about = {"by": user, "organization": offer.organization, "category": "member"}
        history.note("invitation.declined", f"{user.name} declined", offer.invitation, **about)
        inviter = offer.invitation.invited_by
        if inviter is not None and organizations.reach(inviter, offer.organization.slug):
            outgoing.notify(
                inviter,
                "member.declined",
                f"declined:{offer.invitation.id}",
                f"{user.name} declined the invitation to {offer.organization.name}",
                organization=offer.organization,
            )
    return offer
