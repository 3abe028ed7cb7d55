import dataclasses
import html
import re

import pytest
import requests
from joserfc.jwk import ECKey, OctKey, RSAKey

from database import transactions
from database.clock import now
from domain.base import allowances, configuration
from domain.base.configuration import IdentityProvider
from domain.people import identities
from models import AuthToken, Identity, Proof, Session, User
from tests.fixtures.entrance import proof
from tests.fixtures.issuer import Issuer, mocked

HALL = IdentityProvider("oidc", "Hall", "https://login.example.org", "hall", "a secret of the client")
GOOGLE = IdentityProvider("google", "Google", "https://accounts.google.com", "goog", "secret")
MICROSOFT = IdentityProvider("microsoft", "Microsoft", "https://login.microsoftonline.com/common/v2.0", "ms", "secret")
APPLE_KEY = ECKey.generate_key("P-256")
APPLE = IdentityProvider(
    "apple", "Apple", "https://appleid.apple.com", "org.hall", "", "TEAM", "KEY", APPLE_KEY.as_pem(True).decode()
)
NINA = {"email": "nina@example.org", "email_verified": True, "name": "Nina Simone"}


@pytest.fixture
def network():
    with mocked() as found:
        yield found


@pytest.fixture
def configured(web):
    web.extensions.pop("guildhall_identities", None)  # what was discovered in another test

    def use(*providers):
        configuration.use(dataclasses.replace(configuration.active, identity_providers=providers))

    use(HALL)
    return use


@pytest.fixture
def hall(network, configured):
    made = Issuer(network, HALL)
    made.claims = dict(NINA)
    return made


CONNECT = {"intent": "connect"} | proof("security.connect", "oidc")


