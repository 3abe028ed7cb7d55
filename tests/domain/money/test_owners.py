from datetime import timedelta

import pytest

import jobs
from database.scope import everywhere, inside
from domain.base import notices
from domain.money import facts, owners
from domain.money.providers.provider import CustomerChanged
from models import Customer, Payment, Subscription
from tests.fixtures.threads import write


def held():
    """organization of each subscription, payment and customer."""
    with everywhere("a test looks whose they are"):
        return [[row.organization.slug for row in table.select()] for table in (Subscription, Payment, Customer)]


def test_a_foreign_customer_or_organization_is_unknown(cast, tell, bill):
    with pytest.raises(owners.Unknown, match="cus_1"):
        tell(organization=None)
    with pytest.raises(owners.Unknown):
        tell(organization="nonsense")
    with pytest.raises(owners.Unknown):
        bill()
    assert held() == [[], [], []]


def test_what_was_given_along_counts_before_the_customer_of_something_new(cast, customer, tell):
    tell(organization=cast.globex.public_id)
    assert held() == [["globex"], [], ["acme"]]


def test_billing_f05_a_thing_that_is_known_stays_whose_it_is(cast, customer, tell, bill):
    tell()
    bill()
    other = {"organization": cast.globex.public_id}
    tell(after=5, quantity=3, **other)
    bill(after=5, **other)
    bill("in_2", after=6, **other)  # a new payment of a subscription that is known
    tell("canceled", after=9, quantity=3, **other)
    assert held() == [["acme"], ["acme", "acme"], ["acme"]]
    with inside(cast.acme):
        assert (Subscription.get().status, Subscription.get().quantity) == ("canceled", 3)
    jobs.run("outgoing")
    titles = [notice.title for notice in notices.newest(cast.stella)]
    assert titles == ["A subscription of Acme names Globex at the provider"]  # once


def test_billing_f05_a_customer_stays_whose_it_is(cast, customer, clock):
    told = {
        "provider": "stripe",
        "customer_id": "cus_1",
        "happened_at": clock() + timedelta(seconds=3),
        "event_id": "e",
    }
    write(facts.apply, CustomerChanged(**told, organization=cast.globex.public_id, email="new@example.org"))
    assert held() == [[], [], ["acme"]]
    with inside(cast.acme):
        assert Customer.get().email == "new@example.org"
