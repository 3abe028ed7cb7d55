"""Keys of programs: never more than their maker may now, and nothing kept from one request to the next."""

from datetime import timedelta

import pytest

from database.columns import public_id
from database.scope import everywhere
from domain import Forbidden, NotFound
from domain.base import stepup
from domain.organizations import api_keys, organizations, permissions
from models import ApiKey, AuditEvent, Grant, Membership, Notification, Organization, User
from tests.fixtures.keys import a_key, pay, refused
from tests.fixtures.threads import write

FORM_KEY = public_id()
FORM = {"name": "Door app", "scopes": ["tasks.read", "tasks.write"], "days": "90", "paths": "", "networks": ""}
HERE = ("192.0.2.7", "192.0.2.7", "/api/mobile/backend/tasks")


@pytest.fixture
def paid(inside_acme):
    pay(inside_acme)


def enter(secret, *where):
    return api_keys.enter(secret, *(where or HERE))


def no_key(secret):
    return refused(lambda: enter(secret)).code == "UNAUTHENTICATED"


def change(table, id, **values):
    with everywhere("a test changes a row of its own"):
        write(table.update(**values).where(table.id == id).execute)


def test_a_key_is_made_after_a_proof_and_kept_as_a_hash(paid, at, proven, cast):
    with pytest.raises(stepup.VerificationRequired):
        api_keys.make(FORM, by=at("alice"))
    proven("alice", "keys.make", cast.acme.id)
    made, secret = api_keys.make(FORM, by=at("alice"), key=FORM_KEY)
    assert api_keys.FORM.fullmatch(secret)
    assert secret[4:12] == made.prefix
    assert secret not in str(made.__data__)
    assert made.scopes == "tasks.read tasks.write"
    again = api_keys.make(FORM, by=at("alice"), key=FORM_KEY)
    assert (again[0].id, again[1]) == (made.id, secret)
    assert api_keys.make(FORM, by=at("alice"))[1] != secret
    assert ApiKey.select().count() == 2
    noted = AuditEvent.get(AuditEvent.action == "apikey.created")
    assert noted.metadata["scopes"] == "tasks.read tasks.write"
    assert secret not in str(noted.__data__)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["billing.manage"]},
        {"name": ""},
        {"days": "12"},
        {"paths": "/admin/*"},
        {"paths": "/api/a/../b"},
        {"paths": "/api/a*"},
        {"networks": "somewhere"},
    ],
)
def test_what_a_key_cannot_be_is_refused(paid, at, wrong):
    assert wrong.keys() <= refused(lambda: api_keys.make(FORM | wrong, by=at("alice"))).fields.keys()
    assert ApiKey.select().count() == 0


def test_only_owners_on_a_plan_with_keys_make_them(inside_acme, at):
    assert isinstance(refused(lambda: api_keys.make(FORM, by=at("alice"))), permissions.CapabilityRequired)
    pay(inside_acme)
    assert isinstance(refused(lambda: api_keys.make(FORM, by=at("bob"))), Forbidden)


def test_it_acts_for_its_maker_within_its_scopes(paid, at):
    _, secret = a_key(at("alice"), "tasks.read")
    by = enter(secret)
    assert (by.user.name, by.may("tasks.read"), by.may("tasks.write"), by.may("members.remove")) == (
        *("Alice", True),
        *(False, False),
    )
    assert "tasks.write" in refused(lambda: by.require("tasks.write")).sentence


def test_it_may_no_more_than_its_maker_may_now(paid, at, cast):
    key, secret = a_key(at("alice"), "tasks.write tasks.write_all")
    assert enter(secret).may("tasks.write_all")
    mine = (Membership.user == cast.alice) & (Membership.organization == cast.acme)
    id = Membership.get(mine).id
    change(Membership, id, role="member")
    assert (enter(secret).may("tasks.write_all"), enter(secret).may("tasks.write")) == (False, True)
    change(Membership, id, role="viewer")
    assert not enter(secret).may("tasks.write")
    write(Membership.delete().where(mine).execute)
    assert no_key(secret)
    organizations.add_member(cast.acme, cast.alice, "owner", by=cast.bob)
    assert enter(secret)
    change(User, cast.alice.id, status="suspended")
    assert no_key(secret)
    change(User, cast.alice.id, status="active")
    change(Organization, cast.acme.id, status="suspended")
    assert refused(lambda: enter(secret).require("tasks.write")).code == "ORGANIZATION_SUSPENDED"
    change(Organization, cast.acme.id, status="deleted")
    assert no_key(secret)
    change(Organization, cast.acme.id, status="active")
    write(Grant.delete().execute)
    assert isinstance(refused(lambda: enter(secret)), permissions.CapabilityRequired)
    change(ApiKey, key.id, made_by=None)
    assert no_key(secret)


