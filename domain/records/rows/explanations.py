"""Why somebody sees a row or doesn't, and what they may with it: in sentences, in the order in which it is decided."""

from domain.fields.person import members
from domain.lists.listing import granted
from domain.records import collections, listings, rights, rules, shapes
from domain.records.rows import row_conditions
from domain.records.sight import Sight
from models import Record


def explain(slug, member, id):
    """(whether a member sees a row, sentences). Refuses with NotFound."""
    collection = collections.found(slug)
    shape, names = shapes.read(collection), members()
    name = names.get(member.user.id, member.user.name)
    steps = [f"{name} is {rules.article(member.role)} {member.role} here."]
    row = Record.one(Record.collection == collection, Record.id == id)
    if row is None:
        return False, [*steps, f"There is no row {id} in this table."]
    if row.archived_at is not None:
        return False, [*steps, f"Row {id} lies in the trash, so nobody sees it in the list."]
    allowed, rule = rights.of(collection, member, shape), rights.rule_of(collection, member)
    if member.may("records.build"):
        return True, [*steps, "Owners and admins see all rows and change them."]
    if not granted(member, "records.read"):
        return False, [*steps, "Somebody with that role sees no tables."]
    steps += _ruled(rule, member, shape, names)
    if allowed.paused:
        gone = (
            "A field of that condition is gone or of another kind, so nothing is shown until somebody changes the rule."
        )
        return False, [*steps, gone]
    if allowed.sees == "none":
        return False, steps
    found = listings.of(collection, member)
    row = found.listing.source.get(None, id, member, None, None)
    if allowed.sees == "some":
        steps += _conditions(rule, member, shape, names, id)
    if row is None:
        return False, steps
    return True, [*steps, *_fields(allowed, shape, row, member)]


def _ruled(rule, member, shape, names):
    if rule is None:
        return [f"There is no rule for them: {member.role}s see all rows."]
    own = rule.who.startswith("user:")
    whose = f"They have a rule of their own, which stands instead of that for {member.role}s." if own else ""
    return [*([whose] if whose else ()), rules.sentence(rule, shape, names)]


def _conditions(rule, member, shape, names, id):
    """Of each condition whether the row meets it, and what follows."""
    rows = list(Sight(shape, rights.ALL).get_many([id], is_seen=False).values())

    def meets(where):
        return bool(row_conditions.shown(row_conditions.compiled(where, member.user.id, shape), shape, rows))

    steps = []
    for kept in rule.where:
        said = row_conditions.said(kept, shape, names)
        steps.append(f"{said[0].upper()}{said[1:]}: {'yes' if meets([kept | {'is_or': False}]) else 'no'}.")
    return [*steps, f"So the row {'meets' if meets(rule.where) else 'does not meet'} what is asked."]


def _fields(allowed, shape, row, member):
    """What they may with a row that they see."""
    labels = {cell.name: cell.field.label for cell in shape.cells}
    hidden = [label for name, label in labels.items() if name in allowed.hidden]
    seen = [name for name in labels if name not in allowed.hidden]
    writes = granted(member, "records.write")
    fixed = [labels[name] for name in seen if not (writes and allowed.may_change(row, name, member))]
    steps = [f"They don't see its {rules.listed(hidden)}."] if hidden else []
    if len(fixed) == len(seen):
        steps.append("They change nothing of it.")
    else:
        steps.append(f"They change it{', but not its ' + rules.listed(fixed) if fixed else ''}.")
    if not (writes and allowed.may_archive(row, member)):
        steps.append("They can't put it into the trash.")
    return steps
