"""Conditions on fields, in groups: the same in tables of the house and of people."""

import pytest

from domain.lists import asks, lists, rows, totals
from domain.lists.conditions import Condition, read, said
from domain.records import collections, listings
from domain.tasks import tasks
from models import RecordOption

TASKS = tasks.listing


@pytest.fixture
def some(at, inside_acme):
    alice = at("alice")
    for title, due in (("Call the printer", "2026-03-29"), ("Print badges", ""), ("Book trains", "2026-04-02")):
        rows.create(tasks.rules, {"title": title, "due_at": due}, by=alice)
    return alice


def titles(by, *where, **asked):
    ask = asks.understand(TASKS, {"where": where, "tab": "all", **asked})
    answer = lists.read(TASKS, ask, by)
    assert totals.total(TASKS, ask, by) == len(answer.rows)
    assert sum(lists.counts(TASKS, ask, by).values()) == len(answer.rows)
    return {row.title for row in answer.rows}


def test_and_begins_a_group_and_or_belongs_to_what_stands_before(some):
    assert titles(some, "and~title~contains~print") == {"Call the printer", "Print badges"}
    assert titles(some, "and~title~contains~print", "and~title~begins~call") == {"Call the printer"}
    assert titles(some, "and~title~contains~badges", "or~title~contains~trains") == {"Print badges", "Book trains"}
    both = ("and~title~contains~badges", "or~title~contains~trains", "and~title~begins~book")
    assert titles(some, *both) == {"Book trains"}


def test_what_cannot_be_meant_is_left_out_and_counted(some):
    for where in [
        "",
        "x",
        "and~title",
        "and~nothing~is~x",
        "and~title~nothing~x",
        "and~title~contains",
        "and~title~contains~",
    ]:
        ask = asks.understand(TASKS, {"where": [where]})
        assert (ask.where, ask.lost) == ((), 1), where


def test_a_condition_comes_back_out_of_its_address():
    for texts in (("a~b%7E",), ("ä & ö = ½",)):
        one = Condition("title", "contains", texts, is_or=True)
        (found,), _ = read(TASKS, [one.written()])
        assert found == one


def test_it_is_said_in_words():
    assert said(TASKS, Condition("title", "contains", ("print",))) == "Title contains print"


def test_the_form_adds_one(some):
    form = {"c_field": "title", "c_op": "begins", "c_value": ["", "Book"], "c_join": "and"}
    assert titles(some, **form) == {"Book trains"}


def test_pages_go_on_and_a_long_look_says_so(some, monkeypatch):
    monkeypatch.setattr(lists, "LOOKED", 2)
    ask = asks.understand(TASKS, {"where": ["and~title~begins~call"], "tab": "all"})
    answer = lists.read(TASKS, ask, some)
    assert (answer.rows, answer.looked) == ([], 2)
    assert isinstance(totals.total(TASKS, ask, some), asks.AtLeast)  # «0+»: not all were looked at
    assert {type(count) for count in lists.counts(TASKS, ask, some).values()} == {asks.AtLeast}
    answer = lists.read(TASKS, ask.but(after=answer.more), some)
    assert [row.title for row in answer.rows] == ["Call the printer"]
    assert not answer.more


@pytest.fixture
def offers(at, inside_acme):
    alice = at("alice")
    fields = (("Name", "text"), ("State", "choice", ("Open", "Shut")), ("Until", "day"), ("Price", "number"))
    table = collections.make("Offers", by=alice, fields=fields)
    rules = listings.of(table, alice)
    known = {f.label: f.name for f in rules.listing.fields}
    open_ = RecordOption.get(RecordOption.label == "Open").id
    for name, state, until, price in (
        ("A", open_, "2026-03-01", "9.5"),
        ("B", "", "2026-03-31", "10"),
        ("C", "", "", ""),
        ("D", open_, "", "1000"),
    ):
        form = {"Name": name, "State": str(state), "Until": until, "Price": price}
        rows.create(rules, {known[label]: text for label, text in form.items()}, by=alice)
    return rules, known, alice, open_


def test_records_23_conditions_of_a_table_of_peoples_in_every_order(offers):
    """«Is not» and «none of» take the empty ones too."""
    for sort in ["newest", "Name", "Price-down"]:
        for where, wanted in [
            (["and~Price~at_least~10"], "BD"),
            (["and~Price~less~10"], "A"),
            (["and~Price~is_not~10"], "ACD"),
            (["and~Price~empty"], "C"),
            (["and~Until~within~2026-03-01~2026-03-30"], "A"),
            (["and~State~none_of~OPEN"], "BC"),
            (["and~State~any_of~OPEN", "and~Price~more~100"], "D"),
            (["and~State~any_of~OPEN", "or~Until~not_empty"], "ABD"),
        ]:
            rules, known, by, open_ = offers
            texts = [text.replace("OPEN", str(open_)) for text in where]
            for label, name in known.items():
                texts = [text.replace(f"~{label}~", f"~{name}~") for text in texts]
                sort = sort.replace(label, name)
            ask = asks.understand(rules.listing, {"where": texts, "sort": sort})
            assert ask.lost == 0, (sort, where, wanted)
            answer = lists.read(rules.listing, ask, by)
            assert "".join(sorted(getattr(row, known["Name"]) for row in answer.rows)) == wanted, (sort, where, wanted)
            assert totals.total(rules.listing, ask, by) == len(wanted), (sort, where, wanted)
            assert sum(lists.counts(rules.listing, ask, by).values()) == len(wanted), (sort, where, wanted)
