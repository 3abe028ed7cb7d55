"""Who scans at the door of one event and has nothing else of its organization: viewers, and people from outside."""

from peewee import JOIN, CharField, IntegerField

from database.transactions import writes
from domain import Invalid
from domain.events import events
from domain.fields.email import Email, address, normalized
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Named
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing, both
from domain.lists.searches import Parts
from domain.organizations import assignments, invitations, organizations
from models import Assignment, Membership, Profile, User, Workspace

ROLE = "scanner"


def add(event_id, email, *, by, allow=lambda: None):
    """Let somebody scan at this event's door alone: a viewer at once, whoever isn't a member once they took an
    invitation. Returns what was done, in words. Refuses with Invalid, NotFound, and as invitations.invite."""
    by.require("workspaces.manage")
    event, email = events.one(event_id), address(email)
    who = User.one(User.email_norm == normalized(email), User.status == "active")
    member = who and organizations.reach(who, by.organization.slug)
    workspace = event.workspace or Workspace.get(Workspace.is_default)
    if member is None:
        invitations.invite(email, ROLE, by=by, workspace=workspace.id, event=event, allow=allow)
        return f"{email} is invited. The letter is on its way."
    if member.role != "viewer":
        raise Invalid({"email": f"{who.name} works at every door already: their role is {member.role}."})
    _admit(event, who, workspace, by)
    return f"{who.name} scans at this door from now on."


@writes
def _admit(event, who, workspace, by):
    assignments.place(workspace, who, ROLE, by=by.user, organization=by.organization, event=event)


def _joined(query):
    member = (Membership.user == Assignment.user) & (Membership.organization == Assignment.organization)
    query = query.join(User, on=(User.id == Assignment.user)).join(Profile, on=(Profile.user == User.id))
    return query.join_from(Assignment, Membership, JOIN.LEFT_OUTER, on=member)


def _release(id, *, by):
    return f"{assignments.release(id, by=by).name} doesn’t scan here any more."


listing = Listing(
    *("scanners", "scanner", "scanners", Assignment),
    (
        Field("name", "Name", Named(120)),
        Field("email", "E-mail", Email(), listed=False),
        Field("created_at", "Since", Moment(past=True)),
    ),
    (*NEWEST, *both("name", "By name", "By name, backwards")),
    joins=_joined,
    elsewhere=(
        ("name", CharField(), assignments.NAME),
        ("email", User.email, None),
        ("member", IntegerField(), Membership.id),
        ("face", Profile.avatar_url, None),
    ),
    search=Parts((Profile.full_name, User.email), numbered=False),
    acts=(
        Act(
            *("removal", "Take off", _release, "workspaces.manage"),
            confirm="Take {name} off this door?",
            bulk=True,
            tone="danger",
        ),
    ),
    notes=("Here", assignments.notes),
    parent=Assignment.event,
    stands_in=lambda id, by: events.one(id),
    hears="organization_member",
    reads="workspaces.manage",
    under=("email",),
    also=("member", "face"),
    icon="users",
    empty=(("all", "Members work at every door. Add whoever is to scan at this one, and sees nothing else."),),
    about="Who works at this event’s door alone: they see names and tickets, and nothing else of the organization.",
)
rules = rows.Rules(listing)
