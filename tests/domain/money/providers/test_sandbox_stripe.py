"""The sandbox in Stripe's words, asked by Stripe's own library."""

import json

import pytest
import stripe as library

from domain.money.providers import sandbox
from domain.money.providers.sandbox import records, selling
from domain.money.providers.sandbox import stripe as spoken
from domain.money.providers.sandbox.stripe import lists
from models import Outgoing

MONTHLY, YEARLY, LIFETIME = sandbox.PRICES.values()
BACK = {"success_url": "http://localhost/back", "cancel_url": "http://localhost/no"}


@pytest.fixture
def api(house, clock):
    return library.StripeClient("sk_test_sandbox", http_client=sandbox.HTTPClient()).v1


@pytest.fixture
def customer(api):
    return api.customers.create({"email": "alice@example.org", "metadata": {"organization": "org_1"}}).id


@pytest.fixture
def buy(api, customer):
    """`buy(YEARLY, card="debit")`: through a checkout; returns the session."""

    def through(price=MONTHLY, card="ok", **more):
        kind = "payment" if price == LIFETIME else "subscription"
        params = {"mode": kind, "customer": customer, "line_items": [{"price": price, "quantity": 1}], **BACK, **more}
        made = api.checkout.sessions.create(params)
        sandbox.pay(made.id, card)
        return api.checkout.sessions.retrieve(made.id)

    return through


def events(*types):
    rows = Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.id)
    return [row.payload for row in rows if not types or row.payload["type"] in types]


def item(subscription):
    return subscription["items"]["data"][0]["id"]


def test_a_checkout_is_opened_paid_and_looked_at(api, customer):
    ours = {"organization": "org_1", "plan": "pro_monthly"}
    params = {
        "mode": "subscription",
        "customer": customer,
        "line_items": [{"price": MONTHLY, "quantity": 3}],
        "client_reference_id": "org_1",
        "metadata": ours,
        "subscription_data": {"metadata": ours},
        **BACK,
    }
    made = api.checkout.sessions.create(params)
    assert (made.status, made.payment_status, made.amount_total, made.subscription) == ("open", "unpaid", 3600, None)
    assert made.url == f"http://localhost/sandbox/checkout/{made.id}"
    assert made.expires_at == made.created + 86400
    sandbox.pay(made.id)
    wanted = ["customer", "line_items", "subscription.latest_invoice"]
    paid = api.checkout.sessions.retrieve(made.id, {"expand": wanted}).to_dict()
    assert (paid["status"], paid["payment_status"], paid["url"], paid["metadata"]) == ("complete", "paid", None, ours)
    assert (paid["customer"]["email"], paid["line_items"]["data"][0]["price"]["id"]) == ("alice@example.org", MONTHLY)
    assert paid["subscription"]["metadata"] == ours
    assert paid["subscription"]["items"]["data"][0]["quantity"] == 3
    assert paid["subscription"]["latest_invoice"]["id"] == paid["invoice"]
    with pytest.raises(library.InvalidRequestError):
        api.checkout.sessions.expire(made.id)


