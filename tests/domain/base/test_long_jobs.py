import pytest

from database.scope import scope
from database.transactions import writes
from domain import Refused
from domain.base import long_jobs
from models import LongJob
from tests.fixtures.threads import together, write


def status():
    return [row.status for row in LongJob.select().order_by(LongJob.id)]


def not_heard(*call, **said):
    with pytest.raises(long_jobs.TakenOver):
        write(*call, **said)


def test_of_one_kind_and_subject_one_is_open_at_a_time(cast):
    first = write(long_jobs.begin, "paint", "door", by=cast.stella, total=3, colour="green")
    assert (first.asked_by, first.total, first.facts) == (cast.stella, 3, {"colour": "green"})
    assert write(long_jobs.begin, "paint", "door") is None
    assert write(long_jobs.begin, "paint", "gate") is not None
    write(long_jobs.finish, long_jobs.claim("paint"))
    assert write(long_jobs.begin, "paint", "door") is not None
    assert status() == ["done", "waiting", "waiting"]


def test_eight_at_once_begin_one(house):
    outcomes = together(*[lambda: write(long_jobs.begin, "paint")] * 8)
    assert sum(found is not None for found in outcomes) == 1
    assert not [o for o in outcomes if isinstance(o, Exception)]
    assert LongJob.select().count() == 1


def test_what_it_tells_is_kept(house):
    write(long_jobs.begin, "paint", total=9)
    row = long_jobs.claim("paint")
    assert row.status == "running"
    write(long_jobs.progress, row, 4, wet=True)
    assert (long_jobs.newest("paint").done, long_jobs.newest("paint").facts) == (4, {"wet": True})
    write(long_jobs.finish, row, coats=2)
    over = long_jobs.newest("paint")
    assert (over.status, over.facts, over.is_open) == ("done", {"wet": True, "coats": 2}, False)
    assert over.finished_at is not None


def test_of_eight_who_ask_at_once_one_gets_it(house):
    write(long_jobs.begin, "paint")
    outcomes = together(*[lambda: long_jobs.claim("paint")] * 8)
    (taken,) = (found for found in outcomes if found is not None)
    assert (taken.status, taken.attempts) == ("running", 1)


def test_nobody_gets_what_is_held_but_who_holds_it(house):
    write(long_jobs.begin, "paint")
    assert long_jobs.claim("paint").attempts == 1
    assert together(*[lambda: long_jobs.claim("paint")] * 8) == [None] * 8
    again = long_jobs.claim("paint")
    assert again.attempts == 2
    write(long_jobs.progress, again, 1)


def test_with_each_progress_it_is_held_longer(house, clock):
    write(long_jobs.begin, "paint")
    taken = long_jobs.claim("paint")
    for done in range(3):
        clock.forward(seconds=50)
        assert together(lambda: long_jobs.claim("paint")) == [None]
        write(long_jobs.progress, taken, done)
    clock.forward(seconds=61)
    (other,) = together(lambda: long_jobs.claim("paint"))
    assert other.taker != taken.taker
    not_heard(long_jobs.progress, taken, 9)


def test_an_earlier_taker_is_not_heard_any_more(house):
    write(long_jobs.begin, "paint")
    first, second = long_jobs.claim("paint"), long_jobs.claim("paint")
    not_heard(long_jobs.progress, first, 4)
    not_heard(long_jobs.finish, first, error="late")
    assert long_jobs.newest("paint").done == 0
    write(long_jobs.finish, second)
    not_heard(long_jobs.finish, second)  # once


def test_work_that_was_cut_off_is_taken_up_again_but_not_for_ever(house):
    write(long_jobs.begin, "paint")
    at_it = []

    @long_jobs.worker("paint")
    def work(job):
        at_it.append(job)
        raise SystemExit

    for _ in range(long_jobs.MOST):
        with pytest.raises(SystemExit):
            work()
    assert (work(), work(), len(at_it)) == (1, 0, long_jobs.MOST)
    assert long_jobs.newest("paint").status == "failed"
    assert "cut off" in long_jobs.newest("paint").error


def test_a_piece_stands_where_the_work_is_and_ends_it_by_what_it_refuses_with(cast):
    stood, told = [], []

    def gives_up(job, sentence):
        told.append((sentence, scope()))
        long_jobs.finish(job, error=sentence)

    @long_jobs.worker("paint", gives_up=gives_up, waits=KeyError)
    def work(job):
        stood.append(scope())
        if job.subject == "door":
            raise Refused("The door is locked.")
        if len(stood) == 2:
            raise KeyError
        long_jobs.finish(job)

    for subject in ("door", "gate"):
        write(long_jobs.begin, "paint", subject, organization=cast.acme.id)
    assert [work() for _ in range(3)] == [1, 1, 0]
    assert (stood, told) == ([cast.acme.id] * 2, [("The door is locked.", cast.acme.id)])
    assert status() == ["failed", "waiting"]


def test_what_waited_is_tried_again(house, clock):
    write(long_jobs.begin, "paint")
    dry = []

    @long_jobs.worker("paint", waits=KeyError)
    def work(job):
        if not dry:
            raise KeyError
        long_jobs.finish(job)
        return 12

    assert (work(), work()) == (1, 0)
    dry.append(clock.forward(minutes=2))
    assert (work(), work()) == (12, 0)


def test_what_one_whose_work_was_taken_over_wrote_beside_it_is_undone(house):
    write(long_jobs.begin, "paint")

    @long_jobs.worker("paint")
    @writes
    def work(job):
        long_jobs.begin("wash")
        LongJob.update(taker="another").where(LongJob.id == job.id).execute()
        long_jobs.progress(job, 1)

    assert work() == 1
    assert status() == ["running"]


def test_work_that_gets_further_may_be_cut_off_more_often(house):
    write(long_jobs.begin, "paint")
    for done in range(long_jobs.MOST * 2):
        row = long_jobs.claim("paint")
        write(long_jobs.progress, row, done, lasting=True)
    assert long_jobs.newest("paint").status == "running"


def test_something_newer_takes_the_place_of_what_is_open(house):
    write(long_jobs.begin, "paint", "door")
    row = long_jobs.claim("paint")
    write(long_jobs.replace, "paint", "door")
    not_heard(long_jobs.progress, row, 1)
    assert write(long_jobs.begin, "paint", "door") is not None
    assert status() == ["replaced", "waiting"]


@pytest.mark.parametrize("kind", ["paint", "nothing"])
def test_where_nothing_was_asked_there_is_nothing_to_do(house, kind):
    assert long_jobs.claim(kind) is None
    assert long_jobs.newest(kind) is None
