"""A hold is one's own, changes inside its time, and gives back at once."""

import pytest

from domain import Invalid, NotFound, Refused
from domain.events import holds, payments, stock, tiers
from models import Buyer, OrderItem, TicketOrder
from tests.domain.events.test_stock import ADA, bought, figures
from tests.fixtures.events import at_once, make_event, make_phase, make_tier, make_voucher
from tests.fixtures.threads import refused


def test_event_case_01_lapsed_holds_are_free_before_anybody_hears_sold_out(night, clock):
    event, tier = night
    gone = holds.hold(event.id, {tier.id: 5})
    with pytest.raises(stock.SoldOut):
        holds.hold(event.id, {tier.id: 1})
    clock.forward(minutes=15)
    assert holds.hold(event.id, {tier.id: 5})  # no job has run
    assert TicketOrder.get_by_id(gone.id).state == "expired"
    assert stock.check(event.id) == []


def test_event_case_04_who_holds_the_last_ones_changes_them_inside_the_hold(night):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 5})
    holds.change(order.id, {tier.id: 4})
    assert figures(event) == [(4, 0)]
    holds.change(order.id, {tier.id: 5})
    with pytest.raises(stock.SoldOut):
        holds.change(order.id, {tier.id: 6})
    assert figures(event) == [(5, 0)]  # what was held, stays
    holds.give_up(order.id)
    assert figures(event) == [(0, 0)]
    assert not holds.give_up(order.id)
    assert stock.check(event.id) == []


def test_event_case_08_the_server_asks_windows_codes_and_counts(clock, inside_acme, at):
    event, (tier,) = make_event(
        at("alice"), tickets=({"sale_from_at": "2026-06-15T13:00:00Z", "least": "2", "most": "3"},)
    )
    secret = make_tier(event, at("alice"), name="Crew")
    tiers.hide(secret.id, "Trombone", by=at("alice"))
    with pytest.raises(Refused, match="isn't on sale yet"):
        holds.hold(event.id, {tier.id: 2})
    clock.forward(hours=1)
    for count in (1, 4):
        with pytest.raises(Invalid):
            holds.hold(event.id, {tier.id: count})
    with pytest.raises(NotFound):
        holds.hold(event.id, {secret.id: 1})
    assert holds.hold(event.id, {secret.id: 1}, code=" trombone ")
    _, (elsewhere,) = make_event(at("alice"), title="Other")
    with pytest.raises(NotFound):
        holds.hold(event.id, {elsewhere.id: 1})


def test_event_case_12_a_form_that_is_sent_twice_holds_once(night):
    event, tier = night
    key = "k" * 24

    def send():
        return holds.hold(event.id, {tier.id: 2}, key=key).id

    ids = at_once(event, *[send] * 4)
    assert len(set(ids)) == 1
    assert figures(event) == [(2, 0)]


def test_an_addon_comes_with_a_ticket(clock, inside_acme, at):
    event, (tier, shirt) = make_event(
        at("alice"), tickets=({}, {"name": "Shirt", "kind": "addon", "price_cents": "20"})
    )
    with pytest.raises(Invalid):
        holds.hold(event.id, {shirt.id: 1})
    order = holds.hold(event.id, {tier.id: 1, shirt.id: 2})
    assert order.total_cents == 4000
    assert figures(event, "event") == [(1, 0)]  # a shirt takes no place


def test_nothing_is_sold_before_it_is_published_or_after_its_end(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), publish=False)
    with pytest.raises(Refused):
        holds.hold(event.id, {tier.id: 1})
    event, (tier,) = make_event(at("alice"), title="Second")
    clock.forward(days=30)
    with pytest.raises(Refused):
        holds.hold(event.id, {tier.id: 1})


def test_event_case_25_gross_prices_are_the_truth(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tax_bps="19", tickets=({"price_cents": "25.00"},))
    order = holds.hold(event.id, {tier.id: 2})
    assert (order.total_cents, order.tax_cents) == (5000, 798)
    event, (tier,) = make_event(
        at("alice"), title="Net", tax_bps="19", prices_include_tax="off", tickets=({"price_cents": "21.01"},)
    )
    order = holds.hold(event.id, {tier.id: 2})
    assert (order.total_cents, order.tax_cents) == (5000, 798)  # 42.02 and 19 % of it, rounded once


