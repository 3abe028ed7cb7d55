"""Whether our rows still say what the payment provider says, and mending them where they don't.

Webhooks get lost: an endpoint was down, a deploy went wrong, a provider forgot. So at night, and when an admin
asks, everything that runs and what was paid lately is read from the provider, compared with the rows a page at a
time, and what differs is tried out to be told, then applied. Why: docs/decisions/reconciliation.md
"""

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from database.clock import now
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Forbidden, NotFound, Refused
from domain.base import audit, configuration, long_jobs, settings
from domain.fields.number import counted
from domain.money import announcements, facts, inbox, owners, providers, replays, trials, unsettled
from domain.money.providers import provider
from domain.money.providers.provider import (
    CheckoutClosed,
    CustomerChanged,
    DisputeClosed,
    DisputeOpened,
    PaymentFailed,
    PaymentReceived,
    PaymentRefunded,
    StatusUnknown,
    SubscriptionChanged,
)
from domain.money.subscriptions import known_prices, misgiven
from domain.people import admins
from models import Checkout, Customer, GrantSource, LongJob, Organization, Payment, Subscription, User

KIND = "reconciliation"  # the work, and the job that does it
AT = (2, 30)  # UTC
LONGEST = timedelta(days=35)  # that payments are read back
MARGIN = timedelta(days=15)  # before the last success: what was under way then; a bank debit takes so long
LISTED = timedelta(days=30)  # that providers list what they couldn't deliver
LATE = timedelta(hours=1)  # after the end of a period: its renewal should have come
AT_ONCE = 100
KEPT = 100  # differences that a run keeps
RUNS_KEPT = timedelta(days=90)
SHAPES = {
    shape.__name__: shape
    for shape in (
        CheckoutClosed,
        CustomerChanged,
        DisputeClosed,
        DisputeOpened,
        PaymentFailed,
        PaymentReceived,
        PaymentRefunded,
        SubscriptionChanged,
    )
}


# --- asking for it ----------------------------------------------------------------------------------------


@writes
def ask(*, by, heals=None):
    """Have everything compared with the provider, by a job, and mended as the settings say or as `heals` says;
    returns the work. Refuses with Forbidden, NotConfigured, or when a comparison runs already."""
    if not admins.may(by, "subscriptions.sync"):
        raise Forbidden("Only admins who may sync subscriptions can do this.")
    providers.active()
    row = _begin(by, heals)
    if row is None:
        raise Refused("A comparison is running already. Its figures are on this page.")
    return row


def nightly():
    """Begin the night's comparison when it is due; returns whether it was. A night that was missed is made up for."""
    if not configuration.active.has_billing:
        return 0
    due = now().replace(hour=AT[0], minute=AT[1], second=0, microsecond=0)
    due = due if due <= now() else due - timedelta(days=1)
    last = long_jobs.newest(KIND)
    if last is not None and last.created_at >= due:
        return 0
    return _begin_nightly()


@writes
def _begin_nightly():
    LongJob.delete().where(LongJob.kind == KIND, LongJob.finished_at < now() - RUNS_KEPT).execute()
    return int(_begin(None) is not None)


def _begin(by, heals=None):
    with everywhere("all running subscriptions are compared"):
        total = Subscription.select().where(*_running()).count()
    heals = settings.get("billing_heals") if heals is None else heals
    return long_jobs.begin(KIND, by=by, total=total, provider=providers.name(), heals=heals)


def _running():
    return Subscription.provider == providers.name(), Subscription.status.not_in(Subscription.TERMINAL)


def runs(limit=10):
    """The newest comparisons, the newest first; the first may still run."""
    return list(LongJob.select().where(LongJob.kind == KIND).order_by(LongJob.id.desc()).limit(limit))


def open_differences(run):
    """How many of a run's differences wait for an admin."""
    return sum(one["done"] == "open" for one in run.facts.get("kept", ())) if run else 0


# --- the comparison ---------------------------------------------------------------------------------------


class Stopped(Exception):
    """Somebody else has taken the work up."""


def work():
    """Do the comparison that was asked for; returns 0 when there was none.

    A provider that fails half way is recorded, not raised: what was mended stays so, and the next run does the rest.
    """
    row = long_jobs.claim(KIND)
    if row is None:
        return 0
    comparison, error = Comparison(row), None
    try:
        comparison.go()
    except (provider.ProviderFailed, Refused) as failed:
        error = trials.sentence(failed)
    except Stopped:
        return 1
    _over(row, comparison.figures(), error)
    return 1


