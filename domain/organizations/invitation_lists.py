"""The invitations of an organization as a list, whoever they went to and however they ended."""

from peewee import JOIN, Case, CharField, fn

from database.parameters import parameter
from domain.base import roles
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, both
from domain.lists.searches import Parts
from domain.organizations import invitations
from models import Event, Invitation, Profile, Workspace

STATUS = Choice(
    (
        ("pending", "Waiting", "warn"),
        ("expired", "Expired", "quiet"),
        ("accepted", "Accepted", "good"),
        ("cancelled", "Cancelled", "quiet"),
    )
)
# Whether one has lapsed is a question of the moment: the job that writes it down comes later.
_STATUS = Case(
    None,
    (((Invitation.status == "pending") & (Invitation.expires_at <= parameter("moment")), "expired"),),
    Invitation.status,
)
ROLES = (*invitations.ROLES, *roles.WORKSPACE_ROLES)


def _joined(query):
    query = query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == Invitation.invited_by))
    query = query.join_from(Invitation, Event, JOIN.LEFT_OUTER, on=(Event.id == Invitation.event))
    return query.join_from(Invitation, Workspace, JOIN.LEFT_OUTER, on=(Workspace.id == Invitation.workspace))


def _resend(id, *, by):
    return f"{invitations.resend(id, by=by).email} gets the letter again."


def _cancel(id, *, by):
    return f"The invitation of {invitations.cancel(id, by=by).email} is cancelled."


def _is_waiting(row):
    return row.stored == "pending"


listing = Listing(
    *("invitations", "invitation", "invitations", Invitation),
    (
        Field("email", "E-mail", Email()),
        Field("role", "Role", Choice(tuple((role, role.capitalize(), "quiet") for role in ROLES))),
        Field("place", "Only in", Text(120), listed=False),
        Field("status", "Status", STATUS),
        Field("who", "Invited by", Text(120)),
        Field("created_at", "Invited", Moment(past=True), listed=False),
        Field("expires_at", "Holds until", Moment(past=True)),
    ),
    (*NEWEST, *both("email", "By address", "By address, backwards")),
    joins=_joined,
    elsewhere=(
        ("place", CharField(), fn.coalesce(Event.title, Workspace.name)),
        ("who", Profile.full_name, None),
        ("status", CharField(), _STATUS),
        ("stored", CharField(), Invitation.status),
    ),
    search=Parts((Invitation.email, fn.coalesce(Profile.full_name, "")), numbered=False),
    acts=(
        Act(
            *("renewal", "Send again", _resend, "invitations.cancel"),
            icon="send",
            when=_is_waiting,
            bulk=True,
            spends="invitations",
        ),
        Act(
            *("cancellation", "Cancel", _cancel, "invitations.cancel"),
            confirm="Cancel the invitation of {name}? Its link stops working.",
            when=_is_waiting,
            bulk=True,
            tone="danger",
        ),
    ),
    also=("stored",),
    under=("place",),
    exports=("created_at",),
    reads="invitations.read",
    ranges=("created_at",),
    chips="status",
    icon="mail",
    empty=(("all", "Whoever is invited stands here until they come."),),
)
