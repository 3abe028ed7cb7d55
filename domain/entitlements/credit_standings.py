"""How an organization stands with its credits, with whatever is due counted as done. Reads only."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from peewee import JOIN, fn

from database.clock import now
from database.connections import database
from database.scope import inside
from domain.entitlements import credit_accounts
from models import CreditAccount, CreditBucket, CreditEntry, CreditHold, User


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
        return self.balance * 100 < self.allowance * credit_accounts.LOW


def standing(organization):
    """The Standing of an organization: what is due is counted here and written by the next act."""
    moment = now()
    with inside(organization):
        account = CreditAccount.get()
        buckets, allowance = _buckets(account, moment), account.monthly_allowance
        held = account.held - _give_back(account, buckets, moment)
        resets_at = account.resets_at
        if resets_at <= moment:
            found = credit_accounts.allowance(account)
            allowance, resets_at = found.amount, found.ends_at
            buckets = _followed(buckets, found)
    left = [bucket for bucket in buckets if bucket.remaining]
    balance = held + sum(bucket.remaining for bucket in left)
    return Standing(balance, held, allowance, resets_at, left)


def _buckets(account, moment):
    """The open ones, what ends soonest first; what has ended by now isn't among them."""
    lasts = CreditBucket.expires_at.is_null() | (CreditBucket.expires_at > moment) | (CreditBucket.kind == "monthly")
    query = CreditBucket.select().where(CreditBucket.account == account, CreditBucket.closed_at.is_null(), lasts)
    return list(query.order_by(CreditBucket.expires_at.asc(nulls="last"), CreditBucket.id))


def _give_back(account, buckets, moment):
    """What lapsed holds held, back in their buckets; returns how much it was."""
    if not account.held:
        return 0
    of_account, by_id = CreditHold.account == account, {bucket.id: bucket for bucket in buckets}
    lapsed = CreditHold.select().where(of_account, CreditHold.status == "open", CreditHold.expires_at <= moment)
    lapsed = list(lapsed.order_by(CreditHold.id))
    for bucket, amount in (part for hold in lapsed for part in hold.drawn):
        if bucket in by_id:
            by_id[bucket].remaining += amount
    return sum(hold.amount for hold in lapsed)


def _followed(buckets, found):
    """The buckets with the monthly one as an Allowance has it."""
    old = next((bucket for bucket in buckets if bucket.kind == "monthly"), None)
    used, left = credit_accounts.left_of(None if found.begins else old, found.amount)
    new = CreditBucket(kind="monthly", amount=used + left, remaining=left, expires_at=found.ends_at)
    kept = [new, *(bucket for bucket in buckets if bucket.kind != "monthly")]
    return sorted(kept, key=lambda bucket: (bucket.expires_at is None, bucket.expires_at or found.ends_at))


def balance(organization):
    """(balance, monthly allowance), with whatever is due counted as done."""
    moment = now()
    with inside(organization):
        account = CreditAccount.get()
    due = account.resets_at <= moment or (account.lapses_at is not None and account.lapses_at <= moment)
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
