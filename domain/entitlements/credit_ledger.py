"""The ledger of credits as a list: what came, what went, who did it, and what was left."""

from peewee import JOIN

from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Listing
from domain.lists.searches import Parts
from models import CreditEntry, Profile

# What credits are spent on, as a person reads it.
FEATURES = {"ai.text": "Writing with AI", "flyers.batch": "A batch of flyers"}
REASON = Choice(
    (
        ("spend", "Spent", "quiet"),
        ("reset", "A new month", "good"),
        ("grant", "Received", "good"),
        ("refund", "Given back", "info"),
        ("adjust", "By hand", "info"),
        ("expire", "Lapsed", "quiet"),
    )
)


def in_words(entry):
    """What a line of the ledger, a dict of its values, says."""
    feature = FEATURES.get(entry["feature"], entry["feature"])
    match entry["reason"]:
        case "spend":
            return feature
        case "refund":
            return f"Back: {feature}"
        case "reset":
            return "A new month's credits"
        case "expire":
            return "Unused, and over"
        case "adjust":
            return f"{'Given' if entry['delta'] > 0 else 'Taken back'}: {entry['note']}"
    return entry["note"] or "The first credits"


listing = Listing(
    "credits",
    "entry",
    "entries",
    CreditEntry,
    (
        Field("note", "What", Derived(in_words)),
        Field("reason", "Kind", REASON),
        Field("who", "Who", Text(120), filters=False),
        Field("delta", "Change", Number(signed=True)),
        Field("balance_after", "Balance", Number()),
        Field("created_at", "When", Moment(past=True)),
    ),
    NEWEST,
    joins=lambda query: query.join(Profile, JOIN.LEFT_OUTER, on=(Profile.user == CreditEntry.actor)),
    elsewhere=(("who", Profile.full_name, None),),
    also=("feature",),
    search=Parts((CreditEntry.note, CreditEntry.feature, Profile.full_name)),
    ranges=("created_at",),
    reads="billing.read",
    icon="coins",
    empty=(("all", "What is spent, and what comes each month, is listed here."),),
)
