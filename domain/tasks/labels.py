"""Labels of tasks: words of an organization's own, made while typing by who writes tasks, kept in order by admins.

A task holds their ids, so that renaming, merging and putting away touch none of them and are taken back as easily.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from database.clock import now
from database.compiled import Compiled
from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import changes
from domain.fields.choice import TONES, Choice
from domain.fields.kinds import Field, Unfit, comparable
from domain.fields.moment import Moment
from domain.fields.records import many_options
from domain.fields.records.many_options import ManyOptions
from domain.fields.records.option import Option
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import Act, Listing, both
from domain.lists.programs import bounds
from models import Label

MOST = 500  # of an organization
_all = Compiled(lambda: Label.select(Label.id, Label.label, Label.tone, Label.archived_at, Label.merged_into_id))


def options():
    """All labels of the organization one stands in, by their words, as a choice has them."""
    found = [Option(id, word, tone, "", gone is not None, into) for id, word, tone, gone, into in _all()]
    return tuple(sorted(found, key=lambda one: (comparable(one.label), one.id)))


@dataclass(frozen=True)
class Labels(ManyOptions):
    """Labels in a task. What was put away isn't offered, and is kept where it stands. Nobody names what is `unseen` by
    them, but as it stands."""

    unseen: frozenset[int] = frozenset()

    @cached_property
    def present(self):
        return [o for o in super().present if o.id not in self.unseen]

    def with_resting(self, value):
        return replace(super().with_resting(value), unseen=self.unseen - {*self._each(value)})

    def asked(self, text):
        return super().asked("" if text in map(str, self.unseen) else text)

    def _id_of(self, word):
        said, away = comparable(word), (o for o in self.made if o.is_archived and o.merged_into is None)
        gone = (o.id for o in away if o.id not in self.unseen and comparable(o.label) == said)
        try:
            return super()._id_of(word)
        except Unfit:
            if (id := next(gone, None)) is None:
                raise
            return id


@writes
def add(words, *, by):
    """Make those labels that aren't there yet. Refuses with Forbidden, Invalid, and beyond MOST of an organization."""
    by.require("tasks.write")
    lock("labels", by.organization.id)
    known = {comparable(one.label) for one in options() if one.merged_into is None and not one.is_archived}
    for word in words:
        if comparable(word) in known:
            continue
        if len(known) >= MOST:
            raise Refused(f"There are {MOST} labels already. An admin can merge some or put them away.")
        try:
            word = listing.by_name["label"].kind.read(word)
        except ValueError as unfit:
            raise Invalid({"labels": str(unfit)}) from None
        tone = TONES.words[len(known) % (len(TONES.words) - 1)]  # red is for who chooses it
        made = Label.create(label=word, tone=tone)
        changes.record(by.organization, "label", made.id, "created", {"label": [None, word]}, by=by.user)
        known.add(comparable(word))


def add_typed(text, *, by):
    """Make the labels that a typed text names and that aren't there yet. Refuses as `add`."""
    known = {comparable(one.label) for one in options() if one.merged_into is None}
    words = [word for word in many_options.split(text, ";") if comparable(word) not in known]
    if words:
        add(words, by=by)


@writes
def _put_away(id, *, by):
    rows.write(rules, rows.get(rules, id, by), {"archived_at": now()}, by)
    return "It is offered no more; tasks that have it keep it."


@writes
def _bring_back(id, *, by):
    rows.write(rules, rows.get(rules, id, by), {"archived_at": None}, by, follows={"merged_into_id": None})
    return "It is offered again."


@writes
def _merge(id, into, *, by):
    """Let one label be another from here on; wherever the first stands, the other is shown and found."""
    row, other = rows.get(rules, id, by), rows.get(rules, int(into), by)
    if row.id == other.id or other.merged_into_id or other.archived_at:
        raise Refused("Choose another label, one that is in use.")
    rows.write(rules, row, {"archived_at": now()}, by, follows={"merged_into_id": other.id})
    return f"Wherever “{row.label}” stood, it is “{other.label}” now."


def unseen(by):
    """The ids of labels that a key isn't good for."""
    if not (texts := by.api_key and by.api_key.lists.get("labels")):
        return frozenset()
    theirs = bounds.narrowed(rules, texts).listing.bounds(by)
    return frozenset(o.id for o in options()) - {id for (id,) in Label.select(Label.id).where(*theirs).tuples()}


def _others(row, by):
    hidden = {row.id, *unseen(by)}
    found = [o for o in options() if o.id not in hidden and o.merged_into is None and not o.is_archived]
    return Field("into", "Into", Choice(tuple((str(o.id), o.label, o.tone) for o in found)), required=True)


def _notes(shown, by):
    names = {one.id: one.label for one in options()}
    found = {}
    for row in shown:
        if row.merged_into_id:
            found[row.id] = (("quiet", f"is “{names.get(row.merged_into_id, '–')}” now"),)
        elif row.archived_at:
            found[row.id] = (("quiet", "put away"),)
    return found


def _holder(word, by, parent):
    return next((o.id for o in options() if o.merged_into is None and comparable(o.label) == comparable(word)), None)


def _once(row, values):
    """A word stands once among the labels that are in use."""
    word, present = comparable(values.get("label", "")), [o for o in options() if o.merged_into is None]
    if word and any(comparable(o.label) == word and o.id != (row and row.id) for o in present):
        raise Invalid({"label": "There is a label with this word already: merge the two instead."})


listing = Listing(
    *("labels", "label", "labels", Label),
    (
        Field("label", "Label", Text(60), required=True),
        Field("tone", "Colour", TONES, default="quiet"),
        Field("archived_at", "Put away", Moment(past=True), listed=False, acted=True),
    ),
    both("label", "By name", "By name, backwards"),
    also=("archived_at", "merged_into_id"),
    acts=(
        Act("merging", "Merge", _merge, "tasks.write_all", when=lambda row: not row.archived_at, asks=_others),
        Act("archiving", "Put away", _put_away, "tasks.write_all", when=lambda row: not row.archived_at, bulk=True),
        Act("restoring", "Bring back", _bring_back, "tasks.write_all", when=lambda row: row.archived_at, bulk=True),
    ),
    notes=("State", _notes),
    reads="tasks.read",
    writes="tasks.write_all",
    followed=True,
    once=(("label", _holder),),
    icon="tag",
    about="Words for tasks. A new one is made by typing it into a task; here they are renamed, merged and put away.",
    empty=(("all", "Type a word into “Labels” of a task, or make one here.", "Nobody has made a label yet."),),
)
rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("tasks.write_all"),
    why=lambda row, by, verb, members: (
        "Labels are put away, not deleted." if verb == "delete" else "Only admins keep labels in order."
    ),
    derive=_once,
)
