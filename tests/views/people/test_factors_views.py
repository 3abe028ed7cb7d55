import html
import re
from dataclasses import replace

import pyotp
import pytest

from database import transactions
from domain.base import allowances, configuration
from domain.people import factors
from models import AuditEvent, BackupCode, Session, User
from tests.conftest import PASSWORD
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.entrance import proof, readable
from tests.fixtures.threads import write
from tests.views.people.test_passkeys_views import add, options_of

JSON = {"Accept": "application/json"}
FIRST = {"email": "bob@example.org", "password": PASSWORD}


def now_of(secret, clock):
    return pyotp.TOTP(secret).at(clock.moment)


def set_up(client, clock):
    """Turn it on as a person would: (secret, backup codes). A minute has passed since."""
    page = client.get("/settings/security/factor/new").get_data(True)
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    response = client.post("/settings/security/factor", data=TURNS_ON | {"code": now_of(secret, clock)})
    clock.forward(minutes=1)
    return secret, codes_on(response)


def codes_on(response):
    """The backup codes that the answer shows."""
    assert response.status_code == 200
    return re.search(r'id="backup_codes"[^>]*>([^<]+)<', response.get_data(True))[1].split()


@pytest.fixture
def bobs(browse, clock):
    return set_up(browse("bob"), clock)


def prove(client, path, **form):
    """The act, with the password in answer to the dialog."""
    refusal = client.post(path, headers=JSON, data=form)
    assert refusal.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    proof = {f"proof_{part}": refusal.json[part] for part in ("action", "target", "level")}
    return client.post(path, data=form | proof | {"proof_method": "password", "proof_answer": PASSWORD})


# --- turning it on ------------------------------------------------------------------------------------------


def test_it_is_set_up_with_a_picture_or_by_hand(browse, cast, clock, said):
    client = browse("bob")
    assert "Set it up" in said(client.get("/settings/security"))
    page = client.get("/settings/security/factor/new").get_data(True)
    assert 'src="data:image/svg+xml' in page
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1]
    assert secret in client.get("/settings/security/factor/new").get_data(True)  # a reload doesn't outdate the phone
    wrong = client.post("/settings/security/factor", data=TURNS_ON | {"code": "abc"})
    assert (wrong.status_code, 'id="code_error"' in wrong.get_data(True)) == (422, True)
    assert secret in wrong.get_data(True)
    _, codes = set_up(client, clock)
    assert len(codes) == 10
    page = said(client.get("/settings/security"))
    assert "Second factor On" in page
    assert "10 are left" in page
    with client.session_transaction() as cookie:
        assert "totp_secret" not in cookie


def test_no_secret_of_the_second_factor_stands_in_a_cookie(browse, clock):
    client, seen = browse("bob"), []
    page = client.get("/settings/security/factor/new").get_data(True)
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    seen.append(readable(client))
    codes = codes_on(client.post("/settings/security/factor", data=TURNS_ON | {"code": now_of(secret, clock)}))
    seen.append(readable(client))
    codes += codes_on(prove(client, "/settings/security/factor/codes"))
    seen.append(readable(client))
    assert len(codes) == 20
    assert not [one for one in (secret, *codes) if any(one in cookie for cookie in seen)]


def test_codes_made_by_htmx_take_the_place_of_the_page(browse, clock, hx):
    client = browse("bob")
    page = client.get("/settings/security/factor/new").get_data(True)
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    response = client.post(
        "/settings/security/factor", data=TURNS_ON | {"code": now_of(secret, clock)}, headers=hx("factor_form")
    )
    assert len(codes_on(response)) == 10
    assert (response.headers["HX-Retarget"], response.headers["HX-Reswap"]) == ("body", "innerHTML")
    assert response.headers["HX-Push-Url"] == "/settings/security/factor/codes"
    assert response.headers["Cache-Control"] == "no-store"


def test_attack_a9_backup_codes_are_shown_once(browse, bobs, said):
    client = browse("bob")
    page = said(client.get("/settings/security/factor/codes"))
    assert "Codes are shown once" in page
    assert not any(code in page for code in bobs[1])


def test_attack_a9_a_kept_cookie_shows_them_to_nobody(browse, clock):
    client = browse("bob")
    _, codes = set_up(client, clock)
    made = codes_on(prove(client, "/settings/security/factor/codes"))
    kept = client.get_cookie("guildhall").value
    client.get("/settings/security/factor/codes")
    for path in ("/settings/security/factor/codes", "/settings/security", "/settings/security/factor/new", "/bob"):
        client.set_cookie("guildhall", kept)
        page = client.get(path).get_data(True)
        assert not [code for code in (*codes, *made) if code in page], path


