"""The same stories at each provider, told by the sandbox in its language and read by its real adapter."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta

import pytest

import jobs
from database.scope import inside
from database.transactions import writes
from domain import Refused
from domain.base import configuration
from domain.entitlements import credit_standings, credits, grants, plans
from domain.money import billing, inbox, providers, trials
from domain.money.providers import http, sandbox, stripe
from domain.money.providers.provider import BadSignature, CannotDo, ProviderFailed
from models import (
    Grant,
    GrantSource,
    Licence,
    Notification,
    Payment,
    PlanOverride,
    Subscription,
    WebhookEvent,
)
from tests.fixtures.billing import posted
from tests.peers import lemon_squeezy as lemon_squeezy_peer
from tests.peers import polar as polar_peer

DIALECTS = {"stripe": sandbox.stripe, "polar": polar_peer, "lemon_squeezy": lemon_squeezy_peer}


@pytest.fixture(params=DIALECTS)
def speaking(house, clock, request):
    """The language the sandbox speaks."""
    return speak(request.param)


def speak(dialect, **values):
    sandbox.speak(DIALECTS[dialect])
    usual = {"billing_provider": "sandbox", "site_url": "https://hall.example"}
    configuration.use(dataclasses.replace(configuration.active, **usual | values))
    for kept in (stripe.wire._client, http.session):
        kept.cache_clear()
    return dialect


@pytest.fixture
def shop(speaking, cast, at, clock, proven):
    return Shop(cast.acme, at("alice"), clock, proven)


class Shop:
    """alice buys for Acme; what the provider posts is taken through its signature into the inbox by hand."""

    def __init__(self, acme, by, clock, proven):
        self.acme, self.by, self.clock, self.proven = acme, by, clock, proven
        self.name, self.provider, self.told = providers.name(), providers.active(), []

    def buy(self, plan="pro_monthly", **more):
        """Check out and pay; returns the sandbox's checkout. Nothing is delivered yet."""
        with inside(self.acme):
            url = billing.checkout(plan, by=self.by)
        return sandbox.pay(url.rsplit("/", 1)[1], **more)

    def ask(self, verb, *args, **more):
        """Ask billing for something, as alice, and have what the provider says of it worked."""
        self.proven("alice", "billing.cancel", self.acme.id)
        with inside(self.acme):
            verb(*args, by=self.by, **more)
        self.deliver()

    def events(self):
        """What the provider wants to post and hasn't yet, oldest first."""
        found = posted()
        self.told += map(sandbox.dialect().type_of, found)
        return found

    def accept(self, event):
        body, headers = sandbox.signed(event)
        return inbox.accept(self.provider.CHANNEL, self.provider.verify(body, headers), body, headers)

    def deliver(self, *events):
        """Take in the given events, or all that wait, and work until nothing is left; none may stay behind."""
        for event in events or self.events():
            self.accept(event)
        self.work()
        troubled = WebhookEvent.select().where(WebhookEvent.status.in_(WebhookEvent.UNSETTLED))
        assert [(event.type, event.error) for event in troubled] == []

    def work(self):
        """As the jobs do, also what has to be tried again later."""
        for _ in range(6):
            while inbox.work_off():
                pass
            writes(WebhookEvent.update(next_attempt_at=None).where(WebhookEvent.status == "failed").execute)()

    def passes(self, **delta):
        """Time goes by, here and there; what falls due there happens at its own moment."""
        until = self.clock.moment + timedelta(**delta)
        while (due := sandbox.next_due()) is not None and due <= until.timestamp():
            self.clock.moment = max(self.clock.moment, datetime.fromtimestamp(due, UTC))
            sandbox.advance()
        self.clock.moment = until

    def card(self, kind):
        for one in sandbox.find("customer"):
            sandbox.change_customer(one["id"], card=kind)

    def payment(self, nth=0):
        """The newest payment at the sandbox."""
        return sandbox.find("payment")[nth]

    @property
    def plan(self):
        with inside(self.acme):
            return grants.plan().key

    @property
    def row(self):
        with inside(self.acme):
            return Subscription.get()

    @property
    def payments(self):
        """(status, reason, amount, what came back) of each payment, the oldest first."""
        with inside(self.acme):
            rows = sorted(Payment.select(), key=lambda row: (row.created_at, row.id))
            return [(row.status, row.reason, row.amount, row.amount_refunded) for row in rows]


