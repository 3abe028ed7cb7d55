import json

import pytest

from database import transactions
from database.clock import now
from domain.base import allowances
from domain.people import passkeys
from models import Passkey, Proof, Session, User
from tests.conftest import PASSWORD
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.entrance import proof

JSON = {"Accept": "application/json"}


@pytest.fixture
def phone():
    return Authenticator()


def options_of(page):
    import html
    import re

    return html.unescape(re.search(r'data-passkey-options="([^"]+)"', page)[1])


PROVEN = proof("security.add_passkey")


def add(client, phone, **form):
    options = options_of(client.get("/settings/security/passkeys/new").get_data(True))
    return client.post(
        "/settings/security/passkeys", data={"answer": phone.create(options), "name": "Phone"} | PROVEN | form
    )


def ask(client, phone, **form):
    """Sign in with it, from the sign-in page."""
    options = client.post("/sign-in/passkey/options").get_data(True)
    return client.post("/sign-in/passkey", data={"answer": phone.get(options)} | form)


def change(user, **values):
    transactions.writes(lambda: User.update(**values).where(User.id == user.id).execute())()


def test_a_passkey_is_added_shown_and_signs_in_without_a_second_factor(browse, cast, phone, followed):
    client = browse("bob")
    page = followed(client, add(client, phone))
    assert "The passkey “Phone” can sign you in from now on." in page
    assert "Not used yet" in page
    change(cast.bob, second_factor_at=now(), totp_secret="x")
    stranger = browse(None)
    response = ask(stranger, phone, next="/acme/tasks")
    assert (response.status_code, response.headers["Location"]) == (303, "/acme/tasks")
    assert stranger.get("/acme/tasks").status_code == 200
    assert Session.select().where(Session.user == cast.bob, Session.way == "passkey").count() == 1
    assert "Not used yet" not in client.get("/settings/security").get_data(True)


def test_the_options_are_asked_for_by_post_and_name_nobody(browse, cast, phone):
    add(browse("bob"), phone)
    client = browse(None)
    assert client.get("/sign-in/passkey/options").status_code in (404, 405)
    response = client.post("/sign-in/passkey/options")
    assert (response.mimetype, response.headers["Cache-Control"]) == ("application/json", "no-store")
    assert json.loads(response.get_data(True))["allowCredentials"] == []
    foreign = client.post("/sign-in/passkey/options", headers=JSON | {"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403


def test_a_challenge_is_good_once_and_in_its_own_browser(browse, cast, phone):
    add(browse("bob"), phone)
    client = browse(None)
    options = client.post("/sign-in/passkey/options").get_data(True)
    said = {"answer": phone.get(options)}
    assert browse(None).post("/sign-in/passkey", data=said).headers["Location"] == "/sign-in"
    assert client.post("/sign-in/passkey", data=said).headers["Location"] == "/bob"
    client.post("/sign-out")
    assert client.post("/sign-in/passkey", data=said).headers["Location"] == "/sign-in"


@pytest.mark.parametrize("answer", ["", "{}", "[]", "x" * 30_000, '{"id": "x"}'])
def test_an_answer_that_is_none_is_told_on_the_sign_in_page(browse, answer):
    client = browse(None)
    client.post("/sign-in/passkey/options")
    response = client.post("/sign-in/passkey", data={"answer": answer, "next": "/acme"})
    assert response.headers["Location"] == "/sign-in?next=%2Facme"
    assert "That passkey isn&#39;t known here" in client.get("/sign-in").get_data(True)


def test_next_leads_nowhere_else(browse, cast, phone):
    add(browse("bob"), phone)
    assert ask(browse(None), phone, next="//evil.example").headers["Location"] == "/bob"


def test_a_suspended_account_stays_outside(browse, cast, phone):
    add(browse("bob"), phone)
    change(cast.bob, status="suspended")
    client = browse(None)
    assert ask(client, phone).headers["Location"] == "/sign-in"
    assert "can&#39;t sign in now" in client.get("/sign-in").get_data(True)


def test_what_the_browser_made_for_another_page_is_not_kept(browse, cast, phone):
    client = browse("bob")
    options = options_of(client.get("/settings/security/passkeys/new").get_data(True))
    client.get("/settings/security/passkeys/new")  # a newer one
    response = client.post("/settings/security/passkeys", data={"answer": phone.create(options)} | PROVEN)
    assert response.headers["Location"] == "/settings/security/passkeys/new"
    assert "couldn&#39;t be checked" in client.get("/settings/security/passkeys/new").get_data(True)
    assert Passkey.select().count() == 0


def test_the_challenge_outlives_the_dialog_that_asks_again(browse, cast, phone):
    """bob proves it with the passkey he has, and the new one is kept with its own challenge."""
    client = browse("bob")
    add(client, phone)
    transactions.writes(Proof.delete().execute)()  # of the first
    second = Authenticator()
    options = options_of(client.get("/settings/security/passkeys/new").get_data(True))
    form = {"answer": second.create(options), "name": "Key"}
    dialog = client.post("/settings/security/passkeys", data=form)
    assert dialog.status_code == 403
    proof = {
        "proof_action": "security.add_passkey",
        "proof_target": "",
        "proof_level": "3",
        "proof_method": "passkey",
        "proof_answer": phone.get(options_of(dialog.get_data(True))),
    }
    response = client.post("/settings/security/passkeys", data=form | proof)
    assert response.headers["Location"] == "/settings/security"
    assert sorted(one.name for one in passkeys.of(cast.bob)) == ["Key", "Phone"]


def test_a_passkey_is_renamed_and_removed_by_its_owner_alone(browse, cast, phone, followed):
    client, other = browse("bob"), browse("alice")
    add(client, phone)
    base = f"/settings/security/passkeys/{Passkey.get().id}"
    assert "It is called “Old phone” now" in followed(client, client.post(f"{base}/name", data={"name": "Old phone"}))
    assert client.post(f"{base}/name", data={"name": " "}, headers=JSON).status_code == 422
    assert other.post(f"{base}/name", data={"name": "Mine"}, headers=JSON).status_code == 404
    refusal = client.post(f"{base}/removal", headers=JSON)
    assert refusal.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    assert refusal.json["level"] == 3
    proof = {f"proof_{part}": refusal.json[part] for part in ("action", "target", "level")}
    proof |= {"proof_method": "password", "proof_answer": PASSWORD}
    assert other.post(f"{base}/removal", data=proof, headers=JSON).status_code == 404
    assert Passkey.get().name == "Old phone"
    assert "The passkey is removed" in followed(client, client.post(f"{base}/removal", data=proof))
    assert Passkey.select().count() == 0
    assert ask(browse(None), phone).headers["Location"] == "/sign-in"


def test_a_name_is_words_on_the_page(browse, cast, phone):
    client = browse("bob")
    add(client, phone, name="<b>x</b>\"'")
    page = client.get("/settings/security").get_data(True)
    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_tries_are_counted(browse):
    allowances.limiter.enabled = True
    client = browse(None)
    statuses = [client.post("/sign-in/passkey", headers=JSON).status_code for _ in range(21)]
    assert statuses == [303] * 20 + [429]
