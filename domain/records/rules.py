"""Rules of who may what with a table: made by owners and admins, said as sentences, and explained for one row."""

from database.locks import lock
from database.scope import inside
from database.transactions import writes
from domain import Invalid, NotFound
from domain.base import audit, long_jobs, roles
from domain.fields.kinds import comparable, whole
from domain.fields.person import members
from domain.lists.listing import granted
from domain.records import collections, documents, listings, rights, shapes
from models import Collection, Membership, Record, RecordRule

RULED = ("member", "viewer")  # the roles that rules are made for: owners and admins may all
SEES = (("all", "All rows"), ("some", "Only rows that meet a condition"), ("none", "Nothing of this table"))
CHANGES = (("all", "All rows they see"), ("mine", "Only rows they made"), ("none", "None"))
LEVELS = (("change", "See and change"), ("see", "See"), ("nothing", "Neither"))
WORDS = "record words"  # the long job that moves what is searched
BATCH = 500


def of(collection):
    """who → its rule, of all that a table has."""
    return {rule.who: rule for rule in RecordRule.select().where(RecordRule.collection == collection)}


def conditions(shape):
    """(value of a form, in words) of the conditions that rows can be shown by: one holder or one word each."""
    offered = [("made:me", "they made it themselves")]
    for cell in shape.cells:
        if cell.kind_name == "person" and cell.is_keyed:
            offered.append((f"{cell.id}:me", f"{cell.field.label} is themselves"))
        if cell.kind_name == "choice":
            offered += [(f"{cell.id}:{id}", f"{cell.field.label} is {label}") for id, label, _ in cell.kind.options]
    return tuple(offered)


@writes
def change(slug, who, form, *, by):
    """Say what somebody («role:member», «user:12») may with a table.

    `form` has sees, where (a list of `conditions`), changes, adds, archives, others, and field_N for each field.
    Refuses with Invalid or NotFound.
    """
    by.require("records.build")
    collection = collections.found(slug)
    lock("records", collection.id)
    shape = shapes.read(collection)
    values = _read(collection, shape, who, form)
    before = RecordRule.one(RecordRule.collection == collection, RecordRule.who == who)
    if before is None:
        RecordRule.create(collection=collection, who=who, **values)
    else:
        RecordRule.update(**values).where(RecordRule.id == before.id).execute()
    rule = RecordRule.get(RecordRule.collection == collection, RecordRule.who == who)
    said = sentence(rule, shape, members())
    _changed(collection, shape, {"rule": who}, f"{collection.name}: {said}", by)
    return rule


@writes
def remove(slug, who, *, by):
    """Take a rule back: what a role has everywhere holds again. Refuses with NotFound."""
    by.require("records.build")
    collection = collections.found(slug)
    lock("records", collection.id)
    shape = shapes.read(collection)
    found = RecordRule.delete().where(RecordRule.collection == collection, RecordRule.who == who)
    if not found.execute():
        raise NotFound("There is no such rule.")
    summary = f"{collection.name}: the rule for {called(who, members())} was removed"
    _changed(collection, shape, {"unrule": who}, summary, by)


def _changed(collection, shape, what, summary, by):
    collections.changed(collection, what, summary, by)
    was = {cell.id: cell.is_open for cell in shape.cells}
    collection = Collection.get_by_id(collection.id)
    if was != {cell.id: cell.is_open for cell in shapes.read(collection).cells}:
        find_words_anew(collection, by)


def find_words_anew(collection, by):
    """Have what is searched of a table's rows made anew by a job, in the present transaction."""
    Collection.update(settings=collection.settings | {"stale_words": True}).where(
        Collection.id == collection.id
    ).execute()
    long_jobs.replace(WORDS, str(collection.id))
    long_jobs.begin(WORDS, str(collection.id), by=by.user, organization=by.organization.id, after=0)


def _read(collection, shape, who, form):
    problems = {}
    kind, _, id = who.partition(":")
    known = (kind == "role" and id in RULED) or (
        kind == "user"
        and Membership.one(Membership.organization == collection.organization_id, Membership.user == whole(id))
    )
    if not known:
        raise NotFound("There is no such role or person here.")
    values = {name: form.get(name, "") for name in ("sees", "changes", "others")}
    for name, offered in (("sees", SEES), ("changes", CHANGES), ("others", LEVELS)):
        if values[name] not in dict(offered):
            problems[name] = "Choose one of these."
    known_conditions = dict(conditions(shape))
    where = [said for said in form.getlist("where") if said in known_conditions]
    if values["sees"] == "some" and not where:
        problems["where"] = "Tick at least one condition, or show all rows."
    levels = {str(cell.id): form.get(f"field_{cell.id}", "") for cell in shape.cells}
    levels = {id: level for id, level in levels.items() if level in dict(LEVELS)}
    if levels.get(str(shape.cells[0].id)) == "nothing":
        problems[f"field_{shape.cells[0].id}"] = "The first field is what a row is called by: everybody sees it."
    if problems:
        raise Invalid(problems)
    adds, archives = (form.get(name) == "1" for name in ("adds", "archives"))
    parted = [said.partition(":") for said in where] if values["sees"] == "some" else []
    conditions_ = [[int(a) if a.isdigit() else a, int(b) if b.isdigit() else b] for a, _, b in parted]
    return values | {"where": conditions_, "fields": levels, "adds": adds, "archives": archives}


# --- in words ----------------------------------------------------------------------------------------------------


def called(who, names):
    """Whom a rule is for: a role, or a person by name."""
    kind, _, id = who.partition(":")
    return f"{id}s" if kind == "role" else names.get(whole(id), "somebody who left")


