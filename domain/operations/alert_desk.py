"""Alerts as the staff's list: what is shown now, and what was."""

from peewee import JOIN

from database.clock import now
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing
from domain.lists.searches import Parts
from domain.operations import alerts
from models import Alert, Profile

STATE = Choice((("shown", "Showing", "good"), ("over", "Over", "quiet"), ("retracted", "Taken back", "warn")))


def _state(row):
    if row.retracted_at is not None:
        return "retracted"
    return "shown" if row.created_at > now() - alerts.ACTIVE else "over"


def _stands(state):
    taken, lasts = Alert.retracted_at.is_null(False), Alert.created_at > now() - alerts.ACTIVE
    return {"shown": lasts & ~taken, "over": ~lasts & ~taken, "retracted": taken}[state]


listing = Listing(
    "alerts",
    "alert",
    "alerts",
    Alert,
    (
        Field("message", "Message", Text(alerts.MOST)),
        Field("by", "By", Text(120)),
        Field("created_at", "Since", Moment(past=True)),
    ),
    joins=lambda query: query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == Alert.created_by)),
    elsewhere=(("by", Profile.full_name, Profile.full_name),),
    search=Parts((Alert.message, Profile.full_name)),
    conditions=((Field("state", "State", STATE), _stands),),
    notes=("State", lambda rows, by: {row.id: ((STATE.tone(_state(row)), STATE.plain(_state(row))),) for row in rows}),
    ranges=("created_at",),
    acts=(
        Act(
            "retraction",
            "Take back",
            alerts.retract,
            "alerts.write",
            done="The alert was taken back.",
            confirm="Take back “{name}”? Nobody sees it any more.",
            when=lambda row: _state(row) == "shown",
            bulk=True,
        ),
    ),
    also=("retracted_at",),
    reads="alerts.write",
    icon="speakerphone",
    about="A few words to everybody who is signed in, shown for 24 hours.",
    empty=(("all", "Planned maintenance, a change in the opening hours: what everybody should know today."),),
)
