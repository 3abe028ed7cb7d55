import re

import pytest

import models
from domain import sessions, transactions
from models import AuthToken, Organization, Session, User
from tests.conftest import PASSWORD


@pytest.fixture
def newcomer(browse):
    return browse(None)


FORM = {"email": "Nina@Example.org", "name": "Nina Simone", "password": PASSWORD}


def code_of(letters):
    return re.search(r"\b\d{6}\b", letters()[-1][2])[0]


def cookie(client):
    return client.get_cookie("guildhall").value


# --- sign-up -----------------------------------------------------------------------------------------


def test_a_stranger_signs_up_proves_the_address_and_stands_in_a_home_of_their_own(newcomer, letters):
    assert not User.one(User.email_norm == "nina@example.org")
    response = newcomer.post("/sign-up", data=FORM)
    assert (response.status_code, response.headers["Location"]) == (303, "/verify")
    page = newcomer.get("/verify").get_data(True)
    assert "Nina@Example.org" in page
    assert not User.one(User.email_norm == "nina@example.org")  # nothing before the code
    response = newcomer.post("/verify", data={"code": code_of(letters)})
    home = Organization.get(Organization.owner == User.get(User.email_norm == "nina@example.org"))
    assert (response.status_code, response.headers["Location"]) == (303, f"/{home.slug}")
    assert newcomer.get(f"/{home.slug}").status_code == 200


def test_sign_up_keeps_where_one_was_going(newcomer, letters):
    newcomer.post("/sign-up?next=/notifications", data=FORM)
    response = newcomer.post("/verify", data={"code": code_of(letters)})
    assert response.headers["Location"] == "/notifications"


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "\\\\evil.example", "javascript:alert(1)"]
)
def test_sign_up_and_sign_in_lead_nowhere_else(newcomer, cast, target):
    data = {"email": "bob@example.org", "password": PASSWORD, "next": target}
    response = newcomer.post("/sign-in", data=data)
    assert (response.status_code, response.headers["Location"]) == (303, "/bob")


@pytest.mark.parametrize("target", ["%0d%0aSet-Cookie:%20a=b", "/acme%0d%0aSet-Cookie:%20a=b"])
def test_a_line_break_in_next_makes_no_header(newcomer, target):
    response = newcomer.post(f"/sign-in?next={target}", data={"email": "bob@example.org", "password": PASSWORD})
    assert response.status_code == 303
    assert "a=b" not in str(response.headers.getlist("Set-Cookie"))


def test_next_in_other_letters_makes_a_header_that_can_be_sent(newcomer, hx):
    """HX-Redirect and Location must be ASCII, or the server fails after the view has answered."""
    for headers in (hx(), {}):
        newcomer.post("/sign-out")
        data = {"email": "bob@example.org", "password": PASSWORD, "next": "/acme/tasks?q=日本語"}
        response = newcomer.post("/sign-in", data=data, headers=headers)
        target = response.headers.get("HX-Redirect") or response.headers["Location"]
        assert target.startswith("/acme/tasks?q=")
        target.encode("ascii")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("email", "nina", "Write a whole e-mail address"),
        ("name", " ", "Write your name"),
        ("password", "short", "The password still needs"),
    ],
)
def test_a_bad_sign_up_keeps_the_values_says_why_beside_the_field_and_never_echoes_the_password(
    newcomer, field, value, sentence
):
    form = FORM | {field: value}
    response = newcomer.post("/sign-up", data=form)
    page = response.get_data(True)
    assert response.status_code == 422
    assert sentence in page
    assert f'id="{field}_error"' in page or f"{field}" in page
    if field != "email":
        assert 'value="Nina@Example.org"' in page
    assert form["password"] not in page
    assert AuthToken.select().count() == 0


def test_htmx_gets_the_form_alone_on_a_refusal(newcomer, hx, outline):
    response = newcomer.post("/sign-up", data=FORM | {"name": ""}, headers=hx("sign_up_form"))
    assert response.status_code == 422
    assert outline(response)[0] == ["sign_up_form"]


