"""What charts count: the same by keys, by the database and row by row."""

import json
from datetime import UTC, datetime

import pytest

from database.clock import read_in
from domain import Forbidden
from domain.charts import charts, groupings, tallies
from domain.lists import rows
from domain.records import documents
from domain.records.shapes import read
from domain.tasks import tasks
from models import Record, RecordOption
from tests.fixtures.threads import write


def word(label):
    return str(RecordOption.get(RecordOption.label == label).id)


def test_rows_are_counted_by_a_choice_a_person_and_yes_or_no(offers, cast):
    offers.add(Name="A", State="New", Owner=str(cast.bob.id), Sure="yes", Stars="3")
    offers.add(Name="B", State="New", Sure="no")
    offers.add(Name="C")
    assert offers.totals(offers.query(chart_by="State")) == {word("New"): "2", "": "1"}
    assert offers.totals(offers.query(chart_by="Owner")) == {str(cast.bob.id): "1", "": "2"}
    assert offers.totals(offers.query(chart_by="Sure")) == {"True": "1", "False": "1", "": "1"}
    assert offers.totals(offers.query(chart_by="Stars")) == {"3": "1", "": "2"}
    assert offers.totals("chart_as=number") == {"": "3"}


def test_a_row_with_several_words_counts_once_for_each(offers):
    offers.add(Name="A", Tags=[word("Red"), word("Large")])
    offers.add(Name="B", Tags=[word("Red")])
    assert offers.totals(offers.query(chart_by="Tags")) == {word("Red"): "2", word("Large"): "1"}


def test_amounts_of_several_currencies_are_never_added_to_each_other(offers):
    for state, worth in (("New", "10.50 EUR"), ("New", "0.10 EUR"), ("Won", "500 JPY"), ("New", "-3 JPY"), ("Won", "")):
        offers.add(Name="A", State=state, Worth=worth)
    new, won = word("New"), word("Won")
    found = offers.totals(offers.query(chart_by="State", chart_of="Worth"))
    assert found == {(new, "EUR"): "10.6", (won, "JPY"): "500", (new, "JPY"): "-3"}
    assert offers.tally(offers.query(chart_by="State", chart_of="Worth")).series == ["EUR", "JPY"]


def test_durations_and_numbers_of_many_digits_are_added_up_to_the_last_one(offers):
    offers.add(Name="A", Hours="1:30", Pieces="1234567890123456789012345678")
    offers.add(Name="B", Hours="0:45", Pieces="0.0000000001")
    assert offers.totals("chart_as=number&" + offers.query(chart_of="Hours")) == {"": str(135 * 60)}
    assert offers.totals("chart_as=number&" + offers.query(chart_of="Pieces")) == {
        "": "1234567890123456789012345678.0000000001"
    }


def left_over(offers, row, label, words):
    """Have words stand in a cell that don't fit its kind."""
    shape = read(offers.table)
    cell = shape.by_name[offers.field(label)]
    before = json.loads(Record.get_by_id(row.id).cells)
    after = {**before, f"~s{cell.slot}": words}
    after.pop(f"s{cell.slot}", None)

    def paint():
        Record.update(cells=documents.dumped(shape, after)).where(Record.id == row.id).execute()
        documents.place(shape, row.id, before, after)

    write(paint)


