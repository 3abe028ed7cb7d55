"""The dry run: what facts would change, tried out on the present rows and taken back; and how people read it."""

import dataclasses
import logging
from datetime import datetime

from database.scope import inside
from database.transactions import writes
from domain import Refused
from domain.entitlements import grants
from domain.fields import money
from domain.money import facts, owners
from domain.money.facts import Retry
from domain.money.owners import Unknown
from domain.money.providers.provider import (
    CustomerChanged,
    NotOurs,
    ProviderFailed,
    SubscriptionChanged,
)
from models import CreditAccount, Customer, Grant, Licence, Outgoing, Payment, Subscription

log = logging.getLogger("guildhall.trials")


# --- how things stand -------------------------------------------------------------------------------------

MOST = 5000  # of each kind of row, the newest
SUBSCRIPTION = (*facts.SHOWN, "current_period_start_at", "trial_ends_at", "provider_price_id", "unpaid_since_at")
PAYMENT = (
    *("status", "reason", "amount", "amount_refunded", "currency", "dispute", "plan_key"),
    *("period_start_at", "period_end_at"),
)


def state(organization, about=None):
    """What money means for one organization, in one normal form: {(what, which): {column: value}}.
    All of it, or only what the facts `about` can change. No ids and no times of ours are in it, so two houses
    that were told the same can be compared."""
    with inside(organization):
        paid = _newest(Payment, about and Payment.provider_payment_id.in_(_payments(about)))
        bought = _newest(Subscription, about and _subscriptions(about, paid))
        sources = [*map(grants.source_of, bought), *map(grants.source_of_purchase, paid)]
        given = _newest(Grant, about and Grant.source.in_(sources))
        names = {row.id: row.provider_payment_id for row in paid}
        licences = [row for row in _newest(Licence, about and Licence.payment.in_(paid)) if row.payment_id in names]
        found = {
            **{("customer", row.provider_customer_id): _customer(row) for row in _newest(Customer)},
            **{("subscription", row.provider_subscription_id): _columns(row, *SUBSCRIPTION) for row in bought},
            **{("payment", row.provider_payment_id): _columns(row, *PAYMENT) for row in paid},
            **{("licence", names[row.payment_id]): _columns(row, "plan_key", "tier", "end_reason") for row in licences},
            **{("grant", f"{row.capability} from {row.source}"): _grant(row) for row in given},
        }
        for account in CreditAccount.select().limit(1):
            found["credits", "balance"] = _columns(account, "balance", "monthly_allowance")
    return found


def _newest(model, condition=None):
    query = model.select().order_by(model.id.desc()).limit(MOST)
    return list(query if condition is None else query.where(condition))


def _payments(about):
    """The provider's ids of payments that the facts speak of."""
    return list({getattr(fact, "payment_id", None) or getattr(fact, "id", None) for fact in about} - {None})


def _subscriptions(about, paid):
    """Those that the facts speak of, that were paid by these payments, or that end with a customer."""
    ids = {
        fact.id if isinstance(fact, SubscriptionChanged) else getattr(fact, "subscription_id", None) for fact in about
    }
    customers = {fact.customer_id for fact in about if isinstance(fact, CustomerChanged)}
    return (
        Subscription.provider_subscription_id.in_(list(ids - {None}))
        | Subscription.provider_customer_id.in_(list(customers))
        | Subscription.id.in_([row.subscription_id for row in paid if row.subscription_id])
    )


def _columns(row, *names):
    return {name: getattr(row, name) for name in names}


def _customer(row):
    return _columns(row, "provider", "email") | {"deleted": row.deleted_at is not None}


def _grant(row):
    return _columns(row, "plan_key", "expires_at") | {"active": row.revoked_at is None}


# --- trying out -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Difference:
    """One row that would change: `before` is None for a new one, `after` for one that goes."""

    what: str
    which: str
    before: dict | None
    after: dict | None

    @property
    def columns(self):
        """(column, before, after) of what differs."""
        before, after = self.before or {}, self.after or {}
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                yield name, before.get(name), after.get(name)


