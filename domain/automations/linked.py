"""The rows that are linked with a row, as one member sees them: those it points to, and those that point to it."""

from typing import NamedTuple

from domain import NotFound, Refused
from domain.automations import sources
from domain.fields.beside.linked import Linked
from domain.fields.kinds import whole
from domain.records import links

MOST = 100


class Way(NamedTuple):
    """A link by which rows are found. `key` is the name of the list's own field, or «table.field» of another's."""

    key: str
    label: str
    target: sources.Source  # whose rows they are


def every(source):
    """Each Way from the rows of a list to others that this member sees."""
    own = [f for f in source.fields if isinstance(f.kind, Linked) and f.kind.reader]
    found = [Way(f.name, f.label, _table(f.kind.table, source.by)) for f in own]
    if not source.name.startswith(sources.RECORDS):
        return found
    for field in links.pointing(whole(source.name.removeprefix(sources.RECORDS))):
        there, name = _table(field.collection_id, source.by), f"f{field.id}"
        if there is not None and there.field(name):
            label = field.options.get("back") or f"{there.label}: {field.label}"
            found.append(Way(f"{there.name}.{name}", label, there))
    return [way for way in found if way.target is not None]


def _table(id, by):
    try:
        return sources.find(f"{sources.RECORDS}{id}", by)
    except Refused:
        return None


def find(source, key):
    """The Way of this key. Refuses with NotFound."""
    found = next((way for way in every(source) if way.key == key), None)
    if found is None:
        raise NotFound("The link that it follows isn't there any more, or isn't to be seen.")
    return found


def ids(way, source, row):
    """The rows that a row is linked with by a way. Refuses more than MOST."""
    if "." in way.key:
        asked = ((way.key.rpartition(".")[2], (row.id,)),)
        found = [one.id for one in way.target.page(filters=asked, rows=MOST + 1).rows]
    else:
        value = source.value(row, way.key)
        found = [int(id) for id in value] if isinstance(value, tuple) else []
    if len(found) > MOST:
        raise Refused(f"More than {MOST} rows are linked with it, and one step changes {MOST} at most.")
    return found
