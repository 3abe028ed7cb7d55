import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.scope import everywhere, inside
from domain.base import audit, notices, outgoing, settings
from models import AuditEvent, Change, JobRun, Notification, Outgoing, WebhookEvent
from tests.fixtures.threads import write


def tell(user, key):
    write(outgoing.notify, user, "task_completed", key, key)
    jobs.run("outgoing")
    return Notification.get(Notification.title == key)


def test_the_unread_stay_for_ever_and_the_read_go_ninety_days_after_their_reading(cast, clock):
    unread, read_late, read_early = (tell(cast.bob, key) for key in ("unread", "late", "early"))
    notices.mark_read(cast.bob, read_early.id)
    clock.forward(days=89)
    notices.mark_read(cast.bob, read_late.id)
    assert jobs.run("read_notifications") == 0
    clock.forward(days=2)
    assert jobs.run("read_notifications") == 1
    assert {n.id for n in Notification.select()} == {unread.id, read_late.id}
    clock.forward(days=87)  # 178 days old, 89 days read
    assert jobs.run("read_notifications") == 0
    clock.forward(days=2)
    assert jobs.run("read_notifications") == 1
    clock.forward(days=3000)
    assert jobs.run("read_notifications") == 0
    assert Notification.get() == unread


def test_how_long_the_read_stay_is_a_setting(cast, clock):
    settings.change("notification_retention_days", "7", by=cast.stella)
    settings.forget()
    notices.mark_read(cast.bob, tell(cast.bob, "k").id)
    clock.forward(days=7, seconds=1)
    assert jobs.run("read_notifications") == 1


def test_a_thousand_rows_drain_over_many_batches_in_one_run(cast, clock, monkeypatch):
    long_ago = clock() - timedelta(days=100)
    row = {"recipient": cast.bob.id, "type": "t", "title": "T", "read_at": long_ago}

    write(Notification.insert_many([row] * 1000).execute)
    sizes = []
    prune = notices.prune
    counted = jobs.batches(200, lambda limit: sizes.append(prune(limit)) or sizes[-1])
    monkeypatch.setitem(
        jobs.BY_NAME, "read_notifications", dataclasses.replace(jobs.BY_NAME["read_notifications"], work=counted)
    )
    assert jobs.run("read_notifications") == 1000
    assert Notification.select().count() == 0
    assert sizes == [200] * 5 + [0]
    assert JobRun.get(JobRun.job == "read_notifications").affected == 1000


def test_the_audit_log_is_kept_a_year(clock, cast):
    before = AuditEvent.select().count()
    assert before
    clock.forward(days=364)
    write(audit.record, "auth.something", "Later", by=cast.bob)
    assert jobs.run("audit") == 0
    clock.forward(days=1, seconds=1)
    assert jobs.run("audit") == before
    assert [e.summary for e in AuditEvent.select() if e.action != "system.audit_pruned"] == ["Later"]


def test_settled_webhooks_lose_their_body_and_keep_their_row(house, clock):
    for number, status in enumerate(("processed", "ignored", "failed", "buried", "received")):
        write(
            WebhookEvent.create,
            channel="c",
            event_id=str(number),
            type="t",
            payload=b"{}",
            happened_at=clock(),
            status=status,
        )
    clock.forward(days=89)
    assert jobs.run("settled") == 0
    clock.forward(days=2)
    assert jobs.run("settled") == 2
    assert {e.status: bytes(e.payload) for e in WebhookEvent.select()} == {
        "processed": b"",
        "ignored": b"",
        "failed": b"{}",
        "buried": b"{}",
        "received": b"{}",
    }


def test_sent_letters_and_old_runs_go_after_a_month_and_waiting_letters_stay(cast, clock):
    tell(cast.bob, "k")
    write(outgoing.enqueue, "unheard of", "waits", {})
    assert Outgoing.select().count() == 2
    clock.forward(days=31)
    assert jobs.run("settled") >= 1
    assert [row.key for row in Outgoing.select()] == ["waits"]
    assert [run.job for run in JobRun.select()] == ["settled"]


@pytest.mark.parametrize("count", [450])
def test_history_goes_in_batches_for_every_organization(cast, clock, count):
    def fill():
        with everywhere("the test fills the history"):
            for n in range(count):
                place = cast.acme if n % 2 else cast.globex
                Change.create(organization=place, table="task", row_id=n, verb="created")

    write(fill)
    clock.forward(days=366)
    assert jobs.run("changes") == count
    with inside(cast.acme):
        assert Change.select().count() == 0
