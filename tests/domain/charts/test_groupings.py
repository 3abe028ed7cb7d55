"""Groups: their order, what they are called, and the list that each leads to."""

from urllib.parse import urlencode

import pytest

from domain.charts import charts, groupings, tallies
from domain.lists import asks, lists
from domain.tasks import tasks
from models import RecordOption


def chart(listing, query):
    return charts.read(listing, query).chart


def in_order(listing, query, found, most=400):
    return groupings.in_order(
        chart(listing, query), dict.fromkeys(found, 1) if isinstance(found, list) else found, most
    )


def test_words_stand_in_their_order_and_also_those_that_no_row_has(inside_acme):
    assert in_order(tasks.listing, "chart_by=priority", ["high", "", "low", groupings.LEFT]) == (
        ["low", "medium", "high", "", groupings.LEFT],
        False,
    )


def test_people_and_texts_stand_the_greatest_first(inside_acme):
    found = {"1": 2, "2": 5, "3": 2, "": 9}
    assert in_order(tasks.listing, "chart_by=assigned_to", found) == (["2", "1", "3", ""], False)


@pytest.mark.parametrize(
    ("per", "found", "order"),
    [
        ("day", ["2026-02-27", "2026-03-01"], ["2026-02-27", "2026-02-28", "2026-03-01"]),
        ("week", ["2025-12-22", "2026-01-05", ""], ["2025-12-22", "2025-12-29", "2026-01-05", ""]),
        ("month", ["2025-11-01", "2026-01-01"], ["2025-11-01", "2025-12-01", "2026-01-01"]),
        ("year", ["2024-01-01", "2026-01-01"], ["2024-01-01", "2025-01-01", "2026-01-01"]),
        ("day", [], []),
    ],
)
def test_periods_follow_each_other_without_a_gap(inside_acme, per, found, order):
    assert in_order(tasks.listing, f"chart_by=due_at&chart_per={per}", found) == (order, False)


def test_hours_follow_each_other_over_midnight_and_only_moments_have_them(inside_acme):
    found = ["2026-03-01T22:00:00", "2026-03-02T01:00:00"]
    order = [found[0], "2026-03-01T23:00:00", "2026-03-02T00:00:00", found[1]]
    assert in_order(tasks.listing, "chart_by=created_at&chart_per=hour", found) == (order, False)
    by_hour = chart(tasks.listing, "chart_by=created_at&chart_per=hour")
    assert groupings.labels(by_hour, found[:1]) == {found[0]: "1 Mar, 22:00"}
    assert groupings.leads_to(tasks.listing, by_hour, found[0]) is None
    assert chart(tasks.listing, "chart_by=due_at&chart_per=hour").per == "month"
    assert "hour" not in groupings.periods(tasks.listing.by_name["due_at"].kind)


def test_of_too_many_periods_the_last_ones_remain(inside_acme):
    query = "chart_by=due_at&chart_per=day"
    assert in_order(tasks.listing, query, ["1900-01-01", "2026-03-02"], 2) == (["2026-03-01", "2026-03-02"], True)


def test_groups_are_called_as_their_values(offers, cast):
    new = str(RecordOption.get(RecordOption.label == "New").id)

    def labels(by, *keys, per="month"):
        query = offers.query(chart_by=by, chart_per=per)
        return [*groupings.labels(chart(offers.listing(), query), keys).values()]

    assert labels("State", new, "", groupings.LEFT, groupings.OTHERS) == [
        "New",
        "Without State",
        "Words left over",
        "All others",
    ]
    assert labels("Tags", str(RecordOption.get(RecordOption.label == "Red").id)) == ["Red"]
    assert labels("Owner", str(cast.bob.id), "99999") == ["Bob", "Somebody who isn’t here any more"]
    assert labels("Sure", "True", "False") == ["Yes", "No"]
    assert labels("Stars", "3") == ["3 of 5"]
    assert labels("Until", "2026-03-02") == ["Mar 2026"]
    assert labels("Until", "2026-03-02", per="week") == ["Week of 2 Mar 2026"]


def test_each_group_leads_to_the_list_of_its_rows(offers, at, cast):
    red = str(RecordOption.get(RecordOption.label == "Red").id)
    new = str(RecordOption.get(RecordOption.label == "New").id)
    first = {"State": new, "Tags": [red], "Owner": str(cast.bob.id), "Sure": "yes", "Stars": "3"}
    offers.add(Name="A", Until="2026-03-31", Met="2026-03-31T12:00:00+00:00", **first)
    offers.add(Name="B", Until="2026-04-01")
    listing = offers.listing()
    for label in ("State", "Tags", "Owner", "Sure", "Stars", "Until", "Met"):
        query = offers.query(chart_by=label)
        asked = charts.read(listing, query)
        found = tallies.count(asked, at("alice"))
        for key, _ in found.totals:
            names, condition = groupings.leads_to(listing, asked.chart, key)
            address = [*names.items(), *([("where", condition.written())] if condition else [])]
            again = charts.read(listing, urlencode(address))
            assert again.is_whole, (label, key)
            rows = lists.read(listing, again.ask, at("alice")).rows
            assert len(rows) == found.totals[key, ""], (label, key)


def test_days_of_tasks_lead_to_a_list_too(inside_acme):
    names, condition = groupings.leads_to(tasks.listing, chart(tasks.listing, "chart_by=due_at"), "2026-02-01")
    assert (names, condition.texts) == ({}, ("2026-02-01", "2026-02-28"))
    assert asks.understand(tasks.listing, {"where": [condition.written()]}).lost == 0
    assert groupings.leads_to(tasks.listing, chart(tasks.listing, "chart_by=created_at"), "2026-02-01") is None
