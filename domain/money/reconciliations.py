"""Whether our rows still say what the payment provider says, and mending them where they don't.

Webhooks get lost: an endpoint was down, a deploy went wrong, a provider forgot. So at night, and when an admin
asks, everything that runs and what was paid lately is read from the provider, compared with the rows a page at a
time, and what differs is tried out to be told, then applied. Why: docs/decisions/reconciliation.md
"""

from datetime import timedelta

from database.clock import now
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Forbidden, NotFound, Refused
from domain.base import audit, configuration, long_jobs, settings
from domain.fields.number import counted
from domain.money import announcements, comparisons, facts, inbox, providers, silences, trials
from domain.money.comparisons import KIND
from domain.money.providers import provider
from domain.people import admins
from models import GrantSource, LongJob, Subscription, User

AT = (2, 30)  # UTC
RUNS_KEPT = timedelta(days=90)


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
        total = Subscription.select().where(*Subscription.running(providers.name())).count()
    heals = settings.get("billing_heals") if heals is None else heals
    return long_jobs.begin(KIND, by=by, total=total, provider=providers.name(), heals=heals)


def runs(limit=10):
    """The newest comparisons, the newest first; the first may still run."""
    return long_jobs.runs(KIND, limit)


def open_differences(run):
    """How many of a run's differences wait for an admin."""
    return sum(one["done"] == "open" for one in run.facts.get("kept", ())) if run else 0


# --- the comparison ---------------------------------------------------------------------------------------


@long_jobs.worker(KIND)
def work(row):
    """Do the comparison that was asked for.
    A provider that fails half way is recorded, not raised: what was mended stays so, and the next run does the rest."""
    comparison, error = comparisons.Comparison(row), None
    try:
        comparison.go()
    except (provider.ProviderFailed, Refused) as failed:
        error = trials.sentence(failed)
    _over(row, comparison.figures(), error)


@writes
def _over(row, figures, error):
    long_jobs.finish(row, error=error, **figures)
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


# --- mending one ------------------------------------------------------------------------------------------


def mend(run_id, number, *, by):
    """Apply one difference of a run that waits for it, as the provider says it is now; returns why it couldn't be,
    or "".
    Refuses with NotFound when it doesn't wait any more, ProviderFailed, or when something newer is known."""
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
        found = [_still_new(comparisons.unpacked(one["facts"]))]
    return _mended(run, number, one, found, by)


def _still_new(fact):
    sides = {"PaymentRefunded": "refunds", "DisputeOpened": "dispute", "DisputeClosed": "dispute"}
    side = sides.get(type(fact).__name__, "payment")
    held = GrantSource.one(GrantSource.source == f"{fact.provider}:{side}:{comparisons.id_of(fact)}")
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
    why = facts.apply_each(found)
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


def overview():
    """What the admin overview shows of it: the last webhook, silence, the last comparison and what waits."""
    last = inbox.last_delivered(providers.active().CHANNEL) if configuration.active.has_billing else None
    run = next(iter(runs(1)), None)
    return {"last_event": last, "silent_since": silences.silent_since(), "run": run, "open": open_differences(run)}