# --- buying ---------------------------------------------------------------------------------------------------


def test_what_is_bought_is_granted_once_the_provider_says_so(shop):
    held = shop.buy()
    assert shop.plan == "free"
    shop.deliver()
    assert (shop.plan, shop.row.status, shop.row.quantity) == ("pro_monthly", "active", 1)
    assert shop.row.provider_subscription_id == held["subscription"]
    assert (shop.row.provider, shop.row.purchaser) == (shop.name, shop.by.user)
    assert (shop.row.current_period_end_at - shop.clock()).days in range(28, 32)
    assert shop.payments == [("paid", "create", 1200, 0)]
    assert credit_standings.balance(shop.acme) == (1000, 1000)
    assert {event.status for event in WebhookEvent.select()} <= {"processed", "ignored"}


def test_the_page_one_returns_to_need_not_wait_for_a_webhook(shop):
    shop.buy()
    with inside(shop.acme):
        billing.confirm(by=shop.by)
    assert (shop.plan, shop.row.status, shop.payments) == ("pro_monthly", "active", [("paid", "create", 1200, 0)])
    before = trials.state(shop.acme)
    shop.deliver()
    assert changed(shop, before) == {}


def test_a_second_subscription_is_refused(shop):
    shop.buy()
    shop.deliver()
    with inside(shop.acme), pytest.raises(billing.HasSubscription):
        billing.checkout("pro_yearly", by=shop.by)


def test_what_is_bought_once_is_a_licence_and_lasts(shop):
    shop.buy("pro_lifetime")
    shop.deliver()
    assert (shop.plan, shop.payments) == ("pro_lifetime", [("paid", "once", 24000, 0)])
    with inside(shop.acme):
        (licence,) = Licence.select()
        id = licence.payment.provider_payment_id
        assert (licence.plan_key, licence.ended_at, Subscription.select().count()) == ("pro_lifetime", None, 0)
        assert {grant.expires_at for grant in Grant.active()} == {None}
    shop.passes(days=800)
    assert shop.plan == "pro_lifetime"
    shop.provider.refund(id, None, "back")
    shop.deliver()
    assert (shop.plan, shop.payments) == ("free", [("paid", "once", 24000, 24000)])


# --- renewals -------------------------------------------------------------------------------------------------


def test_a_renewal_brings_the_next_period_and_fresh_credits(shop):
    shop.buy()
    shop.deliver()
    first = shop.row.current_period_end_at
    credits.spend(shop.acme, 400, key="used", feature="a test")
    assert credit_standings.balance(shop.acme) == (600, 1000)
    shop.passes(days=31)
    shop.deliver()
    assert (shop.plan, shop.row.status) == ("pro_monthly", "active")
    assert shop.row.current_period_end_at > first + timedelta(days=27)
    assert shop.payments == [("paid", "create", 1200, 0), ("paid", "cycle", 1200, 0)]
    assert credit_standings.balance(shop.acme) == (1000, 1000)


def test_a_renewal_that_fails_keeps_the_plan_a_while_and_recovers(shop):
    shop.buy()
    shop.deliver()
    shop.card("declined")
    failed_at = shop.row.current_period_end_at
    shop.passes(days=31)
    shop.deliver()
    row = shop.row
    assert (shop.plan, row.status) == ("pro_monthly", "past_due")
    assert abs(row.unpaid_since_at - failed_at) < timedelta(hours=1)
    assert shop.payments == [("paid", "create", 1200, 0), ("failed", "cycle", 1200, 0)]
    shop.card("ok")
    shop.passes(days=4)
    shop.deliver()
    assert (shop.plan, shop.row.status, shop.row.unpaid_since_at) == ("pro_monthly", "active", None)
    assert shop.payments == [("paid", "create", 1200, 0), ("paid", "cycle", 1200, 0)]


