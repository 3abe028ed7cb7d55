import dataclasses
import html
import io
import re

import pytest

import jobs
from database.clock import now
from domain.backers import backer_codes, backer_imports, backers, tiers
from domain.base import configuration, settings
from domain.base.allowances import limiter
from domain.base.configuration import IdentityProvider
from domain.people import accounts
from models import AuditEvent, AuthToken, Backer, BackerImport, Identity, Proof, Session, User
from tests.fixtures.entrance import readable
from tests.fixtures.issuer import Issuer, mocked
from tests.fixtures.threads import write

HALL = IdentityProvider("oidc", "Hall", "https://login.example.org", "hall", "a secret of the client")
PASSWORD = "Correct horse 1!"
NINA = {"email": "nina@example.org", "name": "Nina", "password": PASSWORD}
CODE = "Ada-7Q2M"


@pytest.fixture
def tier(cast):
    return tiers.add({"key": "early", "name": "Early bird", "months": "12", "credits": "5"}, by=cast.stella)


@pytest.fixture
def ada(cast, tier):
    return backers.add("Ada", CODE, tier.id, by=cast.stella)[0]


@pytest.fixture
def campaign(cast, ada):
    settings.change("crowdfunding_active", "on", by=cast.stella)
    return ada


@pytest.fixture
def hall(web):
    configuration.use(dataclasses.replace(configuration.active, identity_providers=(HALL,)))
    with mocked() as network:
        made = Issuer(network, HALL)
        made.claims = {"email": "nina@example.org", "email_verified": True, "name": "Nina"}
        yield made


def check(client, username="Ada", code=CODE, **more):
    return client.post("/sign-up/backer", data={"username": username, "code": code, **more})


def six_digits(letters):
    return re.search(r"\b\d{6}\b", letters()[-1][2])[0]


def carries(client):
    with client.session_transaction() as cookie:
        return cookie.get("backer")


def come(client, issuer, intent="sign-up"):
    page = client.post("/auth/oidc", data={"intent": intent}).get_data(True)
    issuer.visit(html.unescape(re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)[1]))
    return client.get("/auth/callback/oidc", query_string=issuer.answer())


# --- the form before the form -----------------------------------------------------------------------------


def test_with_the_flag_off_there_is_nothing_of_it_anywhere(ada, hall, browse):
    client = browse(None)
    for path in ("/", "/sign-up", "/sign-up/code", "/sign-in", "/faq", "/pricing"):
        text = client.get(path).get_data(True).lower()
        assert "backer" not in text, path
        assert "redeem" not in text, path
    assert 'id="sign_up_form"' in client.get("/sign-up").get_data(True)
    response = check(client)
    assert response.status_code == 404
    assert carries(client) is None


def test_with_the_flag_on_every_surface_changes(campaign, hall, browse, said):
    client = browse(None)
    assert "Redeem your code" in said(client.get("/"))
    assert "For backers" in said(client.get("/faq"))
    assert "made with its backers" in said(client.get("/pricing"))
    for path in ("/sign-up", "/sign-up/code"):
        page = client.get(f"{path}?next=/acme").get_data(True)
        assert 'id="backer_form"' in page
        assert 'name="password"' not in page
        assert 'name="email"' not in page
        assert re.search(r"<button[^>]* disabled[^>]*>.*?Continue with Hall", page, re.S)
        assert 'name="next" value="/acme"' in page
    page = client.get("/sign-in").get_data(True)
    assert 'name="password"' in page
    assert not re.search(r"<button[^>]* disabled", page)


