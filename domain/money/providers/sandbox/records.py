"""What the sandbox remembers, what time it is there, and how it tells the house what happened.

Objects are rows of plain dicts with `id` and `kind`; the package's docstring describes them. Misbehaving on
purpose happens here too: `mischief`.
"""

import functools
import random
import secrets
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from database.clock import now
from database.compiled import CompiledRows
from database.locks import lock
from database.parameters import parameter
from database.transactions import writes
from domain import NotFound, Refused
from domain.base.outgoing import enqueue
from models import Outgoing, SandboxObject

HOUR, DAY = 3600, 86400
FIRST_PAYMENT_LASTS = 23 * HOUR
OVER = ("canceled", "incomplete_expired")
FINALLY = {"canceled": "It ends", "unpaid": "It stays, unpaid", "past_due": "It stays past due"}
CHANCES = {
    "duplicate": "Events come twice",
    "delay": "Events come late, by up to ten minutes",
    "reorder": "Events overtake earlier ones",
    "drop": "Events never come",
    "fail": "Calls of the API fail",
}
UNASKED = "unasked"  # the fate of an event that nobody is told of
OWNERS = {"payment": "invoice", "refund": "payment", "dispute": "payment"}  # else the customer


class Declined(Refused):
    """The bank said no; `why` is card_declined or authentication_required."""

    status = 402

    def __init__(self, sentence, why="card_declined"):
        super().__init__(sentence)
        self.why = why


class Impossible(Refused):
    """It makes no sense as things stand; `param` is the part of a request to blame, `why` a dialect's own code."""

    def __init__(self, sentence, param=None, why=None):
        super().__init__(sentence)
        self.param, self.why = param, why


_dialect: Any = None


def dialect() -> Any:
    """The module in whose words the sandbox speaks."""
    return _dialect


def speak(module):
    """Speak in the words of a dialect from here on: Stripe's, or in tests another provider's."""
    global _dialect
    _dialect = module


_moment: ContextVar[int | None] = ContextVar("moment", default=None)


def acts(function):
    """A change at the sandbox: a write transaction in which time stands still, and nobody else changes anything."""

    @writes
    @functools.wraps(function)
    def call(*args, **kwargs):
        lock("sandbox")
        begun = _moment.set(clock())
        try:
            return function(*args, **kwargs)
        finally:
            _moment.reset(begun)

    return call


# --- rows ---------------------------------------------------------------------------------------------------


_one = CompiledRows(
    SandboxObject, lambda: SandboxObject.select().where(SandboxObject.object_id == parameter("id")).limit(1)
)


def _of_kind(*conditions):
    query = SandboxObject.select().where(SandboxObject.kind == parameter("kind"), *conditions)
    return query.order_by(SandboxObject.id.desc()).limit(parameter("limit"))


# An answer of the sandbox looks at a dozen objects.
_all = CompiledRows(SandboxObject, _of_kind)
_owned = CompiledRows(SandboxObject, lambda: _of_kind(SandboxObject.owner == parameter("owner")))
MANY = 2**31
_older = SandboxObject.id < parameter("before")
_before = CompiledRows(SandboxObject, lambda: _of_kind(_older))
_owned_before = CompiledRows(SandboxObject, lambda: _of_kind(_older, SandboxObject.owner == parameter("owner")))
PIECE = 200  # rows that are read at once where few are looked for


def get(id, kind=None) -> Any:
    """An object of the sandbox. Refuses with NotFound."""
    return _row(id, kind).body


def _row(id, kind=None):
    id = str(id).replace("\0", "")[:120]
    row = _one.first(id=id)
    if row is None or (kind and row.kind != kind):
        raise NotFound(f"The sandbox has no {kind or 'object'} {id[:60]}.")
    return row


def find(kind, owner=None, limit=MANY, **having) -> list[Any]:
    """Objects of a kind, the newest first; `having` are values they must have."""
    rows = _all(kind=kind, limit=limit) if owner is None else _owned(kind=kind, owner=owner, limit=limit)
    return [row.body for row in rows if all(row.body.get(key) == value for key, value in having.items())]


