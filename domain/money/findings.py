"""What the newest comparison with the payment provider found to differ, as a list; and mending one of it."""

from domain import NotFound, Refused
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.number import Number
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, Sort, both
from domain.lists.sources import Given
from domain.money import reconciliations

DONE = Choice((("open", "Waits for you", "bad"), ("refused", "Can't be applied", "warn"), ("mended", "Mended", "good")))
ORDER = DONE.words


def last():
    """The newest comparison that is over, or None."""
    return next((run for run in reconciliations.runs() if not run.is_open), None)


def _rows(_by):
    run = last()
    kept = run.facts.get("kept", ()) if run else ()
    return [_row(run, one) for one in sorted(kept, key=lambda one: ORDER.index(one["done"]))]


def _row(run, one):
    return {
        "id": f"{run.id}-{one['n']}",
        "thing": one["id"],
        "what": one["what"].capitalize(),
        "done": one["done"],
        "rows": len(one["changes"]),
        "changes": _words(one["changes"]),
        "error": one["why"],
    }


def _words(changes):
    """The first few values that differ."""
    told = [f"{name.capitalize()} {before} → {after}" for one in changes for name, before, after in one["columns"]]
    return ", ".join(told[:4]) + (" …" if len(told) > 4 else "")


def one(id):
    """(the finding with this id as it was kept, its comparison). Refuses with NotFound."""
    run, _, number = id.partition("-")
    newest = last()
    if newest is not None and str(newest.id) == run:
        for kept in newest.facts.get("kept", ()):
            if str(kept["n"]) == number:
                return kept, newest
    raise NotFound("That difference isn't among those of the last comparison.")


def mend(id, *, by):
    """Have our rows say what the provider says; returns what to say. Refuses as reconciliations.mend does."""
    kept, run = one(id)
    why = reconciliations.mend(run.id, kept["n"], by=by)
    if why:
        raise Refused(f"It can't be mended: {why}")
    return "Mended: our rows say what the provider says."


listing = Listing(
    "findings",
    "difference",
    "differences",
    None,
    (
        Field("thing", "What differed", Text(200)),
        Field("what", "Kind", Text(40)),
        Field("done", "State", DONE),
        Field("rows", "Rows", Number()),
    ),
    (
        Sort("open", "Open first"),
        *both("what", "By kind", "By kind, backwards"),
        *both("rows", "Fewest rows", "Most rows"),
    ),
    source=Given(_rows),
    search=("thing", "what", "error", "changes"),
    acts=(
        Act(
            "mending", "Mend", mend, "subscriptions.sync", icon="check", when=lambda row: row.done == "open", bulk=True
        ),
    ),
    under=("changes", "error"),
    link=lambda row: f"/admin/reconciliation/{row.id}",
    chips="done",
    reads="subscriptions.sync",
    icon="checks",
    empty=(("all", "What the last comparison with the payment provider finds to differ shows here."),),
)
