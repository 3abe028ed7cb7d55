import pytest

import jobs
from database.clock import now
from database.scope import everywhere, inside
from domain.money import billing, inbox, replays
from domain.money.providers import sandbox, stripe
from models import AuditEvent, Grant, PlanPrice, StaffRole, WebhookEvent
from tests.fixtures.threads import write

BASE = "/admin/webhooks"


@pytest.fixture
def stella(browse):
    return browse("stella")


@pytest.fixture
def bought(at, wire):
    """alice bought for Acme, and every webhook of it was worked."""
    stripe.wire._client.cache_clear()
    with inside(at("alice").organization):
        url = billing.checkout("pro_monthly", by=at("alice"))
    id = sandbox.pay(url.rsplit("/", 1)[1])["subscription"]
    assert set(wire()) == {200}
    return id


def make(id="evt_1", type="invoice.paid", body=b'{"id": "evt_1"}', status="received", **more):
    values = {"channel": "billing_stripe", "event_id": id, "type": type, "payload": body, "happened_at": now()}
    return write(WebhookEvent.create, status=status, **(values | more))


def of_type(type):
    return WebhookEvent.select().where(WebhookEvent.type == type).order_by(WebhookEvent.id.desc()).get()


def active():
    with everywhere("a test counts grants"):
        return Grant.active().count()


def audited(action):
    return AuditEvent.select().where(AuditEvent.action == action).count()


# --- the list ------------------------------------------------------------------------------------------------------


def test_an_empty_inbox_says_what_it_is_for(stella, said):
    assert "No webhooks yet" in said(stella.get(BASE))


def test_the_list_shows_what_came_and_what_became_of_it(stella, bought, said):
    make("evt_bad", "invoice.voided", status="buried", error="KeyError: 'data'", attempts=8)
    text = said(stella.get(BASE))
    for words in ("customer.subscription.created", bought, "Given up", "KeyError", "Replay all that failed"):
        assert words in text
    assert "invoice.voided" not in said(stella.get(f"{BASE}?status=processed"))
    assert "invoice.voided" in said(stella.get(f"{BASE}?q=evt_bad"))
    assert "Nothing fits" in said(stella.get(f"{BASE}?q=nothing-like-it"))
    assert "Nothing fits" in said(stella.get(f"{BASE}?status=failed"))


# --- one -----------------------------------------------------------------------------------------------------------


def test_the_page_of_an_event_shows_all_that_is_known_of_it(stella, bought, said):
    event = of_type("customer.subscription.created")
    text = said(stella.get(f"{BASE}/{event.id}"))
    for words in (
        event.event_id,
        "Acme",
        bought,
        "SubscriptionChanged",
        "Processed",
        "Stripe-Signature",
        "&#34;livemode&#34;",
    ):
        assert words in text, words
    assert stella.get(f"{BASE}/999999").status_code == 404


def test_a_body_is_downloaded_as_it_came_and_never_shown_by_the_browser(stella):
    raw = b'<script>alert(1)</script>\xff\r\n {"a":  1}'
    event = make(body=raw)
    response = stella.get(f"{BASE}/{event.id}/body")
    assert response.data == raw
    assert response.headers["Content-Disposition"] == f'attachment; filename="webhook-{event.id}.json"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.mimetype == "application/octet-stream"
    assert "<script>alert" not in stella.get(f"{BASE}/{event.id}").get_data(True)


def test_a_body_that_was_removed_is_said_to_be_gone(stella, said):
    event = make(body=b"", status="processed")
    assert "The body was removed after its time" in said(stella.get(f"{BASE}/{event.id}"))
    for verb in ("trial", "replay"):
        refused = stella.post(f"{BASE}/{event.id}/{verb}", headers={"Accept": "application/json"})
        assert (refused.status_code, refused.json["message"]) == (409, replays.GONE)


def test_an_attempt_shows_its_trace_and_a_fetched_event_says_so(stella, said):
    history = [{"at": now().isoformat(), "outcome": "failed", "ms": 1234, "trace": "KeyError: 'data' <b>"}]
    event = make(status="failed", history=history, headers={inbox.FETCHED: "x"}, attempts=1)
    text = said(stella.get(f"{BASE}/{event.id}"))
    assert "1,234 ms" in text
    assert "KeyError: &#39;data&#39; &lt;b&gt;" in text
    assert "It was fetched" in text


def test_a_trial_shows_before_and_after_and_keeps_nothing(stella, bought, said, hx, outline):
    with everywhere("a test takes grants away"):
        write(Grant.update(revoked_at=now()).execute)
    event = of_type("customer.subscription.created")
    response = stella.post(f"{BASE}/{event.id}/trial", headers=hx("event_trial"))
    assert outline(response)[0] == ["event_trial"]
    text = said(response)
    assert "and 3 more alike" in text
    assert "Active no yes" in text
    assert active() == 0
    assert "Active no yes" in said(stella.post(f"{BASE}/{event.id}/trial"))  # without script: the whole page
    assert audited("system.webhook_tried") == 2


