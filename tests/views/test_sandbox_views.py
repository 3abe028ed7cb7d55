import dataclasses
from urllib.parse import urlsplit

import pytest

import models
from domain import configuration, grants
from models import SandboxObject, Subscription


@pytest.fixture
def desk(browse, wire):
    """(alice's browser, the id of Acme's running subscription)."""
    alice = browse("alice")
    checkout = urlsplit(alice.post("/acme/billing/checkout", data={"plan": "pro_monthly"}).headers["Location"]).path
    alice.post(checkout + "/payment")
    wire()
    return alice, SandboxObject.get(SandboxObject.kind == "subscription").object_id


def now_is(cast):
    with models.inside(cast.acme):
        return grants.plan().key, Subscription.get().status


def test_the_desk_makes_time_pass(desk, cast, wire):
    alice, id = desk
    assert alice.get("/sandbox").status_code == 200
    assert now_is(cast) == ("pro_monthly", "active")
    for verb, expected in (
        ("renewal", ("pro_monthly", "active")),
        ("failure", ("pro_monthly", "past_due")),
        ("end", ("free", "canceled")),
    ):
        assert alice.post(f"/sandbox/subscriptions/{id}/{verb}").status_code == 303
        wire()
        assert now_is(cast) == expected, verb
    for verb in ("renewal", "failure", "end"):
        response = alice.post(f"/sandbox/subscriptions/{id}/{verb}", headers={"Accept": "application/json"})
        assert response.status_code == 409, verb
    assert alice.get("/sandbox").status_code == 200


def test_what_runs_is_not_ended_before_it_was_cancelled(desk):
    alice, id = desk
    response = alice.post(f"/sandbox/subscriptions/{id}/end", headers={"Accept": "application/json"})
    assert (response.status_code, response.json["code"]) == (409, "CONFLICT")


def test_a_checkout_is_no_subscription_and_the_other_way_round(desk):
    alice, id = desk
    checkout = SandboxObject.get(SandboxObject.kind == "checkout.session").object_id
    assert alice.get(f"/sandbox/checkout/{checkout}").status_code == 200
    assert alice.get(f"/sandbox/checkout/{id}").status_code == 404
    assert alice.post(f"/sandbox/subscriptions/{checkout}/renewal").status_code == 404


def test_with_real_keys_the_sandbox_is_not_there(browse, cast):
    alice = browse("alice")
    assert alice.get("/sandbox").status_code == 200
    configuration.use(dataclasses.replace(configuration.active, billing_provider="none"))
    assert alice.get("/sandbox").status_code == 404
    assert alice.post("/sandbox/subscriptions/x/renewal").status_code == 404
