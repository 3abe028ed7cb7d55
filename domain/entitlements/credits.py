"""Credits: what an organization has, what it spends, and the ledger that says why. Whole numbers, no money.

They lie in buckets. The monthly one is replaced by each renewal and each calendar month (UTC), never added
to; purchased and given ones stay until they end. What ends soonest is spent first. A hold takes credits out
of their buckets for work under way and is settled, released, or lapses.

One conditional UPDATE of the account decides whether there is enough. Every act has a key: the same key
twice is once, with the same answer. Why it is so: docs/decisions/credits.md
"""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from peewee import JOIN, fn

from database.clock import month_of, next_month, now
from database.compiled import Compiled
from database.connections import database
from database.parameters import parameter
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import changes, history, outgoing, settings
from domain.entitlements import grants
from domain.fields.kinds import clean
from domain.fields.number import counted
from models import CreditAccount, CreditBucket, CreditEntry, CreditHold, Grant, Membership, Organization, User

PAGE = 50
MOST = 1_000_000_000  # that an account may hold: far below what the columns can
LOW = 10  # percent of the allowance: below it owners and admins are told
KEY = 120  # characters of a key
REASON = (3, 200)  # characters, of why credits are given or taken


class InsufficientCredits(Refused):
    """There isn't enough. `details` tell how many are needed and how many are left."""

    code, status = "INSUFFICIENT_CREDITS", 402


class KeyReused(Refused):
    """The key was used for something else before: the caller has mixed up two acts."""


class HoldExpired(Refused):
    """It was settled too late; its credits went back."""

    code, status = "HOLD_EXPIRED", 410


class InvalidTransition(Refused):
    """A hold that is settled can't be released, nor the other way round."""

    code, status = "INVALID_TRANSITION", 409


