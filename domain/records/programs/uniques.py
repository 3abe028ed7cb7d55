"""Rows of a table by a field that holds no value twice: made or changed in one go."""

from database.locks import lock
from database.transactions import writes
from domain import Invalid
from domain.fields.kinds import Unfit, clean
from domain.lists.programs import asking, writing
from domain.records import questions

BY_OTHER = "This field may hold a value twice, so no row is found by it."


@writes
def upsert(rules, name, value, sent, *, by, versions=()):
    """Change the row that has `value` in the unique field of this name, or make one; returns (row, whether it is new).

    `value` is JSON, or the text of an address. Refuses with Invalid a field that isn't unique, and as writing.py does.
    """
    listing = rules.listing
    own = asking.names(listing).get(name)
    cell = getattr(listing.source, "shape", None) and own in listing.by_name and listing.source.shape.by_name.get(own)
    if not cell or cell.field.acted:
        raise Invalid({name: asking.unknown(listing, name)})
    if not cell.is_unique:
        raise Invalid({name: BY_OTHER})
    kind, given = cell.kind, clean(asking.text_of(value)).strip()
    try:
        key = kind.unique_key(kind.read(given)) if given else None
    except Unfit as unfit:
        raise Invalid({name: str(unfit)}) from None
    if key is None:
        raise Invalid({name: "Say which value the row has."})
    known = asking.names(listing)
    if any(known.get(one) == own for one in sent):
        raise Invalid({name: "Leave it out of the row: it stands in the address."})
    lock("api row", listing.table)
    held = questions.holder(cell.slot, key)
    if held and listing.source.get(listing, held, by, None, None):
        return writing.change(rules, held, sent, by=by, versions=versions), False
    if versions:  # also «*»: what was read isn't there any more
        raise writing.Changed(f"This {listing.thing} isn't there any more.")
    sent = sent | {asking.called(listing, cell.field): kind.to_json(kind.read(given))}
    return writing.create(rules, sent, by=by), True
