import pytest

from domain import works
from models import Work
from tests.fixtures.threads import together, write


def status():
    return [row.status for row in Work.select().order_by(Work.id)]


def test_of_one_kind_and_subject_one_is_open_at_a_time(cast):
    first = write(works.begin, "paint", "door", by=cast.stella, total=3, colour="green")
    assert (first.asked_by, first.total, first.facts) == (cast.stella, 3, {"colour": "green"})
    assert write(works.begin, "paint", "door") is None
    assert write(works.begin, "paint", "gate") is not None
    write(works.close, works.take("paint"))
    assert write(works.begin, "paint", "door") is not None
    assert status() == ["done", "waiting", "waiting"]


def test_eight_at_once_begin_one(house):
    outcomes = together(*[lambda: write(works.begin, "paint")] * 8)
    assert sum(found is not None for found in outcomes) == 1
    assert not [o for o in outcomes if isinstance(o, Exception)]
    assert Work.select().count() == 1


def test_what_it_tells_is_kept(house):
    write(works.begin, "paint", total=9)
    row = works.take("paint")
    assert row.status == "running"
    assert write(works.tell, row, 4, wet=True)
    assert (works.newest("paint").done, works.newest("paint").facts) == (4, {"wet": True})
    assert write(works.close, row, coats=2)
    over = works.newest("paint")
    assert (over.status, over.facts, over.is_open) == ("done", {"wet": True, "coats": 2}, False)
    assert over.finished_at is not None


def test_an_earlier_taker_is_not_heard_any_more(house):
    write(works.begin, "paint")
    first, second = works.take("paint"), works.take("paint")
    assert not write(works.tell, first, 4)
    assert not write(works.close, first, error="late")
    assert works.newest("paint").done == 0
    assert write(works.close, second)
    assert not write(works.close, second)  # once


def test_work_that_was_cut_off_is_taken_up_again_but_not_for_ever(house):
    write(works.begin, "paint")
    for _ in range(works.MOST):
        assert works.take("paint") is not None
    assert works.take("paint") is None
    assert works.newest("paint").status == "failed"
    assert "cut off" in works.newest("paint").error


def test_work_that_gets_further_may_be_cut_off_more_often(house):
    write(works.begin, "paint")
    for done in range(works.MOST * 2):
        row = works.take("paint")
        assert write(works.tell, row, done, lasting=True)
    assert works.newest("paint").status == "running"


def test_something_newer_takes_the_place_of_what_is_open(house):
    write(works.begin, "paint", "door")
    row = works.take("paint")
    write(works.replace, "paint", "door")
    assert not write(works.tell, row, 1)
    assert write(works.begin, "paint", "door") is not None
    assert status() == ["replaced", "waiting"]


@pytest.mark.parametrize("kind", ["paint", "nothing"])
def test_where_nothing_was_asked_there_is_nothing_to_do(house, kind):
    assert works.take(kind) is None
    assert works.newest(kind) is None
