import pytest

from domain import Invalid, Refused
from domain.events import events, holds, payments, stock, vouchers
from domain.events.afterwards import returns
from domain.lists import lists, rows
from models import Pass, Voucher
from tests.domain.events.test_stock import figures
from tests.fixtures.events import make_event, make_tier, make_voucher


@pytest.mark.parametrize(
    ("kind", "value", "off"),
    [
        *(("none", 0, 0), ("percent", 1000, 100), ("percent", 3333, 333), ("amount", 250, 250)),
        *(("amount", 5000, 1000), ("price", 700, 300), ("price", 2000, 0)),
    ],
)
def test_what_a_code_takes_off_ten_euros(kind, value, off):
    assert vouchers.discount(Voucher(discount=kind, value=value), 1000, "EUR") == off


@pytest.mark.parametrize(("currency", "unit", "typed"), [("JPY", 1000, "1000"), ("KWD", 1000, "1.000")])
def test_a_percent_is_typed_as_one_in_every_currency(clock, inside_acme, at, currency, unit, typed):
    event, (tier,) = make_event(at("alice"), currency=currency, tickets=({"price_cents": typed},))
    made = make_voucher(event, at("alice"), value="15")
    order = holds.hold(event.id, {tier.id: 1}, code="SUMMER")
    assert (order.total_cents, order.discount_cents) == (unit - unit * 15 // 100, unit * 15 // 100)
    row = lists.find(vouchers.rules_in(currency).listing, made.id, at("alice"), event.id)
    assert vouchers.rules_in(currency).listing.by_name["off"].kind.words(row._asdict()) == "15 %"


def test_a_percent_stays_one_when_the_event_takes_another_currency(clock, inside_acme, at):
    event, _ = make_event(at("alice"), publish=False, tickets=())
    make_voucher(event, at("alice"), value="12.5")
    for currency, kept in (("KWD", 12500), ("JPY", 12), ("EUR", 1200)):
        rows.change(events.rules, event.id, {"currency": currency}, by=at("alice"))
        assert Voucher.get().value == kept
    assert vouchers.discount(Voucher.get(), 10_000, "EUR") == 1200  # a yen has no places


def test_nobody_takes_off_more_than_all(night, at):
    event, _ = night
    with pytest.raises(Invalid) as refused:
        make_voucher(event, at("alice"), value="100.5")
    assert list(refused.value.beside()) == ["value"]
    made = make_voucher(event, at("alice"), discount="amount", value="200")
    with pytest.raises(Invalid):  # what was an amount would be 200 percent
        rows.change(vouchers.rules_in("EUR"), made.id, {"discount": "percent"}, by=at("alice"), parent=event.id)


def test_a_code_is_one_however_it_is_typed(night, at):
    event, _ = night
    made = make_voucher(event, at("alice"))
    assert vouchers.find(event.id, " ｓummer ").id == made.id
    with pytest.raises(Invalid):
        make_voucher(event, at("alice"), code="summer")


def test_a_code_that_does_not_count_now_says_so(night, at, clock):
    event, _ = night
    make_voucher(event, at("alice"), from_at="2026-06-16T00:00:00Z", until_at="2026-06-18T00:00:00Z")
    with pytest.raises(vouchers.VoucherInvalid, match="yet"):
        vouchers.find(event.id, "SUMMER")
    clock.forward(days=4)
    with pytest.raises(vouchers.VoucherInvalid, match="any more"):
        vouchers.find(event.id, "SUMMER")
    with pytest.raises(vouchers.VoucherInvalid):
        vouchers.find(event.id, "WINTER")


def test_it_counts_for_the_chosen_ticket_alone(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "10"},))
    other = make_tier(event, at("alice"), name="Other", price_cents="10")
    made = make_voucher(event, at("alice"), uses="5")
    vouchers.only_for(made.id, str(tier.id), by=at("alice"))
    order = holds.hold(event.id, {tier.id: 1, other.id: 1}, code="SUMMER")
    assert (order.total_cents, order.discount_cents) == (1900, 100)
    assert figures(event, "voucher") == [(1, 0)]
    assert stock.check(event.id) == []


def test_a_hundred_more_are_made_and_each_has_its_own_uses(night, at):
    event, _ = night
    like = make_voucher(event, at("alice"), uses="1")
    made = vouchers.make_many(event.id, 100, like.id, by=at("alice"))
    assert len({one.code for one in made}) == 100
    assert len(figures(event, "voucher")) == 101


def test_its_budget_is_all_that_it_takes_off_together(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "10"},))
    made = make_voucher(event, at("alice"), value="100", budget_cents="30")
    order = holds.hold(event.id, {tier.id: 2}, code="SUMMER")
    with pytest.raises(stock.SoldOut, match=r"no more than €10.00 now, and would take off €20.00"):
        holds.hold(event.id, {tier.id: 2}, code="SUMMER")
    holds.say_who(order.id, {"name": "Ada", "email": "ada@example.org"})
    payments.take_free(order.id)
    assert figures(event, "budget") == [(0, 2000)]
    one, _ = Pass.select().order_by(Pass.id)
    returns.take_back(order.id, [one.id], {}, {"reason": "She can't come."}, by=at("alice"))
    assert figures(event, "budget") == [(0, 1000)]
    with pytest.raises(Invalid):
        rows.change(vouchers.rules_in("EUR"), made.id, {"budget_cents": "5"}, by=at("alice"), parent=event.id)
    _, given = vouchers.rules_in("EUR").listing.notes
    assert given([made], at("alice")) == {made.id: (("quiet", "€10.00 of €30.00"),)}
    assert stock.check(event.id) == []


def test_how_a_used_code_counts_stays_so_that_its_holds_can_end(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    made, rules = make_voucher(event, at("alice"), counts="orders"), vouchers.rules_in("EUR")
    rows.change(rules, made.id, {"counts": "tickets"}, by=at("alice"), parent=event.id)
    order = holds.hold(event.id, {tier.id: 3}, code="SUMMER")
    with pytest.raises(Invalid) as refusal:
        rows.change(rules, made.id, {"counts": "orders"}, by=at("alice"), parent=event.id)
    assert list(refusal.value.beside()) == ["counts"]
    holds.give_up(order.id)
    assert (figures(event, "voucher"), stock.check(event.id)) == ([(0, 0)], [])


def test_what_was_removed_stays_so_where_another_has_its_code_by_now(night, at):
    event, _ = night
    rules, by = vouchers.rules_in("EUR"), at("alice")
    gone = rows.remove(rules, make_voucher(event, by).id, by=by, parent=event.id)
    newer = make_voucher(event, by)
    with pytest.raises(Refused, match="Something newer stands there"):
        rows.undo(rules, gone.batch, by=by)
    assert [one.id for one in Voucher.select()] == [newer.id]


def test_what_codes_take_off_of_many_small_units_is_more_than_four_bytes_hold(clock, inside_acme, at):
    tickets = ({"price_cents": "1000000", "size": "100", "most": "50"},)
    event, (tier,) = make_event(at("alice"), currency="IDR", tickets=tickets)
    make_voucher(event, at("alice"), value="100")
    holds.hold(event.id, {tier.id: 30}, code="SUMMER")
    assert (figures(event, "budget"), stock.check(event.id)) == ([(3_000_000_000, 0)], [])
