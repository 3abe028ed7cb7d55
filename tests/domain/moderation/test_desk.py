"""Deciding: once, by whom it is for, and whoever reported hears of it."""

import pytest

from domain import Forbidden
from domain.moderation import desk
from models import AuditEvent, Notification, Outgoing
from tests.domain.moderation.test_reports import only, say


def test_two_decide_and_one_did(night, cast):
    say(night, "a")
    desk.remove(only().id, by=cast.stella)
    with pytest.raises(desk.Decided):
        desk.remove(only().id, by=cast.stella)
    events_of = AuditEvent.select().where(AuditEvent.action == "moderation.decided")
    assert [(one.actor_email, one.metadata["before"], one.metadata["after"]) for one in events_of] == [
        (cast.stella.email, "open", "removed")
    ]


def test_who_decides_about_events_is_the_platform(night, at, cast):
    say(night, "a")
    for by in (at("alice"), at("bob"), cast.alice):
        with pytest.raises(Forbidden):
            desk.approve(only().id, by=by)


def test_the_reporter_hears_once_and_the_keepers_are_told(night, cast):
    say(night, "a", reply_to="nina@example.org")
    say(night, "b", "c")
    desk.remove(only().id, by=cast.stella)
    letters = Outgoing.select().where(Outgoing.kind == "mail", Outgoing.recipient == "nina@example.org")
    assert [one.payload["values"]["decision"] for one in letters] == ["removed"]
    assert Notification.select().count() == 0  # they leave with the lane
    told = Outgoing.select().where(Outgoing.kind == "notification")
    titles = {one.payload["title"] for one in told if one.payload["recipient"] == cast.alice.id}
    assert titles == {"Jazz Night is hidden until somebody has looked at it", "Jazz Night was removed"}
