"""All organizations, as the platform's staff sees them: who owns them, what they use, who is in them."""

from database.scope import inside
from domain import existing
from domain.entitlements import credit_standings, grants, manual_grants
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import Membership, Organization, Subscription, User

SHOWN = 100  # members

STATUS = Choice((("active", "Active", "good"), ("suspended", "Suspended", "bad"), ("deleted", "Deleted", "quiet")))

listing = Listing(
    "organizations",
    "organization",
    "organizations",
    Organization,
    (
        Field("name", "Name", Text(120)),
        Field("slug", "Address", Code()),
        Field("owner", "Owner", Email()),
        Field("is_personal", "Personal", Switch()),
        Field("status", "Status", STATUS),
        Field("created_at", "Founded", Moment(past=True)),
    ),
    (*NEWEST, *both("name", "By name", "By name, backwards")),
    joins=lambda query: query.join(User),
    elsewhere=(("owner", User.email, None),),
    search=Parts((Organization.name, Organization.slug, User.email)),
    ranges=("created_at",),
    reads="organizations.read",
    link=lambda row: f"/admin/organizations/{row.id}",
    chips="status",
    icon="building",
)


def newest(limit):
    """The organizations founded last, with their owners."""
    return list(Organization.select(Organization, User).join(User).order_by(Organization.id.desc()).limit(limit))


def one(id):
    """The organization with this id. Refuses with NotFound."""
    return existing(Organization.one(Organization.id == id), "There is no such organization.")


def uses(organization):
    """Its plan (None where none are sold), its subscription if it has one, how many grants are active, its credits."""
    with inside(organization):
        newest = Subscription.select().order_by(Subscription.id.desc()).first()
        used = {"plan": grants.plan(), "subscription": newest, "grants": len(grants.active())}
        used["given"] = manual_grants.given()
    return used | {"credits": credit_standings.balance(organization)[0]}


def members(organization):
    """(how many, the first hundred with their roles, owners first)."""
    mine = Membership.select(Membership, User).join(User).where(Membership.organization == organization)
    first = mine.order_by((Membership.role == "owner").desc(), Membership.id).limit(SHOWN)
    return mine.count(), list(first)


def by_slug(slug):
    """The organization with this address or, written «#7», with this id; None when there is none."""
    if slug.startswith("#"):
        return Organization.one(Organization.id == int(slug[1:])) if slug[1:].isdecimal() and len(slug) < 11 else None
    return Organization.one(Organization.slug == slug)
