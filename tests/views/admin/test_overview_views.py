import re
from datetime import timedelta

import pytest

import models
from database.clock import now
from domain.base import settings
from models import Alert, AuditEvent, JobRun, WebhookEvent
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


def test_the_overview_counts(stella, said):
    page = said(stella.get("/admin"))
    assert re.search(r"\b6\b", page)  # the cast


def test_a_setting_is_changed_and_audited_with_before_and_after(stella, cast, followed):
    assert settings.get("site_name") == "Guildhall"
    response = stella.post("/admin/settings/site_name", data={"value": "The <Hall>"})
    assert "The &lt;Hall&gt;" in followed(stella, response)
    assert settings.get("site_name") == "The <Hall>"
    (event,) = audited("settings.changed")
    assert (event.actor_id, event.target_id) == (cast.stella.id, "site_name")
    assert (event.metadata["before"], event.metadata["after"]) == ("Guildhall", "The <Hall>")
    assert event.request_id
    assert event.ip == "127.0.0.1"
    stella.post("/admin/settings/site_name", data={"value": "The <Hall>"})
    assert len(audited("settings.changed")) == 1  # the same again is no change


def test_htmx_gets_the_row_and_a_word(stella, hx):
    shown = stella.get("/admin/settings/site_name", headers=hx("setting_site_name"))
    assert shown.status_code == 200
    assert "<html" not in shown.get_data(True)
    assert 'name="value"' in shown.get_data(True)
    response = stella.post("/admin/settings/site_name", data={"value": "Hall"}, headers=hx("setting_site_name"))
    page = response.get_data(True)
    assert response.status_code == 200
    assert "<html" not in page
    assert "Name: Hall." in page
    closed = stella.get("/admin/settings/site_name?show", headers=hx("setting_site_name")).get_data(True)
    assert "Hall" in closed


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("site_name", " ", "Name can't be empty."),
        ("site_name", "x" * 61, "Keep it to 60 characters; this has 61."),
        ("session_idle_days", "0", "Choose a number from 1 to 3,650."),
        ("session_idle_days", "many", "Write a whole number."),
        ("session_idle_days", "9" * 5000, "Write a whole number."),
        ("sign_up_open", "perhaps", "Choose on or off."),
    ],
)
def test_a_bad_value_is_refused_beside_the_field(stella, hx, name, value, sentence, counted):
    before, stood = counted(), settings.get(name)
    for headers in ({}, hx(f"setting_{name}")):
        response = stella.post(f"/admin/settings/{name}", data={"value": value}, headers=headers)
        assert response.status_code == 422
        assert sentence.replace("'", "&#39;") in response.get_data(True)
    assert counted() == before
    assert settings.get(name) == stood


def test_a_setting_is_put_back_unless_something_newer_stands(stella, followed):
    stella.post("/admin/settings/site_name", data={"value": "One"})
    stella.post("/admin/settings/site_name", data={"value": "Two"})
    one, two = audited("settings.changed")
    old = stella.post(f"/admin/settings/site_name/return/{one.id}", headers={"Accept": "application/json"})
    assert old.status_code == 409
    stella.post(f"/admin/settings/site_name/return/{two.id}")
    assert settings.get("site_name") == "One"
    assert len(audited("settings.changed")) == 3
    other = stella.post(f"/admin/settings/mail_sender_name/return/{two.id}", headers={"Accept": "application/json"})
    assert other.status_code == 409
    assert settings.get("mail_sender_name") == "Guildhall"


def test_an_unknown_setting_is_not_there(stella, hx):
    for headers in ({}, hx()):
        assert stella.get("/admin/settings/secret_key", headers=headers).status_code == 404
        assert stella.post("/admin/settings/secret_key", data={"value": "x"}, headers=headers).status_code == 404


def test_an_alert_is_broadcast_and_taken_back(stella, browse):
    assert stella.post("/admin/alerts", data={"message": "Tea <b>is</b> ready."}).status_code == 303
    assert "Tea &lt;b&gt;is&lt;/b&gt; ready." in browse("bob").get("/account").get_data(True)
    alert = Alert.get()
    assert stella.post(f"/admin/alerts/{alert.id}/retraction").status_code == 303
    assert "Tea" not in browse("bob").get("/account").get_data(True)
    assert stella.post(f"/admin/alerts/{alert.id}/retraction").status_code == 404
    assert [len(audited(a)) for a in ("alert.created", "alert.retracted")] == [1, 1]


@pytest.mark.parametrize(("message", "sentence"), [("", "Write what everybody"), ("x" * 501, "this has 501")])
def test_a_bad_alert_is_refused_with_its_text_kept(stella, message, sentence):
    response = stella.post("/admin/alerts", data={"message": message})
    assert response.status_code == 422
    assert sentence in response.get_data(True)
    assert message in response.get_data(True)
    assert Alert.select().count() == 0


def test_a_job_runs_at_once_and_says_who_asked(stella, cast, followed):
    page = followed(stella, stella.post("/admin/jobs/tokens/run"))
    assert "0 done." in page
    assert JobRun.get(JobRun.job == "tokens").asked_by_id == cast.stella.id
    assert stella.post("/admin/jobs/nothing/run").status_code == 404


def test_a_job_that_runs_already_is_not_run_twice(stella):
    write(models.Lease.create, job="tokens", owner="another", until_at=now() + timedelta(minutes=1))
    response = stella.post("/admin/jobs/tokens/run", headers={"Accept": "application/json"})
    assert (response.status_code, response.json["message"]) == (409, "That job is running already.")
    assert JobRun.select().count() == 0


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
    page = stella.get("/admin").get_data(True)
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
