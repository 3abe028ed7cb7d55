"""What programs are told of rows of tables that people made when they ask what changed: see lists/programs/changes."""

from typing import Any, NamedTuple

from domain.fields.forms import fingerprint
from domain.fields.records.leftover import restored_cell
from domain.lists.programs import changes
from domain.records import questions
from domain.records.programs import pins
from domain.records.stored_rows import Row


class Told(NamedTuple):
    """The same as changes.Table."""

    rules: Any

    @property
    def sees(self):
        """What is another as soon as somebody sees other rows or fields, or the table has other ones."""
        rights = self.rules.listing.source.rights
        fields = sorted(self.rules.listing.by_name)
        return fingerprint([pins.number(self.rules), rights.sees, repr(rights.where), fields])

    def tells(self, change):
        """Not where only fields changed that they don't see: when they changed would be told, too. What decides whether
        they see the row is told of, and all that an open formula may go by."""
        source, listing = self.rules.listing.source, (self.rules.told or self.rules).listing
        decides = {one.name for group in source.rights.where for one in group}
        if any(cell.formula.get("open") or cell.name in decides for cell in source.shape.computed):
            return True
        heard = listing.by_name.keys() | decides
        return change.verb != "updated" or not change.fields or not heard.isdisjoint(change.fields)

    def listed(self, ids):
        listing = (self.rules.told or self.rules).listing.whole
        return {id: row.listed(listing) for id, row in listing.source.get_many(ids).items()}

    def seen_before(self, ids, before):
        source, listing = self.rules.listing.source, self.rules.listing
        if source.rights.sees == "all" or not ids:
            return set(ids)
        rows = {values[0]: Row(source.shape, *values) for values in questions.ever(ids, source.shape.collection)}
        made = changes.taken_back(listing, ids, before, lambda id, pairs: _take_back(rows.get(id), pairs))
        stood = [row for id, row in rows.items() if id not in made]
        return {row.id for row in source.rights.shown(source.shape, stood)}


def _take_back(row, pairs):
    """What stood in a row before a change."""
    for name, pair in pairs.items() if row else ():
        cell = row.shape.by_name.get(name)
        if cell and isinstance(pair, list) and len(pair) == 2:
            row.cells[name] = restored_cell(cell.kind, pair[0]) if pair[0] is not None else None
