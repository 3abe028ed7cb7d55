"""Areas inside an organization, with narrower people of their own: managers, staff and scanners.

Every organization has one from its first day; pages speak of workspaces only once there is a second.
"""

from peewee import OP, Case, CharField, Expression, fn

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import history, outgoing, roles
from domain.fields.choice import Choice
from domain.fields.kinds import Field, clean, comparable, whole
from domain.fields.moment import Moment
from domain.fields.number import counted
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, Sort, both
from domain.lists.searches import Parts
from domain.organizations import organizations
from models import Assignment, Invitation, Membership, Profile, User, Workspace


class OnlyOne(Refused):
    """The first workspace stays: what belongs to no other one is in it."""


def are_shown():
    """Whether pages speak of workspaces at all: once there is a second."""
    return Workspace.select().count() > 1


def found(id):
    """One of them by its number or slug. Refuses with NotFound."""
    known = Workspace.id == id if isinstance(id, int) else Workspace.slug == clean(id)[:80]
    row = Workspace.one(known)
    if row is None:
        raise NotFound("There is no such workspace here.")
    return row


@writes
def create(name, *, by):
    """Make a workspace. Refuses with Invalid, also for a name that is taken."""
    by.require("workspaces.manage")
    name = organizations.named(name)
    lock("workspaces", by.organization.id)
    _free(name)
    slug = base = organizations.slugged(name)
    number = 2
    while Workspace.one(Workspace.slug == slug):
        slug, number = f"{base}-{number}", number + 1
    made = Workspace.create(name=name, slug=slug)
    _note(made, "created", f"{name} was created", by, after=name)
    return made


def _free(name, but=0):
    taken = [one for one in Workspace.select() if comparable(one.name) == comparable(name) and one.id != but]
    if taken:
        raise Invalid({"name": f"There is a workspace called {taken[0].name} already."})


@writes
def rename(id, name, *, by):
    """Call it something else; its address stays. Refuses with Invalid or NotFound."""
    by.require("workspaces.manage")
    name = organizations.named(name)
    lock("workspaces", by.organization.id)
    held = found(id)
    _free(name, held.id)
    if name != held.name:
        Workspace.update(name=name).where(Workspace.id == held.id).execute()
        _note(held, "renamed", f"{held.name} → {name}", by, before=held.name, after=name)
    return found(id)


@writes
def archive(id, *, by):
    """Put it away: nothing is lost, and its open invitations end. The first one stays (OnlyOne)."""
    by.require("workspaces.manage")
    held = found(id)
    if held.is_default:
        raise OnlyOne(f"{held.name} is the first workspace and stays. You can give it another name.")
    moved = Workspace.update(archived_at=now()).where(Workspace.id == held.id, Workspace.archived_at.is_null())
    if moved.execute():
        open_ones = Invitation.update(status="cancelled").where(
            Invitation.workspace == held, Invitation.status == "pending"
        )
        cancelled = open_ones.execute()
        _note(held, "archived", f"{held.name} was archived", by, invitations_cancelled=cancelled)
    return held


@writes
def restore(id, *, by):
    """Take it out of the archive again. Refuses with NotFound."""
    by.require("workspaces.manage")
    held = found(id)
    moved = Workspace.update(archived_at=None).where(Workspace.id == held.id, Workspace.archived_at.is_null(False))
    if moved.execute():
        _note(held, "restored", f"{held.name} was restored", by)
    return held


def _note(workspace, verb, summary, by, **facts):
    made = "created" if verb == "created" else "updated"
    history.note(f"organization.workspace_{verb}", summary, workspace, by=by, verb=made, **facts)


# --- its people ---------------------------------------------------------------------------------------------


def people(workspace):
    """Its assignments with their people, by name, each with `is_member`: whether of the organization too."""
    rows = list(
        Assignment.select(Assignment, User, Profile)
        .join(User)
        .join(Profile, on=(Profile.user == User.id), attr="_profile")
        .where(Assignment.workspace == workspace)
    )
    of_it = Membership.organization == workspace.organization_id
    members = Membership.select(Membership.user).where(of_it, Membership.user.in_([row.user_id for row in rows]))
    inside = {one.user_id for one in members}
    for row in rows:
        row.is_member = row.user_id in inside
    return sorted(rows, key=lambda row: (roles.WORKSPACE_ROLES.index(row.role), row.user.name.casefold()))


