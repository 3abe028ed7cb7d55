"""The public status page: parts of the site, as the minutes say that somebody measured, and outages told by hand.

A minute that nobody measured is neither good nor bad: it is shown as not known.
"""

from dataclasses import dataclass
from datetime import timedelta

from database import troubles
from database.clock import now
from database.transactions import writes
from domain.base import configuration, settings
from domain.money import silences
from domain.operations.releases import pulses
from domain.operations.runs import alarms, leases
from models import Outage, Outgoing, StatusHour

PARTS = {"pages": "Pages", "letters": "Letters", "payments": "Payments", "jobs": "Background work"}
GOOD, SLOW, BAD, UNKNOWN = "good", "slow", "bad", "unknown"
WORDS = {GOOD: "Works", SLOW: "Slower than usual", BAD: "Doesn’t work", UNKNOWN: "Not measured"}
DAYS, KEPT = 30, timedelta(days=90)
FRESH = timedelta(minutes=3)  # a minute older than that says nothing of now
LATE, STUCK = timedelta(minutes=5), timedelta(minutes=30)  # a letter that waits


def is_open():
    """Whether admins switched it on."""
    return settings.get("status_page")


# --- measuring ----------------------------------------------------------------------------------------------


def _pages():
    counts = pulses.counted(now() - timedelta(minutes=3), now())
    if troubles.is_recent() or counts.share > 20:
        return BAD
    return SLOW if counts.share > 2 or (counts.p95 or 0) > 2500 else GOOD


def _letters():
    due = Outgoing.select().where(Outgoing.kind == "mail", Outgoing.status == "queued")
    if due.where(Outgoing.next_attempt_at < now() - STUCK).exists():
        return BAD
    return SLOW if due.where(Outgoing.next_attempt_at < now() - LATE).exists() else GOOD


def _payments():
    if not configuration.active.has_billing:
        return UNKNOWN
    return SLOW if silences.silent_since() else GOOD


def _jobs():
    kinds = {alarm.kind for alarm in alarms.open_ones()}
    return BAD if "late" in kinds else SLOW if kinds or leases.died() else GOOD


_MEASURES = {"pages": _pages, "letters": _letters, "payments": _payments, "jobs": _jobs}


def measure():
    """Note how each part is in this minute, once; returns how many were noted."""
    minute = now().replace(second=0, microsecond=0)
    found = {part: ask() for part, ask in _MEASURES.items()}
    return sum(_note(part, minute, state) for part, state in found.items() if state != UNKNOWN)


@writes
def _note(part, minute, state):
    hour, start = minute.replace(minute=0), minute - timedelta(minutes=1)
    StatusHour.insert(component=part, hour=hour, last_minute=start).on_conflict_ignore().execute()
    column = getattr(StatusHour, state)
    more = StatusHour.update({column: column + 1, StatusHour.last_minute: minute, StatusHour.state: state})
    return more.where(StatusHour.component == part, StatusHour.hour == hour, StatusHour.last_minute < minute).execute()


@writes
def prune(limit):
    """Hours that are shown no more go; returns how many."""
    old = StatusHour.select(StatusHour.id).where(StatusHour.hour < now() - KEPT).limit(limit)
    return StatusHour.delete().where(StatusHour.id.in_(old)).execute()


# --- showing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """A day of a part: its colour, and in words how much of it was good and how much was measured."""

    day: object
    state: str
    words: str


@dataclass(frozen=True)
class Part:
    """A part of the site: how it is now, its days from the oldest on, and how much of what was measured was good."""

    name: str
    label: str
    state: str
    days: tuple
    share: str


def shown():
    """(the parts, open outages, those of the last thirty days that are over)."""
    parts = tuple(_part(name, label) for name, label in PARTS.items() if _is_ours(name))
    newest = Outage.select().order_by(Outage.began_at.desc(), Outage.id.desc())
    still = list(newest.where(Outage.state != "over").limit(20))
    over = newest.where(Outage.state == "over", Outage.began_at > now() - timedelta(days=DAYS)).limit(20)
    return parts, still, list(over)


def overall(parts, outages):
    """(tone, words) on the whole: what people see first."""
    states = {part.state for part in parts}
    if BAD in states or any(outage.component == "all" for outage in outages):
        return "bad", "Something doesn’t work"
    if SLOW in states or outages:
        return "warn", "Something isn’t as usual"
    return ("quiet", "Nothing was measured lately") if states <= {UNKNOWN} else ("good", "Everything works")


def _is_ours(name):
    return name != "payments" or configuration.active.has_billing


def _part(name, label):
    today = now().replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS - 1)
    rows = list(StatusHour.select().where(StatusHour.component == name, StatusHour.hour >= first))
    by_day: dict = {}
    for row in rows:
        by_day.setdefault(row.hour.date(), []).append(row)
    days = tuple(
        _day(first + timedelta(days=n), by_day.get((first + timedelta(days=n)).date(), ())) for n in range(DAYS)
    )
    measured = sum(row.good + row.slow + row.bad for row in rows)
    share = f"{100 * sum(row.good + row.slow for row in rows) / measured:.2f} %" if measured else ""
    return Part(name, label, _present(rows), days, share)


def _present(rows):
    """How it is at this moment: as in the last minute that was measured, if that isn't long ago."""
    last = max(rows, key=lambda row: row.last_minute, default=None)
    if last is None or last.last_minute < now() - FRESH:
        return UNKNOWN
    return last.state


def _day(moment, rows):
    good, slow, bad = (sum(getattr(row, name) for row in rows) for name in (GOOD, SLOW, BAD))
    measured = good + slow + bad
    if not measured:
        return Day(moment.date(), UNKNOWN, "not measured")
    state = BAD if bad > measured / 100 else SLOW if bad + slow > measured / 100 else GOOD
    unseen = min(24 * 60, int((now() - moment).total_seconds() // 60)) - measured
    words = f"{100 * (good + slow) / measured:.1f} % works" + (f", {unseen} minutes not measured" if unseen > 5 else "")
    return Day(moment.date(), state, words)
