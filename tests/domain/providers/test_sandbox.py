from datetime import timedelta

import pytest
import stripe as library

from domain import Refused, billing, configuration, credits, grants
from domain.providers import ProviderFailed, sandbox, stripe
from models import Customer, Notification, SandboxObject, Subscription, WebhookEvent, inside


def stands(cast):
    with inside(cast.acme):
        row = Subscription.get()
        return grants.plan().key, row.status, row.cancel_at_period_end


def test_the_whole_story(cast, pay, clock, proven):
    with inside(cast.acme):
        assert (grants.plan().key, grants.capabilities(), billing.subscription()) == ("free", set(), None)
    id = pay.subscribe()
    with inside(cast.acme):
        assert grants.plan().key == "free"  # paying grants nothing: only the webhook does
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "active", False)
    assert credits.balance(cast.acme) == (1000, 1000)

    clock.forward(days=30)
    sandbox.renew(id)
    pay.deliver()
    with inside(cast.acme):
        assert Subscription.get().current_period_end_at.month == 8
    assert credits.balance(cast.acme) == (1000, 1000)

    clock.forward(days=31)
    sandbox.renew(id, paid=False)
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "past_due", False)
    sandbox.renew(id)
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "active", False)

    proven("alice", "billing.cancel", cast.acme.id)
    with inside(cast.acme):
        billing.set_cancel_at_period_end(True, by=pay.by)
        assert Subscription.get().cancel_at_period_end is False  # not before the webhook
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "active", True)
    with inside(cast.acme):
        billing.set_cancel_at_period_end(False, by=pay.by)
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "active", False)

    with inside(cast.acme):
        billing.set_cancel_at_period_end(True, by=pay.by)
    pay.deliver()
    sandbox.end_period(id)
    pay.deliver()
    assert stands(cast) == ("free", "canceled", True)
    assert {event.status for event in WebhookEvent.select()} == {"processed"}


def test_paying_twice_is_once(cast, pay):
    with inside(cast.acme):
        url = billing.checkout("pro_yearly", by=pay.by)
    id = url.rsplit("/", 1)[1]
    first, second = sandbox.pay(id), sandbox.pay(id)
    assert first["subscription"] == second["subscription"]
    assert len(pay.events()) == 3
    assert len(sandbox.subscriptions()) == 1


def test_one_customer_an_organization_and_none_of_anothers(cast, pay, at):
    for _ in range(2):
        with inside(cast.acme):
            billing.checkout("pro_monthly", by=pay.by)
    with inside(cast.globex):
        billing.checkout("pro_monthly", by=at("charlie", "globex"))
    assert SandboxObject.select().where(SandboxObject.kind == "customer").count() == 2
    with inside(cast.acme):
        assert Customer.select().count() == 1


def test_the_events_are_signed_for_this_install_only(cast, pay, monkeypatch):
    import dataclasses

    pay.subscribe()
    body, headers = sandbox.signed(pay.events()[0])
    assert stripe.verify(body, headers).type == "customer.subscription.created"
    configuration.use(dataclasses.replace(configuration.active, secret_key="x" * 40))
    with pytest.raises(stripe.BadSignature):
        stripe.verify(body, headers)


def test_what_is_over_stays_over(cast, pay):
    id = pay.subscribe()
    with pytest.raises(Refused):
        sandbox.end_period(id)  # it renews
    sandbox._update_subscription(id, {"cancel_at_period_end": "true"})
    with pytest.raises(Refused):
        sandbox.renew(id)  # it ends
    sandbox.end_period(id)
    for act in (sandbox.renew, sandbox.end_period):
        with pytest.raises(Refused):
            act(id)
    with pytest.raises(ProviderFailed):
        stripe.set_cancel_at_period_end(id, True)
    with pytest.raises(Refused):
        sandbox.renew("sub_nonsense")


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        ("2026-01-31", "month", "2026-02-28"),
        ("2026-12-15", "month", "2027-01-15"),
        ("2028-02-29", "year", "2029-02-28"),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_months_last(start, interval, end):
    from datetime import datetime

    assert sandbox._later(datetime.fromisoformat(start), interval) == datetime.fromisoformat(end)
    assert timedelta(days=28) <= datetime.fromisoformat(end) - datetime.fromisoformat(start)


def test_posting_to_a_server_that_is_not_there_is_tried_again(cast, pay, clock):
    import jobs
    from models import Outgoing

    configuration.use(configuration.Configuration(**{**vars(configuration.active), "port": 1}))
    pay.subscribe()
    jobs.work_off()
    waiting = list(Outgoing.select().where(Outgoing.kind == "sandbox_webhook"))
    assert [row.attempts for row in waiting] == [1, 1, 1]
    assert all(row.payload for row in waiting)
    assert Notification.select().count() == 0


def test_it_lists_what_it_sells_as_stripe_does(cast):
    from domain.providers import stripe

    client = stripe.client()
    first = client.prices.list({"active": True, "limit": 1}).to_dict()
    assert (first["object"], first["has_more"], len(first["data"])) == ("list", True, 1)
    after = {"active": True, "limit": 1, "starting_after": first["data"][0]["id"]}
    second = client.prices.list(after).to_dict()
    assert (second["has_more"], second["data"][0]["id"]) == (False, sandbox.PRICES["pro_yearly"])
    assert [p.id for p in client.prices.list({"limit": 1}).auto_paging_iter()] == list(sandbox.PRICES.values())
    (product,) = client.products.list().data
    assert product.id == second["data"][0]["product"]
    with pytest.raises(library.InvalidRequestError):
        client.prices.list({"starting_after": "price_nonsense"})