def test_the_codes_can_be_downloaded_without_asking_again(browse, clock):
    client = browse("bob")
    page = client.get("/settings/security/factor/new").get_data(True)
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    response = client.post("/settings/security/factor", data=TURNS_ON | {"code": now_of(secret, clock)})
    codes, page = codes_on(response), response.get_data(True)
    assert f'download="backup-codes.txt" href="data:text/plain;charset=utf-8,{"%0A".join(codes)}"' in page
    assert response.headers["Cache-Control"] == "no-store"


def test_a_wrong_code_by_htmx_brings_the_form_back(browse, hx, outline):
    client = browse("bob")
    client.get("/settings/security/factor/new")
    response = client.post("/settings/security/factor", data=TURNS_ON | {"code": "1"}, headers=hx("factor_form"))
    assert response.status_code == 422
    assert outline(response)[0] == ["factor_form"]


def test_a_code_that_grew_old_in_the_dialog_brings_the_page_back_in_its_place(browse, hx):
    client = browse("bob")
    client.get("/settings/security/factor/new")
    response = client.post("/settings/security/factor", data=TURNS_ON | {"code": "1"}, headers=hx("dialog"))
    assert (response.status_code, response.headers["HX-Retarget"]) == (422, "body")
    assert "factor_form" in response.get_data(True)


def test_without_a_set_up_that_was_begun_nothing_is_turned_on(browse, cast):
    response = browse("bob").post("/settings/security/factor", data=TURNS_ON | {"code": "123456"})
    assert response.headers["Location"] == "/settings/security/factor/new"
    assert not factors.is_on(User.get_by_id(cast.bob.id))


TURNS_ON = proof("security.enable_2fa")


# --- at sign-in ------------------------------------------------------------------------------------------------


def test_after_the_password_the_app_is_asked_and_nothing_opens_before(browse, cast, clock, bobs, said):
    client = browse(None)
    response = client.post("/sign-in?next=/acme/tasks", data=FIRST)
    assert (response.status_code, response.headers["Location"]) == (303, "/verify-2fa")
    assert client.get("/acme/tasks").status_code == 303
    page = client.get("/verify-2fa")
    assert "Open your authenticator app" in said(page)
    wrong = client.post("/verify-2fa", data={"way": "totp", "code": "abc"})
    assert (wrong.status_code, "4 tries left" in wrong.get_data(True)) == (422, True)
    response = client.post("/verify-2fa", data={"way": "totp", "code": now_of(bobs[0], clock)})
    assert (response.status_code, response.headers["Location"]) == (303, "/acme/tasks")
    assert client.get("/acme/tasks").status_code == 200
    assert Session.select().order_by(Session.id.desc()).get().way == "password"


def test_a_code_is_not_taken_twice(browse, clock, bobs):
    code = now_of(bobs[0], clock)
    for expected in (303, 422):
        client = browse(None)
        client.post("/sign-in", data=FIRST)
        assert client.post("/verify-2fa", data={"way": "totp", "code": code}).status_code == expected


def test_a_backup_code_is_taken_once(browse, cast, bobs, said):
    for expected in (303, 422):
        client = browse(None)
        client.post("/sign-in", data=FIRST)
        assert "Type one of the codes you kept" in said(client.get("/verify-2fa?way=backup"))
        response = client.post("/verify-2fa", data={"way": "backup", "code": bobs[1][3].upper()})
        assert response.status_code == expected
    assert factors.codes_left(cast.bob) == 9


def test_a_passkey_serves_as_second_factor(browse, cast, bobs, said):
    phone = Authenticator()
    add(browse("bob"), phone)
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    page = client.get("/verify-2fa?way=passkey").get_data(True)
    answer = phone.get(options_of(page))
    response = client.post("/verify-2fa", data={"way": "passkey", "code": answer})
    assert response.headers["Location"] == "/bob"
    again = browse(None)
    again.post("/sign-in", data=FIRST)
    refused = again.post("/verify-2fa", data={"way": "passkey", "code": answer})
    assert refused.status_code == 422
    assert "That passkey wasn't recognised" in html.unescape(refused.get_data(True))
    assert options_of(refused.get_data(True)) != options_of(page)


def test_somebody_elses_passkey_does_not(browse, cast, bobs):
    phone = Authenticator()
    add(browse("alice"), phone)
    add(browse("bob"), Authenticator())
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    page = client.get("/verify-2fa?way=passkey").get_data(True)
    response = client.post("/verify-2fa", data={"way": "passkey", "code": phone.get(options_of(page))})
    assert response.status_code == 422


