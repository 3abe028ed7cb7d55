"""How an account comes to be: sign-up, the code that proves the address, reset, and the first admin.

A code has six digits, ten minutes and five tries, is kept only as a hash, and a new one voids the old.
It belongs to the browser that asked for it (by the token's public id): somebody else's later sign-up
with the same address can't slip a password under it.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

import peewee

from domain import (
    Invalid,
    NotFound,
    Refused,
    audit,
    configuration,
    credits,
    organizations,
    outgoing,
    passwords,
    sessions,
    settings,
)
from domain.fields import clean
from domain.transactions import writes
from models import Admin, AuditEvent, AuthToken, Profile, User, now

CODE_LIFE = timedelta(minutes=10)
SETUP_LIFE = timedelta(days=7)
TRIES = 5
_ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]]+@[^@\s,;<>\"()\[\]]+\.[^@\s.,;<>\"()\[\]]+")


class WrongCode(Refused):
    code, status = "INVALID_INPUT", 422


class CodeExpired(Refused):
    code, status = "INVALID_INPUT", 422


def normalized(email):
    return email.strip().lower()


def address(email):
    """A usable address as typed, or Invalid."""
    email = clean(email).strip()
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise Invalid({"email": "Write a whole e-mail address, like ada@example.org."})
    return email


def by_email(email):
    return User.one(User.email_norm == normalized(email))


# --- sign-up ----------------------------------------------------------------------------------------


def sign_up(email, name, password, next_url=None, *, allow=lambda email: None):
    """Mail a code for a new account; returns the token's public id for the browser to keep.

    `allow(email)` is asked before a letter goes, once the form is in order; it may refuse.
    The answer is the same for an address that has an account: its owner gets a letter that says so.
    Refuses with Invalid.
    """
    if not settings.get("sign_up_open"):
        raise Refused("Sign-up is closed here. Ask an admin of this site for a way in.", "FORBIDDEN", 403)
    email, name, password_hash = _checked(email, name, password)
    allow(email)
    return _begin_sign_up(email, name, password_hash, next_url)


def _checked(email, name, password):
    problems = {}
    try:
        email = address(email)
    except Invalid as invalid:
        problems |= invalid.fields
    name = " ".join(clean(name).split())
    if not 1 <= len(name) <= 100:
        problems["name"] = "Write your name, in up to 100 characters."
    if lacks := passwords.missing(password or ""):
        problems["password"] = f"The password still needs {_joined(lacks)}."
    if problems:
        raise Invalid(problems)
    return email, name, passwords.hashed(password)


def _joined(words):
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


@writes
def _begin_sign_up(email, name, password_hash, next_url):
    known = by_email(email)
    token, code = _new_token(
        "verify_email",
        email,
        payload={"email": email, "name": name, "password_hash": password_hash, "known": bool(known)},
        next_url=next_url,
    )
    if known:
        outgoing.letter("already_registered", known.email, f"already:{token.id}")
    else:
        outgoing.letter("verify_email", email, f"verify:{token.id}", name=name, code=code)
    return token.public_id


@writes
def send_again(token_id):
    """A new code for the same sign-up or reset; returns the new token's public id, or None."""
    old = AuthToken.one(AuthToken.public_id == token_id, AuthToken.purpose != "setup")
    if old is None:
        return None
    token, code = _new_token(old.purpose, old.email_norm, old.payload, old.user, old.next_url)
    if old.purpose == "reset" and old.user:
        _mail_reset(token, old.user, code)
    elif old.purpose == "verify_email" and not old.payload["known"]:
        to, name = old.payload["email"], old.payload["name"]
        outgoing.letter("verify_email", to, f"verify:{token.id}", name=name, code=code)
    return token.public_id


def pending(token_id, purpose):
    """The live token of this browser, or None."""
    return token_id and AuthToken.one(AuthToken.public_id == token_id, AuthToken.purpose == purpose)


def verify(token_id, code):
    """The right code makes the account. Returns (user, next url); refuses with WrongCode or CodeExpired."""
    outcome = _verify(token_id, code)
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


@writes
def _verify(token_id, code):
    token = AuthToken.one(AuthToken.public_id == (token_id or ""), AuthToken.purpose == "verify_email")
    if refusal := _refusal(token, code):
        return refusal  # returned, not raised: the counted try must stay
    if by_email(token.email_norm):
        return CodeExpired("This address has an account by now. Sign in instead.")
    made = token.payload
    try:
        user = create(made["email"], made["name"], made["password_hash"])
    except peewee.IntegrityError:  # another browser was faster
        return CodeExpired("This address has an account by now. Sign in instead.")
    return user, token.next_url


