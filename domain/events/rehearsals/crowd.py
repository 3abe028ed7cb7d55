"""The buyers of a rehearsal: when each comes, what they want, and what they do wrong. They press what people press; the
clock jumps from one of them to the next, so that an hour of sale takes as long as its work.
"""

import heapq
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from peewee import fn

from database.clock import now, set_clock
from database.transactions import writes
from domain import Refused
from domain.events import holds, payments, stock, tiers
from domain.events.line import calls, forms, places
from domain.events.providers import attempts, refunding
from domain.events.rehearsals import report
from domain.money.providers import sandbox
from domain.money.providers.provider import ProviderFailed
from models import Outgoing, PaymentAttempt, Place, TicketOrder

TICK = 10  # seconds between two looks of the house: who is next, whose time is over
AFTER = timedelta(days=3)  # after the last one came, at the latest, the sale is looked at
RUSH = 0.6  # of them come in the first tenth
EARLY = 600  # seconds before a draw in which they come
COUNTS = (1, 2, 2, 2, 3, 4)  # tickets that one wants
LESS = 0.3  # of them take fewer, too
STARE = 0.8  # of those who wait look at the page all the time; the others leave an address


@dataclass
class Buyer:
    """One of the crowd, and how far they are."""

    number: int
    kind: str  # good, vanish, late, twice
    place: int | None = None
    order: int | None = None
    end: str = ""