def test_the_purchase_buttons_are_off_and_say_so(campaign, browse):
    page = browse("alice").get("/acme/billing").get_data(True)
    assert 'action="/acme/billing/checkout"' not in page
    assert re.search(r"<button[^>]* disabled", page)
    response = browse("alice").post(
        "/acme/billing/checkout", data={"plan": "pro_monthly"}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 409


def test_a_checked_code_opens_the_form_and_keeps_where_one_was_going(campaign, hall, browse):
    client = browse(None)
    response = check(client, "ADA", next="/acme", way="code")
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-up/code?next=%2Facme")
    page = client.get("/sign-up?next=/acme").get_data(True)
    assert "Welcome, Ada." in page
    assert "Early bird" in page
    assert "5 credits" in page
    assert 'name="password"' in page
    assert 'id="backer_form"' not in page
    assert not re.search(r"<button[^>]* disabled[^>]*>.*?Continue with Hall", page, re.S)
    assert 'id="backer_form"' in browse(None).get("/sign-up").get_data(True)  # another browser has nothing of it


def test_next_may_not_lead_elsewhere(campaign, browse):
    response = check(browse(None), next="https://evil.example/x")
    assert response.headers["Location"] == "/sign-up"


@pytest.mark.parametrize("way", ["password", "code"])
def test_a_wrong_code_says_so_beside_the_field_and_keeps_the_name(campaign, browse, way):
    client = browse(None)
    response = check(client, "Ada", "<Wrong>-1", way=way)
    assert response.status_code == 409
    page = response.get_data(True)
    assert 'value="Ada"' in page
    assert "Wrong" not in page
    assert re.search(r'id="code_error"[^>]*>.*?belong together', page, re.S)
    assert carries(client) is None


def test_a_used_code_says_another_thing(campaign, browse):
    claim = backers.claim((lambda backer, token: (backer.id, token))(*backers.verify("Ada", CODE)))
    accounts.create("ole@example.org", "Ole", None, backer=claim)
    assert "made an account already" in check(browse(None)).get_data(True)


def test_the_sixth_try_at_one_name_in_a_minute_waits_whoever_tries(campaign, browse):
    limiter.enabled = True
    for name in ("Ada", "ADA", " ada ", "aDa", "adA"):
        assert check(browse(None), name, "Wrong-1").status_code == 409
    response = check(browse(None), "ada", CODE)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 61
    assert Backer.get().status == "unused"
    assert check(browse(None), "Bea", "Wrong-1").status_code == 409
    person = browse(None)
    back = person.post(
        "/sign-up/backer",
        data={"username": "ada", "code": CODE},
        headers={"Referer": "http://localhost/sign-up/backer"},
    )
    assert back.status_code == 429
    assert "Too many tries" in back.text
    assert 'value="ada"' in back.text  # what was typed is given back


# --- the ways to an account -------------------------------------------------------------------------------


def test_a_backer_signs_up_by_password_and_mailed_code(campaign, browse, letters):
    client = browse(None)
    check(client)
    assert client.post("/sign-up", data=NINA).headers["Location"] == "/verify"
    assert client.post("/verify", data={"code": six_digits(letters)}).status_code == 303
    user = User.get(User.email_norm == "nina@example.org")
    assert Backer.get().used_by == user
    assert carries(client) is None
    assert client.get("/app").status_code == 302


def test_check_2_a_form_that_is_posted_past_the_page_is_refused(campaign, browse, letters):
    client = browse(None)
    for path in ("/sign-up", "/sign-up/code"):
        response = client.post(path, data=NINA)
        assert response.status_code == 409
        assert "New accounts are for backers now" in response.get_data(True)
        assert 'id="backer_form"' in response.get_data(True)
    machine = client.post("/sign-up", data=NINA, headers={"Accept": "application/json"})
    assert machine.status_code == 409
    assert letters() == []
    assert User.select().count() == 6


def test_check_2_the_redirect_to_a_provider_keeps_the_claim_and_clears_it(campaign, hall, browse):
    client = browse(None)
    check(client)
    response = come(client, hall)
    assert response.status_code == 303
    assert not response.headers["Location"].startswith("/sign-")
    user = User.get(User.email_norm == "nina@example.org")
    assert Backer.get().used_by == user
    assert carries(client) is None


@pytest.mark.parametrize("intent", ["sign-up", "sign-in"])
def test_check_2_a_provider_without_a_claim_leads_to_the_form(campaign, hall, browse, intent):
    client = browse(None)
    response = come(client, hall, intent)
    assert response.headers["Location"] == "/sign-up"
    page = client.get("/sign-up").get_data(True)
    assert "New accounts are for backers now" in page
    assert 'id="backer_form"' in page
    assert User.select().count() == 6
    assert Identity.select().count() == 0


def test_check_2_a_provider_that_fails_clears_the_claim_too(campaign, hall, browse):
    client = browse(None)
    check(client)
    page = client.post("/auth/oidc", data={"intent": "sign-up"}).get_data(True)
    hall.visit(html.unescape(re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)[1]))
    assert carries(client)
    client.get("/auth/callback/oidc", query_string={"error": "access_denied", "state": hall.asked["state"]})
    assert carries(client) is None
    assert 'id="backer_form"' in client.get("/sign-up").get_data(True)


