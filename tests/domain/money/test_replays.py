import pytest

import jobs
from database.clock import now
from database.scope import inside
from domain import NotFound, Refused
from domain.money import inbox, replays
from domain.money.providers.provider import (
    NotOurs,
    ProviderFailed,
)
from models import AuditEvent, Grant, Outgoing, WebhookEvent
from tests.fixtures.inbox import accept, event, of_type, rows, statuses
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ProviderFailed("Stripe: the connection broke"), "Stripe: the connection broke"),
        (NotOurs("A test event."), "A test event."),
        (ZeroDivisionError("by nothing"), "It can't be worked (ZeroDivisionError: by nothing)."),
    ],
)
def test_a_trial_and_a_replay_that_fail_are_a_sentence(bought, cast, monkeypatch, error, said):
    def read(event):
        raise error

    monkeypatch.setattr(inbox, "read", read)
    paid = of_type("invoice.paid")
    assert replays.try_out(paid.id, by=cast.stella).refusal == said
    row, sentence = replays.replay(paid.id, by=cast.stella)
    assert sentence == said
    assert row.status == ("ignored" if isinstance(error, NotOurs) else "failed")


def test_a_body_that_is_nothing_is_a_sentence(house, cast):
    accept("bad", body=b"\xff[")
    look = replays.try_out(event("bad").id, by=cast.stella)
    assert (look.facts, look.changes) == ([], [])
    assert "can't be read" in look.refusal
    assert replays.body(event("bad")) == "\\xff["


def test_an_event_without_its_body_can_be_neither_tried_nor_replayed(worked, cast):
    accept("gone", body=b"")
    for act in (replays.try_out, replays.replay):
        with pytest.raises(Refused, match="was removed after its time"):
            act(event("gone").id, by=cast.stella)
        with pytest.raises(NotFound):
            act(10**6, by=cast.stella)


def test_a_replay_of_what_is_done_is_a_sync_and_causes_nothing_twice(bought, pay, cast):
    while inbox.work_off():
        pass
    jobs.run("outgoing")
    before = rows()
    for row in list(WebhookEvent.select()):
        again, sentence = replays.replay(row.id, by=cast.stella)
        assert (again.status, sentence) == (row.status, "")
        assert again.history[-1]["asked"] is True
    assert rows() == before
    with inside(cast.acme):
        write(Grant.update(revoked_at=now()).execute)
    replays.replay(of_type("customer.subscription.created").id, by=cast.stella)
    with inside(cast.acme):
        assert Grant.active().count() == 4
    count = WebhookEvent.select().count()
    assert AuditEvent.select().where(AuditEvent.action == "system.webhook_replayed").count() == count + 1


def test_a_done_event_whose_replay_fails_stays_done_and_holds_nobody_back(worked, cast):
    accept("a1", "a")
    inbox.work_off()
    accept("a2", "a")
    worked.failing.add("a1")
    row, sentence = replays.replay(event("a1").id, by=cast.stella)
    assert (row.status, row.error, row.next_attempt_at) == ("processed", None, None)
    assert "the provider is down" in sentence
    assert [one["outcome"] for one in row.history] == ["processed", "failed"]
    assert "RuntimeError: the provider is down" in row.history[-1]["trace"]
    assert [one.event_id for one in inbox.due()] == ["a2"]


def test_a_buried_event_whose_replay_fails_stays_buried_and_tells_nobody_again(worked, cast):
    worked.failing.add("a1")
    accept("a1")
    write(WebhookEvent.update(attempts=7).execute)
    inbox.work_off()
    told = Outgoing.select().count()
    row, _ = replays.replay(row_id := event("a1").id, by=cast.stella)
    assert (row.status, row.attempts, Outgoing.select().count()) == ("buried", 9, told)
    worked.failing.clear()
    assert replays.replay(row_id, by=cast.stella)[0].status == "processed"


def test_many_are_replayed_by_a_job_in_their_order(worked, cast):
    worked.failing |= {f"e{n:02}" for n in range(25)}
    for n in range(25):
        accept(f"e{n:02}", "")
    inbox.work_off()
    assert set(statuses().values()) == {"failed"}
    worked.clear()
    worked.failing = {"e03"}
    work = replays.replay_many(None, by=cast.stella)
    assert work.total == 25
    with pytest.raises(Refused, match="running already"):
        replays.replay_many([event("e01").id], by=cast.stella)
    jobs.run("webhook_replays")
    assert worked == [f"e{n:02}" for n in range(25)]
    assert statuses() == {f"e{n:02}": "failed" if n == 3 else "processed" for n in range(25)}
    done = replays.last_replays()
    assert (done.status, done.done, done.facts["failed"]) == ("done", 25, 1)
    assert replays.replay_some() == 0


def test_chosen_ones_are_replayed_and_no_others(worked, cast):
    for n in range(4):
        accept(f"e{n}", "")
    inbox.work_off()
    worked.clear()
    replays.replay_many([event("e2").id, event("e0").id, 10**6], by=cast.stella)
    jobs.run("webhook_replays")
    assert worked == ["e0", "e2"]
    for ids in (None, [], [10**6]):
        with pytest.raises(Refused):
            replays.replay_many(ids, by=cast.stella)
    assert AuditEvent.select().where(AuditEvent.action == "system.webhooks_replayed").count() == 1


def test_a_replay_of_many_rests_when_the_provider_does_not_answer(worked, cast, monkeypatch):
    for n in range(12):
        accept(f"e{n:02}", "")
    write(WebhookEvent.update(status="failed").execute)

    def silent(event):
        worked.append(event.event_id)
        raise ProviderFailed("Stripe: no answer")

    monkeypatch.setattr(inbox, "read", silent)
    replays.replay_many(None, by=cast.stella)
    jobs.run("webhook_replays")
    work = replays.last_replays()
    assert (work.status, len(worked)) == ("failed", replays.PATIENCE)
    assert "doesn't answer (Stripe: no answer)" in work.error
