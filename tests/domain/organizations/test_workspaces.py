import pytest

from database.scope import everywhere, inside
from domain import Forbidden, Invalid, NotFound
from domain.lists import asks, lists
from domain.organizations import assignments, organizations, permissions, workspaces
from models import AuditEvent, Workspace
from tests.fixtures.threads import refused, together


@pytest.fixture(autouse=True)
def _inside(inside_acme):
    """As a member's door leaves one standing."""


@pytest.fixture
def stage(at):
    return workspaces.create("Main stage", by=at("alice"))


def listed(at, status=""):
    """The rows of the list as alice sees them."""
    ask = asks.understand(workspaces.listing, {"status": status})
    return lists.read(workspaces.listing, ask, at("alice")).rows


def test_the_list_counts_the_people_and_knows_the_first(cast, at, stage):
    assignments.assign(stage.id, cast.bob.id, "manager", by=at("alice"))
    workspaces.create("Attic", by=at("alice"))
    rows = listed(at)
    notes = workspaces.listing.notes[1](rows, at("alice"))
    assert {row.name: notes[row.id] for row in rows} == {
        "General": (("info", "The first"),),
        "Attic": (),
        "Main stage": (("quiet", "1 person"),),
    }
    assert [row.name for row in rows] == ["General", "Attic", "Main stage"]


def test_every_organization_has_one_from_its_first_day(cast, at):
    with everywhere("the test looks at all organizations"):
        rows = Workspace.select()
        assert {(row.name, row.slug, row.is_default) for row in rows} == {("General", "general", True)}
        assert rows.count() == 8  # six personal ones, Acme and Globex
    assert [one.name for one in listed(at, "open")] == ["General"]
    assert not workspaces.are_shown()


def test_a_second_one_is_made_and_from_then_on_they_are_shown(cast, at):
    made = workspaces.create("  Main   stage ", by=at("alice"))
    assert (made.name, made.slug, made.is_default, made.organization) == ("Main stage", "main-stage", False, cast.acme)
    assert workspaces.are_shown()
    assert [one.name for one in listed(at, "open")] == ["General", "Main stage"]
    assert workspaces.one("main-stage") == workspaces.one(made.id) == made
    assert AuditEvent.get(AuditEvent.action == "organization.workspace_created").actor == cast.alice


def test_a_name_has_two_characters_at_least_and_is_free(at):
    for name in ["", " ", "x", "x" * 81, "general", "GENERAL"]:
        with pytest.raises(Invalid) as caught:
            workspaces.create(name, by=at("alice"))
        assert list(caught.value.fields) == ["name"], name


def test_two_names_may_make_one_address_and_get_two(at):
    assert [workspaces.create(name, by=at("alice")).slug for name in ("東京", "大阪", "Workspace!")] == [
        "workspace",
        "workspace-2",
        "workspace-3",
    ]


def test_renamed_it_keeps_its_address(at, stage):
    assert workspaces.rename(stage.id, "Big stage", by=at("alice")).name == "Big stage"
    assert workspaces.one("main-stage").name == "Big stage"
    event = AuditEvent.get(AuditEvent.action == "organization.workspace_renamed")
    assert (event.metadata["before"], event.metadata["after"]) == ("Main stage", "Big stage")
    with pytest.raises(Invalid):
        workspaces.rename(stage.id, "General", by=at("alice"))
    workspaces.rename(stage.id, "Big Stage", by=at("alice"))  # its own name in other letters is free


def test_the_first_one_stays_and_the_others_can_be_put_away_and_taken_out_again(at, stage):
    first = workspaces.one("general")
    with pytest.raises(workspaces.OnlyOne):
        workspaces.archive(first.id, by=at("alice"))
    workspaces.archive(stage.id, by=at("alice"))
    workspaces.archive(stage.id, by=at("alice"))
    assert [one.name for one in listed(at, "open")] == ["General"]
    assert len(listed(at)) == 2
    assert AuditEvent.select().where(AuditEvent.action == "organization.workspace_archived").count() == 1
    workspaces.restore(stage.id, by=at("alice"))
    assert workspaces.one(stage.id).archived_at is None


@pytest.mark.parametrize("name", ["bob", "vera"])
def test_members_and_viewers_see_them_and_change_nothing(cast, at, stage, name):
    by = at(name)
    assert by.may("workspaces.read")
    for act in (
        lambda: workspaces.create("Other", by=by),
        lambda: workspaces.rename(stage.id, "Other", by=by),
        lambda: workspaces.archive(stage.id, by=by),
        lambda: workspaces.restore(stage.id, by=by),
        lambda: assignments.assign(stage.id, cast.bob.id, "staff", by=by),
        lambda: assignments.release(1, by=by),
    ):
        with pytest.raises(Forbidden):
            act()


def test_another_organizations_workspace_is_not_found(cast, at, stage):
    charlie = at("charlie", "globex")
    with inside(cast.globex):
        for act in (
            lambda: workspaces.one("main-stage"),
            lambda: workspaces.rename(stage.id, "Mine", by=charlie),
            lambda: workspaces.archive(stage.id, by=charlie),
            lambda: assignments.assign(stage.id, cast.charlie.id, "manager", by=charlie),
        ):
            with pytest.raises(NotFound):
                act()
    for name in ("a\x00b", "", "x" * 500):
        with pytest.raises(NotFound):
            workspaces.one(name)


def test_a_personal_space_has_one_and_no_more(cast):
    mine = organizations.reach(cast.alice, "alice")
    with inside(mine.organization), pytest.raises(permissions.PersonalMode):
        workspaces.create("Second", by=mine)


def test_two_of_one_name_at_once_are_one(cast, at):
    def create():
        with inside(cast.acme):
            return workspaces.create("Main stage", by=at("alice"))

    outcomes = together(*[create] * 4)
    assert [type(one) for one in refused(outcomes)] == [Invalid] * 3, outcomes
    assert len(listed(at, "open")) == 2


def test_a_workspace_stands_where_no_page_of_ours_does(at):
    assert workspaces.create("Condition", by=at("alice")).slug == "condition-2"
