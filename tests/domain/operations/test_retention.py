from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain.operations import retention
from models import Feedback, JobRun, Letter, Outgoing, WebhookEvent


def test_what_is_settled_and_old_goes_and_the_rest_stays(house, clock):
    def fill():
        for status in ("processed", "ignored", "failed"):
            WebhookEvent.create(
                channel="c", event_id=status, type="t", payload=b"body", happened_at=now(), status=status
            )
        Outgoing.create(kind="mail", key="sent", status="sent", sent_at=now())
        Outgoing.create(kind="mail", key="waiting")
        JobRun.create(job="inbox", ok=True)
        Letter.create(queued_as=1, template="t", kind="k", recipient="a@example.org", email_norm="a@example.org")

    said = {"kind": "feedback", "category": "idea", "title": "T", "body": "B"}
    writes(lambda: [Feedback.create(**said), Feedback.create(**said, status="resolved", decided_at=now())])()
    writes(fill)()
    assert retention.prune(200) == 0
    clock.forward(days=29)
    assert retention.prune(200) == 0
    clock.forward(days=2)
    assert retention.prune(200) == 2
    assert [o.key for o in Outgoing.select()] == ["waiting"]
    assert JobRun.select().count() == 0
    clock.moment += timedelta(days=60)
    assert retention.prune(200) == 2
    # The rows stay: they are what makes a late repeat harmless. Only the bodies of the settled ones go.
    assert {e.event_id: bytes(e.payload) for e in WebhookEvent.select()} == {
        "processed": b"",
        "ignored": b"",
        "failed": b"body",
    }
    assert retention.prune(200) == 0
    clock.forward(days=309)
    assert retention.prune(200) == 0
    clock.forward(days=1)
    assert (retention.prune(200), Letter.select().count()) == (2, 0)
    assert [row.status for row in Feedback.select()] == ["open"]  # nobody has answered it yet


def test_a_batch_is_bounded(house, clock):
    writes(lambda: [JobRun.create(job="inbox") for _ in range(25)])()
    clock.forward(days=31)
    assert [retention.prune(10), retention.prune(10), retention.prune(10), retention.prune(10)] == [10, 10, 5, 0]
