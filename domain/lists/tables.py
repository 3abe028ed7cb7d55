"""Rows of the house's own tables, for rows.py: found, made, written, removed and put back.

A Source whose rows can be written has functions of the same names.
"""

from datetime import date

from database.connections import database


def get(listing, id, by, parent, reachable):
    """The row, if it is one of the list's and meets the condition."""
    return listing.model.one(listing.model.id == id, reachable, *listing.bounds(by, parent))


def hold(listing, id):
    """In a transaction: whoever else writes to the row waits until it is over; on SQLite nobody else writes."""
    if database.dialect == "postgres":
        row = listing.model.select(listing.model.id).where(listing.model.id == id)
        list(row.for_update("FOR NO KEY UPDATE").tuples())


def make(listing, values, by, parent):
    """A new row, of `by` where the list knows owners."""
    stands = {listing.owner: by.user} if listing.owner else {}
    stands |= {listing.parent.name: parent} if listing.parent is not None else {}
    return listing.model.create(**values, **stands)


def write(listing, row, before, values, extra, by):
    """Write to the row unless something else than `before` stands there by now; False then."""
    model = listing.model
    unchanged = [
        getattr(model, name).is_null() if before[name] is None else getattr(model, name) == before[name]
        for name in values
    ]
    if not model.update(**values, **extra).where(model.id == row.id, *unchanged).execute():
        return False
    for name, value in (values | extra).items():
        setattr(row, name, value)
    return True


def remove(listing, row, by):
    """Remove the row. Returns name → [what stood there, None] of all of it, not only what the list shows."""
    kept = {name: [as_json(value), None] for name, value in row.__data__.items() if name not in ("id", "organization")}
    row.delete_instance()
    return kept


def now_there(listing, id):
    """The row with this id as it stands, or None."""
    return listing.model.one(listing.model.id == id)


def put_back(listing, id, noted, restored, by):
    """A removed row as it was; `restored` (name, value) says what of a value can still stand."""
    columns = listing.model._meta.fields
    values = {name: columns[name].python_value(pair[0]) for name, pair in noted.items()}
    return listing.model.create(id=id, **{name: restored(name, value) for name, value in values.items()})


def follows(listing, noted, written):
    """What a change moved besides the listed fields, as it was."""
    columns = listing.model._meta.fields
    return {
        name: columns[name].python_value(pair[0])
        for name, pair in noted.items()
        if name not in written and name in columns
    }


def as_json(value):
    """A value as the history has it."""
    return value.isoformat() if isinstance(value, date) else value