@writes
def create(email, name, password_hash, *, verified=True):
    """A user with profile, personal organization and credit account: all of it or nothing."""
    user = User.create(
        email=email,
        email_norm=normalized(email),
        password_hash=password_hash,
        email_verified_at=now() if verified else None,
    )
    Profile.create(user=user, full_name=name)
    organization = organizations.create_personal(user, name)
    credits.open_account(organization)
    audit.record("auth.user.created", f"{name} made an account", by=user, target=user)
    return user


# --- signing in ----------------------------------------------------------------------------------------


class WrongCredentials(Refused):
    code, status = "UNAUTHENTICATED", 401


class NotVerified(Refused):
    """The password was right, the address isn't proven: `details["token"]` can be sent again."""

    code, status = "EMAIL_NOT_VERIFIED", 403


def sign_in(email, password):
    """The user whose password this is. One answer for every other case: nobody learns who has an account."""
    email, password = normalized(clean(email)), password or ""
    user = by_email(email)
    if passwords.fits(password, user.password_hash if user else None) and user.status == "active":
        return user
    if user is not None:
        _note_failure(user, "A wrong password, or a suspended account")
    waiting = user is None and AuthToken.one(
        AuthToken.purpose == "verify_email", AuthToken.email_norm == email, AuthToken.consumed_at.is_null()
    )
    held = waiting and waiting.payload.get("password_hash")
    if held and passwords.fits(password, held):
        raise NotVerified("Prove your address first: we mail you a new code.", token=waiting.public_id)
    raise WrongCredentials("The e-mail address or the password isn't right.")


class Suspended(Refused):
    code, status = "FORBIDDEN", 403


def must_be_active(user):
    """Refuse with Suspended whom the platform has shut out."""
    if user.status != "active":
        raise Suspended("This account can't sign in now. Ask the people who run this site.")


@writes
def begin_second_factor(user, way, target=None):
    """The first factor was right; returns the token by which this browser may give the second."""
    token, _ = _new_token("second_factor", user.email, {"way": way}, user, target)
    return token.public_id


def finish_second_factor(token_id, answer, check):
    """`check(user, answer)` says whether the second factor is right; returns (user, way, next url).

    Five tries in ten minutes, counted before the check. Refuses with WrongCode or CodeExpired.
    """
    token = _count_try(token_id, "second_factor")
    if isinstance(token, Refused):
        raise token
    if not check(token.user, answer):
        _note_failure(token.user, "A wrong second factor")
        raise _wrong_or_gone(token)
    if not _consume_now(token):
        raise _gone()
    return token.user, token.payload["way"], token.next_url


@writes
def _note_failure(user, summary):
    """At most one a minute for an account: a flood of guesses must not flood the log."""
    recent = AuditEvent.one(
        AuditEvent.action == "auth.sign_in_failed",
        AuditEvent.target_type == "user",
        AuditEvent.target_id == str(user.id),
        AuditEvent.at > now() - timedelta(minutes=1),
    )
    if recent is None:
        audit.record("auth.sign_in_failed", summary, target=user, result="failure")


# --- a forgotten password ---------------------------------------------------------------------------------


@writes
def forgot(email):
    """Mail a code to choose a new password. Answers alike whether or not there is an account."""
    email = address(email)
    user = by_email(email)
    if user is not None and user.status != "active":
        user = None
    token, code = _new_token("reset", email, {}, user)
    if user:
        _mail_reset(token, user, code)
    return token.public_id


def _mail_reset(token, user, code):
    outgoing.letter("reset_password", user.email, f"reset:{token.id}", name=user.name, code=code)


def reset(token_id, code, password):
    """Set a new password and end all sessions. Refuses with Invalid, WrongCode or CodeExpired."""
    if lacks := passwords.missing(password or ""):
        raise Invalid({"password": f"The password still needs {_joined(lacks)}."})
    outcome = _reset(token_id, code, passwords.hashed(password))
    if isinstance(outcome, Refused):
        raise outcome
    return outcome


@writes
def _reset(token_id, code, password_hash):
    token = AuthToken.one(AuthToken.public_id == (token_id or ""), AuthToken.purpose == "reset")
    if refusal := _refusal(token, code):
        return refusal
    user = token.user
    if user is None:  # nobody's address: somebody guessed a code that was never mailed
        return CodeExpired("This code is no longer good. Ask for a new one.")
    User.update(password_hash=password_hash).where(User.id == user.id).execute()
    sessions.end_all(user, "password_changed", by=user)
    outgoing.letter("password_changed", user.email, f"password_changed:{token.id}", name=user.name)
    audit.record("security.password_reset", f"{user.name} chose a new password", by=user, target=user)
    return user


