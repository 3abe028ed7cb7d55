"""Tickets and badges on paper: PDFs in any script, to the millimetre. They are set in a process of their own."""

import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from domain.files import qr
from domain.files.press import press

MOST = 500  # tickets or badges of one PDF
LABELS = {"when": "When", "place": "Where", "tier": "Ticket", "holder": "For", "extras": "With"}


@dataclass(frozen=True)
class Ticket:
    code: str  # as codes.code makes it
    serial: str  # 16 hexadecimal digits
    tier: str
    holder: str
    extras: tuple[str, ...] = ()
    number: int = 1  # of so many in its order
    of: int = 1


@dataclass(frozen=True)
class Badge:
    name: str
    line: str = ""  # whatever stands below the name: a company, a role
    tier: str = ""
    code: str = ""  # none is drawn without


@dataclass(frozen=True)
class Sheet:
    """Where badges stand on paper, in millimetres."""

    name: str
    page: tuple[float, float]
    width: float
    height: float
    columns: int
    rows: int
    margin: float = 0  # around the page
    lines: bool = False  # whether they are to be cut


SHEETS = {
    "a4": Sheet("A4, ten to cut", (210, 297), 86, 54, 2, 5, 13.5, lines=True),
    "letter": Sheet("US Letter, eight to cut", (215.9, 279.4), 89, 60, 2, 4, 18, lines=True),
    "a6": Sheet("A6, one a page", (105, 148), 105, 148, 1, 1),
    "label": Sheet("Label 62 × 100 mm", (100, 62), 100, 62, 1, 1),
}


def tickets(*, title, organization, when, place, notes, passes):
    """A PDF with a page for each Ticket, in their order. `when` is text in the event's zone, `notes` are lines below.

    Refuses with Overloaded, and with ValueError beyond MOST.
    """
    pages = [_bounded(passes) and _page(ticket) for ticket in passes]
    said = {"title": title, "organization": organization, "when": when, "place": place, "notes": list(notes)}
    return press.ask("typeset", template="tickets", data=said | {"labels": LABELS, "tickets": pages})


def _page(ticket):
    return asdict(ticket) | {
        "code": qr.svg(ticket.code),
        "serial": spoken(ticket.serial),
        "count": f"{ticket.number} of {ticket.of}",
    }


def badges(*, title, organization, sheet, people):
    """A PDF of Badges in their order, on a Sheet (a key of SHEETS). Refuses as `tickets` does."""
    chosen = SHEETS[sheet]
    drawn = [_bounded(people) and asdict(badge) | {"code": badge.code and qr.svg(badge.code)} for badge in people]
    said = {"title": title, "organization": organization, "badges": drawn}
    return press.ask("typeset", template="badges", data=asdict(chosen) | said)


@lru_cache(maxsize=64)
def share_picture(*, organization, title, when, place, cover=b""):
    """A picture of 1200 × 630 pixels, for pages that show a link to an event: a PNG, or a JPEG with the event's own
    picture (WebP) above its words. Refuses with Overloaded."""
    said = {"organization": organization, "title": title, "when": when, "place": place, "cover": list(cover)}
    return press.ask("draw", template="share", data=said)


def _bounded(many):
    if len(many) > MOST:
        raise ValueError(f"A PDF holds up to {MOST}.")
    return True


def unprintable(words):
    """The characters that no font of ours has, in order; they would be empty boxes. Refuses with Overloaded."""
    return json.loads(press.ask("missing", words=words))


def spoken(serial):
    """A serial as people read it out: in groups of four."""
    return " ".join(serial[place : place + 4] for place in range(0, len(serial), 4)).upper()
