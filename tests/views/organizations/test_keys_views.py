import re

import pytest

from database.scope import inside
from domain.organizations import api_keys
from models import ApiKey
from tests.conftest import PASSWORD
from tests.fixtures.keys import a_key, pay

FORM = {"name": "Door app", "scopes": ["tasks.read", "events.check_in"], "days": "30"}


@pytest.fixture
def alice(cast, browse):
    pay(cast.acme)
    return browse("alice")


def proof(cast):
    asked = {"proof_action": "keys.make", "proof_target": str(cast.acme.id), "proof_level": "3"}
    return asked | {"proof_method": "password", "proof_answer": PASSWORD}


def test_a_key_is_made_with_a_proof_shown_once_and_revoked(alice, cast, followed):
    assert 'name="scopes"' in alice.get("/acme/keys/new").text
    asked = alice.post("/acme/keys", data=FORM)
    assert (asked.status_code, "make a key for programs" in asked.text) == (403, True)
    made = alice.post("/acme/keys", data=FORM | proof(cast))
    assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    secret = re.search(r'value="(ghk_[^"]+)"', made.text)[1]
    assert api_keys.FORM.fullmatch(secret)
    listed = alice.get("/acme/keys").text
    assert "Door app" in listed
    assert "events.check_in" in listed
    assert secret.rpartition("_")[2] not in listed
    with inside(cast.acme):
        id = ApiKey.get().id
    assert "is revoked" in followed(alice, alice.post(f"/acme/keys/{id}/revocation"))


def test_a_wrong_form_comes_back_with_what_was_typed(alice, hx):
    page = alice.post("/acme/keys", data=FORM | {"networks": "somewhere", "name": "Mine"}, headers=hx("key_form"))
    assert page.status_code == 422
    assert 'value="Mine"' in page.text
    assert "somewhere</textarea>" in page.text
    assert "is no network" in page.text
    assert re.search(r'value="events.check_in"[^>]* checked', page.text)


def test_only_owners_see_the_keys(alice, browse, at):
    a_key(at("alice"))
    for name, status in (("bob", 403), ("vera", 403), ("charlie", 404)):
        answer = browse(name).get("/acme/keys", headers={"Accept": "application/json"})
        assert answer.status_code == status, name
