"""Rows of a list by a field that holds no value twice: made or changed in one go."""

from database.transactions import writes
from domain import Invalid, NotFound
from domain.fields.kinds import Unfit, clean
from domain.lists import rows
from domain.lists.programs import asking, writing

BY_OTHER = "This field may hold a value twice, so no row is found by it."


@writes
def upsert(rules, name, value, sent, *, by, parent=None, versions=()):
    """Change the row that has `value` in the unique field of this name, or make one; returns (row, whether it is new).

    `value` is JSON, or the text of an address. Refuses with Invalid a field that isn't unique, and as writing.py does.
    """
    listing = rules.listing
    own = asking.names(listing).get(name)
    field = listing.by_name.get(own)
    if field is None or field.acted:
        raise Invalid({name: asking.unknown(listing, name)})
    holder = dict(listing.once).get(own)
    if holder is None:
        raise Invalid({name: BY_OTHER})
    given = clean(asking.text_of(value)).strip()
    try:
        stands = field.kind.read(given) if given else None
    except Unfit as unfit:
        raise Invalid({name: str(unfit)}) from None
    if stands is None:
        raise Invalid({name: "Say which value the row has."})
    if any(asking.names(listing).get(one) == own for one in sent):
        raise Invalid({name: "Leave it out of the row: it stands in the address."})
    writing.keep_others_out(listing)
    if held := _seen(rules, holder(stands, by, parent), by, parent):
        return writing.change(rules, held, sent, by=by, parent=parent, versions=versions), False
    if versions:  # also «*»: what was read isn't there any more
        raise writing.Changed(f"This {listing.thing} isn't there any more.")
    sent = sent | {asking.called(listing, field): field.kind.to_json(stands)}
    return writing.create(rules, sent, by=by, parent=parent), True


def _seen(rules, id, by, parent):
    try:
        return id and rows.get(rules, id, by, parent).id
    except NotFound:
        return None
