"""Scans at a door: one endpoint for the moment and for later, where a second admission is shown and never hidden.

A phone without a network decides by the same table (checkpoints.decide) and sends its scans later. Whoever was let
in is inside, so an admission is never turned into a refusal: what should not have been is told as a conflict.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from peewee import JOIN, fn

from database.clock import now
from database.compiled import CompiledPairs, CompiledRows
from database.parameters import parameter
from database.transactions import writes
from domain.base import audit
from domain.events import codes, events, passes
from domain.events.afterwards import seats
from domain.events.door import checkpoints
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.switch import Switch
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing
from models import Checkpoint, Device, Event, Pass, Presence, Scan, Tier

MOST = 200  # scans of one request
UNDO = timedelta(minutes=10)
DRIFT = 2**31 - 1  # milliseconds that are written down of a clock that is wrong
SEEN = timedelta(seconds=15)  # as closely it is written down when a phone was seen: a commit of its own
AGAIN = timedelta(seconds=4)  # the same code before the same phone: it was held there a little longer
CONFLICTS = ("twice", "despite")
KINDS = ("entry", "exit", "undo")


@dataclass(frozen=True)
class Asked:
    """One scan as a phone sends it. `at` is by its clock, `drift` what the server's is ahead of that."""

    nonce: str
    code: str = ""
    serial: str = ""
    kind: str = "entry"
    gate: int = 0
    at: datetime | None = None
    drift: timedelta = timedelta()
    decision: str = ""  # what the phone said already; empty: the server decides


def take(keeper, device, asked, waiting=0):
    """The answers to scans (at most MOST), in their order; a nonce that was there is answered as it was.

    `waiting` is how many the phone has yet to send. It never refuses for what a scan is about: each answer has a key
    of checkpoints.RESULTS.
    """
    answers = [_take(keeper, device, one) for one in asked[:MOST]]
    if device.waiting != waiting or now() - device.seen_at > SEEN:
        _seen(device, waiting)
    return answers


@writes
def _seen(device, waiting):
    Device.update(seen_at=now(), waiting=waiting).where(Device.id == device.id).execute()


@writes
def _take(keeper, device, one):
    if held := _known.first(device=device.id, nonce=one.nonce):
        if not (one.decision and _admits(one.decision) and not _admits(held.result)):
            return answer(held)
        # Our refusal came too late for the phone, which has let in by itself: that is a scan of its own.
        one = replace(one, nonce=one.nonce[:39] + "+")
        if held := _known.first(device=device.id, nonce=one.nonce):
            return answer(held)
    gates = {gate.id: gate for gate in checkpoints.of(keeper.event)}
    gate = gates.get(one.gate) or gates.get(device.checkpoint_id) or next(iter(gates.values()))
    moment, note = _moment(one)
    scan = Scan(
        event=keeper.event,
        device=device,
        nonce=one.nonce,
        checkpoint=gate,
        kind=one.kind,
        scanned_at=moment,
        drift_ms=max(-DRIFT, min(DRIFT, round(one.drift.total_seconds() * 1000))),
        is_late=bool(one.decision),
        note=note,
    )
    if one.kind == "undo":
        return _undo(keeper, scan, one)
    facts, scan.ticket, other = _facts(keeper, gate, one, moment)
    there = facts.pop("there", None)
    result = facts.pop("said", "") or checkpoints.decide(facts)
    return _settle(gate, scan, one, result, there, checkpoints.day_of(keeper.event, gate, moment), other)


def _admits(result):
    return checkpoints.RESULTS[result]["admits"]


def _moment(one):
    """(when it was by our clock, what is odd about it)."""
    if one.at is None:
        return now(), None
    moment = one.at + one.drift
    if moment > now() + timedelta(minutes=1):
        return now(), f"The phone said {one.at:%F %T}, which is yet to come."
    return moment, None


