"""Who looks after the site, as a list: those the environment names and those with a row, and what narrows them."""

from domain.base.roles import STAFF
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.sources import Given
from domain.people import admins
from models import Admin, User

WAITS = {
    "no_account": "No account yet",
    "missing_user": "Account is closed",
    "email_not_verified": "Address not verified",
    "two_factor_required": "Needs a second factor",
}


def _rows(by):
    return [_row(place, one, by) for place, one in enumerate(admins.everybody())]


def _row(place, one, by):
    is_me = bool(one.user and one.user.id == by.user.id)
    labels = ", ".join(STAFF[role][0] for role in one.roles)
    return {
        "id": str(one.row.id) if one.row else f"named-{place}",
        "name": one.user.name if one.user else one.email,
        "email": one.email,
        "may": "Everything" if one.named else labels or "All but choosing admins",
        "created_at": one.row.created_at if one.row else None,
        "note": "Named by SUPER_ADMIN_EMAILS" if one.named else one.row.note,
        "roles": one.roles,
        "waits": WAITS.get(one.waits_for, ""),
        "is_me": is_me,
        "is_fixed": is_me or one.named,
        "user_id": one.user and one.user.id,
    }


def _badges(rows, by):
    return {row.id: (("good", "You"),) * row.is_me + (("warn", row.waits),) * bool(row.waits) for row in rows}


def _account(id):
    row = Admin.one(Admin.id == int(id)) if id.isdecimal() else None
    user = row and User.one(User.email_norm == row.email_norm)
    return user.id if user else 0


def _given(role, label):
    return Act(
        f"{role.replace('_', '-')}-given",
        f"Make {label}",
        lambda id, *, by: admins.grant(_account(id), role, by=by),
        "admins.write",
        done=f"The role {label} was given.",
        confirm=f"Make {{name}} {label}?",
        when=lambda row: bool(row.user_id) and not row.is_fixed and role not in row.roles,
    )


def _taken(role, label):
    return Act(
        f"{role.replace('_', '-')}-taken",
        f"Not {label} any more",
        lambda id, *, by: admins.revoke(_account(id), role, by=by),
        "admins.write",
        done="The role was taken back.",
        confirm=f"Take the role {label} back from {{name}}?",
        when=lambda row: not row.is_fixed and role in row.roles,
    )


_ROLES = [(role, label.lower()) for role, (label, _) in STAFF.items()]
REMOVAL = Act(
    "removal",
    "Take off the list",
    lambda id, *, by: admins.remove(int(id), by=by),
    "admins.write",
    done="Taken off the list. The admin side is gone for them.",
    confirm="Take {name} off the admin list?",
    when=lambda row: row.id.isdecimal() and not row.is_fixed,
)

listing = Listing(
    "admins",
    "admin",
    "admins",
    None,
    (
        Field("name", "Name", Text(320)),
        Field("email", "E-mail", Email()),
        Field("may", "May", Text(200)),
        Field("created_at", "Since", Moment(past=True)),
    ),
    (
        Sort("listed", "As listed"),
        *both("name", "A to Z", "Z to A"),
        *both("created_at", "Oldest first", "Newest first"),
    ),
    source=Given(_rows),
    search=("name", "email", "note"),
    conditions=(
        (
            Field("role", "Role", Choice(tuple((r, about[0], "") for r, about in STAFF.items()))),
            lambda role: lambda row: role in row.roles,
        ),
    ),
    notes=("State", _badges),
    acts=(REMOVAL, *(make(*role) for role in _ROLES for make in (_given, _taken))),
    also=("roles", "waits", "is_me", "is_fixed", "user_id"),
    under=("note",),
    link=lambda row: f"/admin/users/{row.user_id}" if row.user_id else None,
    reads="admins.write",
    icon="shield-lock",
    about="Who looks after this site. Without a role one may do all but choose admins; a role narrows that.",
)
