"""Making, changing and removing rows of any listed table: checked field by field, noted, undoable.

What is special about a table (a task's completion, say) is in its `Rules`; nothing here knows tasks.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from peewee import IntegrityError

from database.clock import now
from database.columns import public_id
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused, Stale
from domain.base import changes
from domain.base.stepup import VerificationRequired
from domain.fields.forms import as_text, check_fresh, read_form, read_whole
from domain.fields.kinds import Unfit
from domain.fields.person import members
from domain.fields.records.leftover import LeftOver, restored_cell, stored_cell
from domain.fields.records.option import Options
from domain.lists import lists
from domain.lists.listing import Listing, demand, looks_only
from domain.lists.tables import as_json
from models import Change

BULK = 200
UNDO_FOR = timedelta(hours=1)
VIA = "via"  # in a noted change, what was acted by where nobody was: a public form


def _nothing(*_args, **_kwargs):
    return None


def never(*_args):
    """Says of every row that it isn't theirs: such rules have no such operation at all."""
    return False


def _all(_by):
    return True


@dataclass(frozen=True)
class Rules:
    """A listed table and what only it knows."""

    listing: Listing
    reachable: Any = _all  # (by) → condition for the rows they may see at all
    may_change: Any = never  # (row, field name, by) → bool; looks at the row's people and nothing else of it
    may_remove: Any = never  # (row, by) → bool
    why: Any = None  # (row, by, verb, members) → the sentence that says who may, for who may not
    derive: Any = _nothing  # (row or None, values; of a new one with its parent) → values that follow from a change
    after: Any = _nothing  # (row, before, change, by) in the transaction of the change
    proposes: Any = lambda by: {}  # (by) → texts that the form for a new row begins with
    may_add: Any = _all  # (by) → whether they make rows, of those who may write here
    lock: str = ""  # a matter that a new row is made behind, which comes before what a change locks
    may_fill: Any = _all  # (field name) → whether a new row's field is theirs to fill
    files: str = "change"  # or «see», «none»: what they may with files on rows that stand in no field
    lacks: frozenset = frozenset()  # operations for programs that their rights leave of no row
    bound: Any = None  # of a list of the house, the rows that a key is good for: lists/programs/bounds.py
    told: Any = None  # the rules by which programs are told of rows, where those aren't these
    fixed: Any = field(default_factory=dict)  # name for programs → why it isn't written, of what can't be any more
    seen_by: Any = None  # (by) → the rules as another member has them, where they depend on who asks


def get(rules, id, by, parent=None):
    """The row of the table, if it is one of the list's and they may see it. Refuses with NotFound."""
    row = None
    if isinstance(id, int) and id < 2**31:
        row = rules.listing.rows.get(rules.listing, id, by, parent, rules.reachable(by))
    spoken = rules.listing.only is not None and rules.listing.joins  # a condition that may be of a joined table
    if row is None or (spoken and lists.find(rules.listing, id, by, parent) is None):
        raise not_here(rules.listing)
    return row


def not_here(listing):
    """The refusal for a row that isn't there, or isn't theirs to see."""
    return NotFound(f"This {listing.thing} isn't here: it was removed, or it isn't yours to see.")


@writes
def create(rules, form, *, by, parent=None, key="", batch=""):
    """Make a row out of form texts, owned by `by`; a form that is sent twice with one `key` makes one row. `batch` is
    what it shares with other changes.

    Refuses with Invalid or Forbidden, and with NotFound what the same form made and somebody removed since.
    """
    listing = rules.listing
    demand(by, listing.writes)
    if not rules.may_add(by):
        raise Forbidden(f"You can't add {listing.things} here.")
    key = changes.form_key(key)
    if key and (made := changes.made(by, listing.table, key)):
        return get(rules, made.row_id, by, parent)
    _refuse_gone(listing, form)
    asked = [f for f in listing.written if rules.may_fill(f.name) and (f.begins is None or f.name in form)]
    beyond = [f for f in listing.written if not rules.may_fill(f.name) and "".join(_texts(form, f.name)).strip()]
    values = begun(rules, read_whole(asked, form) | read_form(beyond, form))
    return add(rules, values, by=by, parent=parent, batch=key or batch)


