"""Signed-in browsers: an opaque token each, checked at every request, listed and revocable."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from domain import NotFound, audit, settings
from domain.transactions import writes
from models import Compiled, Profile, Session, User, now, slot

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


def _hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


@writes
def start(user, *, ip=None, user_agent=None):
    """Sign the user in on one browser; returns the token to keep in its cookie."""
    token = secrets.token_urlsafe(32)
    Session.create(
        user=user,
        token_hash=_hash(token),
        expires_at=now() + timedelta(days=settings.get("session_absolute_days")),
        ip=ip,
        user_agent=(user_agent or "")[:400],
        device=device(user_agent or ""),
    )
    return token


_COLUMNS = (Session.id, Session.created_at, Session.last_seen_at, Session.expires_at, Session.ended_at)
_PERSON = (
    User.id, User.public_id, User.email, User.email_norm, User.status, User.email_verified_at,
    User.timezone, User.active_organization_id, User.last_seen_alert_at,
)  # fmt: skip
_found = Compiled(
    lambda: (
        Session.select(*_COLUMNS, *_PERSON, Profile.full_name)
        .join(User)
        .join(Profile, on=(Profile.user == User.id))
        .where(Session.token_hash == slot("token_hash"))
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
    user._profile = Profile.of(user=user.id, full_name=row[-1])
    idle = timedelta(days=settings.get("session_idle_days"))
    if session.ended_at or session.expires_at < moment or session.last_seen_at + idle < moment:
        return None
    if user.status != "active":
        return None
    if moment - session.last_seen_at > SEEN_EVERY:
        _see(session, moment)
    return SignedIn(user, session, token)


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
    return (
        Session.select()
        .where(
            Session.user == user,
            Session.ended_at.is_null(),
            Session.expires_at > now(),
            Session.last_seen_at > idle,
        )
        .order_by(Session.last_seen_at.desc())
    )


@writes
def revoke(user, session_id):
    """Sign one of the user's browsers out. Refuses with NotFound for anybody else's."""
    ended = (
        Session.update(ended_at=now(), end_reason="revoked")
        .where(Session.id == session_id, Session.user == user, Session.ended_at.is_null())
        .execute()
    )
    if not ended:
        raise NotFound("That session is over already.")
    audit.record("auth.session.revoked", "Signed one browser out", by=user, target=("session", session_id))


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


_SYSTEMS = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
            ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
             ("Safari/", "Safari"))  # fmt: skip


def device(user_agent):
    """«Firefox on Linux», for people to recognise their own browsers by."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.sub(r"[^\w ./-]", "", user_agent.split("/")[0])[:60] or "Unknown device"
