"""What sets automations off by itself: certain days, and dates of rows that come, on the organization's clock.

Each has the moment at which it is looked at next. What was due while the server was off is made up for: of certain
days once, of dates day by day for a week.
"""

import contextvars
import logging
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from database.clock import now, read_in
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden
from domain.automations import dates, noting, running
from models import Automation, Organization

log = logging.getLogger("guildhall.automations")

TICKING = ("date", "schedule")
BACK = timedelta(days=7)
PUT_OFF = timedelta(minutes=10)
PAGE = 200


def next_due(trigger, after, zone):
    """The first moment after `after` at which a trigger's clock strikes; None for one without a clock."""
    if trigger["kind"] not in TICKING:
        return None
    place, day = ZoneInfo(zone or "UTC"), after.astimezone(ZoneInfo(zone or "UTC")).date()
    clock = time.fromisoformat(trigger["time"])
    for ahead in range(400):
        found = day + timedelta(days=ahead)
        moment = datetime.combine(found, clock, place)
        if moment > after and _is_day(trigger, found):
            return moment
    return None


def _is_day(trigger, day):
    every = trigger.get("every", "day")
    if every == "week":
        return day.weekday() == trigger["weekday"]
    if every == "month":
        last = (date(day.year + day.month // 12, day.month % 12 + 1, 1) - timedelta(days=1)).day
        return day.day == min(trigger["month_day"], last)
    return True


def work(limit=50):
    """Look at the clocks that have struck; returns how many. Each is of its own, so that one can't stop the others."""
    with everywhere("clocks of all organizations strike"):
        due = Automation.select(Automation.id, Automation.organization).where(
            Automation.state == "on", Automation.due_at <= now()
        )
        found = list(due.order_by(Automation.due_at).limit(limit).tuples())
    for id, organization in found:
        try:
            contextvars.copy_context().run(_strike, id, organization)
        except Exception:  # one that can't be looked at is put off, and the others strike
            log.exception("a clock of an automation failed", extra={"automation": id})
            with inside(organization):
                _put_off(id)
    return len(found)


@writes
def _put_off(id):
    Automation.update(due_at=now() + PUT_OFF).where(Automation.id == id, Automation.due_at <= now()).execute()


def _strike(id, organization_id):
    organization = Organization.get_by_id(organization_id)
    read_in(organization.timezone)
    with inside(organization):
        found = noting.versions([id])
        if not found or found[0][0].state != "on" or found[0][0].due_at is None:
            return
        automation, version = found[0]
        trigger, struck = version.body["trigger"], max(automation.due_at, now() - BACK)
        follows = next_due(trigger, now() if trigger["kind"] == "schedule" else struck, organization.timezone)
        if organization.status != "active":
            _turn(automation, version, follows, ())
            return
        try:
            causes = [(f"clock:{struck:%Y%m%dT%H%M}", None)]
            if trigger["kind"] == "date":
                causes = _come(automation, version, struck.astimezone(ZoneInfo(organization.timezone or "UTC")).date())
            _turn(automation, version, follows, causes)
        except Forbidden as refusal:
            running.pause(automation, refusal.sentence)


def _come(automation, version, day):
    """(cause, the row's id) of each row whose date comes on this day, as whoever it acts as sees them."""
    trigger = version.body["trigger"]
    source, _ = running.acting(version, automation.acts_as)
    if source.field(trigger["field"]) is None:
        raise Forbidden("The date that it waits for isn't there any more, or isn't to be seen.")
    wanted, after, found = day - dates.later(trigger), "", []
    while True:
        spans = ((trigger["field"], wanted, wanted + timedelta(days=1)),)
        answer = source.page(spans=spans, rows=PAGE, after=after)
        found += [(f"date:{row.id}:{wanted}", row.id) for row in answer.rows]
        if not answer.more:
            return found
        after = answer.more


@writes
def _turn(automation, version, follows, causes):
    """Leave the runs of a clock that struck, and let it strike next at `follows`; once, of two who look at it."""
    stood = Automation.id == automation.id, Automation.due_at == automation.due_at, Automation.state == "on"
    if not Automation.update(due_at=follows).where(*stood).execute():
        return
    for cause, row_id in causes:
        noting.begin(automation, version, cause, row_id=row_id)
