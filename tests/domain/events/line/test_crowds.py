"""Who gets in line together has what they would have one by one."""

from functools import partial

import pytest

from database import transactions
from database.connections import database
from database.scope import inside
from database.transactions import writer
from domain import Refused
from domain.events import stock
from domain.events.line import crowds, places
from models import Event, OrderItem, Place, TicketOrder
from tests.domain.events.line.test_places import states
from tests.domain.events.test_stock import figures
from tests.fixtures.events import make_event
from tests.fixtures.threads import write
from tests.test_writer import Busy, finish, in_line


class Rush:
    """On PostgreSQL: whoever gets in line for an event waits, until it is let go."""

    def __init__(self, event):
        self.kind, self.crowd = (crowds.join_all, event.id, event.organization_id), transactions._Crowd()

    def __enter__(self):
        transactions._crowds[self.kind] = self.crowd
        self.crowd.turn.acquire()
        return self

    def __exit__(self, *_):
        self.crowd.turn.release()

    @property
    def backlog(self):
        return len(self.crowd.waiting)


@pytest.mark.parametrize("how", [{}, {"small_pass": False}, {"waits": False}, {"lapsed": 4}], ids=str)
def test_many_at_once_get_what_they_would_get_one_by_one(clock, inside_acme, at, caplog, monkeypatch, how):
    """Whoever comes while another is written is written with those who come then, and nobody can tell."""
    asked = [
        ({"a": 1}, {"key": "the-first-form-of-all"}),
        ({"a": 2, "b": 1}, {"key": "two-its-own-form", "is_less_fine": True}),
        ({"a": 1}, {"key": "three-its-own-form", "code": "NONE"}),  # refused
        ({"a": 1}, {"key": "two-its-own-form"}),  # the same form again
        ({"a": 4}, {"key": "four-its-own-form", "address": "93.1.2.3"}),
        ({"a": 1}, {"key": "five-its-own-form", "address": "93.1.2.4"}),
        ({"a": 1}, {"key": "many-its-own-form", "address": "93.1.2.5"}),  # refused: of one network
        ({"a": 1}, {"key": ""}),
        ({"b": 1}, {"key": "addon-alone-its-own-form"}),  # refused
        ({"a": 9}, {"key": "too-many-its-own-form"}),  # waits
        ({"a": 2}, {"key": "six-its-own-form"}),
        ({"a": 3}, {"key": "seven-its-own-form", "is_less_fine": True}),  # gets a part
        ({"a": 1}, {"key": "eight-its-own-form"}),
        ({"a": 1}, {"key": "nine-its-own-form"}),
        ({"a": 1}, {"key": "nine-its-own-form"}),
        ({"a": 1}, {"key": "another-of-that-network-its-own-form", "address": "93.1.2.3"}),
        ({"b": 1, "a": 1}, {"key": "ten-its-own-form", "is_less_fine": True}),
    ]
    told, made, written, enter = {}, {}, [], crowds.Crowd.enter
    monkeypatch.setattr(crowds.Crowd, "enter", lambda crowd: written.append(len(crowd.places)) or enter(crowd))
    for way in ("alone", "together"):
        event, tiers = make_event(
            at("alice"), tickets=({"size": "10"}, {"size": "10", "kind": "addon", "price_cents": "5.00"}), title=way
        )
        chosen = {name: value for name, value in how.items() if name != "lapsed"}
        write(Event.update(most_block=2, **chosen).where(Event.id == event.id).execute)
        if count := how.get("lapsed"):
            places.join(event.id, {tiers[0].id: count}, key="g" * 20)
        made[way] = event, tiers
    if "lapsed" in how:
        clock.forward(minutes=15)
    for way, (event, (a, b)) in made.items():
        ids = {"a": a.id, "b": b.id}

        def work(wishes, more, event=event, ids=ids):
            chosen = {ids[kind]: count for kind, count in wishes.items()}
            return _told(inside_acme, lambda: places.join(event.id, chosen, **more))

        works = [partial(work, *one) for one in asked]
        if way == "alone":
            outcomes = [work() for work in works]
        else:
            with Busy() if database.dialect == "sqlite" else Rush(event) as held:
                threads, outcomes = in_line(*works, line=writer if database.dialect == "sqlite" else held)
            finish(threads)
        assert stock.check(event.id) == []
        told[way] = outcomes, figures(event), Event.get_by_id(event.id).arrivals, states(event)
    assert told["together"] == told["alone"]
    assert max(written) > 1
    assert "one by one" not in caplog.text


def test_who_finds_nothing_left_is_written_together_too(clock, inside_acme, at):
    """In a sale that is sold out most who come only wait: each alone would have the line to themselves."""
    event, (tier,) = make_event(at("alice"), tickets=({"size": "2"},))
    places.join(event.id, {tier.id: 2}, key="a" * 20)
    asked = [({tier.id: 1}, {"key": key}) for key in ("r" * 16, "g" * 16, "b" * 16)]
    waiting = write(crowds.join_all, event.id, asked)
    assert [(one.number, one.state, one.order_id) for one in waiting] == [(n, "waiting", None) for n in (2, 3, 4)]
    assert [Place.get_by_id(one.id).called_at for one in waiting] == [None] * 3
    assert stock.check(event.id) == []


def _told(organization, join):
    with inside(organization):
        try:
            place = join()
        except Refused as refusal:
            return refusal.sentence
        return _all_of(place)


def _all_of(place):
    kept = Place.get_by_id(place.id)
    order = place.order_id and place.order
    assert kept.public_id == place.public_id
    assert not order or TicketOrder.get_by_id(order.id).__data__.items() >= order.__data__.items()
    place = kept
    of_it = order and (order.state, order.hold_until_at, order.total_cents, order.currency, order.voucher_id)
    items = OrderItem.select().where(OrderItem.order == order).order_by(OrderItem.id) if order else ()
    return (
        *(place.number, place.state, list(place.counts.values()), place.needs, place.is_less_fine, place.block),
        *(place.code, place.form_key, place.called_at, place.seen_at, of_it),
        [(item.quantity, item.standing, item.unit_cents, item.tax_cents, item.total_cents) for item in items],
    )
