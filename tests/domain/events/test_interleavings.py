"""Whatever happens in whichever order, every sum stays true: a search through interleavings, with a small share here.

Longer: EVENT_STORIES=2000 pytest tests/domain/events/test_interleavings.py
"""

import contextlib

from hypothesis import strategies as any_
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain import Refused
from domain.events import holds, orders, passes, payments, stock, tiers
from domain.events.afterwards import pass_transfers, returns
from domain.events.line import calls, places, polls
from domain.events.providers.facts import Ended, Money
from domain.lists import rows
from models import (
    Buyer,
    Event,
    OrderItem,
    Pass,
    PaymentAttempt,
    Place,
    Stock,
    TicketOrder,
    TicketPayment,
    TicketRefund,
    Tier,
)
from tests.fixtures.events import make_event, make_voucher
from tests.fixtures.histories import told
from tests.fixtures.threads import write

ANY = any_.integers(0, 50)


class Crash(Exception):
    """The server dies in the middle of a transaction."""


def sent_back(order):
    """Minor units of an order, in its currency, that went back or are on their way; what is only asked for, isn't."""
    mine = TicketRefund.select().join(TicketPayment).where(TicketRefund.order == order)
    mine = mine.where(TicketPayment.currency == order.currency, TicketRefund.state.not_in(("requested", "declined")))
    return sum(one.amount_cents for one in mine)


