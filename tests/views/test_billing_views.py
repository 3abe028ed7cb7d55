import dataclasses
from urllib.parse import urlsplit

import pytest

import models
from domain import billing, configuration, credits, grants, providers
from models import AuditEvent, CreditEntry, Grant, Organization, Subscription
from tests.conftest import PASSWORD

JSON = {"Accept": "application/json"}


@pytest.fixture
def bought(browse, wire):
    """alice has bought Pro for Acme, through the pages and the webhooks."""
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    alice.post(checkout + "/payment")
    wire()
    return alice


def plan_of(cast):
    with models.inside(cast.acme):
        return grants.plan().key


def test_a_plan_is_bought_and_access_waits_for_the_webhook(browse, cast, wire):
    alice = browse("alice")
    assert plan_of(cast) == "free"
    response = alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"})
    checkout = urlsplit(response.headers["Location"])
    assert (response.status_code, checkout.path[:22]) == (303, "/sandbox/checkout/cs_" + checkout.path[21:22])
    assert alice.get(checkout.path).status_code == 200
    assert plan_of(cast) == "free"
    paid = alice.post(checkout.path + "/payment")
    assert urlsplit(paid.headers["Location"]).path == "/acme/billing/return"
    back = alice.get("/acme/billing/return").get_data(True)
    assert "being processed" in back  # the address proves nothing
    assert plan_of(cast) == "free"
    assert set(wire()) == {200}
    assert plan_of(cast) == "pro_monthly"
    assert "is active" in alice.get("/acme/billing/return").get_data(True)
    assert credits.balance(cast.acme) == (1000, 1000)
    assert "Pro" in alice.get("/acme/billing").get_data(True)


def test_the_return_page_refreshes_only_its_block(bought, hx, outline):
    response = bought.get("/acme/billing/return", headers=hx("billing_return"))
    assert outline(response)[0] == ["billing_return"]


def test_paying_twice_and_events_twice_and_backwards_are_once(browse, cast, wire):
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    for _ in range(2):
        assert alice.post(checkout + "/payment").status_code == 303
    assert set(wire(times=2, backwards=True)) == {200}
    with models.inside(cast.acme):
        assert Subscription.select().count() == 1
        assert CreditEntry.select().where(CreditEntry.reason == "reset").count() == 1
        assert {g.capability for g in Grant.active()} == set(billing.PLANS["pro_monthly"].capabilities)
    assert plan_of(cast) == "pro_monthly"
    assert AuditEvent.select().where(AuditEvent.action == "billing.subscription_created").count() == 1


def test_a_second_subscription_is_refused(bought):
    response = bought.post("/acme/billing/checkout", data={"plan": "pro_yearly"}, headers=JSON)
    assert (response.status_code, response.json["message"]) == (409, "Acme has a subscription already.")


def test_cancelling_keeps_access_to_the_end_and_can_be_taken_back(bought, cast, wire, followed):
    asked = bought.post("/acme/billing/cancellation")
    assert (asked.status_code, "Confirm that it is you" in asked.text) == (403, True)
    proof = {"proof_action": "billing.cancel", "proof_target": cast.acme.id, "proof_level": 3}
    proof |= {"proof_method": "password", "proof_answer": PASSWORD}
    assert "will end with its period" in followed(bought, bought.post("/acme/billing/cancellation", data=proof))
    wire()
    assert plan_of(cast) == "pro_monthly"
    with models.inside(cast.acme):
        assert Subscription.get().cancel_at_period_end
    assert "The plan goes on." in followed(bought, bought.post("/acme/billing/resumption"))
    wire()
    with models.inside(cast.acme):
        assert not Subscription.get().cancel_at_period_end


def test_a_plan_that_is_not_on_sale_is_not_there(browse, counted):
    before = counted()
    for plan in ("", "free", "pro_weekly", "price_sandbox_pro_monthly"):
        response = browse("alice").post("/acme/billing/checkout", data={"plan": plan}, headers=JSON)
        assert response.status_code == 404, plan
    assert counted() == before


def test_only_an_owner_buys_and_only_owners_and_admins_look(browse, counted):
    before = counted()
    for name in ("bob", "vera"):
        assert browse(name).get("/acme/billing").status_code == 403
        for verb in ("checkout", "cancellation", "resumption"):
            response = browse(name).post(f"/acme/billing/{verb}", data={"plan": "pro_monthly"}, headers=JSON)
            assert response.status_code == 403, (name, verb)
    assert browse("charlie").get("/acme/billing").status_code == 404
    assert counted() == before


def test_a_provider_that_fails_is_said_and_nothing_is_changed(browse, hx, counted, monkeypatch):
    from domain.providers import stripe

    def down(*args, **kwargs):
        raise providers.ProviderFailed("Stripe: no answer")

    monkeypatch.setattr(stripe, "create_customer", down)
    before = counted()
    for headers in (JSON, hx()):
        response = browse("alice").post("/acme/billing/checkout", data={"plan": "pro_monthly"}, headers=headers)
        assert response.status_code == 502
        assert "Nothing was changed; try again in a minute." in response.get_data(True)
    assert counted() == before


def test_without_a_provider_the_page_says_so_and_sells_nothing(browse):
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    page = browse("alice").get("/acme/billing")
    assert page.status_code == 200
    assert "/billing/checkout" not in page.get_data(True)
    response = browse("alice").post("/acme/billing/checkout", data={"plan": "pro_monthly"}, headers=JSON)
    assert (response.status_code, response.json["code"]) == (503, "NOT_CONFIGURED")


def test_one_organizations_plan_is_no_others(bought, cast, browse):
    with models.inside(cast.globex):
        assert grants.plan().key == "free"
        assert Subscription.select().count() == 0
    assert Organization.select().where(Organization.id == cast.globex.id).count() == 1