def test_check_2_a_provider_that_vouches_for_nothing_keeps_it_with_the_mailed_code(campaign, hall, browse, letters):
    hall.claims["email_verified"] = False
    client = browse(None)
    check(client)
    assert come(client, hall).headers["Location"] == "/auth/code"
    assert carries(client) is None
    assert AuthToken.get(AuthToken.purpose == "identity").payload["backer"][0] == campaign.id
    assert client.post("/auth/code", data={"code": six_digits(letters)}).status_code == 303
    assert Backer.get().used_by.email == "nina@example.org"


def test_check_2_a_claim_that_ran_out_is_asked_for_again_and_the_mailed_code_stays_good(
    campaign, browse, letters, clock
):
    client = browse(None)
    check(client)
    clock.forward(minutes=5)
    client.post("/sign-up/code", data=NINA)
    digits = six_digits(letters)
    clock.forward(minutes=6)
    response = client.post("/verify", data={"code": digits})
    assert response.headers["Location"] == "/sign-up"
    page = client.get("/sign-up").get_data(True)
    assert "longer than ten minutes" in page
    assert check(client).headers["Location"] == "/verify"
    assert client.post("/verify", data={"code": digits}).status_code == 303
    assert Backer.get().used_by.email == "nina@example.org"


def test_who_has_an_account_signs_in_as_before(campaign, hall, browse):
    client = browse(None)
    response = client.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD})
    assert response.status_code == 303
    hall.claims["email"] = "vera@example.org"
    other = browse(None)
    come(other, hall, "sign-in")
    assert other.get("/account").status_code == 200


def test_an_open_invitation_shows_the_form_where_it_is_enough(campaign, cast, browse, monkeypatch):
    offered = type("Offer", (), {"refusal": None})
    monkeypatch.setattr("domain.organizations.invitations.look", lambda id, user: offered if id == "abc" else None)
    path = "/sign-up?next=/accept-invitation%3FinvitationId%3Dabc"
    assert 'id="backer_form"' in browse(None).get(path).get_data(True)
    settings.change("crowdfunding_invite_bypass", "on", by=cast.stella)
    assert 'id="sign_up_form"' in browse(None).get(path).get_data(True)
    assert 'id="backer_form"' in browse(None).get("/sign-up").get_data(True)


# --- the flag ---------------------------------------------------------------------------------------------


def test_the_flag_is_changed_ten_times_a_minute_at_most(cast, browse):
    limiter.enabled = True
    client = browse("stella")
    for n in range(10):
        value = "on" if n % 2 == 0 else "off"
        assert client.post("/admin/settings/crowdfunding_active", data={"value": value}).status_code == 303
    response = client.post("/admin/settings/crowdfunding_invite_bypass", data={"value": "on"})
    assert response.status_code == 429
    assert client.post("/admin/settings/site_name", data={"value": "Hall"}).status_code == 303
    assert AuditEvent.select().where(AuditEvent.target_id == "crowdfunding_active").count() == 10


# --- the admin's side -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["", "/imports", "/tiers", "/export.csv"],
)
def test_to_everybody_else_there_is_no_admin_side(campaign, browse, path):
    for name in (None, "alice", "charlie"):
        assert browse(name).get(f"/admin/backers{path}").status_code == 404
    assert browse("stella").get(f"/admin/backers{path}").status_code == 200


def test_a_role_without_the_capability_is_refused(campaign, cast, browse, counted):
    write(Identity.delete().execute)
    from models import Admin, StaffRole

    write(Admin.create, email="dora@example.org", email_norm="dora@example.org")
    write(StaffRole.create, user=cast.dora, role="support")
    before = counted()
    assert browse("dora").get("/admin/backers").status_code == 404
    assert browse("dora").post(f"/admin/backers/{campaign.id}/release").status_code == 404
    assert counted() == before