def sentence(rule, shape, names):
    """A rule as people read it."""
    who = called(rule.who, names).capitalize() if rule.who.startswith("role:") else called(rule.who, names)
    verb = "see" if rule.who.startswith("role:") else "sees"
    if rule.sees == "none":
        return f"{who} {verb} nothing of this table."
    offered = dict(conditions(shape))
    said = [offered.get(f"{what}:{value}", "a field that is gone is something") for what, value in rule.where]
    rows = f"rows where {' or '.join(said)}" if rule.sees == "some" else "all rows"
    levels = {cell.field.label: rule.fields.get(str(cell.id), rule.others) for cell in shape.cells}
    hidden = [label for label, level in levels.items() if level == "nothing"]
    fixed = [label for label, level in levels.items() if level == "see"]
    parts = [f"{who} {verb} {rows}, with all fields{' but ' + _listed(hidden) if hidden else ''}."]
    they = "They"
    if rule.changes == "none":
        parts.append(f"{they} change nothing.")
    else:
        whose = " of rows they made" if rule.changes == "mine" else ""
        parts.append(f"{they} change everything they see{whose}{' but ' + _listed(fixed) if fixed else ''}.")
    more = [word for word, is_on in (("add rows", rule.adds), ("put rows into the trash", rule.archives)) if is_on]
    if more:
        parts.append(f"{they} may {' and '.join(more)}.")
    return " ".join(parts)


def _listed(labels):
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def explain(slug, member, id):
    """Why somebody sees a row or doesn't: (whether they do, sentences in the order in which it is decided)."""
    collection = collections.found(slug)
    shape, names = shapes.read(collection), members()
    name = names.get(member.user.id, member.user.name)
    row = Record.one(Record.collection == collection, Record.id == id)
    steps = [f"{name} is {_article(member.role)} {member.role} here."]
    if row is None:
        return False, [*steps, f"There is no row {id} in this table."]
    if row.archived_at is not None:
        return False, [*steps, f"Row {id} lies in the trash, so nobody sees it in the list."]
    allowed, rule = rights.of(collection, member, shape), rights.rule_of(collection, member)
    if allowed.builds:
        return True, [*steps, "Owners and admins see all rows."]
    if not granted(member, "records.read"):
        return False, [*steps, "Somebody with that role sees no tables."]
    steps.append(sentence(rule, shape, names) if rule else f"There is no rule for them: {member.role}s see all rows.")
    if allowed.paused:
        return False, [
            *steps,
            "A field of that condition is gone, so nothing is shown until somebody changes the rule.",
        ]
    if allowed.sees == "none":
        return False, steps
    sight = listings.of(collection, member).listing.source
    sees = sight.get(None, id, member, None, None) is not None
    if allowed.sees == "some":
        steps.append("This row meets one of the conditions." if sees else "This row meets none of the conditions.")
    if sees and allowed.hidden:
        labels = [cell.field.label for cell in shape.cells if cell.name in allowed.hidden]
        steps.append(f"They don't see its {_listed(labels)}.")
    return sees, steps


def _article(role):
    return "an" if role[0] in "aeiou" else "a"


# --- with other eyes ------------------------------------------------------------------------------------------------


def eyes(by, people):
    """(who, name) of those through whose eyes this member can look at a table: lesser roles, and who has one.

    `people` are the members by their number.
    """
    lesser = roles.below(by.role)
    theirs = sorted((one for one in people.values() if one.role in lesser), key=lambda one: comparable(one.user.name))
    return [(f"role:{role}", f"Any {role}") for role in lesser] + [
        (f"user:{one.user.id}", one.user.name) for one in theirs
    ]


@writes
def look(slug, who, *, by):
    """Look at a table through the eyes of a role or a person («role:viewer», «user:12»), which is noted.

    Returns (role, the person's id or None). Refuses with NotFound, or with Forbidden for who isn't of a lesser role.
    """
    by.require("records.build")
    collection = collections.found(slug)
    kind, _, id = who.partition(":")
    if kind == "role":
        eyes, target = by.seen_as(id), collection
    else:
        eyes = by.looking_as(by.colleague(whole(id)) if kind == "user" and whole(id) else None)
        target = eyes.user
    name = eyes.user.name if eyes.real_user else f"{_article(id)} {id}"
    summary = f"{by.user.name} looked at {collection.name} as {name}"
    audit.record("records.looked", summary, by=by.user, organization=by.organization, target=target)
    return eyes.role, eyes.user.id if eyes.real_user else None


# --- what is searched ------------------------------------------------------------------------------------------------


def move_words():
    """One batch of rows whose searched words follow a rule; how many, 0 when there is nothing to do."""
    work = long_jobs.claim(WORDS)
    if work is None:
        return 0
    return _move_words(work)


@writes
def _move_words(work):
    from_id = work.facts["after"]
    with inside(work.facts["organization"]):
        collection = Collection.one(Collection.id == int(work.subject))
        if collection is None:
            return long_jobs.finish(work) and 1
        lock("records", collection.id)
        shape = shapes.read(collection)
        live = Record.collection == collection, Record.archived_at.is_null(), Record.id > from_id
        batch = list(Record.select(Record.id, Record.cells).where(*live).order_by(Record.id).limit(BATCH))
        for row in batch:
            found = documents.words(shape, documents.loaded(row.cells))
            Record.update(**found).where(Record.id == row.id).execute()
        if batch:
            return (
                len(batch) if long_jobs.progress(work, work.done + len(batch), lasting=True, after=batch[-1].id) else 0
            )
        settings = {name: value for name, value in collection.settings.items() if name != "stale_words"}
        Collection.update(settings=settings).where(Collection.id == collection.id).execute()
        long_jobs.finish(work)
        return 1
