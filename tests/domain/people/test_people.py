import pytest

import jobs
from database.clock import now
from database.connections import database
from domain import Forbidden, Invalid, NotFound
from domain.base import stepup
from domain.lists import asks, lists
from domain.lists.searches import LAST, _beginning
from domain.people import admins, people, sessions, suspensions
from models import Admin, AuditEvent, Identity, Notification, Profile, Proof, Session, User
from tests.fixtures.threads import write

WHY = "She asked why a task is gone."


def events(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


# --- finding them -------------------------------------------------------------------------------------------


def found(cast, **asked):
    ask = asks.understand(people.listing, asked)
    return [row.email for row in lists.read(people.listing, ask, admins.staff(cast.stella)).rows]


def test_one_or_two_letters_find_the_addresses_that_begin_so_by_an_index(cast):
    """A letter begins very many addresses: an index is walked, and not far."""
    assert found(cast, q="c") == ["charlie@example.org"]
    assert found(cast, q="BO") == ["bob@example.org"]
    assert found(cast, q="zz") == []
    query = _beginning(User, User.email_norm, 0)
    sql, names = query.sql()
    given = [{"begin_0": "c", "end_0": "c" + LAST}.get(getattr(name, "name", ""), name) for name in names]
    if database.dialect == "postgres":
        database.execute_sql("SET enable_seqscan = off")
        plan = str(database.execute_sql(f"EXPLAIN {sql}", given).fetchall())
        database.execute_sql("SET enable_seqscan = on")
        assert "user_email_norm_begins" in plan
    else:
        assert "INDEX user_email_norm " in str(database.execute_sql(f"EXPLAIN QUERY PLAN {sql}", given).fetchall())


@pytest.mark.parametrize("q", ["bob@example.org", " BOB@Example.ORG ", "2", "bob", "ob@exa", "Bob"])
def test_a_search_takes_parts_of_names_and_addresses_or_the_number(cast, q):
    assert found(cast, q=q) == ["bob@example.org"]


@pytest.mark.parametrize("q", ["bobby", "bob@example.or.uk", "9" * 30, "bob charlie"])
def test_what_nobody_has_finds_nobody(cast, q):
    assert found(cast, q=q) == []


def test_a_new_name_is_found_and_the_old_one_no_more(cast):
    write(Profile.update(full_name="Robert Zürn").where(Profile.user == cast.bob).execute)
    assert found(cast, q="zürn") == found(cast, q="robe") == ["bob@example.org"]
    write(User.update(email="rz@example.net", email_norm="rz@example.net").where(User.id == cast.bob.id).execute)
    assert found(cast, q="bob") == []
    assert found(cast, q="example.net") == found(cast, q="rz") == ["rz@example.net"]


def test_a_short_word_is_a_beginning_of_an_address_or_stands_beside_longer_ones(cast):
    assert found(cast, q="BO") == ["bob@example.org"]
    assert found(cast, q="ob") == []
    assert found(cast, q="bob ex") == found(cast, q="ob bob") == ["bob@example.org"]
    assert found(cast, q="bob zz") == []


@pytest.mark.parametrize("q", ["bo", "bob ex", "bob"])
def test_no_search_looks_through_all_people(cast, sqlite, monkeypatch, q):
    sent, execute = [], database.obj.execute_sql
    monkeypatch.setattr(
        database.obj, "execute_sql", lambda sql, params=None: sent.append((sql, params)) or execute(sql, params)
    )
    found(cast, q=q)
    plans = [row[3] for row in execute("EXPLAIN QUERY PLAN " + sent[-1][0], sent[-1][1]).fetchall()]
    assert [step for step in plans if "SCAN t1" in step or 'SCAN "t1"' in step] == [], plans


def test_a_status_narrows_and_an_unknown_one_doesnt(cast):
    write(User.update(status="suspended").where(User.id == cast.bob.id).execute)
    assert found(cast, status="suspended") == ["bob@example.org"]
    assert "bob@example.org" not in found(cast, status="active")
    assert len(found(cast, status="nonsense")) == 6


def test_what_is_shown_of_somebody(cast):
    assert [(one.organization.name, one.role) for one in people.memberships(cast.bob)] == [
        ("Bob's space", "owner"),
        ("Acme", "member"),
    ]
    write(Identity.create, user=cast.bob, provider="google", subject="1", email="bob@example.com")
    ways = people.ways_in(User.get_by_id(cast.bob.id))
    assert (ways["password"], ways["passkeys"], ways["second_factor_at"]) == (True, 0, None)
    assert [one.provider for one in ways["identities"]] == ["google"]
    with pytest.raises(NotFound):
        people.one(10**6)


# --- looking on ---------------------------------------------------------------------------------------------


@pytest.fixture
def proven(cast, signed_in_as):
    """stella is signed in, and has proven herself for looking on as one person."""
    signed_in_as("stella")

    def prove(user):
        who = stepup.present.get()
        return write(
            Proof.create,
            user=who.user,
            session=who.session,
            action="admin.impersonate",
            target=str(user.id),
            level=4,
            single_use=True,
            expires_at=now().replace(year=now().year + 1),
        )

    return prove


def test_looking_on_is_a_session_that_only_looks_for_half_an_hour(cast, clock, proven, letters):
    with pytest.raises(stepup.VerificationRequired) as asked:
        people.look_on(cast.bob.id, WHY, by=cast.stella)
    assert (asked.value.details["level"], asked.value.details["target"]) == (4, str(cast.bob.id))
    proven(cast.bob)
    looker = sessions.find(people.look_on(cast.bob.id, WHY, by=cast.stella, ip="10.0.0.1"))
    assert (looker.user, looker.only_looks, looker.session.staff_id) == (cast.bob, True, cast.stella.id)
    assert people.look(looker) == {"user": cast.bob, "reason": WHY, "minutes": 30}
    clock.forward(minutes=29, seconds=1)
    assert people.look(looker)["minutes"] == 1
    assert sessions.find(looker.token)
    clock.forward(minutes=1)
    assert sessions.find(looker.token) is None
    (event,) = events("admin.impersonation_started")
    assert (event.actor, event.target_id, event.metadata["reason"]) == (cast.stella, str(cast.bob.id), WHY)
    ((to, _, text),) = [letter for letter in letters() if "looked" in letter[1]]
    assert to == "bob@example.org"
    assert "Stella" in text
    assert WHY in text


def test_the_person_doesnt_see_it_among_their_browsers_and_cant_end_it(cast, proven, monkeypatch):
    proven(cast.bob)
    looker = sessions.find(people.look_on(cast.bob.id, WHY, by=cast.stella))
    monkeypatch.setattr(stepup, "demand", lambda *_: None)  # though bob proves who he is
    assert looker.session.id not in [one.id for one in sessions.live(cast.bob)]
    with pytest.raises(NotFound):
        sessions.revoke(looker.session.id, by=cast.bob)


def test_a_proof_is_for_one_person_and_one_time(cast, proven):
    proven(cast.bob)
    with pytest.raises(stepup.VerificationRequired):
        people.look_on(cast.vera.id, WHY, by=cast.stella)
    people.look_on(cast.bob.id, WHY, by=cast.stella)
    with pytest.raises(stepup.VerificationRequired):
        people.look_on(cast.bob.id, WHY, by=cast.stella)


@pytest.mark.parametrize("reason", ["", "because", " " * 30])
def test_a_reason_is_needed(cast, proven, reason):
    proven(cast.bob)
    with pytest.raises(Invalid):
        people.look_on(cast.bob.id, reason, by=cast.stella)
    assert events("admin.impersonation_started") == []


def test_never_oneself_an_admin_or_somebody_who_isnt_active(cast, proven):
    proven(cast.stella)
    with pytest.raises(Forbidden):
        people.look_on(cast.stella.id, WHY, by=cast.stella)
    write(Admin.create, email="bob@example.org", email_norm="bob@example.org")
    proven(cast.bob)
    with pytest.raises(Forbidden, match="admin"):
        people.look_on(cast.bob.id, WHY, by=cast.stella)
    for status in ("suspended", "deleted"):
        write(User.update(status=status).where(User.id == cast.vera.id).execute)
        proven(cast.vera)
        with pytest.raises(suspensions.InvalidTransition):
            people.look_on(cast.vera.id, WHY, by=cast.stella)
    assert Session.select().where(Session.staff_id.is_null(False)).count() == 0


def test_its_end_is_in_the_log_once(cast, proven):
    proven(cast.bob)
    looker = sessions.find(people.look_on(cast.bob.id, WHY, by=cast.stella))
    own = sessions.find(sessions.start(cast.stella))
    assert people.stop(looker.session.id)
    assert not people.stop(looker.session.id)
    assert not people.stop(own.session.id), "a session of one's own is no look"
    assert sessions.find(own.token)
    (event,) = events("admin.impersonation_ended")
    assert (event.actor, event.target_id, event.metadata["why"]) == (cast.stella, str(cast.bob.id), "by hand")


def test_a_look_that_nobody_ended_is_ended_when_its_time_is_over(cast, clock, proven):
    proven(cast.bob)
    people.look_on(cast.bob.id, WHY, by=cast.stella)
    assert people.end_lapsed(100) == 0
    clock.forward(minutes=31)
    assert people.end_lapsed(100) == 1
    assert people.end_lapsed(100) == 0
    (event,) = events("admin.impersonation_ended")
    assert event.metadata["why"] == "its time was over"


def test_whoever_is_no_longer_allowed_may_not_go_on(cast, proven):
    proven(cast.bob)
    looker = sessions.find(people.look_on(cast.bob.id, WHY, by=cast.stella))
    assert people.still_may(looker)
    write(Admin.delete().execute)
    assert not people.still_may(looker)


def test_report_07_admins_are_told_once_of_accounts_that_have_one_address(cast):
    assert people.tell_of_clashes() == 0
    clash = f"bob@example.org#{cast.charlie.id}"
    write(User.update(email="bob@example.org", email_norm=clash).where(User.id == cast.charlie.id).execute)
    assert people.tell_of_clashes() == people.tell_of_clashes() == 1
    jobs.work_off()
    (told,) = Notification.select().where(Notification.type == "admin.clash")
    assert told.recipient_id == cast.stella.id
    assert f"#{cast.bob.id} and #{cast.charlie.id}" in told.title
