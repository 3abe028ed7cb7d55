"""Copies as the staff's list: what was made, whether it was proven, what was looked at."""

from domain import existing
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import Listing, both
from domain.lists.searches import Parts
from domain.operations.copies import copies
from models import Backup

STATE = Choice(
    (
        ("waiting", "Asked for", "quiet"),
        ("making", "Being made", "info"),
        ("sending", "Being brought away", "info"),
        ("proving", "Being opened", "info"),
        ("proven", "Proven", "good"),
        ("failed", "Not proven", "bad"),
    )
)
MB = 1024 * 1024

listing = Listing(
    "backups",
    "copy",
    "copies",
    Backup,
    (
        Field("name", "Copy", Text(120)),
        Field("made_at", "Made", Moment(past=True)),
        Field("state", "State", STATE),
        Field("sent_at", "Brought away", Moment(past=True)),
        Field("megabytes", "MB", Number()),
    ),
    both("made_at", "Oldest first", "Newest first", "down"),
    joins=lambda query: query,
    elsewhere=(("megabytes", Backup.packed / MB, None),),
    only=Backup.removed_at.is_null(),
    search=Parts((Backup.name, Backup.error), numbered=False),
    chips="state",
    under=("error",),
    link=True,
    reads="backups.run",
    icon="database-export",
    about="Each is opened and booted before it counts. One is made each night at 03:05 UTC.",
    empty=(("all", "No copy was made yet. The first one comes tonight, or at once by the button."),),
)


def one(id):
    """A copy by its number. Refuses with NotFound."""
    return existing(Backup.get_or_none(Backup.id == id), "There is no such copy.")


def working():
    """What is being done to a copy at this moment, in words; empty when none is being made."""
    row = Backup.select().where(Backup.state.in_(copies.OPEN)).order_by(Backup.id).first()
    return f"A copy is {STATE.plain(row.state).lower()}" if row else ""