def test_the_code_of_a_new_backer_is_shown_once(tier, browse, said):
    client = browse("stella")
    response = client.post("/admin/backers", data={"username": "Bea", "tier": tier.id})
    assert response.status_code == 200
    code = re.search(r"\b[A-Z0-9]{4}(-[A-Z0-9]{4}){3}\b", said(response))[0]
    assert code not in readable(client)
    assert code not in said(client.get(f"/admin/backers/{Backer.get().id}"))
    assert response.headers["Cache-Control"] == "no-store"
    assert Backer.get().code_hash == backer_codes.hashed("bea", code)


def test_a_refused_backer_comes_back_with_what_was_typed(ada, browse):
    client = browse("stella")
    response = client.post("/admin/backers", data={"username": "Bea", "code": "x y", "tier": ada.tier_id})
    assert response.status_code == 422
    assert 'value="Bea"' in response.get_data(True)
    assert 'id="code_error"' in response.get_data(True)
    again = client.post("/admin/backers", data={"username": "ada", "code": CODE, "tier": ada.tier_id})
    assert again.status_code == 409
    assert "this code already" in again.get_data(True)


def test_the_list_is_searched_filtered_and_asked_for_in_parts(campaign, cast, browse, hx, outline, said):
    for n in range(51):
        backers.add(f"Backer {n:02}", f"Code-{n}", campaign.tier_id, by=cast.stella)
    client = browse("stella")
    page = client.get("/admin/backers").get_data(True)
    assert "Backer 50" in page
    assert "Show more" in page
    more = html.unescape(re.search(r'href="(/admin/backers\?[^"]*after=[^"]+)"', page)[1])
    assert ">Ada</a>" in client.get(more).get_data(True)
    part = client.get("/admin/backers?q=ada&status=unused", headers=hx("list_area"))
    assert outline(part)[0] == ["list_area"]
    assert "Ada" in said(part)
    assert "Backer 01" not in said(part)
    assert "Nothing fits" in said(client.get("/admin/backers?status=used"))


def test_the_export_has_no_codes_and_no_formulas(campaign, cast, browse):
    backers.add("=cmd|calc", "Evil-1234", campaign.tier_id, by=cast.stella)
    claim = backers.claim((lambda backer, token: (backer.id, token))(*backers.verify("Ada", CODE)))
    accounts.create("ole@example.org", "Ole", None, backer=claim)
    response = browse("stella").get("/admin/backers/export.csv")
    lines = response.get_data().decode("utf-8-sig").replace('"', "").splitlines()
    assert response.mimetype == "text/csv"
    assert lines[0] == "Id,Username,Tier,Status,Account,Used,Access until"
    assert lines[1] == "2,'=cmd|calc,Early bird,Unused,,,"
    assert lines[2].startswith("1,Ada,Early bird,Used,ole@example.org,20")
    assert CODE not in response.get_data(True)
    assert Backer.get().code_hash not in response.get_data(True)


def test_a_code_is_released_after_a_proof(campaign, cast, browse):
    claim = backers.claim((lambda backer, token: (backer.id, token))(*backers.verify("Ada", CODE)))
    accounts.create("ole@example.org", "Ole", None, backer=claim)
    client = browse("stella")
    assert "Release code" in client.get(f"/admin/backers/{campaign.id}").get_data(True)
    path = f"/admin/backers/{campaign.id}/release"
    asked = client.post(path, headers={"Accept": "application/json"})
    assert asked.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED"
    assert Backer.get().status == "used"
    write(
        Proof.create,
        user=cast.stella,
        session=Session.select().where(Session.user == cast.stella).order_by(-Session.id).get(),
        action="admin.release_backer",
        target=str(campaign.id),
        level=3,
        single_use=False,
        expires_at=now() + backers.LIFE,
    )
    assert client.post(path).status_code == 303
    assert Backer.get().status == "unused"


# --- imports ----------------------------------------------------------------------------------------------


