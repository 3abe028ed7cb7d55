"""Signed-in browsers as a list."""

from domain.base import settings
from domain.lists import asks, lists
from domain.people import admins, browsers, sessions
from models import Session, User


def listed(user, **asked):
    by = admins.oneself(user)
    ask = asks.understand(browsers.listing, asked, user.id)
    return {row.id: row.status for row in lists.read(browsers.listing, ask, by).rows}


def test_what_is_signed_in_and_what_is_over_is_told_apart(house, cast, clock):
    old, here, other = (sessions.find(sessions.start(cast.bob)).session.id for _ in range(3))
    charlies = sessions.find(sessions.start(cast.charlie)).session.id
    looker = sessions.find(sessions.look_on(cast.bob, cast.stella, "why", lasts=browsers.timedelta(hours=1)))
    sessions.end_all(cast.bob, by=cast.bob, but=Session.get_by_id(here))
    late = sessions.find(sessions.start(cast.bob)).session.id
    assert listed(cast.bob) == {late: "live", other: "over", here: "live", old: "over"}
    assert not {charlies, looker.session.id} & listed(cast.bob).keys()
    assert set(listed(cast.bob, status="live")) == {late, here}
    settings.change("single_active_session", "on", by=cast.stella)
    assert User.get_by_id(cast.bob.id).active_session_id == late
    assert set(listed(cast.bob, status="live")) == {late}
    clock.forward(days=15)
    assert listed(cast.bob, status="live") == {}
