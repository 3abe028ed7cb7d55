"""Several rows of a list in one request of a program: all of them or none, or each for itself."""

from typing import Any, NamedTuple

from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused
from domain.fields.kinds import whole
from domain.lists.programs import uniques, writing

MOST = 100
HAVE = {
    "create": ({"row"}, set()),
    "change": ({"id", "row"}, {"version"}),
    "remove": ({"id"}, {"version"}),
    "upsert": ({"by", "row"}, set()),
}


class Step(NamedTuple):
    """What became of one: the status that it would have had alone, its row as JSON, or why it wasn't done."""

    status: int
    row: Any = None
    refusal: Any = None


def read(sent):
    """(the steps, whether all or none) out of what was sent: {“rows”: […], “all”: true}. Refuses with Invalid."""
    steps, together, wrong = sent.get("rows"), sent.get("all", True), {}
    if sent.keys() - {"rows", "all"} or not isinstance(steps, list) or not isinstance(together, bool):
        raise Invalid({"rows": "Send {“rows”: [{“do”: “create”, “row”: {…}}, …], “all”: true or false}."})
    if not 0 < len(steps) <= MOST:
        raise Invalid({"rows": f"Send 1 to {MOST} rows at once."})
    for place, step in enumerate(steps):
        if why := _why_not(step):
            wrong[f"rows[{place}]"] = why
    if wrong:
        raise Invalid(wrong)
    return steps, together


def _why_not(step):
    verb = step.get("do") if isinstance(step, dict) else None
    if not isinstance(verb, str) or verb not in HAVE:
        return f"“do” is one of: {', '.join(HAVE)}."
    needed, may = HAVE[verb]
    if not needed <= step.keys() <= {"do", *needed, *may}:
        wanted = ", ".join(f"“{name}”" for name in sorted(needed))
        return f"To {verb}, send {wanted}{', and “version” where you like' if may else ''}."
    if not isinstance(step.get("row", {}), dict) or not isinstance(step.get("version", ""), str):
        return "“row” is an object, “version” a text."
    if "id" in step and (type(step["id"]) is not int or not whole(step["id"])):
        return "“id” is the number of a row."
    is_pair = isinstance(step.get("by"), dict) and len(step["by"]) == 1
    return "" if "by" not in step or is_pair else "“by” is one unique field with its value."


@writes
def do(rules, steps, together, *, by, parent=None):
    """Do the steps in their order; returns a Step for each.

    With `together` one that is refused undoes them all: Invalid says of each what is wrong, as «rows[3].name».
    """
    writing.keep_others_out(rules.listing)  # before what the first of them takes
    if rules.lock:
        lock(rules.lock)
    found = [_done(rules, step, by, parent) for step in steps]
    if together and (wrong := dict(_wrong(found))):
        raise Invalid(wrong)
    return found


def _wrong(found):
    for place, step in enumerate(found):
        if step.refusal is not None:
            yield from ((f"rows[{place}].{name}", said) for name, said in step.refusal.fields.items())
            if not step.refusal.fields:
                yield f"rows[{place}]", step.refusal.sentence


def _done(rules, step, by, parent):
    versions = (step["version"].removeprefix("W/").strip('"'),) if "version" in step else ()
    where = {"by": by, "parent": parent}
    try:
        match step["do"]:
            case "create":
                return Step(201, writing.create(rules, step["row"], **where))
            case "change":
                return Step(200, writing.change(rules, step["id"], step["row"], versions=versions, **where))
            case "remove":
                writing.remove(rules, step["id"], versions=versions, **where)
                return Step(204)
            case _:
                ((name, value),) = step["by"].items()
                row, is_new = uniques.upsert(rules, name, value, step["row"], **where)
                return Step(201 if is_new else 200, row)
    except Refused as refusal:
        return Step(refusal.status, refusal.details.get("present"), refusal)
