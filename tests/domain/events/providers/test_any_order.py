"""Whatever money comes, when and in what order: each ends in passes or goes back, and every sum is kept."""

import itertools

import pytest

from database.clock import now
from domain.events import payments, stock
from domain.events.providers.facts import Ended, Looked, Money
from domain.money import facts
from models import PaymentAttempt, TicketPayment, TicketRefund
from tests.domain.events.providers.test_attempts import begun
from tests.domain.events.test_payments import again, paid_night, passes_of
from tests.fixtures.threads import write

__all__ = ["paid_night"]

CAME = {
    "all": (2000, "EUR"),
    "twice": (2000, "EUR"),
    "part": (700, "EUR"),
    "foreign": (2000, "JPY"),
}


def told(attempt, name, clock):
    """The provider tells of this money (or that the try is over), newly asked."""
    clock.forward(seconds=1)
    cents, currency = CAME.get(name, (0, ""))
    about = {"provider": "sandbox", "id": f"pi_{name}", "reference": attempt.public_id, "state": "paid"}
    thing = Money(**about, amount_cents=cents, currency=currency) if cents else Ended(attempt.public_id, "expired")

    fact = Looked(
        provider="sandbox",
        organization=attempt.organization.public_id,
        happened_at=now(),
        event_id="",
        asked_at=now(),
        id=attempt.public_id,
        told=(thing,),
    )
    write(facts.apply, fact)


@pytest.mark.parametrize("steps", list(itertools.permutations(("all", "twice", "part", "foreign", "over"), 3)))
def test_money_ends_in_passes_or_goes_back_by_a_fixed_key(paid_night, clock, steps):
    order = begun(*paid_night)
    attempt = PaymentAttempt.get()
    for step in steps:
        told(attempt, step, clock)
    clock.forward(hours=2)
    for _ in range(2):
        payments.look_after()
    order, came = again(order), [CAME[step] for step in steps if step in CAME]
    euros = sum(cents for cents, currency in came if currency == "EUR")
    assert (order.state, passes_of(order)) == (("paid", 1) if euros >= 2000 else ("expired", 0))
    back = [(refund.amount_cents, refund.payment.currency) for refund in TicketRefund.select()]
    keeps = 2000 if order.state == "paid" else 0
    assert sum(cents for cents, currency in back if currency == "EUR") == euros - keeps
    assert sum(cents for cents, currency in back if currency == "JPY") == sum(c for c, x in came if x == "JPY")
    assert len({refund.key for refund in TicketRefund.select()}) == len(back)
    assert payments.owed_back(order) == 0
    assert payments.paid_for_nothing() == []
    assert stock.check(order.event_id) == []
    assert TicketPayment.select().count() == len(came)