def _refuse_gone(listing, form):
    """Refuse with Invalid a form with words in a field that was taken out of the list since it was drawn, or that isn't
    theirs to see: the words are said back, so that nothing is lost."""
    named = listing.source and listing.source.named
    others = sorted(form.keys() - {f.name for f in listing.written}) if named else ()
    gone = [text for name in others if named.fullmatch(name) for text in _texts(form, name) if text.strip()]
    if gone:
        said = ", ".join(f"“{text[:500]}”" for text in gone)
        raise Invalid({"form": f"This list was changed meanwhile: no field takes {said} any more. Copy what you need."})


def _texts(form, name):
    found = form.getlist(name) if hasattr(form, "getlist") else form.get(name, "")
    return found if isinstance(found, list | tuple) else [found]


def begun(rules, given):
    """The values of a new row: what was given, and in other fields what it begins with.

    Refuses with Invalid what is given for a field that isn't theirs to fill.
    """
    values = {f.name: f.default if f.begins is None else f.begins for f in rules.listing.written}
    theirs = {name: value for name, value in given.items() if rules.may_fill(name)}
    beyond = [name for name in given.keys() - theirs.keys() if given[name] not in (None, values.get(name))]
    if beyond:
        said = "You see this field, but it isn't yours to fill."
        raise Invalid({name: f"{rules.listing.by_name[name].label}: {said}" for name in beyond})
    return values | theirs


def add(rules, values, *, by, parent=None, batch="", is_told=True):
    """Make a row of values that were read, within a write. Where it isn't told, nothing is noted and nobody hears.

    Refuses with what the table refuses.
    """
    listing = rules.listing
    stands = {listing.parent.name: parent} if listing.parent is not None else {}
    values |= rules.derive(None, values | stands) or {}
    row = listing.rows.make(listing, values, by, parent)
    if is_told:
        rules.after(row, None, _note(rules, row, "created", _diff(listing, None, values), by, batch), by)
    return row


@writes
def change(rules, id, form, *, by, was=None, batch=None, parent=None):
    """Change some fields of a row to form texts; returns (row, the noted change or None).

    `was` is the text each field had on the page: when something else stands there by now, nothing is
    changed and Stale says so. Refuses with NotFound, Forbidden or Invalid too.
    """
    row = get(rules, id, by, parent)
    _refuse_gone(rules.listing, form)
    fields = list(_to_read(rules.listing, row, form))
    values = read_form(fields, form)
    if was:
        now_there = {name: rules.listing.column(name).of(row) for name in values}
        check_fresh(rules.listing.thing, fields, now_there, values, was)
    return row, _apply(rules, row, values, by, batch)


def _to_read(listing, row, form):
    """The fields of a form, without what was sent back as it stood and can't be chosen: words that fit no kind, options
    that rest. Among others, too, those may be sent back."""
    for one in listing.written:
        value = listing.column(one.name).of(row) if one.name in form else None
        is_left_over, is_option = isinstance(value, LeftOver), isinstance(one.kind, Options) and value is not None
        if (is_left_over or is_option) and form[one.name] == as_text(one, value):
            continue
        yield replace(one, kind=one.kind.with_resting(value)) if is_option and not is_left_over else one


def why_not(rules, row, by, verb="change", present=None):
    """Why this person may not change (or remove) a row that they see, in a sentence.

    `present` are the members' names by id, where they have been read already.
    """
    if only := looks_only(rules.listing, by, verb):
        return only
    if rules.why is not None:
        return rules.why(row, by, verb, members() if present is None else present)
    return f"Only its owner can {verb} this {rules.listing.thing}."


def _apply(rules, row, values, by, batch=None, follows=None):
    listing = rules.listing
    different = [name for name, value in values.items() if listing.column(name).of(row) != value]
    for name in different:
        if not rules.may_change(row, name, by):
            demand(by, listing.writes)
            raise Forbidden(why_not(rules, row, by))
    return write(rules, row, values, by, batch, follows)


