"""One comparison of our rows with the payment provider: what it reads, what differs, what is done about it.

Everything that runs and what was paid lately is read a page at a time. A provider lists what was made lately; a
dispute is decided, a bank debit settles and a refund fails long after that: what our own rows say isn't settled is
asked for by its id, of any age. Why: docs/decisions/reconciliation.md
"""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from database.clock import now
from database.scope import everywhere
from domain.base import long_jobs
from domain.entitlements import plans
from domain.money import facts, owners, providers, silences, trials
from domain.money.providers.provider import (
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    Fact,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    StatusUnknown,
    SubscriptionChanged,
)
from domain.money.subscriptions import known_prices, misgiven
from models import Checkout, Customer, Organization, Payment, Subscription

KIND = "reconciliation"  # the work, and the job that does it
READ_BACK = timedelta(days=35)  # a bank debit may be under way each night until then, and has no row meanwhile
AT_ONCE = 100
KEPT = 100  # differences that a run keeps
REFUNDS = timedelta(days=30)  # that a bank may still send a refund back
BATCH = 500
SHAPES = {shape.__name__: shape for shape in Fact.__subclasses__()}


class Comparison:
    """One run: what it read, what differed, what was done about it."""

    def __init__(self, row):
        self.row, self.provider = row, providers.active()
        self.heals = bool(row.facts.get("heals"))
        self.prices = known_prices()
        self.seen = set()
        self.count = {
            "subscriptions": 0,
            "payments": 0,
            "missed": 0,
            "foreign": 0,
            "drift": 0,
            "mended": 0,
            "unsettled": 0,
        }
        self.kept = []

    def figures(self, **more):
        """What the work's row keeps."""
        return self.count | {"kept": self.kept} | more

    def go(self):
        """The six steps, one after the other. Refuses with ProviderFailed, having kept what it did until then."""
        self._goes_on("events")
        self.count["missed"] = silences.fetch_missed()
        self._goes_on("subscriptions")
        for page in _batched(self.provider.list_active()):
            self._compare(page)
        self._goes_on("unlisted")
        for ids in _batched([id] for id in _unlisted(self.seen)):
            for id in ids:
                self._unlisted(id)
        self._goes_on("payments")
        for page in _batched(self.provider.list_since(now() - READ_BACK)):
            self._compare(page)
        self._goes_on("unsettled")
        for id in unsettled_payments(self.provider.NAME):
            self._compare(self.provider.payment(id))
        for id in unsettled_checkouts(self.provider.NAME):
            self._compare(self.provider.confirm(id))
        self._goes_on("customers")
        for id in idle_customers(self.provider.NAME):
            self._compare(self.provider.buyer(id))
        for id in ended_with_customers(self.provider.NAME):
            self._compare(self.provider.refetch(id) or [])

    def _goes_on(self, step=None):
        step = step or self.row.facts.get("step")
        long_jobs.progress(self.row, self.count["subscriptions"], **self.figures(step=step))

    def _unlisted(self, id):
        found = self.provider.refetch(id)
        if found:
            self._compare(found)
        else:
            self.count["unsettled"] += 1
            self._keep(
                id,
                "subscription",
                [],
                "refused",
                f"{providers.label()} doesn't know it. It may be of another account.",
            )

    def _compare(self, page):
        """A page of facts against our rows: most say the same, the others are tried out and told."""
        changed = [fact for fact in page if isinstance(fact, SubscriptionChanged)]
        others = [fact for fact in page if not isinstance(fact, SubscriptionChanged)]
        self.seen |= {fact.id for fact in changed}
        self.count["subscriptions"] += len(changed)
        self.count["payments"] += sum(isinstance(fact, PaymentReceived | PaymentFailed) for fact in others)
        known = _Known(page, self.provider.NAME)
        for fact in (*self._unlike(changed, known), *(one for one in others if not known.says(one))):
            if known.is_ours(fact):
                self._differs(fact, self.heals)
            elif owners.is_money(fact):
                self._differs(fact, True)  # which changes nothing, and asks admins whose it is
            else:
                self.count["foreign"] += 1
        self._goes_on()

    def _unlike(self, changed, known):
        """The facts whose subscription's row says something else, or whose grants aren't what follows from it."""
        off = misgiven([row for row in known.subscriptions.values() if row.status not in Subscription.TERMINAL])
        for fact in changed:
            row = known.subscriptions.get(fact.id)
            if row is None or row.id in off or not _says(row, fact, self.prices):
                yield fact

    def _differs(self, fact, heals):
        found, trial = [fact], trials.try_out([fact])
        missing = getattr(fact, "subscription_id", None)
        if trial.refusal and missing and missing not in self.seen:  # a payment of something we never heard of
            self.seen.add(missing)
            found = [*self.provider.refetch(missing), fact]
            trial = trials.try_out(found)
        changes, refusal, done = trials.as_rows(trial.differences), trial.refusal, "open"
        if not changes and not refusal:
            return
        if heals:
            why, error = trials.tried(facts.apply_each, found)  # also what is refused: its warnings are kept
            refusal = refusal or (trials.sentence(error) if error else why)
            done = "mended"
        done = "refused" if refusal else done
        self.count["unsettled" if refusal else "drift"] += 1
        self.count["mended"] += done == "mended"
        self._keep(fact, _what(fact), changes, done, refusal)

    def _keep(self, fact, what, changes, done, why=""):
        if len(self.kept) >= KEPT:
            return
        known = isinstance(fact, str)
        one = {
            "n": len(self.kept) + 1,
            "what": what,
            "id": fact if known else id_of(fact),
            "changes": changes[:20],
            "done": done,
            "why": why[:300],
        }
        if done == "open" and what != "subscription":  # a subscription is asked for anew when it is mended
            one["facts"] = packed(fact)
        self.kept.append(one)


