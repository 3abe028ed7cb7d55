import pytest

from domain import audit
from models import AuditEvent
from tests.fixtures.threads import write


def test_an_event_says_who_what_where_and_from_where(cast):
    token = audit.origin.set({"ip": "10.0.0.1", "request_id": "r1"})
    write(
        audit.record, "member.joined", "Bob joined", by=cast.bob, organization=cast.acme, target=cast.bob, role="member"
    )
    audit.origin.reset(token)
    event = AuditEvent.select().order_by(AuditEvent.id.desc()).first()
    assert (event.category, event.action, event.result) == ("member", "member.joined", "success")
    assert (event.actor, event.actor_email, event.organization) == (cast.bob, "bob@example.org", cast.acme)
    assert (event.target_type, event.target_id) == ("user", str(cast.bob.id))
    assert (event.metadata, event.ip, event.request_id) == ({"role": "member"}, "10.0.0.1", "r1")


@pytest.mark.parametrize(
    "name", ["password", "new_password", "api_token", "code", "Secret", "cookie", "api_key", "password_hash"]
)
def test_secrets_are_not_written_down(house, name):
    write(audit.record, "auth.x", "x", **{name: "s3cret", "plain": "seen"})
    assert AuditEvent.get().metadata == {name: "•••", "plain": "seen"}


def test_an_event_is_gone_with_the_transaction_it_belongs_to(house):
    def fails():
        audit.record("auth.x", "x")
        raise ValueError

    with pytest.raises(ValueError):
        write(fails)
    assert AuditEvent.select().count() == 0


def test_a_long_summary_is_cut(house):
    write(audit.record, "auth.x", "x" * 5000)
    assert len(AuditEvent.get().summary) == 500