def _facts(keeper, gate, one, moment):
    """(what `decide` asks, and the presence that was `there`; the pass, the event that its code is of) of a code or a
    serial."""
    found = other = None
    if one.code:
        try:
            said = codes.verified(one.code)
        except codes.Outdated:
            return {"said": "outdated"}, None, None
        except codes.Unreadable:
            return {"said": "forged" if _is_ours(one.code) else "unreadable"}, None, None
        if said.event != keeper.event.id:
            return {"event": "other"}, None, Event.one(Event.id == said.event)
        found = next(iter(_passes(serial=said.serial, event=keeper.event.id)), None)
    elif one.serial:
        serial = "".join(one.serial.split()).lower()[:40]
        found = Pass.one(Pass.serial == serial)
        if found and found.event_id != keeper.event.id:
            return {"event": "other"}, None, found.event
    if found is None:
        return {"said": "unknown"}, None, other
    return _known_facts(keeper, gate, one, moment, found), found, None


# At each scan: `check_in_vs_pretix`.
_known = CompiledRows(
    Scan, lambda: Scan.select().where(Scan.device == parameter("device"), Scan.nonce == parameter("nonce"))
)
_passes = CompiledPairs(
    Pass.tier,
    lambda: (
        Pass.select(Pass, Tier).join(Tier).where(Pass.serial == parameter("serial"), Pass.event == parameter("event"))
    ),
)
_presences = CompiledRows(
    Presence,
    lambda: Presence.select().where(
        Presence.ticket == parameter("ticket"),
        Presence.checkpoint == parameter("gate"),
        Presence.day == parameter("day"),
    ),
)


def _known_facts(keeper, gate, one, moment, found):
    there = _presence(found, gate, checkpoints.day_of(keeper.event, gate, moment))
    return {
        "there": there,
        "state": passes.at_the_door(found.state, found.void_reason),
        "gate": "closed" if gate.is_closed else "open",
        "window": checkpoints.window(keeper.event, gate, moment),
        "fits": gate.tier_id in (None, found.tier_id) and seats.fits(gate, found),
        "kind": one.kind,
        "rule": gate.rule,
        "inside": bool(there and there.is_inside),
        "entered": bool(there and there.entries),
    }


def _is_ours(text):
    try:
        return bool(codes.read(text))
    except codes.Unreadable:
        return False


def _settle(gate, scan, one, result, there, day, other):
    """Keep the scan with its result, move presence, and answer."""
    if one.decision and not _admits(one.decision):
        result = one.decision  # nobody came in; "out" is the only one that moves anything
    elif one.decision and scan.ticket and not _admits(result):
        result = "twice" if result in ("used", "inside") else "despite"
    scan.result = "just" if result == "used" and _is_again(scan, there) else result
    scan.first = there.first if there else None
    scan.save(force_insert=True)
    if scan.ticket and _admits(scan.result) and not _enter(scan, gate, day):
        scan.result, there = "twice" if one.decision else "used", _presence(scan.ticket, gate, day)
        Scan.update(result=scan.result, first=there.first).where(Scan.id == scan.id).execute()
        scan = Scan.get(Scan.id == scan.id)
    if scan.ticket and result == "out":
        _leave(scan, gate, day)
    return answer(scan, other)


def _presence(ticket, gate, day):
    return _presences.first(ticket=ticket.id, gate=gate.id, day=day)


def _is_again(scan, there):
    last = there and there.last
    return bool(last and last.device_id == scan.device_id and abs(scan.scanned_at - last.scanned_at) <= AGAIN)


def _enter(scan, gate, day):
    """Whether this scan is the one that lets in: the first, or the next where one may come again."""
    about = {"ticket": scan.ticket, "checkpoint": gate, "day": day}
    made = Presence.insert(first=scan, last=scan, entries=1, is_inside=True, **about)
    if made.on_conflict_ignore().as_rowcount().execute():
        return True
    mine = (Presence.ticket == scan.ticket, Presence.checkpoint == gate, Presence.day == day)
    again = scan.result in CONFLICTS or gate.rule == "free"
    allowed = () if again else ((Presence.is_inside == False) | (Presence.entries == 0),)  # noqa: E712
    if gate.rule in ("once", "daily") and not again:
        allowed = (Presence.entries == 0,)
    values = {"is_inside": True, "entries": Presence.entries + 1, "last": scan.id}
    return bool(Presence.update(**values).where(*mine, *allowed).execute())


