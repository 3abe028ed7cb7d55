"""Facts about money that are easily got wrong, each with the check that proves it; the others stand by their subject."""

import dataclasses
from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from domain.base import configuration
from domain.entitlements import grants
from domain.money import providers
from domain.money.providers import sandbox
from models import Grant, Licence, WebhookEvent
from tests.fixtures import billing as money
from tests.fixtures.billing import payment_of, time_passes

PATHS = ("stripe", "polar", "lemon-squeezy")


def answered(web, event, path="stripe", **headers):
    body, signed = sandbox.signed(event)
    return web.test_client().post(f"/webhooks/{path}", data=body, headers=signed | headers).status_code


# --- check 3 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["stripe", "polar", "lemon_squeezy", "none"])
def test_check_3_only_the_active_providers_route_is_there(web, cast, pay, chosen):
    pay.subscribe()
    event = pay.events()[0]
    secret = (sandbox.secret(),)
    configuration.use(
        dataclasses.replace(configuration.active, billing_provider=chosen, payment_webhook_secrets=secret)
    )
    there = {path: answered(web, event, path) for path in PATHS}
    expected = dict.fromkeys(PATHS, 404)
    if chosen != "none":  # another provider's signature fits nowhere, but its route is there
        expected[providers.active().PATH] = 200 if chosen == "stripe" else 400
    assert there == expected
    assert WebhookEvent.select().count() == (1 if chosen == "stripe" else 0)


@pytest.mark.parametrize("unset", [(), ("",)], ids=["none", "empty"])
def test_check_3_without_a_secret_nothing_is_ever_processed(web, cast, pay, unset):
    pay.subscribe()
    events = pay.events()
    configuration.use(
        dataclasses.replace(configuration.active, billing_provider="stripe", payment_webhook_secrets=unset)
    )
    for event in events:
        assert answered(web, event) in (400, 503)
        assert answered(web, event, **{"Stripe-Signature": ""}) in (400, 503)
    jobs.work_off()
    assert WebhookEvent.select().count() == 0
    with inside(cast.acme):
        assert Grant.select().count() == 0


# --- check 4 -------------------------------------------------------------------------------------------------------


def plan(organization):
    with inside(organization):
        return grants.plan().key


def test_check_4_cancelling_keeps_access_to_the_periods_end_and_no_longer(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    sandbox.schedule_end(id, True)
    pay.deliver()
    ends = money.row_of(cast.acme).current_period_end_at
    clock.moment = ends - timedelta(seconds=1)
    assert plan(cast.acme) == "pro_monthly"
    clock.moment = ends + timedelta(seconds=1)
    assert plan(cast.acme) == "free"  # by the grants' own end, whatever the subscription's row says
    assert money.row_of(cast.acme).status == "active"


def test_check_4_access_is_the_union_of_its_sources_and_for_good_has_no_end(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    checkout = money.buy_at(sandbox.get(id)["customer"], cast.acme, money.LIFETIME, once=True)
    sandbox.pay(checkout)
    pay.deliver()
    with inside(cast.acme):
        assert {grant.expires_at for grant in Grant.active() if ":payment:" in grant.source} == {None}
        assert len({grant.source for grant in Grant.active()}) == 2
    sandbox.end(id)
    pay.deliver()
    assert plan(cast.acme) == "pro_lifetime"
    time_passes(clock, days=3000)
    assert plan(cast.acme) == "pro_lifetime"
    with inside(cast.acme):
        assert [licence.ended_at for licence in Licence.select()] == [None]


def test_check_4_only_a_full_refund_takes_access_away(cast, pay, clock):
    id = pay.subscribe()
    pay.deliver()
    payment = payment_of(id)["id"]
    for amount in (1, 600, 598):
        sandbox.refund(payment, amount)
        pay.deliver()
        assert plan(cast.acme) == "pro_monthly"
    sandbox.refund(payment)  # the last cent
    pay.deliver()
    assert plan(cast.acme) == "free"
    assert money.row_of(cast.acme).status == "active"  # what the subscription is called gives nothing


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "reversed"])
def test_check_4_events_repeated_and_reversed_give_the_same_access(cast, pay, clock, order):
    id = pay.subscribe()
    time_passes(clock, days=31)
    sandbox.schedule_end(id, True)
    events = pay.events()[::order]
    for event in (*events, *events):
        pay.deliver(event)
    assert plan(cast.acme) == "pro_monthly"
    assert money.access_until(cast.acme) == money.row_of(cast.acme).cancel_at
    assert money.what_is_wrong(cast.acme) == []
