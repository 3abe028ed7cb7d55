"""Handing an organization over: an owner offers it to a member, who must take it (A3.1-12, 13).

Then that member is the owner and who offered it an admin. An offer holds for a week, and there is one at a time.
"""

from datetime import timedelta

from database.clock import now, written_day
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import NotFound, Refused, existing
from domain.base import changes, history, outgoing, stepup
from domain.organizations import members, organizations
from models import Membership, Organization, Transfer

LIFE = timedelta(days=7)
NONE = "Nobody offers you this organization now."


def pending():
    """The open offer in the organization one stands in, or None."""
    return Transfer.one(Transfer.status == "pending", Transfer.expires_at > now())


@writes
def offer(membership_id, *, by):
    """Offer the organization to one of its members, after step-up L4; both get a letter, the owner because somebody
    else may have done it in their name.
    Refuses with NotFound for whoever isn't an active member, and while another offer is open."""
    lock("owners", by.organization.id)
    by = organizations.at_present(by)
    by.require("organization.transfer")
    target = members.one(by.organization, membership_id)
    if target.user_id == by.user.id or target.user.status != "active":
        raise Refused("Choose another member whose account is active.", "INVALID_INPUT", 422)
    if held := pending():
        raise Refused(f"{by.organization.name} is offered to {held.to_user.name} already. Take that back first.")
    stepup.demand("organization.transfer", target.id)
    Transfer.update(status="expired").where(Transfer.status == "pending").execute()
    made = Transfer.create(from_user=by.user, to_user=target.user, expires_at=now() + LIFE)
    summary, about = f"Offered to {target.user.name}", {"by": by, "target": target.user, "verb": "created"}
    history.note("organization.transfer_offered", summary, made, **about)
    outgoing.notify(
        target.user,
        "organization.transfer_offered",
        f"transfer:{made.id}",
        f"{by.user.name} wants to hand {by.organization.name} over to you",
        link=f"/{by.organization.slug}/settings",
        organization=by.organization,
    )
    values = {"organization": by.organization.name, "link": organizations.link_to(by.organization, "/settings")}
    outgoing.letter(
        "ownership_transfer",
        target.user.email,
        f"transfer:{made.id}:offered",
        name=target.user.name,
        by=by.user.name,
        until=written_day(made.expires_at, target.user.timezone),
        **values,
    )
    outgoing.letter(
        "ownership_offered",
        by.user.email,
        f"transfer:{made.id}:offered:by",
        name=by.user.name,
        new=target.user.name,
        until=written_day(made.expires_at, by.user.timezone),
        **values,
    )
    return made


@writes
def accept(*, by):
    """Take the organization that is offered to this member; whoever offered it becomes an admin.
    Refuses with NotFound when there is no such offer (any more), or its maker is no owner now."""
    lock("owners", by.organization.id)
    by = organizations.at_present(by)
    by.require("members.read")
    held = _mine(by)
    giver = Membership.one(
        Membership.organization == by.organization, Membership.user == held.from_user, Membership.role == "owner"
    )
    if giver is None:
        raise NotFound("Whoever offered this organization can't any more.")
    _settle(held, "accepted")
    mine = Membership.get(Membership.organization == by.organization, Membership.user == by.user)
    Membership.update(role="owner").where(Membership.id == mine.id).execute()
    Membership.update(role="admin").where(Membership.id == giver.id).execute()
    Organization.update(owner=by.user).where(Organization.id == by.organization.id).execute()
    before = held.from_user
    for row, who, role in ((mine, by.user, "owner"), (giver, before, "admin")):
        summary, moved = f"{who.name}: {row.role} → {role}", {"field": "role", "before": row.role, "after": role}
        history.note("organization.ownership_transferred", summary, row, by=by, target=who, **moved)
        outgoing.letter(
            "ownership_transferred",
            who.email,
            f"transfer:{held.id}:done:{who.id}",
            organization=by.organization.name,
            old=before.name,
            new=by.user.name,
            link=organizations.link_to(by.organization, "/members"),
        )
    changes.record(by.organization, "ownership_transfer", held.id, "updated", by=by.user)
    organizations.tell(
        by.organization,
        "member.role_changed",
        f"transfer:{held.id}:done",
        f"{by.organization.name} was handed over to {by.user.name}",
        by=by.user,
        link=f"/{by.organization.slug}/members",
    )


@writes
def decline(*, by):
    """Don't take what is offered; its maker is told. Refuses with NotFound."""
    by = organizations.at_present(by)
    by.require("members.read")
    held = _mine(by)
    _settle(held, "cancelled")
    _note(by, held, "organization.transfer_declined", f"{by.user.name} declined")
    outgoing.notify(
        held.from_user,
        "organization.transfer_declined",
        f"transfer:{held.id}:declined",
        f"{by.user.name} declined to take over {by.organization.name}",
        link=f"/{by.organization.slug}/settings",
        organization=by.organization,
    )


@writes
def take_back(*, by):
    """An owner takes the open offer back. Refuses with NotFound when there is none."""
    by = organizations.at_present(by)
    by.require("organization.transfer")
    held = existing(pending(), "There is no offer to take back.")
    _settle(held, "cancelled")
    _note(by, held, "organization.transfer_cancelled", f"The offer to {held.to_user.name} was taken back")


def _mine(by):
    held = pending()
    if held is None or held.to_user_id != by.user.id:
        raise NotFound(NONE)
    return held


def _settle(held, status):
    done = Transfer.update(status=status).where(Transfer.id == held.id, Transfer.status == "pending").execute()
    if not done:
        raise NotFound(NONE)


def _note(by, held, action, summary):
    history.note(action, summary, held, by=by, target=held.to_user)


@writes
def expire(limit):
    """Close offers whose week is over, a batch at a time; returns how many."""
    with everywhere("offers lapse for all organizations alike"):
        lapsed = Transfer.select(Transfer.id).where(Transfer.status == "pending", Transfer.expires_at <= now())
        return Transfer.update(status="expired").where(Transfer.id.in_(lapsed.limit(limit))).execute()
