"""What a chart counts, out of an address, through the eyes of who asks."""

import pytest

from domain.charts import charts
from domain.tasks import tasks


def said(listing, query):
    asked = charts.read(listing, query)
    return charts.said(asked), asked.chart.look, asked.is_whole


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ("Number of tasks by Status", "bars", True)),
        ("view=chart&tab=all&status=pending&due=overdue&q=a&sort=due", ("Number of tasks by Status", "bars", True)),
        ("chart_by=due_at&chart_per=week&chart_as=line", ("Number of tasks by Due, by week", "line", True)),
        ("chart_by=due_at&chart_per=eon&chart_as=pie", ("Number of tasks by Due, by month", "bars", True)),
        ("chart_by=status&chart_per=week", ("Number of tasks by Status", "bars", True)),
        ("chart_as=number", ("Number of tasks", "number", True)),
        ("chart_by=status&chart_as=number", ("Number of tasks", "number", True)),
        ("chart_by=title", ("Number of tasks", "number", False)),
        ("chart_by=secret&chart_of=status", ("Number of tasks", "number", False)),
        ("status=nonsense", ("Number of tasks by Status", "bars", False)),
        ("budget=7", ("Number of tasks by Status", "bars", False)),
        ("where=and~gone~is~1", ("Number of tasks by Status", "bars", False)),
    ],
)
def test_a_query_becomes_a_chart_and_what_is_not_understood_is_said(query, found, inside_acme):
    assert said(tasks.listing, query) == found


def test_a_sum_of_a_field_of_peoples_tables(offers):
    query = offers.query(chart_by="Until", chart_of="Worth", chart_as="bars")
    assert said(offers.listing(), query) == ("Sum of Worth by Until, by month", "bars", True)
    assert charts.read(offers.listing(), query).chart.written == {
        "chart_by": offers.field("Until"),
        "chart_per": "",
        "chart_of": offers.field("Worth"),
        "chart_as": "bars",
    }
