import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.clock import now
from database.compiled import Compiled
from database.connections import database
from domain.base import configuration, notices
from domain.lists import asks, lists
from domain.money import facts, inbox, owners, replays
from domain.money.providers.provider import (
    Event,
    Fact,
    Missed,
    ProviderFailed,
    SubscriptionChanged,
)
from domain.money.providers.stripe import wire
from domain.people.admins import Staff
from models import Notification, Outgoing, Setting, User, WebhookEvent
from tests.fixtures.inbox import accept, event, of_type, statuses
from tests.fixtures.threads import together, write

pytestmark = pytest.mark.usefixtures("house", "clock")


def effects():
    return sorted(key for (key,) in Setting.select(Setting.key).tuples())


# --- taking in ------------------------------------------------------------------------------------------------


def test_an_event_is_kept_once_with_its_body_as_it_came(worked):
    body = b'{"a":  1}\r\n\xff\x00'
    assert accept(body=body) is True
    assert accept(body=body) is False
    assert bytes(event().payload) == body
    assert (event().status, event().attempts, worked) == ("received", 0, [])


def test_the_same_id_on_another_channel_is_another_event(worked):
    accept()
    assert inbox.accept("other", Event("evt_1", "t", "", now()), b"{}")
    assert WebhookEvent.select().count() == 2


def test_an_event_from_many_threads_is_kept_once(worked):
    assert sorted(together(*[accept] * 8)) == [False] * 7 + [True]
    assert WebhookEvent.select().count() == 1


def test_a_repeat_of_a_processed_event_does_nothing(worked):
    accept()
    assert inbox.work_off() == 1
    assert (statuses(), effects()) == ({"evt_1": "processed"}, ["evt_1"])
    assert accept() is False
    assert inbox.work_off() == 0
    assert worked == ["evt_1"]


def test_an_event_that_means_nothing_to_us_is_ignored(worked, monkeypatch):
    monkeypatch.setattr(inbox, "read", lambda row: [])
    accept()
    inbox.work_off()
    assert (event().status, event().error) == ("ignored", None)
    assert accept() is False


def test_an_event_of_something_unknown_is_ignored_and_flagged(worked, monkeypatch):
    def unknown(fact):
        raise owners.Unknown("No plan of ours has the price x.")

    monkeypatch.setattr(facts, "apply", unknown)
    accept()
    inbox.work_off()
    assert (event().status, event().error) == ("ignored", "No plan of ours has the price x.")
    assert event().error == "No plan of ours has the price x."


# --- failing and trying again -----------------------------------------------------------------------------------


def test_a_failed_event_that_is_repeated_is_worked_again_at_once(worked):
    worked.failing.add("evt_1")
    accept()
    inbox.work_off()
    assert (event().status, "the provider is down" in event().error) == ("failed", True)
    assert inbox.work_off() == 0  # it waits
    worked.failing.clear()
    assert accept() is True
    assert inbox.work_off() == 1
    assert (event().status, event().error, effects()) == ("processed", None, ["evt_1"])


def test_a_failing_event_is_tried_after_1_5_30_and_120_minutes_and_buried_after_eight(worked, clock, cast):
    worked.failing.add("evt_1")
    accept()
    waits = []
    for _ in range(20):
        inbox.work_off()
        if event().status == "buried":
            break
        waits.append((event().next_attempt_at - clock()).total_seconds() / 60)
        clock.moment = event().next_attempt_at - timedelta(seconds=1)
        assert inbox.work_off() == 0
        clock.forward(seconds=1)
    assert waits == [1, 5, 30, 120, 120, 120, 120]
    assert (event().attempts, len(worked)) == (8, 8)
    clock.forward(days=30)
    assert inbox.work_off() == 0
    jobs.run("outgoing")
    assert [n.type for n in notices.newest(cast.stella)] == ["system.webhook_buried"]
    assert Notification.select().count() == 1


def test_admins_named_by_the_environment_hear_of_a_buried_event_too(worked, cast):
    configuration.use(dataclasses.replace(configuration.active, super_admin_emails=(cast.dora.email,)))
    worked.failing.add("evt_1")
    accept()
    write(WebhookEvent.update(attempts=7).execute)
    inbox.work_off()
    jobs.run("outgoing")
    assert notices.unread(cast.stella) == 1
    assert notices.unread(cast.dora) == 1


def test_a_buried_event_that_is_repeated_is_worked_again(worked):
    worked.failing.add("evt_1")
    accept()
    write(WebhookEvent.update(attempts=7).execute)
    inbox.work_off()
    assert event().status == "buried"
    worked.failing.clear()
    assert accept() is True
    inbox.work_off()
    assert event().status == "processed"


