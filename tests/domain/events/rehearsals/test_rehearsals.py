"""Sales that are practised: what they tell, and that nothing of an event is touched by it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from database.clock import now
from domain import Invalid, Refused
from domain.base import long_jobs
from domain.events import events, stock
from domain.events.rehearsals import rehearsals, report, telling
from domain.lists import rows
from models import (
    LongJob,
    Outgoing,
    Place,
    SaleRehearsal,
    StockMove,
    TicketOrder,
    TicketPayment,
)
from tests.fixtures.events import make_event, make_phase, make_tier
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("clock")
SEED = 7
PLAN = {"buyers": "40", "minutes": "2", "arrival": "rush", "vanish": "10", "late": "5", "twice": "5"}
TIERS = ({"name": "Early", "size": "12", "price_cents": "20"}, {"name": "Free", "size": "8"})


@pytest.fixture
def night(inside_acme, at):
    event, _ = make_event(at("alice"), tickets=TIERS)
    return event


def asked(event, by, seed=SEED, **form):
    """With dice by which all is sold: by others a seat is left that all who wait for one want two of."""
    one = rows.create(rehearsals.rules, PLAN | form, by=by, parent=event.id)
    write(SaleRehearsal.update(seed=seed).where(SaleRehearsal.id == one.id).execute)
    return one


def again(one):
    return SaleRehearsal.get_by_id(one.id)


def test_a_whole_sale_is_played_and_nothing_of_the_event_is_touched(night, at):
    free = [(one.held, one.sold) for one in stock.of(night.id).values()]
    moves, letters = StockMove.select().count(), Outgoing.select().count()
    one = asked(night, at("alice"), late="20")
    assert rehearsals.work() == 1
    done = again(one)
    told = done.report
    assert (done.state, done.error, told["wrong"], told["inversions"]) == ("done", None, [], 0)
    assert done.sold == 20
    assert done.gone_after is not None
    assert told["in_line"] > 0
    assert [tier["sold"] for tier in told["tiers"]] == [12, 8]
    assert told["taken_cents"] - told["refunded_cents"] == 12 * 2000
    assert told["twice"] == 2
    assert told["samples"][-1]["sold"] == 20
    assert [(one.held, one.sold) for one in stock.of(night.id).values()] == free
    assert (StockMove.select().count(), Outgoing.select().count()) == (moves, letters)
    assert not any(table.select().exists() for table in (TicketOrder, Place, TicketPayment))
    words = telling.told(done).sentences
    assert words[0].startswith("With 40 buyers the 12 Early tickets would be gone after")
    assert "Nobody would be served before somebody who stood in front" in words[-1]
    assert not any(line.points == "" for line in telling.told(done).lines)


def test_the_same_dice_play_the_same_sale(night, at):
    make_phase(make_tier(night, at("alice"), name="Late", size="5", price_cents="30"), at("alice"), until_sold="2")
    first = asked(night, at("alice"), buyers="15")
    rehearsals.work()
    second = asked(night, at("alice"), buyers="15")
    rehearsals.work()
    assert again(first).report == again(second).report


def test_a_draft_is_rehearsed_with_its_opening_by_lot(inside_acme, at):
    opens = (now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    event, _ = make_event(
        at("alice"), publish=False, tickets=({"size": "20", "price_cents": "5"},), opens_at=opens, opening="draw"
    )
    # With these dice many look at the page until the lot is drawn: none of them loses their place by it.
    one = asked(event, at("alice"), seed=500_105, vanish="0", late="0", twice="0")
    rehearsals.work()
    told = again(one).report
    assert (told["wrong"], told["inversions"], again(one).sold) == ([], 0, 20)
    assert (told["expired"], told["paid"] + told["in_line"]) == (0, told["buyers"])
    assert told["samples"][0]["at"] < 0 < told["samples"][0]["came"]  # they come before it opens
    assert events.one(event.id).state == "draft"


def test_nobody_is_turned_away_where_there_is_enough(inside_acme, at):
    event, _ = make_event(at("alice"), tickets=({"size": "500"},))
    one = asked(event, at("alice"), buyers="5", vanish="0", late="0", twice="0")
    rehearsals.work()
    done = again(one)
    assert (done.gone_after, done.report["paid"], done.report["in_line"]) == (None, 5, 0)
    assert "everybody would get some" in telling.told(done).sentences[0]


@pytest.mark.parametrize(
    "bad", [{"buyers": "0"}, {"buyers": "3001"}, {"minutes": "121"}, {"vanish": "101"}, {"arrival": "never"}]
)
def test_it_is_bounded(night, at, bad):
    with pytest.raises(Invalid) as refusal:
        asked(night, at("alice"), **bad)
    assert list(refusal.value.fields) == list(bad)
    assert not LongJob.select().where(LongJob.kind == rehearsals.JOB).exists()


def test_one_at_a_time_for_an_organization_and_who_may(night, at):
    one = asked(night, at("alice"))
    with pytest.raises(Refused, match="Another rehearsal is being played"):
        asked(night, at("alice"))
    assert SaleRehearsal.select().count() == 1
    with pytest.raises(Refused):
        asked(night, at("vera"))
    with pytest.raises(Refused):
        rehearsals.cancel(one.id, by=at("vera"))
    rehearsals.cancel(one.id, by=at("alice"))
    assert rehearsals.work() == 0
    assert again(one).state == "cancelled"
    with pytest.raises(Refused, match="over already"):
        rehearsals.cancel(one.id, by=at("alice"))
    asked(night, at("alice"))


def test_what_can_be_sold_to_nobody_isnt_rehearsed(inside_acme, at):
    empty, _ = make_event(at("alice"), publish=False, tickets=())
    with pytest.raises(Refused, match="Offer a kind of ticket"):
        asked(empty, at("alice"))
    gone, _ = make_event(at("alice"))
    events.cancel(gone.id, "It rains.", by=at("alice"))
    with pytest.raises(Refused, match="nothing left to sell"):
        asked(gone, at("alice"))


def test_cancelled_while_it_is_played_it_ends_soon_and_tells_nothing(night, at, monkeypatch):
    one, real = asked(night, at("alice")), rehearsals._stage.ask

    def ask(task, **given):
        found = real(task, **given) if task == "build" else b'{"came": 3, "seconds": 1}'
        if task == "go_on":
            rehearsals.cancel(one.id, by=at("alice"))
        return found

    monkeypatch.setattr(rehearsals._stage, "ask", ask)
    monkeypatch.setattr(long_jobs, "TOLD_EVERY", 0)
    assert rehearsals.work() == 1
    assert (again(one).state, again(one).report) == ("cancelled", None)


def test_a_stage_that_dies_is_told_and_one_that_was_cut_off_is_played_again(night, at, monkeypatch, clock):
    one, real = asked(night, at("alice"), buyers="3"), rehearsals._stage.ask

    def cut_off(task, **given):
        raise KeyboardInterrupt  # as if the server were killed: nothing is noted any more

    monkeypatch.setattr(rehearsals._stage, "ask", cut_off)
    with pytest.raises(KeyboardInterrupt):
        rehearsals.work()
    assert again(one).state == "running"
    clock.forward(minutes=2)
    monkeypatch.setattr(rehearsals._stage, "ask", real)
    assert rehearsals.work() == 1
    assert again(one).state == "done"

    def broken(task, **given):
        raise ValueError("broken")

    two = asked(night, at("alice"))
    monkeypatch.setattr(rehearsals._stage, "ask", broken)
    rehearsals.work()
    assert (again(two).state, again(two).error) == ("failed", "The sale couldn't be played. Try again.")


def test_one_that_is_cut_off_again_and_again_ends_as_failed(night, at):
    one = asked(night, at("alice"))
    write(LongJob.update(attempts=long_jobs.MOST).where(LongJob.kind == rehearsals.JOB).execute)
    assert (rehearsals.work(), rehearsals.work()) == (1, 0)
    assert again(one).state == "failed"
    assert "cut off" in again(one).error


def place(number, needs, called=None, tiers=(1,)):
    return SimpleNamespace(number=number, needs=needs, tiers=tiers, called_at=called)


@pytest.mark.parametrize(
    ("places", "count"),
    [
        ([place(1, 1, 1), place(2, 1, 2)], 0),
        ([place(1, 1), place(2, 1, 2)], 1),
        ([place(1, 1, 3), place(2, 1, 2)], 1),
        ([place(1, 4), place(2, 1, 2)], 0),  # less was free than the group needs
        ([place(1, 1), place(2, 1, 2, tiers=(2,))], 0),
    ],
)
def test_an_inversion_is_seen(places, count):
    assert report.inversions(places) == count
