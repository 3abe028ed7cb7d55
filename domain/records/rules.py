"""Rules of who may what with a table: made by owners and admins, said as sentences, taken back like any change."""

from database.locks import lock
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import audit, long_jobs, roles
from domain.fields.kinds import Unfit, comparable, whole
from domain.fields.person import members
from domain.lists import conditions
from domain.records import collections, documents, shapes
from domain.records.rows import row_conditions
from models import Collection, Membership, Record, RecordRule

RULED = ("member", "viewer")  # the roles that rules are made for: owners and admins may all
SEES = (("all", "All rows"), ("some", "Only rows that meet the conditions"), ("none", "Nothing of this table"))
CHANGES = (("all", "All rows they see"), ("mine", "Only rows they made"), ("none", "None"))
LEVELS = (("change", "See and change"), ("see", "See"), ("nothing", "Neither"))
MAY = (
    ("adds", "Add rows"),
    ("archives", "Put rows into the trash"),
    ("shares", "Share views, charts and links to a calendar or a file"),
    ("builds", "Build: add and change fields"),
)
KEPT = ("sees", "where", "changes", *dict(MAY), "fields", "others")
WORDS = "record words"  # the long job that moves what is searched
BATCH = 500


def of(collection):
    """who → its rule, of all that a table has."""
    return {rule.who: rule for rule in RecordRule.select().where(RecordRule.collection == collection)}


@writes
def change(slug, who, form, *, by, shape=None):
    """Say what somebody («role:member», «user:12») may with a table.

    `form` has sees, where (conditions as row_conditions.py reads them) and what of_form reads as one more, changes,
    what MAY names, field_N for each field, others for those that it doesn't name, and later for fields that come
    later: where it says nothing, nobody new sees these once one is hidden. Refuses with Invalid, NotFound or Stale.
    """
    by.require("records.build")
    collection = collections.found(slug)
    lock("records", collection.id)
    values = _read(collection, shapes.read(collection), who, form)
    before = _values(collection, who)
    _put(collection, who, values)
    rule = RecordRule.get(RecordRule.collection == collection, RecordRule.who == who)
    said = sentence(rule, shapes.read(collection), members())
    _changed(collection, {who: [before, _values(collection, who)]}, f"{collection.name}: {said}", by, shape)
    return rule


@writes
def remove(slug, who, *, by):
    """Take a rule back: what a role has everywhere holds again. Refuses with NotFound."""
    by.require("records.build")
    collection = collections.found(slug)
    lock("records", collection.id)
    before = existing(_values(collection, who), "There is no such rule.")
    _put(collection, who, None)
    summary = f"{collection.name}: the rule for {called(who, members())} was removed"
    _changed(collection, {who: [before, None]}, summary, by)


def put_back(collection, pairs, by):
    """Undo a change of rules, who → [what it was, what it became], in the present transaction. Returns its ShapeChange.

    Refuses what was changed since.
    """
    lock("records", collection.id)
    for who, (before, after) in pairs.items():
        if _values(collection, who) != after:
            raise Refused(f"The rule for {called(who, members())} was changed since. Take that back first.")
        _put(collection, who, before)
    turned = {who: pair[::-1] for who, pair in pairs.items()}
    names = ", ".join(called(who, members()) for who in pairs)
    return _changed(collection, turned, f"{collection.name}: the rule for {names} is as it was before", by)


def _values(collection, who):
    found = RecordRule.one(RecordRule.collection == collection, RecordRule.who == who)
    return found and {name: getattr(found, name) for name in KEPT}


def _put(collection, who, values):
    here = RecordRule.collection == collection, RecordRule.who == who
    if values is None:
        RecordRule.delete().where(*here).execute()
    elif not RecordRule.update(**values).where(*here).execute():
        RecordRule.create(collection=collection, who=who, **values)


def _changed(collection, pairs, summary, by, shape=None):
    was = {cell.id: cell.is_open for cell in shapes.read(Collection.get_by_id(collection.id)).cells}
    noted = collections.changed(collection, {"rules": pairs}, summary, by, shape)
    collection = Collection.get_by_id(collection.id)
    if was != {cell.id: cell.is_open for cell in shapes.read(collection).cells}:
        find_words_anew(collection, by)
    return noted


def find_words_anew(collection, by):
    """Have what is searched of a table's rows made anew by a job, in the present transaction."""
    Collection.update(settings=collection.settings | {"stale_words": True}).where(
        Collection.id == collection.id
    ).execute()
    long_jobs.replace(WORDS, str(collection.id))
    long_jobs.begin(WORDS, str(collection.id), by=by.user, organization=by.organization.id, after=0)


# --- out of a form --------------------------------------------------------------------------------------------------


