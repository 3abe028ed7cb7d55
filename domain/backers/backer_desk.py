"""All backers, as whoever runs the campaign sees them."""

from peewee import JOIN, Case, CharField

from database.parameters import parameter
from domain.fields.choice import Choice
from domain.fields.email import Email
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing, both
from domain.lists.searches import Parts
from models import Backer, BackerTier, User

STATUS = Choice((("unused", "Unused", "quiet"), ("pending", "Pending", "warn"), ("used", "Used", "good")))
# A claim that nobody finished lapses by itself, so how a code stands is a question of the moment.
_STATUS = Case(
    None,
    (
        (Backer.used_at.is_null(False), "used"),
        (Backer.claim_expires_at > parameter("moment"), "pending"),
    ),
    "unused",
)


def _joined(query):
    query = query.join(BackerTier).switch(Backer)
    return query.join(User, JOIN.LEFT_OUTER, on=(Backer.used_by == User.id))


listing = Listing(
    "backers",
    "backer",
    "backers",
    Backer,
    (
        Field("username", "Username", Text(80)),
        Field("tier_name", "Tier", Text(80)),
        Field("status", "Status", STATUS),
        Field("account_email", "Account", Email()),
        Field("used_at", "Used", Moment(past=True)),
        Field("access_until", "Access until", Moment(past=True)),
    ),
    (*NEWEST, *both("username", "By name", "By name, backwards")),
    joins=_joined,
    elsewhere=(
        ("tier_name", BackerTier.name, None),
        ("account_email", User.email, None),
        ("status", CharField(null=True), _STATUS),
    ),
    search=Parts((Backer.username, User.email)),
    ranges=("used_at",),
    reads="backers.write",
    link=lambda row: f"/admin/backers/{row.id}",
    chips="status",
    icon="heart-handshake",
)
