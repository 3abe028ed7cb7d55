from datetime import timedelta

import pytest

import jobs
from domain import NotFound, sessions, settings
from models import AuditEvent, Session, User
from tests.fixtures.threads import write

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def test_a_token_finds_its_user_and_is_kept_only_as_a_hash(cast):
    token = sessions.start(cast.bob, ip="10.0.0.1", user_agent=FIREFOX)
    found = sessions.find(token)
    assert (found.user, found.user.email, found.user.name) == (cast.bob, "bob@example.org", "Bob")
    assert found.get_id() == token
    row = Session.get()
    assert (row.device, row.ip) == ("Firefox on Linux", "10.0.0.1")
    assert len(token) >= 43
    assert token not in str(Session.select().tuples().get())
    assert sessions.find(row.token_hash) is None
    assert sessions.find("") is None


def test_asking_again_costs_one_query_and_no_write(cast, monkeypatch):
    token = sessions.start(cast.bob)
    sessions.find(token)
    monkeypatch.setattr(sessions, "_see", lambda *_: pytest.fail("a look must not write"))
    assert sessions.find(token).user.name == "Bob"


def test_an_idle_session_is_over(cast, clock):
    token = sessions.start(cast.bob)
    clock.forward(days=14, seconds=-1)
    assert sessions.find(token)
    clock.forward(days=14, seconds=-1)
    assert sessions.find(token)  # the look before counted as use
    clock.forward(days=14, seconds=1)
    assert sessions.find(token) is None
    assert list(sessions.live(cast.bob)) == []


def test_no_session_lasts_longer_than_the_longest(cast, clock):
    token = sessions.start(cast.bob)
    for _ in range(9):
        clock.forward(days=10, seconds=-1)
        assert sessions.find(token)
    clock.forward(seconds=10)
    assert sessions.find(token) is None


def test_how_long_is_a_setting(cast, clock):
    settings.change("session_idle_days", "1", by=cast.stella)
    settings.forget()
    token = sessions.start(cast.bob)
    clock.forward(days=1, seconds=1)
    assert sessions.find(token) is None


def test_last_seen_is_written_at_most_once_a_minute(cast, clock):
    token = sessions.start(cast.bob)
    began = Session.get().last_seen_at
    clock.forward(seconds=60)
    sessions.find(token)
    assert Session.get().last_seen_at == began
    clock.forward(seconds=1)
    sessions.find(token)
    assert Session.get().last_seen_at == began + timedelta(seconds=61)
    clock.forward(seconds=59)
    sessions.find(token)
    assert Session.get().last_seen_at == began + timedelta(seconds=61)


@pytest.mark.parametrize("status", ["suspended", "deleted"])
def test_a_suspended_user_is_out_at_once(cast, status):
    token = sessions.start(cast.bob)
    assert sessions.find(token)
    write(User.update(status=status).where(User.id == cast.bob.id).execute)
    assert sessions.find(token) is None


def test_signing_out_ends_this_browser_only_and_twice_is_once(cast):
    mine, other = sessions.start(cast.bob), sessions.start(cast.bob)
    sessions.end(mine)
    ended = Session.get(Session.ended_at.is_null(False))
    sessions.end(mine, "expired")
    assert Session.get_by_id(ended.id).end_reason == "signed_out"
    assert sessions.find(mine) is None
    assert sessions.find(other)


def test_one_of_ones_own_browsers_can_be_revoked_and_nobody_elses(cast):
    token = sessions.start(cast.bob)
    (session,) = sessions.live(cast.bob)
    with pytest.raises(NotFound):
        sessions.revoke(cast.charlie, session.id)
    assert sessions.find(token)
    sessions.revoke(cast.bob, session.id)
    assert sessions.find(token) is None
    with pytest.raises(NotFound):
        sessions.revoke(cast.bob, session.id)
    assert AuditEvent.select().where(AuditEvent.action == "auth.session.revoked").count() == 1


def test_all_browsers_can_be_signed_out_but_this_one(cast):
    here, *others = (sessions.start(cast.bob) for _ in range(3))
    hers = sessions.start(cast.alice)
    assert sessions.end_all(cast.bob, by=cast.bob, but=sessions.find(here).session) == 2
    assert sessions.find(here)
    assert sessions.find(hers)
    assert [sessions.find(token) for token in others] == [None, None]
    assert sessions.end_all(cast.bob, by=cast.bob) == 1
    assert sessions.find(here) is None


def test_sessions_over_for_a_month_are_removed(cast, clock):
    over, live = sessions.start(cast.bob), sessions.start(cast.alice)
    sessions.end(over)
    clock.forward(days=13)
    assert sessions.find(live)
    clock.forward(days=13)
    assert sessions.find(live)
    assert jobs.run("tokens") == 0
    clock.forward(days=5)
    assert jobs.run("tokens") == 1
    assert Session.get().user == cast.alice


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605 Safari/605", "Safari on Mac"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>", "scriptalert1"),
        ("", "Unknown device"),
        ("\u202e<>", "Unknown device"),
    ],
)
def test_people_recognise_their_browsers(agent, device):
    assert sessions.device(agent) == device


def test_a_very_long_browser_name_is_taken(cast):
    sessions.start(cast.bob, user_agent="x" * 10_000)
    assert len(Session.get().device) <= 120
