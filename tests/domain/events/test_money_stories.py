"""Whatever becomes of money at its provider and in whichever order it is heard of: in the end nobody has lost any.

A story has a bank of its own, which plays the provider: buyers pay there twice, too little or too late, refunds are
refused, lost, sent back by the other bank or made there by hand, and payments are disputed. What happens there is heard
of at any later time. Longer: EVENT_STORIES=2000 pytest tests/domain/events/test_money_stories.py
"""

import contextlib
import itertools
from datetime import timedelta
from types import SimpleNamespace

from hypothesis import strategies as any_
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import Refused
from domain.events import holds, orders, passes, payments, providers, refunds, stock
from domain.events.afterwards import order_money, returns
from domain.events.providers import accounts, attempts, refunding
from domain.events.providers.facts import Account, Declined, Ended, Money, Refund, Started
from domain.money.providers.provider import ProviderFailed
from models import Outgoing, Pass, PaymentAttempt, TicketOrder, TicketPayment, TicketRefund
from tests.fixtures.events import make_event, make_voucher
from tests.fixtures.histories import told
from tests.fixtures.threads import write

ANY = any_.integers(0, 50)
numbers = itertools.count(1)  # of what banks know: no id comes twice


class Bank:
    """A provider as it is asked (domain/events/providers), with what people do there."""

    LABEL, LASTS, REPEATS = "Bank", timedelta(minutes=31), True

    def __init__(self):
        self.money, self.refunds, self.ended, self.mood = {}, {}, set(), "kind"

    def start(self, account, sale):
        return Started(sale.reference, "https://bank.example/pay")

    def end(self, account, attempt):
        """Its pages stay."""

    def look(self, account, attempt, known):
        if self.mood == "away":
            raise ProviderFailed("It doesn't answer.", asked=False)
        mine = [one for one in self.money.values() if one.reference == attempt.public_id]
        found = [self.told(one) for one in mine]
        found += [self.told_refund(one) for one in self.refunds.values() if one.payment in {it.id for it in mine}]
        return found or ([Ended(attempt.public_id, "failed")] if attempt.public_id in self.ended else [])

    def told(self, one):
        about = "stripe", one.id, one.reference, "paid", one.cents, one.currency
        return Money(*about, refunded_cents=self.went(one.id), dispute=one.dispute)

    def told_refund(self, one):
        return Refund(one.id, one.payment, one.state, one.cents, one.key)

    def refund(self, account, payment, refund, key):
        mood, self.mood = self.mood, "kind"
        if mood == "away":
            raise ProviderFailed("It doesn't answer.", asked=False)
        if mood == "poor" or self.left(payment.provider_payment_id) < refund.amount_cents:
            raise Declined("There isn't so much.")
        made = self.give_back(payment.provider_payment_id, refund.amount_cents, key, "sent" if mood == "slow" else "")
        if mood == "lost":
            raise ProviderFailed("The answer was lost.", asked=True)
        return self.told_refund(made)

    def made(self, account, payment, key):
        mine = [it for it in self.refunds.values() if (it.payment, it.key) == (payment.provider_payment_id, key)]
        return self.told_refund(mine[0]) if mine else None

    def left(self, payment):
        """Minor units of a payment that can still go back."""
        one = self.money[payment]
        return 0 if one.dispute in ("open", "lost") else one.cents - self.went(payment)

    def went(self, payment, *states):
        """Minor units of a payment whose refunds stand so; without any, haven't failed."""
        mine = [it for it in self.refunds.values() if it.payment == payment]
        return sum(it.cents for it in mine if it.state in (states or ("sent", "succeeded")))

    def give_back(self, payment, cents, key="", state=""):
        id = f"re_{next(numbers)}"
        made = SimpleNamespace(id=id, payment=payment, cents=cents, key=key, state=state or "succeeded")
        self.refunds[id] = made
        return made

    def pay(self, attempt, cents, currency):
        id = f"pi_{attempt.id}_{next(numbers)}"
        about = {"reference": attempt.public_id, "cents": cents, "currency": currency, "dispute": None}
        self.money[id] = SimpleNamespace(id=id, **about)


