import pytest

import jobs
from database.scope import everywhere, inside
from domain import Invalid, NotFound, Refused
from domain.base import notices
from domain.entitlements import credit_standings, grants
from domain.money import placements, reconciliations
from domain.money.providers import sandbox, stripe
from domain.money.providers.sandbox import engine, selling
from models import AuditEvent, Customer, Grant, Payment, Subscription
from tests.fixtures.billing import MONTHLY, sell_something_else


def plan(organization):
    with inside(organization):
        return grants.plan().key


@pytest.fixture
def stranger(pay, clock):
    """Somebody who bought a plan at the provider's own page: nothing of it names an organization."""
    id = selling.create_customer(email="who@example.org")["id"]
    pay.events()

    def buys(price=MONTHLY):
        opened = engine.open_checkout(id, price, once=False, success_url="http://x/y", cancel_url="http://x/n")
        sandbox.pay(opened["id"])
        pay.deliver()
        return id

    return buys


def warned(cast):
    jobs.run("outgoing")
    return [(one.title, one.link) for one in notices.newest(cast.stella)]


def test_billing_f07_money_from_a_customer_nobody_knows_is_told_once_and_placed_with_a_click(cast, pay, stranger):
    id = stranger()
    link = f"/admin/subscriptions/placement?provider=stripe&customer={id}"
    assert warned(cast) == [("Somebody pays whom nobody knows here", link)]
    placed, worked = placements.place("stripe", id, "globex", by=cast.stella)
    assert (placed, worked > 1) == (cast.globex, True)
    assert (plan(cast.globex), plan(cast.acme)) == ("pro_monthly", "free")
    assert credit_standings.balance(cast.globex) == (1000, 1000)
    assert AuditEvent.get(AuditEvent.action == "billing.customer_placed").actor == cast.stella
    with pytest.raises(Refused, match="another organization's"):
        placements.place("stripe", id, "acme", by=cast.stella)


def test_billing_f07_the_night_finds_such_money_too(cast, pay, stranger, monkeypatch):
    monkeypatch.setattr(stripe, "missed", lambda since: iter(()))
    monkeypatch.setattr(pay, "deliver", pay.events)  # all of it is lost
    id = stranger()
    reconciliations.ask(by=cast.stella, heals=False)
    reconciliations.work()
    run = reconciliations.runs(1)[0]
    assert (run.facts["unsettled"], run.facts["foreign"] < run.facts["subscriptions"] + 2) == (2, True)
    assert len(warned(cast)) == 1
    placements.place("stripe", id, "/acme", by=cast.stella)
    reconciliations.ask(by=cast.stella, heals=True)
    reconciliations.work()
    assert plan(cast.acme) == "pro_monthly"


def test_billing_f07_what_else_the_account_sells_is_nobodys_matter(cast, pay, stranger):
    stranger(sell_something_else())
    assert warned(cast) == []


@pytest.mark.parametrize("address", ["", "nonsense", "#99999"])
def test_a_customer_is_placed_with_an_organization_that_is_there(cast, clock, address):
    with pytest.raises(Invalid, match="no organization"):
        placements.place("stripe", "cus_9", address, by=cast.stella)
    with pytest.raises(Invalid):
        placements.place("nobody", "cus_9", "acme", by=cast.stella)


def test_billing_f05_an_admin_moves_a_subscription_with_all_that_is_its(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    with inside(cast.acme):
        row = Subscription.get()
    placements.move(row.id, "globex", by=cast.stella)
    assert (plan(cast.acme), plan(cast.globex)) == ("free", "pro_monthly")
    assert (credit_standings.balance(cast.acme)[0], credit_standings.balance(cast.globex)[0]) == (0, 1000)
    with everywhere("a test looks whose they are"):
        for table in (Subscription, Payment, Grant, Customer):
            assert {one.organization for one in table.select()} == {cast.globex}
    sandbox.end(id)  # its metadata names Acme still
    pay.deliver()
    assert plan(cast.globex) == "free"
    noted = AuditEvent.get(AuditEvent.action == "billing.subscription_moved")
    assert (noted.actor, noted.metadata["before"], noted.metadata["after"]) == (cast.stella, "acme", "globex")
    with pytest.raises(Refused, match="already"):
        placements.move(row.id, "globex", by=cast.stella)
    with pytest.raises(NotFound):
        placements.move(10**6, "acme", by=cast.stella)