def test_apply_works_even_a_settled_event(stella, bought, followed):
    with everywhere("a test takes grants away"):
        write(Grant.update(revoked_at=now()).execute)
    event = of_type("customer.subscription.created")
    assert "Worked: everything is as the provider says." in followed(stella, stella.post(f"{BASE}/{event.id}/replay"))
    assert active() == 4
    assert audited("system.webhook_replayed") == 1


def test_a_bad_body_is_a_sentence_in_trial_and_replay(stella, followed, said):
    event = make(body=b"\xff[")
    assert "It would be refused." in said(stella.post(f"{BASE}/{event.id}/trial"))
    assert "It failed: Stripe: this event can&#39;t be read" in followed(
        stella, stella.post(f"{BASE}/{event.id}/replay")
    )
    assert WebhookEvent.get().status == "failed"


def test_one_that_means_nothing_says_so(stella, followed, said):
    event = make(
        type="charge.updated", body=b'{"id":"e","type":"no.such","livemode":false,"created":1,"data":{"object":{}}}'
    )
    assert "an event of this kind means nothing" in said(stella.post(f"{BASE}/{event.id}/trial"))
    assert "It means nothing to this site." in followed(stella, stella.post(f"{BASE}/{event.id}/replay"))


# --- many ------------------------------------------------------------------------------------------------------------


def test_chosen_ones_are_replayed_with_a_figure(stella, bought, followed):
    ids = [row.id for row in WebhookEvent.select().where(WebhookEvent.status == "processed")]
    page = followed(stella, stella.post(f"{BASE}/bulk", data={"act": "work", "ids": [*ids, "x", "²", "999999"]}))
    assert f"0 of {len(ids)}" in page
    assert "load delay:1s" in page
    jobs.run("webhook_replays")
    assert "load delay:1s" not in stella.get(BASE).get_data(True)
    assert replays.last_replays().done == len(ids)
    assert audited("system.webhooks_replayed") == 1


def test_all_that_failed_are_replayed(stella, hx, outline):
    make("evt_1", status="buried")
    make("evt_2", status="failed")
    make("evt_3", status="processed")
    assert stella.post(f"{BASE}/replays").status_code == 303
    assert replays.last_replays().total == 2
    assert "load delay:1s" in stella.get(BASE, headers=hx("list_area")).get_data(True)
    jobs.run("webhook_replays")
    response = stella.get(BASE, headers=hx("list_area"))
    assert outline(response)[0] == ["list_area"]
    assert "load delay:1s" not in response.get_data(True)


def test_one_is_replayed_from_its_row(stella, followed):
    one = make("evt_1", status="buried", body=b"\xff[")
    response = stella.post(f"{BASE}/{one.id}/work", headers={"Accept": "application/json"})
    assert (response.status_code, "It failed: Stripe" in response.json["message"]) == (409, True)
    assert audited("system.webhook_replayed") == 1


# --- a price nobody knew -----------------------------------------------------------------------------------------------


@pytest.fixture
def unknown(bought):
    """The event of a subscription whose price no plan has."""
    said = [{"fact": "SubscriptionChanged", "provider": "stripe", "id": bought, "price_id": "price_new"}]
    row = of_type("customer.subscription.created")
    write(WebhookEvent.update(facts=said, status="ignored", error="No plan.").where(WebhookEvent.id == row.id).execute)
    return row


def test_a_price_is_named_from_its_event_which_is_then_worked(stella, unknown, followed, said):
    assert "No plan has the price price_new" in said(stella.get(f"{BASE}/{unknown.id}"))
    form = {"provider": "stripe", "price": "price_new", "plan": "pro_yearly"}
    assert "The price is known now." in followed(stella, stella.post(f"{BASE}/{unknown.id}/price", data=form))
    assert PlanPrice.get(PlanPrice.price_id == "price_new").plan_key == "pro_yearly"
    assert audited("billing.price_named") == audited("system.webhook_replayed") == 1


def test_a_plan_must_be_chosen(stella, unknown, said):
    response = stella.post(f"{BASE}/{unknown.id}/price", data={"provider": "stripe", "price": "price_new"})
    assert response.status_code == 422
    assert "Choose the plan that this price is." in said(response)


def test_who_runs_jobs_only_may_not_name_prices(cast, browse, unknown, said):
    dora = browse("dora")
    from models import Admin

    write(Admin.create, email=cast.dora.email, email_norm=cast.dora.email_norm)
    write(StaffRole.create, user=cast.dora, role="release_manager")
    page = dora.get(f"{BASE}/{unknown.id}")
    assert page.status_code == 200
    assert "Which plan is it?" not in said(page)
    assert dora.post(f"{BASE}/{unknown.id}/price", data={"plan": "pro_yearly"}).status_code == 404
