"""Keeping the house small: settled webhooks, sent letters and old job runs go after a while."""

from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain.base import outgoing
from models import Feedback, JobRun, Letter, Outgoing, ReleaseHealth, WebhookEvent

# The row of a webhook is what makes a late repeat harmless. Stripe stops repeating after days and lists
# events for 30 (docs.stripe.com/webhooks/process-undelivered-events): the body may go then, the row stays.
BODY_KEPT = timedelta(days=90)
RUNS_KEPT = timedelta(days=30)
LETTERS_KEPT = timedelta(days=400)  # complaints come weeks later, and only the provider's id tells of which letter
ANSWERED_KEPT = timedelta(days=400)  # what people wrote to the site, after its answer


@writes
def prune(limit):
    """One batch of each; returns how many rows were touched."""
    bodies = (
        WebhookEvent.select(WebhookEvent.id)
        .where(
            WebhookEvent.status.in_(("processed", "ignored")),
            WebhookEvent.created_at < now() - BODY_KEPT,
            WebhookEvent.payload != b"",
        )
        .limit(limit)
    )
    emptied = WebhookEvent.update(payload=b"").where(WebhookEvent.id.in_(bodies)).execute()
    sent = (
        Outgoing.select(Outgoing.id)
        .where(Outgoing.status == "sent", Outgoing.sent_at < now() - outgoing.SENT_KEPT)
        .limit(limit)
    )
    removed = Outgoing.delete().where(Outgoing.id.in_(sent)).execute()
    letters = Letter.select(Letter.id).where(Letter.created_at < now() - LETTERS_KEPT).limit(limit)
    removed += Letter.delete().where(Letter.id.in_(letters)).execute()
    answered = Feedback.select(Feedback.id).where(Feedback.decided_at < now() - ANSWERED_KEPT).limit(limit)
    removed += Feedback.delete().where(Feedback.id.in_(answered)).execute()
    runs = JobRun.select(JobRun.id).where(JobRun.started_at < now() - RUNS_KEPT).limit(limit)
    minutes = ReleaseHealth.select(ReleaseHealth.id).where(ReleaseHealth.minute < now() - RUNS_KEPT).limit(limit)
    removed += ReleaseHealth.delete().where(ReleaseHealth.id.in_(minutes)).execute()
    return emptied + removed + JobRun.delete().where(JobRun.id.in_(runs)).execute()
