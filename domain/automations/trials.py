"""What an automation would do, shown on the last rows that would have set it off: nothing is changed, nothing goes out.

Whoever looks sees it with their own eyes, as it would be if they saved it.
"""

from typing import NamedTuple

from domain import NotFound, Refused
from domain.automations import noting, steps
from domain.fields.kinds import Unfit
from models import Change

ROWS, LOOKED = 10, 300
FOUND, NEWEST, CLOCK = "changes", "newest", "clock"  # where the rows come from


class Shown(NamedTuple):
    """One row, and of each step (what it is, its lines, what is wrong)."""

    title: str
    link: str
    steps: list


def trial(body, source, by):
    """(where the rows come from, [Shown]) of a body that was read."""
    if source is None:
        return CLOCK, [Shown("", "", _planned(body, steps.At(None, None, by)))]
    where, trigger = source.understood(body["where"]), body["trigger"]
    rows = _set_off(trigger, source, where) if trigger["kind"] in noting.AT_ONCE else []
    said = FOUND if rows else NEWEST
    rows = rows or _newest(source, where)
    return said, [
        Shown(source.title(row), source.link(row.id), _planned(body, steps.At(source, row, by))) for row in rows
    ]


def _planned(body, at):
    found = []
    for step in body["steps"]:
        kind = steps.KINDS[step["kind"]]
        try:
            found.append((kind, kind.plan(step, at), ""))
        except (Refused, Unfit) as refusal:
            found.append((kind, [], str(getattr(refusal, "sentence", refusal))))
    return found


def _set_off(trigger, source, where):
    """The rows of the last changes that would have set it off, the latest first, of those that are seen."""
    noted = Change.select().where(Change.table == source.name, Change.row_id.is_null(False))
    found: dict[int, object] = {}
    for change in noted.order_by(Change.id.desc()).limit(LOOKED):
        seen = {name: pair for name, pair in change.fields.items() if source.field(name)}
        if change.row_id in found or not noting.sets_off(trigger, change.verb, seen, change.by_id):
            continue
        try:
            row = source.row(change.row_id)
        except NotFound:
            continue
        if source.meets(row, where):
            found[change.row_id] = row
        if len(found) == ROWS:
            break
    return list(found.values())


def _newest(source, where):
    found = []
    for one in source.page(rows=50).rows:
        try:
            row = source.row(one.id)
        except NotFound:
            continue
        if source.meets(row, where):
            found.append(row)
        if len(found) == ROWS:
            break
    return found
