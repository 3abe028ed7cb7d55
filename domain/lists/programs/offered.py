"""What programs can do with a list, out of its declaration alone.

The document names nothing else, and whatever else is asked for isn't there: as at an address that nobody knows.
"""

from domain import NotFound
from domain.lists import rows
from domain.lists.listing import granted

WRITING = {"create", "change", "remove", "restore", "batch", "put", "attach"}


def operations(rules):
    """The operations of a list, whoever asks."""
    listing = rules.listing
    found = {"list", "follow"}
    if listing.files:
        found |= {"attach"} | ({"files"} if rules.files != "none" else set())
    if any(field.kind.pointing or field.kind.holds_files for field in listing.fields):
        found.add("cells")
    if listing.writes and rules.may_change is not rows.never:
        found |= {"create", "change", "batch"} | ({"put"} if listing.once else set())
    if listing.writes and rules.may_remove is not rows.never:
        found |= {"remove"} | ({"restore"} if listing.parent is None else set())
    return found if listing.writes else found - WRITING


def of(rules, by):
    """Those that are somebody's."""
    found = operations(rules) - rules.lacks
    if not rules.listing.writes or not granted(by, rules.listing.writes):
        return found - WRITING
    return found if rules.may_add(by) else found - {"create"}


def need(rules, operation):
    """Refuses with NotFound what the list has not."""
    if operation not in operations(rules):
        raise NotFound()
