"""Signed-in browsers as a list: a person's own, and for the staff those of anybody. What is over stays for a month."""

from dataclasses import replace
from datetime import timedelta

from peewee import BooleanField, Case, CharField, fn

from database.clock import now
from database.columns import Moment as Column
from database.parameters import parameter
from domain.base import settings, stepup
from domain.fields.choice import Choice
from domain.fields.code import Code
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from domain.people import identities, people, sessions
from models import Session, User

WAYS = {"password": "Password", "code": "Code by mail", "link": "Link by mail", "passkey": "Passkey"}
STATUS = Choice((("live", "Signed in", "good"), ("over", "Signed out", "quiet")))
# One session is the rule, and the setting came after this one.
_IS_REPLACED = (parameter("single") == 1) & (fn.coalesce(User.active_session_id, Session.id) != Session.id)
_IS_LIVE = (
    Session.ended_at.is_null()
    & (Session.expires_at > parameter("moment"))
    & (Session.last_seen_at > parameter("idle"))
    & ~_IS_REPLACED
)


def _idle_since(_by):
    return Column().db_value(now() - timedelta(days=settings.get("session_idle_days")))


def _here(_by):
    present = stepup.present.get()
    return present.session.id if present else 0


def _way(row):
    way = row["way"]
    return WAYS.get(way) or (identities.label(way) if way else "–")


def _sign_out(id, *, by):
    sessions.revoke(id, by=by)
    return "That browser is signed out."


def _notes(rows, _by):
    return {row.id: (("info", "This browser"),) for row in rows if row.is_here}


listing = Listing(
    *("browsers", "browser", "browsers", Session),
    (
        Field("device", "Browser", Text(120)),
        Field("status", "Status", STATUS),
        Field("way", "Signed in with", Derived(_way)),
        Field("last_seen_at", "Last used", Moment(past=True)),
        Field("created_at", "Signed in", Moment(past=True)),
        Field("ip", "Address", Code(), listed=False),
    ),
    (
        *both("last_seen_at", "Longest unused first", "Last used first", first="down"),
        *both("created_at", "Oldest first", "Newest first", first="down"),
        *both("device", "By name", "By name, backwards"),
    ),
    joins=lambda query: query.join(User),
    elsewhere=(
        ("status", CharField(), Case(None, ((_IS_LIVE, "live"),), "over")),
        ("is_here", BooleanField(), Case(None, ((Session.id == parameter("here"), True),), False)),
    ),
    knows=(("idle", _idle_since), ("here", _here), ("single", lambda by: int(settings.get("single_active_session")))),
    search=Parts((Session.device, Session.ip), numbered=False),
    acts=(
        Act(
            *("end", "Sign out", _sign_out, "own"),
            confirm="Sign out {name}? Whoever uses it has to sign in again.",
            when=lambda row: row.status == "live" and not row.is_here,
            bulk=True,
        ),
    ),
    notes=("Here", _notes),
    parent=Session.user,
    only=Session.staff_id.is_null(),
    reads="own",
    ranges=("last_seen_at",),
    chips="status",
    under=("ip",),
    also=("is_here",),
    icon="device-desktop",
    about="Where you are signed in, and where you were within the last month.",
    empty=(("all", "Nobody was signed in here within the last month."),),
)
anybodys = replace(
    listing,
    name="browsers of a person",
    reads="users.read",
    acts=(),
    stands_in=lambda id, by: people.one(id),
    about="Where they are signed in, and where they were within the last month.",
)