def test_operations_case_25_a_revoked_key_is_refused_at_once_and_stays_so(paid, at, clock):
    key, secret = a_key(at("alice"))
    assert enter(secret)
    used = ApiKey.get_by_id(key.id).used_at
    assert used == clock.moment, "the first use is written down at once"
    stale = ApiKey.get_by_id(key.id)
    api_keys.revoke(key.id, by=at("alice"))
    assert no_key(secret)
    clock.forward(minutes=2)
    api_keys._write_use(stale)  # a request that was under way
    held = ApiKey.get_by_id(key.id)
    assert (held.revoked_at is not None, held.used_at) == (True, used)
    assert refused(lambda: api_keys.revoke(key.id, by=at("alice"))).code == "INVALID_TRANSITION"


def test_the_platforms_staff_revokes_a_key_of_anybody_and_the_organization_reads_so(paid, at, cast):
    key, secret = a_key(at("alice"))
    with pytest.raises(NotFound):
        api_keys.revoke_by_staff(key.id + 1, by=cast.stella)
    api_keys.revoke_by_staff(key.id, by=cast.stella)
    assert no_key(secret)
    noted = AuditEvent.get(AuditEvent.action == "apikey.revoked")
    assert (noted.actor_email, noted.organization_id) == ("stella@example.org", cast.acme.id)
    assert noted.summary.endswith("was revoked by the platform’s staff")
    assert refused(lambda: api_keys.revoke_by_staff(key.id, by=cast.stella)).code == "INVALID_TRANSITION"


def test_its_use_is_written_down_once_a_minute(paid, at, clock):
    key, secret = a_key(at("alice"))
    enter(secret)
    first = clock.moment
    clock.forward(seconds=59)
    enter(secret)
    assert ApiKey.get_by_id(key.id).used_at == first
    clock.forward(seconds=2)
    enter(secret)
    assert ApiKey.get_by_id(key.id).used_at == clock.moment


def test_it_ends(paid, at, clock):
    _, secret = a_key(at("alice"), expires_at=clock.moment + timedelta(days=1))
    assert enter(secret)
    clock.forward(days=1)
    assert no_key(secret)


def test_nothing_that_is_almost_a_key_opens(paid, at):
    key, secret = a_key(at("alice"))
    other = secret[:-1] + ("a" if secret[-1] != "a" else "b")
    for wrong in ("", "ghk_", other, secret + "x", secret.lower(), "ghk_" + "0" * 8 + "_" + "0" * 32, key.prefix, "\0"):
        assert no_key(wrong), wrong


def test_bounds_of_a_key_hold(paid, at):
    about = {"paths": "/api/mobile/backend/tasks/*", "networks": "192.0.2.0/24 2001:db8::/32"}
    _, secret = a_key(at("alice"), **about)
    assert enter(secret)
    assert enter(secret, "2001:db8::7", "", HERE[2])
    for address in ("198.51.100.1", "unknown", "2001:db9::1"):
        assert isinstance(refused(lambda address=address: enter(secret, address, "", HERE[2])), Forbidden)
    assert isinstance(refused(lambda: enter(secret, "192.0.2.7", "", "/api/mobile/backend/events")), Forbidden)


def test_makers_are_told_once_of_keys_that_end_within_two_weeks(paid, at, clock, letters):
    a_key(at("alice"), expires_at=clock.moment + timedelta(days=13), name="Soon")
    a_key(at("alice"), expires_at=clock.moment + timedelta(days=15), name="Later")
    a_key(at("alice"), expires_at=clock.moment + timedelta(days=3), name="Gone", revoked_at=clock.moment)
    assert (api_keys.warn(10), api_keys.warn(10)) == (1, 0)
    told = [subject for _, subject, _ in letters() if "key" in subject]
    assert told == ["The key Soon of Acme ends on 28 June 2026"]
    assert Notification.select().where(Notification.type == "organization.key_ending").count() == 1
