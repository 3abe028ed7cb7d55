"""Events' pages and their organizers' names, as strangers may report them and as they are hidden."""

from database.scope import everywhere, inside
from domain import NotFound, existing
from domain.events import events
from domain.events.carriers import covers
from domain.fields.text import MARKS
from domain.moderation import reports, subjects
from domain.organizations import logos
from models import Event, EventSession, Organization, Speaker, Tier

NAMELESS = "The organizer"  # whose name is hidden
_UNMARKED = dict.fromkeys(map(ord, MARKS))  # of names from before, from elsewhere, and of people


def open_page(slug, user=None):
    """The event whose page strangers see at this address, or this user, as `events.find` has it. Refuses with NotFound,
    and with reports.Hidden."""
    found = existing(events.find(slug, user), "There is no such event, or its page isn't open.")
    reports.check_shown("event", found.event.id)
    return found


def is_shown(event):
    """Whether strangers may be led to an event's page."""
    is_open = event.is_known and event.visibility != "private"
    return is_open and not reports.is_hidden("event", event.id)


def organizer(row):
    """The organizer's name as strangers see it, of an event or of anything that an organization has."""
    if reports.is_hidden("organization", row.organization_id):
        return NAMELESS
    return row.organization.name.translate(_UNMARKED).strip() or NAMELESS


def logo(row):
    """The hash of the organizer's logo, where strangers see it; else None."""
    return None if reports.is_hidden("organization", row.organization_id) else row.organization.logo


def is_marked(row):
    """Whether that name bears the mark that staff has looked at it (domain/support/verifications.py)."""
    return row.organization.is_verified and not reports.is_hidden("organization", row.organization_id)


def emblem(row):
    """The logo as letters about an event, or anything that an organization has, show it: see logos.emblem."""
    return logos.emblem(row.organization, organizer(row)) if logo(row) else None


def bearer(public_id):
    """The organization of this public id, while strangers see its logo. Refuses with NotFound."""
    found = Organization.one(Organization.public_id == public_id, Organization.status == "active")
    if found is None or not found.logo or reports.is_hidden("organization", found.id):
        raise NotFound("Its organizer has no logo.")
    return found


TEXTS = (
    *("title", "about", "venue", "address", "search_title", "search_about", "cover_alt", "cancel_reason"),
    *("refund_policy", "age_policy", "entry_policy"),
)


def _words(event):
    """All that its page shows of its makers' own: words, and the hash of its picture."""
    found = [getattr(event, name) for name in TEXTS]
    with inside(event.organization_id):
        found += [cover.sha256] if (cover := covers.of(event.id)) else []
        for table, names in SHOWN:
            rows = table.select().where(table.event == event.id).order_by(table.id)
            found += [getattr(row, name) for row in rows for name in names]
    return found


SHOWN = (
    (Tier, ("name", "about")),
    (EventSession, ("title", "room")),
    (Speaker, ("name", "role")),
)


def _seen(event):
    words = "\n".join(text or "" for text in _words(event))
    whose = {"kind": "event", "id": event.id, "organization": event.organization_id}
    return subjects.Seen(**whose, title=event.title, name=event.slug, path=f"/e/{event.slug}", words=words)


def _find(slug):
    found = events.find(slug)
    return found and _seen(found.event)


def _again(id):
    with everywhere("what is reported names no organization"):
        event = Event.one(Event.id == id)
    return event and _seen(event)


subjects.declare(subjects.Subject("event", "this event’s page", _find, _again))