@writes
def assign(id, user_id, role, *, by):
    """Give a member (or somebody who is in it already) a role in the workspace; returns the assignment.

    Refuses with Invalid or NotFound; people from outside are invited.
    """
    by.require("workspaces.manage")
    workspace = found(id)
    if workspace.archived_at:
        raise Refused(f"{workspace.name} is archived. Restore it first.")
    if role not in roles.WORKSPACE_ROLES:
        raise Invalid({"role": "Choose manager, staff or scanner."})
    who = User.one(User.id == (whole(user_id) or 0))
    held = who and Assignment.one(Assignment.workspace == workspace, Assignment.user == who)
    if not held and not (who and organizations.reach(who, by.organization.slug)):
        raise Invalid({"user": "Choose a member of this organization. Others are invited by e-mail."})
    return place(workspace, who, role, by=by.user, organization=by.organization)


def place(workspace, who, role, *, by, organization):
    """Put somebody into the workspace in this role, in the present transaction; returns the assignment."""
    held = Assignment.one(Assignment.workspace == workspace, Assignment.user == who)
    if held and held.role == role:
        return held
    if held:
        Assignment.update(role=role).where(Assignment.id == held.id).execute()
    else:
        Assignment.insert(workspace=workspace, user=who, role=role).on_conflict_ignore().execute()
    change = history.note(
        "member.assigned",
        f"{who.name} is {role} in {workspace.name}",
        workspace,
        by=by,
        organization=organization,
        target=who,
        workspace=workspace.name,
        before=held.role if held else None,
        after=role,
    )
    if by != who:
        page = f"/{organization.slug}/workspaces/{workspace.slug}"
        outgoing.notify(
            who,
            "member.role_changed",
            f"assigned:{change.id}",
            f"You are {role} in {workspace.name} of {organization.name}",
            link=page if organizations.reach(who, organization.slug) else None,
            organization=organization,
        )
    return Assignment.get(Assignment.workspace == workspace, Assignment.user == who)


@writes
def release(id, assignment_id, *, by):
    """Take somebody out of the workspace. Refuses with NotFound."""
    by.require("workspaces.manage")
    workspace = found(id)
    held = Assignment.one(Assignment.id == assignment_id, Assignment.workspace == workspace)
    gone = held and Assignment.delete().where(Assignment.id == held.id).execute()
    if not gone:
        raise NotFound("That person isn't in this workspace any more.")
    summary = f"{held.user.name} is no longer in {workspace.name}"
    facts = {"target": held.user, "workspace": workspace.name, "before": held.role, "after": None}
    change = history.note("member.released", summary, workspace, by=by, **facts)
    if held.user_id != by.user.id:
        title = f"You are no longer in {workspace.name} of {by.organization.name}"
        outgoing.notify(held.user, "member.removed", f"released:{change.id}", title)
    return held.user


# --- as a list ----------------------------------------------------------------------------------------------

STATUS = Choice((("open", "Open", "good"), ("archived", "Archived", "quiet")))
_STATUS = Case(None, ((Workspace.archived_at.is_null(), "open"),), "archived")
# The first one first, the archived last, then by name: one text to order and to go on by.
_PLACE = Case(None, ((Workspace.archived_at.is_null(False), "2"), (Workspace.is_default, "0")), "1")


def _archive(id, *, by):
    return f"{archive(id, by=by).name} is archived. You can restore it in the list."


def _restore(id, *, by):
    return f"{restore(id, by=by).name} is back."


def _notes(rows, by):
    """How many people are in each, and which is the first."""
    ids = [row.id for row in rows]
    found = Assignment.select(Assignment.workspace, fn.count(Assignment.id)).where(Assignment.workspace.in_(ids))
    people = dict(found.group_by(Assignment.workspace).tuples())
    first = {row.id: (("info", "The first"),) for row in rows if row.is_default}
    return {
        id: first.get(id, ()) + ((("quiet", counted(people[id], "person", "people")),) if id in people else ())
        for id in ids
    }


listing = Listing(
    *("workspaces", "workspace", "workspaces", Workspace),
    (
        Field("name", "Name", Text(80)),
        Field("status", "Status", STATUS),
        Field("created_at", "Made", Moment(past=True)),
        Field("archived_at", "Archived", Moment(past=True)),
    ),
    (
        Sort("standing", "The first one first", "standing"),
        *both("name", "By name", "By name, backwards"),
        *NEWEST,
    ),
    elsewhere=(
        ("status", CharField(), _STATUS),
        ("standing", CharField(), Expression(_PLACE, OP.CONCAT, fn.lower(Workspace.name))),
    ),
    search=Parts((Workspace.name,), numbered=False),
    acts=(
        Act(
            *("archival", "Archive", _archive, "workspaces.manage"),
            confirm="Archive {name}? It is hidden and its open invitations end. It can be restored.",
            when=lambda row: row.archived_at is None and not row.is_default,
        ),
        Act("restoration", "Restore", _restore, "workspaces.manage", when=lambda row: row.archived_at is not None),
    ),
    notes=("Here", _notes),
    also=("slug", "is_default", "standing"),
    reads="workspaces.read",
    chips="status",
    link="slug",
    icon="layout-grid",
)
