from datetime import timedelta

import pytest

import jobs
from database.connections import database
from domain import NotFound
from domain.base import settings, stepup
from domain.people import sessions
from models import AuditEvent, Outgoing, Session, User
from tests.fixtures.threads import together, write

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


def test_one_of_ones_own_browsers_can_be_revoked_and_nobody_elses(cast, signed_in_as, proven):
    signed_in_as("bob")
    for name in ("bob", "charlie"):
        proven(name, "account.end_sessions")
    token = sessions.start(cast.bob)
    session = sessions.find(token).session
    with pytest.raises(NotFound):
        sessions.revoke(session.id, by=cast.charlie)
    assert sessions.find(token)
    sessions.revoke(session.id, by=cast.bob)
    assert sessions.find(token) is None
    with pytest.raises(NotFound):
        sessions.revoke(session.id, by=cast.bob)
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


# --- known browsers, and the letter about a new one ----------------------------------------------------------

ONE, OTHER = "b" * 43, "c" * 43


def subjects(letters):
    return [(to, subject) for to, subject, _ in letters()]


def test_the_first_browser_of_a_new_account_needs_no_letter_and_every_new_one_does(cast, letters):
    sessions.start(cast.bob, browser=ONE, user_agent=FIREFOX)
    assert letters() == []
    sessions.start(cast.bob, browser=ONE, user_agent="Another agent after an update")
    assert letters() == []
    sessions.start(cast.bob, browser=OTHER, user_agent=FIREFOX, ip="192.0.2.7")
    ((to, _, text),) = letters()
    assert to == "bob@example.org"
    assert "Firefox on Linux" in text
    assert "192.0.2.7" in text
    sessions.start(cast.bob, browser=OTHER)
    assert len(letters()) == 1


def test_another_persons_browser_is_new_to_this_person(cast, letters):
    sessions.start(cast.bob, browser=ONE)
    sessions.start(cast.alice, browser=OTHER)
    sessions.start(cast.alice, browser=ONE)
    assert [to for to, _ in subjects(letters)] == ["alice@example.org"]


def test_an_account_that_slept_so_long_that_its_sessions_are_gone_is_told_all_the_same(cast, letters, clock):
    sessions.start(cast.bob, browser=ONE)
    clock.forward(days=200)
    jobs.run("tokens")
    assert Session.select().count() == 0
    sessions.start(cast.bob, browser=OTHER)
    assert [to for to, _ in subjects(letters)] == ["bob@example.org"]


def test_a_browser_is_kept_only_as_a_hash(cast):
    sessions.start(cast.bob, browser=ONE)
    assert ONE not in str(Session.select().tuples().get())


# --- one session only (A0.1-4 to 9) -----------------------------------------------------------------------------


def single(cast, value="on"):
    settings.change("single_active_session", value, by=cast.stella)


def test_while_one_session_is_the_rule_a_new_sign_in_ends_the_others_and_says_so(cast, letters):
    single(cast)
    first, hers = sessions.start(cast.bob, browser=ONE), sessions.start(cast.alice)
    assert letters() == []
    second = sessions.start(cast.bob, browser=ONE)
    assert (sessions.find(first), sessions.find(second).user, sessions.find(hers).user) == (None, cast.bob, cast.alice)
    assert sessions.why_over(first) == "replaced"
    assert [s.id for s in sessions.live(cast.bob)] == [sessions.find(second).session.id]
    assert len(letters()) == 1
    assert AuditEvent.select().where(AuditEvent.action == "auth.session.replaced").count() == 1
    sessions.end(first)  # signing out of what is over takes nothing away
    assert sessions.find(second)


def test_switched_on_it_holds_from_the_next_question_on_and_off_again_both_stay(cast):
    first, second = sessions.start(cast.bob), sessions.start(cast.bob)
    assert sessions.find(first)
    single(cast)
    assert sessions.find(first) is None
    assert sessions.why_over(first) == "replaced"
    assert sessions.find(second)
    single(cast, "off")
    assert sessions.find(first)
    third = sessions.start(cast.bob)
    assert all(sessions.find(token) for token in (first, second, third))


def test_many_sign_ins_at_once_leave_one(cast):
    single(cast)
    made = together(*(lambda n=n: sessions.start(cast.bob, browser=str(n)) for n in range(5)))
    assert len([token for token in made if sessions.find(token)]) == 1
    assert Session.select().where(Session.user == cast.bob, Session.ended_at.is_null()).count() == 1


