"""What didn't come from the payment provider: events it couldn't deliver, overdue renewals, and silence."""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere
from database.transactions import writes
from domain.base import configuration, settings
from domain.money import announcements, facts, inbox, providers, replays, trials
from domain.money.providers.provider import ProviderFailed
from models import Subscription

LISTED = timedelta(days=30)  # that providers list what they couldn't deliver
LATE = timedelta(hours=1)  # after the end of a period: its renewal should have come


def _live():
    return Subscription.provider == providers.name(), Subscription.status.in_(Subscription.LIVE)


def fetch_missed():
    """Take in the events that the provider couldn't deliver lately; returns how many are new.
    Refuses with ProviderFailed. A provider that doesn't list them has none."""
    if not configuration.active.has_billing or "missed" not in providers.active().CAN:
        return 0
    return inbox.accept_missed(providers.active().CHANNEL, providers.active().missed(now() - LISTED))


def renew_overdue():
    """Ask the provider about subscriptions whose period is over for more than an hour and that still run by our
    rows; returns how many. Raises ProviderFailed at the end when it failed for some."""
    if not configuration.active.has_billing:
        return 0
    with everywhere("renewals that didn't come are asked for"):
        ended = Subscription.current_period_end_at
        query = Subscription.select(Subscription.provider_subscription_id).where(*_live(), ended < now() - LATE)
        ids = [id for (id,) in query.order_by(ended.desc()).limit(500).tuples()]
    asked, failed = 0, []
    for id in ids:
        try:
            found = providers.active().refetch(id)
        except ProviderFailed as error:
            failed.append(error)
            if len(failed) > replays.PATIENCE:
                break
            continue
        trials.tried(facts.apply_each, found)
        asked += 1
    if failed:
        raise failed[0]
    return asked


def silent_since():
    """Since when no webhook came by itself, when that is longer than the settings allow and subscriptions run;
    else None."""
    if not configuration.active.has_billing:
        return None
    with everywhere("silence is only strange while subscriptions run"):
        oldest = Subscription.select().where(*_live()).order_by(Subscription.created_at).first()
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
        f"The last came on {since:%-d %B, %H:%M} UTC, and subscriptions run. Look at the endpoint at the provider.",
        "/admin/webhooks",
    )
