"""The audit log as lists: an organization's own for its owners and admins, and all of it for the staff."""

from peewee import JOIN, fn

from domain.base import audit
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.email import normalized
from domain.fields.kinds import Field, whole
from domain.fields.moment import Moment
from domain.fields.record import Record
from domain.fields.text import Text
from domain.lists.listing import Listing, Sort
from domain.lists.searches import Indexed
from models import AuditEvent, Organization, User

CATEGORY = Choice(tuple((word, word.capitalize(), "quiet") for word in audit.CATEGORIES))
RESULT = Choice((("success", "Success", "quiet"), ("failure", "Failure", "bad"), ("denied", "Denied", "warn")))

WHAT = Field("summary", "What", Text(500, ours=True))
WHO = Field("who", "Who", Text(320))
PLACE = Field("organization", "Organization", Text(200))
MORE = (
    Field("action", "Action", Code(80, filters=True, typed=True), listed=False),
    Field("category", "Category", CATEGORY, listed=False),
    Field("result", "Result", RESULT),
    Field("at", "When", Moment(past=True)),
    Field("target_type", "Target", Text(40), listed=False),
    Field("target_id", "Target id", Code(80), listed=False),
    Field("metadata", "Facts", Record(), listed=False),
)
FROM = (Field("ip", "IP", Code(64), listed=False), Field("request_id", "Request", Code(40), listed=False))

_who = ("who", AuditEvent.actor_email, fn.coalesce(AuditEvent.actor_email, "Guildhall itself"))
_exports = ("action", "category", "target_type", "target_id", "metadata")


def _by(typed):
    """By whom: the address as the log has it, which is as it was typed when the account was made."""
    known = User.one(User.email_norm == normalized(typed))
    return AuditEvent.actor_email == (known.email if known else typed)


def _in(typed):
    """In which organization: its address, or # and its number."""
    number = whole(typed.removeprefix("#")) if typed.startswith("#") else None
    found = Organization.one(Organization.id == number if number else Organization.slug == typed.lower())
    return AuditEvent.organization == found if found else AuditEvent.id.is_null()


_actor = (Field("actor", "Who (e-mail)", Text(254, filters=True, typed=True)), _by)
_organization = (Field("organization", "Organization", Text(80, filters=True, typed=True)), _in)


def _log(name, fields, conditions, **more):
    return Listing(
        name,
        "event",
        "events",
        AuditEvent,
        fields,
        (Sort("newest", "Newest first", "at", descending=True), Sort("oldest", "Oldest first", "at")),
        found_by=Sort("found", "Newest first", descending=True),  # the index of words goes by id
        search=Indexed(
            (AuditEvent.summary, AuditEvent.action, AuditEvent.actor_email, AuditEvent.target_id), numbered=False
        ),
        conditions=conditions,
        walks=("organization", "actor", "action", "category"),
        ranges=("at",),
        under=("action",),
        link=True,
        icon="list-search",
        **more,
    )


own = _log(
    "audit",
    (WHAT, WHO, *MORE),
    (_actor,),
    elsewhere=(_who,),
    exports=_exports,
    within=AuditEvent.organization,
    reads="audit.read",
    empty=(("all", "What people change here is written down: roles, settings, plans, and whatever was refused."),),
)

everywhere = _log(
    "audit_all",
    (WHAT, WHO, PLACE, *MORE, *FROM),
    (_actor, _organization),
    joins=lambda query: query.join(Organization, JOIN.LEFT_OUTER, on=(AuditEvent.organization == Organization.id)),
    elsewhere=(_who, ("organization", Organization.name, Organization.name)),
    exports=(*_exports, "ip", "request_id"),
    reads="audit.read_all",
)
