"""What programs can do with a list, out of its declaration alone.

The document names nothing else, and whatever else is asked for isn't there: as at an address that nobody knows.
"""

from types import SimpleNamespace

from domain import NotFound
from domain.lists import rows
from domain.lists.listing import granted

WRITING = {"create", "change", "remove", "restore", "batch", "put", "attach"}


def operations(rules):
    """The operations of a list, whoever asks."""
    listing = rules.listing
    found = {"list", "follow"}
    if rules.bound and not listing.followed:
        found.remove("follow")  # nobody noted which rows met the conditions before
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


def acts(rules, by):
    """The acts of rows that programs can do at all: none that only leads to another page. A table's button is there for
    who may change all that it changes, of a row of their own."""
    mine = SimpleNamespace(created_by_id=by.user.id)
    for act in rules.listing.acts:
        if not (act.opens or act.leads) and (not rules.listing.source or act.may(mine, by)):
            yield act


def need_act(rules, by, key):
    """The Act of this name. Refuses with NotFound."""
    found = next((act for act in acts(rules, by) if act.key == key), None)
    if found is None:
        raise NotFound()
    return found


def need(rules, operation):
    """Refuses with NotFound what the list has not."""
    if operation not in operations(rules):
        raise NotFound()