def test_words_left_over_are_a_group_of_their_own_and_no_number(offers):
    first = offers.add(Name='"~s1":"', State="New", Pieces="2")
    offers.add(Name="B", State="New", Pieces="3")
    offers.add(Name="C", State="Won")
    left_over(offers, first, "State", "perhaps")
    assert offers.totals(offers.query(chart_by="State")) == {groupings.LEFT: "1", word("New"): "1", word("Won"): "1"}
    narrowed = offers.query(chart_by="State", q="b")
    assert offers.totals(narrowed) == {word("New"): "1"}
    left_over(offers, first, "Pieces", "two")
    found = offers.tally(offers.query(chart_by="State", chart_of="Pieces"))
    assert (found.left, {key: str(total) for (key, _), total in found.totals.items()}) == (1, {word("New"): "3"})


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", {"2026-03-28": "1", "2026-03-29": "2"}),
        ("Europe/Berlin", {"2026-03-29": "2", "2026-03-30": "1"}),  # on the 29th clocks went forward there
        ("America/New_York", {"2026-03-28": "1", "2026-03-29": "2"}),
        ("Asia/Kathmandu", {"2026-03-29": "2", "2026-03-30": "1"}),  # 5:45 ahead
        ("Pacific/Kiritimati", {"2026-03-29": "1", "2026-03-30": "2"}),
    ],
)
def test_a_moment_is_of_the_readers_day(offers, zone, days):
    for moment in ("2026-03-28T23:30:00+00:00", "2026-03-29T09:59:00+00:00", "2026-03-29T22:00:00+00:00"):
        if zone == "Pacific/Kiritimati" and moment.startswith("2026-03-29T09"):
            moment = "2026-03-29T10:00:00+00:00"  # 14 hours ahead: a day begins there
        offers.add(Name="A", Met=moment)
    read_in(zone)
    try:
        by_keys = offers.totals(offers.query(chart_by="Met", chart_per="day"))
        by_rows = offers.totals(offers.query(chart_by="Met", chart_per="day", q="a"))
    finally:
        read_in("UTC")
    assert by_keys == by_rows == days


def test_weeks_begin_on_monday_and_months_and_years_with_their_first(offers):
    for day in ("2025-12-28", "2025-12-29", "2026-01-04", "2026-01-05"):
        offers.add(Name="A", Until=day)
    asked = {"chart_by": "Until"}
    assert offers.totals(offers.query(**asked, chart_per="week")) == {
        "2025-12-22": "1",
        "2025-12-29": "2",
        "2026-01-05": "1",
    }
    assert offers.totals(offers.query(**asked)) == {"2025-12-01": "2", "2026-01-01": "2"}
    assert offers.totals(offers.query(**asked, chart_per="year")) == {"2025-01-01": "2", "2026-01-01": "2"}


def test_a_chart_asks_what_its_list_asks(offers, cast):
    offers.add(Name="Apple", State="New", Until="2026-01-01", Owner=str(cast.bob.id))
    offers.add(Name="Pear", State="Won", Until="2026-02-01")
    both = {word("New"): "1", word("Won"): "1"}
    state = offers.query(chart_by="State")
    assert offers.totals(state) == both
    assert offers.totals(f"{state}&q=pear") == {word("Won"): "1"}
    assert offers.totals(f"{state}&q=!!") == {}
    assert offers.totals(f"{state}&{offers.field('Until')}_from=2026-01-15") == {word("Won"): "1"}
    assert offers.totals(f"{state}&{offers.field('Owner')}={cast.bob.id}") == {word("New"): "1"}
    assert offers.totals(f"{state}&where=and~{offers.field('Name')}~contains~app") == {word("New"): "1"}
    assert offers.totals(f"{state}&tab=mine") == both
    assert offers.totals(f"{state}&tab=mine", "bob") == {}


def test_tasks_are_counted_by_the_database_and_under_conditions_row_by_row(at, cast, inside_acme):
    for title, due, status in (("A", "2026-03-29", "pending"), ("B", "2026-03-29T22:30:00+00:00", "completed")):
        rows.create(tasks.rules, {"title": title, "due_at": due, "status": status}, by=at("alice"))

    def totals(query, name="alice"):
        found = tallies.count(charts.read(tasks.listing, f"tab=all&{query}"), at(name)).totals
        return {key: int(total) for (key, _), total in found.items()}

    read_in("Europe/Berlin")
    try:
        due = {"2026-03-29": 1, "2026-03-30": 1}
        assert totals("chart_by=due_at&chart_per=day") == due
        assert totals("chart_by=due_at&chart_per=day&where=and~title~not_empty") == due
        assert totals("chart_by=completed_at&chart_per=year") == {str(datetime.now(UTC).year) + "-01-01": 1, "": 1}
    finally:
        read_in("UTC")
    assert totals("chart_by=status") == {"pending": 1, "completed": 1}
    assert totals("chart_by=category") == {"general": 2}
    assert totals("chart_by=user&where=and~title~is~a") == {str(cast.alice.id): 1}
    assert totals("chart_by=status&status=pending") == {"pending": 1}


