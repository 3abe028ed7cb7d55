"""Shutting somebody or an organization out, and letting them in again. Nothing is lost by it."""

from database.clock import now
from database.scope import inside
from database.transactions import writes
from domain import Forbidden, Invalid, Refused, existing
from domain.base import audit, history, outgoing, stepup
from domain.fields.kinds import clean
from domain.organizations import organizations
from domain.people import admins, sessions
from models import AuthToken, Membership, Organization, Session, User

LEAST, MOST = 10, 500  # characters of a reason


class InvalidTransition(Refused):
    """It isn't in the state that this leads on from."""

    code, status = "INVALID_TRANSITION", 409


def reason_of(text):
    """A reason that others can understand later, without stray space. Refuses with Invalid."""
    text = clean(text).strip()
    if len(text) < LEAST:
        raise Invalid({"reason": f"Say why, in {LEAST} characters or more: others will read it."})
    if len(text) > MOST:
        raise Invalid({"reason": f"Keep it to {MOST} characters; this has {len(text)}."})
    return text


# --- people -----------------------------------------------------------------------------------------------


@writes
def suspend_user(id, reason, *, by):
    """Sign somebody out everywhere and keep them out, after step-up L3. They get the reason by letter.
    Refuses with Invalid, NotFound, InvalidTransition, and with Forbidden for oneself and for admins, unless
    whoever asks may choose admins."""
    reason = reason_of(reason)
    user = _person(id)
    stepup.demand("admin.suspend_user", user.id)
    if user.id == by.id:
        raise Forbidden("You can't suspend yourself.")
    if admins.is_listed(user) and not admins.may(by, "admins.write"):
        raise Forbidden("Only a super admin can suspend an admin.")
    _move(User, user, "active", "suspended", suspended_reason=reason)
    ended = sessions.end_all(user, "suspended", by=by)
    looked = Session.update(ended_at=now(), end_reason="suspended")
    looked.where(Session.staff_id == user.id, Session.ended_at.is_null()).execute()
    mine = (AuthToken.user == user) | (AuthToken.email_norm == user.email_norm)
    voided = AuthToken.delete().where(mine).execute()
    audit.record(
        "auth.user.suspended",
        f"{user.name} was suspended",
        category="admin",
        by=by,
        target=user,
        before="active",
        after="suspended",
        reason=reason,
        browsers_signed_out=ended,
        letters_voided=voided,
    )
    outgoing.letter("account_suspended", user.email, _once("suspended", user), name=user.name, reason=reason)


@writes
def reactivate_user(id, *, by):
    """Let somebody in again, after step-up L3. Refuses with NotFound and InvalidTransition."""
    user = _person(id)
    stepup.demand("admin.reactivate_user", user.id)
    _move(User, user, "suspended", "active", suspended_reason=None)
    audit.record(
        "auth.user.reactivated",
        f"{user.name} was reactivated",
        category="admin",
        by=by,
        target=user,
        before="suspended",
        after="active",
    )
    outgoing.letter("account_reactivated", user.email, _once("reactivated", user), name=user.name)


def _person(id):
    return existing(User.one(User.id == id), "There is no such person.")


# --- organizations ------------------------------------------------------------------------------------------


@writes
def suspend_organization(id, reason, *, by):
    """Close an organization to everybody in it, after step-up L4 for it. Owners and admins get the reason.
    Refuses with Invalid, NotFound and InvalidTransition: what is deleted stays deleted."""
    reason = reason_of(reason)
    organization = _organization(id)
    stepup.demand("admin.suspend_organization", organization.id)
    _move(Organization, organization, "active", "suspended", suspended_reason=reason, suspended_at=now())
    _announce(organization, "suspended", "active", by, reason=reason)


@writes
def reactivate_organization(id, *, by):
    """Open it again as it was, after step-up L4 for it. Refuses with NotFound and InvalidTransition."""
    organization = _organization(id)
    stepup.demand("admin.reactivate_organization", organization.id)
    _move(Organization, organization, "suspended", "active", suspended_reason=None, suspended_at=None)
    _announce(organization, "active", "suspended", by)


def _organization(id):
    return existing(Organization.one(Organization.id == id), "There is no such organization.")


def _announce(organization, after, before, by, **facts):
    verb = "suspended" if after == "suspended" else "reactivated"
    moved = {"field": "status", "before": before, "after": after}
    with inside(organization):
        summary, about = f"{organization.name} was {verb}", {"by": by, "organization": organization} | moved | facts
        history.note(f"organization.{verb}", summary, organization, **about)
    type, key = f"organization.{verb}", _once(f"organization.{verb}", organization)
    values = {"organization": organization.name, "link": organizations.link_to(organization)} | facts
    for user in Membership.keepers(organization):
        outgoing.notify(
            user,
            type,
            key,
            f"{organization.name} was {verb}",
            body=facts.get("reason"),
            link=f"/{organization.slug}",
            organization=organization,
        )
        told = {"about": (user, organization), "name": user.name} | values
        outgoing.letter(f"organization_{verb}", user.email, f"{key}:letter:{user.id}", **told)


# --- both ---------------------------------------------------------------------------------------------------


def _move(table, row, before, after, **values):
    """One caller wins; whoever comes later is told how things stand."""
    moved = table.update(status=after, **values).where(table.id == row.id, table.status == before).execute()
    if not moved:
        status = table.get_by_id(row.id).status
        raise InvalidTransition(f"{row.name} is {status}, so it can't be made {after}.")


def _once(what, row):
    return f"{what}:{row.id}:{now().timestamp()}"