@dataclasses.dataclass(frozen=True)
class Trial:
    """What facts would do: the rows, what would be sent, and why it would be refused, if it would."""

    differences: tuple[Difference, ...]
    sent: tuple[tuple[str, str], ...]  # (kind, to whom or about what)
    refusal: str = ""


class _Undone(Exception):
    def __init__(self, trial):
        self.trial = trial


def try_out(told):
    """Apply facts to the present rows and take it all back; returns the Trial, also of what can't be applied."""
    _, error = tried(_try_out, told)
    return error.trial if isinstance(error, _Undone) else Trial((), (), sentence(error))


@writes
def _try_out(told):
    involved = {}
    for fact in told:
        try:
            organization = owners.organization_of(fact)
        except Unknown:
            continue
        involved[organization.id] = organization
    before = _states(involved.values(), told)
    last = Outgoing.select(Outgoing.id).order_by(Outgoing.id.desc()).first()
    refusal = ""
    try:
        for fact in told:
            facts.apply(fact)
    except (Unknown, Retry) as why:
        refusal = str(why)
    after = _states(involved.values(), told)
    changed = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
    differences = tuple(
        Difference(what, f"{slug}: {which}", before.get((slug, what, which)), after.get((slug, what, which)))
        for slug, what, which in changed
    )
    left = Outgoing.select().where(Outgoing.id > (last.id if last else 0)).order_by(Outgoing.id).limit(50)
    raise _Undone(Trial(differences, tuple((row.kind, row.recipient or row.key) for row in left), refusal))


def _states(organizations, told):
    return {(one.slug, *key): row for one in organizations for key, row in state(one, told).items()}


def tried(function, *args):
    """(what it returns, None), or (None, what it raised): whatever an event causes is recorded on it, or shown."""
    try:
        return function(*args), None
    except Exception as error:  # one of the two places that catch everything
        if not isinstance(error, _Undone | Refused | ProviderFailed | NotOurs | Retry):
            log.warning("what a provider said can't be worked", exc_info=True)
        return None, error


# --- as people read it ------------------------------------------------------------------------------------


def sentence(error):
    """An error as people can read it."""
    if isinstance(error, Refused):
        return error.sentence
    text = str(error).strip() or type(error).__name__
    known = isinstance(error, ProviderFailed | NotOurs | Unknown | Retry)
    return text if known else f"It can't be worked ({type(error).__name__}: {text})."[:500]


def shown(found):
    """Facts as the inspector shows them."""
    return [
        {"fact": type(fact).__name__}
        | {name: _plain(value) for name, value in vars(fact).items() if value not in (None, "", False, ())}
        for fact in found
    ]


def _plain(value):
    """A fact's value as JSON has it; facts within it are told in a line each."""
    if isinstance(value, tuple):
        lines = ({"fact": type(one).__name__} | vars(one) for one in value)
        return [", ".join(f"{name} {_plain(what)}" for name, what in line.items() if what) for line in lines]
    return value.isoformat() if isinstance(value, datetime) else value


def as_rows(differences):
    """Differences as pages show them and rows keep them: [{what, which, change, columns: [[name, before, after]]}].
    Grants of one source that change alike are told as one."""
    found: dict[tuple, dict] = {}
    for one in differences:
        rows = {"before": one.before or {}, "after": one.after or {}}
        columns = [
            [
                name.removesuffix("_at").replace("_", " "),
                _value(name, before, rows["before"]),
                _value(name, after, rows["after"]),
            ]
            for name, before, after in one.columns
        ]
        change = "new" if one.before is None else "gone" if one.after is None else "changed"
        source = one.which.partition(" from ")[2]
        key = (one.what, source, change, str(columns)) if source else (one.what, one.which)
        if key in found:
            found[key]["more"] += 1
        else:
            found[key] = {"what": one.what, "which": one.which, "change": change, "columns": columns, "more": 0}
    return list(found.values())


def _value(name, value, row):
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if name.startswith("amount"):
        return money.written(value, row.get("currency"))
    return str(value)