class Account(NamedTuple):
    """The account's row, times as the database has them."""

    id: int
    balance: int
    held: int
    monthly_allowance: int
    last_reset_at: object
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
            CreditAccount.lapses_at,
        )
    )
)
_entered = Compiled(
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


# --- spending -------------------------------------------------------------------------------------------


@writes
def spend(organization, amount, *, key, feature, by=None):
    """Take `amount` credits for `feature` and return the new balance; the same `key` takes them once.

    A reset or an end that is due is done first. Refuses with InsufficientCredits (nothing is changed then),
    with KeyReused, and with Invalid for a key or an amount that is none. Open pages aren't told of each
    spend: what the feature made is their news.
    """
    amount, key = _whole(amount), _key("spend", key)
    with inside(organization):
        account = _settled(organization)
        if (told := _told(account.id, key, -amount)) is not None:
            return told
        balance, drawn = _out(account, amount)
        _enter(account.id, -amount, balance, "spend", key, feature=feature, drawn=drawn, by=by)
        _tell_if_low(organization, account, balance)
    return balance


def _out(account, amount):
    """Take credits out of the account and its buckets: (balance, [[bucket, amount], …])."""
    moved = _take(account=account.id, amount=amount, moment=_stored(now()))
    if not moved:
        raise _too_few(account, amount)
    return moved[0][0], _draw(account.id, amount)


def _draw(account, amount):
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


def _too_few(account, amount):
    left = account.balance - account.held
    some = "none is" if not left else "1 is" if left == 1 else f"{left:,} are"
    hint = "A larger plan has more."
    if account.monthly_allowance >= amount:
        back = next_month(now())
        hint = f"The monthly {account.monthly_allowance:,} come back on {back.day} {back:%B}; a larger plan has more."
    return InsufficientCredits(
        f"This takes {counted(amount, 'credit')}, and {some} left. {hint}", needed=amount, left=left
    )


def _tell_if_low(organization, account, balance):
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


@writes
def refund(organization, key, *, by=None):
    """Give a spend (or what a hold was settled for) back to where it came from; returns the new balance.

    Twice is once. What came from a bucket that is over by now lapses at once, with a row that says so.
    Refuses with NotFound when nothing was spent under `key`.
    """
    spent_key, key = _key("spend", key), _key("refund", key)
    with inside(organization):
        account = _settled(organization)
        spent = CreditEntry.one(CreditEntry.account == account.id, CreditEntry.idempotency_key == spent_key)
        if spent is None or not spent.delta:
            raise NotFound("Nothing was spent under this key.")
        if (told := _told(account.id, key, -spent.delta)) is not None:
            return _after_lapse(account, key, told)
        balance = _move(account.id, -spent.delta)
        _enter(account.id, -spent.delta, balance, "refund", key, feature=spent.feature, by=by)
        return _put_back(account.id, spent.drawn, balance, key)


def _put_back(account, drawn, balance, key):
    """Back into the buckets; what finds its bucket closed lapses. Returns the balance after that."""
    lost = 0
    for bucket, amount in drawn:
        back = CreditBucket.update(remaining=CreditBucket.remaining + amount).where(
            CreditBucket.id == bucket, CreditBucket.closed_at.is_null()
        )
        lost += 0 if back.execute() else amount
    if lost:
        balance = _move(account, -lost)
        _enter(account, -lost, balance, "expire", f"expire:{key}")
    return balance


def _after_lapse(account, key, told):
    """What was answered then: some of what came back may have lapsed in the same moment."""
    lapsed = _entered(account=account.id, key=f"expire:{key}")
    return lapsed[0][1] if lapsed else told


# --- holds ----------------------------------------------------------------------------------------------


@writes
def hold(organization, amount, *, key, feature, lasts, by=None):
    """Set credits aside for work that may fail, for as long as `lasts` (a timedelta); returns the CreditHold.

    The same key gives the same hold. Refuses with InsufficientCredits, KeyReused and Invalid.
    """
    amount, name = _whole(amount), _key("hold", key).partition(":")[2]
    if lasts <= timedelta(0):
        raise Invalid({"lasts": "A hold must last for some time."})
    with inside(organization):
        account = _settled(organization)
        known = _hold(account, name)
        if known is not None:
            if (known.amount, known.feature) != (amount, feature):
                raise KeyReused("This key holds other credits already.")
            return known
        if _entered(account=account.id, key=f"spend:{name}"):
            raise KeyReused("Credits were spent under this key already.")
        enough = (
            CreditAccount.update(held=CreditAccount.held + amount)
            .where(CreditAccount.id == account.id, CreditAccount.balance - CreditAccount.held >= amount)
            .execute()
        )
        if not enough:
            raise _too_few(account, amount)
        made = CreditHold.create(
            account=account.id,
            key=name,
            amount=amount,
            drawn=_draw(account.id, amount),
            feature=feature,
            expires_at=now() + lasts,
            actor=by,
        )
        _note_next(account.id)
    return made


@writes
def settle(organization, key, amount, *, by=None):
    """Spend `amount` of what is held under `key`, free the rest, and return the new balance. Twice is once.

    Refuses with NotFound, with HoldExpired when it has lapsed, with InvalidTransition when it was released,
    with Invalid for more than is held, and with KeyReused for another amount than the first time.
    """
    amount, key = _whole(amount), _key("spend", key)
    with inside(organization):
        account = _settled(organization)
        held = _found_hold(account, key.partition(":")[2])
        if held.status == "settled":
            return _after_lapse(account, key, _told(account.id, key, -amount))
        if held.status != "open":
            _refuse_over(held)
        if amount > held.amount:
            raise Invalid({"amount": f"Only {counted(held.amount, 'credit')} are held."})
        if _entered(account=account.id, key=key):
            raise KeyReused("Credits were spent under this key already.")
        used, rest = _parted(held.drawn, amount)
        CreditHold.update(status="settled").where(CreditHold.id == held.id).execute()
        balance = _move(account.id, -amount, held=-held.amount)
        by = by or held.actor
        _enter(account.id, -amount, balance, "spend", key, feature=held.feature, drawn=used, by=by)
        balance = _put_back(account.id, rest, balance, key)
        _note_next(account.id)
        _tell_if_low(organization, account, balance)
    return balance


@writes
def release(organization, key):
    """Let go of a hold: its credits go back where they came from. Returns the balance; twice is once.

    Refuses with NotFound, and with InvalidTransition when it was settled.
    """
    name = _key("hold", key).partition(":")[2]
    with inside(organization):
        account = _settled(organization)
        held = _found_hold(account, name)
        if held.status == "settled":
            raise InvalidTransition("What was settled can't be released; it can be refunded.")
        balance = _let_go(account.id, held, "released") if held.status == "open" else account.balance
        _note_next(account.id)
    return balance


def _hold(account, name):
    return CreditHold.one(CreditHold.account == account.id, CreditHold.key == name)


def _found_hold(account, name):
    held = _hold(account, name)
    if held is None:
        raise NotFound("Nothing is held under this key.")
    return held


def _refuse_over(held):
    if held.status == "lapsed":
        raise HoldExpired("The hold lapsed, and its credits went back. Begin anew.")
    raise InvalidTransition("The hold was released, so it can't be settled.")


def _let_go(account, held, status):
    CreditHold.update(status=status).where(CreditHold.id == held.id).execute()
    balance = _move(account, 0, held=-held.amount)
    return _put_back(account, held.drawn, balance, f"{status}:{held.key}")


def _parted(drawn, amount):
    """The part of a draw that was used, from its beginning, and the rest."""
    used, rest = [], []
    for bucket, part in drawn:
        taken = min(part, amount)
        amount -= taken
        if taken:
            used.append([bucket, taken])
        if part > taken:
            rest.append([bucket, part - taken])
    return used, rest


# --- giving, taking, renewing ---------------------------------------------------------------------------


def open_account(organization):
    """The account every organization has from its first moment, with the free plan's allowance."""
    allowance = settings.get("credits_free")
    with inside(organization):
        account = CreditAccount.create(balance=0, monthly_allowance=allowance)
        if allowance:
            _fill(account.id, "monthly", allowance, next_month(now()))
            _enter(account.id, allowance, _move(account.id, allowance), "grant", "opening")
    return account


@writes
def renew(organization, allowance, key):
    """Replace the monthly credits by the new allowance, once for each `key` (an invoice): nothing rolls over."""
    with inside(organization):
        account = _settled(organization, resetting=False)
        if _entered(account=account.id, key=key):
            return False
        _replace_monthly(account, allowance, key)
    return True


@writes
def give(organization, amount, *, key, reason, expires_at=None, by=None, kind="gift"):
    """Add a bucket of credits (`kind` gift or purchased) and return the new balance; once for each key.

    `reason` is kept and shown; `by` is whoever of the platform gives, None for a purchase or a claim. Audited.
    Refuses with Invalid (amount, reason, an end that is past) and KeyReused.
    """
    amount, reason, key = _whole(amount), _said(reason), _key("give", key)
    if expires_at is not None and expires_at <= now():
        raise Invalid({"expires_at": "Choose a day that is still to come."})
    with inside(organization):
        account = _settled(organization)
        if (told := _told(account.id, key, amount)) is not None:
            return told
        if account.balance + amount > MOST:
            raise Invalid({"amount": f"An organization can have {MOST:,} credits at most."})
        balance = _move(account.id, amount)
        _fill(account.id, kind, amount, expires_at, reason)
        _enter(account.id, amount, balance, "adjust" if by else "grant", key, note=reason, by=by)
        _note_next(account.id)
        _adjusted(organization, "given", amount, account.balance, balance, reason, by, expires_at=expires_at)
    return balance


@writes
def take(organization, amount, *, key, reason, by):
    """Take credits back, what ends soonest first, and return the new balance; once for each key. Audited.

    Refuses with InsufficientCredits, Invalid and KeyReused.
    """
    amount, reason, key = _whole(amount), _said(reason), _key("take", key)
    with inside(organization):
        account = _settled(organization)
        if (told := _told(account.id, key, -amount)) is not None:
            return told
        balance, drawn = _out(account, amount)
        _enter(account.id, -amount, balance, "adjust", key, note=reason, drawn=drawn, by=by)
        _adjusted(organization, "taken", amount, account.balance, balance, reason, by)
    return balance


def _adjusted(organization, verb, amount, before, after, reason, by, *, expires_at=None):
    facts = {"expires_at": f"{expires_at:%Y-%m-%d}"} if expires_at else {}
    preposition = "to" if verb == "given" else "from"
    facts |= {"amount": amount, "before": before, "after": after, "reason": reason}
    summary = f"{counted(amount, 'credit')} {verb} {preposition} {organization.name}"
    about = {"by": by, "organization": organization, "target": organization}
    history.note(f"billing.credits_{verb}", summary, "credits", **about, **facts)


# --- what time does -------------------------------------------------------------------------------------


def _settled(organization, resetting=True):
    """The account of the organization one stands in, ours alone until the commit, with nothing due on it."""
    account = Account(*_account()[0])
    moment = now()
    stale = resetting and account.last_reset_at < _stored(month_of(moment))
    if stale or (account.lapses_at is not None and account.lapses_at <= _stored(moment)):
        _do_due(account, moment, stale)
        changes.record(organization, "credits", None, "updated")
        account = Account(*_account()[0])
    return account


def _do_due(account, moment, stale):
    """Lapsed holds go back, the month's credits are replaced, buckets that ended are closed: in this order."""
    of_account = CreditHold.account == account.id
    lapsed = CreditHold.select().where(of_account, CreditHold.status == "open", CreditHold.expires_at <= moment)
    for held in list(lapsed.order_by(CreditHold.id)):
        _let_go(account.id, held, "lapsed")
    if stale:
        _replace_monthly(account, _allowance(account.monthly_allowance), f"reset:{moment:%Y-%m}")
    ended = CreditBucket.select(CreditBucket.id, CreditBucket.remaining).where(
        CreditBucket.account == account.id,
        CreditBucket.closed_at.is_null(),
        CreditBucket.kind != "monthly",
        CreditBucket.expires_at <= moment,
    )
    for bucket, remaining in list(ended.order_by(CreditBucket.expires_at, CreditBucket.id).tuples()):
        _close(CreditBucket.id == bucket)
        if remaining:
            _enter(account.id, -remaining, _move(account.id, -remaining), "expire", f"expire:{bucket}")
    _note_next(account.id)


def _allowance(stored):
    """What the plan gives from this month on. An allowance doesn't outlive its plan; where none are sold, it stays."""
    plan = grants.plan()
    return settings.get(plan.credits) if plan else max(stored, settings.get("credits_free"))


def _replace_monthly(account, allowance, key):
    """A new monthly bucket for the old one. Once a month and once an invoice: the caller has looked."""
    mine = (CreditBucket.account == account.id) & (CreditBucket.kind == "monthly") & CreditBucket.closed_at.is_null()
    old = CreditBucket.one(mine)
    if old is not None:
        _close(mine)
    if allowance:
        _fill(account.id, "monthly", allowance, next_month(now()))
    delta = allowance - (old.remaining if old else 0)
    balance = _move(account.id, delta, monthly_allowance=allowance, last_reset_at=now())
    if delta or allowance:
        _enter(account.id, delta, balance, "reset", key)


def _close(which):
    CreditBucket.update(remaining=0, closed_at=now()).where(which).execute()


def _fill(account, kind, amount, expires_at, note=None):
    CreditBucket.create(account=account, kind=kind, amount=amount, remaining=amount, expires_at=expires_at, note=note)


def _note_next(account):
    """When the account has to be looked at again: the next end of a bucket or a hold. The month isn't among them."""
    bucket = CreditBucket.select(fn.MIN(CreditBucket.expires_at)).where(
        CreditBucket.account == account, CreditBucket.closed_at.is_null(), CreditBucket.kind != "monthly"
    )
    held = CreditHold.select(fn.MIN(CreditHold.expires_at)).where(
        CreditHold.account == account, CreditHold.status == "open"
    )
    ends = [moment for moment in (bucket.scalar(), held.scalar()) if moment is not None]
    CreditAccount.update(lapses_at=min(ends, default=None)).where(CreditAccount.id == account).execute()


@writes
def settle_up(organization):
    """Do what is due on the account: lapsed holds, a new month, buckets that ended. Nothing when nothing is."""
    with inside(organization):
        _settled(organization)


def reset_stale(limit):
    """Begin the new month for up to `limit` organizations that have an allowance or a plan; returns how many.

    A spend does the same by itself, whichever comes first.
    """
    with everywhere("the month begins for every organization alike"):
        some = CreditAccount.monthly_allowance > 0
        if settings.get("credits_free") == 0:
            planned = Grant.active().columns(Grant.organization)
            entitled = some | CreditAccount.organization.in_(planned)
        else:
            entitled = None
        query = (
            CreditAccount.select(CreditAccount.organization)
            .join(Organization)
            .where(CreditAccount.last_reset_at < month_of(now()), Organization.status == "active")
        )
        query = query if entitled is None else query.where(entitled)
        due = [id for (id,) in query.order_by(CreditAccount.id).limit(limit).tuples()]
    return _settle_each(due)


def lapse(limit):
    """Release lapsed holds and close ended buckets of up to `limit` organizations; returns how many."""
    with everywhere("holds and buckets end for all alike"):
        query = CreditAccount.select(CreditAccount.organization).where(CreditAccount.lapses_at <= now())
        due = [id for (id,) in query.order_by(CreditAccount.lapses_at).limit(limit).tuples()]
    return _settle_each(due)


def _settle_each(ids):
    for organization in Organization.select().where(Organization.id.in_(ids)):
        settle_up(organization)
    return len(ids)


# --- looking --------------------------------------------------------------------------------------------


@dataclass
class Standing:
    """How an organization stands now, with whatever is due counted as done."""

    balance: int
    held: int
    allowance: int
    resets_at: datetime
    buckets: list = field(default_factory=list)  # CreditBucket, what is spent first first

    @property
    def available(self):
        return self.balance - self.held

    @property
    def is_low(self):
        return self.balance * 100 < self.allowance * LOW


def standing(organization):
    """The Standing of an organization. Reads only: what is due is counted here and written by the next act."""
    moment = now()
    with inside(organization):
        account = CreditAccount.get()
        mine = CreditBucket.select().where(CreditBucket.account == account, CreditBucket.closed_at.is_null())
        buckets = {
            bucket.id: bucket for bucket in mine.order_by(CreditBucket.expires_at.asc(nulls="last"), CreditBucket.id)
        }
        held, allowance = account.held, account.monthly_allowance
        lapsed = CreditHold.select().where(
            CreditHold.account == account, CreditHold.status == "open", CreditHold.expires_at <= moment
        )
        for one in lapsed if account.held else ():
            held -= one.amount
            for bucket, amount in one.drawn:
                if bucket in buckets:
                    buckets[bucket].remaining += amount
        shown = [b for b in buckets.values() if b.expires_at is None or b.expires_at > moment or b.kind == "monthly"]
        if account.last_reset_at < month_of(moment):
            allowance = _allowance(allowance)
            shown = [bucket for bucket in shown if bucket.kind != "monthly"]
            if allowance:
                new = CreditBucket(kind="monthly", amount=allowance, remaining=allowance, expires_at=next_month(moment))
                shown.insert(0, new)
                shown.sort(key=lambda b: (b.expires_at is None, b.expires_at or moment))
    shown = [bucket for bucket in shown if bucket.remaining]
    balance = held + sum(bucket.remaining for bucket in shown)
    return Standing(balance, held, allowance, next_month(moment), shown)


def balance(organization):
    """(balance, monthly allowance), with whatever is due counted as done."""
    moment = now()
    with inside(organization):
        account = CreditAccount.get()
    due = account.last_reset_at < month_of(moment) or (account.lapses_at is not None and account.lapses_at <= moment)
    if not due:
        return account.balance, account.monthly_allowance
    found = standing(organization)
    return found.balance, found.allowance


def newest(limit):
    """The newest entries of the organization one stands in, with their actors."""
    query = CreditEntry.select(CreditEntry, User)
    query = query.join(User, JOIN.LEFT_OUTER, on=(CreditEntry.actor == User.id), attr="actor")
    return list(query.order_by(CreditEntry.id.desc()).limit(limit))


def spent_by_day(organization, days=30):
    """[(day, credits)] of the last `days` days in UTC, the oldest first; what was refunded that day doesn't count."""
    today = now().astimezone(UTC).date()
    first = today - timedelta(days=days - 1)
    at = CreditEntry.created_at
    on = fn.date(fn.timezone("UTC", at)) if database.dialect == "postgres" else fn.substr(at, 1, 10)
    day = on.alias("day")
    with inside(organization):
        rows = (
            CreditEntry.select(day, fn.SUM(CreditEntry.delta))
            .where(
                at >= datetime(first.year, first.month, first.day, tzinfo=UTC),
                CreditEntry.reason.in_(("spend", "refund")),
            )
            .group_by(day)
            .tuples()
        )
        sums = defaultdict(int, {str(one)[:10]: -total for one, total in rows})
    all_days = [first + timedelta(days=number) for number in range(days)]
    return [(one, max(0, int(sums[one.isoformat()]))) for one in all_days]


# --- small parts ----------------------------------------------------------------------------------------


def _whole(amount):
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= MOST:
        raise Invalid({"amount": f"Write a whole number from 1 to {MOST:,}."})
    return amount


def _key(act, key):
    """Keys of different acts can't meet: a spend's is never taken for an invoice's."""
    if not isinstance(key, str) or not key.strip() or len(key) > KEY:
        raise Invalid({"key": f"Every act with credits needs a key of its own, of up to {KEY} characters."})
    return f"{act}:{key}"


def _said(reason):
    reason, (least, most) = " ".join(clean(reason or "").split()), REASON
    if not least <= len(reason) <= most:
        raise Invalid({"reason": f"Say why, in {least} to {most} characters: it stands in the ledger."})
    return reason


def _told(account, key, delta):
    """The answer that was given to this key before, or None. Refuses with KeyReused when it meant something else."""
    known = _entered(account=account, key=key)
    if not known:
        return None
    if known[0][0] != delta:
        raise KeyReused("This key was used for another number of credits.")
    return known[0][1]


def _move(account, delta, *, held=0, **values):
    """Change the account by so much and return its balance: ours alone, so nothing can come between."""
    moved = CreditAccount.update(balance=CreditAccount.balance + delta, held=CreditAccount.held + held, **values).where(
        CreditAccount.id == account
    )
    moved.execute()
    return CreditAccount.get_by_id(account).balance


def _enter(account, delta, balance_after, reason, key, *, feature=None, note=None, drawn=(), by=None):
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
