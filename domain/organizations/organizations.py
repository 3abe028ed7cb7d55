"""Organizations: the tenant and the billing boundary. Everybody has a personal one."""

import re
import unicodedata
from dataclasses import dataclass, replace

import peewee

from database.clock import now, reader_zone
from database.compiled import Compiled, whole_row
from database.locks import lock
from database.parameters import parameter
from database.scope import inside, scope
from database.transactions import wake, writes
from domain import Forbidden, Invalid, NotFound, Refused, existing
from domain.base import audit, changes, configuration, outgoing, roles, stepup
from domain.entitlements import credits, grants
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.text import Name
from domain.organizations import permissions
from models import ApiKey, Event, Invitation, Membership, Organization, Session, Subscription, Transfer, User, Workspace

# An organization's slug is the first part of its addresses; these are taken by the house itself.
RESERVED = frozenset(
    """
    account admin api app auth backers billing calendars blog cron dev door dp e events f faq feedback files flyers
    forgot-password guildhall health home impersonation accept-invitation legal line live login metrics new
    notifications orders organizations organizer p palette passes preview pricing railway records report reset-password
    sandbox session-elsewhere session-ended settings setup step-up sign-in sign-out sign-up static tasks verify
    verify-2fa webhooks www robots.txt favicon.ico offline worker.js .well-known help security sitemap status support
    unsubscribe newsletter
    """.split()  # noqa: SIM905
)
CURRENCIES = ("USD", "EUR", "GBP", "CHF", "NGN", "GHS", "KES", "ZAR", "INR", "JPY", "CAD", "AUD", "BRL", "SEK", "PLN")
FIRST_WORKSPACE = "General"
NAME = Field("name", "Name", Name(80, 2), True)
CURRENCY = Field("currency", "Currency", Choice(tuple((code, code, "") for code in CURRENCIES)), True)


def slugged(name, otherwise="team"):
    """A name as the start of an address: ascii, lower case, at most 40 characters; `otherwise` in other scripts."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:40].strip("-") or otherwise


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
    """The user's own organization, named from the first name; made once, with the account. A name that runs from
    right to left stands at the end, so that ours is read first."""
    first = (name or user.email).split()[0]
    own = f"Space of {first}" if unicodedata.bidirectional(first[0]) in ("R", "AL") else f"{first}'s space"
    return _create(own, user, is_personal=True, slug_from=name or user.email.split("@")[0])


@writes
def create(name, *, by, key=""):
    """A team organization, active for its maker at once; a form that is sent twice with one `key` makes one.
    Refuses with Invalid, or where teams are switched off."""
    if refusal := permissions.teams_are_on(None, None):
        raise refusal
    name, key = named(name), changes.form_key(key)
    if key and (made := changes.made_by(by, "organization", key)):
        return Organization.get_by_id(made.row_id)
    organization = _create(name, by, is_personal=False, slug_from=name)
    credits.open_account(organization)
    audit.record("organization.created", f"{name} was founded", by=by, organization=organization)
    if key:
        with inside(organization):
            changes.record(organization, "organization", organization.id, "created", by=by, batch=key)
    return organization


def named(name):
    """What an organization or workspace may be called, without stray spaces. Refuses with Invalid."""
    return read_whole((NAME,), {"name": name})["name"]


def _create(name, user, *, is_personal, slug_from):
    lock("slugs")
    made = {"slug": _free_slug(slug_from), "is_personal": is_personal, "timezone": reader_zone()}
    if currency := User.get_by_id(user.id).currency:
        made["default_currency"] = currency
    organization = Organization.create(name=name, owner=user, **made)
    Membership.create(organization=organization, user=user, role="owner")
    with inside(organization):
        Workspace.create(name=FIRST_WORKSPACE, slug=slugged(FIRST_WORKSPACE), is_default=True)
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
    real_user: User | None = None  # who looks, where `user` is somebody whose eyes they look through
    api_key: ApiKey | None = None  # by which a program acts for them: it may no more than they and its scopes

    def may(self, permission, target=None):
        """Whether they may do this here and now (to this member), for showing or hiding a control."""
        return permissions.judge(self, permission, target) is None

    def require(self, permission, target=None):
        """The same as a refusal, named for its reason (domain/organizations/permissions.py)."""
        refusal = permissions.judge(self, permission, target)
        if refusal is not None:
            raise refusal

    @property
    def needs_factor_from(self):
        """When they will need a second factor here, or needed one; None where they have one, or none is asked for."""
        return permissions.lacks_factor(self)

    def colleague(self, id):
        """Another person as a Member of the same organization, or None where they aren't one."""
        found = Membership.one(Membership.organization == self.organization, Membership.user == id)
        return Member(found.user, self.organization, found.role) if found and found.user.status == "active" else None

    def seen_as(self, role):
        """Themselves with a lesser role, for a look at the pages. Refuses with Forbidden."""
        if role not in roles.below(self.role):
            raise Forbidden("You can look through the eyes of lesser roles only.")
        return Member(self.user, self.organization, role, self.role)

    def looking_as(self, other):
        """Another member (or None) as this one sees through their eyes. Refuses with Forbidden or NotFound."""
        if other is None:
            raise NotFound("They aren't a member here any more.")
        if other.role not in roles.below(self.role):
            raise Forbidden("You can look through the eyes of people with lesser roles only.")
        return Member(other.user, self.organization, other.role, self.role, self.user)