# --- order --------------------------------------------------------------------------------------------------------


def test_a_failing_event_holds_back_its_own_subject_only(worked, clock):
    worked.failing.add("a1")
    for id, subject in (("a1", "a"), ("b1", "b"), ("a2", "a"), ("n1", ""), ("n2", "")):
        accept(id, subject)
    while inbox.work_off():
        pass
    assert worked == ["a1", "b1", "n1", "n2"]
    assert statuses() == {"a1": "failed", "a2": "received", "b1": "processed", "n1": "processed", "n2": "processed"}
    worked.failing.clear()
    clock.forward(minutes=1)
    while inbox.work_off():
        pass
    assert worked[4:] == ["a1", "a2"]


def test_events_of_one_subject_that_wait_together_are_worked_in_one_pass_and_in_order(worked):
    for id in ("a1", "b1", "a2", "a3", "b2"):
        accept(id, subject=id[0])
    assert jobs.run("inbox") == 5
    assert worked == ["a1", "a2", "a3", "b1", "b2"]
    assert set(statuses().values()) == {"processed"}


@pytest.mark.parametrize("silent", [True, False])
def test_one_that_fails_amid_its_subject_holds_back_what_follows_it(worked, clock, monkeypatch, silent):
    for id in ("a1", "a2", "a3", "b1"):
        accept(id, subject=id[0])
    if silent:  # when it is read
        worked.failing.add("a2")
    else:  # when it is settled
        monkeypatch.setattr(facts, "apply", _refusing("a2", facts.apply))
    jobs.run("inbox")
    assert statuses() == {"a1": "processed", "a2": "failed", "a3": "received", "b1": "processed"}
    assert effects() == ["a1", "b1"]
    assert jobs.run("inbox") == 0
    worked.failing.clear()
    monkeypatch.setattr(facts, "apply", lambda fact: Setting.create(key=fact.event_id, value=1))
    clock.forward(minutes=1, seconds=1)
    jobs.run("inbox")
    assert (set(statuses().values()), worked[-2:]) == ({"processed"}, ["a2", "a3"])


def _refusing(id, apply):
    def refuse(fact):
        if fact.event_id == id:
            raise RuntimeError("not this one")
        apply(fact)

    return refuse


def test_one_that_waits_for_another_lets_those_behind_it_go(worked, monkeypatch):
    def apply(fact):
        if fact.event_id == "a1" and "a2" not in effects():
            raise facts.Retry("a2 isn't known yet")
        Setting.create(key=fact.event_id, value=1)

    monkeypatch.setattr(facts, "apply", apply)
    accept("a1", subject="a")
    accept("a2", subject="a")
    inbox.work_off()
    assert statuses() == {"a1": "failed", "a2": "processed"}
    assert (inbox.work_off(), effects()) == (1, ["a1", "a2"])  # what came has woken it


def test_what_several_events_of_a_subject_tell_alike_is_asked_for_and_applied_once(bought, monkeypatch):
    asked, applied = [], []
    retrieve, apply = wire._retrieved, facts.apply
    monkeypatch.setattr(wire, "_retrieved", lambda kind, id: asked.append((kind, id)) or retrieve(kind, id))
    monkeypatch.setattr(facts, "apply", lambda fact: applied.append(fact) or apply(fact))
    told = WebhookEvent.select().where(WebhookEvent.subject == bought).count()
    assert jobs.run("inbox") >= told > 1
    assert len(asked) == len(set(asked))
    subscription = [fact for fact in applied if isinstance(fact, SubscriptionChanged)]
    newest = max(one.happened_at for one in WebhookEvent.select() if "SubscriptionChanged" in str(one.facts))
    assert [fact.happened_at for fact in subscription] == [newest]
    assert {one.status for one in WebhookEvent.select() if one.subject == bought} <= {"processed", "ignored"}


def test_what_is_nobodys_is_ignored_with_each_event_that_tells_it(worked, monkeypatch):
    def apply(_):
        raise owners.Unknown("nobody's")

    fact = Fact(provider="stripe", happened_at=now(), event_id="x", asked_at=now())
    monkeypatch.setattr(inbox, "read", lambda row: [dataclasses.replace(fact, event_id=row.event_id)])
    monkeypatch.setattr(facts, "apply", apply)
    accept("a1", subject="a")
    accept("a2", subject="a")
    jobs.run("inbox")
    assert {(one.status, one.error) for one in WebhookEvent.select()} == {("ignored", "nobody's")}


def test_events_without_a_subject_hold_nothing_back(worked):
    worked.failing.add("n1")
    accept("n1", "")
    accept("n2", "")
    inbox.work_off()
    assert statuses() == {"n1": "failed", "n2": "processed"}


