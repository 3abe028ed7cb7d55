"""What the demo made goes, over kills and by whoever may; what people made beside it stays as it is."""

import pytest

import jobs
from database.scope import everywhere, inside
from domain import NotFound, Refused
from domain.base import audit, configuration, stepup
from domain.lists import rows
from domain.operations import demo, demo_removals
from domain.organizations import organizations
from domain.people import accounts
from domain.tasks import tasks
from models import (
    OWNED,
    Admin,
    Alert,
    AuditEvent,
    Campaign,
    Membership,
    Organization,
    Setting,
    StaffRole,
    Subscriber,
    User,
)
from tests.fixtures.threads import write


@pytest.fixture
def real(house, password_hash):
    """Zoe, who came to a demo and made a team of her own, and is its admin now."""
    demo.furnish()
    zoe = accounts.create("zoe@real.example", "Zoe", password_hash)
    team = organizations.create("Real work", by=zoe)
    with inside(team):
        rows.create(tasks.rules, {"title": "Stay"}, by=organizations.reach(zoe, team.slug))

    def lead():
        User.update(email_verified_at=team.created_at).where(User.id == zoe.id).execute()
        Admin.create(email=zoe.email, email_norm=zoe.email_norm)
        StaffRole.create(user=zoe, role="super_admin")
        Membership.create(organization=Organization.get(Organization.slug == "acme-festival"), user=zoe, role="viewer")

    write(lead)
    return User.get_by_id(zoe.id)


def kept(zoe):
    """What there is of Zoe's."""
    theirs = [one.id for one in Organization.select().where(Organization.owner == zoe)]
    with everywhere("the test looks for what is left"):
        return {
            table.__name__: sorted(
                map(repr, (row.__data__ for row in table.select().where(table.organization << theirs)))
            )
            for table in OWNED
        }


def test_all_that_the_demo_made_goes_and_nothing_else(real):
    before, files = kept(real), configuration.active.data / "files"
    assert [path for path in files.rglob("*") if path.is_file()]
    demo_removals.ask()
    with pytest.raises(Refused, match="being removed already"):
        demo_removals.ask()
    jobs.run("demo_removal")
    assert (demo_removals.newest().status, demo_removals.made()) == ("done", None)
    assert demo_removals.newest().done == demo_removals.newest().total
    assert kept(real) == before
    with everywhere("the test looks for what is left"):
        left = {
            table.__name__
            for table in OWNED
            if table.select()
            .where(table.organization.not_in(Organization.select(Organization.id).where(Organization.owner == real)))
            .exists()
        }
    assert left == set()
    assert [path for path in files.rglob("*") if path.is_file()] == []
    assert [user.email for user in User.select().where(User.status == "active")] == ["zoe@real.example"]
    assert {user.name for user in User.select().where(User.id != real.id)} == {
        "Somebody who left"
    }  # as whoever closes an account
    assert {one.slug for one in Organization.select().where(Organization.status == "active")} >= {"real-work"}
    assert Membership.select().where(Membership.user != real).count() == 0
    assert (Campaign.select().count(), Subscriber.select().count()) == (0, 0)
    assert (Alert.select().count(), [one.email for one in Admin.select()]) == (0, ["zoe@real.example"])
    assert AuditEvent.select().where(AuditEvent.action == "demo.removed").count() == 1
    assert audit.verify().is_whole
    with pytest.raises(NotFound):
        demo_removals.ask()


def test_a_kill_at_any_organization_loses_nothing(real, monkeypatch):
    calls, real_let_go = [], demo_removals._let_go

    def dies(organization):
        calls.append(organization.id)
        if len(calls) == 3:
            raise MemoryError
        real_let_go(organization)

    monkeypatch.setattr(demo_removals, "_let_go", dies)
    demo_removals.ask()
    with pytest.raises(MemoryError):
        demo_removals.work()
    demo_removals.work()
    assert demo_removals.newest().status == "done"
    assert Organization.select().where(Organization.status == "active", Organization.owner != real).count() == 0


def test_what_people_have_is_never_left_without_somebody(real):
    alice = User.get(User.email == "alice@example.org")
    team = Organization.get(Organization.slug == "real-work")
    write(
        lambda: (
            Membership.update(role="member").where(Membership.user == real, Membership.organization == team).execute()
        )
    )
    write(lambda: Membership.create(organization=team, user=alice, role="owner"))
    write(lambda: Admin.delete().where(Admin.email_norm == real.email_norm).execute())
    assert demo_removals.in_the_way() == [
        "Its accounts are the only admins. Put somebody else on the admin list first.",
        "Alice Moreau is the only owner of Real work. Hand it over first.",
    ]
    with pytest.raises(Refused, match="Hand it over first"):
        demo_removals.ask()


def test_staff_proves_who_it_is_and_isnt_of_the_demo(real):
    with pytest.raises(Refused, match="You are of the demo yourself"):
        demo_removals.ask(by=User.get(User.email == "stella@example.org"))
    with pytest.raises(stepup.VerificationRequired):
        demo_removals.ask(by=real)


def test_a_house_that_no_demo_furnished_has_nothing_to_remove(cast):
    assert (demo_removals.made(), demo_removals.in_the_way(), demo_removals.work()) == (None, [], 0)
    assert Setting.one(Setting.key == demo_removals.KEY) is None
    with pytest.raises(NotFound):
        demo_removals.ask()
