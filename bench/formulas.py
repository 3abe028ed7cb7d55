"""Formulas of a table that people made, of which bench.records made the rows: `python -m bench.formulas FOLDER`.

Three formulas are added and filled; then the field that they go by is put away, and brought back, so that a job works
all three out anew for every row, and each gives something else. Prints as JSON how many rows it did a second.
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
from domain.records import collections, field_changes, kind_changes, shapes
from domain.records.computed import dependents, formulas
from models import Collection, Organization, Record, RecordKey, User

FORMULAS = (
    ("Twice", "{Amount} * 2"),
    ("Share", "{Amount} / ({Amount} + {Amount}) * {Stars}"),
    ("Later", "if(number({Amount}) > 500, {Due} + 30, {Due} + 60)"),
)


def _work_off() -> int:
    done = 0
    while count := kind_changes.work() or dependents.work():
        done += count
    return done


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
                _work_off()
                print(f"{label}: {rows / (time.perf_counter() - started):,.0f} rows/s filled", file=sys.stderr)
            amount = next(one for one in collections.fields(table) if one.label == "Amount")
            field_changes.put_away(table.slug, amount.id, by=by)
            _work_off()
            field_changes.bring_back(table.slug, amount.id, by=by)
            started = time.perf_counter()
            done = _work_off()
            taken = time.perf_counter() - started
            slot = collections.field_of(table, field.id).slot_id
            filled = RecordKey.select().where(RecordKey.slot == slot, RecordKey.key < shapes.EMPTY).count()
            if done < rows or filled < rows // 2:
                raise LoadError(f"of {rows} rows {done} were worked out, and {filled} have a day")
        house.close()
    print(json.dumps({"rows_per_second": rows / taken}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
