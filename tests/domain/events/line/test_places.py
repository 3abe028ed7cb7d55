"""Getting in line is the attempt to hold; who came first is served first, and a place never grows."""

import pytest

from domain import Invalid, Refused
from domain.base import changes
from domain.events import holds, orders, passes, payments, stock
from domain.events.afterwards import returns
from domain.events.line import forms, places, polls
from models import Event, Place, TicketOrder
from tests.domain.events.test_stock import figures
from tests.fixtures.events import at_once, make_event, make_voucher
from tests.fixtures.threads import write


def stand(event, tier, count=1, **asked):
    """A place in line, seen just now."""
    return places.join(event.id, {tier.id: count}, **asked)


def states(event):
    return [one.state for one in Place.select().where(Place.event == event).order_by(Place.number)]


def test_who_finds_something_free_holds_it_and_who_does_not_waits_behind(night):
    event, tier = night
    first, second = stand(event, tier, 5), stand(event, tier)
    assert (first.state, first.order.state, first.order.hold_until_at) == (
        "called",
        "held",
        holds.now() + holds.timedelta(minutes=15),
    )
    assert (second.state, second.order_id) == ("waiting", None)
    assert (first.number, second.number) == (1, 2)
    assert figures(event) == [(5, 0)]
    assert stock.check(event.id) == []


def test_of_many_at_once_the_smaller_numbers_are_served(night):
    event, tier = night
    at_once(event, *[lambda: stand(event, tier)] * 12)
    assert states(event) == ["called"] * 5 + ["waiting"] * 7
    assert figures(event) == [(5, 0)]
    assert stock.check(event.id) == []


def test_automations_hear_of_orders_of_who_comes_alone_and_with_others(night, monkeypatch):
    event, tier = night
    heard = []
    monkeypatch.setattr(changes, "_followers", [lambda _, table, moved, verb, by: heard.append((table, verb, moved))])
    made = at_once(event, *[lambda key=key: stand(event, tier, key=key * 24).order_id for key in "abc"])
    made += [stand(event, tier, key="d" * 24).order_id]
    assert {(table, verb) for table, verb, _ in heard} == {("ticket_order", "created")}
    assert sorted(row for _, _, moved in heard for row in moved) == [(id, {}) for id in sorted(made)]


def test_a_form_that_is_sent_twice_makes_one_place(night):
    event, tier = night
    made = at_once(event, *[lambda: stand(event, tier, key="k" * 24).id] * 4)
    assert len(set(made)) == 1
    assert figures(event) == [(1, 0)]


def test_a_place_never_grows_and_shrinks_as_others_leave(night):
    event, tier = night
    stand(event, tier, 5)
    waiting = [stand(event, tier) for _ in range(4)]
    seen = [[polls.place_of(one) for one in waiting]]
    places.leave(waiting[0].id)
    stand(event, tier)
    seen.append([polls.place_of(one) for one in waiting[1:]])
    assert seen == [[1, 2, 3, 4], [1, 2, 3]]
    assert not places.leave(waiting[0].id)


def test_where_nobody_may_wait_it_is_said_what_is_sold_out(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), waits="off")
    stand(event, tier, 4)
    with pytest.raises(stock.SoldOut, match="only 1 left"):
        stand(event, tier, 2)
    stand(event, tier)
    with pytest.raises(stock.SoldOut, match="sold out"):
        stand(event, tier)
    assert Place.select().count() == 2


def test_nothing_is_left_behind_of_who_could_not_have_it(night):
    event, tier = night
    with pytest.raises(Invalid):
        stand(event, tier, 0)
    with pytest.raises(Refused):
        places.join(event.id, {999: 1})
    assert (Place.select().count(), TicketOrder.select().count(), Event.get_by_id(event.id).arrivals) == (0, 0, 0)


def test_a_used_up_code_is_refused_and_does_not_wait(night, at):
    event, tier = night
    make_voucher(event, at("alice"), uses="1")
    stand(event, tier, code="SUMMER")
    with pytest.raises(stock.SoldOut, match="SUMMER"):
        stand(event, tier, code="SUMMER")
    assert figures(event) == [(1, 0)]


# --- before the opening ----------------------------------------------------------------------------------------


@pytest.fixture
def rush(clock, inside_acme, at):
    """An event that opens in half an hour; the clock stands at noon UTC."""
    return make_event(at("alice"), opens_at="2026-06-15T12:30:00Z")


def token(monkeypatch, age=10):
    real = forms.time.time()
    with monkeypatch.context() as past:
        past.setattr(forms.time, "time", lambda: real - age)
        return forms.fresh_token()


def test_before_the_opening_nobody_has_a_number(rush, clock, monkeypatch):
    event, (tier,) = rush
    with pytest.raises(places.NotYet, match="14:30"):  # the event's zone
        stand(event, tier, key=token(monkeypatch))
    clock.forward(minutes=30)
    assert stand(event, tier, key=token(monkeypatch)).number == 1


def test_one_network_has_so_many_places(night):
    event, tier = night
    write(Event.update(most_block=2).where(Event.id == event.id).execute)
    stand(event, tier, address="93.184.216.34")
    second = stand(event, tier, address="93.184.216.99")
    with pytest.raises(Refused, match="your network"):
        stand(event, tier, address="93.184.216.1")
    assert stand(event, tier, address="93.184.217.1")
    assert stand(event, tier, address="127.0.0.1")
    places.leave(second.id)
    assert stand(event, tier, address="93.184.216.1")
    assert not Place.select().where(Place.block.contains("93.184")).exists()


