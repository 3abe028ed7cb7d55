"""Organizations: the tenant and the billing boundary. Everybody has a personal one."""

import re
import unicodedata
from dataclasses import dataclass

import peewee

import models
from domain import Forbidden, Invalid, NotFound, Refused, audit, credits, permissions, roles
from domain.fields import clean
from domain.transactions import writes
from models import Compiled, Membership, Organization, Session, User, slot

# An organization's slug is the first part of its addresses; these are taken by the house itself.
RESERVED = frozenset(
    """
    account admin api app auth backers billing blog cron dev door dp e events faq feedback flyers
    forgot-password guildhall health home accept-invitation legal live login metrics new notifications
    orders organizations organizer palette passes pricing railway records reset-password sandbox
    session-ended settings setup step-up sign-in sign-out sign-up static tasks verify verify-2fa webhooks www
    """.split()  # noqa: SIM905
)


def slugged(name):
    """A name as the start of an address: ascii, lower case, at most 40 characters."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].strip("-") or "team"


def _free_slug(name):
    base = slugged(name)
    taken = {
        slug
        for (slug,) in Organization.select(Organization.slug)
        .where((Organization.slug == base) | Organization.slug.startswith(base + "-"))
        .tuples()
    }
    if base not in taken and base not in RESERVED:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


def create_personal(user, name):
    """The user's own organization, named from the first name; made once, with the account."""
    first = (name or user.email).split()[0]
    return _create(f"{first}'s space", user, is_personal=True, slug_from=name or user.email.split("@")[0])


@writes
def create(name, *, by):
    """A team organization, active for its maker at once. Refuses with Invalid."""
    name = " ".join(clean(name).split())
    if not 2 <= len(name) <= 80:
        raise Invalid({"name": "Write a name of 2 to 80 characters."})
    organization = _create(name, by, is_personal=False, slug_from=name)
    credits.open_account(organization)
    audit.record("organization.created", f"{name} was founded", by=by, organization=organization)
    return organization


def _create(name, user, *, is_personal, slug_from):
    models.stand_in_line("organization slugs")
    organization = Organization.create(name=name, slug=_free_slug(slug_from), owner=user, is_personal=is_personal)
    Membership.create(organization=organization, user=user, role="owner")
    User.update(active_organization_id=organization.id).where(User.id == user.id).execute()
    return organization


@writes
def add_member(organization, user, role, *, by):
    """Make somebody a member. Refuses when they are one already, or the organization is personal."""
    if role not in roles.ROLES:
        raise Invalid({"role": "Choose owner, admin, member or viewer."})
    if organization.is_personal:
        raise Refused("A personal organization has one member.", "PERSONAL_MODE_DISABLED", 403)
    try:
        membership = Membership.create(organization=organization, user=user, role=role)
    except peewee.IntegrityError:
        raise Refused(f"{user.name} is a member of {organization.name} already.") from None
    audit.record(
        "member.joined",
        f"{user.name} joined as {role}",
        by=by,
        organization=organization,
        target=user,
        role=role,
    )
    return membership


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody standing in an organization: who acts (`by`), where, and in which role."""

    user: User
    organization: Organization
    role: str
    real_role: str = ""  # set while they look through the eyes of a lesser role: they only read then

    def may(self, permission, target=None):
        """Whether they may do this here and now (to this member), for showing or hiding a control."""
        return permissions.judge(self, permission, target) is None

    def require(self, permission, target=None):
        """The same as a refusal, named for its reason (domain/permissions.py)."""
        refusal = permissions.judge(self, permission, target)
        if refusal is not None:
            raise refusal

    def seen_as(self, role):
        """Themselves with a lesser role, for a look at the pages. Refuses with Forbidden."""
        if role not in roles.below(self.role):
            raise Forbidden("You can look through the eyes of lesser roles only.")
        return Member(self.user, self.organization, role, self.role)


_REACHED = (Organization.id, Organization.name, Organization.slug, Organization.is_personal,
            Organization.status, Organization.timezone)  # fmt: skip
_reach = Compiled(
    lambda: (
        Membership.select(*_REACHED, Membership.role)
        .join(Organization)
        .where(
            Organization.slug == slot("slug"),
            Membership.user == slot("user"),
            Organization.status != "deleted",
        )
    )
)


def reach(user, slug):
    """The user as a Member of the organization with this slug, or None: what one can't reach isn't there."""
    if "\0" in slug:  # PostgreSQL refuses to compare it
        return None
    for row in _reach(user=user.id, slug=slug):
        values = {f.name: f.python_value(v) for f, v in zip(_REACHED, row, strict=False)}
        return Member(user, Organization.of(**values), row[-1])
    return None


_mine = Compiled(
    lambda: (
        Membership.select(
            Organization.id, Organization.name, Organization.slug, Organization.is_personal, Organization.status
        )
        .join(Organization)
        .where(Membership.user == slot("user"), Organization.status != "deleted")
        .order_by(Organization.is_personal.desc(), Organization.name)
        .limit(100)
    )
)


def of(user):
    """The organizations the user is a member of, the personal one first."""
    return [
        Organization.of(id=id, name=name, slug=slug, is_personal=bool(personal), status=status)
        for id, name, slug, personal, status in _mine(user=user.id)
    ]


def home(user):
    """The organization to open first: the active one, or the personal one when that is gone or suspended."""
    mine = of(user)
    open_ones = [o for o in mine if o.status == "active"]
    return next((o for o in open_ones if o.id == user.active_organization_id), (open_ones or mine)[0])


@writes
def switch(user, organization, session=None):
    """Work in another organization from here on: the user's row and the session move together (A4.2-6).

    Refuses with NotFound when they are no member of it, or it isn't active.
    """
    mine = Membership.one(Membership.user == user, Membership.organization == organization)
    if mine is None or Organization.get_by_id(organization.id).status != "active":
        raise NotFound("That organization can't be opened now.")
    User.update(active_organization_id=organization.id).where(User.id == user.id).execute()
    if session is not None:
        Session.update(active_organization_id=organization.id).where(Session.id == session.id).execute()


def suspended_reason(organization):
    """What its members may read about why, or None."""
    return Organization.get_by_id(organization.id).suspended_reason


def keepers(organization):
    """Owners and admins: who is told about money and people."""
    return list(
        User.select()
        .join(Membership, on=(Membership.user == User.id))
        .where(
            Membership.organization == organization,
            Membership.role.in_(("owner", "admin")),
            User.status == "active",
        )
        .order_by(User.id)
    )