def begin(client, provider="oidc", **form):
    """Press the button; where the browser is led."""
    response = client.post(f"/auth/{provider}", data=form)
    assert response.status_code == 200, (response.status_code, response.headers.get("Location"))
    return html.unescape(re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', response.get_data(True))[1])


def come(client, issuer, provider="oidc", form=None, **answer):
    """There and back again."""
    issuer.visit(begin(client, provider, **(form or {})))
    return client.get(f"/auth/callback/{provider}", query_string=issuer.answer(**answer))


def refused(client, response, sentence, place="/sign-in"):
    assert (response.status_code, response.headers["Location"]) == (303, place)
    assert sentence in html.unescape(client.get(place).get_data(True))
    assert Identity.select().count() == 0
    return True


# --- there ------------------------------------------------------------------------------------------------------


def test_the_pages_of_sign_in_and_sign_up_offer_what_is_configured(configured, browse):
    for path in ("/sign-in", "/sign-up", "/sign-in/code"):
        page = browse(None).get(f"{path}?next=/acme").get_data(True)
        assert 'action="/auth/oidc"' in page
        assert "Continue with Hall" in page
        assert "Google" not in page
        assert ("/sign-in/passkey/options" in page) == (path != "/sign-up")
    configured()
    assert "/auth/" not in browse(None).get("/sign-in").get_data(True)
    assert 'id="ways"' not in browse(None).get("/sign-up").get_data(True)


@pytest.mark.parametrize("provider", ["google", "nonsense", "code2"])
def test_a_provider_that_is_not_configured_is_not_there(configured, browse, provider):
    assert browse(None).post(f"/auth/{provider}").status_code == 404
    assert browse(None).get(f"/auth/callback/{provider}").status_code == 404
    assert browse(None).post("/auth/callback/apple").status_code == 404


def test_the_browser_goes_there_with_state_nonce_and_pkce(hall, browse):
    client = browse(None)
    asked = hall.visit(begin(client))
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "hall"
    assert asked["redirect_uri"] == "http://localhost/auth/callback/oidc"
    assert asked["scope"] == "openid email profile"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
    other = hall.visit(begin(client))
    assert not {asked[name] for name in ("state", "nonce", "code_challenge")} & set(other.values())


def test_a_form_by_htmx_is_led_there_by_a_header(hall, browse, hx):
    response = browse(None).post("/auth/oidc", headers=hx())
    assert response.status_code == 204
    assert hall.visit(response.headers["HX-Redirect"])


def test_it_may_not_be_begun_from_another_site(hall, browse):
    response = browse(None).post("/auth/oidc", headers={"Sec-Fetch-Site": "cross-site", "Accept": "application/json"})
    assert response.status_code == 403


def test_whoever_is_signed_in_needs_no_sign_in(hall, browse):
    response = browse("bob").post("/auth/oidc", data={"next": "/acme/tasks"})
    assert (response.status_code, response.headers["Location"]) == (303, "/acme/tasks")


# --- and back ----------------------------------------------------------------------------------------------------


def test_somebody_new_comes_in_and_again_another_day(hall, browse):
    client = browse(None)
    response = come(client, hall, form={"next": "/notifications"})
    assert (response.status_code, response.headers["Location"]) == (303, "/notifications")
    assert client.get("/notifications").status_code == 200
    nina = User.get(User.email_norm == "nina@example.org")
    assert nina.name == "Nina Simone"
    assert Session.get(Session.user == nina).way == "oidc"
    response = come(browse(None), hall)
    assert response.headers["Location"] == "/nina-simone"
    assert Identity.select().count() == 1
    # The client's secret went in a header, and the verifier with it.
    assert hall.exchanged[0]["authorization"].startswith("Basic ")
    assert "client_secret" not in hall.exchanged[0]


def test_a_claim_that_is_missing_is_asked_of_userinfo(hall, browse):
    hall.claims, hall.userinfo = {}, NINA | {"sub": "s-1"}
    assert come(browse(None), hall).headers["Location"] == "/nina-simone"


def test_userinfo_about_somebody_else_is_not_heard(hall, browse):
    hall.claims, hall.userinfo = {}, NINA | {"sub": "s-2"}
    client = browse(None)
    assert refused(client, come(client, hall), "didn't tell us your e-mail address")


def test_an_account_with_a_second_factor_is_asked_for_it_here_too(hall, browse, cast):
    change(cast.bob, second_factor_at=now(), totp_secret="x")
    hall.claims["email"] = cast.bob.email
    client = browse(None)
    assert come(client, hall, form={"next": "/acme"}).headers["Location"] == "/verify-2fa"
    assert client.get("/acme").status_code == 303


def change(user, **values):
    transactions.writes(lambda: User.update(**values).where(User.id == user.id).execute())()


def test_a_suspended_account_stays_outside(hall, browse, cast):
    hall.claims["email"] = cast.bob.email
    change(cast.bob, status="suspended")
    client = browse(None)
    assert refused(client, come(client, hall), "can't sign in now")


def test_next_leads_nowhere_else(hall, browse):
    response = come(browse(None), hall, form={"next": "https://evil.example/"})
    assert response.headers["Location"] == "/nina-simone"


# --- what can go wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ["access_denied", "user_cancelled_authorize"])
def test_who_cancels_there_is_told_so_where_they_began(hall, browse, error):
    client = browse(None)
    hall.visit(begin(client, next="/acme"))
    response = client.get("/auth/callback/oidc", query_string={"error": error, "state": hall.asked["state"]})
    assert refused(client, response, "You cancelled at Hall", "/sign-in?next=%2Facme")
    hall.visit(begin(client, intent="sign-up"))
    response = client.get("/auth/callback/oidc", query_string={"error": error, "state": hall.asked["state"]})
    assert refused(client, response, "You cancelled at Hall", "/sign-up")


def test_another_error_is_told_without_its_words(hall, browse):
    client = browse(None)
    hall.visit(begin(client))
    query = {"error": "server_error", "error_description": "<b>pay here</b>", "state": hall.asked["state"]}
    response = client.get("/auth/callback/oidc", query_string=query)
    page = client.get(response.headers["Location"]).get_data(True)
    assert "pay here" not in page
    assert "couldn't be checked" in html.unescape(page)


@pytest.mark.parametrize("state", ["", "x", "0" * 30])
def test_a_state_that_is_not_this_browsers_is_refused(hall, browse, state):
    client = browse(None)
    hall.visit(begin(client))
    response = client.get("/auth/callback/oidc", query_string=hall.answer(state=state))
    assert refused(client, response, "begun in another browser")
    assert hall.exchanged == []


def test_an_answer_is_good_in_the_browser_that_asked_and_once(hall, browse):
    client, other = browse(None), browse(None)
    hall.visit(begin(client))
    answer = hall.answer()
    response = other.get("/auth/callback/oidc", query_string=answer)
    assert refused(other, response, "begun in another browser")
    assert client.get("/auth/callback/oidc", query_string=answer).headers["Location"] == "/nina-simone"
    client.post("/sign-out")
    client.get("/auth/callback/oidc", query_string=answer)
    assert client.get("/account").status_code == 303


def test_of_two_that_were_begun_the_newer_is_good(hall, browse):
    client = browse(None)
    old = hall.visit(begin(client))["state"]
    hall.visit(begin(client))
    assert refused(client, client.get("/auth/callback/oidc", query_string=hall.answer(state=old)), "another browser")


def test_an_answer_that_comes_too_late_is_refused(hall, browse, clock):
    client = browse(None)
    hall.visit(begin(client))
    clock.forward(minutes=31)
    assert refused(client, client.get("/auth/callback/oidc", query_string=hall.answer()), "too long ago")


def test_the_state_of_one_provider_is_none_at_another(hall, network, configured, browse):
    configured(HALL, GOOGLE)
    Issuer(network, GOOGLE)
    client = browse(None)
    hall.visit(begin(client))
    response = client.get("/auth/callback/google", query_string=hall.answer())
    assert refused(client, response, "begun in another browser")


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"azp": "somebody-else"},
        {"aud": "somebody-else", "azp": "hall"},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"aud": ["hall", "somebody-else"], "azp": "somebody-else"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_this_sign_in_is_refused(hall, browse, claims):
    hall.claims |= claims
    client = browse(None)
    response = come(client, hall)
    assert response.headers["Location"] == "/sign-in"
    assert Identity.select().count() == 0
    assert client.get("/account").status_code == 303


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (RSAKey.generate_key(2048, {"kid": "one"}), "RS256"),  # signed by somebody else
        (OctKey.import_key("a secret of the client"), "HS256"),  # by the client's own secret, as HS256 would be
        (OctKey.import_key("a key that nobody needs"), "none"),
    ],
    ids=["another key", "HS256", "none"],
)
@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_a_token_that_the_issuer_did_not_sign_is_refused(hall, browse, key, alg):
    hall.key, hall.alg = key, alg
    client = browse(None)
    assert refused(client, come(client, hall), "couldn't be checked")