def test_a_trial_is_a_checkout_without_a_payment(api, buy):
    data = {"trial_period_days": 14, "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}}}
    session = buy(card=None, subscription_data=data, payment_method_collection="if_required")
    assert (session.payment_status, session.amount_total) == ("no_payment_required", 0)
    subscription = api.subscriptions.retrieve(session.subscription).to_dict()
    assert (subscription["status"], subscription["trial_end"]) == ("trialing", subscription["created"] + 14 * 86400)
    assert subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel"


def test_a_subscription_shows_its_period_on_its_item(api, buy):
    id = buy().subscription
    subscription = api.subscriptions.retrieve(id, {"expand": ["latest_invoice.payments"]}).to_dict()
    (line,) = subscription["items"]["data"]
    assert line["price"]["recurring"]["interval"] == "month"
    assert line["current_period_end"] == selling.later(line["current_period_start"], "month")
    assert "current_period_end" not in subscription
    invoice = subscription["latest_invoice"]
    assert (invoice["status"], invoice["amount_paid"], invoice["billing_reason"]) == (
        "paid",
        1200,
        "subscription_create",
    )
    assert invoice["parent"]["subscription_details"]["subscription"] == id
    assert invoice["lines"]["data"][0]["pricing"]["price_details"]["price"] == MONTHLY
    assert invoice["lines"]["data"][0]["parent"]["subscription_item_details"]["proration"] is False
    assert invoice["status_transitions"]["paid_at"] == invoice["created"]
    intent = invoice["payments"]["data"][0]["payment"]["payment_intent"]
    assert api.invoices.line_items.list(invoice["id"]).data[0].amount == 1200
    paid = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert [one.invoice for one in api.invoice_payments.list(paid).data] == [invoice["id"]]
    assert api.payment_intents.retrieve(intent, {"expand": ["latest_charge"]}).latest_charge.paid is True


def test_what_is_bought_once_is_found_by_its_intent_and_has_no_invoice(api, buy):
    session = buy(LIFETIME, payment_intent_data={"metadata": {"checkout": "c1"}})
    assert (session.payment_status, session.invoice, session.subscription) == ("paid", None, None)
    listed = api.checkout.sessions.list({"payment_intent": session.payment_intent})
    assert [one.id for one in listed.data] == [session.id]
    assert api.payment_intents.retrieve(session.payment_intent).metadata["checkout"] == "c1"
    paid = {"payment": {"type": "payment_intent", "payment_intent": session.payment_intent}}
    assert (api.invoices.list().data, api.invoice_payments.list(paid).data) == ([], [])
    assert {event["type"] for event in events()} >= {"payment_intent.succeeded", "checkout.session.completed"}
    assert [event for event in events() if event["type"].startswith("invoice.")] == []


def test_subscriptions_are_listed_by_status_customer_and_page(api, customer, buy):
    ids = [buy().subscription for _ in range(3)]
    api.subscriptions.cancel(ids[0])
    assert [one.id for one in api.subscriptions.list().data] == [ids[2], ids[1]]
    assert [one.id for one in api.subscriptions.list({"status": "all"}).data] == ids[::-1]
    assert [one.id for one in api.subscriptions.list({"status": "ended"}).data] == ids[:1]
    assert api.subscriptions.list({"customer": "cus_other"}).data == []
    first = api.subscriptions.list(
        {"status": "all", "limit": 2, "customer": customer, "expand": ["data.latest_invoice"]}
    )
    assert (first.has_more, first.data[0].latest_invoice.status) == (True, "paid")
    assert [one.id for one in api.subscriptions.list({"status": "all", "limit": 1}).auto_paging_iter()] == ids[::-1]


def test_invoices_are_listed_from_a_moment_on(api, buy, clock):
    id = buy().subscription
    began = int(clock().timestamp())
    sandbox.advance(days=40)
    assert len(api.invoices.list({"subscription": id, "created": {"gte": began}}).data) == 2
    assert len(api.invoices.list({"subscription": id, "created": {"gte": began + 1}}).data) == 1
    assert len(api.invoices.list({"subscription": id, "created": {"gt": began, "lt": began + 1}}).data) == 0
    assert api.invoices.list({"status": "open"}).data == []


def test_a_preview_is_what_the_change_then_charges(api, buy):
    id = buy().subscription
    sandbox.advance(days=10)
    subscription = api.subscriptions.retrieve(id)
    at, line = sandbox.clock(), {"id": item(subscription), "price": YEARLY}
    details = {"items": [line], "proration_date": at, "proration_behavior": "always_invoice"}
    shown = api.invoices.create_preview({"subscription": id, "subscription_details": details}).to_dict()
    prorated = [each["parent"]["subscription_item_details"]["proration"] for each in shown["lines"]["data"]]
    assert prorated == [True, False]
    assert [each["amount"] for each in shown["lines"]["data"]] == [-800, 12000]
    sandbox.advance(days=1)
    change = {
        "items": [line],
        "proration_date": at,
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
        "expand": ["latest_invoice"],
    }
    changed = api.subscriptions.update(id, change)
    assert changed.latest_invoice.amount_paid == shown["amount_due"] == 11200
    assert (changed["items"].data[0].price.id, changed.pending_update) == (YEARLY, None)


def test_a_preview_without_a_change_is_the_next_invoice(api, buy):
    id = buy().subscription
    shown = api.invoices.create_preview({"subscription": id})
    assert (shown.amount_due, shown.billing_reason, len(shown.lines.data)) == (1200, "subscription_cycle", 1)
    assert len(api.invoices.list().data) == 1  # nothing was made


def test_a_change_that_waits_shows_what_it_will_be(api, buy, customer):
    id = buy(card="fails_later").subscription
    line = {"id": item(api.subscriptions.retrieve(id)), "price": YEARLY}
    changed = api.subscriptions.update(id, {"items": [line], "payment_behavior": "pending_if_incomplete"})
    assert changed["items"].data[0].price.id == MONTHLY
    assert changed.pending_update.subscription_items[0].price.id == YEARLY
    assert changed.pending_update.expires_at == sandbox.clock() + 23 * 3600
    with pytest.raises(library.CardError) as refused:
        api.subscriptions.update(id, {"items": [line], "payment_behavior": "error_if_incomplete"})
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    with pytest.raises(library.InvalidRequestError):
        api.subscriptions.update(
            id, {"items": [line], "payment_behavior": "pending_if_incomplete", "metadata": {"a": "b"}}
        )
    sandbox.change_customer(customer, card="ok")
    assert api.invoices.pay(changed.latest_invoice).status == "paid"
    assert api.subscriptions.retrieve(id)["items"].data[0].price.id == YEARLY


def test_a_subscription_is_cancelled_paused_and_annotated(api, buy):
    id = buy().subscription
    ends = api.subscriptions.retrieve(id)["items"].data[0].current_period_end
    assert api.subscriptions.update(id, {"cancel_at_period_end": True}).cancel_at == ends
    assert api.subscriptions.update(id, {"cancel_at_period_end": False}).cancel_at is None
    assert api.subscriptions.update(id, {"cancel_at": ends - 5}).cancel_at == ends - 5
    assert api.subscriptions.update(id, {"cancel_at": ""}).cancel_at is None
    paused = api.subscriptions.update(id, {"pause_collection": {"behavior": "void", "resumes_at": ends + 9}})
    assert (paused.status, paused.pause_collection.to_dict()) == (
        "active",
        {"behavior": "void", "resumes_at": ends + 9},
    )
    assert api.subscriptions.update(id, {"pause_collection": ""}).pause_collection is None
    assert api.subscriptions.update(id, {"metadata": {"a": "1", "b": "2"}}).metadata.to_dict() == {"a": "1", "b": "2"}
    assert api.subscriptions.update(id, {"metadata": {"a": ""}}).metadata.to_dict() == {"b": "2"}
    assert api.subscriptions.update(id, {"trial_end": ends + 60}).status == "trialing"
    assert api.subscriptions.update(id, {"trial_end": "now"}).status == "active"
    assert api.subscriptions.cancel(id).status == "canceled"
    with pytest.raises(library.InvalidRequestError) as refused:
        api.subscriptions.cancel(id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_a_subscription_made_by_the_api_is_incomplete_until_it_is_paid(api, customer):
    made = api.subscriptions.create({"customer": customer, "items": [{"price": MONTHLY}], "expand": ["latest_invoice"]})
    assert (made.status, made.latest_invoice.status) == ("incomplete", "open")
    with pytest.raises(library.CardError):
        api.invoices.pay(made.latest_invoice.id)
    assert api.invoices.void_invoice(made.latest_invoice.id).status == "void"


def test_refunds_and_disputes_are_found_by_intent_and_charge(api, buy):
    session = buy(LIFETIME)
    intent = session.payment_intent
    charge = api.payment_intents.retrieve(intent).latest_charge
    first = api.refunds.create({"payment_intent": intent, "amount": 1000, "metadata": {"why": "late"}})
    api.refunds.create({"charge": charge, "amount": 500})
    assert (first.status, first.charge, first.metadata["why"]) == ("succeeded", charge, "late")
    shown = api.charges.retrieve(charge, {"expand": ["refunds"]})
    assert (shown.amount_refunded, shown.refunded, len(shown.refunds.data)) == (1500, False, 2)
    assert [one.amount for one in api.refunds.list({"charge": charge}).data] == [500, 1000]
    with pytest.raises(library.InvalidRequestError) as refused:
        api.refunds.create({"payment_intent": intent, "amount": 24000})
    assert refused.value.param == "amount"
    sandbox.fail_refund(first.id)
    assert api.refunds.retrieve(first.id).status == "failed"
    assert api.charges.retrieve(charge).amount_refunded == 500
    made = sandbox.dispute(intent)["id"]
    dispute = api.disputes.list({"payment_intent": intent}).data[0]
    assert (dispute.id, dispute.status, dispute.charge) == (made, "needs_response", charge)
    assert not hasattr(dispute, "customer")
    sandbox.settle_dispute(made, False)
    assert api.disputes.retrieve(made).status == "lost"
    assert api.charges.retrieve(charge).disputed is True


def test_a_customer_is_changed_and_deleted(api, customer, buy):
    subscription = buy().subscription
    assert api.customers.update(customer, {"email": "new@example.org"}).email == "new@example.org"
    assert api.customers.retrieve(customer).metadata["organization"] == "org_1"
    assert api.customers.delete(customer).deleted is True
    assert api.customers.retrieve(customer).deleted is True
    assert api.subscriptions.retrieve(subscription).status == "canceled"
    gone = events("customer.deleted")[0]["data"]["object"]
    assert (gone["id"], gone["email"]) == (customer, "new@example.org")
    with pytest.raises(library.InvalidRequestError):
        api.customers.update(customer, {"email": "x@example.org"})


def test_the_portal_has_an_address(api, customer):
    made = api.billing_portal.sessions.create({"customer": customer, "return_url": "http://localhost/back"})
    assert made.url == f"http://localhost/sandbox/portal/{made.id}"


def test_it_lists_what_it_sells(api):
    prices = api.prices.list({"active": True, "limit": 1})
    assert (prices.has_more, len(prices.data)) == (True, 1)
    assert [price.id for price in prices.auto_paging_iter()] == list(sandbox.PRICES.values())
    lifetime = api.prices.retrieve(LIFETIME)
    assert (lifetime.type, lifetime.recurring, lifetime.unit_amount) == ("one_time", None, 24000)
    (product,) = api.products.list().data
    assert {price.product for price in prices.data} == {product.id}
    assert api.prices.list({"active": False}).data == []


# --- errors and keys ----------------------------------------------------------------------------------------------


def test_what_is_not_there_is_a_404_with_stripes_words(api):
    for ask in (
        lambda: api.subscriptions.retrieve("sub_nonsense"),
        lambda: api.customers.retrieve("cus_nonsense"),
        lambda: api.charges.retrieve("ch_nonsense"),
        lambda: api.invoices.retrieve("sub_nonsense"),
        lambda: api.prices.list({"starting_after": "price_nonsense"}),
    ):
        with pytest.raises(library.InvalidRequestError) as refused:
            ask()
        assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


def test_what_makes_no_sense_is_a_400_that_names_the_parameter(api, customer, buy):
    id = buy().subscription
    for ask, param in (
        (lambda: api.checkout.sessions.create({"mode": "gift", "line_items": [{"price": MONTHLY}], **BACK}), "mode"),
        (lambda: api.checkout.sessions.create({"mode": "payment", "line_items": [], **BACK}), "line_items"),
        (lambda: api.subscriptions.update(id, {"cancel_at_period_end": "perhaps"}), "cancel_at_period_end"),
        (lambda: api.subscriptions.update(id, {"items": [{"id": "si_other", "quantity": 2}]}), "items[0][id]"),
        (lambda: api.subscriptions.update(id, {"items": [{"price": LIFETIME}]}), "items[0][id]"),
        (lambda: api.invoices.list({"limit": -1}), "limit"),
        (lambda: api.invoices.list({"created": {"gte": "yesterday"}}), "gte"),
        (lambda: api.invoices.list({"created": {"about": 5}}), "created"),
        (lambda: api.subscriptions.retrieve(id, {"expand": ["nonsense"]}), "expand"),
        (lambda: api.refunds.create({}), "charge"),
        (lambda: api.customers.create({"emial": "alice@example.org"}), "emial"),
    ):
        with pytest.raises(library.InvalidRequestError) as refused:
            ask()
        assert (refused.value.http_status, refused.value.param) == (400, param)


def test_an_unknown_route_is_a_404_and_a_wrong_key_a_401(api):
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    assert spoken.answer("GET", "/v1/nonsense", "", "", headers)[0] == 404
    assert spoken.answer("PATCH", "/v1/customers", "", "", headers)[0] == 404
    for wrong in (
        {},
        {"Authorization": "Bearer sk_live_1"},
        {"Authorization": "Basic bm9uc2Vuc2U6"},
        {"Authorization": "Basic é"},
    ):
        status, _, text = spoken.answer("GET", "/v1/customers", "", "", wrong)
        assert (status, json.loads(text)["error"]["type"]) == (401, "invalid_request_error")
    assert spoken.answer("GET", "/v1/customers", "", "", {"authorization": "Basic c2tfdGVzdF9zYW5kYm94Og=="})[0] == 200


def test_the_same_key_gets_the_same_answer_and_does_nothing_again(api):
    options = {"idempotency_key": "once"}
    first = api.customers.create({"email": "a@example.org"}, options)
    again = api.customers.create({"email": "a@example.org"}, options)
    assert (first.id, len(api.customers.list().data)) == (again.id, 1)
    with pytest.raises(library.IdempotencyError) as refused:
        api.customers.create({"email": "b@example.org"}, options)
    assert refused.value.http_status == 400
    with pytest.raises(library.IdempotencyError):
        api.subscriptions.create({"email": "a@example.org"}, options)
    sandbox.advance(days=1.1)
    assert api.customers.create({"email": "b@example.org"}, options).id != first.id


def test_a_declined_payment_is_kept_with_its_key_and_a_mistake_is_not(api, customer):
    made = api.subscriptions.create({"customer": customer, "items": [{"price": MONTHLY}]})
    for _ in range(2):
        with pytest.raises(library.CardError):
            api.invoices.pay(made.latest_invoice, {}, {"idempotency_key": "pay"})
        sandbox.change_customer(customer, card="ok")
    assert api.invoices.retrieve(made.latest_invoice).status == "open"
    with pytest.raises(library.InvalidRequestError):
        api.refunds.create({}, {"idempotency_key": "refund"})
    intent = api.payment_intents.list({"customer": customer}).data[0].id
    with pytest.raises(library.InvalidRequestError):  # another mistake, and no complaint about the key
        api.refunds.create({"payment_intent": intent}, {"idempotency_key": "refund"})


# --- events and mischief ------------------------------------------------------------------------------------------


def test_events_are_listed_with_their_delivery(api, buy):
    buy()
    listed = api.events.list({"types": ["invoice.paid", "customer.created"], "delivery_success": False})
    assert [event.type for event in listed.data] == ["invoice.paid", "customer.created"]
    assert api.events.list({"type": "invoice.paid"}).data[0].data.object.status == "paid"
    sandbox.delivered(listed.data[0].id)
    assert api.events.retrieve(listed.data[0].id).pending_webhooks == 0
    assert [e.type for e in api.events.list({"type": "invoice.paid", "delivery_success": True}).data] == [
        "invoice.paid"
    ]
    assert len(list(api.events.list({"limit": 3}).auto_paging_iter())) == len(events())


@pytest.mark.parametrize("kind", ["event", "checkout"])
def test_a_page_of_what_there_is_most_of_reads_some_of_it(api, buy, monkeypatch, kind):
    """There are as many as was ever sold, and whoever looks for missed ones or compares asks page by page."""
    for _ in range(7 if kind == "checkout" else 3):
        buy()
    collection = api.events if kind == "event" else api.checkout.sessions
    all_of_them = [one["id"] for one in records.find(kind)]
    monkeypatch.setattr(records, "PIECE", 2)
    monkeypatch.setattr(lists, "find", None)
    for limit in (1, 4):
        assert [one.id for one in collection.list({"limit": limit}).auto_paging_iter()] == all_of_them
    last = collection.list({"limit": 4, "starting_after": all_of_them[-5]})
    assert ([one.id for one in last.data], last.has_more) == (all_of_them[-4:], False)
    with pytest.raises(library.InvalidRequestError):
        collection.list({"starting_after": f"{all_of_them[0][:4]}nonsense"})
    if kind == "checkout":
        one = records.find("checkout")[2]
        for asked, ids in (
            ({"customer": one["customer"]}, all_of_them),
            ({"customer": "cus_nonsense"}, []),
            ({"subscription": one["subscription"], "status": "complete"}, [one["id"]]),
        ):
            assert [found.id for found in collection.list({"limit": 1} | asked).auto_paging_iter()] == ids


def test_an_update_says_what_it_was(api, buy):
    id = buy().subscription
    api.subscriptions.update(id, {"cancel_at_period_end": True})
    event = events("customer.subscription.updated")[-1]
    assert event["data"]["previous_attributes"] == {
        "cancel_at_period_end": False,
        "cancel_at": None,
        "canceled_at": None,
    }
    assert event["api_version"] == library.api_version
    assert event["data"]["object"]["cancel_at_period_end"] is True


def test_a_stumbling_api_is_made_good_by_retries_with_the_same_key(house, clock, monkeypatch):
    monkeypatch.setattr(library.HTTPClient, "_sleep_time_seconds", lambda *_: 0)
    patient = library.StripeClient("sk_test_sandbox", http_client=sandbox.HTTPClient(), max_network_retries=30).v1
    hasty = library.StripeClient("sk_test_sandbox", http_client=sandbox.HTTPClient()).v1
    sandbox.mischief(3, fail=1)
    with pytest.raises(library.APIError) as refused:
        hasty.customers.create({})
    assert refused.value.http_status == 500
    sandbox.mischief(3, fail=0.5)
    before = sandbox.settings()["drawn"]
    for number in range(10):
        patient.customers.create({"email": f"{number}@example.org"})
    assert sandbox.settings()["drawn"] - before > 10  # it did stumble on the way
    sandbox.mischief(None)
    emails = [one.email for one in hasty.customers.list({"limit": 100}).data if one.email]
    assert emails == [f"{number}@example.org" for number in reversed(range(10))]
