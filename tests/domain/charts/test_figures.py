"""Figures of many rows: counted by a long job, kept until rows change, and for nobody who sees other rows."""

import pytest
from werkzeug.datastructures import MultiDict

from database.clock import read_in
from domain.charts import charts, figures
from domain.lists import rows
from domain.records import collections, listings, rules
from domain.tasks import tasks
from models import LongJob


@pytest.fixture
def many(monkeypatch):
    monkeypatch.setattr(figures, "AT_ONCE", 2)


def of(listing, query, by):
    return figures.figures(charts.read(listing, query), query, by)


def total(found):
    return found.tally and sum(found.tally.totals.values())


def test_few_rows_are_counted_at_once_and_anew_when_one_changes(at, inside_acme):
    query = "tab=all&chart_by=status"
    assert total(of(tasks.of(at("alice")).listing, query, at("alice"))) == 0
    made = rows.create(tasks.rules, {"title": "T"}, by=at("alice"))
    first = of(tasks.of(at("alice")).listing, query, at("alice"))
    assert total(first) == 1
    assert of(tasks.of(at("alice")).listing, query, at("alice")).tally is first.tally
    rows.remove(tasks.rules, made.id, by=at("alice"))
    assert total(of(tasks.of(at("alice")).listing, query, at("alice"))) == 0
    assert LongJob.select().count() == 0


def test_many_rows_are_counted_by_a_job_and_kept_until_one_changes(at, inside_acme, many, clock):
    query, alice = "tab=all&chart_by=status", at("alice")
    for number in range(3):
        rows.create(tasks.rules, {"title": f"T{number}"}, by=alice)
    begun = of(tasks.of(at("alice")).listing, query, alice)
    assert begun.job.is_open
    assert not begun.tally.is_whole
    assert of(tasks.of(at("alice")).listing, query, alice).job.id == begun.job.id
    assert figures.work() == 1
    found = of(tasks.of(at("alice")).listing, query, alice)
    assert (total(found), found.job, found.is_old) == (3, None, False)
    assert total(of(tasks.of(at("alice")).listing, query, at("bob"))) == 3  # who sees the same shares it
    rows.create(tasks.rules, {"title": "T4"}, by=alice)
    old = of(tasks.of(at("alice")).listing, query, alice)
    assert (total(old), old.is_old, old.job) == (3, True, None)  # not anew with each change
    clock.forward(minutes=1)
    anew = of(tasks.of(at("alice")).listing, query, alice)
    assert (total(anew), anew.job.is_open) == (3, True)
    assert figures.work() == 1
    assert total(of(tasks.of(at("alice")).listing, query, alice)) == 4
    assert LongJob.select().where(LongJob.kind == figures.JOB).count() == 1
    assert figures.work() == 0


def test_what_is_kept_is_kept_apart_for_each_zone_whose_and_right(at, cast, offers, many):
    bob = at("bob")
    for number in range(3):
        offers.add(Name=f"A{number}", Until="2026-03-01", Owner=str(cast.bob.id) if number else "")
    query = offers.query(chart_by="Until")
    of(offers.listing("bob"), query, bob)
    figures.work()
    assert total(of(offers.listing("bob"), query, bob)) == 3
    assert of(offers.listing("bob"), query + "&tab=mine", bob).job is None  # of nothing it takes no job
    read_in("Asia/Tokyo")
    assert of(offers.listing("bob"), query, bob).job is not None
    read_in("UTC")
    rule = [
        ("sees", "some"),
        ("changes", "all"),
        ("others", "change"),
        ("where", f"or~{offers.field('Owner')[1:]}~any_of~me"),
    ]
    rules.change(offers.table.slug, "role:member", MultiDict(rule), by=at("alice"))
    assert total(of(offers.listing("bob"), query, bob)) == 2
    assert total(of(offers.listing("alice"), query, at("alice"))) != 2


def test_who_looks_with_lesser_eyes_is_counted_with_them(at, cast, offers, many):
    for number in range(3):
        offers.add(Name=f"A{number}", State="New")
    rule = [("sees", "some"), ("changes", "none"), ("others", "see"), ("where", "or~made~any_of~me")]
    rules.change(offers.table.slug, "role:viewer", MultiDict(rule), by=at("alice"))
    eyes, query = at("alice").seen_as("viewer"), offers.query(chart_by="State")
    listing = listings.of(collections.found(offers.table.slug), eyes).listing
    assert of(listing, query, eyes).job.is_open
    figures.work()
    assert total(of(listing, query, eyes)) == 3
    other = at("alice").looking_as(at("vera"))
    listing = listings.of(collections.found(offers.table.slug), other).listing
    assert total(of(listing, query, other)) == 0


def test_a_count_whose_table_was_changed_meanwhile_says_so(at, cast, offers, many):
    for number in range(3):
        offers.add(Name=f"A{number}", State="New")
    query = offers.query(chart_by="State")
    of(offers.listing("bob"), query, at("bob"))
    rule = [("sees", "some"), ("changes", "all"), ("others", "change"), ("where", "or~made~any_of~me")]
    rules.change(offers.table.slug, "role:member", MultiDict(rule), by=at("alice"))
    assert figures.work() == 1
    assert LongJob.get(LongJob.kind == figures.JOB).status == "failed"
