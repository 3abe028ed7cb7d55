"""Outages on the status page, told by hand: what isn't well, how far it is, and that it is over."""

from functools import partial

from database.clock import local, now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import audit
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from domain.operations.status import status_pages
from models import Outage

STATE = Choice(
    (
        ("looking", "Being looked at", "bad"),
        ("known", "The cause is known", "warn"),
        ("watching", "Mended, and watched", "info"),
        ("over", "Over", "good"),
    )
)
COMPONENT = Choice(
    (("all", "The whole site", "quiet"), *((key, label, "quiet") for key, label in status_pages.PARTS.items()))
)
FIELDS = (
    Field("title", "What isn’t well", Text(120, 3), True),
    Field("component", "Where", COMPONENT, True, "all"),
    Field("words", "What is known", Text(2000, long=True)),
)
ORDER = tuple(STATE.words)


@writes
def tell(form, *, by):
    """Tell of an outage: title, component, words; told twice with the same words, it is one. Refuses with Invalid, and
    with Refused where one of this title is told already."""
    values = read_whole(FIELDS, form)
    values["words"] = values["words"] or ""
    lock("form", "outage")
    same = Outage.title == values["title"], Outage.component == values["component"], Outage.state != "over"
    if told := Outage.one(*same):
        if told.words != values["words"]:
            raise Refused("This is told already, and isn’t over. Add there what became known.")
        return told
    row = Outage.create(**values, began_at=now())
    audit.record("outages.told", f"Told of an outage: {row.title}", by=by, category="admin", target=row)
    return row


@writes
def move(state, id, *, by):
    """Say how far it is; an outage only goes on, and never back. Refuses with NotFound, and what it is already."""
    row = existing(Outage.one(Outage.id == id), "There is no such outage.")
    before = ORDER[: ORDER.index(state)]
    values = {"state": state} | ({"ended_at": now()} if state == "over" else {})
    if not Outage.update(**values).where(Outage.id == id, Outage.state.in_(before)).execute():
        raise Refused(f"It is further already: {STATE.plain(row.state).lower()}.")
    audit.record("outages.moved", f"{row.title}: {STATE.plain(state)}", by=by, category="admin", target=row)
    return f"{STATE.plain(state)}."


@writes
def add(id, value, *, by):
    """Add what became known, with the time; what was added last isn't added again. Refuses with NotFound or Invalid."""
    row, words = Outage.one(Outage.id == id), (value or "").strip()
    if row is None:
        raise NotFound("There is no such outage.")
    if not words:
        raise Invalid({"value": "Write what became known."})
    if row.words.endswith(f": {words}"):
        return "Added."
    text = f"{row.words}\n\n{local(now()):%-d %B, %H:%M %Z}: {words}".strip()
    if len(text) > 8000:
        raise Invalid({"value": "That is too much for one outage; tell of another one."})
    Outage.update(words=text).where(Outage.id == id).execute()
    audit.record("outages.added", f"More of an outage: {row.title}", by=by, category="admin", target=row)
    return "Added."


def _act(state, label):
    return Act(
        *(state, label, partial(move, state), "outages.write"),
        when=lambda row: ORDER.index(row.state) < ORDER.index(state),
    )


listing = Listing(
    *("outages", "outage", "outages", Outage),
    (
        Field("title", "Outage", Text(120)),
        Field("state", "State", STATE),
        Field("component", "Where", COMPONENT),
        Field("began_at", "Began", Moment(past=True)),
        Field("ended_at", "Over", Moment(past=True)),
    ),
    both("began_at", "Oldest first", "Newest first", "down"),
    search=Parts((Outage.title, Outage.words)),
    acts=(
        Act(
            *("words", "Add", add, "outages.write"),
            icon="plus",
            asks=lambda row, by: Field("value", "What became known", Text(2000, long=True), True),
            when=lambda row: row.state != "over",
        ),
        _act("known", "Cause known"),
        _act("watching", "Mended"),
        _act("over", "Over"),
    ),
    chips="state",
    under=("words",),
    ranges=("began_at",),
    reads="outages.write",
    icon="alert-triangle",
    about="What the status page tells besides what is measured.",
    empty=(("all", "Nothing was told of. Hopefully it stays so."),),
)
