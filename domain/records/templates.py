"""Tables to begin from: a name, what it is for, and its fields."""

from dataclasses import dataclass

from domain import NotFound
from domain.records import collections


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


def make(key, *, by):
    """Make a table out of a template. Refuses with NotFound for one that there isn't."""
    template = next((one for one in TEMPLATES if one.key == key), None)
    if template is None:
        raise NotFound("There is no such template.")
    return collections.make(template.name, by=by, fields=template.fields)