def newest(kind, after=None, owner=None):
    """Objects of a kind (and an owner) one by one, the newest first, from behind the one with the id `after`, read as
    far as they are looked at. Refuses with NotFound."""
    before = MANY if after is None else _row(after, kind).id
    read = _before if owner is None else functools.partial(_owned_before, owner=owner)
    while rows := read(kind=kind, before=before, limit=PIECE):
        yield from (row.body for row in rows)
        before = rows[-1].id


def count(kind):
    """How many objects of a kind there are."""
    return SandboxObject.select().where(SandboxObject.kind == kind).count()


def put(thing):
    """Keep an object, and when time will next do something to it."""
    owner = thing.get(OWNERS.get(thing["kind"], "customer")) or ""
    keep(thing["id"], thing["kind"], owner, thing)
    due = _due(thing)
    if due is None:
        SandboxObject.delete().where(SandboxObject.object_id == "due:" + thing["id"]).execute()
    else:
        keep("due:" + thing["id"], "due", f"{due:012}", {"of": thing["id"]})
    return thing


def keep(id, kind, owner, body):
    """Write a row, new or not."""
    SandboxObject.insert(object_id=id, kind=kind, owner=owner, body=body).on_conflict(
        conflict_target=[SandboxObject.object_id], preserve=[SandboxObject.body, SandboxObject.owner]
    ).execute()


def new(kind, **body) -> Any:
    """A thing with an id in the dialect's form; it isn't kept yet."""
    return {"id": dialect().new_id(kind), "kind": kind, "created": clock(), "metadata": {}} | body


# --- time ---------------------------------------------------------------------------------------------------


def settings():
    """The clock's offset in seconds, what follows on the last failed retry, and the mischief."""
    usual = {"offset": 0, "finally": "canceled", "seed": None, "drawn": 0} | dict.fromkeys(CHANCES, 0.0)
    row = _one.first(id="settings")
    return usual | (row.body if row else {})


def _set(**values):
    keep("settings", "settings", "", settings() | values)


def clock():
    """What time it is at the sandbox, in seconds since 1970."""
    held = _moment.get()
    return int(now().timestamp()) + settings()["offset"] if held is None else held


def set_clock(moment):
    """Make it this late, in the present transaction."""
    _set(offset=moment - int(now().timestamp()))
    _moment.set(moment)


@acts
def decide(outcome):
    """What becomes of a subscription when all retries failed: one of FINALLY. Refuses with Impossible."""
    if outcome not in FINALLY:
        raise Impossible("Choose what happens after the last retry.")
    _set(**{"finally": outcome})


def _due(thing):
    """When time will next do something to a thing, or None."""
    kind, status = thing["kind"], thing.get("status")
    if kind == "checkout":
        return thing["expires"] if status == "open" else None
    if kind == "invoice":
        return thing["next_attempt"] if status == "open" else None
    if kind == "payment":
        return thing["settles_at"]
    if kind != "subscription" or status in OVER:
        return None
    if status == "incomplete":
        return thing["created"] + FIRST_PAYMENT_LASTS
    moments = [thing["cancel_at"], thing["pause"] and thing["pause"]["resumes_at"]]
    moments.append(thing["pending"] and thing["pending"]["expires"])
    if status != "paused":
        moments.append(thing["period_end"])
    if status == "trialing" and not thing["warned"]:
        moments.append(thing["trial_end"] - 3 * DAY)
    return min(moment for moment in moments if moment) if any(moments) else None


def next_due():
    """When the next thing happens by itself, in seconds since 1970, or None."""
    row = SandboxObject.select().where(SandboxObject.kind == "due").order_by(SandboxObject.owner).first()
    return int(row.owner) if row else None


