"""Orders that came through somebody: one row each, and whether they count is asked of the order as it stands today."""

import secrets

import pytest

from database.scope import inside
from domain.events import holds, orders, passes, payments
from domain.events.afterwards import pass_transfers
from domain.events.line import places
from domain.events.referring import referrals, vias
from domain.lists import asks, lists
from models import FlyerVia, Referral, TicketOrder, TicketPayment
from tests.fixtures.events import at_once, make_event
from tests.fixtures.threads import write


@pytest.fixture
def night(clock, inside_acme, at):
    """An event with free tickets and such as cost 20.00: (event, free, dear)."""
    event, (free, dear) = make_event(
        at("alice"),
        tickets=({"size": "500"}, {"name": "Gold", "price_cents": "20", "size": "500"}),
        transfer_about="IBAN",
    )
    return event, free, dear


@pytest.fixture
def ada(night):
    """Somebody with a link, known by her address."""
    return vias.of(night[0], email="Ada@example.org")


def come(event, tier, via, count=1, email="", user=None):
    """The order of somebody who came by a code and said who they are."""
    place = places.join(event.id, {tier.id: count}, key=secrets.token_hex(16), via=via.code, user=user)
    order = TicketOrder.get_by_id(place.order_id)
    return holds.say_who(order.id, {"name": "Bo Li", "email": email or f"{secrets.token_hex(4)}@example.org"})


def pay(order, by):
    payments.promise_transfer(order.id)
    payments.note_transfer(order.id, order.total_cents, by=by)
    return TicketOrder.get_by_id(order.id)


def figures(via):
    return tuple(referrals.brought(via)[via.id])


def kinds():
    return [row.kind for row in Referral.select().order_by(Referral.id)]


def test_flyer_case_26_an_order_is_brought_once_whatever_is_told_twice(night, ada, at):
    event, _, dear = night
    key = secrets.token_hex(16)
    first, again = (places.join(event.id, {dear.id: 1}, key=key, via=ada.code) for _ in range(2))
    assert first.id == again.id
    order = TicketOrder.get_by_id(first.order_id)
    holds.say_who(order.id, {"name": "Bo Li", "email": "bo@example.org"})
    payments.promise_transfer(order.id)
    at_once(event, *[lambda: payments.note_transfer(order.id, 1000, by=at("alice"))] * 2)  # in two parts, at once
    other = vias.of(event, email="eve@example.org")
    write(lambda: referrals.note(order, other.code, order.created_at))  # a return, a retry: the first stands
    assert [(row.order_id, row.via_id) for row in Referral.select()] == [(order.id, ada.id)]
    assert figures(ada) == (1, 1, 2000)
    assert figures(other) == (0, 0, 0)


def test_flyer_case_27_what_is_counted_is_the_order_of_today(night, ada, at):
    event, _, dear = night
    order = come(event, dear, ada, 2)
    assert figures(ada) == (0, 0, 0)  # held is not bought
    order = pay(order, at("alice"))
    assert figures(ada) == (1, 2, 4000)
    orders.take_back(passes.of(order)[0].id, by=at("alice"))  # a part of it
    assert figures(ada)[:2] == (1, 1)
    orders.cancel(order.id, by=at("alice"))
    assert figures(ada) == (0, 0, 0)
    again = pay(come(event, dear, ada, 1), at("alice"))
    assert figures(ada)[:2] == (1, 1)
    write(TicketOrder.update(refunded_cents=2000).where(TicketOrder.id == again.id).execute)  # at the provider
    assert figures(ada) == (0, 0, 0)
    write(TicketOrder.update(refunded_cents=0).where(TicketOrder.id == again.id).execute)  # it came back
    assert figures(ada)[:2] == (1, 1)


def test_a_chargeback_takes_the_credit(night, ada, at):
    event, _, dear = night
    order = pay(come(event, dear, ada), at("alice"))
    payment = TicketPayment.get(TicketPayment.order == order)
    for one in passes.of(order):
        write(lambda one=one: passes.void(one, "dispute"))
    write(TicketPayment.update(dispute="lost").where(TicketPayment.id == payment.id).execute)
    assert figures(ada) == (0, 0, 0)


def test_people_are_counted_before_tickets(night, ada):
    event, free, _ = night
    for email, count in (("bo@example.org", 1), ("b.o@example.org", 2), ("bo@example.org", 1)):
        payments.take_free(come(event, free, ada, count, email).id)
    assert figures(ada) == (2, 4, 0)


@pytest.mark.parametrize("email", ["ada@example.org", "ADA+tickets@example.org"])
def test_ones_own_order_is_kept_and_not_counted(night, ada, email):
    event, free, _ = night
    payments.take_free(come(event, free, ada, 1, email).id)
    assert (kinds(), figures(ada)) == (["self"], (0, 0, 0))