def test_a_renewal_that_is_never_paid_ends_the_plan(shop):
    shop.buy()
    shop.deliver()
    shop.card("declined")
    shop.passes(days=60)
    shop.deliver()
    assert (shop.plan, shop.row.status) == ("free", "canceled")
    assert shop.payments[0] == ("paid", "create", 1200, 0)
    assert {status for status, *_ in shop.payments[1:]} <= {"failed", "void"}


# --- cancelling, changing, pausing ----------------------------------------------------------------------------


def test_a_plan_that_is_cancelled_lasts_to_its_end_and_may_be_kept(shop):
    shop.buy()
    shop.deliver()
    end = shop.row.current_period_end_at
    shop.ask(billing.set_cancel_at_period_end, True)
    assert (shop.plan, shop.row.cancel_at_period_end, shop.row.cancel_at) == ("pro_monthly", True, end)
    shop.ask(billing.set_cancel_at_period_end, False)
    assert (shop.plan, shop.row.cancel_at_period_end, shop.row.cancel_at) == ("pro_monthly", False, None)
    shop.ask(billing.set_cancel_at_period_end, True)
    shop.passes(days=29)
    shop.deliver()
    assert (shop.plan, shop.row.status) == ("pro_monthly", "active")
    shop.passes(days=3)
    shop.deliver()
    assert (shop.plan, shop.row.status, shop.payments) == ("free", "canceled", [("paid", "create", 1200, 0)])
    with inside(shop.acme):
        assert billing.checkout("pro_monthly", by=shop.by)  # and may be bought again


def test_a_change_of_plan_is_charged_in_part_and_begins_at_once(shop):
    shop.buy()
    shop.deliver()
    shop.passes(days=15)
    shop.ask(billing.change, "pro_yearly")
    assert (shop.plan, shop.row.status, shop.row.pending_plan_key) == ("pro_yearly", "active", None)
    assert (shop.row.current_period_end_at - shop.clock()).days in (364, 365)
    (first, then) = shop.payments
    assert first == ("paid", "create", 1200, 0)
    assert then == ("paid", "update", 12000 - 600, 0)
    assert shop.row.provider_price_id == prices(shop)["pro_yearly"]
    with inside(shop.acme), pytest.raises(Refused, match="already"):
        billing.change("pro_yearly", by=shop.by)


def test_a_change_whose_payment_fails(shop):
    """Stripe and Polar leave the plan as it was; Lemon Squeezy changes it, and the subscription owes the money."""
    shop.buy()
    shop.deliver()
    shop.card("declined")
    if shop.name == "polar":
        with pytest.raises(CannotDo, match="didn't go through"):
            shop.ask(billing.change, "pro_yearly")
        shop.deliver()
    else:
        shop.ask(billing.change, "pro_yearly")
    changed = shop.name == "lemon_squeezy"
    assert shop.row.status == ("past_due" if changed else "active")
    assert (shop.row.plan_key, shop.row.pending_plan_key) == {
        "stripe": ("pro_monthly", "pro_yearly"),
        "polar": ("pro_monthly", None),
        "lemon_squeezy": ("pro_yearly", None),
    }[shop.name]


def test_more_seats_are_charged_in_part(shop):
    by_seat = ["feature.pro", "workspace.members.invite", "workspace.members.limit.seats", "billing.portal"]
    writes(PlanOverride.create)(key="pro_monthly", capabilities=by_seat)
    plans.forget()
    shop.buy()
    shop.deliver()
    shop.passes(days=15)
    shop.ask(billing.change, "pro_monthly", 3)
    assert (shop.plan, shop.row.quantity) == ("pro_monthly", 3)
    assert shop.payments[1:] == [("paid", "update", 1200, 0)]


