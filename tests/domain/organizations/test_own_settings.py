import pytest

from database.scope import inside
from domain import Forbidden, Invalid, Refused
from domain.base import notices, outgoing, stepup
from domain.organizations import members, organizations, own_settings, permissions
from models import AuditEvent, Notification, Organization, Outgoing
from tests.fixtures.threads import write

ASKED = "organization.require_factor"


@pytest.fixture
def armed(cast, clock):
    """alice has a second factor, and nobody else."""
    cast.alice.second_factor_at = clock()
    write(cast.alice.save)


@pytest.fixture
def require(cast, armed, at, proven):
    """alice asks for one, as many days from now as are given."""

    def ask(on=True, days="0"):
        proven("alice", ASKED, cast.acme.id)
        with inside(cast.acme):
            own_settings.require(on, days, by=at("alice"))

    return ask


def closed(at, name):
    return isinstance(permissions.judge(at(name), "tasks.read"), permissions.SecondFactorRequired)


def test_only_an_owner_asks_for_it_after_a_proof(cast, armed, at, signed_in_as):
    signed_in_as("alice")
    with pytest.raises(stepup.VerificationRequired):
        own_settings.require(True, "0", by=at("alice"))
    with pytest.raises(Forbidden):
        own_settings.require(True, "0", by=at("bob"))
    with pytest.raises(Refused, match="personal"):
        own_settings.require(True, "0", by=organizations.reach(cast.alice, "alice"))
    assert Organization.get_by_id(cast.acme.id).second_factor_from is None


def test_who_lacks_one_sees_nothing_and_keeps_everything(cast, at, require, clock):
    require()
    assert [name for name in ("alice", "bob", "vera", "dora") if closed(at, name)] == ["bob", "vera", "dora"]
    assert own_settings.lacking(cast.acme) == 3
    assert not closed(lambda name: organizations.reach(cast.bob, "bob"), "bob")
    assert permissions.judge(at("bob"), "members.leave", members.of(cast.acme)[1]) is None
    cast.bob.second_factor_at = clock()
    assert not closed(at, "bob")
    require(on=False)
    assert not any(closed(at, name) for name in ("alice", "bob", "vera", "dora"))


def test_a_term_leaves_time_to_set_one_up(cast, at, require, clock):
    require(days="7")
    assert not closed(at, "bob")
    assert at("bob").needs_factor_from == clock.moment.replace(day=22)
    clock.forward(days=6, hours=23)
    assert not closed(at, "bob")
    clock.forward(hours=1)
    assert closed(at, "bob")


@pytest.mark.parametrize("days", ["", "1", "-7", "7.0", "x\0"])
def test_another_term_is_refused(cast, require, days):
    with pytest.raises(Invalid):
        require(days=days)
    assert Organization.get_by_id(cast.acme.id).second_factor_from is None


def test_an_owner_without_one_can_not_shut_themselves_out(cast, at, proven):
    proven("alice", ASKED, cast.acme.id)
    with pytest.raises(Refused, match="your own second factor"):
        own_settings.require(True, "0", by=at("alice"))


def test_it_is_in_the_log_and_who_lacks_one_is_told(cast, require):
    require()
    require(on=False)
    require(on=False)  # nothing changes: nothing is told
    logged = [row for row in AuditEvent.select() if "second factor" in row.summary]
    assert [row.summary for row in logged] == [
        "Everybody needs a second factor",
        "Nobody needs a second factor any more",
    ]
    told = [row.payload["recipient"] for row in Outgoing.select() if row.payload.get("type", "").endswith("factor")]
    assert told == [cast.bob.id, cast.vera.id, cast.dora.id]


def test_notices_of_it_say_that_there_is_something_and_not_what(cast, require):
    notice = {"type": "task_assigned", "key": "k", "title": "Call the printer", "link": "/acme/tasks/1"}
    write(lambda: outgoing.notify(cast.bob, organization=cast.acme, **notice))
    write(notices.deliver, Outgoing.get(Outgoing.kind == "notification"))
    assert notices.newest(cast.bob)[0].title == "Call the printer"
    require()
    covered = notices.newest(cast.bob)[0]
    assert (covered.title, covered.link) == ("News of Acme", "/acme")
    assert "printer" not in f"{covered.title} {covered.body} {covered.link}"
    write(lambda: outgoing.notify(cast.bob, organization=Organization.get_by_id(cast.acme.id), **notice | {"key": "l"}))
    letter = Outgoing.get(Outgoing.kind == "mail", Outgoing.key.startswith("l:"))
    assert (letter.payload["template"], letter.payload["values"]["title"]) == ("notice", "News of Acme")
    assert Notification.get().title == "Call the printer"  # it is only covered
