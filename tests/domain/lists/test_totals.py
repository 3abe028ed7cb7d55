"""How many rows a list has as it is asked; what they come to is proven beside the listing that adds up."""

import pytest

from domain.lists import asks, lists, totals
from domain.lists.lists import Ask, counts, read
from domain.tasks import tasks
from models import Task
from tests.fixtures.threads import write

LISTING = tasks.listing


@pytest.fixture
def some(cast, inside_acme):
    for title in ("Order paper", "Order ink", "Call the printer", "画像の締め切りを確認", "ประชุมทีมวันพรุ่งนี้"):
        write(Task.create, title=title, user=cast.alice, status="completed" if "ink" in title else "pending")


def asked(at, **more):
    ask = Ask(tab="mine", **more)
    found = [row.title for row in read(LISTING, ask, at("alice")).rows]
    assert totals.total(LISTING, ask, at("alice")) == len(found)
    return found


@pytest.mark.parametrize("q", ["🎉", "***", "%", "_", "___", "'", "-- ·"])
def test_report_05_a_search_without_a_word_finds_nothing(some, at, q):
    assert asked(at, q=q) == []
    assert set(counts(LISTING, Ask(tab="mine", q=q), at("alice")).values()) == {0}


def test_report_05_the_ninth_word_counts_too(some, cast, at):
    nine = "one two three four five six seven eight nine"
    write(Task.create, title=nine, user=cast.alice)
    assert asked(at, q=nine) == [nine]
    assert asked(at, q=nine.replace("nine", "ten")) == []


@pytest.mark.parametrize(("q", "found"), [("締め切り", "画像の締め切りを確認"), ("ทีม", "ประชุมทีมวันพรุ่งนี้")])
def test_report_05_a_word_within_a_sentence_without_spaces_is_found(some, at, q, found):
    assert asked(at, q=q) == [found]
    assert asked(at, q=f"{q} paper") == []


def test_report_05_the_counted_words_follow_the_search(some, at):
    found = counts(LISTING, Ask(tab="mine", q="order"), at("alice"))
    assert (found["pending"], found["completed"]) == (1, 1)
    assert not any(counts(LISTING, Ask(tab="mine", q="zzzz"), at("alice")).values())


def test_use_t10_the_counted_words_follow_the_filters_but_their_own(cast, at, inside_acme):
    for status, priority in (("pending", "low"), ("pending", "high"), ("completed", "low")):
        write(Task.create, title=f"{status} {priority}", user=cast.alice, status=status, priority=priority)
    low = (("priority", "low"),)
    for filters in (low, (*low, ("status", "completed"))):
        found = counts(LISTING, Ask(tab="mine", filters=filters, sort="title", after="x"), at("alice"))
        assert {word: count for word, count in found.items() if count} == {"pending": 1, "completed": 1}
    assert not any(counts(LISTING, Ask(tab="mine", filters=low, due="overdue"), at("alice")).values())


def test_a_total_stops_at_its_bound(some, at, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 2)
    totals._counting.cache_clear()
    assert totals.total(LISTING, Ask(tab="mine"), at("alice")) == 3
    totals._counting.cache_clear()


@pytest.mark.parametrize(("found", "bound"), [(1, 1), (2, 2), (3, 2)])
def test_a_searchs_total_stops_sooner_unless_more_is_asked(cast, at, inside_acme, monkeypatch, found, bound):
    for number in range(found):
        write(Task.create, title=f"Paper {number}", user=cast.alice)
    monkeypatch.setattr(lists, "FOUND", 2)
    ask = Ask(tab="mine", q="paper")
    told = totals.total(LISTING, ask, at("alice"))
    assert (told, isinstance(told, asks.AtLeast)) == (bound, found >= 2)
    assert totals.total(LISTING, ask, at("alice"), lists.COUNTED + 1) == found
