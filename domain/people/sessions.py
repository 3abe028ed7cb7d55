"""Signed-in browsers: an opaque token each, checked at every request, listed and revocable.

While `single_active_session` is on, only the newest sign-in of a user is good (A0.1-4 to 9): the user's
row names it, so that the check costs no query of its own and holds from the next request on.
"""

import hashlib
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from database import troubles
from database.clock import now, written
from database.compiled import Compiled
from database.parameters import parameter
from database.transactions import GaveUp, writes
from domain import NotFound
from domain.base import audit, outgoing, settings, stepup
from models import Profile, Session, User

SEEN_EVERY = timedelta(minutes=1)


@dataclass(slots=True)
class SignedIn:
    """Who is asking: the user and the session that says so. What Flask-Login calls the current user."""

    user: User
    session: Session
    token: str
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self):
        return self.token

    @property
    def only_looks(self):
        """Somebody of the platform looks on as this user: nothing is changed through this session."""
        return self.session.staff_id is not None


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


@writes
def start(user, *, ip=None, user_agent=None, way=None, browser=None):
    """Sign the user in on one browser; returns the token to keep in its cookie.
    `way` is how they came in, `browser` what its lasting cookie says. A browser that wasn't seen before is
    told of by letter; while one session is the rule, the others end here."""
    token, agent = secrets.token_urlsafe(32), (user_agent or "")[:400]
    known = _is_known(user, agent, browser)
    session = Session.create(
        user=user,
        token_hash=_hash(token),
        expires_at=now() + timedelta(days=settings.get("session_absolute_days")),
        ip=ip,
        user_agent=agent,
        device=device(agent),
        way=way,
        device_hash=_hash(browser) if browser else None,
        active_organization_id=User.get_by_id(user.id).active_organization_id,
    )
    User.update(active_session_id=session.id).where(User.id == user.id).execute()
    about = {"way": way or "unknown", "device": session.device}
    audit.record("auth.signed_in", f"Signed in: {about['way']}", by=user, target=session, **about)
    replaced = _replace(user, session) if settings.get("single_active_session") else 0
    if replaced or not known:
        letter = "new_sign_in_replaced_session" if replaced else "new_sign_in"
        outgoing.letter(
            letter,
            user.email,
            f"{letter}:{session.id}",
            name=user.name,
            device=session.device,
            place=ip or "an unknown address",
            at=written(session.created_at, user.timezone),
        )
    return token


def _is_known(user, agent, browser):
    """Whether the user was here with this browser before; the first one of a new account needs no letter."""
    before = Session.select(Session.id).where(Session.user == user, Session.staff_id.is_null())
    if not before.first():  # old sessions are removed: an account that slept for long has none either
        return now() - User.get_by_id(user.id).created_at < timedelta(days=1)
    if browser and before.where(Session.device_hash == _hash(browser)).first():
        return True
    # From before browsers had a cookie of ours: the same kind of device will do.
    return before.where(Session.device_hash.is_null(), Session.device == device(agent)).first() is not None


def knows(email_norm, browser):
    """Whether the account of this (normalized) address was signed in to with this browser before."""
    here = (User.email_norm == email_norm) & (Session.device_hash == _hash(browser)) & Session.staff_id.is_null()
    return Session.select(Session.id).join(User).where(here).first() is not None


def _replace(user, session):
    others = (Session.user == user) & (Session.id != session.id) & Session.staff_id.is_null()
    ended = Session.update(ended_at=now(), end_reason="replaced").where(others, Session.ended_at.is_null()).execute()
    if ended:
        audit.record("auth.session.replaced", "A new sign-in ended the one before", by=user, target=session)
    return ended


@writes
def look_on(user, staff, reason, *, lasts, ip=None):
    """A session in which somebody of the platform sees what the user sees; returns its token."""
    token = secrets.token_urlsafe(32)
    Session.create(
        user=user,
        token_hash=_hash(token),
        expires_at=now() + lasts,
        ip=ip,
        device="Staff",
        way="staff",
        staff_id=staff.id,
        staff_reason=reason,
        active_organization_id=user.active_organization_id,
    )
    return token


_COLUMNS = (
    Session.id,
    Session.created_at,
    Session.last_seen_at,
    Session.expires_at,
    Session.ended_at,
    Session.active_organization_id,
    Session.staff_id,
    Session.way,
)
_PERSON = (
    User.id,
    User.public_id,
    User.email,
    User.email_norm,
    User.status,
    User.email_verified_at,
    User.timezone,
    User.active_organization_id,
    User.active_session_id,
    User.last_seen_alert_at,
    User.second_factor_at,
    User.backer_access_granted_at,
)
# At every request: `list_1m_vs_jinja_page`.
_found = Compiled(
    lambda: (
        Session.select(*_COLUMNS, *_PERSON, Profile.full_name, Profile.avatar_url)
        .join(User)
        .join(Profile, on=(Profile.user == User.id))
        .where(Session.token_hash == parameter("token_hash"))
    )
)