def machine(clock, alice, monkeypatch):
    count = iter(range(10**6))

    class Sale(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            number = next(count)
            tickets = ({"size": "6"}, {"name": "Gold", "price_cents": "10", "size": "4"})
            about = {"title": f"Sale {number}", "capacity": "8", "most_each": "5", "transfer_about": "IBAN"}
            far = {"starts_at": "2200-01-01T10:00Z", "ends_at": "2200-01-02T10:00Z"}
            event, self.tiers = make_event(alice, tickets=tickets, **about | far)
            self.event, self.money = event, 0
            make_voucher(event, alice, uses="3", value="50", budget_cents="13")

        def order(self, which):
            mine = list(TicketOrder.select().where(TicketOrder.event == self.event).order_by(TicketOrder.id))
            return mine[which % len(mine)] if mine else None

        def attempt(self, which):
            query = PaymentAttempt.select().join(TicketOrder).where(TicketOrder.event == self.event)
            mine = list(query.order_by(PaymentAttempt.id))
            return mine[which % len(mine)] if mine else None

        @rule(count=any_.integers(1, 3), who=any_.sampled_from(("ada", "bob", "eve")))
        def order_and_promise(self, count, who):
            with contextlib.suppress(Refused):
                order = holds.hold(self.event.id, {self.tiers[1].id: count})
                holds.say_who(order.id, {"name": "Somebody", "email": f"{who}@example.org"})
                payments.promise_transfer(order.id)

        @rule(first=any_.integers(0, 4), second=any_.integers(0, 3), code=any_.sampled_from(("", "SUMMER")))
        def hold(self, first, second, code):
            self.tried(holds.hold, self.event.id, {self.tiers[0].id: first, self.tiers[1].id: second}, code=code)

        @rule(which=ANY, first=any_.integers(0, 4), second=any_.integers(0, 3))
        def change(self, which, first, second):
            if order := self.order(which):
                self.tried(holds.change, order.id, {self.tiers[0].id: first, self.tiers[1].id: second})

        @rule(which=ANY, who=any_.sampled_from(("ada", "bob")))
        def say_who(self, which, who):
            if order := self.order(which):
                self.tried(holds.say_who, order.id, {"name": "Somebody", "email": f"{who}@example.org"})

        @rule(which=ANY)
        def pay_nothing(self, which):
            if order := self.order(which):
                self.tried(payments.take_free, order.id)

        @rule(which=ANY)
        def promise(self, which):
            if order := self.order(which):
                self.tried(payments.promise_transfer, order.id)

        @rule(
            which=ANY,
            part=any_.sampled_from((50, 100, 100, 100, 150)),
            currency=any_.sampled_from(("EUR", "EUR", "EUR", "USD")),
            times=any_.integers(1, 2),
        )
        def money_comes(self, which, part, currency, times):
            if attempt := self.attempt(which):
                self.money += 1
                cents = max(1, attempt.amount_cents * part // 100)
                fact = Money("stripe", f"pi_{self.event.id}_{self.money}", attempt.public_id, "paid", cents, currency)
                for _ in range(times):
                    write(payments.adopt, fact)

        @rule(which=ANY, state=any_.sampled_from(("failed", "expired")))
        def try_ends(self, which, state):
            if attempt := self.attempt(which):
                write(payments.attempt_ended, Ended(attempt.public_id, state))

        @rule(minutes=any_.sampled_from((1, 16, 60 * 24 * 6)))
        def time_passes(self, minutes):
            clock.forward(minutes=minutes)

        @rule()
        def the_job_runs(self):
            payments.look_after()

        @rule(which=ANY)
        def give_up(self, which):
            if order := self.order(which):
                self.tried(holds.give_up, order.id)

        @rule(which=ANY)
        def cancel(self, which):
            if order := self.order(which):
                self.tried(orders.cancel, order.id, by=alice)

        @rule(which=ANY)
        def take_back(self, which):
            mine = list(Pass.select().where(Pass.event == self.event).order_by(Pass.id))
            if mine:
                self.tried(orders.take_back, mine[which % len(mine)].id, by=alice)

        def pass_(self, which):
            mine = list(Pass.select().where(Pass.event == self.event).order_by(Pass.id))
            return mine[which % len(mine)] if mine else None

        @rule(which=ANY, who=any_.sampled_from(("grace", "mia")))
        def pass_on(self, which, who):
            if one := self.pass_(which):
                with contextlib.suppress(Refused):
                    offer = pass_transfers.offer(one, {"email": f"{who}@example.org"})
                    pass_transfers.accept(offer, {"holder": who.title()})

        @rule(which=ANY)
        def ask_back(self, which):
            if one := self.pass_(which):
                self.tried(returns.ask, one.item.order_id, [one.id], {"reason": "I am ill."})

        @rule(which=ANY, is_given=any_.booleans())
        def answer_who_asked(self, which, is_given):
            asked = list(TicketRefund.select().join(TicketOrder).where(TicketOrder.event == self.event))
            if asked := [one.id for one in asked if one.state == "requested"]:
                chosen = asked[which % len(asked)]
                if is_given:
                    self.tried(returns.approve, chosen, by=alice)
                else:
                    self.tried(returns.decline, chosen, "It is too late.", by=alice)

        @rule(first=any_.integers(0, 4), second=any_.integers(0, 3), less=any_.booleans())
        def get_in_line(self, first, second, less):
            wishes = {self.tiers[0].id: first, self.tiers[1].id: second}
            self.tried(places.join, self.event.id, wishes, is_less_fine=less)

        @rule()
        def the_line_moves(self):
            for one in Place.select().where(Place.event == self.event, Place.state == "waiting"):
                polls.note_seen(one.id, calls.now().timestamp())
            calls.work()

        @rule(size=any_.integers(0, 8))
        def resize(self, size):
            rules = tiers.rules_in("EUR")
            self.tried(rows.change, rules, self.tiers[0].id, {"size": str(size)}, by=alice, parent=self.event.id)

        @rule()
        def let_over(self):
            self.tried(tiers.let_over, self.tiers[1].id, 1, by=alice)

        @precondition(lambda self: self.attempt(0) is not None)
        @rule(which=ANY)
        def crash_while_passes_are_made(self, which):
            attempt, issue = self.attempt(which), passes.issue

            def dies(order, items):
                issue(order, items)
                raise Crash

            with monkeypatch.context() as patch:
                patch.setattr(passes, "issue", dies)
                self.money += 1
                name = f"pi_{self.event.id}_{self.money}"
                if attempt:
                    fact = Money("stripe", name, attempt.public_id, "paid", max(1, attempt.amount_cents), "EUR")
                    with contextlib.suppress(Crash):
                        write(payments.adopt, fact)

        def tried(self, act, *args, **more):
            with contextlib.suppress(Refused):
                act(*args, **more)

        @invariant()
        def every_sum_is_true(self):
            event = self.event
            assert stock.check(event.id) == []
            for one in Stock.select().where(Stock.event == event, Stock.size.is_null(False)):
                assert one.held + one.sold <= one.size + one.over
            for place in Place.select().where(Place.event == event, Place.state << ("called", "taken")):
                assert place.order_id, "who is called holds something"
            taken = {}
            for order in TicketOrder.select().where(TicketOrder.event == event):
                items = list(OrderItem.select(OrderItem, Tier).join(Tier).where(OrderItem.order == order))
                active = [one for one in passes.of(order) if one.state == "active"]
                stands = sum(item.standing for item in items)
                assert len(active) == (stands if order.state == "paid" else 0)
                if order.state in (*TicketOrder.LIVE, "paid") and order.buyer_id:
                    taken[order.buyer_id] = taken.get(order.buyer_id, 0) + stands
                sent = sent_back(order)
                assert sent <= order.paid_cents
                if order.state == "paid":
                    assert order.paid_cents - sent >= payments.price_of(order, items)
            assert {one.id: one.taken for one in Buyer.select().where(Buyer.event == event) if one.taken} == {
                id: count for id, count in taken.items() if count
            }

        def teardown(self):
            for place in Place.select().where(Place.event == self.event, Place.state << ("drawn", "waiting")):
                places.leave(place.id)  # or they are called where something comes back
            clock.forward(days=7)
            payments.look_after()
            mine = [order for order in payments.paid_for_nothing() if order.event_id == self.event.id]
            assert mine == [], "money without tickets or a refund"
            for order in TicketOrder.select().where(TicketOrder.event == self.event, TicketOrder.state == "paid"):
                orders.cancel(order.id, by=alice)
            for order in TicketOrder.select().where(TicketOrder.event == self.event):
                sent = sent_back(order)
                assert sent == order.paid_cents, "when all is cancelled, all money goes back"
            assert {(one.held, one.sold) for one in Stock.select().where(Stock.event == self.event)} == {(0, 0)}

    return Sale


def test_any_interleaving_keeps_every_sum(clock, inside_acme, at, monkeypatch):
    told(machine(clock, at("alice"), monkeypatch), 12)
    assert Event.select().exists()