def write(rules, row, values, by, batch=None, follows=None, is_told=True):
    """Write values to a row and note it, whoever's it is: for acts, which have rules of their own.

    Where it isn't told, nothing is noted and nobody hears.

    Returns the noted change, or None when nothing was different. Refuses with Stale, and whoever may not write here.
    """
    listing = rules.listing
    before = {name: listing.column(name).of(row) for name in values}
    values = {name: value for name, value in values.items() if before[name] != value}
    if not values:
        return None
    demand(by, listing.writes)
    extra = (rules.derive(row, values) or {}) | (follows or {})
    stood = {name: getattr(row, name) for name in extra}
    given = row.results() if listing.source else {}
    if not listing.rows.write(listing, row, before, values, extra, by):
        raise Stale(f"Somebody else changed this {listing.thing} at the same moment. Look again.")
    if not is_told:
        return None
    diff = _diff(listing, before, values)
    # What follows is noted too: undo restores the whole row. Only the listing's own fields are shown.
    diff |= {
        name: [as_json(stood[name]), as_json(value)]
        for name, value in extra.items()
        if name not in diff and stood[name] != value
    }
    results = row.results() if given else {}
    beside = {name: [given[name], value] for name, value in results.items() if given[name] != value}
    noted = _note(rules, row, "updated", diff, by, batch, beside)
    rules.after(row, before, noted, by)
    return noted


def _diff(listing, before, values):
    return {
        name: [
            stored_cell(listing.by_name[name].kind, before[name]) if before else None,
            stored_cell(listing.by_name[name].kind, value),
        ]
        for name, value in values.items()
        if name in listing.by_name
    }


def _note(rules, row, verb, diff, by, batch=None, beside=None):
    if by.user is None:
        diff |= {VIA: [None, by.called]}
    about = {"by": by.user, "batch": batch or public_id(), "beside": beside}
    return changes.record(by.organization, rules.listing.table, row.id, verb, diff, **about)


@writes
def remove(rules, id, *, by, batch=None, parent=None):
    """Remove a row; its values are kept for undo. Refuses with NotFound or Forbidden."""
    listing = rules.listing
    row = get(rules, id, by, parent)
    demand(by, listing.writes)
    if not rules.may_remove(row, by):
        raise Forbidden(why_not(rules, row, by, "delete"))
    return _note(rules, row, "deleted", listing.rows.remove(listing, row, by), by, batch)


@writes
def bulk(rules, ids, form, *, by, removing=False, parent=None):
    """Change or remove many rows at once: all that this member may. Returns (batch, done, why not of the others)."""
    if len(ids) > BULK:
        raise Refused(f"At most {BULK} at once; you chose {len(ids)}.")
    if not form.keys() <= rules.listing.by_name.keys():
        raise Stale("This list was changed meanwhile: that field isn't here any more. Look again.")
    turns = {name: text for name, text in form.items() if rules.listing.by_name[name].kind.bulk_choices}
    if not removing:
        read_form(rules.listing.written, {name: text for name, text in form.items() if name not in turns})
    batch, done, left_out = public_id(), 0, []
    for id in ids:
        try:
            if removing:
                remove(rules, id, by=by, batch=batch, parent=parent)
                done += 1
            else:
                texts = form | _turned(rules, id, turns, by, parent) if turns else form
                done += change(rules, id, texts, by=by, batch=batch, parent=parent)[1] is not None
        except (NotFound, Forbidden) as refusal:
            left_out.append(refusal.sentence)
    return batch, done, left_out


def _turned(rules, id, turns, by, parent):
    """What stands in a row's cells of several words, with one more or less. Refuses with Invalid."""
    row, texts = get(rules, id, by, parent), {}
    for name, text in turns.items():
        kind = rules.listing.by_name[name].kind
        stands = rules.listing.column(name).of(row)
        try:
            texts[name] = kind.text(kind.turned(None if isinstance(stands, LeftOver) else stands, text))
        except Unfit as unfit:
            raise Invalid({name: str(unfit)}) from None
    return texts


def act(rules, key, ids, *, by, value=None, parent=None, form_key=""):
    """Do a named act to rows of the list, each in its own transaction; one that is for `once` is done once for each
    `form_key`. Returns (how many, refusals, what the last said).

    Refuses with NotFound an act that there isn't, and with Forbidden whoever may not do it. Of one row its refusal
    is raised; of many, each is counted, but for a proof of who one is, which is asked for at once.
    """
    chosen = rules.listing.act(key)
    if chosen is None or (len(ids) > 1 and not chosen.bulk):
        raise NotFound()
    if len(ids) > BULK:
        raise Refused(f"At most {BULK} at once; you chose {len(ids)}.")
    demand(by, chosen.capability)
    given, refusals, said, actor = (value,) if chosen.asks else (), [], None, by if by.organization else by.user
    possible = []
    for id in ids:
        try:
            _check_possible(rules.listing, chosen, id, by, parent)
            possible.append(id)
            if not (chosen.many and len(ids) > 1):
                form_key = changes.form_key(form_key) if chosen.once else ""
                said = (_once if form_key else _run)(rules.listing, chosen, id, given, actor, form_key)
        except Refused as refusal:
            if len(ids) == 1 or isinstance(refusal, VerificationRequired):
                raise
            refusals.append(refusal)
    if chosen.many and len(ids) > 1 and possible:
        said = chosen.many(possible, by=actor)
    return len(ids) - len(refusals), refusals, said


