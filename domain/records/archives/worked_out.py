"""Fields of a ZIP that are worked out: made anew by what their formulas go by here, or kept as what they gave."""

from database.transactions import writes
from domain.fields.kinds import Unfit
from domain.fields.records import registry
from domain.records import collections, shapes
from domain.records.computed import dependents, formulas
from models import RecordField


def make(wanted, job, make_field, by):
    """Make fields of (shape, field), each after those it goes by; `make_field` takes a table's number and a field.

    One whose formula can't be here, as it goes by what the ZIP hasn't, becomes a field that people write.
    """
    left = [one for one in wanted if str(one[1]["id"]) not in job.facts["fields"]]
    while left:
        stuck = []
        for shape, field in left:
            table = job.facts["tables"][str(shape["id"])]
            options = _settings(collections.numbered(table), field, job.facts["fields"], by)
            if options is None:
                stuck.append((shape, field))
            else:
                make_field(table, field | {"options": options})
        if len(stuck) == len(left):
            shape, field = stuck.pop(0)
            make_field(job.facts["tables"][str(shape["id"])], typed(field))
        left = stuck


def typed(field):
    """A field as one that people write: of one that is worked out, of the kind that it gives."""
    if field["kind"] not in registry.COMPUTED:
        return field
    kept = {name: field["options"][name] for name in ("places", "currency") if field["options"].get(name)}
    return field | {"kind": registry.plain(field["kind"], field["options"]), "options": kept, "begins": None}


@writes
def put_in_order(about, fields):
    """Give the fields of tables the places that a ZIP says."""
    for shape in about:
        for place, field in enumerate(shape["fields"]):
            RecordField.update(place=place).where(RecordField.id == fields[str(field["id"])]).execute()


@writes
def begin(tables, by):
    """Have what formulas of tables give worked out, once all links are there."""
    for id in tables:
        if shapes.read(collections.numbered(id)).computed:
            dependents.begin(id, by)


def _settings(table, field, fields, by):
    """The settings of a field by the numbers that fields have now; None where not all that it goes by is here."""
    try:
        form = {"tree": renumbered(field["options"]["tree"], lambda id: fields[str(id)])}
        return formulas.read(table, field["kind"], form | {"places": field["options"].get("places")}, by)
    except (KeyError, Unfit):
        return None


def renumbered(tree, number):
    """A formula's tree, as JSON kept it, by the numbers that fields have here: `number(id)` says which."""
    if tree[0] in ("field", "link", "back"):
        return (tree[0], *(number(id) if id else 0 for id in tree[1:]))
    return tuple(renumbered(part, number) if isinstance(part, list | tuple) else part for part in tree)
