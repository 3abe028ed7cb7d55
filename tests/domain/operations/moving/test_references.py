"""Numbers of rows in documents, texts and names, where those rows have other numbers."""

import pytest

from domain.operations.moving import references
from models import Change, Comment, RecordRule, SavedChart, Stock, Task


@pytest.fixture
def numbers():
    rows = {
        ("collection", 1): 31,
        ("record", 5): 55,
        ("record_field", 2): 12,
        ("record_field", 3): 13,
        ("record_slot", 7): 17,
        ("record_slot", 8): 18,
        ("record_slot", 9): 19,
        ("record_option", 4): 44,
        ("label", 6): 66,
        ("task", 1): 91,
        ("event", 1): 71,
        ("stored_file", 3): 93,
    }
    kinds = {("record_field", 2): "choice", ("record_field", 3): "person", ("record_slot", 7): "choice"}
    kinds |= {("record_slot", 8): "person", ("record_slot", 9): "links"}
    return references.Numbers(rows, {20: 200}, {20: "Ada", 21: "Bea"}, kinds)


def test_a_document_speaks_of_the_same_rows(numbers):
    was = {"s7": 4, "s8": 20, "s9": [5, 6], "~s7": "left over", "s99": "of no slot"}
    assert references.document(numbers, was) == {"s17": 44, "s18": 200, "s19": [55], "~s17": "left over"}
    assert references.document(numbers, {"s8": 21}) == {"~s18": "Bea"}  # who isn't here is a name


def test_history_speaks_of_them(numbers):
    was = {"table": "record:1", "row_id": 5, "fields": {"f2": [None, 4], "f3": [20, 21], "f9": [1, 2]}}
    assert references.SOFT[Change](numbers, was) == {
        "table": "record:31",
        "row_id": 55,
        "fields": {"f12": [None, 44], "f13": [200, None]},
    }
    was = {"table": "task", "row_id": 1, "fields": {"assigned_to": [None, 20], "title": ["a", "b"]}}
    assert references.SOFT[Change](numbers, was)["fields"] == {"assigned_to": [None, 200], "title": ["a", "b"]}
    was = {"table": "task:files", "row_id": 3, "fields": {}}
    assert references.SOFT[Change](numbers, was)["row_id"] == 93
    assert references.SOFT[Change](numbers, was | {"table": "organization", "row_id": 1})["row_id"] is None


def test_so_do_comments_labels_and_addresses(numbers):
    was = {"table": "task", "row_id": 1, "text": "@{20} and @{9}", "mentions": [20]}
    assert references.SOFT[Comment](numbers, was)["text"] == "@{200} and @{9}"
    assert references.SOFT[Comment](numbers, was)["mentions"] == [200]
    assert references.SOFT[Task](numbers, {"labels": (6, 7)}) == {"labels": (66,)}
    was = {"listing": "record:1", "query": "f2=4&f3=20&sort=-f2&chart_by=f3&q=f2x"}
    told = references.SOFT[SavedChart](numbers, was)
    assert told == {"listing": "record:31", "query": "f12=44&f13=200&sort=-f12&chart_by=f13&q=f2x"}
    assert references.SOFT[SavedChart](numbers, {"listing": "tasks", "query": "f2=4"}) == {}
    for was, told in (("sales:1", "sales:71"), ("orders:9", "orders:0"), ("orders:x", "orders:0")):
        assert references.SOFT[SavedChart](numbers, {"listing": was, "query": ""}) == {"listing": told}


def test_a_rule_that_asks_of_rows_shows_none_until_it_is_looked_at(numbers):
    was = {"who": "user:20", "sees": "some", "where": ["and~2~is~4"], "fields": {"2": "see", "9": "nothing"}}
    assert references.SOFT[RecordRule](numbers, was) == {
        "who": "user:200",
        "fields": {"12": "see"},
        "sees": "none",
        "where": [],
    }
    assert "sees" not in references.SOFT[RecordRule](numbers, was | {"sees": "all"})


def test_every_kind_of_stock_is_of_something_that_is_known():
    assert set(Stock.kind.states) == set(references.THINGS)
    assert set(references.THINGS.values()) <= set(references.TABLES)