def test_a_wrong_code_is_refused(hall, browse):
    client = browse(None)
    assert refused(client, come(client, hall, code="another"), "couldn't be checked")


def test_a_dead_issuer_is_told_at_the_door(network, configured, browse, caplog):
    client = browse(None)
    response = client.post("/auth/oidc")
    assert refused(client, response, "Hall can't be reached just now")
    network.get("https://login.example.org/.well-known/openid-configuration", body=requests.Timeout())
    assert refused(client, client.post("/auth/oidc"), "Hall can't be reached just now")


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "7", '{"issuer": 7}', "{}"])
def test_a_broken_discovery_document_is_told_too(network, configured, browse, body):
    network.get("https://login.example.org/.well-known/openid-configuration", body=body)
    client = browse(None)
    response = client.post("/auth/oidc")
    assert response.headers["Location"] == "/sign-in"
    assert re.search("couldn't be checked|can't be reached", html.unescape(client.get("/sign-in").get_data(True)))


def test_another_issuers_discovery_document_is_refused(network, configured, browse):
    Issuer(network, HALL, issuer="https://evil.example")
    client = browse(None)
    assert refused(client, client.post("/auth/oidc"), "couldn't be checked")


@pytest.mark.parametrize("body", ["", "[]", '{"error": "x"}', '{"access_token": "a", "token_type": "Bearer"}'])
def test_an_issuer_that_dies_in_between_is_told(hall, network, browse, body):
    client = browse(None)
    hall.visit(begin(client))
    network.replace("POST", "https://login.example.org/token", body=body)
    assert client.get("/auth/callback/oidc", query_string=hall.answer()).headers["Location"] == "/sign-in"
    assert Identity.select().count() == 0


