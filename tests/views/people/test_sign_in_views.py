"""Ways in by password and mail, and out again."""

import re
from urllib.parse import urljoin, urlsplit

import pytest

from database import transactions
from database.clock import now
from domain.base import keys
from models import Session, User
from tests.conftest import CAST, PASSWORD
from tests.fixtures.entrance import BOB, FORM, code_of, cookie, link_of, neutral, signed_in_as, suspend

# --- sign-in ---------------------------------------------------------------------------------------------


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
        ("bob@example.org", "Wrong horse 1!!"),
        ("nobody@example.org", PASSWORD),
        ("vera@example.org", PASSWORD),
    ):
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


# --- in by mail: codes and links -------------------------------------------------------------------------


def test_a_code_by_mail_signs_in_and_leads_to_where_one_was_going(newcomer, letters, cast):
    asked = newcomer.post("/sign-in/code", data={"email": BOB, "next": "/acme/tasks"})
    assert (asked.status_code, asked.headers["Location"]) == (303, "/sign-in/code/answer")
    planted = cookie(newcomer)
    answer = newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/acme/tasks")
    assert signed_in_as(newcomer) == cast.bob
    assert cookie(newcomer) != planted
    newcomer.set_cookie("guildhall", planted)
    assert newcomer.get("/acme").status_code == 303


def test_a_link_may_be_opened_often_and_its_button_works_once(newcomer, browse, letters, cast):
    asked = newcomer.post("/sign-in/link", data={"email": BOB, "next": "/acme/tasks"})
    assert asked.headers["Location"] == "/sign-in/link"
    assert BOB in newcomer.get("/sign-in/link").get_data(True)
    link, elsewhere = link_of(letters), browse(None)  # opened on another device
    for method in (elsewhere.get, elsewhere.head, elsewhere.get):
        assert method(link).status_code == 200
    assert BOB in elsewhere.get(link).get_data(True)
    assert Session.select().count() == 0
    answer = elsewhere.post(link)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/acme/tasks")
    assert signed_in_as(elsewhere) == cast.bob
    late = browse(None)
    for answer in (late.get(link), late.post(link)):
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/link")
    assert "used already" in late.get("/sign-in/link").get_data(True)
    assert late.get("/acme").status_code == 303


def test_the_page_of_a_link_tells_its_address_to_nobody(newcomer, browse, letters):
    """It is a secret in an address: no other site may read it from Referer, and no cache keep the page."""
    newcomer.post("/sign-in/link", data={"email": BOB})
    answer = browse(None).get(link_of(letters))
    assert answer.headers["Referrer-Policy"] in ("no-referrer", "same-origin", "strict-origin-when-cross-origin")
    assert answer.headers["Cache-Control"] in ("no-store", "no-cache")
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.get_data(True))


def test_the_strict_pages_say_where_to_go_instead(newcomer, said):
    for path in ("/sign-in/code", "/sign-in/link"):
        answer = newcomer.post(path, data={"email": "nobody@example.org"})
        assert answer.status_code == 404
        assert "There is no account with this address" in said(answer)
        assert "/sign-up/code" in answer.get_data(True)
        assert 'value="nobody@example.org"' in answer.get_data(True)
    answer = newcomer.post("/sign-up/code", data={"email": BOB, "name": "Bob"})
    assert answer.status_code == 409
    assert "/sign-in/code" in answer.get_data(True)


def test_an_account_without_a_password(newcomer, letters):
    answer = newcomer.post("/sign-up/code", data={"email": "nina@example.org", "name": "Nina Simone"})
    assert answer.headers["Location"] == "/verify"
    assert newcomer.post("/verify", data={"code": code_of(letters)}).status_code == 303
    nina = User.get(User.email_norm == "nina@example.org")
    assert nina.password_hash is None
    assert signed_in_as(newcomer) == nina