def test_it_stops_at_a_bound_and_says_so(offers, at, inside_acme):
    for number in range(4):
        offers.add(Name=f"A{number}", State="New")
        rows.create(tasks.rules, {"title": "T"}, by=at("alice"))
    for query in ("chart_as=number", offers.query(chart_by="State")):
        assert offers.tally(query, most=4).is_whole
        assert not offers.tally(query, most=3).is_whole
    task_chart = charts.read(tasks.listing, "tab=all&chart_by=status")
    assert tallies.count(task_chart, at("alice"), 4).is_whole
    assert not tallies.count(task_chart, at("alice"), 3).is_whole
    heard = []
    assert tallies.count(task_chart, at("alice"), onward=heard.append).is_whole
    assert heard == [4]


def test_of_many_texts_the_greatest_are_kept_and_the_rest_is_one_group(at, inside_acme, monkeypatch):
    monkeypatch.setattr(tallies, "KEPT_GROUPS", 3)
    for category, count in (("a", 1), ("b", 3), ("c", 1), ("d", 2)):
        for _ in range(count):
            rows.create(tasks.rules, {"title": "T", "category": category}, by=at("alice"))
    asked = charts.read(tasks.listing, "tab=all&chart_by=category")
    found = tallies.count(asked, at("alice"))
    assert {key: int(total) for (key, _), total in found.totals.items()} == {"b": 3, "d": 2, groupings.OTHERS: 2}
    assert tallies.restored(json.loads(json.dumps(found.stored()))).totals == found.totals


def test_a_tab_that_isnt_theirs_is_counted_for_nobody(at, cast, inside_acme):
    from domain.organizations.organizations import Member

    nobody = Member(cast.bob, cast.acme, "none")
    with pytest.raises(Forbidden):
        tallies.count(charts.read(tasks.listing, "tab=all"), nobody)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("UTC", {"2026-06-15T12:00:00": 3}),
        ("Europe/Berlin", {"2026-06-15T14:00:00": 3}),
        ("Asia/Kathmandu", {"2026-06-15T17:00:00": 1, "2026-06-15T18:00:00": 2}),  # 5:45 ahead
    ],
)
def test_a_moment_is_of_the_readers_hour(inside_acme, at, clock, zone, hours):
    for minutes in (0, 20, 20):
        clock.forward(minutes=minutes)
        rows.create(tasks.rules, {"title": "T"}, by=at("alice"))
    read_in(zone)
    try:
        for query in ("", "&where=and~title~is~T"):  # as the database counts, and row by row
            asked = charts.read(tasks.listing, f"tab=all&chart_by=created_at&chart_per=hour{query}")
            assert asked.is_whole
            totals = tallies.count(asked, at("alice")).totals
            assert {key: int(total) for (key, _), total in totals.items()} == hours
    finally:
        read_in("UTC")


@pytest.mark.parametrize(("zone", "hours"), [("Europe/Berlin", ["00", "01"]), ("Asia/Kathmandu", ["04", "05"])])
def test_hours_of_peoples_tables_are_the_same_by_keys_and_row_by_row(offers, zone, hours):
    for moment in ("2026-06-14T22:59:59+00:00", "2026-06-14T23:20:00+00:00"):
        offers.add(Name="A", Met=moment)
    read_in(zone)
    try:
        query = offers.query(chart_by="Met", chart_per="hour")
        found = offers.totals(query)
        assert found == offers.totals(f"{query}&q=a") == {f"2026-06-15T{hour}:00:00": "1" for hour in hours}
    finally:
        read_in("UTC")