def _read(collection, shape, who, form):
    kind, _, id = who.partition(":")
    known = (kind == "role" and id in RULED) or (
        kind == "user"
        and Membership.one(Membership.organization == collection.organization_id, Membership.user == whole(id))
    )
    if not known:
        raise NotFound("There is no such role or person here.")
    values = {name: form.get(name, "") for name in ("sees", "changes", "others")}
    offers = (("sees", SEES), ("changes", CHANGES), ("others", LEVELS))
    problems = {name: "Choose one of these." for name, offered in offers if values[name] not in dict(offered)}
    where = []
    if values["sees"] == "some":
        try:
            before = (_values(collection, who) or {}).get("where") or []
            where = row_conditions.still_meant(before, row_conditions.read(shape, _conditions(form)))
        except Unfit as unfit:
            problems["where"] = str(unfit)
        else:
            problems |= {} if where else {"where": "Add a condition, or show all rows."}
    levels = {str(cell.id): form.get(f"field_{cell.id}", "") for cell in shape.cells}
    levels = {id: level if level in dict(LEVELS) else values["others"] for id, level in levels.items()}
    away = (_values(collection, who) or {}).get("fields", {})  # of fields that were put away, and may come back
    levels = {id: level for id, level in away.items() if id not in levels} | levels
    may = {name: form.get(name) == "1" for name, _ in MAY}
    later = form.get("later", "")
    if later not in dict(LEVELS):
        later = "nothing" if "nothing" in levels.values() else values["others"]
    problems |= _impossible(shape, values, levels, later, may)
    if problems:
        raise Invalid(problems)
    return values | may | {"where": where, "fields": levels, "others": later}


def _conditions(form):
    one = conditions.of_form(form)
    return [*form.getlist("where"), *([one.written()] if one else ())]


def _impossible(shape, values, levels, later, may):
    """What of a rule contradicts itself: name → a sentence."""
    if levels[str(shape.cells[0].id)] == "nothing" and values["sees"] != "none":
        return {f"field_{shape.cells[0].id}": "The first field is what a row is called by: who sees rows sees it."}
    if may["builds"] and (values["sees"] != "all" or "nothing" in (*levels.values(), later)):
        return {"builds": "Who builds meets all that stands here. Let them see all rows and fields, or not build."}
    return {}


# --- in words ----------------------------------------------------------------------------------------------------


def called(who, names):
    """Whom a rule is for: a role, or a person by name."""
    kind, _, id = who.partition(":")
    return f"{id}s" if kind == "role" else names.get(whole(id), "somebody who left")


DOES = {"adds": "add rows", "archives": "put rows into the trash", "shares": "share", "builds": "build the table"}


def sentence(rule, shape, names):
    """A rule as people read it."""
    is_role = rule.who.startswith("role:")
    who, verb = called(rule.who, names), "see" if is_role else "sees"
    who = who.capitalize() if is_role else who
    if rule.sees == "none":
        return f"{who} {verb} nothing of this table."
    rows = f"rows where {row_conditions.joined(rule.where, shape, names)}" if rule.sees == "some" else "all rows"
    levels = {cell.field.label: rule.fields.get(str(cell.id), rule.others) for cell in shape.cells}
    hidden = [label for label, level in levels.items() if level == "nothing"]
    fixed = [label for label, level in levels.items() if level == "see"]
    parts = [f"{who} {verb} {rows}, with all fields{' but ' + listed(hidden) if hidden else ''}."]
    if rule.changes == "none":
        parts.append("They change nothing.")
    else:
        whose = " of rows they made" if rule.changes == "mine" else ""
        parts.append(f"They change everything they see{whose}{' but ' + listed(fixed) if fixed else ''}.")
    more = [word for name, word in DOES.items() if getattr(rule, name)]
    if more:
        parts.append(f"They may {listed(more)}.")
    if hidden or rule.others == "nothing":
        comes = {"nothing": "don't see", "see": "see and don't change", "change": "see and change"}[rule.others]
        parts.append(f"Fields that come later they {comes}.")
    return " ".join(parts)


def listed(labels):
    """Words as people list them."""
    return labels[0] if len(labels) == 1 else f"{', '.join(labels[:-1])} and {labels[-1]}"


def article(role):
    """The «a» or «an» before a role."""
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
    name = eyes.user.name if eyes.real_user else f"{article(id)} {id}"
    summary = f"{by.user.name} looked at {collection.name} as {name}"
    audit.record("records.looked", summary, by=by.user, organization=by.organization, target=target)
    return eyes.role, eyes.user.id if eyes.real_user else None


# --- what is searched ------------------------------------------------------------------------------------------------


@long_jobs.worker(WORDS)
@writes
def move_words(job):
    """One batch of rows whose searched words follow a rule; how many."""
    collection = Collection.one(Collection.id == int(job.subject))
    if collection is None:
        return long_jobs.finish(job)
    lock("records", collection.id)
    shape = shapes.read(collection)
    live = Record.collection == collection, Record.archived_at.is_null(), Record.id > job.facts["after"]
    batch = list(Record.select(Record.id, Record.cells).where(*live).order_by(Record.id).limit(BATCH))
    for row in batch:
        found = documents.words(shape, documents.loaded(row.cells))
        Record.update(**found).where(Record.id == row.id).execute()
    if batch:
        long_jobs.progress(job, job.done + len(batch), lasting=True, after=batch[-1].id)
        return len(batch)
    settings = {name: value for name, value in collection.settings.items() if name != "stale_words"}
    Collection.update(settings=settings).where(Collection.id == collection.id).execute()
    return long_jobs.finish(job)