@writes
def _over(row, figures, error):
    if not long_jobs.finish(row, error=error, **figures):
        return
    differed, left = figures["drift"], figures["drift"] - figures["mended"]
    said = f"{counted(differed, 'difference')}, {figures['mended']:,} mended"
    audit.record(
        "billing.reconciled",
        "The comparison with the provider broke off" if error else said,
        by=User.get_by_id(row.asked_by_id) if row.asked_by_id else None,
        target=row,
        result="failure" if error else "success",
        differences=differed,
        mended=figures["mended"],
        **({"error": error[:300]} if error else {}),
    )
    if left > 0:
        announcements.warn_admins(
            f"drift:{row.id}",
            "Our rows differ from the payment provider's",
            f"{counted(left, 'difference waits', 'differences wait')} for you.",
            "/admin/reconciliation",
        )


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
        """The five steps, one after the other. Refuses with ProviderFailed, having kept what it did until then."""
        self._tell("events")
        self.count["missed"] = fetch_missed()
        self._tell("subscriptions")
        for page in _batched(self.provider.list_active()):
            self._compare(page)
        self._tell("unlisted")
        for ids in _batched([id] for id in _unlisted(self.seen)):
            for id in ids:
                self._unlisted(id)
        self._tell("payments")
        for page in _batched(self.provider.list_since(_since())):
            self._compare(page)
        self._tell("unsettled")
        for id in unsettled.payments(self.provider.NAME):
            self._compare(self.provider.payment(id))
        for id in unsettled.checkouts(self.provider.NAME):
            self._compare(self.provider.confirm(id))

    def _tell(self, step=None):
        step = step or self.row.facts.get("step")
        if not _told(self.row, self.count["subscriptions"], self.figures(step=step)):
            raise Stopped

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
        self._tell()

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
        changes, refusal, done = trials.written(trial.differences), trial.refusal, "open"
        if not changes and not refusal:
            return
        if heals:
            why, error = trials.tried(_applied, found)  # also what is refused: its warnings are kept
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
            "id": fact if known else _id(fact),
            "changes": changes[:20],
            "done": done,
            "why": why[:300],
        }
        if done == "open" and what != "subscription":  # a subscription is asked for anew when it is mended
            one["facts"] = written(fact)
        self.kept.append(one)


@writes
def _told(row, done, figures):
    return long_jobs.progress(row, done, **figures)


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


def _since():
    """From when on payments are read: some days before the last comparison that came to its end."""
    ended = (run.created_at for run in runs(30) if run.status == "done" and run.facts["provider"] == providers.name())
    return max(now() - LONGEST, next(ended, now() - LONGEST) - MARGIN)


def _unlisted(seen):
    """The ids of subscriptions that run by our rows and that the provider didn't list, a page of rows at a time."""
    last = 0
    while True:
        with everywhere("all running subscriptions are compared"):
            query = Subscription.select(Subscription.id, Subscription.provider_subscription_id)
            rows = list(query.where(Subscription.id > last, *_running()).order_by(Subscription.id).limit(1000))
        if not rows:
            return
        last = rows[-1].id
        yield from (row.provider_subscription_id for row in rows if row.provider_subscription_id not in seen)


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


def _id(fact):
    return str(getattr(fact, "payment_id", None) or getattr(fact, "id", None) or fact.customer_id)


def written(fact):
    """A fact as a row can keep it; `read` is the way back."""
    values = dataclasses.asdict(fact)
    held = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return {"fact": type(fact).__name__} | held


def read(held):
    """The fact that was `written`."""
    shape: Any = SHAPES[held["fact"]]
    moments = {one.name for one in dataclasses.fields(shape) if "datetime" in str(one.type)}
    return shape(
        **{
            name: datetime.fromisoformat(value) if name in moments and value else value
            for name, value in held.items()
            if name != "fact"
        }
    )


@writes
def _applied(found):
    """Apply facts; returns why one of them can't be applied, or "". The others are."""
    why = None
    for fact in found:
        try:
            facts.apply(fact)
        except (owners.Unknown, facts.Retry) as refused:
            why = why or refused
    return str(why) if why else ""


# --- mending one ------------------------------------------------------------------------------------------


