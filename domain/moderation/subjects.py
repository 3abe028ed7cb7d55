"""What the public sees and may report. Each kind is one `Subject`, declared where its rows are: the next one is that
declaration and nothing else. Why: docs/decisions/moderation.md
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from domain import NotFound
from models import ModerationItem, Organization


@dataclass(frozen=True)
class Seen:
    """A public thing as strangers see it: whose it is, what it is called, where it stands, and its words."""

    kind: str
    id: int
    organization: int
    title: str
    name: str  # in its address
    path: str = ""  # of its page, where it has one
    words: str = ""  # what was looked at: an approved thing with other words isn't immune

    @property
    def content_hash(self):
        return hashlib.sha256(self.words.encode()).hexdigest()

    @property
    def here(self):
        """Where it is reported."""
        return f"/report/{self.kind}/{self.name}"


@dataclass(frozen=True)
class Subject:
    """A kind of public thing. `find(name)` gives the Seen that an address names, whoever's it is and whether it is
    hidden or not; `again(id)` the same by its id; None where there is none that strangers may see."""

    kind: str
    label: str  # as in «this event's page»
    find: Callable
    again: Callable
    for_platform: bool = True  # else its organization decides, and the platform's staff only about appeals
    decided: Callable = lambda id, removed: None  # (id, whether it was removed) in the transaction of the decision


_known: dict[str, Subject] = {}


def declare(subject):
    """Make a kind known; its word stands in the table's check."""
    if subject.kind not in ModerationItem.subject.states:
        raise ValueError(f"{subject.kind!r} is no subject of ModerationItem")
    _known[subject.kind] = subject
    return subject


def of(kind):
    """The declared kind. Refuses with NotFound."""
    if kind not in _known:
        raise NotFound("Nothing like this is reported here.")
    return _known[kind]


def find(kind, name):
    """What the address of a report names. Refuses with NotFound."""
    seen = of(kind).find(name[:80])
    if seen is None:
        raise NotFound("There is nothing here that could be reported: it is gone, or nobody sees it any more.")
    return seen


# --- an organization's name -----------------------------------------------------------------------------


def _seen_name(organization):
    if organization is None or organization.status != "active":
        return None
    whose = {"kind": "organization", "id": organization.id, "organization": organization.id}
    words = f"{organization.name}\n{organization.logo or ''}"
    return Seen(**whose, title=organization.name, name=organization.public_id, words=words)


declare(
    Subject(
        "organization",
        "this organizer’s name",
        lambda name: _seen_name(Organization.one(Organization.public_id == name)),
        lambda id: _seen_name(Organization.one(Organization.id == id)),
    )
)
