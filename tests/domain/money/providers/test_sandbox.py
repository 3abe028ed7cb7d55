from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain.base import configuration
from domain.entitlements import credit_standings, grants
from domain.money import billing
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import BadSignature
from models import Customer, Notification, Outgoing, SandboxObject, Subscription, WebhookEvent


def stands(cast):
    with inside(cast.acme):
        row = Subscription.get()
        return grants.plan().key, row.status, row.cancel_at_period_end


def test_the_whole_story(bare_free, cast, pay, clock, proven):
    with inside(cast.acme):
        assert (grants.plan().key, grants.capabilities(), billing.subscription()) == ("free", set(), None)
    id = pay.subscribe()
    with inside(cast.acme):
        assert grants.plan().key == "free"  # paying grants nothing: only the webhook does
    pay.deliver()
    assert stands(cast) == ("pro_monthly", "active", False)
    assert credit_standings.balance(cast.acme) == (1000, 1000)

    clock.forward(days=30)
    sandbox.renew(id)
    pay.deliver()
    with inside(cast.acme):
        assert Subscription.get().current_period_end_at.month == 8
    assert credit_standings.balance(cast.acme) == (1000, 1000)

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
    assert {event.status for event in WebhookEvent.select()} == {"processed", "ignored"}  # such as a charge


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
    assert stripe.verify(body, headers).type == "customer.created"
    configuration.use(dataclasses.replace(configuration.active, secret_key="x" * 40))
    with pytest.raises(BadSignature):
        stripe.verify(body, headers)


def test_what_a_server_that_does_not_listen_is_posted_waits_and_is_no_try(cast, pay, clock):
    configuration.use(configuration.Configuration(**{**vars(configuration.active), "port": 1}))
    pay.subscribe()
    jobs.work_off()
    waiting = list(Outgoing.select().where(Outgoing.kind == "sandbox_webhook"))
    assert waiting
    assert {(row.attempts, row.error) for row in waiting} == {(0, "this server doesn't listen")}
    assert {row.next_attempt_at for row in waiting} == {clock() + timedelta(seconds=5)}
    assert all(row.payload for row in waiting)
    assert not any(event["delivered"] for event in sandbox.find("event"))
    assert Notification.select().count() == 0


def test_what_the_house_took_is_delivered(cast, pay, monkeypatch):
    posted = []

    class Taken:
        def raise_for_status(self):
            pass

    def post(address, body, headers, timeout):
        posted.append(address)
        return Taken()

    monkeypatch.setattr(sandbox.requests, "post", post)
    pay.subscribe()
    jobs.work_off()
    assert set(posted) == {f"http://127.0.0.1:{configuration.active.port}/webhooks/stripe"}
    assert len(posted) == len(sandbox.find("event", delivered=True)) == len(sandbox.find("event"))


def test_the_account_is_the_sandboxs_own_and_always_reached_in_the_same_way(house):
    account = sandbox.account()
    assert (account.live, account.webhook_secrets, account.prices) == (False, (sandbox.secret(),), sandbox.PRICES)
    assert account == sandbox.account()
    assert sandbox.secret() not in repr(account)
    assert account.key not in repr(account)