def test_a_buried_event_lets_the_next_of_its_subject_go(worked):
    worked.failing.add("a1")
    accept("a1", "a")
    accept("a2", "a")
    write(WebhookEvent.update(attempts=7).where(WebhookEvent.event_id == "a1").execute)
    while inbox.work_off():
        pass
    assert statuses() == {"a1": "buried", "a2": "processed"}


def test_many_events_are_worked_in_order(worked):
    for n in range(30):
        accept(f"e{n:02}", f"s{n % 3}")
    while inbox.work_off():
        pass
    for subject in range(3):
        mine = [id for id in worked if int(id[1:]) % 3 == subject]
        assert mine == sorted(mine)
    assert len(worked) == 30


# --- effects and mark together ---------------------------------------------------------------------------------------


def test_whose_turn_it_is_is_found_by_the_index_of_what_is_unsettled(worked, monkeypatch):
    monkeypatch.setattr(inbox._due, "_texts", {})
    assert inbox.due() == []
    if database.dialect == "sqlite":  # PostgreSQL plans by what is in a table
        ((text, params),) = inbox._due._texts.values()
        plan = [row[-1] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {text}", [1] * len(params))]
        assert any("webhook_event_unsettled (channel=? AND subject=? AND id<?)" in step for step in plan), plan


def test_when_an_effect_fails_there_is_neither_effect_nor_mark(worked, monkeypatch):
    def half(fact):
        Setting.create(key=fact.event_id, value=1)
        raise RuntimeError("in the middle")

    monkeypatch.setattr(facts, "apply", half)
    accept()
    inbox.work_off()
    assert (event().status, event().attempts, effects()) == ("failed", 1, [])


def test_when_the_commit_of_the_mark_fails_there_is_no_effect(worked, monkeypatch):
    accept()
    (row,) = inbox.due()

    def settle_and_fail():
        inbox._settle(row, inbox.read(row), 0.0)
        raise RuntimeError("before the commit")

    with pytest.raises(RuntimeError):
        write(settle_and_fail)
    assert (event().status, effects()) == ("received", [])
    inbox.work_off()
    assert (event().status, effects()) == ("processed", ["evt_1"])


def test_two_workers_at_once_have_the_effects_once(worked):
    for n in range(10):
        accept(f"e{n}", f"s{n}")
    outcomes = together(*[inbox.work_off] * 4)
    assert not [o for o in outcomes if isinstance(o, Exception)]
    assert effects() == [f"e{n}" for n in range(10)]
    assert set(statuses().values()) == {"processed"}


def test_a_worker_that_comes_late_settles_nothing_twice(worked):
    accept()
    (row,) = inbox.due()
    inbox.work_off()
    inbox._settle(row, inbox.read(row), 0.0)
    inbox._fail(row, RuntimeError("too late"), 0.0)
    assert (event().status, event().attempts, effects()) == ("processed", 1, ["evt_1"])


def test_what_cannot_be_read_fails_and_stays_for_the_admins(cast):
    accept(body=b"\xff not json")
    assert inbox.work_off() == 1
    assert event().status == "failed"
    assert Outgoing.select().count() == 0


# --- the inspector: finding -----------------------------------------------------------------------------------------


def test_events_are_found_by_where_they_came_from_how_they_stand_and_what_they_say(worked, clock):
    worked.failing.add("a2")
    inbox.accept("other", Event("x1", "order.paid", "", now()), b"{}")
    accept("a1", "sub_1")
    accept("a2", "sub_2")
    inbox.work_off()
    clock.forward(days=1)
    accept("a3", "sub_2")

    def found(**ask):
        staff = Staff(User(id=0), frozenset({"jobs.run"}))
        asked = asks.understand(replays.listing, ask)
        return [row.event_id for row in lists.read(replays.listing, asked, staff).rows]

    today = f"{clock():%Y-%m-%d}"
    assert found() == ["a3", "a2", "a1", "x1"]
    assert found(channel="other") == ["x1"]
    assert found(status="failed") == found(q="provider is down") == ["a2"]
    assert found(begins="order.") == ["x1"]
    assert found(begins="paid") == []
    assert found(begins="%") == []
    assert found(q="sub_2") == ["a3", "a2"]
    assert found(q="a1", channel="billing_stripe") == ["a1"]
    assert found(created_at_from=today) == ["a3"]
    assert found(status="nonsense") == found()
    assert {k: n for k, n in inbox.counts().items() if n} == {"processed": 2, "failed": 1, "received": 1}


def test_billing_f10_where_the_provider_is_silent_the_batch_steps_back_and_others_pass(worked, monkeypatch, clock):
    asked = []

    def read(row):
        asked.append(row.event_id)
        if row.event_id.startswith("slow"):
            raise ProviderFailed("no answer")
        return [Fact(provider="stripe", happened_at=row.happened_at, event_id=row.event_id)]

    monkeypatch.setattr(inbox, "read", read)
    for number in range(20):
        accept(f"slow_{number}", subject=f"sub_{number}")
    assert jobs.run("inbox") == 0
    assert len(asked) == inbox.PATIENCE
    accept("evt_new", subject="sub_new")
    assert jobs.run("inbox") == 1
    assert (len(asked), statuses()["evt_new"]) == (inbox.PATIENCE + 1, "processed")
    clock.forward(minutes=1, seconds=1)
    jobs.run("inbox")
    assert len(asked) == 2 * inbox.PATIENCE + 1
    assert {one.attempts for one in WebhookEvent.select()} == {0, 1, 2}


def test_an_account_whose_provider_is_silent_holds_no_other_back(worked, monkeypatch):
    def read(row):
        if row.channel == "tickets_stripe":
            raise ProviderFailed("no answer")
        return [Fact(provider="stripe", happened_at=row.happened_at, event_id=row.event_id)]

    monkeypatch.setattr(inbox, "read", read)
    for number in range(20):
        inbox.accept("tickets_stripe", Event(f"acct/evt_{number}", "t", f"pi_{number}", now()), b"{}")
    accept("evt_new", subject="sub_new")
    jobs.run("inbox")
    assert statuses()["evt_new"] == "processed"
    assert sum(one.attempts for one in WebhookEvent.select()) == inbox.PATIENCE + 1


def test_code_t12_the_count_of_a_status_is_bounded(worked, monkeypatch):
    monkeypatch.setattr(inbox, "COUNTED", 2)
    monkeypatch.setattr(inbox, "_counts", Compiled(inbox._count_each))
    for number in range(5):
        accept(f"evt_{number}")
    assert inbox.counts()["received"] == 3


def test_the_chart_counts_each_day_of_two_weeks_and_no_other(worked, clock):
    worked.failing.add("late")
    for days, id in ((0, "old"), (1, "first"), (13, "late")):
        clock.forward(days=days)
        accept(id)
        inbox.work_off()
    days = inbox.days()
    assert (len(days), days[0][0], days[-1][0]) == (14, clock().date() - timedelta(days=13), clock().date())
    assert days[0][1] == {"worked": 1, "ignored": 0, "open": 0}
    assert days[-1][1] == {"worked": 0, "ignored": 0, "open": 1}
    assert sum(sum(counted.values()) for _, counted in days) == 2


def test_the_last_that_was_delivered_is_not_one_we_fetched(worked, clock):
    assert inbox.last_delivered("billing_stripe") is None
    accept("a1")
    clock.forward(hours=1)
    assert inbox.accept_missed("billing_stripe", [Missed(Event("m1", "t", "", now()), b"{}")]) == 1
    inbox.accept("other", Event("x1", "t", "", now()), b"{}")
    assert inbox.last_delivered("billing_stripe").id == event("a1").id
    assert event("m1").headers == {inbox.FETCHED: "from the list of what could not be delivered"}


def test_what_was_missed_is_taken_in_once_and_what_is_buried_here_stays_buried(worked):
    worked.failing.add("a1")
    accept("a1")
    write(WebhookEvent.update(attempts=7).execute)
    inbox.work_off()
    missed = [Missed(Event(id, "t", "", now()), b"{}") for id in ("a1", "m1")]
    assert inbox.accept_missed("billing_stripe", missed) == 1
    assert inbox.accept_missed("billing_stripe", missed) == 0
    assert statuses() == {"a1": "buried", "m1": "received"}


def test_an_event_names_the_rows_it_speaks_of(bought, cast):
    paid = of_type("invoice.paid")
    assert [row.provider_subscription_id for row in replays.named(paid).subscriptions] == []
    while inbox.work_off():
        pass
    found = replays.named(of_type("invoice.paid"))
    assert [row.name for row in found.organizations] == ["Acme"]
    assert [row.provider_subscription_id for row in found.subscriptions] == [bought]
    assert [row.status for row in found.payments] == ["paid"]
    accept("nothing", "nobody")
    assert not replays.named(event("nothing"))


def test_an_event_of_a_provider_that_is_gone_is_ignored(house):
    inbox.accept("billing_polar", Event("p1", "order.paid", "", now()), b"{}")
    inbox.work_off()
    assert (event("p1").status, event("p1").error) == (
        "ignored",
        "It came by billing_polar, and that provider isn't connected any more.",
    )
