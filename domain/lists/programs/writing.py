"""Rows of any listed table as programs write them: strict about types, with the version that they had read.

What changes, and who may, is rows.py's.
"""

from contextlib import contextmanager

from database.columns import public_id
from database.locks import lock
from database.scope import scope
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base.allowances import spend
from domain.base.stepup import VerificationRequired
from domain.fields.derived import Derived
from domain.fields.forms import read_whole
from domain.fields.kinds import Unfit
from domain.fields.records.leftover import LeftOver
from domain.fields.records.option import Options
from domain.lists import attachments, lists, rows
from domain.lists.listing import demand
from domain.lists.programs.asking import UNKNOWN, called, names, unknown
from domain.lists.programs.reading import one, version

READ_ONLY = "This field is only read."


class Changed(Refused):
    """Something else stands there by now than what the program had read; `details` has it as `present`."""

    code, status = "PRECONDITION_FAILED", 412


class LinkedElsewhere(Refused):
    """No two rows link to the same one there, and another does; `details` has that as `present`, where it is seen."""

    code = "LINKED_ELSEWHERE"


class NeedsPerson(Refused):
    """What takes a proof of who one is, which no program has."""

    code, status = VerificationRequired.code, 403


class VersionNeeded(Refused):
    """The key may change nothing that its program didn't read."""

    code, status = "PRECONDITION_REQUIRED", 428


@writes
def create(rules, sent, *, by, parent=None):
    """Make a row of JSON; returns it. Refuses as rows.create, with LinkedElsewhere, and with Invalid what is unknown or
    only read."""
    form, links = _form(rules, sent)
    with _said_for_programs(rules.listing):
        batch = _free(rules, links, None, by, parent)
        row = rows.create(rules, form, by=by, parent=parent, batch=batch)
    return _still_seen(rules, row.id, by, parent)


@writes
def change(rules, id, sent, *, by, parent=None, versions=()):
    """Change the fields that are sent and no others; null empties. Returns the row as it is then.

    Where `versions` are given, one of them must be the row's: Changed otherwise. Refuses as rows.change, and with
    LinkedElsewhere.
    """
    _check_version(rules, id, by, parent, versions)
    form, links = _form(rules, sent, lambda: _present(rules, id, by, parent))
    with _said_for_programs(rules.listing):
        rows.change(rules, id, form, by=by, parent=parent, batch=_free(rules, links, id, by, parent))
    return _still_seen(rules, id, by, parent)


def _still_seen(rules, id, by, parent):
    """A row as it was written; what its writer would see no more stays unwritten: refuses with Forbidden."""
    if (row := _there(rules, id, by, parent)) is None:
        raise Forbidden(f"As it would be then, this {rules.listing.thing} isn't yours to see, so nothing was changed.")
    return row


@writes
def remove(rules, id, *, by, parent=None, versions=()):
    """Remove a row, as rows.remove does: it is in the trash. Refuses with Changed too."""
    _check_version(rules, id, by, parent, versions)
    rows.remove(rules, id, by=by, parent=parent)


@writes
def attach(rules, id, facts, *, by, field="", parent=None, versions=()):
    """Note the file of attachments.bring on a row, or in its cell of a field. Refuses as attachments.note, and with
    Changed."""
    _check_version(rules, id, by, parent, versions)
    return attachments.note(rules, id, facts, by=by, parent=parent, field=field)


@writes
def act(rules, chosen, id, sent, *, by, parent=None, versions=()):
    """Do an Act to a row, with the `value` that was sent where it asks for one; returns (what to say, the row as it is
    then, None where it is gone). Refuses as rows.act, with Invalid, with Changed, and with NeedsPerson."""
    demand(by, chosen.capability)
    _check_version(rules, id, by, parent, versions)
    one(rules, id, by, parent)
    if wrong := dict.fromkeys(sent.keys() - ({"value"} if chosen.asks else set()), UNKNOWN):
        raise Invalid(wrong)
    value = _asked_value(rules, chosen, id, sent.get("value"), by, parent) if chosen.asks else None
    if chosen.spends:
        spend(chosen.spends, by.organization)
    try:
        with _said_for_programs(rules.listing):
            answer = rows.act(rules, chosen.key, [id], by=by, value=value, parent=parent)[2]
    except VerificationRequired as refusal:
        says = refusal.details["says"]
        raise NeedsPerson(f"No key can {says}: that takes a proof of who one is, on the site’s pages.") from None
    return answer if isinstance(answer, str) else chosen.done, _there(rules, id, by, parent)


def _asked_value(rules, chosen, id, sent, by, parent):
    field = chosen.asks(lists.find(rules.listing, id, by, parent), by)
    try:
        text = "" if sent is None else field.kind.text(field.kind.from_json(sent))
        return read_whole((field,), {field.name: text})[field.name]
    except Unfit as unfit:
        raise Invalid({"value": str(unfit)}) from None
    except Invalid as refusal:
        raise Invalid({"value": refusal.fields[field.name]}) from None


