"""Issues as they are written and moved: what is refused, and that a verb said twice is done once."""

from datetime import UTC, datetime

import pytest

from database.clock import read_in
from domain import Invalid, NotFound, Refused, Stale
from domain.operations.news import campaigns
from models import AuditEvent, Campaign, Outgoing, Subscriber, Suppression
from tests.fixtures import news

SAYS = {"subject": "News", "body": "It is *July*."}


@pytest.fixture
def draft(cast):
    news.readers(2)
    made = campaigns.begin(by=cast.stella)
    return campaigns.change(made.id, SAYS, by=cast.stella, was={"subject": "", "body": ""})


def test_a_draft_is_written_and_two_do_not_overwrite_each_other(draft, cast):
    with pytest.raises(Invalid) as wrong:
        campaigns.change(draft.id, {"subject": " ", "body": ""}, by=cast.stella)
    assert set(wrong.value.fields) == {"subject", "body"}
    with pytest.raises(Stale):
        campaigns.change(draft.id, SAYS | {"subject": "Other"}, by=cast.stella, was={"subject": "", "body": ""})
    assert Campaign.get().subject == "News"


def test_it_is_scheduled_by_the_senders_clock_also_over_the_change_of_clocks(draft, cast, clock):
    clock.moment = datetime(2026, 3, 28, 12, tzinfo=UTC)
    read_in("Europe/Berlin")
    for typed, at in (
        ("2026-03-28T20:00", datetime(2026, 3, 28, 19, tzinfo=UTC)),
        ("2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # there is none: the moment after the gap
        ("2026-03-29T20:00", datetime(2026, 3, 29, 18, tzinfo=UTC)),
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # there are two: the first
    ):
        campaigns.schedule(draft.id, {"at": typed}, by=cast.stella)
        assert Campaign.get().scheduled_at == at
        campaigns.take_back(draft.id, by=cast.stella)
    read_in("UTC")


@pytest.mark.parametrize("at", ["", "yesterday", "2020-01-01T10:00", "9" * 30, "\x00"])
def test_what_is_no_moment_to_come_is_refused(draft, cast, at):
    with pytest.raises(Invalid):
        campaigns.schedule(draft.id, {"at": at}, by=cast.stella)
    assert Campaign.get().status == "draft"


def test_nothing_is_scheduled_that_says_nothing_or_that_nobody_reads(cast):
    empty = campaigns.begin(by=cast.stella)
    with pytest.raises(Invalid):
        campaigns.schedule(empty.id, {"now": "1"}, by=cast.stella)
    with pytest.raises(Invalid):
        campaigns.test(empty.id, by=cast.stella)
    campaigns.change(empty.id, SAYS, by=cast.stella)
    with pytest.raises(Invalid, match="Nobody has confirmed"):
        campaigns.schedule(empty.id, {"now": "1"}, by=cast.stella)


def test_each_step_is_one_persons_and_is_in_the_log(draft, cast):
    campaigns.schedule(draft.id, {"at": "2099-01-01T10:00"}, by=cast.stella)
    for verb in (campaigns.change, campaigns.schedule):
        with pytest.raises(Refused):
            verb(draft.id, SAYS | {"now": "1"}, by=cast.stella)
    for verb in (campaigns.remove, campaigns.pause, campaigns.resume):
        with pytest.raises(Refused):
            verb(draft.id, by=cast.stella)
    campaigns.stop(draft.id, by=cast.stella)
    with pytest.raises(Refused):
        campaigns.stop(draft.id, by=cast.stella)
    said = AuditEvent.select(AuditEvent.action).where(AuditEvent.action.startswith("newsletter.")).tuples()
    assert sorted(action for (action,) in said) == ["newsletter.scheduled", "newsletter.stopped"]
    assert Outgoing.select().count() == 0


def test_a_new_issue_or_a_copy_that_is_asked_for_twice_is_one_draft(draft, cast):
    assert campaigns.begin(by=cast.stella).id == campaigns.begin(by=cast.stella).id != draft.id
    assert campaigns.copy(draft.id, by=cast.stella).id == campaigns.copy(draft.id, by=cast.stella).id != draft.id
    assert Campaign.select().count() == 3


def test_a_copy_is_a_draft_and_a_draft_can_go(draft, cast):
    campaigns.schedule(draft.id, {"now": "1"}, by=cast.stella)
    made = campaigns.copy(draft.id, by=cast.stella)
    assert (made.subject, made.body, made.status) == ("News", "It is *July*.", "draft")
    campaigns.remove(made.id, by=cast.stella)
    with pytest.raises(NotFound):
        campaigns.one(made.id)


def test_staff_takes_readers_out_once_and_erases_them(draft, cast):
    first, second = Subscriber.select().order_by(Subscriber.id)
    campaigns.unsubscribe(first.id, by=cast.stella)
    with pytest.raises(Refused):
        campaigns.unsubscribe(first.id, by=cast.stella)
    campaigns.erase(second.id, by=cast.stella)
    with pytest.raises(NotFound):
        campaigns.erase(second.id, by=cast.stella)
    assert [one.email for one in Subscriber.select()] == [first.email]
    assert second.email not in {one.email_norm for one in Suppression.select()}
    assert Suppression.select().count() == 2
