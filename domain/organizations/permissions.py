"""One evaluator for pages and for the server: role, then plan, then the organization's state, then policies.

`verdict` gives the whole chain with its reasons; `may` and `require` on organizations.Member ask the same.
"""

from dataclasses import dataclass

from database.clock import now
from database.scope import inside
from domain import Forbidden, Refused
from domain.base import roles, settings
from domain.entitlements import grants, plans
from models import Invitation, Membership


class CapabilityRequired(Refused):
    code, status = "CAPABILITY_REQUIRED", 403


class OrganizationSuspended(Refused):
    code, status = "ORGANIZATION_SUSPENDED", 403


class SecondFactorRequired(Refused):
    """Led to set one up: nothing of this organization is open until then. `details` name it."""

    code, status = "SECOND_FACTOR_REQUIRED", 403


class MemberLimitExceeded(Refused):
    code, status = "MEMBER_LIMIT_EXCEEDED", 409


class LastOwner(Refused):
    code, status = "LAST_OWNER", 409


class PersonalMode(Refused):
    code, status = "PERSONAL_MODE_DISABLED", 403


@dataclass(frozen=True)
class Step:
    """One link of the chain. `refusal` is None where it holds; `asked` is False where it needs a target."""

    name: str
    says: str
    refusal: Refused | None = None
    asked: bool = True


# --- policies: (member, target) → a refusal or None. The docstring is what the pages show. ---------------


def is_a_team(by, target):
    """Not a personal organization"""
    if by.organization.is_personal:
        return PersonalMode("A personal organization has one person and stays.")
    return None


def teams_are_on(by, target):
    """Teams are switched on for this site"""
    if settings.get("organization_mode") != "team":
        return PersonalMode("Teams are switched off on this site.")
    return None


def invitations_are_on(by, target):
    """Invitations are switched on for this site"""
    return teams_are_on(by, target) or (
        None if settings.get("allow_invitations") else PersonalMode("Invitations are switched off on this site.")
    )


def members_are_managed(by, target):
    """Managing members is switched on for this site"""
    return (
        is_a_team(by, target)
        or teams_are_on(by, target)
        or (
            None
            if settings.get("allow_member_management")
            else PersonalMode("Managing members is switched off on this site.")
        )
    )


def a_seat_is_free(by, target):
    """The plan has a seat left (members and open invitations count)"""
    return seat_refusal(by.organization, taken(by.organization))


def only_owners_touch_owners(by, target):
    """Only owners change owners, and only owners make them"""
    if target is not None and target.role == "owner" and by.role != "owner":
        return Forbidden("Only an owner can change or remove an owner.")
    return None


def not_the_last_owner(by, target):
    """An organization keeps at least one owner"""
    if target is not None and target.role == "owner" and owners(by.organization) < 2:
        return LastOwner(f"{by.organization.name} needs an owner. Make somebody else an owner first, or hand it over.")
    return None


def work_is_shown(by, target):
    """Members see everybody's tasks, unless the organization shows them only their own"""
    if by.organization.own_tasks_only and by.role not in roles.ORGANIZATION["tasks.write_all"].roles:
        return Forbidden(f"In {by.organization.name}, members see only their own tasks.")
    return None


POLICIES = {
    policy.__name__: policy
    for policy in (
        is_a_team,
        teams_are_on,
        invitations_are_on,
        members_are_managed,
        a_seat_is_free,
        only_owners_touch_owners,
        not_the_last_owner,
        work_is_shown,
    )
}
GROUPS = {
    "organization": "Organization",
    "members": "People",
    "invitations": "People",
    "workspaces": "Workspaces",
    "permissions": "Oversight",
    "audit": "Oversight",
    "tasks": "Tasks",
    "comments": "Comments, files and trash",
    "trash": "Comments, files and trash",
    "records": "Records",
    "flyers": "Flyers",
    "automations": "Automations",
    "charts": "Charts",
    "events": "Events",
    "orders": "Events",
    "payments": "Events",
    "keys": "Organization",
    "billing": "Plan",
}
TARGETED = {only_owners_touch_owners.__name__, not_the_last_owner.__name__}


def owners(organization):
    """How many owners it has."""
    return Membership.select().where(Membership.organization == organization, Membership.role == "owner").count()


