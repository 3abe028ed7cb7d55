"""Charts under a name, for oneself or for all: in their order on the dashboard, and on the home page.

A saved chart is read through the eyes of whoever opens it. One that can't be shown to somebody whole, as a field of it
is hidden from them or gone, isn't shown at all: half of its filters would be another chart. Who may change it is told.
"""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from database.clock import now
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, existing
from domain.base import history
from domain.charts import charts
from domain.fields.kinds import clean, comparable
from domain.fields.text import Name
from domain.imports import targets
from domain.lists.listing import demand, granted, may_share
from models import SavedChart

MOST = 60  # of one person
LONGEST = 4000  # signs of what is asked
KEPT = timedelta(days=30)  # a removed one
_NAME = Name(80)


def of(by):
    """(the shared ones, their own ones) of a member, each in order."""
    theirs = SavedChart.is_shared == True  # noqa: E712
    if not by.real_user:  # one's own are nobody's to look at
        theirs |= SavedChart.by == by.user
    found = list(SavedChart.select().where(theirs, SavedChart.archived_at.is_null()))
    found.sort(key=lambda chart: (chart.place, chart.id))
    return [chart for chart in found if chart.is_shared], [chart for chart in found if not chart.is_shared]


def pinned(by):
    """Those on the home page, in order."""
    return [chart for chart in of(by)[0] if chart.is_home]


def opened(chart, by):
    """The Asked of a saved chart as this member sees its list, or None where it can't be shown to them whole."""
    try:
        listing = targets.found(chart.listing, by, "charts").listing
        demand(by, listing.reads)
    except (NotFound, Forbidden):
        return None
    asked = charts.read(listing, chart.query, targets.parent_of(chart.listing))
    return asked if asked.is_whole and granted(by, listing.tab(asked.ask.tab).capability) else None


def may_change(chart, by):
    """Whether it is theirs to change: their own, and of shared ones any for who sees to them."""
    return chart.by_id == by.user.id or (chart.is_shared and by.may("charts.manage"))


def get(id, by):
    """One of the charts they may open, or None."""
    found = SavedChart.one(SavedChart.id == id, SavedChart.archived_at.is_null()) if id else None
    return found if found and (found.is_shared or (found.by_id == by.user.id and not by.real_user)) else None


@writes
def save(listing, name, query, *, by, shared=False, id=None, parent=None):
    """Save a chart of a list (in the row `parent`, where it stands in one) by a name; over the one with this `id`, or
    one's own of that name. Returns it.

    Refuses with Invalid, and with Forbidden: shared ones are made by whoever may share the list.
    """
    demand(by, listing.reads)
    name = _read_name(name)
    if shared:
        _demand_sharing(by, listing)
    mine = list(SavedChart.select().where(SavedChart.by == by.user, SavedChart.archived_at.is_null()))
    target = targets.name_of(listing, parent)
    held = get(id, by)
    if held is None or not may_change(held, by):
        same = (chart for chart in mine if comparable(chart.name) == comparable(name))
        held = next((chart for chart in same if chart.listing == target), None)
    values = {"listing": target, "name": name, "query": _cleaned(query), "is_shared": shared}
    if held is None:
        if len(mine) >= MOST:
            raise Invalid({"name": f"You have {MOST} charts already: remove one first."})
        place = len(mine) + SavedChart.select().where(SavedChart.is_shared == True).count()  # noqa: E712
        held = SavedChart.create(by=by.user, place=place, **values)
        _note(held, "saved", by, "created")
        return held
    return _changed(held, values, by)


def _demand_sharing(by, listing):
    if not may_share(by, listing):
        raise Forbidden("Sharing this list with others is not yours.")


def _cleaned(query):
    given = ((clean(name), clean(text)) for name, text in parse_qsl(clean(query)[:LONGEST]))
    return urlencode([(name, text) for name, text in given if name not in charts.PASSING])


def _read_name(name):
    try:
        name = _NAME.read(clean(name).strip())
    except ValueError as unfit:
        raise Invalid({"name": str(unfit)}) from None
    if not name:
        raise Invalid({"name": "Write a name."})
    return name


