"""An organization's credit account: its balance, the buckets that the credits lie in, the ledger that says why.

What `credits` and `credit_holds` are made of, for use within their transactions. One conditional UPDATE
decides whether there is enough; `settled` locks the account and does what is due on it first.
"""

import functools
import json
from typing import NamedTuple

from peewee import fn

from database.clock import next_month, now
from database.columns import public_id
from database.compiled import Compiled, CompiledRows
from database.connections import database
from database.parameters import parameter
from domain import Invalid, Refused
from domain.base import changes, outgoing
from domain.entitlements import monthly_credits
from domain.fields.number import counted
from models import CreditAccount, CreditBucket, CreditEntry, CreditHold, Membership

MOST = 1_000_000_000  # that an account may hold: far below what the columns can
LOW = 10  # percent of the allowance: below it owners and admins are told
KEY = 120  # characters of a key


class InsufficientCredits(Refused):
    """There isn't enough. `details` tell how many are needed and how many are left."""

    code, status = "INSUFFICIENT_CREDITS", 402


class KeyReused(Refused):
    """The key was used for something else before: the caller has mixed up two acts."""


class Account(NamedTuple):
    """The account's row, times as the database has them."""

    id: int
    balance: int
    held: int
    monthly_allowance: int
    last_reset_at: object
    resets_at: object
    lapses_at: object


# --- the hot path: queries built once -------------------------------------------------------------------


def _alone(query):
    """Nobody else moves the row until we have committed. SQLite's one writer is alone anyway."""
    return query.for_update() if database.dialect == "postgres" else query


# These six are one spend: `credit_spends_per_second`.
_account = Compiled(
    lambda: _alone(
        CreditAccount.select(
            CreditAccount.id,
            CreditAccount.balance,
            CreditAccount.held,
            CreditAccount.monthly_allowance,
            CreditAccount.last_reset_at,
            CreditAccount.resets_at,
            CreditAccount.lapses_at,
        )
    )
)


entered = Compiled(
    lambda: CreditEntry.select(CreditEntry.delta, CreditEntry.balance_after).where(
        CreditEntry.account == parameter("account"), CreditEntry.idempotency_key == parameter("key")
    )
)


# `updated_at` is given, which spares the trigger's second UPDATE.
_take = Compiled(
    lambda: (
        CreditAccount.update(balance=CreditAccount.balance - parameter("amount"), updated_at=parameter("moment"))
        .where(
            CreditAccount.id == parameter("account"), CreditAccount.balance - CreditAccount.held >= parameter("amount")
        )
        .returning(CreditAccount.balance)
    )
)


_open_buckets = Compiled(
    lambda: (
        CreditBucket.select(CreditBucket.id, CreditBucket.remaining)
        .where(
            CreditBucket.account == parameter("account"), CreditBucket.closed_at.is_null(), CreditBucket.remaining > 0
        )
        .order_by(CreditBucket.expires_at.asc(nulls="last"), CreditBucket.id)
    )
)


_drain = Compiled(
    lambda: (
        CreditBucket.update(remaining=CreditBucket.remaining - parameter("amount"), updated_at=parameter("moment"))
        .where(CreditBucket.id == parameter("bucket"))
        .returning(CreditBucket.id)
    )
)


_write_down = Compiled(
    lambda: CreditEntry.insert(
        created_at=parameter("moment"),
        updated_at=parameter("moment"),
        account=parameter("account"),
        delta=parameter("delta"),
        balance_after=parameter("balance_after"),
        reason=parameter("reason"),
        feature=parameter("feature"),
        note=parameter("note"),
        drawn=parameter("drawn"),
        actor=parameter("actor"),
        idempotency_key=parameter("key"),
    ).returning(CreditEntry.id)
)


def _stored(moment):
    return CreditAccount.last_reset_at.db_value(moment)


# --- what is asked --------------------------------------------------------------------------------------


def amount_of(amount):
    """The number itself. Refuses with Invalid where it is none that can be moved."""
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= MOST:
        raise Invalid({"amount": f"Write a whole number from 1 to {MOST:,}."})
    return amount


def key_of(act, key):
    """Keys of different acts can't meet: a spend's is never taken for an invoice's."""
    if not isinstance(key, str) or not key.strip() or len(key) > KEY:
        raise Invalid({"key": f"Every act with credits needs a key of its own, of up to {KEY} characters."})
    return f"{act}:{key}"


def answered(account, key, delta):
    """The answer that was given to this key before, or None. Refuses with KeyReused when it meant something else."""
    known = entered(account=account, key=key)
    if not known:
        return None
    if known[0][0] != delta:
        raise KeyReused("This key was used for another number of credits.")
    return known[0][1]


def after_lapse(account, key, answer):
    """What was answered then: some of what came back may have lapsed in the same moment."""
    lapsed = entered(account=account.id, key=f"expire:{key}")
    return lapsed[0][1] if lapsed else answer


