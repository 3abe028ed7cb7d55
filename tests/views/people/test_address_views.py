"""A new address of one's own."""

from models import User
from tests.conftest import PASSWORD
from tests.fixtures.entrance import BOB, code_of


def proof(action, target=""):
    return {"proof_action": action, "proof_target": str(target), "proof_method": "password", "proof_answer": PASSWORD}


def test_a_new_address_is_asked_proven_and_told_to_both(browse, cast, letters, followed):
    bob = browse("bob")
    assert bob.post("/account/address", data={"email": "New@example.org"}).status_code == 403  # step-up first
    asked = bob.post("/account/address", data={"email": "New@example.org"} | proof("account.change_email"))
    assert asked.headers["Location"] == "/account/address/answer"
    assert bob.get("/account/address").headers["Location"] == "/account/address/answer"  # while a code waits
    answer = bob.post("/account/address/answer", data={"code": code_of(letters)})
    assert "Your address is New@example.org now" in followed(bob, answer)
    assert User.get_by_id(cast.bob.id).email_norm == "new@example.org"
    assert {to for to, subject, _ in letters() if "changed" in subject} == {"New@example.org", BOB}
    fresh = browse(None)
    assert fresh.post("/sign-in", data={"email": BOB, "password": PASSWORD}).status_code == 422
    assert fresh.post("/sign-in", data={"email": "new@example.org", "password": PASSWORD}).status_code == 303


def test_a_new_address_can_be_dropped_before_its_code_is_given(browse, letters, cast):
    bob = browse("bob")
    bob.post("/account/address", data={"email": "new@example.org"} | proof("account.change_email"))
    code = code_of(letters)
    bob.post("/account/address/cancellation")
    assert bob.post("/account/address/answer", data={"code": code}).headers["Location"] == "/account/address"
    assert bob.get("/account/address").status_code == 200
    assert User.get_by_id(cast.bob.id).email == BOB
