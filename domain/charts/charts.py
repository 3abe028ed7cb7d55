"""What a chart counts of a list: its rows, or the sum of a number, by a field; read out of an address.

A chart is asked with the list's own filters, so it shows nobody more than the list does, and a field that a list
doesn't have can be named by none.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from domain.charts import groupings, sums
from domain.fields.kinds import clean
from domain.lists import asks

LOOKS = {"bars": "Bars", "line": "Line", "number": "One number"}
PASSING = ("after", "rows", "saved", "chart", "view", "sort")  # what an address says that changes no figure
OWN = ("chart_by", "chart_per", "chart_of", "chart_as")


@dataclass(frozen=True)
class Chart:
    """Rows are counted where there is no field `of` which they are the sum; `by` none they are one group."""

    by: Any = None
    per: str = ""
    of: Any = None
    look: str = "bars"

    @property
    def names(self):
        """The fields whose values are read: (of the groups or None, of the sum or None)."""
        return self.by and self.by.name, self.of and self.of.name

    @property
    def written(self):
        """What an address says of it."""
        by, of = self.names
        per = self.per if by and self.per != "month" else ""
        return {"chart_by": by or "", "chart_per": per, "chart_of": of or "", "chart_as": self.look}

    @property
    def is_over_time(self):
        return bool(self.by) and groupings.sort_of(self.by.kind) == groupings.TIME


@dataclass(frozen=True)
class Asked:
    """A chart of a list, with what is asked of that list."""

    listing: Any
    ask: asks.Ask
    chart: Chart
    is_whole: bool  # whether all that was asked for could be understood


def grouping_fields(listing):
    """The fields of a list by which rows can be grouped."""
    return [f for f in listing.fields if groupings.sort_of(f.kind)]


def summed_fields(listing):
    """The fields of a list that can be added up."""
    return [f for f in listing.fields if sums.can_be(f.kind)]


def understand(listing, args):
    """(the Chart out of query arguments, whether all of it was understood); without any the likeliest one."""
    by, of = ({f.name: f for f in fields(listing)} for fields in (grouping_fields, summed_fields))
    given = {name: clean(args.get(name, "")) for name in OWN}
    is_whole = given["chart_by"] in {"", *by} and given["chart_of"] in {"", *of}
    field = by.get(given["chart_by"])
    look = given["chart_as"] if given["chart_as"] in LOOKS else "bars"
    if not given["chart_by"] and look != "number":
        field = by.get(listing.board_by) or next(iter(by.values()), None)
    if field is None:
        look = "number"
    if look == "number":
        field = None
    periods = groupings.periods(field.kind) if field else ()
    per = given["chart_per"] if given["chart_per"] in periods else "month" if periods else ""
    return Chart(field, per, of.get(given["chart_of"]), look), is_whole


def read(listing, query, parent=None):
    """The Asked of a query, as it was saved with a chart or stands in an address; `parent` is the id of the row that
    the list stands in."""
    args: dict[str, Any] = {}
    for name, text in parse_qsl(query):
        if name == "where":
            args.setdefault(name, []).append(text)
        else:
            args.setdefault(name, text)
    ask = asks.understand(listing, args, parent).but(after="")
    chart, is_whole = understand(listing, args)
    return Asked(listing, ask, chart, is_whole and not asks.left_out(ask, args, (*PASSING, *OWN)))


def said(asked):
    """What a chart shows, in a few words: «Sum of Budget by State»."""
    chart, things = asked.chart, asked.listing.things
    what = f"Sum of {chart.of.label}" if chart.of else f"Number of {things}"
    if not chart.by:
        return what
    return f"{what} by {chart.by.label}" + (f", by {chart.per}" if chart.per else "")
