"""Any story of billing ends in the same rows, however its events come; and access always follows what was paid.

A story is steps on the sandbox: somebody buys, renews, fails to pay, asks for money back, and time goes by. It is
told twice: once with each event delivered in order and once, and once with them shuffled, repeated, held back until
later steps, or lost and found again by the comparison with the provider. Both ends must be alike, and after every
single event nobody may have access that wasn't paid for.

`STORY_SEED=7 STORIES=1000 pytest tests/domain/money/test_billing_stories.py` is the long form for the night: as many
stories, of forty steps, other ones with each seed. What fails is told in words, and told again by its seed and number:
STORY_SEED=7 STORIES=1 FIRST_STORY=412.
"""

import itertools
import os
import random
from datetime import UTC, datetime, timedelta

import pytest

import jobs
from database.scope import inside
from domain import Refused
from domain.entitlements import credit_standings, credits
from domain.money import inbox, owners, providers, reconciliations, trials
from domain.money.providers import sandbox, stripe
from domain.money.providers.sandbox import selling, subscribing
from domain.organizations import organizations
from models import LongJob, Outgoing, SandboxObject, Subscription, WebhookEvent
from tests.fixtures import billing as money
from tests.fixtures.billing import time_passes
from tests.fixtures.threads import write

MANY, FIRST, SEED = (int(os.environ.get(name, "0")) for name in ("STORIES", "FIRST_STORY", "STORY_SEED"))
STEPS = 40 if MANY else 12
BEGAN = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
GRACE = timedelta(days=7)
numbers = itertools.count(1)


