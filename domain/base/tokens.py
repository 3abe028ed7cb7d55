"""Secrets that were mailed or printed: codes, links, and what a browser may go on with.

A code has six digits, ten minutes and five tries, is kept only as a hash, and a new one voids the old.
It belongs to the browser that asked for it, by the token's public id. A try is counted before it is judged,
and the count must stay: whoever checks a code does it in `@writes(keep=tokens.NotTheCode)`.
"""

import hmac
import secrets
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Refused
from domain.base import keys
from domain.fields.email import normalized
from domain.fields.kinds import code_digits
from models import AuthToken

LIFE = timedelta(minutes=10)
TRIES = 5


class NotTheCode(Refused):
    """The code isn't right, or no longer good: one of the two below."""

    code, status = "INVALID_INPUT", 422


class WrongCode(NotTheCode):
    pass


class CodeExpired(NotTheCode):
    pass


class OutOfTries(CodeExpired):
    """That was the last try, and wrong."""


def hashed(secret, salt):
    """The keyed hash under which a secret is kept (SECRET_KEY is the pepper)."""
    return keys.mac(f"{salt}:{secret}")


def made(secret=None):
    """(a secret, six digits unless one is given; how a row keeps it)."""
    secret, salt = secret or f"{secrets.randbelow(1_000_000):06}", secrets.token_hex(16)
    return secret, {"salt": salt, "secret_hash": hashed(secret, salt)}


@writes
def new(purpose, email, payload=None, user=None, next_url=None, secret=None, life=LIFE):
    """(token, its secret), a six-digit code unless one is given; earlier ones for this are void."""
    email_norm = normalized(email)
    AuthToken.delete().where(AuthToken.purpose == purpose, AuthToken.email_norm == email_norm).execute()
    code, kept = made(secret)
    about = {"user": user, "payload": payload or {}, "next_url": next_url, "expires_at": now() + life}
    return AuthToken.create(purpose=purpose, email_norm=email_norm, **kept, **about), code


def fits(token, secret):
    """Whether the secret is the token's, under any key of the site; in constant time, and without counting a try."""
    known = [keys.mac(f"{token.salt}:{secret}", key) for key in keys.every()]
    return any(hmac.compare_digest(token.secret_hash, one) for one in known)


def gone():
    """The refusal for a token that is used, too old, or out of tries."""
    return CodeExpired("This code is no longer good. Ask for a new one.")


def check(row, code):
    """Count a try and use the row up if the code is its own. `row` is a token, a challenge, or None.

    Refuses with WrongCode, which says how many tries are left, OutOfTries, or CodeExpired.
    """
    if row is None or not count(row):
        raise gone()
    if not fits(row, code_digits(code)):
        raise wrong(row)
    if not consume(row):
        raise gone()


@writes
def count(row):
    """Count a try; False when the row is over, or has no try left."""
    table = type(row)
    live = (table.id == row.id) & table.consumed_at.is_null() & (table.expires_at > now())
    return table.update(attempts=table.attempts + 1).where(live, table.attempts < TRIES).execute()


def wrong(row):
    """The refusal for a wrong try; `row` as it was before the try was counted."""
    left = TRIES - row.attempts - 1
    return WrongCode(f"That isn't the code. You have {tries(left)} left.") if left > 0 else OutOfTries(gone().sentence)


def tries(left):
    """How many, in words."""
    return "one try" if left == 1 else f"{left} tries"


@writes
def consume(row):
    """Use it up; False when somebody was faster."""
    table = type(row)
    return table.update(consumed_at=now()).where(table.id == row.id, table.consumed_at.is_null()).execute()


@writes
def prune(limit):
    """Remove old tokens, a batch at a time; an unfinished sign-up is kept a week to be taken up again."""
    old = AuthToken.select(AuthToken.id).where(
        (AuthToken.expires_at < now() - timedelta(days=7))
        | ((AuthToken.expires_at < now()) & (AuthToken.purpose != "verify_email"))
    )
    return AuthToken.delete().where(AuthToken.id.in_(old.limit(limit))).execute()
