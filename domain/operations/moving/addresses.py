"""Addresses of events that come in a file: whose is taken here gets a number."""

import itertools

from database.locks import lock
from database.scope import everywhere
from domain.operations.moving import packages
from models import Event, EventSlug

BATCH = 500


def numbered(packed, slugs=None):
    """Which of these addresses (or of all in the file) somebody here has, and the one that each gets instead: one that
    is free here, and no other's of the file."""
    told = [row["slug"] for some in packages.rows(packed, EventSlug, BATCH) for row in some]
    found, asked = {}, told if slugs is None else slugs
    for slug in sorted(itertools.chain(*(_taken(asked[n : n + BATCH]) for n in range(0, len(asked), BATCH)))):
        kept = {*told, *found.values()}
        others = (f"{slug[:70]}-{number}" for number in itertools.count(2))
        found[slug] = next(one for one in others if one not in kept and not _taken([one]))
    return found


def settled(packed, some, numbers):
    """These rows of EventSlug with addresses that are free here, and their events with them. In the present
    transaction, inside the organization."""
    lock("event slugs")
    found = numbered(packed, [row["slug"] for row in some])
    for row in some:
        if row["slug"] in found:
            its = Event.id == numbers.row("event", row["event"]), Event.slug == row["slug"]
            Event.update(slug=found[row["slug"]]).where(*its).execute()
    return [row | {"slug": found.get(row["slug"], row["slug"])} for row in some]


def _taken(slugs):
    with everywhere("an event's address is one of the whole site"):
        return {slug for (slug,) in EventSlug.select(EventSlug.slug).where(EventSlug.slug.in_(slugs)).tuples()}
