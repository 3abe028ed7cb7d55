import pytest

from database.clock import now
from database.scope import inside
from domain import Forbidden
from domain.entitlements import credit_standings, credits
from domain.lists import asks, lists, totals
from domain.money import payments
from models import CreditEntry, Payment
from tests.fixtures.threads import write

PAID = {"provider": "stripe", "plan_key": "pro_monthly", "currency": "USD", "amount": 1200, "reason": "cycle"}


def pay(id, **values):
    write(lambda: Payment.create(**PAID | {"provider_payment_id": id, "status": "paid", "paid_at": now()} | values))


def listed(at, **asked):
    return lists.read(payments.listing, asks.understand(payments.listing, asked), at("alice")).rows


@pytest.mark.parametrize(
    ("values", "status", "page"),
    [
        ({"url": "https://pay.example/1"}, "paid", "Invoice"),
        ({"status": "failed", "paid_at": None, "url": "https://pay.example/1"}, "open", "Pay"),
        ({"status": "void"}, "void", None),
        ({"amount_refunded": 1200}, "refunded", None),
        ({"amount_refunded": 500}, "paid", None),
        ({"dispute": "open", "amount_refunded": 1200}, "disputed", None),
        ({"dispute": "lost"}, "dispute_lost", None),
        ({"dispute": "won"}, "paid", None),
    ],
)
def test_a_payment_says_how_it_stands_and_where_its_page_is(at, inside_acme, values, status, page):
    pay("p1", **values)
    (row,) = listed(at)
    assert (row.status, row.page) == (status, page)
    assert [one.id for one in listed(at, status=status)] == [row.id]
    assert row.back == (values.get("amount_refunded") or None)
    assert payments.in_words(row._asdict()) == "Pro, monthly: renewal"
    assert row.paid_on is not None


def test_they_come_to_a_sum_in_each_currency_and_are_nobody_elses(cast, at, inside_acme):
    pay("p1")
    pay("p2", amount=800)
    pay("p3", currency="EUR", reason="other")
    found = totals.sums(payments.listing, asks.understand(payments.listing, {}), at("alice"))
    assert found.totals == {("amount", "USD"): 2000, ("amount", "EUR"): 1200}
    assert [row.amount for row in listed(at, sort="amount-down")] == [1200, 1200, 800]
    with pytest.raises(Forbidden):
        lists.read(payments.listing, asks.understand(payments.listing, {}), at("vera"))
    with inside(cast.globex):
        assert lists.read(payments.listing, asks.understand(payments.listing, {}), at("charlie", "globex")).rows == []


def test_a_paid_invoice_renews_the_credits_exactly_once(cast, customer, tell, bill):
    tell()
    bill()
    with inside(cast.acme):
        credits.spend(cast.acme, 999, key="all but one", feature="ai.text")
    bill()
    bill(after=50, event_id="evt_payment_succeeded")  # another event for the same invoice
    assert credit_standings.balance(cast.acme) == (1, 1000)
    bill("in_2")
    assert credit_standings.balance(cast.acme) == (1000, 1000)
    with inside(cast.acme):
        assert CreditEntry.select().where(CreditEntry.reason == "reset").count() == 2


def test_an_invoice_that_opens_no_period_gives_no_credits(cast, customer, tell, bill):
    tell()
    bill(begins=False)
    assert credit_standings.balance(cast.acme) == (0, 0)