def test_an_address_that_has_an_account_gets_the_same_answer_and_another_letter(newcomer, letters, cast):
    known = newcomer.post("/sign-up", data=FORM | {"email": "bob@example.org"})
    assert (known.status_code, known.headers["Location"]) == (303, "/verify")
    assert newcomer.get("/verify").status_code == 200
    to, _subject, text = letters()[-1]
    assert to == "bob@example.org"
    assert not re.search(r"\b\d{6}\b", text)
    assert User.select().where(User.email_norm == "bob@example.org").count() == 1


def test_a_wrong_code_counts_down_and_the_sixth_try_is_over(newcomer, letters):
    newcomer.post("/sign-up", data=FORM)
    code = code_of(letters)
    wrong = "000000" if code != "000000" else "111111"
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        response = newcomer.post("/verify", data={"code": wrong})
        assert response.status_code == 422
        assert left in response.get_data(True)
    for attempt in (wrong, code):
        response = newcomer.post("/verify", data={"code": attempt})
        assert response.status_code == 422
        assert "no longer good" in response.get_data(True)
    assert not User.one(User.email_norm == "nina@example.org")


def test_a_new_code_voids_the_old_one(newcomer, letters):
    newcomer.post("/sign-up", data=FORM)
    old = code_of(letters)
    response = newcomer.post("/verify/resend")
    assert (response.status_code, response.headers["Location"]) == (303, "/verify")
    new = code_of(letters)
    if new != old:
        assert newcomer.post("/verify", data={"code": old}).status_code == 422
    assert newcomer.post("/verify", data={"code": new}).status_code == 303


def test_a_code_belongs_to_the_browser_that_asked(newcomer, browse, letters):
    newcomer.post("/sign-up", data=FORM)
    code = code_of(letters)
    other = browse(None)
    response = other.post("/verify", data={"code": code})
    assert (response.status_code, response.headers["Location"]) == (303, "/sign-up")
    assert not User.one(User.email_norm == "nina@example.org")


def test_closed_sign_up_refuses(newcomer, cast, counted):
    from domain import settings

    settings.change("sign_up_open", "off", by=cast.stella)
    before = counted()
    response = newcomer.post("/sign-up", data=FORM)
    assert response.status_code == 403
    assert "Sign-up is closed" in response.get_data(True)
    assert counted() == before


# --- sign-in -----------------------------------------------------------------------------------------


def test_sign_in_gives_a_new_cookie_and_leads_back(newcomer):
    newcomer.post("/sign-up", data=FORM)  # something is in the cookie already
    planted = cookie(newcomer)
    response = newcomer.post(
        "/sign-in", data={"email": "BOB@example.org ", "password": PASSWORD, "next": "/acme/tasks"}
    )
    assert (response.status_code, response.headers["Location"]) == (303, "/acme/tasks")
    assert cookie(newcomer) != planted
    with newcomer.session_transaction() as held:
        assert "sign_up" not in held
    newcomer.set_cookie("guildhall", planted)
    assert newcomer.get("/acme").status_code == 303  # the planted one opens nothing


def test_a_wrong_password_an_unknown_address_and_a_suspended_user_get_one_answer(newcomer, cast):
    transactions.writes(lambda: User.update(status="suspended").where(User.id == cast.vera.id).execute())()
    answers = set()
    for email, password in (
        ("bob@example.org", "Wrong horse 1!!"), ("nobody@example.org", PASSWORD), ("vera@example.org", PASSWORD),
    ):  # fmt: skip
        response = newcomer.post("/sign-in", data={"email": email, "password": password})
        page = response.get_data(True)
        assert password not in page
        assert "isn&#39;t right" in page
        answers.add((response.status_code, re.sub(r'value="[^"]*"|content="[0-9a-f]{16}"|[0-9a-f]{16}', "", page)))
    assert len(answers) == 1
    assert answers.pop()[0] == 422
    assert newcomer.get("/acme").status_code == 303