# --- in and out -----------------------------------------------------------------------------------------


def take_out(account, amount):
    """Take credits out of the account and its buckets: (balance, [[bucket, amount], …])."""
    moved = _take(account=account.id, amount=amount, moment=_stored(now()))
    if not moved:
        raise too_few(account, amount)
    return moved[0][0], draw(account.id, amount)


def draw(account, amount):
    """Out of the open buckets, what ends soonest first."""
    drawn, moment = [], _stored(now())
    for bucket, remaining in _open_buckets(account=account):
        part = min(amount, remaining)
        _drain(bucket=bucket, amount=part, moment=moment)
        drawn.append([bucket, part])
        amount -= part
        if not amount:
            return drawn
    raise RuntimeError(f"The buckets of credit account {account} hold less than its balance.")


def too_few(account, amount):
    """The refusal: how many are left, and when there will be more."""
    left = account.balance - account.held
    some = "none is" if not left else "1 is" if left == 1 else f"{left:,} are"
    hint = "A larger plan has more."
    if account.monthly_allowance >= amount:
        back = CreditAccount.resets_at.python_value(account.resets_at)
        hint = f"The monthly {account.monthly_allowance:,} come back on {back.day} {back:%B}; a larger plan has more."
    return InsufficientCredits(
        f"This takes {counted(amount, 'credit')}, and {some} left. {hint}", needed=amount, left=left
    )


def put_back(account, drawn, balance, key):
    """Back into the buckets; what finds its bucket closed lapses. Returns the balance after that."""
    lost = 0
    for bucket, amount in drawn:
        back = CreditBucket.update(remaining=CreditBucket.remaining + amount).where(
            CreditBucket.id == bucket, CreditBucket.closed_at.is_null()
        )
        lost += 0 if back.execute() else amount
    if lost:
        balance = move(account, -lost)
        enter(account, -lost, balance, "expire", f"expire:{key}")
    return balance


# The next two are in every event about money: `events_worked_asking`.
@functools.cache
def _move(*names):
    """The account moved, with new values of the columns `names` beside."""
    given = {name: parameter(name) for name in names}
    moved = {
        "balance": CreditAccount.balance + parameter("delta"),
        "held": CreditAccount.held + parameter("more_held"),
        "updated_at": parameter("moment"),
    }
    return Compiled(
        lambda: (
            CreditAccount.update(**moved, **given)
            .where(CreditAccount.id == parameter("account"))
            .returning(CreditAccount.balance)
        )
    )


_open_monthly = CompiledRows(
    CreditBucket,
    lambda: (
        CreditBucket.select()
        .where(
            CreditBucket.account == parameter("account"),
            CreditBucket.kind == "monthly",
            CreditBucket.closed_at.is_null(),
        )
        .limit(1)
    ),
)


def move(account, delta, *, held=0, **values):
    """Change the account by so much and return its balance: ours alone, so nothing can come between."""
    given = {name: getattr(CreditAccount, name).db_value(value) for name, value in values.items()}
    moved = _move(*sorted(values))(account=account, delta=delta, more_held=held, moment=_stored(now()), **given)
    return moved[0][0]


def enter(account, delta, balance_after, reason, key, *, feature=None, note=None, drawn=(), by=None):
    """Write the ledger."""
    _write_down(
        moment=_stored(now()),
        account=account,
        delta=delta,
        balance_after=balance_after,
        reason=reason,
        feature=feature,
        note=note,
        drawn=json.dumps(drawn, separators=(",", ":")),
        actor=by.id if by else None,
        key=key,
    )


def warn_if_low(organization, account, balance):
    """Once a period, when the balance falls below a tenth of the allowance."""
    line = account.monthly_allowance * LOW
    if not balance * 100 < line <= account.balance * 100:
        return
    since = CreditAccount.last_reset_at.python_value(account.last_reset_at)
    for user in Membership.keepers(organization):
        outgoing.notify(
            user,
            "credits.low",
            f"credits.low:{organization.id}:{since:%Y-%m-%dT%H:%M:%S.%f}",
            f"Credits are running low: {balance:,} of {account.monthly_allowance:,} left",
            link=f"/{organization.slug}/credits",
            organization=organization,
        )


def fill(account, kind, amount, expires_at, note=None):
    """Open a bucket."""
    CreditBucket.create(account=account, kind=kind, amount=amount, remaining=amount, expires_at=expires_at, note=note)


def _close(which):
    CreditBucket.update(remaining=0, closed_at=now()).where(which).execute()


# --- what time does -------------------------------------------------------------------------------------


