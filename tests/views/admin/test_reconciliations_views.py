import dataclasses

import pytest

import jobs
from database.scope import everywhere, inside
from domain.base import configuration, settings
from domain.money import billing, reconciliations, trials
from domain.money.providers import sandbox, stripe
from domain.money.providers.provider import ProviderFailed
from models import AuditEvent, Outgoing, Payment, Subscription
from tests.fixtures.threads import write

BASE = "/admin/reconciliation"


@pytest.fixture
def stella(browse):
    return browse("stella")


@pytest.fixture
def unheard(at, monkeypatch):
    """alice bought for Acme, and no webhook of it came; none is listed as missed either."""
    stripe.wire._client.cache_clear()
    monkeypatch.setattr(stripe, "missed", lambda since: iter(()))
    with inside(at("alice").organization):
        url = billing.checkout("pro_monthly", by=at("alice"))
    id = sandbox.pay(url.rsplit("/", 1)[1])["subscription"]
    write(Outgoing.delete().where(Outgoing.kind == "sandbox_webhook").execute)
    return id


def subscriptions():
    with everywhere("a test counts subscriptions"):
        return [row.status for row in Subscription.select()]


def test_before_the_first_comparison_the_page_says_what_it_is_for(stella, said):
    text = said(stella.get(BASE))
    assert "Nothing was compared with" in text
    assert "What differs is mended." in text


def test_the_button_compares_with_a_figure_and_what_differed_is_shown(stella, unheard, followed, said, hx, outline):
    page = followed(stella, stella.post(BASE))
    assert "load delay:1s" in page
    refused = stella.post(BASE, headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (409, "CONFLICT")
    jobs.run("reconciliation")
    over = stella.get(BASE, headers=hx("list_area"))
    assert outline(over)[0] == ["list_area"]
    assert "load delay:1s" not in over.get_data(True)
    text = said(stella.get(BASE))
    for words in ("Differences 2", "Mended 2", "Waiting for you 0", unheard, "Status – → active", "by hand", "Through"):
        assert words in text, words
    found = said(stella.get(f"{BASE}/{reconciliations.runs(1)[0].id}-1"))
    assert "Status – active" in found
    assert "Mended" in found
    assert stella.get(f"{BASE}/1-99").status_code == stella.get(f"{BASE}/x").status_code == 404
    assert subscriptions() == ["active"]
    assert AuditEvent.get(AuditEvent.action == "billing.reconciled").metadata["mended"] == 2


def test_where_it_asks_one_is_mended_and_then_all(stella, unheard, followed, said, cast):
    settings.change("billing_heals", "off", by=cast.stella)
    stella.post(BASE)
    jobs.run("reconciliation")
    run = reconciliations.runs(1)[0]
    text = said(stella.get(BASE))
    assert "Waits for you" in text
    assert "1 row differs from what the payment provider says" in said(stella.get("/admin"))
    assert subscriptions() == []
    assert "Mended: our rows say" in followed(stella, stella.post(f"{BASE}/{run.id}-1/mending"))
    assert subscriptions() == ["active"]
    again = stella.post(f"{BASE}/{run.id}-1/mending", headers={"Accept": "application/json"})
    assert again.status_code == 409
    assert stella.post(f"{BASE}/{run.id}-99/mending").status_code == 404
    with inside(cast.acme):
        write(Payment.delete().execute)
        write(Subscription.update(status="unpaid").execute)
    stella.post(BASE, data={"mend": "1"})
    jobs.run("reconciliation")
    assert subscriptions() == ["active"]
    assert reconciliations.open_differences(reconciliations.runs(1)[0]) == 0


def test_a_provider_that_is_down_is_a_sentence(stella, unheard, said, cast, monkeypatch):
    settings.change("billing_heals", "off", by=cast.stella)
    stella.post(BASE)
    jobs.run("reconciliation")
    run = reconciliations.runs(1)[0]

    def down(*_):
        raise ProviderFailed("Stripe: the connection broke")

    monkeypatch.setattr(stripe, "refetch", down)
    monkeypatch.setattr(stripe, "list_active", down)
    refused = stella.post(f"{BASE}/{run.id}-1/mending", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json["code"]) == (502, "PROVIDER_FAILED")
    stella.post(BASE)
    jobs.run("reconciliation")
    text = said(stella.get(BASE))
    assert "The last comparison broke off" in text
    assert "Stripe: the connection broke" in text


def test_what_the_provider_says_is_shown_as_text(stella, said, cast, monkeypatch, unheard):
    state = trials.state

    def evil(organization, about=None):
        return state(organization, about) | {("payment", "<script>alert(1)</script>"): {"status": len(subscriptions())}}

    monkeypatch.setattr(trials, "state", evil)
    stella.post(BASE)
    jobs.run("reconciliation")
    run = reconciliations.runs(1)[0]
    page = stella.get(BASE).get_data(True) + stella.get(f"{BASE}/{run.id}-1").get_data(True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_without_a_provider_there_is_a_word_and_no_button(stella, monkeypatch, said):

    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    text = said(stella.get(BASE))
    assert "No payment provider" in text
    assert "Compare now" not in text