def test_neutral_answers_are_alike_to_the_letter(web, cast, letters):
    """Status, headers and page of every way in by mail, for an account, a suspended one and none."""
    neutral(cast)
    suspend(cast.vera)
    varies = {"X-Request-Id", "Set-Cookie"}
    for paths in (
        ("/sign-in/code", "/sign-in/code/answer"),
        ("/sign-in/link", "/sign-in/link"),
        ("/sign-up/code", "/verify"),
        ("/forgot-password", "/reset-password"),
    ):
        seen = set()
        for email in (BOB, "vera@example.org", "none@example.org"):
            client = web.test_client()
            answer = client.post(paths[0], data={"email": email, "name": "Somebody"})
            page = client.get(paths[1])
            wrong = client.post(paths[1], data={"code": "x", "password": PASSWORD, "email": email})
            texts = [
                re.sub(r"[0-9a-f]{16}", "", one.get_data(True).replace(email, "")) for one in (answer, page, wrong)
            ]
            headers = [
                str(sorted((k, v) for k, v in one.headers.items() if k not in varies | {"Content-Length"}))
                for one in (answer, page, wrong)
            ]
            cookies = len(answer.headers["Set-Cookie"]) - len(email)
            seen.add(
                (
                    answer.status_code,
                    page.status_code,
                    wrong.status_code,
                    *headers,
                    *texts,
                    paths[0] == "/sign-in/link" or cookies // 8,
                )
            )
        assert len(seen) == 1, paths
    told = {to for to, subject, _ in letters() if "already" not in subject}
    assert told == {BOB, "none@example.org"}  # the second to sign up


def test_a_suspended_account_gets_nothing_and_is_told_only_where_one_is_strict(newcomer, cast, letters, browse):
    suspend(cast.bob)
    for path in ("/sign-in/code", "/sign-in/link"):
        assert newcomer.post(path, data={"email": BOB}).status_code == 403
    assert letters() == []


def test_who_is_suspended_between_asking_and_answering_stays_out(newcomer, browse, cast, letters):
    newcomer.post("/sign-in/code", data={"email": BOB})
    code = code_of(letters)
    newcomer.post("/sign-in/link", data={"email": BOB})
    link = link_of(letters)
    newcomer.post("/forgot-password", data={"email": BOB})
    reset = code_of(letters)
    suspend(cast.bob)
    for path, form in (
        ("/sign-in/code/answer", {"code": code}),
        (link, {}),
        ("/reset-password", {"code": reset, "password": "Better horse 2?"}),
    ):
        answer = newcomer.post(path, data=form)
        assert answer.status_code < 500
        assert signed_in_as(newcomer) is None
    assert Session.select().where(Session.user == cast.bob).count() == 0
    assert newcomer.post("/sign-in/code/resend").status_code == 303
    assert len(letters()) == 3


# What such an address is: tests/test_access.py, test_next_leads_nowhere_else.
@pytest.mark.parametrize(
    ("way", "target"),
    [
        *[(way, "//localhost\\@evil.example") for way in ("code", "link", "sign_up", "sign_up_code")],
        *[("signed_in", target) for target in ("/\n/evil.example", "https:evil.example", "/%09/evil.example@")],
        *[("signed_in", target) for target in ("\x00//evil.example", "http:///evil.example")],
    ],
)
def test_no_way_in_leads_to_another_site(way, target, newcomer, browse, letters):
    if way == "signed_in":
        answer = browse("bob").get("/sign-in", query_string={"next": target})
    elif way == "code":
        newcomer.post("/sign-in/code", data={"email": BOB, "next": target})
        answer = newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)})
    elif way == "link":
        newcomer.post("/sign-in/link", data={"email": BOB, "next": target})
        answer = newcomer.post(link_of(letters), data={"next": target})
    else:
        path = "/sign-up" if way == "sign_up" else "/sign-up/code"
        newcomer.post(path, data=FORM | {"next": target})
        answer = newcomer.post("/verify", data={"code": code_of(letters), "next": target})
    if answer.status_code == 400:  # an address with NUL in it is none
        assert "\0" in target
        return
    assert answer.status_code in (302, 303)
    assert host_of(answer) == "localhost"