def test_a_pause_rests_the_payments_and_ends(shop):
    shop.buy()
    shop.deliver()
    shop.ask(billing.pause, 2)
    assert (shop.plan, shop.row.status, shop.row.collection_paused) == ("pro_monthly", "active", True)
    assert shop.row.resumes_at == shop.row.current_period_end_at + timedelta(days=60)
    shop.ask(billing.unpause)
    assert (shop.plan, shop.row.collection_paused) == ("pro_monthly", False)
    shop.ask(billing.pause, 2)
    shop.passes(days=45)
    shop.deliver()
    assert (shop.plan, shop.row.collection_paused) == ("free", True)
    assert [one for one in shop.payments if one[0] == "paid"] == [("paid", "create", 1200, 0)]
    shop.passes(days=60)
    shop.deliver()
    assert (shop.plan, shop.row.status, shop.row.collection_paused) == ("pro_monthly", "active", False)


@pytest.mark.parametrize("speaking", ["stripe", "lemon_squeezy"], indirect=True)
@pytest.mark.parametrize("leaves", [False, True])
def test_a_period_that_began_in_a_pause_is_no_gift(shop, leaves):
    shop.buy()
    shop.deliver()
    shop.ask(billing.pause, 2)
    shop.passes(days=45)
    shop.deliver()
    shop.ask(billing.unpause)
    if leaves:
        shop.ask(billing.set_cancel_at_period_end, True)
    shop.deliver()
    assert (shop.plan, shop.row.status, shop.row.collection_paused) == ("free", "active", False)
    shop.passes(days=31)
    shop.deliver()
    assert shop.plan == ("free" if leaves else "pro_monthly")


# --- refunds and disputes -------------------------------------------------------------------------------------


def test_a_partial_refund_takes_nothing_away_and_a_full_one_does(shop):
    shop.buy()
    shop.deliver()
    with inside(shop.acme):
        id = Payment.get().provider_payment_id
    shop.provider.refund(id, 500, "part")
    shop.deliver()
    assert (shop.plan, shop.payments) == ("pro_monthly", [("paid", "create", 1200, 500)])
    with pytest.raises((CannotDo, ProviderFailed)):
        shop.provider.refund(id, 701, "too much")
    shop.provider.refund(id, None, "rest")
    shop.deliver()
    assert (shop.plan, shop.payments) == ("free", [("paid", "create", 1200, 1200)])


def test_a_refund_made_at_the_provider_is_heard_of(shop):
    shop.buy()
    shop.deliver()
    sandbox.refund(shop.payment()["id"], 300)
    sandbox.refund(shop.payment()["id"], 400)
    shop.deliver()
    assert shop.payments == [("paid", "create", 1200, 700)]


# Lemon Squeezy has neither events nor an API for disputes.
@pytest.mark.parametrize("speaking", [name for name in DIALECTS if name != "lemon_squeezy"], indirect=True)
def test_a_dispute_freezes_what_was_paid_for(shop):
    """Stripe tells of it, Polar is asked for it."""
    shop.buy()
    shop.deliver()
    dispute = sandbox.dispute(shop.payment()["id"])
    listen(shop)
    assert shop.plan == "free"
    sandbox.settle_dispute(dispute["id"], True)
    listen(shop)
    assert shop.plan == "pro_monthly"


@pytest.mark.parametrize("speaking", ["lemon_squeezy"], indirect=True)
@pytest.mark.parametrize("plan", ["pro_monthly", "pro_lifetime"])
def test_billing_f06_what_is_called_a_fraud_grants_nothing_and_admins_hear_of_it(shop, cast, plan):
    shop.buy(plan)
    shop.deliver()
    assert shop.plan == plan
    writes(sandbox.put)(shop.payment() | {"fraud": True})
    for _ in range(2):
        listen(shop)
    assert (shop.plan, shop.payments[0][0]) == ("free", "paid")
    jobs.run("outgoing")
    told = list(Notification.select().where(Notification.type == "system.billing"))
    assert [(one.recipient, "fraud" in one.title) for one in told] == [(cast.stella, True)]


def listen(shop):
    """The events, and what the night's comparison would find."""
    shop.deliver()
    for page in shop.provider.list_since(shop.clock() - timedelta(days=2)):
        billing.apply(page)


# --- any order ------------------------------------------------------------------------------------------------