def mend(run_id, number, *, by):
    """Apply one difference of a run that waits for it, as the provider says it is now; returns why it couldn't be,
    or "".

    Refuses with NotFound when it doesn't wait any more, ProviderFailed, or when something newer is known.
    """
    run = LongJob.one(LongJob.id == run_id, LongJob.kind == KIND)
    kept = run.facts.get("kept", ()) if run is not None else ()
    one = next((one for one in kept if one["n"] == number and one["done"] == "open"), None)
    if one is None or run.is_open:
        raise NotFound("That difference doesn't wait any more.")
    if run.facts["provider"] != providers.name():
        raise Refused("It was found at a provider that isn't connected any more.")
    if one["what"] == "subscription":
        found = providers.active().refetch(one["id"])
        if not found:
            raise Refused(f"{providers.label()} doesn't know {one['id']}. Nothing was changed.")
    else:
        found = [_still_new(read(one["facts"]))]
    return _mended(run, number, one, found, by)


def _still_new(fact):
    sides = {"PaymentRefunded": "refunds", "DisputeOpened": "dispute", "DisputeClosed": "dispute"}
    side = sides.get(type(fact).__name__, "payment")
    held = GrantSource.one(GrantSource.source == f"{fact.provider}:{side}:{_id(fact)}")
    if (
        held is not None
        and fact.asked_at
        and max(held.last_event_at, held.asked_at or held.last_event_at) > fact.asked_at
    ):
        raise Refused("Something newer came since. Compare again before you mend it.")
    return fact


@writes
def _mended(run, number, one, found, by):
    lock("reconciliation", run.id)
    run = LongJob.get_by_id(run.id)
    why = _applied(found)
    for kept in run.facts["kept"]:
        if kept["n"] == number:
            kept |= {"done": "refused" if why else "mended", "why": why}
            kept.pop("facts", None)
    run.facts["mended"] += not why
    LongJob.update(facts=run.facts).where(LongJob.id == run.id).execute()
    audit.record(
        "billing.difference_mended",
        f"The {one['what']} {one['id']} was set as the provider has it",
        by=by,
        target=run,
        result="failure" if why else "success",
    )
    return why


# --- what was missed, what is overdue, and silence --------------------------------------------------------


def fetch_missed():
    """Take in the events that the provider couldn't deliver lately; returns how many are new.

    Refuses with ProviderFailed. A provider that doesn't list them has none.
    """
    if not configuration.active.has_billing or "missed" not in providers.active().CAN:
        return 0
    return inbox.accept_missed(providers.active().CHANNEL, providers.active().missed(now() - LISTED))


def renew_overdue():
    """Ask the provider about subscriptions whose period is over for more than an hour and that still run by our
    rows; returns how many. Raises ProviderFailed at the end when it failed for some."""
    if not configuration.active.has_billing:
        return 0
    overdue = Subscription.status.in_(Subscription.LIVE), Subscription.current_period_end_at < now() - LATE
    with everywhere("renewals that didn't come are asked for"):
        query = Subscription.select(Subscription.provider_subscription_id).where(*_running(), *overdue)
        ids = [id for (id,) in query.order_by(Subscription.current_period_end_at.desc()).limit(500).tuples()]
    asked, failed = 0, []
    for id in ids:
        try:
            found = providers.active().refetch(id)
        except provider.ProviderFailed as error:
            failed.append(error)
            if len(failed) > replays.PATIENCE:
                break
            continue
        trials.tried(_applied, found)
        asked += 1
    if failed:
        raise failed[0]
    return asked


def silent_since():
    """Since when no webhook came by itself, when that is longer than the settings allow and subscriptions run;
    else None."""
    if not configuration.active.has_billing:
        return None
    live = Subscription.provider == providers.name(), Subscription.status.in_(Subscription.LIVE)
    with everywhere("silence is only strange while subscriptions run"):
        oldest = Subscription.select().where(*live).order_by(Subscription.created_at).first()
    if oldest is None:
        return None
    last = inbox.last_delivered(providers.active().CHANNEL)
    since = last.created_at if last else oldest.created_at
    return since if now() - since > timedelta(hours=settings.get("billing_silence_hours")) else None


def watch_silence():
    """Tell the admins, once for each silence, that webhooks don't come any more; returns whether they don't."""
    since = silent_since()
    if since is not None:
        _warn_of_silence(since)
    return int(since is not None)


@writes
def _warn_of_silence(since):
    announcements.warn_admins(
        f"silence:{since:%Y-%m-%d}",
        "No webhooks come from the payment provider",
        f"The last came on {since:%d %B, %H:%M} UTC, and subscriptions run. Look at the endpoint at the provider.",
        "/admin/webhooks",
    )


def overview():
    """What the admin overview shows of it: the last webhook, silence, the last comparison and what waits."""
    last = inbox.last_delivered(providers.active().CHANNEL) if configuration.active.has_billing else None
    run = next(iter(runs(1)), None)
    return {"last_event": last, "silent_since": silent_since(), "run": run, "open": open_differences(run)}
