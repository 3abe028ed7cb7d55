"""All organizations, as the platform's staff sees them: who owns them, what they use, who is in them."""

from database.scope import inside
from domain import NotFound
from domain.base.addresses import normalized
from domain.entitlements import credits, grants
from domain.fields.kinds import clean
from models import Membership, Organization, Subscription, User

PAGE = 25
STATUSES = ("active", "suspended", "deleted")
SHOWN = 100  # members


def find(q="", status="", before=None, limit=PAGE):
    """Organizations, the newest first, from the id `before` on; `q` is their address or how their name begins."""
    query = Organization.select(Organization, User).join(User)
    q = normalized(clean(q))[:80]
    if q:
        query = query.where((Organization.slug == q) | Organization.name.startswith(q))
    if status in STATUSES:
        query = query.where(Organization.status == status)
    if before:
        query = query.where(Organization.id < before)
    return list(query.order_by(Organization.id.desc()).limit(limit))


def one(id):
    """The organization with this id. Refuses with NotFound."""
    organization = Organization.one(Organization.id == id)
    if organization is None:
        raise NotFound("There is no such organization.")
    return organization


def uses(organization):
    """Its plan (None where none are sold), its subscription if it has one, how many grants are active, its credits."""
    with inside(organization):
        newest = Subscription.select().order_by(Subscription.id.desc()).first()
        used = {"plan": grants.plan(), "subscription": newest, "grants": len(grants.active())}
    return used | {"credits": credits.balance(organization)[0]}


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