def test_a_phase_ends_by_its_day_and_by_its_number(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "30"},))
    make_phase(tier, at("alice"), price_cents="10", until_sold="2")
    make_phase(tier, at("alice"), price_cents="20", until_at="2026-06-20T00:00:00Z")
    assert holds.hold(event.id, {tier.id: 2}).total_cents == 2000
    assert holds.hold(event.id, {tier.id: 1}).total_cents == 2000
    clock.forward(days=10)
    assert holds.hold(event.id, {tier.id: 1}).total_cents == 3000


def test_one_buyer_gets_so_many_however_the_address_is_written(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), most_each="3")
    bought(event, tier, 2, "ada.lovelace@gmail.com")
    order = holds.hold(event.id, {tier.id: 2})
    with pytest.raises(Invalid, match="you have 2 already"):
        holds.say_who(order.id, ADA | {"email": "AdaLovelace+jazz@googlemail.com"})
    holds.change(order.id, {tier.id: 1})
    holds.say_who(order.id, ADA | {"email": "AdaLovelace+jazz@googlemail.com"})
    holds.give_up(order.id)
    assert Buyer.get().taken == 2


def test_buyers_who_pay_at_once_stay_within_what_one_gets(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), most_each="2", tickets=({"size": "50"},))
    made = [holds.hold(event.id, {tier.id: 1}).id for _ in range(6)]
    outcomes = at_once(event, *(lambda id=id: holds.say_who(id, ADA) for id in made))
    assert len(refused(outcomes)) == 4
    assert Buyer.get().taken == 2


def test_a_vouchers_limit_holds_under_load(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "100", "price_cents": "10"},))
    make_voucher(event, at("alice"), uses="3", value="100")

    def use():
        return holds.hold(event.id, {tier.id: 1}, code="summer").total_cents

    outcomes = at_once(event, *[use] * 12)
    assert len(refused(outcomes)) == 9
    assert [one for one in outcomes if one == 0] == [0, 0, 0]
    assert figures(event, "voucher") == [(3, 0)]
    assert stock.check(event.id) == []


def test_event_case_30_uses_count_tickets_or_orders(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "100", "most": "20"},))
    make_voucher(event, at("alice"), uses="1")
    with pytest.raises(stock.SoldOut, match="can't be used so often"):
        holds.hold(event.id, {tier.id: 10}, code="SUMMER")
    make_voucher(event, at("alice"), code="WHOLE", uses="1", counts="orders")
    assert holds.hold(event.id, {tier.id: 10}, code="WHOLE")
    with pytest.raises(stock.SoldOut):
        holds.hold(event.id, {tier.id: 1}, code="WHOLE")


def test_event_case_31_the_codes_limit_wins(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "100", "most": "5"},))
    make_voucher(event, at("alice"), most="12")
    with pytest.raises(Invalid):
        holds.hold(event.id, {tier.id: 12})
    assert holds.hold(event.id, {tier.id: 12}, code="SUMMER")


def test_its_address_is_known_to_who_has_it_alone(night):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 1})
    _, _, public_id, key = holds.address(order).split("/")
    assert holds.find(public_id, key).id == order.id
    for other in (key[:-1] + ("1" if key.endswith("0") else "0"), "é"):
        with pytest.raises(NotFound):
            holds.find(public_id, other)


def test_a_hold_that_is_over_can_neither_change_nor_be_taken(night, clock):
    event, tier = night
    order = holds.hold(event.id, {tier.id: 1})
    holds.say_who(order.id, ADA)
    clock.forward(minutes=15)
    for act in (lambda: holds.change(order.id, {tier.id: 2}), lambda: payments.take_free(order.id)):
        with pytest.raises(holds.HoldExpired):
            act()
    assert payments.look_after() == 1
    assert figures(event) == [(0, 0)]
    assert OrderItem.get(OrderItem.order == order).quantity == 1  # it is still known what it was