def a_long_story(shop):
    """All events of some months in a subscription's life; none is delivered, and no two acts are at one moment."""
    shop.buy()
    shop.passes(days=31)
    shop.card("declined")
    shop.passes(days=31)
    shop.card("ok")
    shop.passes(days=4)
    (held,) = sandbox.subscriptions()
    newest, older = shop.payment()["id"], shop.payment(1)["id"]
    acts = [
        lambda: sandbox.refund(newest, 200),
        lambda: sandbox.refund(older, 700),
        lambda: sandbox.refund(older),
        lambda: sandbox.schedule_end(held["id"], True),
        lambda: sandbox.schedule_end(held["id"], False),
        lambda: sandbox.change(held["id"], prices(shop)["pro_yearly"], 1, behavior="always_invoice"),
    ]
    for act in acts:
        shop.passes(minutes=5)
        act()
    events = shop.events()
    assert len(events) > 15
    return events


def changed(shop, found):
    """What stands otherwise now than it was found."""
    now = trials.state(shop.acme)
    return {
        (*key, name): (value, now.get(key, {}).get(name))
        for key, columns in found.items()
        for name, value in columns.items()
        if value != now.get(key, {}).get(name)
    } | {key: now[key] for key in now.keys() - found.keys()}


def prices(shop):
    return sandbox.account().prices


@pytest.mark.parametrize("order", ["reversed", "twice"])
def test_events_in_any_order_and_number_end_in_the_same_rows(shop, order):
    events = a_long_story(shop)
    shop.deliver(*{"reversed": events[::-1], "twice": events * 2}[order])
    found = trials.state(shop.acme)
    assert (shop.plan, shop.row.status) == ("pro_yearly", "active")
    *old, change = sorted(shop.payments, key=lambda payment: (payment[2], payment[3]))
    assert old == [("paid", "create", 1200, 0), ("paid", "cycle", 1200, 200), ("paid", "cycle", 1200, 1200)]
    assert change[:2] == ("paid", "update")
    assert 12000 - 1200 < change[2] < 12000
    for again in (events, events[::-1]):
        writes(WebhookEvent.delete().execute)()
        shop.clock.forward(minutes=1)
        shop.deliver(*again)
        assert changed(shop, found) == {}
    (id,) = {which for what, which in found if what == "subscription"}
    billing.apply(shop.provider.refetch(id))
    assert changed(shop, found) == {}


def test_an_event_that_comes_twice_is_worked_once(shop):
    shop.buy()
    events = shop.events()
    assert [shop.accept(event) for event in events] == [True] * len(events)
    assert [shop.accept(event) for event in events] == [False] * len(events)
    shop.work()
    assert WebhookEvent.select().count() == len(events)
    assert shop.payments == [("paid", "create", 1200, 0)]


# --- the wire -------------------------------------------------------------------------------------------------


def test_only_a_right_signature_is_believed(shop):
    shop.buy()
    event = shop.events()[0]
    body, headers = sandbox.signed(event)
    assert shop.provider.verify(body, headers).type == sandbox.dialect().type_of(event)
    for bad in (body + b" ", body[:-1], json.dumps({"a": 1}).encode()):
        with pytest.raises(BadSignature):
            shop.provider.verify(bad, headers)
    other, theirs = sandbox.dialect().signed(event, "whsec_" + "ab" * 32)
    with pytest.raises(BadSignature):
        shop.provider.verify(other, theirs)
    speak(shop.name, secret_key="x" * 40)
    with pytest.raises(BadSignature):
        shop.provider.verify(body, headers)


def test_check_3_only_the_active_providers_route_is_there_and_without_a_secret_it_takes_nothing(shop, web):
    shop.buy()
    body, headers = sandbox.signed(shop.events()[0])
    browser = web.test_client()
    paths = {name: f"/webhooks/{DIALECTS[name].PATH}" for name in DIALECTS}
    for name, path in paths.items():
        answer = browser.post(path, data=body, headers=headers)
        assert answer.status_code == (200 if name == shop.name else 404)
    assert WebhookEvent.select().count() == 1
    assert browser.post(paths[shop.name], data=body + b" ", headers=headers).status_code == 400
    real = {"billing_provider": shop.name, "payment_key": "k", "payment_prices": {"pro_monthly": "1"}}
    configuration.use(dataclasses.replace(configuration.active, **real, payment_webhook_secrets=()))
    assert browser.post(paths[shop.name], data=body, headers=headers).status_code == 503
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert [browser.post(path, data=body, headers=headers).status_code for path in paths.values()] == [404] * 3
    assert WebhookEvent.select().count() == 1


