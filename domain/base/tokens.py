"""Secrets that were mailed or printed: codes, links, and what a browser may go on with.

A code has six digits, ten minutes and five tries, is kept only as a hash, and a new one voids the old.
It belongs to the browser that asked for it, by the token's public id. A wrong try is counted in a
transaction that commits: refusals are returned here, and raised by whoever called from outside.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Refused
from domain.base import configuration
from domain.base.addresses import normalized
from domain.fields.kinds import clean
from models import AuthToken

LIFE = timedelta(minutes=10)
TRIES = 5


class WrongCode(Refused):
    code, status = "INVALID_INPUT", 422


class CodeExpired(Refused):
    code, status = "INVALID_INPUT", 422


def hashed(secret, salt):
    """The keyed hash under which a secret is kept (SECRET_KEY is the pepper)."""
    pepper = configuration.active.secret_key.encode()
    return hmac.new(pepper, f"{salt}:{secret}".encode(), hashlib.sha256).hexdigest()


def six_digits():
    """A fresh code."""
    return f"{secrets.randbelow(1_000_000):06}"


@writes
def new(purpose, email, payload=None, user=None, next_url=None, secret=None, life=LIFE):
    """(token, its secret), a six-digit code unless one is given; earlier ones for this are void."""
    email_norm = normalized(email)
    AuthToken.delete().where(AuthToken.purpose == purpose, AuthToken.email_norm == email_norm).execute()
    code = secret or six_digits()
    salt = secrets.token_hex(16)
    token = AuthToken.create(
        purpose=purpose,
        email_norm=email_norm,
        user=user,
        secret_hash=hashed(code, salt),
        salt=salt,
        expires_at=now() + life,
        payload=payload or {},
        next_url=next_url,
    )
    return token, code


def fits(token, secret):
    """Whether the secret is the token's; in constant time, and without counting a try."""
    return hmac.compare_digest(token.secret_hash, hashed(secret, token.salt))


def gone():
    """The refusal for a token that is used, too old, or out of tries."""
    return CodeExpired("This code is no longer good. Ask for a new one.")


def refusal(token, code):
    """None when the code is right (it is consumed then), else the refusal; a wrong try is counted."""
    if token is None or not counted(token):
        return gone()
    code = re.sub(r"\D", "", clean(code)[:40])
    if not fits(token, code):
        return wrong_or_gone(token)
    return None if consume(token) else gone()


def counted(token):
    """Count a try; False when the token is over, or has no try left."""
    live = (AuthToken.id == token.id) & AuthToken.consumed_at.is_null() & (AuthToken.expires_at > now())
    return AuthToken.update(attempts=AuthToken.attempts + 1).where(live, AuthToken.attempts < TRIES).execute()


def wrong_or_gone(token):
    """The refusal for a wrong try; `token` as it was before the try was counted."""
    left = TRIES - token.attempts - 1
    tries = "one try" if left == 1 else f"{left} tries"
    return WrongCode(f"That isn't the code. You have {tries} left.") if left > 0 else gone()


@writes
def count_try(token_id, purpose):
    """Count a try before it is checked: the token, or the refusal when there is none left."""
    token = AuthToken.one(AuthToken.public_id == (token_id or ""), AuthToken.purpose == purpose)
    return token if token and counted(token) else gone()


@writes
def consume(token):
    """Use it up; False when somebody was faster."""
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