@pytest.mark.parametrize("status", [500, 503])
def test_an_issuer_that_fails_in_between_is_told(hall, network, browse, status):
    client = browse(None)
    hall.visit(begin(client))
    network.replace("POST", "https://login.example.org/token", status=status)
    assert refused(client, client.get("/auth/callback/oidc", query_string=hall.answer()), "can't be reached")


def test_an_issuer_leads_us_nowhere_else(hall, network, configured, browse):
    inside = network.get("http://169.254.169.254/latest", json={"access_token": "a", "id_token": "b"})
    client = browse(None)
    hall.visit(begin(client))
    elsewhere = {"Location": "http://169.254.169.254/latest"}
    network.replace("POST", "https://login.example.org/token", status=302, headers=elsewhere)
    assert client.get("/auth/callback/oidc", query_string=hall.answer()).headers["Location"] == "/sign-in"
    configured(dataclasses.replace(HALL, client_id="another"))  # its document is asked for anew
    document = "https://login.example.org/.well-known/openid-configuration"
    network.replace("GET", document, status=301, headers=elsewhere)
    assert client.post("/auth/oidc").headers["Location"] == "/sign-in"
    assert inside.call_count == 0


def test_the_discovery_document_is_asked_for_once_a_day(hall, network, browse, clock):
    # The token's own clock is the machine's: only the beginning is tried here.
    asked = lambda: sum("well-known" in call.request.url for call in network.calls)  # noqa: E731
    begin(browse(None))
    begin(browse(None))
    assert asked() == 1
    clock.forward(hours=25)
    begin(browse(None))
    assert asked() == 2


def test_one_place_may_not_begin_without_end(hall, browse):
    allowances.limiter.enabled = True
    client = browse(None)
    statuses = [client.post("/auth/oidc", headers={"Accept": "application/json"}).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]


# --- Google, Microsoft, Apple in their own ways ---------------------------------------------------------------------


def test_google_is_asked_to_let_people_choose(network, configured, browse):
    configured(GOOGLE)
    google = Issuer(network, GOOGLE)
    google.claims = NINA | {"hd": "example.org"}
    client = browse(None)
    assert come(client, google, "google").headers["Location"] == "/nina-simone"
    assert google.asked["prompt"] == "select_account"


def test_microsoft_answers_for_the_tenant_it_names_and_vouches_for_nobody(network, configured, browse):
    configured(MICROSOFT)
    tenant = "11111111-2222-3333-4444-555555555555"
    microsoft = Issuer(network, MICROSOFT, issuer="https://login.microsoftonline.com/{tenantid}/v2.0")
    microsoft.claims = NINA | {"tid": tenant, "iss": f"https://login.microsoftonline.com/{tenant}/v2.0"}
    client = browse(None)
    assert come(client, microsoft, "microsoft").headers["Location"] == "/auth/code"
    assert Identity.select().count() == 0
    microsoft.claims |= {"iss": "https://login.microsoftonline.com/evil/v2.0"}
    assert come(browse(None), microsoft, "microsoft").headers["Location"] == "/sign-in"


@pytest.fixture
def apple(network, configured):
    configured(APPLE)
    made = Issuer(network, APPLE, token_endpoint_auth_methods_supported=["client_secret_post"])
    made.claims = {"email": "nina@example.org", "email_verified": "true"}
    return made


def test_apple_posts_from_its_own_site_without_our_cookie(apple, browse, web):
    client = browse(None)
    asked = apple.visit(begin(client, "apple"))
    assert (asked["response_mode"], asked["scope"]) == ("form_post", "openid email name")
    stranger = web.test_client()  # a Lax cookie stays at home when another site posts
    form = apple.answer(user='{"name": {"firstName": "Nina", "lastName": "Simone"}, "email": "evil@example.org"}')
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://appleid.apple.com"}
    response = stranger.post("/auth/callback/apple", data=form, headers=headers)
    assert response.status_code == 303
    assert "Set-Cookie" not in response.headers
    assert response.headers["Location"].startswith("/auth/callback/apple?code=c0de&state=")
    response = client.get(response.headers["Location"])
    assert response.headers["Location"] == "/nina-simone"
    nina = User.get(User.email_norm == "nina@example.org")
    assert nina.name == "Nina Simone"
    sent = apple.exchanged[0]
    assert sent["authorization"] is None
    assert sent["client_secret"].count(".") == 2


