"""Everybody who has an account, as the platform's staff sees them; and a look through somebody's eyes.

Looking on is a session of the staff's own in which the person is the user: it reads and changes nothing,
lasts half an hour, says so on every page, and the person is told by letter. What is theirs alone (account,
security) stays shut: see views/safety/lookers.py.
"""

import math
from datetime import timedelta

from database.clock import now, written
from database.transactions import writes
from domain import Forbidden, existing
from domain.base import audit, outgoing, stepup
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing
from domain.lists.searches import Indexed
from domain.people import admins, sessions
from domain.people.suspensions import InvalidTransition, reason_of
from models import Identity, Membership, Organization, Passkey, Profile, Session, User

LOOK = timedelta(minutes=30)
OPEN = User.status != "deleted"

STATUS = Choice((("active", "Active", "good"), ("suspended", "Suspended", "bad"), ("deleted", "Deleted", "quiet")))

listing = Listing(
    "people",
    "person",
    "people",
    User,
    (
        Field("name", "Name", Text(120)),
        Field("email", "E-mail", Email()),
        Field("status", "Status", STATUS),
        Field("email_verified_at", "Verified", Moment(past=True)),
        Field("created_at", "Joined", Moment(past=True)),
    ),
    NEWEST,
    joins=lambda query: query.join(Profile, on=(Profile.user == User.id)),
    elsewhere=(("name", Profile.full_name, None),),
    search=Indexed((User.email, Profile.full_name), begins=(User.email_norm,)),
    ranges=("created_at",),
    reads="users.read",
    link=lambda row: f"/admin/users/{row.id}",
    chips="status",
    icon="users",
)


@writes
def tell_of_clashes():
    """Tell admins, once for each, of accounts whose address another account has in its normal form.
    They were there before addresses had one form; nobody merges them. Returns how many there are."""
    clashing = list(User.select().where(User.email_norm.contains("@") & User.email_norm.contains("#"), OPEN))
    for user in (one for one in clashing if one.email_norm.endswith(f"#{one.id}")):
        held = User.one(User.email_norm == user.email_norm.removesuffix(f"#{user.id}"))
        title = f"Two accounts have the address {user.email}: #{held.id if held else '–'} and #{user.id}"
        body = "The second one can't be signed in to by its address. Ask its owner, then suspend it or have it moved."
        for admin in admins.people():
            outgoing.notify(admin, "admin.clash", f"clash:{user.id}", title, body=body, link=f"/admin/users/{user.id}")
    return len(clashing)


def newest(limit):
    """The newest accounts, with their profiles."""
    query = User.select(User, Profile).join(Profile, on=(Profile.user == User.id), attr="_profile")
    return list(query.order_by(User.id.desc()).limit(limit))


def one(id):
    """The user with this id. Refuses with NotFound."""
    return existing(User.one(User.id == id), "There is no such person.")


def memberships(user):
    """Where they belong and as what, the personal organization first."""
    return list(
        Membership.select(Membership, Organization)
        .join(Organization)
        .where(Membership.user == user)
        .order_by(Organization.is_personal.desc(), Organization.name)
        .limit(200)
    )


def ways_in(user):
    """What they can sign in with: password, passkeys, connected accounts, second factor. No secret is among it."""
    identities = Identity.select().where(Identity.user == user).order_by(Identity.id)
    return {
        "password": bool(user.password_hash),
        "passkeys": Passkey.select().where(Passkey.user == user).count(),
        "identities": list(identities),
        "second_factor_at": user.second_factor_at,
    }


# --- a look through somebody's eyes --------------------------------------------------------------------------


@writes
def look_on(id, reason, *, by, ip=None):
    """See the site as somebody does for half an hour, after step-up L4 for them; returns the session's token.
    Refuses with Invalid without a reason, NotFound, InvalidTransition for whoever isn't active, and with
    Forbidden for oneself and for admins."""
    reason = reason_of(reason)
    user = one(id)
    stepup.demand("admin.impersonate", user.id)
    if user.id == by.id:
        raise Forbidden("That is you already.")
    if admins.is_listed(user):
        raise Forbidden("Nobody looks on as an admin.")
    if user.status != "active":
        raise InvalidTransition(f"{user.name} is {user.status}: there is nothing to be seen through their eyes.")
    token = sessions.look_on(user, by, reason, lasts=LOOK, ip=ip)
    until = now() + LOOK
    audit.record(
        "admin.impersonation_started",
        f"Began to look on as {user.name}",
        by=by,
        target=user,
        reason=reason,
        until=f"{until:%Y-%m-%dT%H:%M:%SZ}",
    )
    outgoing.letter(
        "looked_on",
        user.email,
        f"looked_on:{user.id}:{now().timestamp()}",
        name=user.name,
        staff=by.name,
        reason=reason,
        at=written(now(), user.timezone),
    )
    return token


def still_may(looker):
    """Whether the staff behind a SignedIn that looks on is still there and still allowed to."""
    staff = User.one(User.id == looker.session.staff_id)
    return staff is not None and admins.may(staff, "users.impersonate")


def look(looker):
    """What the banner says about a SignedIn that looks on: who is seen, why, and how many minutes are left."""
    left = looker.session.expires_at - now()
    session = Session.get_by_id(looker.session.id)
    minutes = max(0, math.ceil(left.total_seconds() / 60))
    return {"user": looker.user, "reason": session.staff_reason, "minutes": minutes}


@writes
def stop(session_id, reason="signed_out"):
    """End a look; returns whether it was still on. Its end is in the audit log once."""
    session = Session.one(Session.id == session_id, Session.staff_id.is_null(False))
    if session is None:
        return False
    ended = (
        Session.update(ended_at=now(), end_reason=reason)
        .where(Session.id == session.id, Session.ended_at.is_null())
        .execute()
    )
    if ended:
        _note_end(session, reason)
    return bool(ended)


def _note_end(session, reason):
    why = {"signed_out": "by hand", "expired": "its time was over", "revoked": "no longer allowed"}
    audit.record(
        "admin.impersonation_ended",
        f"Stopped looking on as {session.user.name}",
        by=User.one(User.id == session.staff_id),
        target=session.user,
        why=why.get(reason, reason),
    )


@writes
def end_lapsed(limit):
    """Note the end of looks whose time is over and who didn't come back; returns how many."""
    over = (Session.staff_id.is_null(False)) & Session.ended_at.is_null() & (Session.expires_at < now())
    found = list(Session.select().where(over).limit(limit))
    return sum(stop(session.id, "expired") for session in found)
