import pytest

import jobs
from domain.base import outgoing
from models import Notification, Outgoing
from tests.fixtures.threads import together, write

pytestmark = pytest.mark.usefixtures("house", "clock")


@pytest.fixture
def sent(monkeypatch):
    """A kind of its own whose sending can fail; what was sent, in order."""
    seen = type("Sent", (list,), {"failing": False})()

    def send(row):
        if seen.failing:
            raise ConnectionError("nobody there")
        seen.append((row.key, row.payload))

    monkeypatch.setitem(outgoing._senders, "test", (send, False))
    return seen


def leave(key="k", **payload):
    return write(outgoing.enqueue, "test", key, payload)


def row(key="k"):
    return Outgoing.get(Outgoing.key == key)


def test_the_same_key_is_left_and_sent_once(sent):
    assert leave(code="123456") is True
    assert leave(code="other") is False
    assert together(*[leave] * 6) == [False] * 6
    jobs.work_off()
    assert leave() is False
    jobs.work_off()
    assert sent == [("k", {"code": "123456"})]


def test_what_was_sent_is_marked_and_its_payload_emptied(sent, clock):
    leave(code="123456")
    jobs.work_off()
    assert (row().status, row().payload, row().sent_at, row().error) == ("sent", {}, clock(), None)


def test_nothing_is_sent_when_its_cause_fails(sent):
    def fails():
        outgoing.enqueue("test", "k", {})
        raise ValueError

    with pytest.raises(ValueError):
        write(fails)
    jobs.work_off()
    assert (sent, Outgoing.select().count()) == ([], 0)


def test_a_failure_is_tried_after_1_5_30_and_120_minutes_and_buried_after_five(sent, clock):
    sent.failing = True
    leave(code="123456")
    waits = []
    for _ in range(10):
        outgoing.send_due()
        if row().status == "buried":
            break
        waits.append((row().next_attempt_at - clock()).total_seconds() / 60)
        assert outgoing.send_due() == 0
        clock.moment = row().next_attempt_at
    assert waits == [1, 5, 30, 120]
    assert (row().attempts, row().payload) == (5, {})
    assert row().error == "ConnectionError: nobody there"
    clock.forward(days=30)
    assert outgoing.send_due() == 0


def test_a_letter_that_failed_once_is_sent_the_next_time(sent, clock):
    sent.failing = True
    leave(code="123456")
    jobs.work_off()
    sent.failing = False
    clock.forward(minutes=1)
    jobs.work_off()
    assert (sent, row().status, row().error) == ([("k", {"code": "123456"})], "sent", None)


def test_one_that_fails_harms_no_other(sent, clock, monkeypatch):
    write(outgoing.enqueue, "unheard of", "first", {})
    leave("second")
    jobs.work_off()
    assert [key for key, _ in sent] == ["second"]
    assert "unheard of" in row("first").error


def test_a_transactional_kind_and_its_mark_commit_together(cast, monkeypatch):
    def half(row):
        Notification.create(recipient=cast.bob, type="t", title="half")
        raise RuntimeError("in the middle")

    monkeypatch.setitem(outgoing._senders, "notification", (half, True))
    write(outgoing.notify, cast.bob, "task_due", "k", "T")
    jobs.work_off()
    assert Notification.select().count() == 0
    assert Outgoing.get().status == "queued"


def test_a_backlog_is_sent_in_one_run(sent, monkeypatch):
    monkeypatch.setattr(outgoing, "BATCH", 4)
    for n in range(11):
        leave(f"k{n:02}")
    assert jobs.run("outgoing") == 11
    assert [key for key, _ in sent] == [f"k{n:02}" for n in range(11)]


def test_keys_that_differ_only_at_their_end_are_two(sent):
    leave("x" * 200 + ":1")
    leave("x" * 200 + ":2")
    assert Outgoing.select().count() == 2


def test_each_lane_sends_its_own_and_waits_for_no_other(sent, monkeypatch):
    monkeypatch.setitem(outgoing._lanes, "test", outgoing.MONEY)
    leave()
    write(outgoing.enqueue, "mail", "letter", {})
    outgoing.send_due(outgoing.LETTERS)
    assert (sent, row("letter").attempts) == ([], 1)  # it names nobody
    assert jobs.run("outgoing_money") == 1
    assert [key for key, _ in sent] == ["k"]


def test_what_moves_money_leaves_by_the_lane_of_money():
    money = {"ticket_refund", "ticket_money_back", "subscription_end", "subscription_double"}
    assert {kind for kind, lane in outgoing._lanes.items() if lane == outgoing.MONEY} == money