def test_htmx_sign_in_gets_the_form_alone_and_then_a_whole_page_to_go_to(newcomer, hx, outline):
    bad = newcomer.post("/sign-in", data={"email": "bob@example.org", "password": "x"}, headers=hx("sign_in_form"))
    assert (bad.status_code, outline(bad)[0]) == (422, ["sign_in_form"])
    good = newcomer.post(
        "/sign-in", data={"email": "bob@example.org", "password": PASSWORD}, headers=hx("sign_in_form")
    )
    assert (good.status_code, good.headers["HX-Redirect"]) == (204, "/bob")


def test_whoever_never_proved_the_address_is_sent_to_do_so(newcomer, browse, letters):
    newcomer.post("/sign-up", data=FORM)
    letters()
    later = browse(None)
    response = later.post("/sign-in", data={"email": FORM["email"], "password": PASSWORD})
    assert (response.status_code, response.headers["Location"]) == (303, "/verify")
    assert later.post("/verify", data={"code": code_of(letters)}).status_code == 303
    assert User.one(User.email_norm == "nina@example.org")


def test_signed_in_people_are_not_asked_to_sign_in_again(browse):
    bob = browse("bob")
    assert bob.get("/sign-in").headers["Location"] == "/app"
    assert bob.get("/sign-up").headers["Location"] == "/app"
    assert bob.get("/sign-in?next=/acme/tasks").headers["Location"] == "/acme/tasks"
    assert bob.get("/login?next=/x").headers["Location"] == "/sign-in?next=/x"


def test_signing_out_ends_the_session_itself_not_only_the_cookie(browse):
    bob = browse("bob")
    held = cookie(bob)
    assert bob.get("/acme").status_code == 200
    assert bob.post("/sign-out").headers["Location"] == "/"
    bob.set_cookie("guildhall", held)
    assert bob.get("/acme").status_code == 303


def test_signing_out_by_a_link_does_nothing(browse):
    bob = browse("bob")
    assert bob.get("/sign-out").status_code in (404, 405)
    assert bob.get("/acme").status_code == 200


# --- a forgotten password ------------------------------------------------------------------------------


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


# --- the first account -----------------------------------------------------------------------------------


def test_the_setup_link_makes_one_admin_once(web):
    from domain import accounts

    secret = accounts.setup_secret()
    client = web.test_client()
    assert client.get(f"/setup/{secret}").status_code == 200
    bad = client.post(f"/setup/{secret}", data=FORM | {"password": "x"})
    assert bad.status_code == 422
    response = client.post(f"/setup/{secret}", data=FORM)
    assert response.status_code == 303
    assert client.get("/admin").status_code == 200
    assert web.test_client().get(f"/setup/{secret}").status_code == 404
    assert web.test_client().post(f"/setup/{secret}", data=FORM | {"email": "eve@example.org"}).status_code == 404
    assert User.select().count() == 1


def test_a_guessed_setup_link_is_not_there(web):
    from domain import accounts

    accounts.setup_secret()
    assert web.test_client().get("/setup/guess").status_code == 404
    assert web.test_client().post("/setup/guess", data=FORM).status_code == 404
    assert User.select().count() == 0


# --- one's own pages ---------------------------------------------------------------------------------------


def test_looking_at_the_account_puts_the_dot_out(browse, cast):
    from domain import alerts

    alerts.broadcast("Tea is ready.", by=cast.stella)
    bob = browse("bob")
    assert alerts.unread(User.get_by_id(cast.bob.id))
    assert "Tea is ready." in bob.get("/account").get_data(True)
    assert not alerts.unread(User.get_by_id(cast.bob.id))