def test_the_catalog_is_what_the_sandbox_sells(shop):
    sold = {price["id"]: price for page in shop.provider.all_prices() for price in page}
    assert {price["product"] for price in sold.values()} == {
        product["id"] for page in shop.provider.products() for product in page
    }
    for plan, (amount, interval) in sandbox.AMOUNTS.items():
        price = sold.pop(prices(shop)[plan])
        assert (price["amount"], price["currency"].upper(), price["interval"]) == (amount, "USD", interval or "")
        assert price["active"]
    assert sold == {}


def test_all_that_runs_is_listed_for_the_nightly_comparison(shop):
    shop.buy()
    shop.deliver()
    listed = [fact for page in shop.provider.list_active() for fact in page]
    assert [(fact.id, fact.status) for fact in listed] == [(shop.row.provider_subscription_id, "active")]
    before = trials.state(shop.acme)
    writes(GrantSource.delete().execute)()
    for page in shop.provider.list_since(shop.clock() - timedelta(days=1)):
        billing.apply(page)
    assert changed(shop, before) == {}
    shop.provider.end(shop.row.provider_subscription_id, "end")
    shop.passes(days=32)
    assert [fact for page in shop.provider.list_active() for fact in page] == []


def test_what_never_came_is_found_by_asking(shop):
    sandbox.mischief("seed", drop=1.0)
    shop.buy()
    shop.passes(days=31)
    sandbox.mischief(None)
    assert (shop.events(), shop.plan) == ([], "free")
    since = shop.clock() - timedelta(days=40)
    missed = list(shop.provider.missed(since))
    assert bool(missed) == ("missed" in shop.provider.CAN)
    inbox.accept_missed(shop.provider.CHANNEL, missed)
    shop.work()
    assert shop.plan == ("pro_monthly" if missed else "free")
    for page in shop.provider.list_since(since):
        billing.apply(page)
    assert (shop.plan, shop.row.status) == ("pro_monthly", "active")
    assert sorted(shop.payments) == [("paid", "create", 1200, 0), ("paid", "cycle", 1200, 0)]


@pytest.mark.parametrize("speaking", ["stripe"], indirect=True)  # the others tell of no slow debits
@pytest.mark.parametrize(
    ("card", "status", "plan"), [("debit", "paid", "pro_lifetime"), ("debit_fails", "failed", "free")]
)
def test_billing_f15_a_slow_purchase_ends_as_it_stands_though_no_event_came(shop, card, status, plan):
    since = shop.clock()
    sandbox.mischief("seed", drop=1.0)
    shop.buy("pro_lifetime", card=card)
    for page in shop.provider.list_since(since):
        billing.apply(page)
    assert (shop.payments, shop.plan) == ([], "free")  # it is on its way
    shop.passes(days=4)
    for page in shop.provider.list_since(since):
        billing.apply(page)
    assert (shop.payments, shop.plan) == ([(status, "once", 24000, 0)], plan)


def test_a_call_that_fails_is_the_providers_failure_and_can_be_made_again(shop):
    sandbox.mischief("seed", fail=1.0)
    with inside(shop.acme), pytest.raises(ProviderFailed):
        billing.checkout("pro_monthly", by=shop.by)
    sandbox.mischief(None)
    shop.buy()
    shop.deliver()
    assert (shop.plan, len(sandbox.find("customer"))) == ("pro_monthly", 1)


def test_the_portal_is_a_page_of_the_sandbox(shop):
    shop.buy()
    shop.deliver()
    (customer,) = sandbox.find("customer")
    url = shop.provider.portal(customer["id"], "https://hall.example/acme/billing", "key")
    assert sandbox.get(url.rsplit("/", 1)[1], "portal")["customer"] == customer["id"]