def find(token):
    """Who holds this token, or None when the session is over. Asked anew at every request."""
    rows = _found(token_hash=_hash(token))
    if not rows:
        return None
    row, moment = rows[0], now()
    read = [field.python_value(value) for field, value in zip((*_COLUMNS, *_PERSON), row, strict=False)]
    session = Session.of(**dict(zip((c.name for c in _COLUMNS), read, strict=False)))
    user = User.of(**dict(zip((p.name for p in _PERSON), read[len(_COLUMNS) :], strict=True)))
    user._profile = Profile.of(user=user.id, full_name=row[-2], avatar_url=row[-1])
    idle = timedelta(days=settings.get("session_idle_days"))
    if session.ended_at or session.expires_at < moment or session.last_seen_at + idle < moment:
        return None
    if user.status != "active" or _is_replaced(session, user):
        return None
    user.__data__["active_organization_id"] = session.active_organization_id or user.active_organization_id
    if moment - session.last_seen_at > SEEN_EVERY and not troubles.is_recent():
        with suppress(troubles.Unavailable, GaveUp):  # reading goes on while nothing can be written
            _see(session, moment)
    return SignedIn(user, session, token)


def _is_replaced(session, user):
    single = settings.get("single_active_session") and session.staff_id is None
    return bool(single and user.active_session_id not in (None, session.id))


def why_over(token):
    """Why `find` has nobody for this token: malformed, unknown, replaced, suspended, or ended.
    Only «replaced» shows the notice; what is malformed is dropped without a word."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{43}", token):
        return "malformed"
    session = Session.one(Session.token_hash == _hash(token))
    if session is None:
        return "unknown"
    if session.end_reason == "replaced" or (session.ended_at is None and _is_replaced(session, session.user)):
        return "replaced"
    return "suspended" if session.user.status == "suspended" else "ended"


@writes
def _see(session, moment):
    Session.update(last_seen_at=moment).where(Session.id == session.id).execute()


@writes
def end(token, reason="signed_out"):
    """End the session that holds this token; harmless when it is over already."""
    Session.update(ended_at=now(), end_reason=reason).where(
        Session.token_hash == _hash(token), Session.ended_at.is_null()
    ).execute()


def live(user):
    """The user's sessions that are still good, the latest used first."""
    idle = now() - timedelta(days=settings.get("session_idle_days"))
    query = Session.select()
    if settings.get("single_active_session"):
        query = query.where(Session.id == User.get_by_id(user.id).active_session_id)
    return query.where(
        Session.user == user,
        Session.staff_id.is_null(),
        Session.ended_at.is_null(),
        Session.expires_at > now(),
        Session.last_seen_at > idle,
    ).order_by(Session.last_seen_at.desc())


@writes
def revoke(session_id, *, by):
    """Sign one of one's browsers out, after step-up L3. Refuses with NotFound for anybody else's."""
    stepup.demand("account.end_sessions")
    mine = (Session.id == session_id) & (Session.user == by) & Session.staff_id.is_null()
    if not Session.update(ended_at=now(), end_reason="revoked").where(mine, Session.ended_at.is_null()).execute():
        raise NotFound("That session is over already.")
    audit.record("auth.session.revoked", "Signed one browser out", by=by, target=("session", session_id))


@writes
def end_others(user, present):
    """Sign out the user's other browsers, after step-up L3; returns how many."""
    stepup.demand("account.end_sessions")
    return end_all(user, by=user, but=present)


@writes
def end_all(user, reason="revoked", *, by, but=None):
    """Sign the user out everywhere, except on the session `but`; returns how many were ended."""
    query = Session.update(ended_at=now(), end_reason=reason).where(Session.user == user, Session.ended_at.is_null())
    ended = (query.where(Session.id != but.id) if but else query).execute()
    audit.record("auth.session.revoked_all", f"Signed {ended} browsers out", by=by, target=user, reason=reason)
    return ended


@writes
def prune(limit):
    """Remove sessions that have been over for a month, a batch at a time."""
    month = now() - timedelta(days=30)
    old = Session.select(Session.id).where((Session.ended_at < month) | (Session.expires_at < month))
    return Session.delete().where(Session.id.in_(old.limit(limit))).execute()


_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))


def device(user_agent):
    """«Firefox on Linux», for people to recognise their own browsers by."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.sub(r"[^\w ./-]", "", user_agent.split("/")[0])[:60] or "Unknown device"
