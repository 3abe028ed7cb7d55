"""Sign-up, and the first account of all."""

import re

import pytest

from database.clock import reader_zone
from models import AuthToken, Organization, User
from tests.conftest import PASSWORD
from tests.fixtures.entrance import FORM, code_of

# --- sign-up ---------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("said", "zone"), [("Europe/Berlin", "Europe/Berlin"), ("Mars/Base", "UTC"), ("../etc", "UTC")]
)
def test_use_r15_a_new_person_begins_in_the_zone_of_their_browser(newcomer, letters, said, zone):
    newcomer.set_cookie("guildhall_zone", said)
    newcomer.post("/sign-up", data=FORM)
    newcomer.post("/verify", data={"code": code_of(letters)})
    nina = User.get(User.email_norm == "nina@example.org")
    home = Organization.get(Organization.owner == nina)
    assert (nina.timezone, home.timezone) == (zone, zone)
    newcomer.set_cookie("guildhall_zone", "Asia/Tokyo")  # guessed once
    newcomer.get(f"/{home.slug}")
    assert User.get_by_id(nina.id).timezone == zone


def test_use_r15_no_reader_is_in_the_zone_of_the_one_before(newcomer, browse):
    newcomer.set_cookie("guildhall_zone", "Asia/Tokyo")
    newcomer.get("/")
    browse(None).get("/")
    assert reader_zone() == "UTC"


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


def test_closed_sign_up_refuses(newcomer, cast, counted):
    from domain.base import settings

    settings.change("sign_up_open", "off", by=cast.stella)
    before = counted()
    response = newcomer.post("/sign-up", data=FORM)
    assert response.status_code == 403
    assert "Sign-up is closed" in response.get_data(True)
    assert counted() == before


# --- the first account -----------------------------------------------------------------------------------


def test_the_setup_link_makes_one_admin_once(web):
    from domain.people import accounts

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
    from domain.people import accounts

    accounts.setup_secret()
    assert web.test_client().get("/setup/guess").status_code == 404
    assert web.test_client().post("/setup/guess", data=FORM).status_code == 404
    assert User.select().count() == 0
