"""Rows of lists of which no log tells all, by when they were last written: sales move too often to be noted one by one.

The database keeps that moment, also of what is written in bulk. Who writes at the same time may be done a little later
than who began after them, so whoever has heard of everything looks OVERLAP back: a row can be told twice within that,
and none is left out.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from peewee import Case, Value

from database.clock import now
from database.columns import Moment
from domain.lists import lists
from domain.lists.columns import Column

OVERLAP = timedelta(seconds=10)  # longer than any write takes


class Reached(NamedTuple):
    """How far somebody has heard: all rows to a moment and, of those written at it, to an id; and when they began, if
    there was more."""

    moment: str
    id: int
    began: str = ""


def here():
    """Where whoever reads the whole list from now on goes on from."""
    return Reached((now() - OVERLAP).isoformat(), 0)


def behind(listing, reached, most, mine, by, parent):
    """(the next `most` rows that were written since and meet the condition `mine`, the first first; how far that is)"""
    began = reached.began or here().moment
    if not most:
        return [], reached._replace(began=began)
    moment, last = Value(datetime.fromisoformat(reached.moment), Moment().db_value), _last_written(listing)
    # Spelled out so that both databases walk the index of moments from here, where there is one.
    beyond = (last >= moment) & ((last > moment) | (listing.model.id > reached.id))
    found = lists.find_many(
        *(listing, by, parent),
        lambda query: query.where(beyond, mine).order_by(last, listing.model.id).limit(most),
        Column("moved", Moment(), last),
    )
    rows = [row for row, _ in found]
    if len(rows) < most:
        return rows, Reached(began, 0)
    at = Moment().python_value(found[-1][1][0])
    return rows, Reached(at.isoformat(), rows[-1].id, began)


def _last_written(listing):
    """When what a list shows of a row was last written, in its table or in another."""
    found = listing.model.updated_at
    for other in listing.moves:
        found = Case(None, ((other > found, other),), found)
    return found
