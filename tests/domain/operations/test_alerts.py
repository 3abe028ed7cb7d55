import pytest

from domain import Invalid, NotFound
from domain.operations import alerts
from models import Alert, AuditEvent, User


def reader(cast):
    return User.get_by_id(cast.bob.id)


def test_an_alert_is_shown_for_a_day_and_its_row_stays(cast, clock):
    alert = alerts.broadcast("  Backup at noon 🛠 ", by=cast.stella)
    assert [a.message for a in alerts.active()] == ["Backup at noon 🛠"]
    clock.forward(hours=23, minutes=59)
    assert alerts.active() == [alert]
    assert alerts.unread(reader(cast))
    clock.forward(hours=1)
    assert alerts.active() == []
    assert not alerts.unread(reader(cast))
    assert Alert.select().count() == 1


def test_alerts_are_shown_newest_first(cast, clock):
    for message in ("first", "second"):
        alerts.broadcast(message, by=cast.stella)
        clock.forward(minutes=1)
    assert [a.message for a in alerts.active()] == ["second", "first"]


def test_a_look_puts_the_dot_out_and_a_second_alert_lights_it_again(cast, clock):
    assert not alerts.unread(reader(cast))
    alerts.broadcast("first", by=cast.stella)
    clock.forward(minutes=1)
    user = reader(cast)
    assert alerts.unread(user)
    alerts.see(user)
    assert not alerts.unread(user)
    assert not alerts.unread(reader(cast))
    clock.forward(minutes=1)
    alerts.broadcast("second", by=cast.stella)
    assert alerts.unread(reader(cast))
    assert alerts.unread(User.get_by_id(cast.vera.id))
    assert len(alerts.active()) == 2


def test_a_look_writes_only_when_there_is_something_to_see(cast, clock):
    alerts.see(reader(cast))
    assert reader(cast).last_seen_alert_at is None
    alerts.broadcast("first", by=cast.stella)
    clock.forward(minutes=1)
    alerts.see(reader(cast))
    seen = reader(cast).last_seen_alert_at
    clock.forward(minutes=1)
    alerts.see(reader(cast))
    assert reader(cast).last_seen_alert_at == seen


def test_an_alert_taken_back_is_gone_and_its_row_stays(cast):
    alert = alerts.broadcast("oops", by=cast.stella)
    alerts.retract(alert.id, by=cast.stella)
    assert alerts.active() == []
    assert not alerts.unread(reader(cast))
    with pytest.raises(NotFound):
        alerts.retract(alert.id, by=cast.stella)
    assert Alert.select().count() == 1
    actions = [
        e.action for e in AuditEvent.select().where(AuditEvent.action.startswith("alert.")).order_by(AuditEvent.id)
    ]
    assert actions == ["alert.created", "alert.retracted"]


def test_an_alert_that_is_over_cannot_be_taken_back(cast, clock):
    alert = alerts.broadcast("old", by=cast.stella)
    clock.forward(hours=25)
    with pytest.raises(NotFound):
        alerts.retract(alert.id, by=cast.stella)
    with pytest.raises(NotFound):
        alerts.retract(10**6, by=cast.stella)


@pytest.mark.parametrize("message", ["", "   ", None, "\u200b\u202e", "x" * 501])
def test_an_alert_says_something_in_up_to_500_characters(cast, message):
    with pytest.raises(Invalid):
        alerts.broadcast(message, by=cast.stella)
    assert Alert.select().count() == 0


def test_five_hundred_characters_are_taken(cast):
    assert len(alerts.broadcast("ü" * 500, by=cast.stella).message) == 500
