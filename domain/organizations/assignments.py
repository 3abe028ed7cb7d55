"""The people of one workspace: managers, staff and scanners, members of the organization or from outside."""

from peewee import JOIN, OP, Case, CharField, Expression, IntegerField, fn

from database.parameters import parameter
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import history, outgoing, roles
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field, whole
from domain.fields.moment import Moment
from domain.fields.text import Named
from domain.lists.listing import NEWEST, Act, Listing, Sort, both
from domain.lists.searches import Parts
from domain.organizations import organizations, workspaces
from models import Assignment, Membership, Profile, User, Workspace


@writes
def assign(id, user_id, role, *, by):
    """Give a member (or somebody who is in it already) a role in the workspace; returns the assignment.
    Refuses with Invalid or NotFound; people from outside are invited."""
    by.require("workspaces.manage")
    workspace = workspaces.one(id)
    if workspace.archived_at:
        raise Refused(f"{workspace.name} is archived. Restore it first.")
    if role not in roles.WORKSPACE_ROLES:
        raise Invalid({"role": "Choose manager, staff or scanner."})
    who = User.one(User.id == (whole(user_id) or 0))
    held = who and held_by(who, workspace)
    if not held and not (who and organizations.reach(who, by.organization.slug)):
        raise Invalid({"user": "Choose a member of this organization. Others are invited by e-mail."})
    return place(workspace, who, role, by=by.user, organization=by.organization)


def held_by(who, workspace, event=None):
    """Somebody's part in the workspace, or at the door of the event alone; None without one."""
    if event is not None:
        return Assignment.one(Assignment.event == event, Assignment.user == who)
    return Assignment.one(Assignment.workspace == workspace, Assignment.user == who, Assignment.event.is_null())


def place(workspace, who, role, *, by, organization, event=None):
    """Put somebody into the workspace in this role, or at the door of the event alone, in the present transaction;
    returns the assignment."""
    held = held_by(who, workspace, event)
    if held and held.role == role:
        return held
    if held:
        Assignment.update(role=role).where(Assignment.id == held.id).execute()
    else:
        Assignment.insert(workspace=workspace, user=who, role=role, event=event).on_conflict_ignore().execute()
    where = spoken(workspace, event)
    change = history.note(
        "member.assigned",
        f"{who.name} is {role} {where}",
        workspace,
        by=by,
        organization=organization,
        target=who,
        workspace=workspace.name,
        before=held.role if held else None,
        after=role,
    )
    if by != who:
        page = "/door" if event else f"/{organization.slug}/workspaces/{workspace.slug}"
        outgoing.notify(
            who,
            "member.role_changed",
            f"assigned:{change.id}",
            f"You are {role} {where} of {organization.name}",
            link=page if event or organizations.reach(who, organization.slug) else None,
            organization=organization,
        )
    return held_by(who, workspace, event)


def spoken(workspace, event=None):
    """Where somebody has a part, in words: in a workspace, or at an event's door."""
    return f"at the door of “{event.title}”" if event else f"in {workspace.name}"


@writes
def release(id, *, by):
    """Take somebody out of the workspace, or away from the door, that this assignment is of. Refuses with NotFound."""
    by.require("workspaces.manage")
    held = Assignment.one(Assignment.id == id)
    if not (held and Assignment.delete().where(Assignment.id == held.id).execute()):
        raise NotFound("That person isn't in this workspace any more.")
    workspace, where = held.workspace, spoken(held.workspace, held.event)
    summary = f"{held.user.name} is no longer {where}"
    facts = {"target": held.user, "workspace": workspace.name, "before": held.role, "after": None}
    change = history.note("member.released", summary, workspace, by=by, **facts)
    if held.user_id != by.user.id:
        title = f"You are no longer {where} of {by.organization.name}"
        outgoing.notify(held.user, "member.removed", f"released:{change.id}", title)
    return held.user


def assigned(workspace):
    """The ids of the users who are in it."""
    found = Assignment.select(Assignment.user).where(Assignment.workspace == workspace, Assignment.event.is_null())
    return {one.user_id for one in found}


# --- as a list ----------------------------------------------------------------------------------------------

ROLES = tuple((role, role.capitalize(), "quiet") for role in roles.WORKSPACE_ROLES)
ROLE = Choice(ROLES, about=tuple(roles.ABOUT_WORKSPACE.items()))
NAME = fn.coalesce(fn.nullif(Profile.full_name, ""), User.email)
# Only who chooses the people sees their addresses.
EMAIL = Case(None, ((parameter("manages") == 1, User.email),), "")
# Managers first, then by name: one text to order and to go on by.
_PLACE = Case(Assignment.role, tuple((role, str(place)) for place, role in enumerate(roles.WORKSPACE_ROLES)))


def _joined(query):
    member = (Membership.user == Assignment.user) & (Membership.organization == Assignment.organization)
    query = query.join(Workspace, on=(Workspace.id == Assignment.workspace))
    query = query.join_from(Assignment, User).join(Profile, on=(Profile.user == User.id))
    return query.join_from(Assignment, Membership, JOIN.LEFT_OUTER, on=member)


def _change_role(id, role, *, by):
    held = existing(Assignment.one(Assignment.id == id), "That person isn't in this workspace any more.")
    made = assign(held.workspace_id, held.user_id, role, by=by)
    return f"{made.user.name} is {made.role} here now."


def _release(id, *, by):
    return f"{release(id, by=by).name} is no longer in this workspace."


def notes(rows, _by):
    """Who isn’t a member of the organization, of rows that say so as `member`."""
    return {row.id: (("info", "From outside"),) for row in rows if row.member is None}


listing = Listing(
    *("people of a workspace", "person", "people", Assignment),
    (
        Field("name", "Name", Named(120)),
        Field("email", "E-mail", Email(), listed=False),
        Field("role", "Role", ROLE, acted=True),
        Field("created_at", "Since", Moment(past=True)),
    ),
    (
        Sort("standing", "Managers first", "standing"),
        *both("name", "By name", "By name, backwards"),
        *NEWEST,
    ),
    joins=_joined,
    elsewhere=(
        ("name", CharField(), NAME),
        ("email", CharField(), EMAIL),
        ("member", IntegerField(), Membership.id),
        ("face", Profile.avatar_url, None),
        ("archived_at", Workspace.archived_at, None),
        ("standing", CharField(), Expression(_PLACE, OP.CONCAT, fn.lower(NAME))),
    ),
    knows=(("manages", lambda by: int(by.may("workspaces.manage"))),),
    search=Parts((Profile.full_name, EMAIL), numbered=False),
    acts=(
        Act(
            *("role", "Change role", _change_role, "workspaces.manage"),
            asks=lambda row, by: Field("role", "Role", ROLE, True, default=row.role),
            when=lambda row: row.archived_at is None,
        ),
        Act(
            *("removal", "Take out", _release, "workspaces.manage"),
            confirm="Take {name} out of this workspace?",
            bulk=True,
            tone="danger",
        ),
    ),
    notes=("Here", notes),
    parent=Assignment.workspace,
    only=Assignment.event.is_null(),
    stands_in=lambda id, by: workspaces.one(id),
    hears="workspace organization_member",
    reads="workspaces.read",
    chips="role",
    under=("email",),
    also=("member", "face", "archived_at", "standing"),
    icon="users",
    empty=(
        (
            "all",
            "Owners and admins look after every workspace. Add people who work in this one.",
            "Owners and admins look after every workspace.",
        ),
    ),
)