class Story:
    """One telling: an organization of its own, a sandbox that gives ids by a counter, and the verbs of a story."""

    def __init__(self, cast, clock, pay, patch, luck=0):
        self.clock, self.pay, self.tag = clock, pay, f"r{next(numbers):06}"
        clock.moment = BEGAN
        self.ids, self.said, self.step = itertools.count(1), [], 0
        self.named = {id: plan for plan, id in sandbox.dialect().PRICES.items()}
        self.prices = list(self.named)
        self.speak(patch)
        self.staff = cast.stella
        self.acme = organizations.create(f"Story {self.tag}", by=cast.alice)
        self.customer, self.gone, self.too_late = None, False, False

    def speak(self, patch):
        """Have the sandbox's things named by this telling."""
        for module in (sandbox.stripe, sandbox.stripe.telling):
            patch.setattr(module, "new_id", self.new_id)

    def new_id(self, kind):
        return f"{sandbox.stripe.PREFIXES[kind]}_{self.tag}x{next(self.ids):05}"

    def close(self):
        """Leave nothing behind that the next story could meet."""
        with inside(self.acme):
            write(Subscription.update(status="canceled").execute)
        for table in (SandboxObject, WebhookEvent, Outgoing, LongJob):
            write(table.delete().execute)

    def tell(self, steps):
        for number, (verb, choice) in enumerate(steps, 1):
            self.step = number
            time_passes(self.clock, minutes=7)
            try:
                done = getattr(self, verb)(choice)
            except Refused as refused:
                done = f"can't {verb.replace('_', ' ')}: {refused.sentence}"
            if done:
                self.say(done)
            self.told()
        while sandbox.find("payment", status="processing"):  # until then nobody knows what comes of it
            self.say(self.wait(2))

    def say(self, text):
        self.said.append(f"{self.step:3}. {self.clock():%d %B %H:%M}  {text}")

    def state(self):
        """What billing knows of it in the end, without the names of this telling, and without what was taken back:
        where all of a subscription is heard of after its end, nothing was given."""
        credits.settle_up(self.acme)

        return {
            (what, self.plain(which)): {name: self.plain(value) for name, value in row.items()}
            for (what, which), row in trials.state(self.acme).items()
            if row.get("active", True)
        }

    def plain(self, value):
        """What both tellings call it."""
        return value.replace(self.tag, "") if isinstance(value, str) else value

    # --- whom and what a verb is about ---

    def standing(self):
        """The subscription that isn't over."""
        found = [one for one in sandbox.find("subscription") if one["status"] not in ("canceled", "incomplete_expired")]
        if not found:
            raise Refused("nothing runs")
        return found[0]

    def any_payment(self, choice):
        paid = sandbox.find("payment", status="succeeded")
        if not paid:
            raise Refused("nothing was paid")
        return paid[choice % len(paid)]["id"]

    def open_invoice(self):
        found = sandbox.find("invoice", status="open", subscription=self.standing()["id"])
        if not found:
            raise Refused("no invoice is open")
        return found[0]["id"]

    def buyer(self):
        """Our customer there; once one was deleted, the next is made after we have heard of that."""
        if self.gone:
            self.hear_of("customer.deleted")
            self.customer = self.gone = None
        if self.customer is None:
            about = {"email": "alice@example.org", "metadata": {"organization": self.acme.public_id}}
            self.customer = selling.create_customer(**about)["id"]
            owners.bind(self.acme, providers.name(), self.customer, "alice@example.org")  # as before our own checkouts
        return self.customer

    def hear_of(self, type=""):
        """Take in what has been told of this (or of anything) so far."""

    def end(self):
        """Hear of what is still under way."""

    def turn_the_month(self):
        """The month's credits begin by what is known on its first day."""
        jobs.run("credit_resets")

    def card(self, card):
        if not self.gone and self.customer:
            selling.change_customer(self.customer, card=card)

    # --- the verbs ---

    cards = ("ok", "ok", "fails_later", "debit", "debit_fails", "declined")
    new_cards = ("ok", "declined", "confirm", "debit")

    def subscribe(self, choice):
        try:
            self.standing()
            return ""
        except Refused:
            pass
        card = self.cards[choice % 6]
        price, trial = self.prices[:2][choice // 6 % 2], (0, 0, 10)[choice // 12 % 3]
        if card == "declined":
            self.buyer()
            self.card("declined")
            metadata = {"organization": self.acme.public_id}
            subscribing.subscribe(self.customer, price, 1, trial_days=trial, metadata=metadata)
        else:
            sandbox.pay(money.buy_at(self.buyer(), self.acme, price, trial_days=trial), card)
        return f"subscribes to {self.named[price]} with a card that is {card}, {trial} days free"

    def leave_checkout(self, choice):
        made = money.buy_at(self.buyer(), self.acme, self.prices[0])
        sandbox.expire_checkout(made)
        return "opens a checkout and leaves it"

    def buy_for_good(self, choice):
        card = self.cards[choice % 6]
        sandbox.pay(
            money.buy_at(self.buyer(), self.acme, self.prices[2], once=True), card
        )  # a declined card is refused
        return f"buys it for good with a card that is {card}"

    def _renewing(self):
        """The subscription, where its next period may begin: a bank debit takes days, a period weeks."""
        self._no_debit()
        return self.standing()["id"]

    def _no_debit(self):
        if sandbox.find("payment", status="processing"):
            raise Refused("a bank debit is on its way")

    def renew(self, choice):
        sandbox.renew(self._renewing())
        return "renews, paid"

    def fail_to_renew(self, choice):
        sandbox.renew(self._renewing(), paid=False)
        return "renews, and the payment fails"

    def be_asked_to_confirm(self, choice):
        id = self._renewing()
        if sandbox.get(id)["status"] != "active":
            raise Refused("it isn't active")
        self.card("confirm")
        write(subscribing.cycle, sandbox.get(id))
        return "renews, and the bank wants it confirmed"

    def pay_open(self, choice):
        self.card("ok")
        sandbox.pay_invoice(self.open_invoice(), "confirm" if choice % 2 else "ok", confirmed=True)
        return "pays what is open"

    def fail_to_pay_open(self, choice):
        invoice = self.open_invoice()
        try:
            sandbox.pay_invoice(invoice, ("declined", "confirm")[choice % 2])
        except sandbox.Declined:
            return "tries to pay what is open, in vain"

    def void_open(self, choice):
        self._no_debit()  # what is on its way can't be called back
        sandbox.void_invoice(self.open_invoice())
        return "isn't asked any more to pay what is open"

    def change_card(self, choice):
        card = self.new_cards[choice % 4]
        self.card(card)
        return f"has a card now that is {card}"

    def refund_a_part(self, choice):
        sandbox.refund(self.any_payment(choice), 100)
        return "gets a part back"

    def refund_all(self, choice):
        sandbox.refund(self.any_payment(choice))
        return "gets all of a payment back"

    def fail_a_refund(self, choice):
        done = sandbox.find("refund", status="succeeded")
        if done:
            sandbox.fail_refund(done[choice % len(done)]["id"])
            return "has a refund sent back by the bank"

    def dispute(self, choice):
        sandbox.dispute(self.any_payment(choice))
        return "disputes a payment"

    def settle_dispute(self, choice):
        for one in sandbox.find("dispute", status="open"):
            sandbox.settle_dispute(one["id"], choice % 2 == 0)
            return "loses a dispute" if choice % 2 == 0 else "wins a dispute"

    def cancel_for_the_end(self, choice):
        sandbox.schedule_end(self.standing()["id"], True)
        return "cancels for the period's end"

    def cancel_for_a_day(self, choice):
        sandbox.schedule_end(self.standing()["id"], at=int(self.clock().timestamp()) + (choice + 1) * 86400)
        return f"is cancelled for {choice + 1} days from now"

    def take_back(self, choice):
        sandbox.schedule_end(self.standing()["id"])
        return "goes on after all"

    def cancel_now(self, choice):
        sandbox.end(self.standing()["id"])
        return "is cancelled now"

    def change_plan(self, choice):
        held = self.standing()
        if held["price"] == money.SOMETHING_ELSE:
            raise Refused("its price is no plan")
        price = self.prices[held["price"] == self.prices[0]]
        subscribing.change(
            held["id"], price, held["quantity"], behavior="always_invoice", payment="pending_if_incomplete"
        )
        return f"changes to {self.named[price]}"

    def change_seats(self, choice):
        held, seats = self.standing(), 1 + choice % 5
        behavior = ("always_invoice", "create_prorations", "none")[choice % 3]
        subscribing.change(held["id"], held["price"], seats, behavior=behavior, payment="pending_if_incomplete")
        return f"has {seats} seats, {behavior}"

    def change_both(self, choice):
        held = self.standing()
        if held["price"] == money.SOMETHING_ELSE:
            raise Refused("its price is no plan")
        price, seats = self.prices[:2][choice % 2], 1 + choice // 2 % 3
        behavior = ("always_invoice", "create_prorations", "none")[choice // 6 % 3]
        payment = ("pending_if_incomplete", "allow_incomplete")[choice // 18 % 2]
        subscribing.change(held["id"], price, seats, behavior=behavior, payment=payment)
        return f"changes to {self.named[price]} for {seats} at once, {behavior}, {payment}"

    def try_without_card(self, choice):
        try:
            self.standing()
            return ""
        except Refused:
            pass
        end = ("create_invoice", "cancel", "pause")[choice % 3]
        buyer = self.buyer()
        self.card(None)
        about = {"trial_days": 10, "without_card": end, "metadata": {"organization": self.acme.public_id}}
        subscribing.subscribe(buyer, self.prices[:2][choice // 3 % 2], 1, **about)
        return f"tries it for ten days without a card; then {end}"

    def move_trial_end(self, choice):
        days = (0, 3, 20)[choice % 3]
        subscribing.move_trial_end(self.standing()["id"], int(self.clock().timestamp()) + days * 86400)
        return f"has a trial that ends in {days} days"

    def rest(self, choice):
        sandbox.pause(self.standing()["id"], "at_period_end")
        return "rests from the end of the period on"

    def rise(self, choice):
        self.card("ok")
        subscribing.resume(self.standing()["id"])
        return "goes on after a rest"

    def be_given_credit(self, choice):
        if not self.gone and self.customer:
            selling.change_customer(self.customer, balance=-(1200, 5000, 20000)[choice % 3])
            return "has credit that pays for what comes next"

    def pause(self, choice):
        until = (None, int(self.clock().timestamp()) + 20 * 86400)[choice // 2 % 2]
        sandbox.pause(self.standing()["id"], ("void", "mark_uncollectible")[choice % 2], until)
        return "pauses, for 20 days" if until else "pauses"

    def unpause(self, choice):
        sandbox.pause(self.standing()["id"], None)
        return "goes on after a pause"

    def delete_customer(self, choice):
        if not self.gone and self.customer:
            sandbox.delete_customer(self.customer)
            self.gone = True
            return "is deleted in the dashboard"

    # A price that is no plan keeps the plan that was heard of last. So that both tellings mean the same by "last",
    # what was told before such a price comes and before it goes is heard of first.

    def move_to_a_strange_price(self, choice):
        held = self.standing()
        if held["price"] == self.prices[0]:
            self.hear_of()
            money.sell_something_else()
            subscribing.change(held["id"], money.SOMETHING_ELSE, 1, behavior="none")
            return "is given a price in the dashboard that is no plan"

    def move_back(self, choice):
        held = self.standing()
        if held["price"] == money.SOMETHING_ELSE:
            self.hear_of()
            subscribing.change(held["id"], self.prices[0], 1, behavior="none")
            return "is given the monthly price again"

    def wait(self, choice):
        days = (1, 2, 4, 8, 16, 31)[choice % 6]
        for _ in range(days):
            month = self.clock().month
            time_passes(self.clock, days=1)
            self.told()
            if self.clock().month != month:
                self.turn_the_month()
        return f"{days} days have gone by"


VERBS = list(vars(Story))
VERBS = [name for name in VERBS[VERBS.index("subscribe") :] if not name.startswith("_")]
# What makes a story go on comes more often than its turns.
OFTEN = ["subscribe", "subscribe", "wait", "wait", "wait", "renew", "refund_all", "pay_open"]


class InOrder(Story):
    """Each event comes at once and once."""

    def told(self):
        for event in self.events():
            self.deliver(event)

    def events(self):
        """What is told now; of what isn't read, nothing is seen but that it came."""
        told = self.pay.events()
        unread = [event["id"] for event in told if self.is_unread(event)]
        if unread:
            write(lambda: [sandbox.delivered(id) for id in unread])
        return [event for event in told if event["id"] not in unread]

    type_of = staticmethod(sandbox.stripe.type_of)

    def is_unread(self, event):
        return event["type"] not in stripe.wire.KINDS

    def deliver(self, event):
        self.pay.accept(event)
        while inbox.work_off():
            pass
        self.look(self.type_of(event))
        sandbox.delivered(event["id"])

    def look(self, after, finished=False):
        wrong = what_is_wrong(self.acme, finished)
        wrong += [event.error for event in WebhookEvent.select().where(WebhookEvent.status.in_(inbox.TROUBLED))]
        assert not wrong, f"after {after}: {wrong[:3]}"


class AnyHow(InOrder):
    """Events are shuffled, repeated, held back, and some are lost until the night's comparison."""

    def __init__(self, *about):
        super().__init__(*about)
        self.luck, self.held, self.lost, self.compared_at = random.Random(about[-1]), [], set(), BEGAN

    def told(self):
        for event in self.events():
            fate = self.luck.random()
            if fate < 0.15:
                self.lost.add(event["id"])
                self.say(f"(lost: {self.type_of(event)} {event['id']})")
                if fate < 0.05:
                    sandbox.delivered(event["id"])  # for good: the provider won't list it as missed either
                continue
            times = 2 if fate > 0.8 else 1
            for _ in range(times):
                self.held.append((self.step + self.luck.choice((0, 0, 0, 1, 2, 5, 99)), self.luck.random(), event))
        self.let_come(lambda due, _: due <= self.step)
        if self.lost and self.clock() - self.compared_at > timedelta(days=20):
            self.compare()

    def turn_the_month(self):
        self.too_late |= bool(self.held or self.lost)
        super().turn_the_month()

    def let_come(self, whose):
        now = sorted((one for one in self.held if whose(one[0], one[2])), key=lambda one: one[1])
        self.held = [one for one in self.held if not whose(one[0], one[2])]
        for _, _, event in now:
            self.say(f"(comes: {self.type_of(event)} {event['id']})")
            self.deliver(event)

    def hear_of(self, type=""):
        for event in self.events():
            self.held.append((self.step, 0.5, event))
        self.let_come(lambda _, event: self.type_of(event).startswith(type))
        for event in reversed(sandbox.find("event")):
            if event["id"] in self.lost and self.type_of(event["payload"]).startswith(type):
                self.lost.remove(event["id"])
                self.deliver(event["payload"])

    def compare(self):
        if jobs.run("reconciliation_night"):
            self.say("(the night's comparison)")
        else:  # this day had its own: the next night's would find the same as what staff asks for
            self.say("(a comparison that staff asks for)")
            reconciliations.ask(by=self.staff)
        jobs.run("reconciliation")
        while inbox.work_off():
            pass
        self.compared_at = self.clock()
        self.look("the comparison")

    def end(self):
        self.let_come(lambda *_: True)
        if self.lost:
            self.compare()


def what_is_wrong(organization, finished):
    found = money.what_is_wrong(organization, GRACE, strict=finished)
    balance, _ = credit_standings.balance(organization)
    if balance < 0:
        found.append(f"the balance is {balance}")
    return found


def story_of(die, verbs=tuple(VERBS + OFTEN)):
    """Steps by a fair die: a generator that likes its first choices tells the same story again and again."""
    return [("subscribe", die.randrange(36)), *((die.choice(verbs), die.randrange(36)) for _ in range(STEPS - 1))]


def same(one, other, story):
    """Both ends, compared row by row; what differs is said."""
    differing = [
        f"{key}: in order {one.get(key)}, anyhow {other.get(key)}"
        for key in dict.fromkeys([*one, *other])
        if one.get(key) != other.get(key)
    ]
    assert not differing, "\n".join(["the ends differ", *differing, "", "the story:", *story])


def told_often(times):
    """A parameter `number` of as many stories: the same each time, or those of a seed."""
    return pytest.mark.parametrize("number", range(FIRST, FIRST + (MANY or times)))


def die_of(number):
    return random.Random(f"{SEED} {number}")


@told_often(15)
def test_any_story_ends_in_the_same_rows_however_its_events_come(number, cast, clock, pay, alone, monkeypatch):
    die = die_of(number)
    steps, luck, ends = story_of(die), die.random(), []
    for kind in (InOrder, AnyHow):
        telling = kind(cast, clock, pay, monkeypatch, luck)
        try:
            telling.tell(steps)
            telling.end()
            telling.look("the end", finished=True)
            ends.append(telling.state())
        finally:
            print("\n".join([type(telling).__name__, *telling.said]))
        telling.close()
    if telling.too_late:  # what wasn't known on the month's first day can't have counted for its credits
        ends = [{key: row for key, row in end.items() if key[0] != "credits"} for end in ends]
    same(*ends, telling.said)