def test_one_address_keeps_one_place(night):
    event, tier = night
    stand(event, tier, 5)
    first, second = stand(event, tier), stand(event, tier)
    assert places.keep(first.id, {"email": "ada@gmail.com"}).email == "ada@gmail.com"
    with pytest.raises(Invalid, match="already"):
        places.keep(second.id, {"email": "a.da+more@gmail.com"})
    places.leave(first.id)
    assert places.keep(second.id, {"email": "a.da+more@gmail.com"})
    with pytest.raises(Refused):
        places.keep(first.id, {"email": "bea@example.org"})


def test_who_leaves_after_the_call_frees_what_they_held(night):
    event, tier = night
    place = stand(event, tier, 5)
    places.leave(place.id)
    assert figures(event) == [(0, 0)]
    assert states(event) == ["left"]


# --- as the organizer sees it ------------------------------------------------------------------------------------


def test_the_organizer_calls_somebody_before_others_and_takes_somebody_out(night, at):
    event, tier = night
    holder, first, second = stand(event, tier, 5), stand(event, tier, 3), stand(event, tier)
    with pytest.raises(Refused):
        places.offer(second.id, by=at("alice"))
    holds.change(holder.order_id, {tier.id: 4})  # the single one passes
    third = stand(event, tier)
    write(Event.update(small_pass=False).where(Event.id == event.id).execute)
    holds.change(holder.order_id, {tier.id: 3})
    assert states(event) == ["called", "waiting", "called", "waiting"]
    places.offer(third.id, by=at("alice"))
    places.remove(first.id, by=at("alice"))
    with pytest.raises(Refused):
        places.remove(first.id, by=at("alice"))
    assert states(event) == ["called", "left", "called", "called"]
    assert stock.check(event.id) == []


def test_of_two_that_keep_a_place_with_one_address_at_once_one_is_told(night):
    event, tier = night
    stand(event, tier, 5)
    waiting = [stand(event, tier) for _ in range(2)]

    def keep(place):
        try:
            return bool(places.keep(place.id, {"email": "ada@example.org"}))
        except Invalid:
            return False

    assert sorted(at_once(event, *[lambda one=one: keep(one) for one in waiting])) == [False, True]


# --- add-ons to what is paid -----------------------------------------------------------------------------------------


@pytest.fixture
def sold_out(clock, inside_acme, at):
    """(an event that is full, its ticket, its one camper's pitch, who has a ticket, who has ticket and pitch)."""
    event, (tier, pitch) = make_event(
        at("alice"),
        tickets=({"size": "2"}, {"name": "Pitch", "kind": "addon", "size": "1"}),
        capacity="2",
    )
    paid = []
    for wishes, name in (({tier.id: 1}, "ada"), ({tier.id: 1, pitch.id: 1}, "bob")):
        order = holds.hold(event.id, wishes)
        holds.say_who(order.id, {"name": name.title(), "email": f"{name}@example.org"})
        paid.append(payments.take_free(order.id))
    return event, tier, pitch, *paid


def test_event_case_36_a_place_may_hang_on_an_order_for_addons(sold_out, clock):
    event, _, pitch, ada, bob = sold_out
    waits = stand(event, pitch, addon_of=ada)
    assert (waits.state, waits.email, waits.needs) == ("waiting", "ada@example.org", 0)
    (item,) = [one for one in holds.standing(bob) if one.tier_id == pitch.id]
    write(returns.give_back, bob, item, 1, "they sleep elsewhere")
    write(stock.comes_back, event.id)
    waits = Place.get_by_id(waits.id)
    assert waits.state == "called"  # though the event itself is full
    assert (waits.order.name, waits.order.email, waits.order.state) == ("Ada", "ada@example.org", "held")
    done = payments.take_free(waits.order_id)
    assert (done.state, list(passes.of(done))) == ("paid", [])
    assert (payments.paid_for_nothing(), stock.check(event.id)) == ([], [])


def test_what_is_free_is_added_at_once_and_nothing_but_addons_is(sold_out, at):
    event, tier, pitch, ada, bob = sold_out
    for wishes in ({tier.id: 1}, {tier.id: 1, pitch.id: 1}, {}):
        with pytest.raises(Invalid, match="add-ons"):
            places.join(event.id, wishes, addon_of=ada)
    with pytest.raises(Invalid):
        stand(event, pitch)  # without an order, an add-on comes with a ticket
    orders.cancel(bob.id, by=at("alice"))
    with pytest.raises(Refused, match="that are paid"):
        stand(event, pitch, addon_of=TicketOrder.get_by_id(bob.id))
    place = stand(event, pitch, addon_of=ada)
    assert (place.state, place.order.state) == ("called", "held")
    holds.change(place.order_id, {pitch.id: 1})
    with pytest.raises(Invalid, match="add-ons"):
        holds.change(place.order_id, {tier.id: 1})
    assert stock.check(event.id) == []


def test_tickets_and_addons_do_not_wait_for_each_other(sold_out, at):
    event, tier, pitch, ada, bob = sold_out
    write(Event.update(small_pass=False).where(Event.id == event.id).execute)
    waits = stand(event, pitch, addon_of=ada)
    orders.cancel(bob.id, by=at("alice"))
    write(stock.comes_back, event.id)
    assert Place.get_by_id(waits.id).state == "called"
    hers = stand(event, pitch, addon_of=ada)  # another one, which is gone
    assert (hers.state, stand(event, tier).state) == ("waiting", "called")


def test_who_gave_their_tickets_back_waits_for_no_addon(sold_out, at):
    event, _, pitch, ada, bob = sold_out
    waits = stand(event, pitch, addon_of=ada)
    orders.cancel(ada.id, by=at("alice"))
    orders.cancel(bob.id, by=at("alice"))
    write(stock.comes_back, event.id)
    assert Place.get_by_id(waits.id).state == "left"
    assert stock.check(event.id) == []