def _batched(pages):
    """Pages of any size as pages of about a hundred, so that rows are looked up together."""
    held = []
    for page in pages:
        held += page
        if len(held) >= AT_ONCE:
            yield held
            held = []
    if held:
        yield held


def _unlisted(seen):
    """The ids of subscriptions that run by our rows and that the provider didn't list, a page of rows at a time."""
    last, running = 0, Subscription.running(providers.name())
    while True:
        with everywhere("all running subscriptions are compared"):
            query = Subscription.select(Subscription.id, Subscription.provider_subscription_id)
            rows = list(query.where(Subscription.id > last, *running).order_by(Subscription.id).limit(1000))
        if not rows:
            return
        last = rows[-1].id
        yield from (row.provider_subscription_id for row in rows if row.provider_subscription_id not in seen)


# --- what isn't settled by our own rows -----------------------------------------------------------------------


def unsettled_payments(provider):
    """The provider's ids of payments that are open, failed or disputed, or were refunded lately; newest first."""
    waits = Payment.status.in_(("open", "failed")) | (Payment.dispute == "open")
    refunded = (Payment.amount_refunded > 0) & (Payment.updated_at > now() - REFUNDS)
    return _ids(Payment, Payment.provider_payment_id, lambda: (Payment.provider == provider, waits | refunded))


def unsettled_checkouts(provider):
    """The same of checkouts for something bought once that were gone through, and of whose payment nobody knows."""
    once = Checkout.plan_key.in_([key for key, plan in plans.PLANS.items() if plan.is_once])
    waits = (Checkout.status == "completed") & Checkout.settled_at.is_null()
    return _ids(Checkout, Checkout.provider_checkout_id, lambda: (Checkout.provider == provider, once, waits))


def idle_customers(provider):
    """The same of customers of whom nothing runs: one may have been deleted unheard. Of many some each night."""
    with everywhere("customers of all organizations are asked for by the night"):
        theirs = Subscription.select(Subscription.provider_customer_id).where(
            Subscription.provider == provider, Subscription.status.not_in(Subscription.TERMINAL)
        )
        runs = {id for (id,) in theirs.tuples()}
        known = Customer.select(Customer.provider_customer_id).where(
            Customer.provider == provider, Customer.deleted_at.is_null()
        )
        idle = [id for (id,) in known.order_by(Customer.id).tuples() if id not in runs]
    turns = len(idle) // BATCH + 1
    return idle[now().toordinal() % turns :: turns]


def ended_with_customers(provider):
    """The same of subscriptions that ended because we heard lately that their customer was deleted: how each stood
    before may be unheard, and nothing that is over is listed."""

    def ended():
        deleted = Customer.deleted_at.is_null(False), Customer.updated_at > now() - REFUNDS
        gone = Customer.select(Customer.provider_customer_id).where(Customer.provider == provider, *deleted)
        theirs = Subscription.provider_customer_id.in_(gone), Subscription.status == "canceled"
        return Subscription.provider == provider, *theirs

    return _ids(Subscription, Subscription.provider_subscription_id, ended)


def _ids(table, column, conditions):
    last = None
    while True:
        before = [table.id < last] if last else []
        with everywhere("what isn't settled is asked for by the night"):
            query = table.select(table.id, column.alias("theirs")).where(*conditions(), *before, column.is_null(False))
            rows = list(query.order_by(table.id.desc()).limit(BATCH).tuples())
        if not rows:
            return
        last = rows[-1][0]
        yield from (theirs for _, theirs in rows)


# --- the normal form --------------------------------------------------------------------------------------