def taken(organization, invited=True):
    """How many seats are taken: by members, and by open invitations to become one."""
    members = Membership.select().where(Membership.organization == organization).count()
    if not invited:
        return members
    with inside(organization):
        return members + (
            Invitation.select()
            .where(Invitation.status == "pending", Invitation.expires_at > now(), Invitation.workspace.is_null())
            .count()
        )


def seat_refusal(organization, used):
    """MemberLimitExceeded when `used` seats are all there are, else None."""
    with inside(organization):
        seats = grants.seats()
    if seats is not None and used >= seats:
        have = f"has {seats} seats, and they are taken" if seats else "has no seats for more people"
        return MemberLimitExceeded(f"The plan of {organization.name} {have}.")
    return None


def table():
    """The catalogue as the pages show it: group → [(name, permission)]."""
    groups = {}
    for name, permission in roles.ORGANIZATION.items():
        groups.setdefault(GROUPS[name.split(".")[0]], []).append((name, permission))
    return groups


def rules_of(permission):
    """Its policies in words."""
    return [POLICIES[policy].__doc__ for policy in permission.policies]


# --- the evaluator ------------------------------------------------------------------------------------------


def judge(by, name, target=None):
    """The first refusal that stands in the way of the permission, or None when it is granted."""
    permission = roles.ORGANIZATION[name]
    if by.api_key is not None and not by.api_key.includes(name):
        return Forbidden(f"This key doesn't include: {permission.label} ({name}).")
    if closed := _closed(by, permission):
        return closed
    if by.role not in permission.roles:
        return _unfit_role(by, permission)
    if not permission.capability and not permission.policies:
        return _state(by, permission)
    return next((step.refusal for step in verdict(by, name, target) if step.refusal), None)


def _unfit_role(by, permission, whose="Your"):
    return Forbidden(f"{whose} role here ({by.role}) doesn't include: {permission.label}.")


def verdict(by, name, target=None, whose="Your"):
    """The whole chain of reasons, in its order; every link is asked, also after one that refuses."""
    permission = roles.ORGANIZATION[name]
    has = by.role in permission.roles
    refusal = None if has else _unfit_role(by, permission, whose)
    who = ", ".join(role for role in roles.ROLES if role in permission.roles)
    yield Step("role", f"The role is {by.role}; it takes {who}", refusal)
    if permission.capability:
        yield _plan(by, permission)
    else:
        yield Step("plan", "Every plan includes it")
    state = "active" if by.organization.status == "active" else by.organization.status
    yield Step("organization", f"The organization is {state}", _closed(by, permission) or _state(by, permission))
    for policy in permission.policies:
        asked = policy not in TARGETED or target is not None
        rule = POLICIES[policy]
        yield Step("policy", rule.__doc__ or policy, rule(by, target) if asked else None, asked)


def _plan(by, permission):
    with inside(by.organization):
        held, current = grants.includes(permission.capability), grants.plan()
    if held:
        named = f"The plan is {current.name}; it includes it" if current else "No plans are sold here: all is included"
        return Step("plan", named)
    sellers = sorted({plan.name for plan in plans.everything() if permission.capability in plan.capabilities})
    offered = f" {sellers[0]} does." if sellers else ""
    name = current.name if current else "present"
    refusal = CapabilityRequired(f"The {name} plan doesn't include: {permission.label}.{offered}")
    return Step("plan", f"The plan is {name}; it doesn't include it", refusal)


def lacks_factor(by):
    """Since when, or from when on, the organization is closed to this member for want of a second factor; or None."""
    return by.organization.second_factor_from if by.user.second_factor_at is None else None


def closed(by):
    """The refusal (SecondFactorRequired) that meets a member whose organization asks for a second factor; or None."""
    if lacks_factor(by) and by.organization.asks_for_factor:
        name = by.organization.name
        words = f"{name} asks everybody for a second factor. Set one up, and it is open to you again."
        return SecondFactorRequired(words, organization=by.organization.slug)
    return None


def _closed(by, permission):
    return None if permission.without_factor else closed(by)


def _state(by, permission):
    if by.organization.status == "active" or permission.while_suspended:
        return None
    return OrganizationSuspended(f"{by.organization.name} is suspended: nothing can be seen or changed in it now.")
