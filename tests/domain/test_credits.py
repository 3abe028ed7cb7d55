import peewee
import pytest

from domain import credits, settings
from models import CreditAccount, CreditEntry, OutOfScope, inside
from tests.fixtures.threads import together, write


def ledger(organization):
    with inside(organization):
        found = CreditEntry.select().order_by(CreditEntry.id)
        return [(e.delta, e.balance_after, e.reason, e.idempotency_key) for e in found]


def test_an_account_is_opened_with_the_free_allowance(cast, clock):
    assert credits.balance(cast.acme) == (0, 0)
    assert ledger(cast.acme) == []
    settings.change("credits_free", "50", by=cast.stella)
    settings.forget()
    from domain import organizations

    made = organizations.create("New works", by=cast.bob)
    assert credits.balance(made) == (50, 50)
    assert ledger(made) == [(50, 50, "grant", "opening")]


def test_a_renewal_replaces_the_balance_and_nothing_rolls_over(cast, clock):
    assert credits.renew(cast.acme, 1000, "invoice:1")
    assert credits.balance(cast.acme) == (1000, 1000)
    with inside(cast.acme):
        write(CreditAccount.update(balance=400).execute)
    moment = clock.forward(days=30)
    assert credits.renew(cast.acme, 1000, "invoice:2")
    assert credits.balance(cast.acme) == (1000, 1000)
    with inside(cast.acme):
        assert CreditAccount.get().last_reset_at == moment
    assert ledger(cast.acme) == [(1000, 1000, "reset", "invoice:1"), (600, 1000, "reset", "invoice:2")]
    assert credits.renew(cast.acme, 100, "invoice:3")  # a smaller plan
    assert credits.balance(cast.acme) == (100, 100)


def test_the_same_invoice_renews_once(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    with inside(cast.acme):
        write(CreditAccount.update(balance=1).execute)
    assert credits.renew(cast.acme, 1000, "invoice:1") is False
    assert credits.balance(cast.acme)[0] == 1
    assert len(ledger(cast.acme)) == 1
    assert credits.renew(cast.globex, 1000, "invoice:1")  # a key is an account's own


def test_the_same_invoice_from_many_threads_renews_once(cast):
    outcomes = together(*[lambda: credits.renew(cast.acme, 1000, "invoice:1")] * 8)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert credits.balance(cast.acme) == (1000, 1000)
    assert len(ledger(cast.acme)) == 1


def test_renewing_one_organization_leaves_the_others(cast):
    credits.renew(cast.acme, 1000, "invoice:1")
    assert credits.balance(cast.globex) == (0, 0)
    assert ledger(cast.globex) == []


def test_a_balance_never_falls_below_zero(cast):
    with inside(cast.acme), pytest.raises(peewee.IntegrityError):
        write(CreditAccount.update(balance=CreditAccount.balance - 1).execute)


def test_credits_are_untouchable_outside_of_the_organization(cast):
    with pytest.raises(OutOfScope):
        CreditAccount.get()