def take_due(target):
    """(the thing that is due next, when), in the present transaction; None when that is after the target."""
    rows = SandboxObject.select().where(SandboxObject.kind == "due", SandboxObject.owner <= f"{target:012}")
    row = rows.order_by(SandboxObject.owner, SandboxObject.id).first()
    if row is None:
        return None
    SandboxObject.delete().where(SandboxObject.id == row.id).execute()  # `put` says when it is due again
    return get(row.body["of"]), int(row.owner)


# --- telling ------------------------------------------------------------------------------------------------


def tell(type, thing, previous=None):
    """Tell the house, in the words of the dialect: one change may be several events, or none."""
    language, at = dialect(), clock()
    for payload in language.told(type, thing, previous, at):
        event = {"id": payload["id"], "kind": "event", "created": at, "type": language.type_of(payload)}
        event |= {"of": thing["id"], "payload": payload, "delivered": False, "fate": "", "desk": _desk(thing)}
        if not language.is_asked(event["type"], event["desk"]):
            keep(event["id"], "event", event["of"], event | {"delivered": True, "fate": UNASKED})
            continue
        dice, held = _dice()
        wait, times = 0.0, 1
        if dice:
            drawn = {name: dice.random() < held[name] for name in CHANCES}
            event["fate"] = ", ".join(name for name in CHANCES if drawn[name] and name != "fail")
            times = 0 if drawn["drop"] else 2 if drawn["duplicate"] else 1
            wait += dice.uniform(5, 600) if drawn["delay"] else 0
            wait -= dice.uniform(1, 60) if drawn["reorder"] else 0
        keep(event["id"], "event", event["of"], event)
        for number in range(times):
            _post(event, ":again" * number, wait)


def _desk(thing):
    """At which of its two desks a thing is: what a payment was for, its refunds and disputes are for."""
    return get(thing["payment"]).get("desk") if thing["kind"] in ("refund", "dispute") else thing.get("desk")


def _post(event, suffix, wait=0.0):
    key = event["id"] + suffix
    enqueue("sandbox_tickets" if event.get("desk") else "sandbox_webhook", key, event["payload"], subject=event["id"])
    if wait:
        Outgoing.update(next_attempt_at=now() + timedelta(seconds=wait)).where(Outgoing.key == key).execute()


def _dice():
    """Random numbers, new ones for each event and call, the same again with the same seed; None without mischief."""
    held = settings()
    if held["seed"] is None:
        return None, held
    _set(drawn=held["drawn"] + 1)
    return random.Random(f"{held['seed']}:{held['drawn']}"), held  # noqa: S311 nothing secret


@acts
def mischief(seed, *, duplicate=0.0, delay=0.0, reorder=0.0, drop=0.0, fail=0.0):
    """Misbehave from here on with these chances (0 to 1), the same way for the same seed; seed None: behave.

    Events come twice, up to ten minutes late, before earlier ones, or never; `fail` is for calls of the API.
    Refuses with Impossible.
    """
    chances = {"duplicate": duplicate, "delay": delay, "reorder": reorder, "drop": drop, "fail": fail}
    if not all(0 <= chance <= 1 for chance in chances.values()):
        raise Impossible("A chance is a number from 0 to 1.")
    _set(seed=seed, drawn=0, **chances)


def stumbles():
    """Whether a call of the API fails: "" no, "before" it does anything, "after" it did what was asked."""
    return _stumbles() if settings()["fail"] else ""


@acts
def _stumbles():
    dice, held = _dice()
    return dice.choice(("before", "after")) if dice and dice.random() < held["fail"] else ""


@acts
def delivered(*events):
    """The house took these events, by their ids."""
    for row in SandboxObject.select().where(SandboxObject.object_id << events, SandboxObject.kind == "event"):
        keep(row.object_id, "event", row.owner, row.body | {"delivered": True})


@acts
def send_again(event_id):
    """Post an event once more, whatever became of it. Refuses with NotFound."""
    _post(get(event_id, "event"), f":{secrets.token_hex(4)}")
