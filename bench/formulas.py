"""Formulas of a table that people made, of which bench.records made the rows: `python -m bench.formulas FOLDER`.

Three formulas are added and filled; then the words that one of them shows are renamed, so that a job works all three
out anew for every row. Prints as JSON how many rows it did a second.
"""

import json
import sys
import time
from pathlib import Path

from bench.load import LoadError
from bench.records import TABLE
from bench.within import opened
from database.scope import inside
from domain.organizations import organizations
from domain.records import collections, field_changes, kind_changes
from domain.records.computed import dependents, formulas
from models import Collection, Organization, Record, RecordKey, User

FORMULAS = (("Twice", "{Amount} * 2"), ("Later", "{Due} + 30"), ("Said", '{Title} & " " & {Status}'))


def main(folder: Path) -> None:
    with opened(folder) as house:
        user = User.select().order_by(User.id).first()
        by = organizations.reach(user, Organization.select().order_by(Organization.id).first().slug)
        with inside(by.organization):
            table = Collection.get(Collection.name == TABLE)
            rows = Record.select().where(Record.collection == table, Record.archived_at.is_null()).count()
            for label, text in FORMULAS:
                started = time.perf_counter()
                field = formulas.add(table.slug, label, "formula", {"formula": text}, by=by)
                while kind_changes.work() or dependents.work():
                    pass
                print(f"{label}: {rows / (time.perf_counter() - started):,.0f} rows/s filled", file=sys.stderr)
            status = next(one for one in collections.fields(table) if one.label == "Status")
            for word in status.words:
                field_changes.rename_word(table.slug, status.id, word.id, f"{word.label}!", by=by)
            started, done = time.perf_counter(), 0
            while count := dependents.work():
                done += count
            taken = time.perf_counter() - started
            slot = collections.field_of(table, field.id).slot_id
            said = RecordKey.select().where(RecordKey.slot == slot, RecordKey.key.contains("!"))
            if done < rows or said.count() < rows // 2:
                raise LoadError(f"of {rows} rows {done} were worked out, and {said.count()} say so")
        house.close()
    print(json.dumps({"rows_per_second": rows / taken}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
