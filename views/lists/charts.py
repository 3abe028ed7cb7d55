"""Charts of a list as they are drawn: bars, a line or one number, each with its figures as a table."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, reduce
from typing import Any
from urllib.parse import parse_qsl, urlencode

from htmx_flask import request

from domain import Invalid
from domain.charts import charts, figures, groupings, saved_charts, sums, tallies
from domain.fields.kinds import whole
from views import pages

MOST = 366  # groups that are shown
_NOT_THE_LISTS = {*charts.PASSING, *charts.OWN} - {"sort"}


@dataclass(frozen=True)
class Group:
    """One bar, one point, one line of the table."""

    label: str
    total: Decimal
    words: str
    href: str | None


@dataclass(frozen=True)
class Series:
    """The groups of one currency, or of all rows."""

    name: str
    groups: list
    field: Any
    behind: tuple = ()  # groups that no point in time is of

    @cached_property
    def ends(self):
        """(the lowest, the highest) of what is drawn, with nothing between them."""
        totals = [group.total for group in self.groups]
        return min([Decimal(0), *totals]), max([Decimal(0), *totals])

    @property
    def total(self):
        totals = [group.total for group in self.groups]
        return sums.said(self.field, self.name, reduce(sums.EXACT.add, totals, Decimal(0)))

    @property
    def scale(self):
        """The words at the top, in the middle and at the foot."""
        low, high = self.ends
        return [sums.said(self.field, self.name, Decimal(at)) for at in (high, low)]

    def height(self, total):
        """How far up from the foot a total stands, in hundredths."""
        low, high = self.ends
        return round(float((total - low) * 100 / ((high - low) or 1)), 2)

    @property
    def bars(self):
        """(group, where its bar begins from above, how tall it is), for a drawing 100 high."""
        zero = self.height(Decimal(0))
        for group in self.groups:
            at = self.height(group.total)
            yield group, round(100 - max(at, zero), 2), round(max(abs(at - zero), 0.8 if group.total else 0), 2)

    @property
    def points(self):
        """The line, for a drawing 100 high and ten wide for each group."""
        return " ".join(f"{n * 10 + 5},{100 - self.height(group.total)}" for n, group in enumerate(self.groups))


class Drawn:
    """A chart with its figures, for templates/lists/_figures.html; `gaps` are the labels of groups that lack some, and
    `within` is what the list stands in, where the page doesn't say it."""

    gaps: frozenset = frozenset()
    within = ""

    def __init__(self, asked, found, url, query):
        self.asked, self.found, self.url, self.query = asked, found, url, query
        self.chart, self.tally, self.job = asked.chart, found.tally, found.job

    @cached_property
    def said(self):
        return charts.said(self.asked)

    @cached_property
    def series(self):
        chart, tally = self.chart, self.tally
        order, self.is_cut = groupings.in_order(chart, tallies.weights(tally), MOST)
        order = order[:MOST] if not chart.is_over_time else order
        labels = groupings.labels(chart, order)
        hrefs = {key: self._address(key) for key in order}
        apart = [key for key in order if key in groupings.SPECIAL] if chart.is_over_time else []

        def groups(keys, series):
            totals = {key: tally.totals.get((key, series), Decimal(0)) for key in keys}
            return [Group(labels[k], totals[k], sums.said(chart.of, series, totals[k]), hrefs[k]) for k in keys]

        drawn = [key for key in order if key not in apart]
        return [Series(name, groups(drawn, name), chart.of, tuple(groups(apart, name))) for name in tally.series]

    def _address(self, key):
        """The list with the rows of one group."""
        found = groupings.leads_to(self.asked.listing, self.chart, key)
        if found is None:
            return None
        names, condition = found
        kept = [(n, text) for n, text in parse_qsl(self.query) if n not in _NOT_THE_LISTS and n not in names]
        kept += [*names.items(), *([("where", condition.written())] if condition else [])]
        return self.url + (f"?{urlencode(kept)}" if kept else "")

    @property
    def is_empty(self):
        return not self.tally.looked

    @property
    def in_columns(self):
        """Whether the groups follow each other, so that their shape says more than each one's words."""
        return self.chart.is_over_time


def apart(listing):
    """What the present address says of its chart, as it was understood, and which saved one it is."""
    return (
        charts.understand(listing, request.args)[0].written | {"chart": whole(request.args.get("chart")) or ""}
    ).items()


def context(place):
    """What the list's page needs to draw its chart."""
    query = place.address(after="").partition("?")[2]
    asked = charts.read(place.listing, query, place.ask.parent)
    found = figures.figures(asked, query, place.by)
    return {
        "drawn": Drawn(asked, found, place.url, query),
        "grouping": [(f.name, f.label) for f in charts.grouping_fields(place.listing)],
        "summed": [(f.name, f"Sum of {f.label}") for f in charts.summed_fields(place.listing)],
        "periods": groupings.periods(asked.chart.by.kind) if asked.chart.by else {},
        "looks": charts.LOOKS,
    }


def chart_to_save(mounted, parts):
    """The form that keeps a chart under a name: under its own, where it is one already and theirs to change."""
    place = mounted.place(parts)
    held = _to_replace(request.args.get("chart"), place.by)
    given = {"name": held.name, "shared": held.is_shared, "chart_id": held.id} if held else {}
    return _form(mounted, place, {"query": request.query_string.decode("utf-8", "replace")} | given)


def _to_replace(text, by):
    held = saved_charts.get(whole(text), by)
    return held if held and saved_charts.may_change(held, by) else None


def _form(mounted, place, given, status=200):
    about = {"place": place, "listing": place.listing} | given
    return pages.in_dialog("lists/_chart_dialog.html", "lists/save_chart.html", status, here=mounted.nav, **about)


def save_chart(mounted, parts):
    place, form = mounted.place(parts), request.form
    given = {"query": form.get("query", ""), "name": form.get("name", ""), "shared": form.get("shared") == "1"}
    id = whole(form.get("chart"))
    try:
        saved = saved_charts.save(
            *(place.listing, given["name"], given["query"]),
            by=place.by,
            shared=given["shared"],
            id=id,
            parent=place.ask.parent,
        )
    except Invalid as refusal:
        error = " ".join(refusal.fields.values())
        return _form(mounted, place, given | {"error": error, "chart_id": id}, refusal.status)
    return pages.go(f"/{place.by.organization.slug}/dashboard#chart_{saved.id}", f"“{saved.name}” is saved.")
