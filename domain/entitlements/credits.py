"""Credits: spending, giving, taking and renewing what an organization has. Whole numbers, no money.

They lie in buckets. The monthly one is replaced by each period (monthly_credits says which), never added to;
purchased and given ones stay until they end. What ends soonest is spent first.

Every act has a key: the same key twice is once, with the same answer. Why it is so: docs/decisions/credits.md
"""

from database.clock import next_month, now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound
from domain.base import changes, history, settings
from domain.entitlements import credit_accounts
from domain.fields.kinds import clean
from domain.fields.number import counted
from models import CreditAccount, CreditEntry, Grant, Organization

REASON = (3, 200)  # characters, of why credits are given or taken


# --- spending -------------------------------------------------------------------------------------------


@writes
def spend(organization, amount, *, key, feature, by=None):
    """Take `amount` credits for `feature` and return the new balance; the same `key` takes them once.
    A reset or an end that is due is done first. Refuses with InsufficientCredits (nothing is changed then),
    with KeyReused, and with Invalid for a key or an amount that is none. Open pages aren't told of each
    spend: what the feature made is their news."""
    amount, key = credit_accounts.amount_of(amount), credit_accounts.key_of("spend", key)
    with inside(organization):
        account = credit_accounts.settled(organization)
        if (answer := credit_accounts.answered(account.id, key, -amount)) is not None:
            return answer
        balance, drawn = credit_accounts.take_out(account, amount)
        credit_accounts.enter(account.id, -amount, balance, "spend", key, feature=feature, drawn=drawn, by=by)
        credit_accounts.warn_if_low(organization, account, balance)
    return balance


@writes
def refund(organization, key, *, by=None):
    """Give a spend (or what a hold was settled for) back to where it came from; returns the new balance.
    Twice is once. What came from a bucket that is over by now lapses at once, with a row that says so.
    Refuses with NotFound when nothing was spent under `key`."""
    spent_key, key = credit_accounts.key_of("spend", key), credit_accounts.key_of("refund", key)
    with inside(organization):
        account = credit_accounts.settled(organization)
        spent = CreditEntry.one(CreditEntry.account == account.id, CreditEntry.idempotency_key == spent_key)
        if spent is None or not spent.delta:
            raise NotFound("Nothing was spent under this key.")
        if (answer := credit_accounts.answered(account.id, key, -spent.delta)) is not None:
            return credit_accounts.after_lapse(account, key, answer)
        balance = credit_accounts.move(account.id, -spent.delta)
        credit_accounts.enter(account.id, -spent.delta, balance, "refund", key, feature=spent.feature, by=by)
        return credit_accounts.put_back(account.id, spent.drawn, balance, key)


# --- giving, taking, renewing ---------------------------------------------------------------------------


def open_account(organization):
    """The account every organization has from its first moment, with the free plan's allowance."""
    allowance = settings.get("credits_free")
    with inside(organization):
        account = CreditAccount.create(balance=0, monthly_allowance=allowance)
        if allowance:
            credit_accounts.fill(account.id, "monthly", allowance, next_month(now()))
            credit_accounts.enter(
                account.id, allowance, credit_accounts.move(account.id, allowance), "grant", "opening"
            )
    return account


@writes
def renew(organization, allowance, key):
    """Replace the monthly credits by the new allowance, once for each `key` (a period): nothing rolls over."""
    with inside(organization):
        account = credit_accounts.settled(organization, resetting=False)
        if credit_accounts.entered(account=account.id, key=key):
            return False
        credit_accounts.replace_monthly(account, allowance, key)
    return True


@writes
def follow(organization):
    """Have the monthly credits be what the plan and its payments give now; returns whether that was news.
    A period that was paid brings its allowance once, a change moves it by the difference (see monthly_credits)."""
    with inside(organization):
        news = credit_accounts.follow(credit_accounts.settled(organization, resetting=False))
        if news:
            changes.record(organization, "credits", None, "updated")
    return news


@writes
def give(organization, amount, *, key, reason, expires_at=None, by=None, kind="gift"):
    """Add a bucket of credits (`kind` gift or purchased) and return the new balance; once for each key.
    `reason` is kept and shown; `by` is whoever of the platform gives, None for a purchase or a claim. Audited.
    Refuses with Invalid (amount, reason, an end that is past) and KeyReused."""
    amount, reason, key = credit_accounts.amount_of(amount), _reason(reason), credit_accounts.key_of("give", key)
    if expires_at is not None and expires_at <= now():
        raise Invalid({"expires_at": "Choose a day that is still to come."})
    with inside(organization):
        account = credit_accounts.settled(organization)
        if (answer := credit_accounts.answered(account.id, key, amount)) is not None:
            return answer
        if account.balance + amount > credit_accounts.MOST:
            raise Invalid({"amount": f"An organization can have {credit_accounts.MOST:,} credits at most."})
        balance = credit_accounts.move(account.id, amount)
        credit_accounts.fill(account.id, kind, amount, expires_at, reason)
        credit_accounts.enter(account.id, amount, balance, "adjust" if by else "grant", key, note=reason, by=by)
        credit_accounts.note_next(account.id)
        _adjusted(organization, "given", amount, account.balance, balance, reason, by, expires_at=expires_at)
    return balance


@writes
def take(organization, amount, *, key, reason, by):
    """Take credits back, what ends soonest first, and return the new balance; once for each key. Audited.
    Refuses with InsufficientCredits, Invalid and KeyReused."""
    amount, reason, key = credit_accounts.amount_of(amount), _reason(reason), credit_accounts.key_of("take", key)
    with inside(organization):
        account = credit_accounts.settled(organization)
        if (answer := credit_accounts.answered(account.id, key, -amount)) is not None:
            return answer
        balance, drawn = credit_accounts.take_out(account, amount)
        credit_accounts.enter(account.id, -amount, balance, "adjust", key, note=reason, drawn=drawn, by=by)
        _adjusted(organization, "taken", amount, account.balance, balance, reason, by)
    return balance


def _reason(reason):
    reason, (least, most) = " ".join(clean(reason or "").split()), REASON
    if not least <= len(reason) <= most:
        raise Invalid({"reason": f"Say why, in {least} to {most} characters: it stands in the ledger."})
    return reason


def _adjusted(organization, verb, amount, before, after, reason, by, *, expires_at=None):
    facts = {"expires_at": f"{expires_at:%Y-%m-%d}"} if expires_at else {}
    preposition = "to" if verb == "given" else "from"
    facts |= {"amount": amount, "before": before, "after": after, "reason": reason}
    summary = f"{counted(amount, 'credit')} {verb} {preposition} {organization.name}"
    about = {"by": by, "organization": organization, "target": organization}
    history.note(f"billing.credits_{verb}", summary, "credits", **about, **facts)


# --- what time does -------------------------------------------------------------------------------------


@writes
def settle_up(organization):
    """Do what is due on the account: lapsed holds, a new month, buckets that ended. Nothing when nothing is."""
    with inside(organization):
        credit_accounts.settled(organization)


def reset_stale(limit):
    """Begin the next period for up to `limit` organizations that have an allowance or a plan; returns how many.
    A spend does the same by itself, whichever comes first."""
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
            .where(CreditAccount.resets_at <= now(), Organization.status == "active")
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
