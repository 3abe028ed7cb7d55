from database.scope import inside
from domain.entitlements import credit_standings, credits
from models import CreditEntry


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