# --- the first admin -------------------------------------------------------------------------------------


@writes
def setup_secret():
    """On an empty install: a secret for the one-time set-up link; None once there is an account."""
    if User.select(User.id).first():
        return None
    secret = secrets.token_urlsafe(24)
    _new_token("setup", "setup", secret=secret, life=SETUP_LIFE)
    return secret


def setup_open(secret):
    """Whether this set-up link may still be used. Refuses with NotFound."""
    token = AuthToken.one(AuthToken.purpose == "setup", AuthToken.consumed_at.is_null())
    fits = token and hmac.compare_digest(token.secret_hash, _hash(secret, token.salt))
    if not fits or token.expires_at < now() or User.select(User.id).first():
        raise NotFound(
            "This set-up link was used already or is too old. A restart prints a new one "
            "as long as there is no account."
        )
    return token


def set_up(secret, email, name, password):
    """Make the first account and put it on the admin allow-list. Refuses with NotFound or Invalid."""
    setup_open(secret)
    return _set_up(secret, *_checked(email, name, password))


@writes
def _set_up(secret, email, name, password_hash):
    token = setup_open(secret)
    if not _consume(token):
        raise NotFound("This set-up link was used at this very moment.")
    user = create(email, name, password_hash)
    Admin.create(email=email, email_norm=normalized(email), note="Set up this site", added_by=user)
    audit.record("admin.granted", f"{name} set up this site", by=user, target=user)
    return user


# --- tokens ---------------------------------------------------------------------------------------------


def _hash(secret, salt):
    pepper = configuration.active.secret_key.encode()
    return hmac.new(pepper, f"{salt}:{secret}".encode(), hashlib.sha256).hexdigest()


def _new_token(purpose, email, payload=None, user=None, next_url=None, secret=None, life=CODE_LIFE):
    email_norm = normalized(email)
    AuthToken.delete().where(AuthToken.purpose == purpose, AuthToken.email_norm == email_norm).execute()
    code = secret or f"{secrets.randbelow(1_000_000):06}"
    salt = secrets.token_hex(16)
    token = AuthToken.create(
        purpose=purpose,
        email_norm=email_norm,
        user=user,
        secret_hash=_hash(code, salt),
        salt=salt,
        expires_at=now() + life,
        payload=payload or {},
        next_url=next_url,
    )
    return token, code


def _gone():
    return CodeExpired("This code is no longer good. Ask for a new one.")


def _refusal(token, code):
    """None when the code is right (it is consumed then), else the refusal; a wrong try is counted."""
    if token is None or not _counted(token):
        return _gone()
    code = re.sub(r"\D", "", clean(code)[:40])
    if not hmac.compare_digest(token.secret_hash, _hash(code, token.salt)):
        return _wrong_or_gone(token)
    return None if _consume(token) else _gone()


def _counted(token):
    """Count a try; False when the token is over, or has no try left."""
    live = (AuthToken.id == token.id) & AuthToken.consumed_at.is_null() & (AuthToken.expires_at > now())
    return AuthToken.update(attempts=AuthToken.attempts + 1).where(live, AuthToken.attempts < TRIES).execute()


def _wrong_or_gone(token):
    left = TRIES - token.attempts - 1
    tries = "one try" if left == 1 else f"{left} tries"
    return WrongCode(f"That isn't the code. You have {tries} left.") if left > 0 else _gone()


@writes
def _count_try(token_id, purpose):
    token = AuthToken.one(AuthToken.public_id == (token_id or ""), AuthToken.purpose == purpose)
    return token if token and _counted(token) else _gone()


@writes
def _consume_now(token):
    return _consume(token)


def _consume(token):
    return (
        AuthToken.update(consumed_at=now()).where(AuthToken.id == token.id, AuthToken.consumed_at.is_null()).execute()
    )


@writes
def prune(limit):
    """Remove old tokens, a batch at a time; an unfinished sign-up is kept a week to be taken up again."""
    old = AuthToken.select(AuthToken.id).where(
        (AuthToken.expires_at < now() - timedelta(days=7))
        | ((AuthToken.expires_at < now()) & (AuthToken.purpose != "verify_email"))
    )
    return AuthToken.delete().where(AuthToken.id.in_(old.limit(limit))).execute()