_REACHED = (
    Organization.id,
    Organization.name,
    Organization.slug,
    Organization.is_personal,
    Organization.status,
    Organization.timezone,
    Organization.own_tasks_only,
    Organization.trash_days,
    Organization.second_factor_from,
    Organization.logo,
)
# At every request: `list_1m_vs_jinja_page`.
_reach = Compiled(
    lambda: (
        Membership.select(*_REACHED, Membership.role)
        .join(Organization)
        .where(
            Organization.slug == parameter("slug"),
            Membership.user == parameter("user"),
            Organization.status != "deleted",
        )
    )
)


def reach(user, slug):
    """The user as a Member of the organization with this slug, or None: what one can't reach isn't there."""
    if "\0" in slug:  # PostgreSQL refuses to compare it
        return None
    for row in _reach(user=user.id, slug=slug):
        return Member(user, _read(_REACHED, row), row[-1])
    return None


# The same by ids, with the user: `api_get_vs_pocketbase`.
_member_of = Compiled(
    lambda: (
        Membership.select(*_REACHED, Membership.role, *User._meta.sorted_fields)
        .join(Organization)
        .join_from(Membership, User)
        .where(
            Membership.organization == parameter("organization"),
            Membership.user == parameter("user"),
            Organization.status != "deleted",
        )
    )
)


def member_of(organization, user):
    """The active user with this id as a Member of the organization with that id, or None."""
    for row in _member_of(organization=organization, user=user):
        place = len(_REACHED)
        found = whole_row(User, row[place + 1 :])
        return Member(found, _read(_REACHED, row), row[place]) if found.status == "active" else None
    return None


def _read(columns, row):
    return Organization.of(**{f.name: f.python_value(value) for f, value in zip(columns, row, strict=False)})


def who_asked(job):
    """Whoever asked for long work here, as the Member that they are by now. Refuses with Forbidden."""
    user = User.one(User.id == job.asked_by_id)
    by = user and reach(user, Organization.get_by_id(scope()).slug)
    if by is None:
        raise Forbidden("Whoever asked for it isn't here any more.")
    return by


_LISTED = (
    *(Organization.id, Organization.name, Organization.slug, Organization.is_personal, Organization.status),
    Organization.logo,
)
# On every page: `list_1m_vs_jinja_page`.
_mine = Compiled(
    lambda: (
        Membership.select(*_LISTED)
        .join(Organization)
        .where(Membership.user == parameter("user"), Organization.status != "deleted")
        .order_by(Organization.is_personal.desc(), Organization.name)
        .limit(100)
    )
)


def of(user):
    """The organizations the user is a member of, the personal one first."""
    return [_read(_LISTED, row) for row in _mine(user=user.id)]


def home(user, mine=None):
    """The organization to open first: the active one, or the personal one when that is gone or suspended.

    `mine` are all of theirs, where they have been read already.
    """
    mine = mine or of(user)
    open_ones = [o for o in mine if o.status == "active"]
    return next((o for o in open_ones if o.id == user.active_organization_id), (open_ones or mine)[0])


@writes
def switch(user, organization, session=None):
    """Work in another organization from here on: the user's row and the session move together.

    Refuses with NotFound when they are no member of it, or it isn't active.
    """
    mine = Membership.one(Membership.user == user, Membership.organization == organization)
    if mine is None or Organization.get_by_id(organization.id).status != "active":
        raise NotFound("That organization can't be opened now.")
    User.update(active_organization_id=organization.id).where(User.id == user.id).execute()
    if session is not None:
        Session.update(active_organization_id=organization.id).where(Session.id == session.id).execute()