def settled(organization, resetting=True):
    """The account of the organization one stands in, ours alone until the commit, with nothing due on it."""
    account = Account(*_account()[0])
    moment = now()
    stale = resetting and account.resets_at <= _stored(moment)
    if stale or (account.lapses_at is not None and account.lapses_at <= _stored(moment)):
        _do_due(account, moment, stale)
        changes.record(organization, "credits", None, "updated")
        account = Account(*_account()[0])
    return account


def _do_due(account, moment, stale):
    """Lapsed holds go back, the monthly credits follow, buckets that ended are closed: in this order."""
    of_account = CreditHold.account == account.id
    lapsed = CreditHold.select().where(of_account, CreditHold.status == "open", CreditHold.expires_at <= moment)
    for held in list(lapsed.order_by(CreditHold.id)):
        let_go(account.id, held, "lapsed")
    if stale:
        follow(account)
    ended = CreditBucket.select(CreditBucket.id, CreditBucket.remaining).where(
        CreditBucket.account == account.id,
        CreditBucket.closed_at.is_null(),
        CreditBucket.kind != "monthly",
        CreditBucket.expires_at <= moment,
    )
    for bucket, remaining in list(ended.order_by(CreditBucket.expires_at, CreditBucket.id).tuples()):
        _close(CreditBucket.id == bucket)
        if remaining:
            enter(account.id, -remaining, move(account.id, -remaining), "expire", f"expire:{bucket}")
    note_next(account.id)


def let_go(account, held, status):
    """End an open hold: what it held goes back. Returns the balance after that."""
    CreditHold.update(status=status).where(CreditHold.id == held.id).execute()
    balance = move(account, 0, held=-held.amount)
    return put_back(account, held.drawn, balance, f"{status}:{held.key}")


def allowance(account):
    """The monthly_credits.Allowance of an account, as its row or as a spend has it."""

    def is_entered(key):
        return bool(entered(account=account.id, key=key))

    last, until = (
        CreditAccount.resets_at.python_value(moment) for moment in (account.last_reset_at, account.resets_at)
    )
    return monthly_credits.current(account.monthly_allowance, last, until, is_entered)


def follow(account):
    """Have the monthly credits be what the plan and its payments give now; returns whether that was news."""
    found = allowance(account)
    if found.begins:
        replace_monthly(account, found.amount, found.begins, found.ends_at)
        return True
    return _adjust_monthly(account, found)


def replace_monthly(account, allowance, key, ends_at=None):
    """A new monthly bucket for the old one, once for each period: the caller has looked."""
    old, ends_at = _monthly(account), ends_at or next_month(now())
    _renew_bucket(account, old, allowance, allowance, ends_at)
    delta = allowance - (old.remaining if old else 0)
    balance = move(account.id, delta, monthly_allowance=allowance, last_reset_at=now(), resets_at=ends_at)
    if delta or allowance:
        enter(account.id, delta, balance, "reset", key)


def _monthly(account):
    return _open_monthly.first(account=account.id)


def _renew_bucket(account, old, amount, remaining, ends_at):
    """Close a bucket, so that what is still held of it lapses when it comes back, and open the next."""
    if old is not None:
        _close(CreditBucket.id == old.id)
    if amount:
        CreditBucket.create(account=account.id, kind="monthly", amount=amount, remaining=remaining, expires_at=ends_at)


def left_of(bucket, allowance):
    """(what was used of a monthly bucket, what is left of it by another allowance)."""
    used = bucket.amount - bucket.remaining if bucket else 0
    return used, max(0, allowance - used)


def _adjust_monthly(account, found):
    """The same period by another allowance: what was used of it stays used."""
    bucket = _monthly(account)
    used, left = left_of(bucket, found.amount)
    delta = left - (bucket.remaining if bucket else 0)
    if delta < 0 or (delta and bucket is None):
        _renew_bucket(account, bucket, used + left, left, found.ends_at)
    elif bucket is not None:
        values = {"amount": used + left, "remaining": left, "expires_at": found.ends_at}
        CreditBucket.update(**values).where(CreditBucket.id == bucket.id).execute()
    balance = move(account.id, delta, monthly_allowance=found.amount, resets_at=found.ends_at)
    if delta:
        enter(account.id, delta, balance, "reset", f"allowance:{public_id()}")
    return bool(delta) or found.amount != account.monthly_allowance


def note_next(account):
    """When the account has to be looked at again: the next end of a bucket or a hold. The month isn't among them."""
    bucket = CreditBucket.select(fn.MIN(CreditBucket.expires_at)).where(
        CreditBucket.account == account, CreditBucket.closed_at.is_null(), CreditBucket.kind != "monthly"
    )
    held = CreditHold.select(fn.MIN(CreditHold.expires_at)).where(
        CreditHold.account == account, CreditHold.status == "open"
    )
    ends = [moment for moment in (bucket.scalar(), held.scalar()) if moment is not None]
    CreditAccount.update(lapses_at=min(ends, default=None)).where(CreditAccount.id == account).execute()