def _leave(scan, gate, day):
    mine = (Presence.ticket == scan.ticket, Presence.checkpoint == gate, Presence.day == day)
    Presence.update(is_inside=False, last=scan.id).where(*mine).execute()


def _undo(keeper, scan, one):
    """Take back the admission that this phone made by the scan whose nonce `serial` names, within ten minutes."""
    back = _known.first(device=scan.device_id, nonce=one.serial[:40])
    scan.result = "nothing_to_undo"
    if back and back.ticket_id and _admits(back.result) and scan.scanned_at - back.scanned_at <= UNDO:
        scan.ticket, scan.checkpoint = back.ticket, back.checkpoint
        mine = (Presence.ticket == back.ticket_id, Presence.last == back.id)
        if Presence.update(is_inside=False, entries=Presence.entries - 1).where(*mine, Presence.is_inside).execute():
            scan.result, scan.first = "undone", back.id
            about = {"by": keeper.user, "organization": keeper.organization, "target": back.ticket}
            audit.record("checkin.undone", "An admission was taken back at the door", **about)
            Presence.delete().where(*mine, Presence.entries == 0).execute()
    scan.save(force_insert=True)
    return answer(scan)


def _iso(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def answer(scan, other=None):
    """What a phone shows of a scan: a word of RESULTS, its error code where it has one, and of the pass its name and
    ticket alone."""
    said = {"nonce": scan.nonce, "result": scan.result, "scan": scan.id, "at": _iso(scan.scanned_at)}
    if code := checkpoints.RESULTS[scan.result].get("code"):
        said["code"] = code
    if scan.ticket_id:
        said |= {"name": scan.ticket.holder or "", "tier": scan.ticket.tier.name, "serial": scan.ticket.serial}
    if scan.first_id and scan.result in ("used", "inside", "just", "twice"):
        first = scan.first
        said["first"] = {
            "at": _iso(first.scanned_at),
            "gate": first.checkpoint.name,
            "phone": first.device.name,
        }
    if other is not None:
        said["other"] = {
            "title": other.title,
            "at": _iso(other.starts_at),
            "venue": other.venue or "",
        }
    return said


# --- what phones keep ----------------------------------------------------------------------------------------------


def snapshot(keeper, device, since=None):
    """What a phone needs to decide alone: keys, tiers, gates, and the passes that changed since a moment (UTC).

    No address, price or order is in it, and nothing with which a ticket could be made.
    """
    event, cursor = keeper.event, now() - timedelta(seconds=5)  # what commits meanwhile comes again
    its = Pass.select(Pass.id, Pass.serial, Pass.tier, Pass.holder, Pass.state, Pass.void_reason)
    its = its.where(Pass.event == event.id)
    there = Presence.select(Presence, Scan, Checkpoint).join(Scan, on=(Scan.id == Presence.last))
    there = there.join(Checkpoint, on=(Checkpoint.id == Presence.checkpoint)).where(Checkpoint.event == event.id)
    if since is not None:
        moved = there.where(Presence.updated_at >= since).select(Presence.ticket)
        its = its.where((Pass.updated_at >= since) | (Pass.id << moved))
        there = there.where(Presence.ticket << its.select(Pass.id))
    inside = {}
    for one in there:
        said = [
            one.checkpoint_id,
            one.day,
            int(one.is_inside),
            one.entries,
            _iso(one.last.scanned_at),
        ]
        inside.setdefault(one.ticket_id, []).append(said)
    gates, seated = checkpoints.of(event), seats.taken_by(event.id)
    return {
        "now": f"{now():%Y-%m-%dT%H:%M:%S.%fZ}",
        "cursor": f"{cursor:%Y-%m-%dT%H:%M:%S.%fZ}",
        "whole": since is None,
        "event": {
            "id": event.id,
            "title": event.title,
            "zone": event.timezone,
            "ends": _iso(event.ends_at),
        },
        "keys": codes.public_keys(),
        "ended": codes.public_keys(ended=True),
        "tiers": [[one.id % codes.TIERS, one.id, one.name] for one in Tier.select().where(Tier.event == event.id)],
        "gates": [_gate(event, gate) for gate in gates],
        "gate": device.checkpoint_id or gates[0].id,
        "passes": [
            [
                p.serial,
                p.tier_id,
                p.holder or "",
                passes.at_the_door(p.state, p.void_reason),
                inside.get(p.id, []),
                seated.get(p.id, []),
            ]
            for p in its.order_by(Pass.id)
        ],
    }


def _gate(event, gate):
    start, end = checkpoints.open_between(event, gate)
    return {
        "id": gate.id,
        "name": gate.name,
        "rule": gate.rule,
        "tier": gate.tier_id,
        "seated": seats.asked_at(gate),
        "closed": gate.is_closed,
        "from": _iso(start),
        "until": _iso(end),
    }


def counters(event):
    """{gate's id: (inside now, entries)} and how many passes are good: for the counters at the door."""
    query = Presence.select(Presence.checkpoint, fn.SUM(Presence.entries), fn.COUNT(Presence.id)).join(Checkpoint)
    inside = query.where(Checkpoint.event == event.id, Presence.is_inside).group_by(Presence.checkpoint).tuples()
    good = Pass.select().where(Pass.event == event.id, Pass.state == "active").count()
    return {gate: (count, entries) for gate, entries, count in inside}, good


def found(keeper, words):
    """Passes of the event whose holder's name has all these words, at most twenty: [Pass with its tier]."""
    query = Pass.select(Pass, Tier).join(Tier).where(Pass.event == keeper.event.id)
    words = str(words)[:80].split()
    for word in words[:5]:
        query = query.where(fn.LOWER(Pass.holder).contains(word.lower()))
    return list(query.order_by(Pass.holder, Pass.id).limit(20)) if words else []


# --- as a list -----------------------------------------------------------------------------------------------------

RESULT = Choice(tuple((key, one["says"], one["tone"]) for key, one in checkpoints.RESULTS.items()))
KIND = Choice((("entry", "In", ""), ("exit", "Out", ""), ("undo", "Taken back", "")))


def _joined(query):
    query = query.join(Checkpoint, on=(Checkpoint.id == Scan.checkpoint))
    query = query.join_from(Scan, Device, on=(Device.id == Scan.device))
    return query.join_from(Scan, Pass, JOIN.LEFT_OUTER, on=(Pass.id == Scan.ticket))


listing = Listing(
    *("scans", "scan", "scans", Scan),
    (
        Field("result", "Result", RESULT),
        Field("holder", "Name", Text(120)),
        Field("gate", "Gate", Text(60, filters=True)),
        Field("kind", "Way", KIND),
        Field("scanned_at", "When", Moment(past=True)),
        Field("phone", "Phone", Text(60, filters=True)),
        Field("is_late", "Sent later", Switch()),
        Field("note", "Note", Text(200), listed=False),
    ),
    NEWEST,
    joins=_joined,
    elsewhere=(("holder", Pass.holder, None), ("gate", Checkpoint.name, None), ("phone", Device.name, None)),
    parent=Scan.event,
    stands_in=lambda id, by: events.one(id),
    ranges=("scanned_at",),
    reads="orders.read",
    charts=True,
    grows=(Scan.id,),
    hears="checkpoint device",
    icon="qrcode",
    empty=(("all", "Nobody was scanned yet."),),
)
rules = rows.Rules(listing)

# The same where somebody came in who shouldn't have: by gate, phone and minute.
conflicts = rows.Rules(
    replace(
        listing,
        name="conflicts",
        thing="conflict",
        things="conflicts",
        only=Scan.result << CONFLICTS,
        charts=False,
        about="Who was let in twice, or with a ticket that was void: seen once all phones had sent what they scanned.",
        empty=(("all", "Nobody was let in who shouldn't have been."),),
    )
)
