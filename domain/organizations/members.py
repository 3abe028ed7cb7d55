"""The people of an organization: who they are, their roles, and how they go.

An organization never is without an owner. Whatever could leave it so waits in one line («owners»), and
looks again when its turn has come.
"""

from peewee import OP, BooleanField, Case, CharField, Expression, fn

from database.locks import lock
from database.parameters import parameter
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import audit, changes, history, outgoing, roles, stepup
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field, whole
from domain.fields.moment import Moment
from domain.fields.text import Named
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.searches import Parts
from domain.organizations import invitation_links, organizations, permissions
from models import Assignment, Membership, Organization, Profile, Transfer, User, Workspace

SHOWN = 500
HIGH = ("owner", "admin")  # whose removal takes a proof however fresh the session


def of(organization):
    """Its memberships with their people, owners first, then by name; the first 500."""
    rows = (
        Membership.select(Membership, User, Profile)
        .join(User)
        .join(Profile, on=(Profile.user == User.id), attr="_profile")
        .where(Membership.organization == organization)
        .limit(SHOWN)
    )
    return sorted(rows, key=lambda one: (roles.ROLES.index(one.role), one.user.name.casefold()))


def reader(user_id, organization_id):
    """Somebody as a Member of an organization (ids), or None where they aren't of it."""
    user, there = User.one(User.id == user_id), Organization.one(Organization.id == organization_id)
    return user and there and organizations.reach(user, there.slug)


def one(organization, id):
    """One membership of it. Refuses with NotFound."""
    row = Membership.one(Membership.id == (whole(id) or 0), Membership.organization == organization)
    if row is None:
        raise NotFound("That person isn't a member here any more.")
    return row


def choosable(by):
    """The roles that this member may give: only owners make owners."""
    return roles.ROLES if by.role == "owner" else roles.ROLES[1:]


@writes
def change_role(id, role, *, by):
    """Give a member another role, after step-up L3; returns the membership, or None when nothing changed.
    Refuses with Invalid, Forbidden where an owner is touched or made by an admin, LastOwner, NotFound."""
    lock("owners", by.organization.id)
    by = organizations.at_present(by)
    target = one(by.organization, id)
    by.require("members.change_role", target)
    if role not in roles.ROLES:
        raise Invalid({"role": "Choose owner, admin, member or viewer."})
    if role not in choosable(by):
        raise Forbidden("Only an owner can make somebody an owner.")
    if role == target.role:
        return None
    _keep_an_owner(by, target)
    stepup.demand("member.change_role", target.id)
    before, who = target.role, target.user
    Membership.update(role=role).where(Membership.id == target.id).execute()
    _keep_owner_of_record(by.organization)
    if role not in HIGH:
        invitation_links.end_of(who)
    summary, moved = f"{who.name}: {before} → {role}", {"field": "role", "before": before, "after": role}
    change = history.note("member.role_changed", summary, target, by=by, target=who, **moved)
    you = (who, f"You are now {role} of {by.organization.name}", f"/{by.organization.slug}/members")
    _notify(by, change, "member.role_changed", f"{who.name} is now {role} of {by.organization.name}", you)
    return one(by.organization, id)


@writes
def remove(id, *, by):
    """Take a member out, after step-up L2, or L3 for an owner or admin; their work stays.
    Refuses with Forbidden, LastOwner, NotFound; who wants to go themselves leaves."""
    lock("owners", by.organization.id)
    by = organizations.at_present(by)
    target = one(by.organization, id)
    by.require("members.remove", target)
    if target.user_id == by.user.id:
        raise Refused("That is you. To go, leave the organization on its settings page.")
    stepup.demand("member.remove", target.id, level=3 if target.role in HIGH else 0)
    who = target.user
    change = _take_out(by, target)
    audit.record(
        "member.removed",
        f"{who.name} was removed",
        by=by.user,
        organization=by.organization,
        target=who,
        before=target.role,
        after=None,
    )
    you = (who, f"You were removed from {by.organization.name}", None)
    _notify(by, change, "member.removed", f"{who.name} was removed from {by.organization.name}", you)
    outgoing.letter(
        "member_removed",
        who.email,
        f"member_removed:{change.id}",
        name=who.name,
        organization=by.organization.name,
        by=by.user.name,
    )
    return who


@writes
def leave(*, by):
    """Go out of the organization oneself. Refuses with LastOwner, and in a personal one."""
    lock("owners", by.organization.id)
    by = organizations.at_present(by)
    target = Membership.get(Membership.organization == by.organization, Membership.user == by.user)
    by.require("members.leave", target)
    change = _take_out(by, target)
    audit.record(
        "member.removed",
        f"{by.user.name} left",
        by=by.user,
        organization=by.organization,
        target=by.user,
        before=target.role,
        after=None,
        left=True,
    )
    _notify(by, change, "member.removed", f"{by.user.name} left {by.organization.name}")


def _keep_an_owner(by, target):
    if refusal := permissions.not_the_last_owner(by, target):
        raise refusal


