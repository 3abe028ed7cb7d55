import pytest

from database.scope import inside
from domain.base import history
from models import AuditEvent, Change, Membership
from tests.fixtures.threads import write


@pytest.fixture
def note(cast, at):
    def noted(**facts):
        row = Membership.get(Membership.organization == cast.acme, Membership.user == cast.bob)
        with inside(cast.acme):
            made = write(history.note, "member.moved", "Bob moved", row, **{"by": at("alice"), **facts})
            assert made == Change.select().order_by(Change.id.desc()).first()
        return row, AuditEvent.select().order_by(AuditEvent.id.desc()).first(), made

    return noted


def test_one_call_is_an_event_and_a_change(note, cast):
    row, event, change = note(verb="created", target=cast.bob, reason="x")
    assert (event.action, event.summary, event.actor, event.organization) == (
        *("member.moved", "Bob moved"),
        *(cast.alice, cast.acme),
    )
    assert (event.target_type, event.target_id, event.metadata) == ("user", str(cast.bob.id), {"reason": "x"})
    assert (change.table, change.row_id, change.verb, change.by) == (
        "organization_member",
        row.id,
        "created",
        cast.alice,
    )
    assert change.fields == {}


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        ({"before": "member", "after": "admin", "field": "role"}, {"role": ["member", "admin"]}),
        ({"before": {"a": 1, "b": 2}, "after": {"b": 3}}, {"b": [2, 3]}),
        ({"after": {"b": 3}}, {"b": [None, 3]}),
        ({"before": "member", "after": None}, {}),
    ],
)
def test_what_became_of_what_is_said_the_same_in_both(note, facts, fields):
    _, event, change = note(**facts)
    facts.pop("field", None)
    assert (event.metadata, change.fields) == (facts, fields)


def test_by_may_be_a_user_with_an_organization_and_the_row_only_a_name(cast):
    about = {"by": cast.stella, "organization": cast.acme, "target": cast.acme}
    with inside(cast.acme):
        change = write(history.note, "billing.x", "x", "credits", **about)
    assert (change.table, change.row_id, change.by, change.organization) == ("credits", None, cast.stella, cast.acme)
