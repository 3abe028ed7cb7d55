"""A forgotten password."""

from tests.conftest import PASSWORD
from tests.fixtures.entrance import code_of


def test_a_reset_sets_the_password_and_signs_every_other_browser_out(newcomer, browse, letters):
    elsewhere = browse("bob")
    assert elsewhere.get("/acme").status_code == 200
    assert newcomer.post("/forgot-password", data={"email": "bob@example.org"}).headers["Location"] == "/reset-password"
    new = "Better horse 2?"
    response = newcomer.post("/reset-password", data={"code": code_of(letters), "password": new})
    assert (response.status_code, response.headers["Location"]) == (303, "/bob")
    assert elsewhere.get("/acme").status_code == 303
    fresh = browse(None)
    assert fresh.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD}).status_code == 422
    assert fresh.post("/sign-in", data={"email": "bob@example.org", "password": new}).status_code == 303


def test_forgetting_an_unknown_address_looks_the_same_and_mails_nobody(newcomer, letters):
    response = newcomer.post("/forgot-password", data={"email": "nobody@example.org"})
    assert response.headers["Location"] == "/reset-password"
    assert newcomer.get("/reset-password").status_code == 200
    assert letters() == []
    response = newcomer.post("/reset-password", data={"code": "123456", "password": "Better horse 2?"})
    assert response.status_code == 422


def test_a_weak_new_password_keeps_the_code_good(newcomer, letters):
    newcomer.post("/forgot-password", data={"email": "bob@example.org"})
    code = code_of(letters)
    weak = newcomer.post("/reset-password", data={"code": code, "password": "weakly"})
    assert weak.status_code == 422
    assert "weakly" not in weak.get_data(True)
    assert newcomer.post("/reset-password", data={"code": code, "password": "Better horse 2?"}).status_code == 303