def host_of(answer):
    """Where a browser would go: to it tabs and line ends are nothing, and a backslash is a slash."""
    read = re.sub(r"[\t\r\n]", "", answer.headers["Location"]).replace("\\", "/")
    return urlsplit(urljoin("http://localhost/x", read)).netloc


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[(field, "a@b.c\r\nBcc: e@x.org") for field in ("email", "name", "code", "password", "next")],
        *(("email", "\u202e\ud83d\ude00"), ("password", "x" * 300_000)),
    ],
)
def test_made_up_input_is_answered_at_every_door(field, value, newcomer, letters, cast):
    value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    newcomer.post("/sign-in/code", data={"email": BOB})
    for path in (
        "/sign-up",
        "/sign-up/code",
        "/verify",
        "/verify/resend",
        "/sign-in",
        "/sign-in/code",
        "/sign-in/code/answer",
        "/sign-in/link",
        "/sign-in/link/x.y",
        "/forgot-password",
        "/reset-password",
        "/sign-in/code/resend",
        "/verify-2fa",
    ):
        form = {"email": "new@example.org", "name": "New", "password": PASSWORD, "code": "123456"} | {field: value}
        assert newcomer.post(path, data=form).status_code < 500, path
    assert sorted(user.email for user in User.select()) == sorted(f"{name}@example.org" for name in CAST)
    assert all(to != "e@x.org" for to, _, _ in letters())


# --- the second factor stands behind every way in --------------------------------------------------------


@pytest.fixture
def guarded(cast):
    """bob asks for a second factor."""
    import pyotp

    secret = pyotp.random_base32()
    values = {"totp_secret": keys.seal(secret), "second_factor_at": now()}
    transactions.writes(User.update(**values).where(User.id == cast.bob.id).execute)()
    return pyotp.TOTP(secret)


@pytest.mark.parametrize("way", ["password", "code", "link", "reset"])
def test_no_way_in_goes_round_the_second_factor(way, guarded, newcomer, letters, cast):
    if way == "password":
        answer = newcomer.post("/sign-in", data={"email": BOB, "password": PASSWORD, "next": "/acme/tasks"})
    elif way == "code":
        newcomer.post("/sign-in/code", data={"email": BOB, "next": "/acme/tasks"})
        answer = newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)})
    elif way == "link":
        newcomer.post("/sign-in/link", data={"email": BOB, "next": "/acme/tasks"})
        answer = newcomer.post(link_of(letters))
    else:
        newcomer.post("/forgot-password", data={"email": BOB})
        answer = newcomer.post("/reset-password", data={"code": code_of(letters), "password": "Better horse 2?"})
    assert answer.headers["Location"] == "/verify-2fa"
    assert signed_in_as(newcomer) is None
    assert newcomer.get("/acme").status_code == 303
    assert Session.select().count() == 0
    answer = newcomer.post("/verify-2fa", data={"way": "totp", "code": guarded.now()})
    assert answer.headers["Location"] == ("/bob" if way == "reset" else "/acme/tasks")
    assert signed_in_as(newcomer) == cast.bob


def test_waiting_at_the_second_factor_is_no_session(guarded, newcomer, cast):
    newcomer.post("/sign-in", data={"email": BOB, "password": PASSWORD})
    for path in ("/account", "/acme", "/settings/security", "/notifications"):
        assert newcomer.get(path).headers["Location"].startswith("/sign-in")
    assert newcomer.post("/step-up", data={"proof_action": "account.delete"}).headers["Location"].startswith("/sign-in")
    assert newcomer.post("/account/deletion").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_second_factor_leads_nowhere_else(guarded, newcomer, target):
    newcomer.post("/sign-in", data={"email": BOB, "password": PASSWORD, "next": target})
    answer = newcomer.post("/verify-2fa", data={"way": "totp", "code": guarded.now(), "next": target})
    assert answer.status_code == 303
    assert host_of(answer) == "localhost"


def test_use_p11_an_empty_password_is_asked_for(browse, cast):
    client = browse(None)
    response = client.post("/sign-in", data={"email": BOB, "password": ""})
    page = response.get_data(True)
    assert response.status_code == 422
    assert "Type your password." in page
    assert "isn&#39;t right" not in page
    assert re.search(r'id="password"[^>]* autofocus', page)
    assert not re.search(r'id="email"[^>]* autofocus', page)
    assert re.search(r'id="email"[^>]* autofocus', client.get("/sign-in").get_data(True))