def need_version(rules, by, versions):
    """Refuses with VersionNeeded."""
    if not versions and by.api_key and by.api_key.needs_version:
        raise VersionNeeded(f"This key has to name the version of the {rules.listing.thing} that it read, as If-Match.")


def keep_others_out(listing):
    """Other programs of this organization that make or change rows of the list wait, until the transaction ends."""
    lock("api row", f"{scope()} {listing.table}")


def _check_version(rules, id, by, parent, versions):
    need_version(rules, by, versions)
    if not versions:
        return
    keep_others_out(rules.listing)
    rules.listing.rows.hold(rules.listing, id)
    present = one(rules, id, by, parent)
    if "*" not in versions and version(present) not in versions:
        raise Changed(f"This {rules.listing.thing} was changed meanwhile.", present=present)


def _present(rules, id, by, parent):
    """The row as it stands, to which something is added: who else does that waits."""
    keep_others_out(rules.listing)
    return rows.get(rules, id, by, parent)


def _form(rules, sent, present=lambda: None):
    """(JSON as the texts that a form would have, name of a link to one row → (it, whether it is moved here)).

    Refuses with Invalid, for all fields at once."""
    listing, known, form, wrong, links = rules.listing, names(rules.listing), {}, {}, {}
    written = {f.name: f for f in listing.written if not isinstance(f.kind, Derived)}
    for name, value in sent.items():
        field = written.get(known.get(name, ""))
        if field is None:
            wrong[name] = READ_ONLY if name == "id" or name in known else unknown(listing, name)
            continue
        try:
            if isinstance(value, dict) and {*value} <= {"add", "remove"} and field.kind.pointing:
                value = _moved(field, listing.column(field.name), value, present())
            is_moved = field.kind.pointing and isinstance(value, dict) and _is_moved(value)
            given = None if value is None else _of_json(field, listing, value, present)
            form[field.name] = "" if value is None else field.kind.text(given)
            if field.kind.pointing and given:
                links[field.name] = given, is_moved
        except Unfit as unfit:
            wrong[name] = str(unfit)
    if wrong:
        raise Invalid(wrong)
    return form, links


def _of_json(field, listing, value, present):
    try:
        return field.kind.from_json(value)
    except Unfit:
        row = present() if isinstance(field.kind, Options) else None
        if row is None or isinstance(stands := listing.column(field.name).of(row), LeftOver):
            raise
        return field.kind.with_resting(stands).from_json(value)


def _is_moved(sent):
    if not isinstance(sent.get("move", False), bool):
        raise Unfit("“move” is true or false.")
    return sent.get("move", False)


def _free(rules, links, id, by, parent):
    """Have the rows that link to what row `id` is to link to let go of it, where that is moved and no two may have it;
    returns what these changes have as their batch. Refuses with LinkedElsewhere, and as `change`."""
    batch, once = None, dict(rules.listing.once)
    for name, (value, is_moved) in links.items():
        if name not in once:
            continue
        keep_others_out(rules.listing)
        holder = once[name](value, by, parent)
        if holder in (None, id):
            continue
        if not is_moved or (present := _there(rules, holder, by, parent)) is None:
            raise _linked_elsewhere(rules, name, _there(rules, holder, by, parent))
        need_version(rules, by, ())
        batch = batch or public_id()
        rows.change(rules, present["id"], {name: ""}, by=by, parent=parent, batch=batch)
    return batch


def _there(rules, id, by, parent):
    try:
        return one(rules, id, by, parent)
    except NotFound:
        return None


def _linked_elsewhere(rules, name, present):
    field = rules.listing.by_name[name]
    who = f"Row {present['id']}" if present else "Another row"
    also = "; send “move”: true to have it here instead" if present else ""
    said = f"{who} has this as its {field.label}, and no two may{also}."
    return LinkedElsewhere(said, fields={name: said}, present=present)


def _moved(field, column, sent, row):
    """The rows that a link points to once some are added and others removed. Refuses with Unfit."""
    stand = column.of(row) if row is not None else ()
    ids, (add, remove) = list(map(int, stand)) if isinstance(stand, tuple) else [], map(sent.get, ("add", "remove"))
    for some in (add, remove):
        if some is not None and not (isinstance(some, list) and all(type(one) is int for one in some)):
            raise Unfit("Send lists of rows' numbers to add and to remove.")
    if not field.kind.takes_many:
        raise Unfit("It links to one row: send its number.")
    return [id for id in dict.fromkeys([*ids, *(add or ())]) if id not in (remove or ())] or None


@contextmanager
def _said_for_programs(listing):
    """What is refused within is said of the names that programs know."""
    try:
        yield
    except (Invalid, LinkedElsewhere) as refusal:
        own = {f.name: called(listing, f) for f in listing.fields}
        refusal.fields = {own.get(name, name): text for name, text in refusal.fields.items()}
        raise