def machine(clock, alice, monkeypatch):
    count = iter(range(10**6))

    class Sale(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.bank = Bank()
            monkeypatch.setattr(accounts, "find", lambda provider, id="": Account(provider, "key"))
            monkeypatch.setattr(accounts, "usable", lambda currency, cents=0: {"stripe": Account("stripe", "key")})
            monkeypatch.setattr(providers, "module", lambda provider: self.bank)
            number = next(count)
            self.currency, cap = (("EUR", "3.33"), ("JPY", "7"), ("KWD", "0.333"))[number % 3]
            tickets = ({"price_cents": "10", "size": "6"}, {"name": "Cap", "price_cents": cap, "kind": "addon"})
            about = {"title": f"Sale {number}", "most_each": "9", "transfer_about": "IBAN", "tax_bps": "19"}
            about |= {"currency": self.currency, "prices_include_tax": "on" if number % 2 else ""}
            far = {"starts_at": "2200-01-01T10:00Z", "ends_at": "2200-01-02T10:00Z"}
            self.event, self.tiers = make_event(alice, tickets=tickets, **about | far)
            make_voucher(self.event, alice, value="35")

        def picked(self, table, which, *where):
            query = table.select()
            if table in (PaymentAttempt, TicketRefund):
                query = query.join(TicketOrder)
            mine = list(query.where(TicketOrder.event == self.event, *where).order_by(table.id))
            return mine[which % len(mine)] if mine else None

        def tried(self, act, *args, **more):
            with contextlib.suppress(Refused):
                return act(*args, **more)

        @rule(first=any_.integers(1, 3), second=any_.integers(0, 2), code=any_.sampled_from(("", "SUMMER")))
        def begin(self, first, second, code):
            order = self.tried(
                holds.hold, self.event.id, {self.tiers[0].id: first, self.tiers[1].id: second}, code=code
            )
            if order:
                self.tried(holds.say_who, order.id, {"name": "Somebody", "email": f"b{order.id}@example.org"})
                self.tried(attempts.begin, order.id, "stripe")

        @rule(which=ANY)
        def begin_anew(self, which):
            if order := self.picked(TicketOrder, which):
                self.tried(attempts.begin, order.id, "stripe")

        @rule(which=ANY)
        def promise(self, which):
            if order := self.picked(TicketOrder, which):
                self.tried(payments.promise_transfer, order.id)

        @rule(which=ANY)
        def go_back(self, which):
            if order := self.picked(TicketOrder, which):
                self.tried(attempts.go_back, order.id)

        @rule(which=ANY, first=any_.integers(1, 3))
        def change(self, which, first):
            if order := self.picked(TicketOrder, which):
                self.tried(holds.change, order.id, {self.tiers[0].id: first})

        @rule(
            which=ANY,
            part=any_.sampled_from((50, 100, 100, 100, 130)),
            is_foreign=any_.sampled_from((False, False, False, True)),
            is_heard=any_.booleans(),
        )
        def pay(self, which, part, is_foreign, is_heard):
            if attempt := self.picked(PaymentAttempt, which, PaymentAttempt.provider == "stripe"):
                self.bank.pay(
                    attempt, max(1, attempt.amount_cents * part // 100), "USD" if is_foreign else self.currency
                )
                if is_heard:
                    self.hear(which)

        @rule(which=ANY)
        def fail_to_pay(self, which):
            if attempt := self.picked(PaymentAttempt, which, PaymentAttempt.provider == "stripe"):
                self.bank.ended.add(attempt.public_id)

        @rule(which=ANY)
        def hear(self, which):
            if attempt := self.picked(PaymentAttempt, which, PaymentAttempt.provider == "stripe"):
                clock.forward(seconds=1)
                attempts._follow(PaymentAttempt.get_by_id(attempt.id))

        @rule(which=ANY, part=any_.sampled_from((50, 100, 100, 120)))
        def note_transfer(self, which, part):
            if order := self.picked(TicketOrder, which):
                self.tried(payments.note_transfer, order.id, max(1, order.total_cents * part // 100), by=alice)

        @rule(which=ANY, state=any_.sampled_from(("open", "won", "lost")))
        def dispute(self, which, state):
            if self.bank.money:
                one = list(self.bank.money.values())[which % len(self.bank.money)]
                if state == "open" and one.dispute is None and self.bank.left(one.id):
                    one.dispute = "open"
                elif state != "open" and one.dispute and one.dispute != "won":
                    one.dispute = state

        @rule(which=ANY, part=any_.sampled_from((30, 100)))
        def refund_there(self, which, part):
            if self.bank.money:
                id = list(self.bank.money)[which % len(self.bank.money)]
                if cents := self.bank.left(id) * part // 100:
                    self.bank.give_back(id, cents)

        @rule(which=ANY, state=any_.sampled_from(("succeeded", "failed", "failed")))
        def refund_moves(self, which, state):
            if self.bank.refunds:
                one = list(self.bank.refunds.values())[which % len(self.bank.refunds)]
                if one.state == "sent" or (one.state, state) == ("succeeded", "failed"):
                    one.state = state

        @rule(mood=any_.sampled_from(("kind", "kind", "slow", "lost", "away", "poor")))
        def send(self, mood):
            self.bank.mood = mood
            for row in Outgoing.select().where(Outgoing.kind == "ticket_refund").order_by(Outgoing.id):
                with contextlib.suppress(ProviderFailed):
                    if TicketRefund.get_by_id(row.payload["refund"]).order.event_id == self.event.id:
                        refunding.give_back(row)
                    write(Outgoing.delete().where(Outgoing.id == row.id).execute)
            self.bank.mood = "kind"

        @rule(which=ANY)
        def send_again(self, which):
            if refund := self.picked(TicketRefund, which):
                self.tried(refunds.send_again, refund.id, by=alice)

        @rule(which=ANY)
        def note_sent_back(self, which):
            refund = self.picked(TicketRefund, which)
            if refund and refunds.is_by_hand(refund.payment):  # what is stuck at the bank somebody looks at first
                self.tried(payments.note_sent_back, refund.id, by=alice)

        @rule(days=any_.integers(0, 2))
        def time_passes(self, days):
            clock.forward(days=days, minutes=16)
            refunding.try_again()

        @rule()
        def the_job_runs(self):
            payments.look_after()

        @rule(which=ANY)
        def cancel(self, which):
            if order := self.picked(TicketOrder, which):
                self.tried(orders.cancel, order.id, by=alice)

        @rule(which=ANY, extras=any_.integers(0, 1), fee=any_.sampled_from(("0", "0", "2")))
        def take_back(self, which, extras, fee):
            if order := self.picked(TicketOrder, which, TicketOrder.state == "paid"):
                ids = [one.id for one in passes.of(order) if one.state != "void"][:1]
                caps = [item.id for item in holds.standing(order) if item.tier.kind == "addon" and item.standing]
                wanted = dict.fromkeys(caps, extras)
                self.tried(returns.take_back, order.id, ids, wanted, {"reason": "They are ill.", "fee": fee}, by=alice)

        @rule(which=ANY)
        def ask_back(self, which):
            if one := Pass.select().where(Pass.event == self.event).offset(which % 7).first():
                self.tried(returns.ask, one.item.order_id, [one.id], {"reason": "I am ill."})

        @rule(which=ANY, is_given=any_.booleans())
        def answer_who_asked(self, which, is_given):
            if refund := self.picked(TicketRefund, which, TicketRefund.state == "requested"):
                if is_given:
                    self.tried(returns.approve, refund.id, by=alice)
                else:
                    self.tried(returns.decline, refund.id, "It is too late.", by=alice)

        @invariant()
        def nothing_is_sent_twice(self):
            assert stock.check(self.event.id) == []
            for one in self.bank.money.values():
                assert self.bank.went(one.id) <= one.cents
            for order in TicketOrder.select().where(TicketOrder.event == self.event):
                lines = order_money.lines(order)
                price = payments.price_of(order, holds.standing(order))
                before = [x for x in lines if not x.is_sum and not x.words.startswith(("Paid", "Sent back"))]
                if order.state == "paid":
                    assert sum(line.cents for line in before) == price

        def rest(self):
            """All that was done at the bank is heard of, and what can go back does."""
            for _ in range(4):
                for refund in TicketRefund.select().join(TicketOrder).where(TicketOrder.event == self.event):
                    if refunds.is_by_hand(refund.payment):
                        self.tried(payments.note_sent_back, refund.id, by=alice)
                for one in self.bank.refunds.values():
                    one.state = "succeeded" if one.state == "sent" else one.state
                for attempt in PaymentAttempt.select().join(TicketOrder).where(TicketOrder.event == self.event):
                    if attempt.provider == "stripe":
                        clock.forward(seconds=1)
                        attempts._follow(attempt)
                payments.look_after()
                self.send("kind")
                clock.forward(days=1, minutes=5)
                refunding.try_again()
                self.send("kind")

        def teardown(self):
            clock.forward(days=8)
            self.rest()
            self.is_all_true(False)
            for order in TicketOrder.select().where(TicketOrder.event == self.event, TicketOrder.state == "paid"):
                orders.cancel(order.id, by=alice)
            self.rest()
            self.is_all_true(True)

        def is_all_true(self, is_over):
            for order in TicketOrder.select().where(TicketOrder.event == self.event):
                has, sums = 0, [0, 0]
                for row in TicketPayment.select().where(TicketPayment.order == order):
                    cents, back, left = self.at_the_bank(row)
                    if row.currency == order.currency:
                        has, sums = has + left, [sums[0] + cents, sums[1] + back]
                    else:
                        assert left == 0 or order.state in TicketOrder.LIVE, "foreign money stays"
                assert [order.paid_cents, order.refunded_cents] == sums, "the sums aren't the bank's"
                items = holds.standing(order)
                price = payments.price_of(order, items)
                assert not is_over or has == 0, f"{has} of a {order.state} order stay"
                assert is_over or order.state != "paid" or order.trouble or has == price
                good = [one for one in passes.of(order) if one.state == "active"]
                stands = sum(item.standing for item in items if item.tier.kind == "admission")
                assert order.state != "paid" or has < price or len(good) == stands, "paid, and no pass"

        def at_the_bank(self, row):
            """Minor units of a payment that came, that went back, and that are still ours."""
            if row.provider == "transfer":
                return row.amount_cents, row.refunded_cents, row.amount_cents - row.refunded_cents
            one = self.bank.money[row.provider_payment_id]
            back = one.cents if one.dispute == "lost" else self.bank.went(one.id, "succeeded")
            return one.cents, back, self.bank.left(one.id)

    return Sale


def test_in_the_end_nobody_has_lost_any_money(clock, inside_acme, at, monkeypatch):
    told(machine(clock, at("alice"), monkeypatch), 8)