def test_an_account_brings_itself_to_nothing(night, cast):
    event, free, _ = night
    mine = vias.of(event, user=cast.bob)
    payments.take_free(come(event, free, mine, 1, "else@example.org", user=cast.bob).id)
    assert (kinds(), figures(mine)) == (["self"], (0, 0, 0))


def test_an_order_with_a_ticket_for_the_one_who_brought_it_is_their_own(night, ada):
    event, free, _ = night
    order = come(event, free, ada, 2, "bo@example.org")
    payments.take_free(order.id)
    assert figures(ada)[:2] == (1, 2)
    offer = pass_transfers.offer(passes.of(order)[0], {"email": "ada@example.org"})
    pass_transfers.accept(offer, {"holder": "Ada"})
    assert (kinds(), figures(ada)) == (["self"], (0, 0, 0))


def test_a_code_of_another_event_or_of_nobody_brings_nothing_and_stops_nobody(night, ada, at):
    other, (tier,) = make_event(at("alice"), title="Another")
    assert places.join(other.id, {tier.id: 1}, via=ada.code).order_id
    for via in ("bcdfghjk", "nonsense", "x" * 500):
        assert places.join(other.id, {tier.id: 1}, via=via).order_id
    assert kinds() == []


def test_many_who_come_at_once_each_bring_one_row(night, ada):
    event, free, _ = night
    wish = {free.id: 1}
    joins = [lambda: places.join(event.id, wish, key=secrets.token_hex(16), via=ada.code) for _ in range(20)]
    made = at_once(event, *joins, *[lambda: places.join(event.id, wish, key=secrets.token_hex(16))] * 1)
    assert all(place.order_id for place in made)
    assert Referral.select().count() == 20


def test_who_waited_in_line_was_brought_too_unless_it_was_long_ago(clock, inside_acme, at):
    event, (tier,) = make_event(
        at("alice"), tickets=({"size": "1"},), starts_at="2027-07-03T18:00:00Z", ends_at="2027-07-04T18:00:00Z"
    )
    ada, first = vias.of(event, email="ada@example.org"), places.join(event.id, {tier.id: 1})
    waits = places.join(event.id, {tier.id: 1}, via=ada.code)
    places.leave(first.id)
    assert TicketOrder.select().count() == 2
    assert [row.order_id for row in Referral.select()] == [type(waits).get_by_id(waits.id).order_id]
    late = places.join(event.id, {tier.id: 1}, via=ada.code)
    places.keep(late.id, {"email": "late@example.org"})
    clock.forward(days=31)
    places.leave(waits.id)
    assert type(late).get_by_id(late.id).state == "called"
    assert Referral.select().count() == 1


def test_the_tree_is_told_three_deep_and_has_no_circles(night):
    event, free, _ = night
    mails = [f"p{n}@example.org" for n in range(6)]
    first = via = vias.of(event, email=mails[0])
    for mail in mails[1:]:
        payments.take_free(come(event, free, via, 1, mail).id)
        via = vias.of(event, email=mail)
    assert [(deep, one.email_norm) for deep, one, _ in referrals.tree(first)] == [(n, mails[n]) for n in (1, 2, 3)]
    write(FlyerVia.update(parent=FlyerVia.get(FlyerVia.email_norm == mails[2])).where(FlyerVia.id == first.id).execute)
    assert len(referrals.tree(first)) == 3


def test_first_names_are_told_by_who_said_so(night, ada):
    event, free, _ = night
    shy, open_ = (come(event, free, ada) for _ in range(2))
    holds.say_who(open_.id, {"name": "Bo Li", "email": "bo@example.org", "shows_name": "on"})
    for order in (shy, open_):
        payments.take_free(order.id)
    assert referrals.first_names(ada) == ["Bo"]


def test_organizers_see_who_brought_whom(night, ada, at):
    event, free, _ = night
    payments.take_free(come(event, free, ada, 2, "bo@example.org").id)
    come(event, free, ada, 1, "cy@example.org")
    payments.take_free(come(event, free, ada, 1, "ada@example.org").id)
    eve = vias.of(event)
    by = at("alice")
    for listing, wanted in (
        (referrals.bringers.listing, [("ada@example.org", 1, 2), (eve and "Somebody without an address", 0, 0)]),
        (referrals.orders_brought.listing, [("self", 1), ("no", 0), ("yes", 2)]),
    ):
        found = lists.read(listing, asks.understand(listing, {}, event.id), by).rows
        seen = [(r.who, r.people, r.passes) if hasattr(r, "who") else (r.counts, r.tickets) for r in found]
        assert seen == wanted
    assert [(good, counts) for _, good, counts in referrals.whom(ada)] == [(1, "self"), (0, "no"), (2, "yes")]


def test_another_organization_sees_nothing_of_it(night, ada, cast):
    event, free, _ = night
    payments.take_free(come(event, free, ada, 2, "bo@example.org").id)
    with inside(cast.globex):
        assert vias.find(event.id, ada.code) is None
        assert Referral.select().count() == 0