def _changed(chart, values, by):
    values = values | {"is_home": values.get("is_home", chart.is_home) and values["is_shared"]}
    was_shared = chart.is_shared
    SavedChart.update(**values).where(SavedChart.id == chart.id).execute()
    changed = SavedChart.get_by_id(chart.id)
    _note(changed, "changed", by, is_seen=was_shared or changed.is_shared)
    return changed


def _note(chart, what, by, verb="updated", is_seen=None):
    """What others see is in the log; open pages hear of all of it."""
    if chart.is_shared if is_seen is None else is_seen:
        history.note(f"organization.chart_{what}", f"The chart {chart.name} was {what}", chart, by=by, verb=verb)
    else:
        history.changes.record(by.organization, "saved_chart", chart.id, verb, by=by.user)


def found(id, by):
    """A chart that is theirs to change. Refuses with NotFound or Forbidden."""
    chart = existing(get(id, by), "This chart isn't here any more.")
    if not may_change(chart, by):
        raise Forbidden(f"Only {chart.by.name} and admins can change this chart.")
    return chart


@writes
def change(id, name, *, by, shared=False, home=None):
    """Give a chart another name, share it, and put it on the home page or take it from there (None leaves it).

    Refuses with Invalid, NotFound or Forbidden: on the home page owners and admins put it, and share it whoever may
    share its list.
    """
    chart = found(id, by)
    name = _read_name(name)
    if shared and not chart.is_shared:
        _demand_sharing(by, targets.found(chart.listing, by, "charts").listing)
    home = chart.is_home if home is None else home
    if home != chart.is_home:
        by.require("charts.manage")
    return _changed(chart, {"name": name, "is_shared": shared, "is_home": home}, by)


@writes
def move(id, *, by, step=0, before=None):
    """Move a chart among those it stands with: so many steps, or before another (behind all where that is 0).

    Refuses with NotFound or Forbidden: shared ones stand where owners and admins put them.
    """
    chart = found(id, by)
    if chart.is_shared:
        by.require("charts.manage")
    lock("changes", by.organization.id)
    order = of(by)[0 if chart.is_shared else 1]
    here = next(place for place, one in enumerate(order) if one.id == chart.id)
    rest = order[:here] + order[here + 1 :]
    to = min(max(here + step, 0), len(rest))
    if before is not None:
        to = next((place for place, one in enumerate(rest) if one.id == before), len(rest))
    for place, one in enumerate([*rest[:to], chart, *rest[to:]]):
        if one.place != place:
            SavedChart.update(place=place).where(SavedChart.id == one.id).execute()
    if to != here:
        history.changes.record(by.organization, "saved_chart", chart.id, "updated", by=by.user)
    return chart


@writes
def remove(id, *, by):
    """Remove a chart; for 30 days it can be restored. Refuses with NotFound or Forbidden."""
    chart = found(id, by)
    SavedChart.update(archived_at=now()).where(SavedChart.id == chart.id).execute()
    _note(chart, "removed", by, "deleted")
    return chart


@writes
def restore(id, *, by):
    """Put a removed chart back where it stood. Refuses with NotFound or Forbidden."""
    chart = SavedChart.one(SavedChart.id == id)
    if chart is None or not (chart.is_shared or chart.by_id == by.user.id):
        raise NotFound("This chart isn't here any more.")
    if not may_change(chart, by):
        raise Forbidden(f"Only {chart.by.name} and admins can restore this chart.")
    if SavedChart.update(archived_at=None).where(SavedChart.id == id, SavedChart.archived_at.is_null(False)).execute():
        _note(chart, "restored", by, "created")
    return chart


@writes
def prune(limit):
    """Let go of charts that were removed long ago; returns how many."""
    with everywhere("removed charts end in all organizations"):
        over = SavedChart.select(SavedChart.id).where(SavedChart.archived_at < now() - KEPT).limit(limit)
        return SavedChart.delete().where(SavedChart.id.in_(over)).execute()