@pytest.mark.parametrize("user", ["", "{", "[]", "7", '{"name": 7}', '{"name": {}}', '{"name": null}'])
def test_a_name_from_apple_that_is_none_is_left_out(apple, browse, user):
    assert come(browse(None), apple, "apple", user=user).status_code == 303
    assert User.get(User.email_norm == "nina@example.org").name == "nina"


def test_nobody_else_may_post_from_another_site(apple, browse):
    headers = {"Sec-Fetch-Site": "cross-site", "Accept": "application/json"}
    assert browse(None).post("/auth/callback/oidc", headers=headers).status_code == 405
    assert browse(None).post("/auth/code", headers=headers).status_code == 403


def test_what_apple_posts_leads_nowhere_else(apple, web):
    form = {"code": "x&next=//evil.example", "state": "\r\nSet-Cookie: a=b", "next": "//evil.example"}
    response = web.test_client().post("/auth/callback/apple", data=form)
    assert response.headers["Location"] == (
        "/auth/callback/apple?code=x%26next%3D%2F%2Fevil.example&state=%0D%0ASet-Cookie%3A+a%3Db"
    )


# --- an address that nobody vouches for ------------------------------------------------------------------------------


def code_of(letters):
    return re.search(r"\b\d{6}\b", letters()[-1][2])[0]


def test_an_address_that_nobody_vouches_for_is_proven_by_code(hall, browse, letters):
    hall.claims["email_verified"] = False
    client = browse(None)
    response = come(client, hall, form={"next": "/notifications"})
    assert response.headers["Location"] == "/auth/code"
    page = client.get("/auth/code").get_data(True)
    assert "nina@example.org" in page
    assert "spam" in page
    right = code_of(letters)
    wrong = client.post("/auth/code", data={"code": "000000" if right != "000000" else "000001"})
    assert wrong.status_code == 422
    assert "4 tries" in wrong.get_data(True)
    response = client.post("/auth/code", data={"code": right})
    assert (response.status_code, response.headers["Location"]) == (303, "/notifications")
    assert client.get("/notifications").status_code == 200
    assert client.get("/auth/code").headers["Location"] == "/sign-in"


def test_a_code_is_sent_again(hall, browse, letters, followed):
    hall.claims["email_verified"] = False
    client = browse(None)
    come(client, hall)
    old = code_of(letters)
    assert "A new code is on its way" in followed(client, client.post("/auth/code/resend"))
    assert len(letters()) == 2
    assert client.post("/auth/code", data={"code": code_of(letters)}).headers["Location"] == "/nina-simone"
    assert old


def test_without_something_that_was_begun_there_is_no_code(browse):
    client = browse(None)
    assert client.get("/auth/code").headers["Location"] == "/sign-in"
    assert client.post("/auth/code", data={"code": "1"}).headers["Location"] == "/sign-in"
    assert client.post("/auth/code/resend").headers["Location"] == "/sign-in"


def test_letters_to_one_address_are_counted_and_those_who_are_known_cost_none(hall, browse, letters):
    allowances.limiter.enabled = True
    hall.claims["email_verified"] = False
    client = browse(None)
    come(client, hall)
    client.post("/auth/code", data={"code": code_of(letters)})
    for _ in range(4):
        assert come(browse(None), hall).headers["Location"] == "/nina-simone"
    for n in range(2):
        hall.claims["sub"] = f"other-{n}"
        assert come(browse(None), hall).headers["Location"] == "/auth/code"
    hall.claims["sub"] = "one-more"
    client = browse(None)
    response = come(client, hall)
    assert response.headers["Location"] == "/sign-in"
    assert "Too many tries" in client.get("/sign-in").get_data(True)


# --- connecting --------------------------------------------------------------------------------------------------------