class Crowd:
    """The buyers of a plan, at an event that stands open before them."""

    def __init__(self, event, plan):
        self.event, self.dice, self.opens = event, random.Random(plan["seed"]), now()  # noqa: S311  nobody guesses at it
        self.turns, self.order = [], count()
        self.waiting, self.odd, self.refused, self.samples = {}, [], {}, []
        self.came = self.twice = 0
        self.buyers = [Buyer(number, kind) for number, kind in enumerate(self._kinds(plan))]
        for buyer, at in zip(self.buyers, self._arrivals(plan), strict=True):
            self._later(self.opens + timedelta(seconds=at), self._come, buyer)
        self.last = max(at for at, *_ in self.turns)
        self._later(min(at for at, *_ in self.turns), self._look, None)

    def _kinds(self, plan):
        total = plan["buyers"]
        wrong = [kind for kind in ("vanish", "late", "twice") for _ in range(round(total * plan[kind] / 100))][:total]
        kinds = wrong + ["good"] * (total - len(wrong))
        self.dice.shuffle(kinds)
        return kinds

    def _arrivals(self, plan):
        """Seconds from the opening, drawn beforehand: they come whatever the house does."""
        span = plan["minutes"] * 60
        drawn = self.event.opens_at is not None and self.event.opening == "draw"
        return [
            self.dice.uniform(-EARLY, 0)
            if drawn and self.dice.random() < RUSH
            else self.dice.uniform(0, span / 10)
            if plan["arrival"] == "rush" and self.dice.random() < RUSH
            else self.dice.uniform(0, span)
            for _ in range(plan["buyers"])
        ]

    def _later(self, at, act, buyer):
        heapq.heappush(self.turns, (at, next(self.order), act, buyer))

    def go_on(self, seconds):
        """Let them act for so long; {came, moment}, and `report` once it is over."""
        until = time.monotonic() + seconds
        while self.turns and time.monotonic() < until:
            at, _, act, buyer = heapq.heappop(self.turns)
            set_clock(lambda at=at: at)
            act(buyer)
            self._go_on_with_called()
        told = {"came": self.came, "seconds": round((now() - self.opens).total_seconds())}
        return told if self.turns else told | {"report": report.of(self)}

    def _in(self, least, most):
        return now() + timedelta(seconds=self.dice.uniform(least, most))

    # --- what a buyer does --------------------------------------------------------------------------------------

    def _come(self, buyer):
        """They choose and press; some press twice."""
        self.came += 1
        wishes = self._wishes()
        if not wishes:
            return self._leave(buyer, "Nothing was on sale")
        form = {"is_less_fine": self.dice.random() < LESS, "key": forms.fresh_token(60)}
        try:
            place = places.join(self.event.id, wishes, **form)
            if buyer.kind == "twice":
                self.twice += 1
                if places.join(self.event.id, wishes, **form).id != place.id:
                    self.odd.append(f"Buyer {buyer.number} pressed twice and stands in line twice.")
        except Refused as refusal:
            return self._leave(buyer, str(refusal))
        buyer.place = place.id
        if place.order_id:
            self._choose(buyer, place.order_id)
        else:
            self.waiting[place.id] = buyer
            if self.dice.random() > STARE:
                places.keep(place.id, {"email": _address(buyer)})
        return None

    def _wishes(self):
        """One kind of ticket that is sold now, the likelier the more there are of it; {tier's id: how many}."""
        offered = [one for one in tiers.of(self.event.id) if one.kind == "admission" and not tiers.closed(one)]
        if not offered:
            return {}
        largest = max((one.size or 0 for one in offered), default=0) or 1
        (tier,) = self.dice.choices(offered, [one.size or largest for one in offered])
        return {tier.id: max(tier.least, min(tier.most, self.dice.choice(COUNTS)))}

    def _choose(self, buyer, order):
        """They have a hold: most say who they are and pay; who vanishes does at one of these steps."""
        buyer.order = order
        if buyer.kind == "vanish" and self.dice.random() < 0.5:
            buyer.end = "vanished"
        else:
            self._later(self._in(20, 180), self._say_who, buyer)

    def _say_who(self, buyer):
        try:
            order = holds.say_who(buyer.order, {"name": "A rehearsing buyer", "email": _address(buyer)})
            if order.total_cents:
                attempts.begin(order.id, "sandbox")
        except Refused as refusal:
            return self._leave(buyer, str(refusal))
        if buyer.kind == "vanish":
            buyer.end = "vanished"
        elif not order.total_cents:
            self._later(self._in(1, 5), self._take_free, buyer)
        else:
            self._later(self._in(15, 120), self._pay, buyer)
        return None

    def _take_free(self, buyer):
        try:
            payments.take_free(buyer.order)
            buyer.end = "paid"
        except Refused as refusal:
            self._leave(buyer, str(refusal))

    def _pay(self, buyer):
        """They pay at the sandbox; a late one's bank takes longer than the hold lasts."""
        attempt = PaymentAttempt.one(PaymentAttempt.order == buyer.order, PaymentAttempt.state == "open")
        if attempt is None:
            return self._leave(buyer, "The time to pay was over")
        sandbox.pay_page(attempt.reference)
        if buyer.kind == "late":
            self._later(TicketOrder.get_by_id(buyer.order).hold_until_at + timedelta(seconds=90), self._hear, buyer)
        else:
            self._hear(buyer)
        return None

    def _hear(self, buyer):
        """The house asks the sandbox what came."""
        try:
            attempts.look(buyer.order)
        except ProviderFailed:
            self._later(self._in(5, 10), self._hear, buyer)
        buyer.end = "paid"

    def _leave(self, buyer, why):
        buyer.end = "left"
        self.refused[why] = self.refused.get(why, 0) + 1

    # --- what the house does by the clock ---------------------------------------------------------------------------

    def _look(self, _):
        """As its calendar does: holds end, whoever is next is called, money goes back."""
        self._watch()
        payments.look_after()
        while calls.work():
            pass
        for row in list(Outgoing.select().where(Outgoing.kind == "ticket_refund").order_by(Outgoing.id)):
            refunding.give_back(row)
        _throw_away()
        self.samples.append(self._sample())
        if self._goes_on():
            self._later(self._next_look(), self._look, None)

    def _go_on_with_called(self):
        """Whoever waits and was called just now, by what somebody did or by the clock, hears of it."""
        if not self.waiting:
            return
        for id, order in Place.select(Place.id, Place.order).where(Place.state == "called").tuples():
            if (buyer := self.waiting.pop(id, None)) is not None:
                self._choose(buyer, order)

    def _next_look(self):
        """Soon while they come; afterwards when somebody acts or a hold ends: offers by letter last for hours."""
        if now() <= self.last:
            return now() + timedelta(seconds=TICK)
        held = TicketOrder.event == self.event.id, TicketOrder.state << TicketOrder.LIVE
        ends = TicketOrder.select(TicketOrder.hold_until_at).where(*held).order_by(TicketOrder.hold_until_at).first()
        due = [*(at for at, *_ in self.turns[:1]), *([ends.hold_until_at] if ends else [])]
        return max(now() + timedelta(seconds=3 * TICK), min(due, default=now()))

    @writes
    def _watch(self):
        """Who waits without an address looks at the page, also before the lot has said where they stand."""
        waits = Place.event == self.event.id, Place.state << ("drawn", "waiting")
        Place.update(seen_at=now()).where(*waits, Place.email.is_null()).execute()

    def _sample(self):
        room = [one for one in stock.of(self.event.id).values() if one.kind == "tier"]
        waiting = Place.select().where(Place.event == self.event.id, Place.state << ("drawn", "waiting")).count()
        seconds = round((now() - self.opens).total_seconds())
        return {
            "at": seconds,
            "came": self.came,
            "held": sum(one.held for one in room),
            "sold": sum(one.sold for one in room),
            "waiting": waiting,
        }

    def _goes_on(self):
        """Until nobody acts any more and nothing is held, or it has gone on for very long."""
        is_held = any(state in TicketOrder.LIVE for state, _ in _states(self.event))
        return now() < self.last + AFTER and (bool(self.turns) or is_held)


def _states(event):
    query = TicketOrder.select(TicketOrder.state, fn.COUNT(TicketOrder.id)).where(TicketOrder.event == event)
    return list(query.group_by(TicketOrder.state).tuples())


@writes
def _throw_away():
    """No letter is sent and no webhook carried here."""
    Outgoing.delete().execute()


def _address(buyer):
    return f"buyer{buyer.number}@rehearsal.example.org"
