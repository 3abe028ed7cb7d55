"""Tables to begin from: a name, what it is for, and its fields."""

from dataclasses import dataclass

from database.transactions import writes
from domain import Refused, existing
from domain.base import settings
from domain.lists import rows
from domain.records import collections, listings
from models import Collection


@dataclass(frozen=True)
class Template:
    """A table as it is offered; `fields` are (label, kind[, words of a choice])."""

    key: str
    name: str
    about: str
    icon: str
    fields: tuple


TEMPLATES = (
    Template(
        "contacts",
        "Contacts",
        "People and companies you work with",
        "users",
        (
            ("Name", "text"),
            ("Company", "text"),
            ("State", "choice", ("New", "Active", "Quiet")),
            ("Owner", "person"),
            ("Last spoken", "day"),
            ("Notes", "long_text"),
        ),
    ),
    Template(
        "inventory",
        "Inventory",
        "What there is, where it lies and who has it",
        "stack-2",
        (
            ("Thing", "text"),
            ("State", "choice", ("Ready", "Lent", "Broken")),
            ("Place", "choice", ("Store", "Office")),
            ("With", "person"),
            ("Bought on", "day"),
            ("Notes", "long_text"),
        ),
    ),
    Template(
        "applicants",
        "Applicants",
        "From the first letter to the first day",
        "user-search",
        (
            ("Name", "text"),
            ("Stage", "choice", ("Applied", "Talk", "Offer", "Hired", "Declined")),
            ("Position", "text"),
            ("Owner", "person"),
            ("Applied on", "day"),
            ("Notes", "long_text"),
        ),
    ),
    Template(
        "bugs",
        "Bugs",
        "What is broken and who mends it",
        "progress-check",
        (
            ("Title", "text"),
            ("State", "choice", ("New", "Confirmed", "In progress", "Mended")),
            ("Severity", "choice", ("Low", "Medium", "High")),
            ("Assignee", "person"),
            ("Found on", "day"),
            ("Steps", "long_text"),
        ),
    ),
    Template(
        "bookings",
        "Bookings",
        "Rooms, tools or hours, and who has them when",
        "calendar",
        (
            ("What", "text"),
            ("State", "choice", ("Asked", "Booked", "Over", "Cancelled")),
            ("For", "person"),
            ("From", "day"),
            ("Until", "day"),
            ("Notes", "long_text"),
        ),
    ),
)

DEMO = "Demo records"
DEMO_FIELDS = (("Title", "text"), ("Status", "choice", ("open", "in_progress", "done")), ("Creator", "person"))
DEMO_ROWS = (
    ("Water the plants", "open"),
    ("Order new chairs", "open"),
    ("Paint the front door", "in_progress"),
    ("Call the landlord", "in_progress"),
    ("Write the invitation", "done"),
    ("Count the chairs", "done"),
)


def offers_demo(by):
    """Whether demo records are offered, where the site does: to who builds, in an organization without a table."""
    if not (settings.get("records_demo") and by.may("records.build")):
        return False
    return not Collection.select().where(Collection.archived_at.is_null()).exists()


def make_demo(*, by):
    """A table of demo records, which stand in no table of anybody's and go with one click. Refuses with Refused."""
    by.require("records.build")
    if not offers_demo(by):
        raise Refused("Demo records are for an organization without tables.")
    made = _demo_table(by)
    rules = listings.of(collections.found(made.slug), by)
    title, status, creator = (field.name for field in rules.listing.fields[:3])
    for name, word in DEMO_ROWS[::-1]:
        rows.create(rules, {title: name, status: word, creator: str(by.user.id)}, by=by)
    return collections.found(made.slug)


@writes
def _demo_table(by):
    made = collections.make(DEMO, by=by, fields=DEMO_FIELDS)
    Collection.update(settings={"demo": True}).where(Collection.id == made.id).execute()
    return made


def make(key, *, by, form_key=""):
    """Make a table out of a template, once for each form. Refuses with NotFound for one that there isn't."""
    template = existing(next((one for one in TEMPLATES if one.key == key), None), "There is no such template.")
    return collections.make(template.name, by=by, fields=template.fields, key=form_key)