def test_who_is_signed_in_connects_it_and_disconnects_it_again(hall, browse, cast, followed, said):
    client = browse("bob")
    assert "Not connected" in said(client.get("/settings/security"))
    response = come(client, hall, form=CONNECT)
    assert response.headers["Location"] == "/settings/security"
    page = said(client.get("/settings/security"))
    assert "Hall is connected" in page
    assert "nina@example.org" in page
    assert Identity.get().user == cast.bob
    assert client.get("/account").status_code == 200  # still the same session
    assert come(browse(None), hall).headers["Location"] == "/bob"

    id = Identity.get().id
    refusal = client.post(f"/settings/security/identities/{id}/removal", headers={"Accept": "application/json"})
    assert refusal.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    proof = {f"proof_{part}": refusal.json[part] for part in ("action", "target", "level")}
    proof |= {"proof_method": "password", "proof_answer": "Correct horse 1!"}
    response = client.post(f"/settings/security/identities/{id}/removal", data=proof)
    assert "Hall is disconnected" in followed(client, response)
    assert Identity.select().count() == 0


def test_a_stranger_connects_nothing(hall, browse):
    response = browse(None).post("/auth/oidc", data={"intent": "connect"})
    assert response.headers["Location"].startswith("/sign-in?next=")


def test_nobody_disconnects_somebody_elses(hall, browse, cast):
    come(browse("bob"), hall, form=CONNECT)
    client = browse("alice")
    path = f"/settings/security/identities/{Identity.get().id}/removal"
    about = {"proof_action": "security.disconnect", "proof_target": str(Identity.get().id), "proof_level": "3"}
    proof = about | {"proof_method": "password", "proof_answer": "Correct horse 1!"}
    response = client.post(path, data=proof, headers={"Accept": "application/json"})
    assert (response.status_code, response.json["message"]) == (404, "That account is disconnected already.")
    assert Identity.get().user == cast.bob


def test_one_is_asked_again_before_one_is_sent_there(hall, browse, cast):
    client = browse("bob")
    asked = {"headers": {"Accept": "application/json"}, "data": {"intent": "connect"}}
    refusal = client.post("/auth/oidc", **asked)
    assert (refusal.status_code, refusal.json["action"]) == (403, "security.connect")
    response = come(client, hall, form=CONNECT)
    assert response.headers["Location"] == "/settings/security"
    assert Identity.get().user == cast.bob


def test_what_grew_old_on_the_way_is_told_on_the_way_back(hall, browse, cast):
    client = browse("bob")
    hall.visit(begin(client, **CONNECT))
    transactions.writes(Proof.update(expires_at=now()).execute)()
    response = client.get("/auth/callback/oidc", query_string=hall.answer())
    assert refused(client, response, "Confirm that it is you", "/settings/security")


def test_who_signed_out_on_the_way_or_is_somebody_else_by_now_connects_nothing(hall, browse, cast):
    client = browse("bob")
    hall.visit(begin(client, **CONNECT))
    answer = hall.answer()
    with client.session_transaction() as cookie:
        kept = {key: value for key, value in cookie.items() if key.startswith("_state_")}
    others = browse("alice")
    with others.session_transaction() as cookie:
        cookie.update(kept)
    response = others.get("/auth/callback/oidc", query_string=answer)
    assert refused(others, response, "signed out meanwhile", "/settings/security")
    stranger = browse(None)
    with stranger.session_transaction() as cookie:
        cookie.update(kept)
    response = stranger.get("/auth/callback/oidc", query_string=answer)
    assert refused(stranger, response, "signed out meanwhile")


def test_somebody_elses_is_refused_on_the_security_page(hall, browse, cast, said):
    come(browse("alice"), hall, form=CONNECT)
    client = browse("bob")
    response = come(client, hall, form=CONNECT)
    assert response.headers["Location"] == "/settings/security"
    assert "belongs to another account" in said(client.get("/settings/security"))
    assert Identity.get().user == cast.alice


def test_an_unvouched_address_is_connected_by_its_code(hall, browse, cast, letters):
    hall.claims["email_verified"] = False
    client = browse("bob")
    assert come(client, hall, form=CONNECT).headers["Location"] == "/auth/code"
    assert "Connect Hall" in client.get("/auth/code").get_data(True)
    response = client.post("/auth/code", data={"code": code_of(letters)})
    assert response.headers["Location"] == "/settings/security"
    assert Identity.get().user == cast.bob
    assert User.one(User.email_norm == "nina@example.org") is None
    assert identities.of(cast.bob)
    assert AuthToken.get(AuthToken.purpose == "identity").consumed_at