def test_somebody_who_looks_on_replaces_nobody_and_is_not_replaced(cast):
    single(cast)
    mine = sessions.start(cast.bob)
    looks = sessions.look_on(cast.bob, cast.stella, "A question about tasks", lasts=timedelta(minutes=30))
    assert sessions.find(mine)
    assert sessions.find(looks).only_looks
    assert not sessions.find(mine).only_looks
    sessions.start(cast.bob)
    assert sessions.find(looks)
    assert sessions.find(mine) is None


def test_somebody_who_looks_on_is_out_when_the_time_is_over(cast, clock):
    looks = sessions.look_on(cast.bob, cast.stella, "A question about tasks", lasts=timedelta(minutes=30))
    clock.forward(minutes=30, seconds=-1)
    assert sessions.find(looks)
    clock.forward(seconds=2)
    assert sessions.find(looks) is None
    assert list(sessions.live(cast.bob)) == []


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ("", "malformed"),
        ("x", "malformed"),
        ("\0" * 43, "malformed"),
        ("é" * 43 + "!", "malformed"),
        ("x" * 44, "malformed"),
        ("x" * 43, "unknown"),
        ("x" * 43 + "\n", "malformed"),
    ],
)
def test_what_is_malformed_or_unknown_was_never_replaced(cast, spoilt, why):
    single(cast)
    sessions.start(cast.bob)
    assert sessions.find(spoilt) is None
    assert sessions.why_over(spoilt) == why


@pytest.mark.parametrize("why", ["ended", "suspended", "replaced"])
def test_why_a_session_is_over(cast, why):
    token = sessions.start(cast.bob)
    if why == "ended":
        sessions.end(token)
    elif why == "suspended":
        write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
    else:
        single(cast)
        sessions.start(cast.bob)
    assert sessions.why_over(token) == why


# --- what a look costs -------------------------------------------------------------------------------------------


def test_the_check_of_a_session_is_one_indexed_query_whatever_the_settings(cast, monkeypatch):
    token = sessions.start(cast.bob)
    asked = []

    class Heard:
        """Hears every statement."""

        def __init__(self, database):
            self.execute, database.execute_sql = database.execute_sql, self

        def __call__(self, sql, params=None):
            asked.append((sql, params))
            return self.execute(sql, params)

    db = database.obj
    sessions.find(token)  # settings are read, the query is built
    Heard(db)
    try:
        for value in ("off", "on"):
            single(cast, value)
            settings.get("single_active_session")
            asked.clear()
            assert sessions.find(token).user == cast.bob
            assert len(asked) == 1, asked
        statement = asked[0]
    finally:
        del db.execute_sql
    if database.dialect == "sqlite":
        plan = [row[-1] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {statement[0]}", statement[1])]
        assert len(plan) == 3, plan
        assert all(step.startswith("SEARCH ") for step in plan), plan
        assert any("token_hash=?" in step for step in plan), plan


def test_report_11_a_letter_says_its_time_on_its_readers_clock(cast, clock):
    write(User.update(timezone="Asia/Tokyo").where(User.id == cast.bob.id).execute)
    bob = User.get_by_id(cast.bob.id)
    sessions.start(bob, user_agent="Mozilla Firefox/1 Linux", browser="a" * 43)
    sessions.start(bob, user_agent="Mozilla Chrome/1 Windows", browser="b" * 43)
    letter = Outgoing.select().where(Outgoing.recipient == bob.email).order_by(Outgoing.id.desc()).get()
    assert letter.payload["values"]["at"] == "15 June 2026, 21:00 Tokyo time"


def test_other_browsers_are_signed_out_by_a_proof_alone(cast, signed_in_as, proven):
    present = signed_in_as("bob").session
    other = sessions.find(sessions.start(cast.bob, user_agent="Mozilla Firefox/1 Linux")).session
    for ask in (
        lambda: sessions.end_others(cast.bob, present),
        lambda: sessions.revoke(other.id, by=cast.bob),
    ):
        with pytest.raises(stepup.VerificationRequired):
            ask()
    assert Session.get_by_id(other.id).ended_at is None
    proven("bob", "account.end_sessions")
    assert sessions.end_others(cast.bob, present) == 1