def everybody(organization):
    """Membership id → Member, owners first, at most 500."""
    rows = (
        Membership.select(Membership, User)
        .join(User)
        .where(Membership.organization == organization)
        .order_by((Membership.role == "owner").desc(), Membership.id)
        .limit(500)
    )
    return {row.id: Member(row.user, organization, row.role) for row in rows}


def suspended_reason(organization):
    """What its members may read about why, or None."""
    return Organization.get_by_id(organization.id).suspended_reason


def tell(organization, type, key, title, *, by=None, link=None, you=None):
    """Notify its owners and admins, but not the one who did it (`by`, a user).

    `you` is (user, title, link) for the one whom it concerns, in words of their own.
    """
    told = {user.id: (user, title, link) for user in Membership.keepers(organization)}
    if you:
        told[you[0].id] = you
    if by:
        told.pop(by.id, None)
    for user, words, where in told.values():
        # Without a place to go to they have left: it reaches them as news of no organization of theirs.
        outgoing.notify(user, type, key, words, link=where, organization=organization if where else None)


def at_present(by):
    """The Member as they stand now, for an act that had to wait in line. Refuses with NotFound."""
    present = existing(reach(by.user, by.organization.slug))
    return replace(present, api_key=by.api_key)


# --- its end --------------------------------------------------------------------------------------------


@writes
def delete(*, by):
    """Delete the team for good, after step-up L4. Nobody reaches it any more; its rows stay until the purge.

    Its subscriptions are ended at the provider by a job, its grants revoked, open offers cancelled.
    Refuses with Forbidden, for a personal organization, and as `keep_what_is_awaited` does.
    """
    by.require("organization.delete")
    keep_what_is_awaited(by.organization)
    stepup.demand("organization.delete", by.organization.id)
    found = Membership.select(Membership, User).join(User).where(Membership.organization == by.organization)
    others = [one.user for one in found.where(Membership.user != by.user, User.status == "active")]
    close(by.organization, by=by.user, from_status=("active",))
    for user in others:
        outgoing.notify(
            user,
            "organization.deleted",
            f"organization.deleted:{by.organization.id}",
            f"{by.user.name} deleted {by.organization.name}",
        )


def keep_what_is_awaited(organization):
    """Refuse to end an organization while people have tickets for an event of it that isn't over: once it is
    cancelled they hear of it, and have their money back."""
    with inside(organization):
        event = Event.awaited().first()
    if event is not None:
        raise Refused(f"People have tickets for {event.title}, which isn't over: cancel it first, and they hear of it.")


@writes
def close(organization, *, by, from_status=("active", "suspended")):
    """Put an organization out of everybody's reach; returns how many grants were revoked.

    For `delete`, and for the personal one of an account that is deleted. Twice is once: the second finds
    nothing and refuses with NotFound.
    """
    closed = (
        Organization.update(status="deleted", deleted_at=now())
        .where(Organization.id == organization.id, Organization.status.in_(from_status))
        .execute()
    )
    if not closed:
        raise NotFound("That organization is gone already.")
    with inside(organization):
        live = list(Subscription.select().where(Subscription.status.in_(Subscription.STANDING)))
        for subscription in live:
            end_subscription(subscription)
        revoked = grants.revoke_all("the organization was deleted")
        offers = sum(
            table.update(status="cancelled").where(table.status == "pending").execute()
            for table in (Invitation, Transfer)
        )
        audit.record(
            "organization.deleted",
            f"{organization.name} was deleted",
            by=by,
            organization=organization,
            target=organization,
            before=organization.status,
            after="deleted",
            grants_revoked=revoked,
            subscriptions_ended=len(live),
            offers_cancelled=offers,
        )
    wake("live")  # its open pages find out that it is over
    return revoked


def end_subscription(subscription):
    """Leave word for the provider to end it now: a provider that is down must not keep the act from happening."""
    id = subscription.provider_subscription_id
    outgoing.enqueue(
        "subscription_end",
        f"subscription_end:{subscription.provider}:{id}",
        {"provider": subscription.provider, "subscription": id},
    )


def link_to(organization, path=""):
    """The whole address of one of its pages, for letters."""
    return f"{configuration.active.site_url}/{organization.slug}{path}"