def test_a_browser_is_listed_and_can_be_signed_out(browse, cast):
    here, there = browse("bob"), browse("bob")
    assert there.get("/acme").status_code == 200
    page = here.get("/settings/security").get_data(True)
    assert "Chrome on Linux" in page
    with there.session_transaction() as held:
        other = sessions.find(held["_user_id"]).session.id
    response = here.post(f"/settings/security/sessions/{other}/end")
    assert (response.status_code, response.headers["Location"]) == (303, "/settings/security")
    assert there.get("/acme").status_code == 303
    assert here.get("/acme").status_code == 200
    assert here.post(f"/settings/security/sessions/{other}/end").status_code == 404  # twice is told


def test_nobody_ends_the_session_of_somebody_else(browse, cast):
    bob, charlie = browse("bob"), browse("charlie")
    with bob.session_transaction() as held:
        his = sessions.find(held["_user_id"]).session.id
    assert charlie.post(f"/settings/security/sessions/{his}/end").status_code == 404
    assert bob.get("/acme").status_code == 200


def test_ending_ones_own_session_leads_to_sign_in(browse):
    bob = browse("bob")
    with bob.session_transaction() as held:
        his = sessions.find(held["_user_id"]).session.id
    assert bob.post(f"/settings/security/sessions/{his}/end").headers["Location"] == "/sign-in"
    assert bob.get("/acme").status_code == 303


def test_all_other_browsers_are_signed_out_at_once(browse, followed):
    here, *others = (browse("bob") for _ in range(3))
    assert "Signed out 2 other browsers" in followed(here, here.post("/settings/security/sessions/end"))
    assert [o.get("/acme").status_code for o in others] == [303, 303]
    assert "No other browser was signed in" in followed(here, here.post("/settings/security/sessions/end"))
    assert Session.select().where(Session.ended_at.is_null()).count() == 1


def test_a_session_ends_by_itself_when_it_is_old_or_idle(clock, browse):
    bob = browse("bob")
    assert bob.get("/acme").status_code == 200
    clock.forward(days=15)  # idle for longer than 14
    assert bob.get("/acme").status_code == 303
    again = browse("bob")
    for _ in range(9):
        clock.forward(days=10)
        last = again.get("/acme").status_code
    assert last == 200  # used all the time
    clock.forward(days=1)
    assert again.get("/acme").status_code == 303  # and still over after 90 days


def test_a_forged_cookie_is_a_stranger(web, browse):
    bob = browse("bob")
    value = cookie(bob)
    body, _, signature = value.rpartition(".")
    bare = web.test_client(use_cookies=False)
    assert bare.get("/acme", headers={"Cookie": f"guildhall={value}"}).status_code == 200
    for forged in (value[:-2] + "xx", body, body + "." + signature[::-1], "x" * 5000, "", "a.b.c", "\xff\xfe"):
        assert bare.get("/acme", headers={"Cookie": f"guildhall={forged}"}).status_code == 303, forged


def test_cookies_are_http_only_same_site_and_secure_over_https(web, house, newcomer, browse):
    import dataclasses

    import app as application
    from domain import configuration

    set_cookie = newcomer.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD}).headers[
        "Set-Cookie"
    ]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Secure" not in set_cookie
    models.database.close_all()
    secure = application.create_app(dataclasses.replace(configuration.active, site_url="https://hall.example.org"))
    assert secure.config["SESSION_COOKIE_SECURE"] is True
    answer = secure.test_client().get("/sign-in", base_url="https://hall.example.org")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert models.database.dialect


def test_the_forms_of_the_gate_post_to_where_they_are_taken(web, letters):
    """As a browser does it: what the page says is what is sent."""
    from domain import accounts

    address = f"/setup/{accounts.setup_secret()}"
    client = web.test_client()
    page = client.get(address).get_data(True)
    action = re.search(r'<form id="setup_form"[^>]*action="([^"]*)"', page)[1]
    response = client.post(action or address, data=FORM)
    assert response.status_code == 303
    assert User.select().count() == 1
    client.post("/sign-out")
    for path in ("/sign-in", "/sign-up", "/forgot-password"):
        page = client.get(path).get_data(True)
        assert re.search(rf'<form id="\w+" method="post" action="{path}"', page), path