def _says(row, fact, prices):
    """Whether a subscription's row is what the fact would make of it. When the fact was told is no difference."""
    plan_key = prices.get((fact.provider, fact.price_id)) or row.plan_key
    values = facts.columns(dataclasses.replace(fact, purchaser=None), row, plan_key)
    values.pop("last_event_at")
    values.pop("purchaser")
    return all(getattr(row, name) == value for name, value in values.items())


class _Known:
    """Our rows that a page of facts speaks of, each kind looked up once."""

    def __init__(self, page, provider):
        self.provider = provider
        ids = {
            name: {getattr(fact, name, None) for fact in page} - {None, ""}
            for name in ("customer_id", "organization", "subscription_id", "payment_id")
        }
        ids["subscription_id"] |= {fact.id for fact in page if isinstance(fact, SubscriptionChanged)}
        ids["payment_id"] |= {fact.id for fact in page if isinstance(fact, PaymentReceived | PaymentFailed)}
        checkouts = {fact.id for fact in page if isinstance(fact, CheckoutClosed)}
        with everywhere("what the provider says is compared with our rows"):
            self.customers = {
                row.provider_customer_id: row for row in self._of(Customer, "provider_customer_id", ids["customer_id"])
            }
            held = self._of(Subscription, "provider_subscription_id", ids["subscription_id"], Organization)
            self.subscriptions = {row.provider_subscription_id: row for row in held}
            held = self._of(Payment, "provider_payment_id", ids["payment_id"])
            self.payments = {row.provider_payment_id: row for row in held}
            held = self._of(Checkout, "provider_checkout_id", checkouts)
            self.checkouts = {row.provider_checkout_id: row for row in held}
            query = Organization.select(Organization.public_id)
            query = query.where(Organization.public_id.in_(sorted(ids["organization"])))
            self.organizations = {id for (id,) in query.tuples()} if ids["organization"] else set()

    def _of(self, table, column, ids, joined=None):
        if not ids:
            return ()
        query = (
            table.select(table, joined).join(joined, on=table.organization == joined.id) if joined else table.select()
        )
        return query.where(table.provider == self.provider, getattr(table, column).in_(sorted(ids)))

    def is_ours(self, fact):
        """Whether it speaks of anything of ours; the account may sell other things too."""
        return (
            fact.organization in self.organizations
            or fact.customer_id in self.customers
            or getattr(fact, "subscription_id", None) in self.subscriptions
            or getattr(fact, "payment_id", None) in self.payments
            or getattr(fact, "id", None) in (self.subscriptions.keys() | self.payments.keys() | self.checkouts.keys())
        )

    def says(self, fact):
        """Whether our rows say what the fact says, as far as it takes no trial to see."""
        row = self.payments.get(getattr(fact, "payment_id", None) or getattr(fact, "id", None))
        match fact:
            case CheckoutClosed():
                checkout = self.checkouts.get(fact.id)
                return checkout is None or checkout.status != "open"
            case CustomerChanged():
                customer = self.customers.get(fact.customer_id)
                return customer is not None and bool(customer.deleted_at) == fact.deleted
            case PaymentReceived():
                same = ("reason", "amount", "currency", "period_start_at", "period_end_at")
                paid = row is not None and row.status == "paid"
                return paid and all(getattr(row, name) == getattr(fact, name) for name in same)
            case PaymentFailed():
                return row is not None and row.status in ("paid", "void" if fact.void else "failed")
            case PaymentRefunded():
                return row.amount_refunded == fact.amount_refunded if row else not fact.amount_refunded
            case DisputeOpened():
                return row is not None and row.dispute != "none"
            case DisputeClosed():
                return row is not None and row.dispute == ("won" if fact.won else "lost")
        return False


def _what(fact):
    if isinstance(fact, SubscriptionChanged):
        return "subscription"
    if isinstance(fact, StatusUnknown):
        return fact.thing
    return {"PaymentRefunded": "refund", "DisputeOpened": "dispute", "DisputeClosed": "dispute"}.get(
        type(fact).__name__, "checkout" if isinstance(fact, CheckoutClosed) else "payment"
    )


def id_of(fact):
    """What the provider calls the thing that a fact speaks of."""
    return str(getattr(fact, "payment_id", None) or getattr(fact, "id", None) or fact.customer_id)


def packed(fact):
    """A fact as a row can keep it; `unpacked` is the way back."""
    values = dataclasses.asdict(fact)
    held = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return {"fact": type(fact).__name__} | held


def unpacked(held):
    """The fact that was `packed`."""
    shape: Any = SHAPES[held["fact"]]
    moments = {one.name for one in dataclasses.fields(shape) if "datetime" in str(one.type)}
    return shape(
        **{
            name: datetime.fromisoformat(value) if name in moments and value else value
            for name, value in held.items()
            if name != "fact"
        }
    )