def _run(listing, chosen, id, given, by, form_key):
    return chosen.run(id, *given, by=by)


@writes
def _once(listing, chosen, id, given, by, form_key):
    topic = f"{listing.table}:{chosen.key}"
    if changes.made(by, topic, form_key):
        return "This was done already."
    said = _run(listing, chosen, id, given, by, form_key)
    changes.record(by.organization, topic, id, "created", by=by.user, batch=form_key)
    return said


def _check_possible(listing, chosen, id, by, parent):
    row = None if (known := listing.id(id)) is None else lists.find(listing, known, by, parent)
    if row is None:
        raise not_here(listing)
    if chosen.when is not None and not chosen.when(row):
        raise Refused(f"“{chosen.label}” isn't possible for this {listing.thing} any more.")


@writes
def undo(rules, batch, *, by):
    """Take one's own change (or bulk) back within an hour, wherever nothing newer stands.

    Returns how many rows were put back. Refuses with NotFound when there is nothing to take back.
    """
    listing = rules.listing
    demand(by, listing.writes)
    noted = list(
        Change.select()
        .where(
            Change.batch == batch,
            Change.row_id.is_null(False),
            Change.by == by.user,
            Change.table == listing.table,
            Change.at > now() - UNDO_FOR,
        )
        .order_by(Change.id.desc())
    )
    if not noted:
        raise NotFound("There is nothing to take back any more.")
    undone = 0
    for past in noted:
        try:
            undone += take_back(rules, past, by)
        except (NotFound, Forbidden):
            continue
    if not undone:
        raise Refused("Something newer stands there by now, so nothing was put back.")
    return undone


def take_back(rules, past, by):
    """Take one noted change back, in the present transaction; False where something newer stands."""
    listing = rules.listing
    row, present = listing.rows.now_there(listing, past.row_id), members() if listing.people else {}
    parent = _parent_of(listing, row, past)
    if past.verb == "deleted":
        if row is not None:
            return False
        if parent is not None and listing.stands_in is not None:
            listing.stands_in(parent, by)  # what it stood in may be gone
        owner = lambda value: value if value in present else by.user.id  # noqa: E731
        still = lambda name, value: (  # noqa: E731
            owner(value) if name == listing.owner else _restored(listing, name, value, present)
        )
        try:
            row = _put_back(listing, past, still, by)
        except IntegrityError:  # another has what must not occur twice by now, or what it is of is gone
            return False
        restored = {f.name: rules.listing.column(f.name).of(row) for f in listing.written}
        _note(rules, row, "created", _diff(listing, None, restored), by)
        return True
    if row is None or not _stands(rules, row, past):
        return False
    if past.verb == "created":
        remove(rules, row.id, by=by, parent=parent)
        return True
    written = {field.name for field in listing.written}
    values = {
        name: _restored(listing, name, restored_cell(listing.by_name[name].kind, pair[0]), present)
        for name, pair in past.fields.items()
        if name in written
    }
    follows = listing.rows.follows(listing, past.fields, written)
    return _apply(rules, row, values, by, follows=follows) is not None


@writes
def _put_back(listing, past, still, by):
    return listing.rows.put_back(listing, past.row_id, past.fields, still, by)


def _parent_of(listing, row, past):
    """The id of what a row stands in, or stood in."""
    if listing.parent is None:
        return None
    stood = past.fields.get(listing.parent.name) or (None,)
    return row.__data__.get(listing.parent.name) if row is not None else stood[0]


def _restored(listing, name, value, present):
    """A value to put back; of a person only where they are still here."""
    return None if name in listing.people and value not in present else value


def _stands(rules, row, past):
    kinds = {name: f.kind for name, f in rules.listing.by_name.items()}
    return all(
        stored_cell(kinds[name], rules.listing.column(name).of(row)) == pair[1]
        for name, pair in past.fields.items()
        if name in kinds
    )
