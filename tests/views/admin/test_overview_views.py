import re
from datetime import timedelta

import pytest

import models
from database.clock import now
from models import Alert, AuditEvent, WebhookEvent
from tests.conftest import write


@pytest.fixture
def stella(browse):
    return browse("stella")


def audited(action):
    return list(AuditEvent.select().where(AuditEvent.action == action).order_by(AuditEvent.id))


def test_every_admin_page_opens(stella, browse):
    for path in ("", "/settings", "/settings/site_name", "/alerts", "/jobs"):
        assert stella.get("/admin" + path).status_code == 200, path
        assert browse("alice").get("/admin" + path).status_code == 404, path


def test_use_h3_the_overview_counts(stella, said):
    page = said(stella.get("/admin"))
    assert re.search(r"\b6\b", page)  # the cast


def test_the_overview_tells_of_money_that_wants_a_look(stella, clock, cast):
    from domain.money import facts
    from domain.money.providers import sandbox
    from domain.money.providers.provider import SubscriptionChanged

    page = stella.get("/admin").get_data(True)
    assert "none yet" in page
    assert "not compared yet" in page
    assert "No webhook came since" not in page
    write(
        facts.apply,
        SubscriptionChanged(
            provider="stripe",
            id="sub_1",
            customer_id="cus_1",
            organization=cast.acme.public_id,
            status="active",
            price_id=sandbox.PRICES["pro_monthly"],
            happened_at=now(),
            event_id="e",
            period_end_at=now() + timedelta(30),
        ),
    )
    write(
        models.Outgoing.create,
        kind="subscription_end",
        key="subscription_end:stripe:sub_9",
        payload={},
        status="buried",
    )
    write(models.PricingCatalog.update(prices=[]).execute)
    clock.forward(hours=73)
    page = stella.get("/admin").get_data(True).replace("&#39;", "'")
    for words in ("No webhook came since", "told to end a subscription", "pro_monthly", "can't be bought"):
        assert words in page, words
    assert "letter or notice" not in page


def test_a_buried_webhook_leads_from_the_overview_to_the_inspector(stella):
    write(
        WebhookEvent.create,
        channel="billing_stripe",
        event_id="evt_7",
        type="invoice.paid",
        payload=b"{}",
        happened_at=now(),
        status="buried",
        error="KeyError: 'data'",
    )
    page = stella.get("/admin").get_data(True)
    assert "1 webhook was given up" in page
    assert 'href="/admin/webhooks?status=buried"' in page
    assert "invoice.paid" in stella.get("/admin/webhooks?status=buried").get_data(True)


def test_whoever_is_taken_off_the_list_is_out_at_once(stella):
    assert stella.get("/admin").status_code == 200
    write(models.Admin.delete().execute)
    assert stella.get("/admin").status_code == 404
    assert stella.post("/admin/alerts", data={"message": "Still here"}).status_code == 404
    assert Alert.select().count() == 0


def test_use_h5_the_operators_checklist_sends_a_letter_and_opens_a_test_payment(stella, cast, said, followed):
    page = stella.get("/admin").get_data(True)
    assert "Set up this site" in page
    assert 'action="/admin/setup/letter"' in page
    assert "jobs are fine" in said(stella.get("/admin"))
    assert "on its way to stella@example.org" in followed(stella, stella.post("/admin/setup/letter"))
    assert models.Outgoing.get(models.Outgoing.kind == "mail").recipient == "stella@example.org"
    assert "/sandbox/checkout/" in stella.post("/admin/setup/payment").headers["Location"]
    write(models.StaffRole.create, user=cast.stella, role="moderator")
    page = stella.get("/admin").get_data(True)
    assert "Set up this site" not in page
    assert "Monthly revenue" not in page
    assert stella.post("/admin/setup/letter").status_code == 404