def _take_out(by, target):
    """Remove the membership and what hangs on it; returns the noted change."""
    gone = Membership.delete().where(Membership.id == target.id, Membership.role == target.role).execute()
    if not gone:
        raise NotFound("That person isn't a member here any more.")
    Assignment.delete().where(Assignment.user == target.user_id).execute()
    invitation_links.end_of(target.user_id)
    theirs = (Transfer.to_user == target.user_id) | (Transfer.from_user == target.user_id)
    Transfer.update(status="cancelled").where(Transfer.status == "pending", theirs).execute()
    _keep_owner_of_record(by.organization)
    fields = {"user": [target.user_id, None], "role": [target.role, None]}
    return changes.record(by.organization, "organization_member", target.id, "deleted", fields, by=by.user)


def _keep_owner_of_record(organization):
    """The owner named on the organization's own row is one of its owners: the longest there, if theirs ended."""
    owners = Membership.select(Membership.user).where(
        Membership.organization == organization, Membership.role == "owner"
    )
    first = owners.order_by(Membership.joined_at, Membership.id).first()
    if first is not None:
        Organization.update(owner=first.user_id).where(
            Organization.id == organization.id, Organization.owner.not_in(owners)
        ).execute()


def _notify(by, change, type, title, you=None):
    organizations.tell(
        by.organization,
        type,
        f"{type}:{change.id}",
        title,
        by=by.user,
        link=f"/{by.organization.slug}/members",
        you=you,
    )


# --- as a list ----------------------------------------------------------------------------------------------

NAME = fn.coalesce(fn.nullif(Profile.full_name, ""), User.email)
# Owners first, then by name: one text to order and to go on by.
STANDING = Expression(
    Case(Membership.role, tuple((role, str(place)) for place, role in enumerate(roles.ROLES))),
    OP.CONCAT,
    fn.lower(NAME),
)
ROLE = tuple((role, role.capitalize(), "info" if role in HIGH else "quiet") for role in roles.ROLES)


def _may_change(row, by):
    return by.may("members.change_role", row) and not permissions.not_the_last_owner(by, row)


def _change_role(id, role, *, by):
    changed = change_role(id, role, by=by)
    return f"{changed.user.name} is now {changed.role}." if changed else "They have that role already."


def _role_field(row, by):
    options = tuple(option for option in ROLE if option[0] in choosable(by))
    return Field("role", "Role", Choice(options, about=tuple(roles.ABOUT.items())), True, default=row.role)


def _notes(rows, by):
    """Whether it is oneself, whether the account is suspended, and the parts one has in workspaces.
    Owners and admins also see who has a second factor."""
    held = {row.user: [("good", "You")] if row.is_me else [] for row in rows}
    for row in rows:
        if by.role in HIGH:
            held[row.user].append(("good", "Second factor") if row.has_factor else ("warn", "No second factor"))
        if row.status != "active":
            held[row.user].append(("bad", row.status.capitalize()))
    parts = Assignment.select(Assignment.user, Assignment.role, Workspace.name).join(Workspace)
    mine = parts.where(Workspace.archived_at.is_null(), Assignment.user.in_(list(held)), Assignment.event.is_null())
    for user, role, name in mine.order_by(Workspace.name).tuples():
        held[user].append(("quiet", f"{role.capitalize()} in {name}"))
    return {row.id: tuple(held[row.user]) for row in rows}


listing = Listing(
    *("members", "member", "members", Membership),
    (
        Field("name", "Name", Named(120)),
        Field("email", "E-mail", Email(), listed=False),
        Field("role", "Role", Choice(ROLE, about=tuple(roles.ABOUT.items())), acted=True),
        Field("joined_at", "Since", Moment(past=True)),
    ),
    (
        Sort("standing", "Owners first", "standing"),
        *both("name", "By name", "By name, backwards"),
        *both("joined_at", "Longest here first", "Newest first"),
    ),
    joins=lambda query: query.join(User).join(Profile, on=(Profile.user == User.id)),
    elsewhere=(
        ("name", CharField(), NAME),
        ("email", User.email, None),
        ("status", User.status, None),
        ("face", Profile.avatar_url, None),
        ("bio", Profile.bio, None),
        ("has_factor", BooleanField(), Case(None, ((User.second_factor_at.is_null(False), True),), False)),
        ("standing", CharField(), STANDING),
        ("is_me", BooleanField(), Case(None, ((Membership.user == parameter("user"), True),), False)),
    ),
    search=Parts((Profile.full_name, User.email), numbered=False),
    acts=(
        Act("role", "Change role", _change_role, "members.change_role", asks=_role_field, may=_may_change),
        Act(
            *("removal", "Remove", lambda id, by: f"{remove(id, by=by).name} is removed.", "members.remove"),
            confirm="Remove {name}? What they made stays, and their open tasks can be given to somebody else.",
            may=lambda row, by: not row.is_me and by.may("members.remove", row),
            tone="danger",
        ),
    ),
    notes=("Here", _notes),
    within=Membership.organization,
    moves=(Profile.updated_at,),
    reads="members.read",
    ranges=("joined_at",),
    chips="role",
    under=("email", "bio"),
    also=("user", "face", "bio", "is_me", "status", "has_factor", "standing"),
    icon="users",
)