def test_five_wrong_tries_lead_back_to_the_sign_in(browse, clock, bobs, cast):
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    for _ in range(4):
        assert client.post("/verify-2fa", data={"way": "totp", "code": "1"}).status_code == 422
    response = client.post("/verify-2fa", data={"way": "totp", "code": "1"})
    assert response.headers["Location"] == "/sign-in"
    assert "wrong too often" in client.get("/sign-in").get_data(True)
    response = client.post("/verify-2fa", data={"way": "totp", "code": now_of(bobs[0], clock)})
    assert response.headers["Location"] == "/sign-in"
    assert AuditEvent.one(AuditEvent.action == "auth.sign_in_failed", AuditEvent.target_id == str(cast.bob.id))


def test_who_knows_the_password_can_not_try_for_ever_by_beginning_anew(browse, bobs):
    allowances.limiter.enabled = True
    statuses = []
    for place in range(30):
        client = browse(None)
        there = {"REMOTE_ADDR": f"198.51.100.{place}"}
        client.post("/sign-in", data=FIRST, environ_overrides=there)
        response = client.post("/verify-2fa", data={"way": "totp", "code": "1"}, headers=JSON, environ_overrides=there)
        statuses.append(response.status_code)
    assert statuses == [422] * 20 + [429] * 10


def test_without_a_sign_in_that_was_begun_there_is_nothing_to_verify(browse, cast, clock, bobs):
    client = browse(None)
    assert client.get("/verify-2fa").headers["Location"] == "/sign-in"
    response = client.post("/verify-2fa", data={"way": "totp", "code": now_of(bobs[0], clock)})
    assert response.headers["Location"] == "/sign-in"
    assert browse("alice").get("/verify-2fa").headers["Location"] == "/app"


def test_who_is_suspended_in_between_stays_outside(browse, cast, clock, bobs):
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    transactions.writes(lambda: User.update(status="suspended").where(User.id == cast.bob.id).execute())()
    data = {"way": "totp", "code": now_of(bobs[0], clock)}
    assert client.post("/verify-2fa", data=data, headers=JSON).status_code == 403
    assert client.get("/account").status_code == 303


@pytest.mark.parametrize("way", ["", "nonsense", "backup", "passkey"])
def test_an_app_code_fits_only_as_one(browse, clock, bobs, way):
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    response = client.post("/verify-2fa", data={"way": way, "code": now_of(bobs[0], clock)})
    assert response.status_code == (422 if way in ("backup", "passkey") else 303)


# --- renewing, turning off ------------------------------------------------------------------------------------------


def test_new_codes_want_a_proof_and_void_the_old(browse, cast, bobs, said):
    client = browse("bob")
    fresh = codes_on(prove(client, "/settings/security/factor/codes"))
    assert len(fresh) == 10
    assert not set(fresh) & set(bobs[1])
    assert not factors.use_code(cast.bob, bobs[1][0])


def test_turning_it_off_wants_a_proof_and_the_next_sign_in_asks_for_nothing_more(browse, cast, bobs, followed):
    client = browse("bob")
    assert "The second factor is off" in followed(client, prove(client, "/settings/security/factor/removal"))
    assert not BackupCode.select().exists()
    assert browse(None).post("/sign-in", data=FIRST).headers["Location"] == "/bob"


def test_another_app_wants_a_proof_however_fresh_the_session(browse, cast, clock, bobs):
    client = browse("bob")
    page = client.get("/settings/security/factor/new").get_data(True)
    assert "takes the place of the one you have" in page
    secret = re.search(r'id="totp_secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    response = prove(client, "/settings/security/factor", code=now_of(secret, clock))
    assert len(codes_on(response)) == 10
    clock.forward(minutes=1)
    assert not factors.fits_totp(cast.bob, now_of(bobs[0], clock))
    assert factors.fits_totp(cast.bob, now_of(secret, clock))


# --- a key that is withdrawn ---------------------------------------------------------------------------------


def test_with_its_key_withdrawn_the_app_is_not_asked_for_and_it_is_said_why(browse, bobs, said):
    configuration.use(replace(configuration.active, secret_key="z" * 40))
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    page = said(client.get("/verify-2fa"))
    assert "no longer counts" in page
    assert "Backup code" in page
    assert "authenticator app and type" not in page
    response = client.post("/verify-2fa", data={"way": "backup", "code": bobs[1][0]})
    assert response.headers["Location"] == "/bob"
    assert "the site's key has changed" in html.unescape(client.get("/settings/security").get_data(True))


def test_without_any_way_left_it_is_said_whom_to_ask(browse, bobs):
    configuration.use(replace(configuration.active, secret_key="z" * 40))
    write(BackupCode.delete().execute)
    client = browse(None)
    client.post("/sign-in", data=FIRST)
    page = client.get("/verify-2fa")
    assert page.status_code == 409
    assert "Ask whoever runs this site" in page.get_data(True)
