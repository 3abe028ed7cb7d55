"""The audit log as a list of one organization, and of the staff."""

import pytest

from database.connections import database
from database.scope import inside
from domain import Forbidden, Invalid
from domain.base import audit
from domain.lists import asks, lists
from domain.lists.lists import Ask
from domain.people import audit_logs
from domain.people.admins import Staff
from tests.conftest import write

OWN, ALL = audit_logs.own, audit_logs.everywhere


@pytest.fixture
def log(clock, cast):
    """Events of two organizations and two people, a minute apart; the last two at one moment."""

    def fill():
        clock.forward(minutes=1)
        audit.record("member.joined", "Bob joined", by=cast.bob, organization=cast.acme)
        clock.forward(minutes=1)
        audit.record("billing.updated", "Acme pays", by=cast.alice, organization=cast.acme, target=("order", "4711"))
        clock.forward(minutes=1)
        audit.record("billing.updated", "Globex pays", by=cast.charlie, organization=cast.globex)
        audit.record("organization.access_denied", "Denied", by=cast.bob, organization=cast.acme, result="denied")

    write(fill)


@pytest.fixture
def staff(cast):
    return Staff(cast.stella, frozenset({"audit.read_all"}))


def seen(listing, by, rows=100, **asked):
    ask = asks.understand(listing, asked).but(rows=rows)
    found = []
    for _ in range(200):
        answer = lists.read(listing, ask, by)
        found += [row.summary for row in answer.rows]
        if not answer.more:
            return found
        ask = ask.but(after=answer.more)
    raise AssertionError("the pages don't end")


def test_each_filter_narrows_and_all_hold_together(log, staff):
    assert seen(ALL, staff, organization="ACME")[:3] == ["Denied", "Acme pays", "Bob joined"]
    assert "Globex pays" not in seen(ALL, staff, organization="acme")
    assert seen(ALL, staff, actor="BOB@example.org")[:2] == ["Denied", "Bob joined"]
    assert seen(ALL, staff, action="billing.updated") == ["Globex pays", "Acme pays"]
    assert seen(ALL, staff, category="billing") == ["Globex pays", "Acme pays"]
    assert seen(ALL, staff, result="denied") == ["Denied"]
    assert seen(ALL, staff, organization="acme", action="billing.updated", category="billing") == ["Acme pays"]
    assert seen(ALL, staff, organization="acme", actor="bob@example.org", category="member") == ["Bob joined"]
    assert seen(ALL, staff, actor="bob@example.org", action="billing.updated") == []
    assert seen(ALL, staff, organization="nowhere") == []


def test_an_organization_is_also_found_by_its_number(log, staff, cast):
    assert seen(ALL, staff, organization=f"#{cast.globex.id}")[0] == "Globex pays"


def test_a_part_of_a_word_is_found_together_with_filters(log, staff):
    assert seen(ALL, staff, q="pay") == ["Globex pays", "Acme pays"]
    assert seen(ALL, staff, q="lobe pay", category="billing", result="success") == ["Globex pays"]
    assert seen(ALL, staff, q="4711", category="billing") == ["Acme pays"]
    assert seen(ALL, staff, q="pay", category="member") == []


def test_owners_see_their_own_log_alone_also_when_they_search(log, at, cast, inside_acme):
    alice = at("alice")
    assert "Acme pays" in seen(OWN, alice)
    assert seen(OWN, alice, q="pays") == ["Acme pays"]
    assert "Globex pays" not in seen(OWN, alice, rows=2, sort="oldest")
    assert asks.understand(OWN, {"organization": "globex"}).filters == ()
    with pytest.raises(Forbidden):
        lists.read(OWN, Ask(), at("bob"))
    with inside(cast.globex):
        assert "Acme pays" not in seen(OWN, at("charlie", "globex"))


def test_pages_go_on_also_among_events_of_one_moment(log, staff):
    newest = seen(ALL, staff)
    assert seen(ALL, staff, rows=1) == newest
    assert seen(ALL, staff, rows=1, sort="oldest") == newest[::-1]
    assert seen(ALL, staff, rows=1, q="pay") == ["Globex pays", "Acme pays"]
    with pytest.raises(Invalid):
        lists.read(ALL, Ask(after="5"), staff)


def test_staff_without_the_right_sees_nothing(log, cast):
    with pytest.raises(Forbidden):
        lists.read(ALL, Ask(), Staff(cast.stella, frozenset({"users.read"})))


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"organization": "acme", "action": "a.b", "category": "auth"}, "organization_id_at"),
        ({"actor": "a@x.org", "action": "a.b", "category": "auth"}, "actor_email_at"),
        ({"action": "a.b", "category": "auth", "result": "denied"}, "action_at"),
        ({"category": "auth", "result": "denied"}, "category_at"),
        ({"result": "denied"}, "audit_event_at"),
    ],
)
def test_one_index_answers_in_its_order(cast, sqlite, staff, monkeypatch, asked, index):
    sent, execute = [], database.obj.execute_sql
    monkeypatch.setattr(
        database.obj, "execute_sql", lambda sql, params=None: sent.append((sql, params)) or execute(sql, params)
    )
    lists.read(ALL, asks.understand(ALL, asked), staff)
    text, values = sent[-1]
    plan = " ".join(row[3] for row in execute("EXPLAIN QUERY PLAN " + text, values).fetchall())
    assert index in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan.replace("LAST TERM OF ORDER BY", "")