def send(client, text, name="list.csv", **more):
    data = text if isinstance(text, bytes) else text.encode()
    response = client.post(
        "/admin/backers/imports", data={"file": (io.BytesIO(data), name), **more}, content_type="multipart/form-data"
    )
    response.request.environ["wsgi.input"].close()  # the test client's own: it leaves large ones open
    return response


def test_a_file_is_compared_confirmed_and_watched(tier, browse, hx, outline, said):
    client = browse("stella")
    response = send(client, "username,code\nAda,Ada-1234\nBea,x\n", tier=tier.id)
    place = response.headers["Location"]
    page = said(client.get(place))
    assert "1 backer is new." in page
    assert "Nothing has been added so far" in page
    assert "A code has 4 to 80 characters" in page
    assert Backer.select().count() == 0
    assert client.get(f"{place}/errors.csv").get_data(True).splitlines()[1].startswith('"3","Bea",')
    assert "Ada" not in said(client.get(f"{place}?only=wrong")).partition("Result")[2]
    assert client.post(f"{place}/confirmation").status_code == 303
    running = client.get(place, headers=hx("import_progress"))
    assert outline(running)[0] == ["import_progress"]
    assert 'hx-trigger="load delay:1s"' in running.get_data(True)
    jobs.run("backer_import")
    over = client.get(place, headers=hx("import_progress"))
    assert over.headers["HX-Retarget"] == "#import_area"
    assert "1 backer added." in said(over)
    assert client.post(f"{place}/confirmation").status_code == 409
    assert BackerImport.get().added == 1


def test_pasted_lines_are_taken_and_a_bad_file_keeps_them(tier, browse):
    client = browse("stella")
    ok = client.post("/admin/backers/imports", data={"lines": "username;code\r\nŁucja;L-1234\r\n", "tier": tier.id})
    assert ok.status_code == 303
    assert BackerImport.get().rows[0][1] == "Łucja"
    bad = client.post("/admin/backers/imports", data={"lines": "who,what\n<b>,2"})
    assert bad.status_code == 422
    assert "must name the columns" in bad.get_data(True)
    assert "&lt;b&gt;" in bad.get_data(True)


def test_a_file_that_is_too_large_is_refused_kindly_and_a_huge_one_at_the_door(tier, browse):
    client = browse("stella")
    response = send(client, b"username\n" + b"x" * 1_000_001, tier=tier.id)
    assert response.status_code == 422
    assert "larger than 1 MB" in response.get_data(True)
    assert send(client, b"x" * 2_000_000).status_code == 413
    assert BackerImport.select().count() == 0


def test_made_codes_are_a_file_once(tier, cast, browse, said):
    client = browse("stella")
    place = send(client, "username\nAda\n=Bea\n@bea\n", tier=tier.id).headers["Location"]
    client.post(f"{place}/confirmation")
    jobs.run("backer_import")
    assert "2 codes were made here" in said(client.get(place))
    response = client.post(f"{place}/codes")
    lines = response.get_data().decode("utf-8-sig").replace('"', "").splitlines()
    assert response.headers["Cache-Control"] == "no-store"
    assert "attachment" in response.headers["Content-Disposition"]
    assert lines[0] == "Username,Code,Tier"
    assert lines[1].startswith("Ada,")
    assert lines[2].startswith("'@bea,")
    settings.change("crowdfunding_active", "on", by=cast.stella)
    assert check(browse(None), "ada", lines[1].split(",")[1]).status_code == 303
    assert client.post(f"{place}/codes", headers={"Accept": "application/json"}).status_code == 409
    assert "handed over" in said(client.get(place))


def test_a_long_file_is_shown_in_parts(tier, browse, said):
    client = browse("stella")
    place = send(client, "username\n" + "".join(f"Backer {n}\n" for n in range(250)), tier=tier.id).headers["Location"]
    page = client.get(place).get_data(True)
    assert "Backer 99<" in page
    assert "Backer 100<" not in page
    more = html.unescape(re.search(r'href="([^"]+from=100[^"]*)"', page)[1])
    assert "Backer 100<" in client.get(more).get_data(True)
    assert backer_imports.one(BackerImport.get().id).made == 250
