"""A list in groups: a head for each word, person or day, with how many rows it has and what they come to."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import request

from domain.charts import charts, figures, groupings, sums, tallies
from domain.fields.kinds import clean, whole
from domain.lists import conditions, totals
from domain.lists.asks import Answer, Looks
from views import pages

GROUPS = 20  # of one page
ROWS = 20  # of one group, until more are asked for
SUMMED = 2  # fields that are added up for each


@dataclass(frozen=True)
class Group:
    """The rows of one word, person or day; `rest` is where one goes on among them, `alone` the list with only them."""

    key: str
    label: str
    count: str
    sums: list
    answer: Any
    rest: str
    alone: str | None


def fields(listing):
    """The fields that rows are put together by, in a list whose figures are kept and as new as its rows."""
    if not (listing.charts and listing.followed):
        return []
    return [f for f in charts.grouping_fields(listing) if f.listed and not f.kind.several and f.name != listing.first]


def apart(listing):
    """What the present address says of the groups: by which field, and behind how many groups one goes on."""
    name = clean(request.args.get("group", ""))
    if name not in {f.name for f in fields(listing)}:
        return ()
    behind = whole(request.args.get("group_at"))
    return (("group", name), *((("group_at", str(behind)),) if behind else ()))


def context(place):
    """What the list's page needs to draw it in groups, if it is asked to."""
    about = {"groupable": fields(place.listing)}
    field, query = _asked(place)
    if field is None:
        return about
    counted = _figures(place, field, query, None)
    if counted.tally is None:
        return about | {"grouped_by": field, "counting": counted.job}
    order = _order(place, charts.Chart(field, "day"), tallies.weights(counted.tally))
    begin = whole(dict(place.apart).get("group_at")) or 0
    begin = begin if begin < len(order) else 0
    keys = order[begin : begin + GROUPS]
    labels = groupings.labels(charts.Chart(field, "day"), keys)
    added = [(f, _figures(place, field, query, f).tally) for f in _summed(place.listing)] if keys else []
    looks = Looks(len(keys))
    groups = [_group(place, field, key, labels[key], counted.tally, added, looks) for key in keys]
    return about | {
        "grouped_by": field,
        "groups": groups,
        "answer": Answer([row for group in groups for row in group.answer.rows], "", {}),
        "total": totals.total(place.listing, place.ask, place.by),
        "groups_more": place.address(group_at=begin + GROUPS) if begin + GROUPS < len(order) else None,
        "groups_before": place.address(group_at=max(begin - GROUPS, 0) or "") if begin else None,
    }


def rest(place):
    """More rows of one group, as the row that asked for them is replaced."""
    field, _ = _asked(place)
    key = clean(request.args.get("group_key", ""))
    ask = field and _ask(place, field, key)
    answer = place.read(ask.but(after=place.ask.after)) if ask else Answer([], "", {})
    group = Group(key, "", "", [], answer, _rest(place, key, answer), None)
    return pages.fragment("lists/_group_rows.html", place=place, listing=place.listing, group=group)


def _asked(place):
    """(the field that is grouped by or None, the query without it)."""
    field = place.listing.by_name.get(dict(place.apart).get("group"))
    return field, place.address(after="", group="", group_at="").partition("?")[2]


def _figures(place, field, query, of):
    """The Figures of the groups: how many rows, or what they come to in a field."""
    chart = charts.Chart(field, "day", of)
    asked = charts.read(place.listing, urlencode([*parse_qsl(query), *chart.written.items()]))
    return figures.figures(asked, urlencode([*parse_qsl(query), *chart.written.items()]), place.by)


def _summed(listing):
    return [f for f in charts.summed_fields(listing) if f.listed][:SUMMED]


def _order(place, chart, found):
    """The groups that have rows, in the order of the field: days as they follow each other, people by their names."""
    sort, sort_of = place.listing.sort(place.ask.sort), groupings.sort_of(chart.by.kind)
    if sort_of == groupings.WORDS:
        keys = [key for key in groupings.in_order(chart, found, len(found))[0] if key in found]
    else:
        keys = [key for key in found if key not in groupings.SPECIAL]
        labels = groupings.labels(chart, keys) if sort_of == groupings.PEOPLE else {}
        keys.sort(key=lambda key: str(labels.get(key, key)).casefold())
    behind = [key for key in groupings.SPECIAL if key in found]
    keys = [key for key in keys if key not in behind]
    is_turned = sort.column == chart.by.name and sort.descending
    return [*(reversed(keys) if is_turned else keys), *behind]


def _group(place, field, key, label, counted, added, looks):
    ask = _ask(place, field, key)
    answer = place.read(ask.but(after="", rows=ROWS, looks=looks)) if ask else Answer([], "", {})
    count = f"{int(sum(total for (one, _), total in counted.totals.items() if one == key)):,}"
    said = [(f.label, _in_words(f, tally, key)) for f, tally in added if tally is not None]
    rest = _rest(place, key, answer)
    return Group(key, label, count, [pair for pair in said if pair[1]], answer, rest, _alone(place, field, key))


def _in_words(field, tally, key):
    return " · ".join(
        sums.said(field, series, Decimal(tally.totals[key, series]))
        for series in tally.series
        if (key, series) in tally.totals
    )


def _rest(place, key, answer):
    return place.address(after=answer.more, group_key=key) if answer.more else ""


def _ask(place, field, key):
    """What is asked of the list for the rows of one group; None of what is too much to be shown."""
    ask, name = place.ask, field.name
    if key == groupings.OTHERS:
        return None
    if key in (groupings.NONE, groupings.LEFT):
        words = conditions.Condition(name, "empty" if key == groupings.NONE else "left_over", ())
        where = (*ask.where, words) if place.listing.source else ask.where
        none = ((name, None),) if key == groupings.NONE else ()
        return ask.but(filters=(*ask.filters, *none), where=where)
    if groupings.sort_of(field.kind) == groupings.TIME:
        day = _day(key)
        return day and ask.but(spans=(*ask.spans, (name, day, day + timedelta(1))))
    return ask.but(filters=(*ask.filters, (name, _value(field.kind, key))))


def _day(key):
    try:
        day = date.fromisoformat(key)
    except ValueError:
        return None
    return day if 1900 <= day.year <= 2200 else None


def _value(kind, key):
    """The value that a group's key is of."""
    if key in ("True", "False") and groupings.sort_of(kind) == groupings.WORDS:
        return key == "True"
    number = whole(key)
    return key if number is None or kind.name in ("choice", "text") else number


def _alone(place, field, key):
    """The list with the rows of one group and no others."""
    found = groupings.leads_to(place.listing, charts.Chart(field, "day"), key)
    if found is None:
        return None
    names, condition = found
    where = [*(one.written() for one in place.ask.where), *([condition.written()] if condition else [])]
    return place.address(group="", group_at="", where=where or "", **names)
