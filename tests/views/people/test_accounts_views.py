import re
from urllib.parse import urljoin, urlsplit

import pytest

from database import transactions
from database.clock import now
from database.connections import database
from domain.people import sessions
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
    from domain.base import settings

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


# --- one's own pages ---------------------------------------------------------------------------------------


def test_looking_at_the_account_puts_the_dot_out(browse, cast):
    from domain.base import alerts

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
    from domain.base import configuration

    set_cookie = newcomer.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD}).headers[
        "Set-Cookie"
    ]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Lax" in set_cookie
    assert "Secure" not in set_cookie
    database.close_all()
    secure = application.create_app(dataclasses.replace(configuration.active, site_url="https://hall.example.org"))
    assert secure.config["SESSION_COOKIE_SECURE"] is True
    answer = secure.test_client().get("/sign-in", base_url="https://hall.example.org")
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert database.dialect


def test_the_forms_of_the_gate_post_to_where_they_are_taken(web, letters):
    """As a browser does it: what the page says is what is sent."""
    from domain.people import accounts

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


# --- in by mail: codes and links ---------------------------------------------------------------------------


BOB = "bob@example.org"


def link_of(letters):
    return re.search(r"http://localhost(/sign-in/link/\S+)", letters()[-1][2])[1]


def neutral(cast):
    from domain.base import settings

    settings.change("auth_neutral_messages", "on", by=cast.stella)


def suspend(user):
    transactions.writes(User.update(status="suspended").where(User.id == user.id).execute)()


def signed_in_as(client):
    with client.session_transaction() as held:
        found = sessions.find(held.get("_user_id", ""))
    return found and found.user


def test_a_code_by_mail_signs_in_and_leads_to_where_one_was_going(newcomer, letters, cast):
    asked = newcomer.post("/sign-in/code", data={"email": BOB, "next": "/acme/tasks"})
    assert (asked.status_code, asked.headers["Location"]) == (303, "/sign-in/code/answer")
    page = newcomer.get("/sign-in/code/answer").get_data(True)
    assert BOB in page
    assert "spam" in page.lower()
    wrong = newcomer.post("/sign-in/code/answer", data={"code": "x"})
    assert wrong.status_code == 422
    assert "4 tries" in wrong.get_data(True)
    planted = cookie(newcomer)
    answer = newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/acme/tasks")
    assert signed_in_as(newcomer) == cast.bob
    assert cookie(newcomer) != planted
    newcomer.set_cookie("guildhall", planted)
    assert newcomer.get("/acme").status_code == 303
    assert newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)}).status_code == 422  # used


def test_a_sign_in_code_belongs_to_the_browser_that_asked_and_can_be_sent_again(newcomer, browse, letters):
    newcomer.post("/sign-in/code", data={"email": BOB})
    first = code_of(letters)
    stranger = browse(None)
    assert stranger.post("/sign-in/code/answer", data={"code": first}).headers["Location"] == "/sign-in/code"
    assert stranger.get("/sign-in/code/answer").headers["Location"] == "/sign-in/code"
    assert stranger.post("/sign-in/code/resend").headers["Location"] == "/sign-in/code"
    assert newcomer.post("/sign-in/code/resend").headers["Location"] == "/sign-in/code/answer"
    assert newcomer.post("/sign-in/code/answer", data={"code": code_of(letters)}).status_code == 303


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


def test_codes_of_one_page_open_no_other(newcomer, letters):
    """Each is typed into the other's form, in the very browser that asked for both."""
    newcomer.post("/forgot-password", data={"email": BOB})
    reset = code_of(letters)
    newcomer.post("/sign-in/code", data={"email": BOB})
    sign_in = code_of(letters)
    if reset != sign_in:
        assert newcomer.post("/sign-in/code/answer", data={"code": reset}).status_code == 422
        answer = newcomer.post("/reset-password", data={"code": sign_in, "password": "Better horse 2?"})
        assert answer.status_code == 422
    assert signed_in_as(newcomer) is None


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "\\\\evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "https:evil.example",
        " //evil.example",
        "///evil.example",
        "http://localhost@evil.example/",
        "http://localhost.evil.example/",
        "/%09/evil.example@",
        "\x00//evil.example",
        "http://localhost//evil.example",
        "http:///evil.example",
        "ftp://localhost/x",
        "//localhost\\@evil.example",
    ],
)
@pytest.mark.parametrize("way", ["code", "link", "sign_up", "sign_up_code", "signed_in"])
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


@pytest.mark.parametrize("field", ["email", "name", "code", "password", "next"])
@pytest.mark.parametrize(
    "value", ["\0", "a\0b@example.org", "x" * 300_000, "\u202e\ud83d\ude00", "a@b.c\r\nBcc: e@x.org"]
)
def test_made_up_input_is_answered_at_every_door(field, value, newcomer, letters, cast, counted):
    value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    before = counted()
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
    assert counted()["User"] == before["User"]
    assert all(to != "e@x.org" for to, _, _ in letters())


# --- the second factor stands behind every way in -----------------------------------------------------------------


@pytest.fixture
def guarded(cast):
    """bob asks for a second factor."""
    import pyotp

    from domain.people import factors

    secret = pyotp.random_base32()
    values = {"totp_secret": factors.seal(secret), "second_factor_at": now()}
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


# --- known browsers ------------------------------------------------------------------------------------------------


def sign_in(client, email=BOB, agent="Mozilla/5.0 (X11; Linux) Firefox/140.0", place="127.0.0.1"):
    form = {"email": email, "password": PASSWORD}
    return client.post("/sign-in", data=form, headers={"User-Agent": agent}, environ_base={"REMOTE_ADDR": place})


def test_a_browser_is_known_again_by_its_cookie_and_a_new_one_is_told_of(web, cast, letters):
    client = web.test_client()
    made = sign_in(client)
    kept = next(c for c in made.headers.getlist("Set-Cookie") if c.startswith("guildhall_browser="))
    assert "HttpOnly" in kept
    assert "SameSite=Lax" in kept
    assert "Max-Age=31536000" in kept
    client.post("/sign-out")
    sign_in(client, agent="Something else")
    assert letters() == []
    sign_in(web.test_client())
    ((to, subject, text),) = letters()
    assert to == BOB
    assert "Firefox on Linux" in text
    assert "127.0.0.1" in text
    assert "sign" in subject.lower()


@pytest.mark.parametrize("planted", ["", "x", "x" * 3_000, "../../etc", "é" * 43, "a b", "x" * 44])
def test_a_browsers_cookie_that_is_none_is_replaced(web, cast, planted):
    client = web.test_client()
    client.set_cookie("guildhall_browser", planted)
    assert sign_in(client).status_code == 303
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", client.get_cookie("guildhall_browser").value)


def test_the_browsers_cookie_signs_nobody_in(web, cast):
    client, thief = web.test_client(), web.test_client()
    sign_in(client)
    thief.set_cookie("guildhall_browser", client.get_cookie("guildhall_browser").value)
    assert thief.get("/acme").status_code == 303


def test_signing_in_anew_ends_what_the_browser_held_before(web, cast):
    client = web.test_client()
    sign_in(client)
    before = cookie(client)
    sign_in(client, "vera@example.org")
    thief = web.test_client()
    thief.set_cookie("guildhall", before)
    assert thief.get("/acme").status_code == 303
    assert signed_in_as(client) == cast.vera
    assert Session.select().where(Session.ended_at.is_null()).count() == 1


def test_ten_sign_ins_a_minute_are_enough_for_one_account(web, cast):
    from views.safety import limiter

    limiter.enabled = True
    try:
        answers = [sign_in(web.test_client(), place=f"10.0.0.{n}") for n in range(10)]
        assert {a.status_code for a in answers} == {303}
        refused = sign_in(web.test_client(), place="10.0.0.11")
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 61
        assert f"Wait {refused.headers['Retry-After']} seconds" in refused.get_data(True)
        assert sign_in(web.test_client(), "vera@example.org").status_code == 303
    finally:
        limiter.reset()
        limiter.enabled = False
    assert Session.select().where(Session.user == cast.bob).count() == 10


# --- a new address, a new password, leaving -------------------------------------------------------------------------


def proof(action, target=""):
    return {"proof_action": action, "proof_target": str(target), "proof_method": "password", "proof_answer": PASSWORD}


def test_a_new_address_is_asked_proven_and_told_to_both(browse, cast, letters, followed):
    bob = browse("bob")
    assert bob.post("/account/address", data={"email": "New@example.org"}).status_code == 403  # step-up first
    asked = bob.post("/account/address", data={"email": "New@example.org"} | proof("account.change_email"))
    assert asked.headers["Location"] == "/account/address"
    page = bob.get("/account/address").get_data(True)
    assert "New@example.org" in page
    assert "spam" in page.lower()
    code = code_of(letters)
    assert letters()[-1][0] == "New@example.org"
    assert bob.post("/account/address/answer", data={"code": "x"}).status_code == 422
    answer = bob.post("/account/address/answer", data={"code": code})
    assert "Your address is New@example.org now" in followed(bob, answer)
    assert User.get_by_id(cast.bob.id).email_norm == "new@example.org"
    assert {to for to, subject, _ in letters() if "changed" in subject} == {"New@example.org", BOB}
    fresh = browse(None)
    assert fresh.post("/sign-in", data={"email": BOB, "password": PASSWORD}).status_code == 422
    assert fresh.post("/sign-in", data={"email": "new@example.org", "password": PASSWORD}).status_code == 303


def test_the_code_of_a_new_address_is_good_in_the_browser_that_asked_and_can_be_dropped(browse, letters, cast):
    bob, other = browse("bob"), browse("bob")
    bob.post("/account/address", data={"email": "new@example.org"} | proof("account.change_email"))
    code = code_of(letters)
    assert other.post("/account/address/answer", data={"code": code}).status_code == 422
    bob.post("/account/address/cancellation")
    assert bob.post("/account/address/answer", data={"code": code}).status_code == 422
    assert User.get_by_id(cast.bob.id).email == BOB


def test_a_new_password_ends_the_other_browsers(browse, cast, followed):
    here, there = browse("bob"), browse("bob")
    form = {"password": "Better horse 2?"} | proof("account.change_password")
    answer = here.post("/settings/security/password", data=form)
    assert answer.headers["Location"] == "/settings/security"
    assert "Your other browser was signed out" in followed(here, answer)
    assert there.get("/acme").status_code == 303
    assert here.get("/acme").status_code == 200


def test_leaving_for_good_signs_out_and_closes_the_door(browse, cast):
    bob, other = browse("bob"), browse("bob")
    assert bob.get("/account/deletion").status_code == 200
    assert bob.post("/account/deletion").status_code == 403  # step-up first
    answer = bob.post("/account/deletion", data=proof("account.delete", cast.bob.id))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Farewell" in bob.get("/").get_data(True)
    assert [c.get("/acme").status_code for c in (bob, other)] == [303, 303]
    assert browse(None).post("/sign-in", data={"email": BOB, "password": PASSWORD}).status_code == 422


def test_the_only_owner_of_a_team_is_told_which_and_stays(browse, cast, said):
    alice = browse("alice")
    assert "Acme" in said(alice.get("/account/deletion"))
    answer = alice.post(
        "/account/deletion", data=proof("account.delete", cast.alice.id), headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json["code"]) == (409, "LAST_OWNER")
    assert alice.get("/acme").status_code == 200


def test_the_last_admin_stays(browse, cast):
    stella = browse("stella")
    answer = stella.post(
        "/account/deletion", data=proof("account.delete", cast.stella.id), headers={"Accept": "application/json"}
    )
    assert answer.status_code == 409
    assert stella.get("/admin").status_code == 200


# --- check 1: one session, on every request ------------------------------------------------------------------------


def single(cast, value="on"):
    from domain.base import settings

    settings.change("single_active_session", value, by=cast.stella)


def fresh(web, name):
    client = web.test_client()
    assert sign_in(client, f"{name}@example.org").status_code == 303
    return client


@pytest.mark.parametrize("name", ["bob", "stella"])
def test_check_1_the_first_browser_is_out_wherever_it_asks_and_the_second_stays(name, web, cast, hx, letters):
    single(cast)
    home = "/admin" if name == "stella" else "/acme/tasks"
    first = fresh(web, name)
    assert first.get(home).status_code == 200
    second = fresh(web, name)
    fragment = first.get(home, headers=hx("list_area"))
    assert (fragment.status_code, fragment.get_data(), fragment.headers["HX-Redirect"]) == (401, b"", "/session-ended")
    posted = first.post("/notifications/read", headers=hx())
    assert posted.status_code in (401, 404)
    page = first.get("/account")
    assert (page.status_code, page.headers["Location"]) == (303, "/session-ended")
    machine = first.get("/account", headers={"Accept": "application/json"})
    assert (machine.status_code, machine.json["code"]) == (401, "SESSION_REPLACED")
    assert second.get(home).status_code == 200
    ended = first.get("/session-ended")
    assert ended.status_code == 200
    assert "Sign in again" in ended.get_data(True)
    # From here on it is a stranger's browser like any other.
    assert first.get("/account").headers["Location"].startswith("/sign-in")
    assert second.get(home).status_code == 200
    third = first.post("/sign-in", data={"email": f"{name}@example.org", "password": PASSWORD})
    assert third.status_code == 303
    assert second.get("/account").headers["Location"] == "/session-ended"


def test_check_1_a_replaced_admin_finds_nothing_at_the_admin_side(web, cast):
    """To whoever isn't signed in there is nothing: not even the news that a session ended."""
    single(cast)
    first, _ = fresh(web, "stella"), fresh(web, "stella")
    answer = first.get("/admin", headers={"Accept": "application/json"})
    assert answer.status_code in (401, 404)


def test_check_1_a_malformed_cookie_only_starts_over(web, cast):
    single(cast)
    fresh(web, "bob")
    for token in ("", "nonsense", "x" * 43, "\0", 7, None, ["x"], "x" * 5000):
        client = web.test_client()
        with client.session_transaction() as held:
            held["_user_id"] = token
        answer = client.get("/account")
        assert answer.headers["Location"] == "/sign-in?next=%2Faccount", token


def test_check_1_switched_on_while_people_are_at_work_it_holds_from_the_next_request_on(web, cast, hx):
    first, second = fresh(web, "bob"), fresh(web, "bob")
    assert [c.get("/acme").status_code for c in (first, second)] == [200, 200]
    single(cast)
    assert first.get("/acme").headers["Location"] == "/session-ended"
    assert second.get("/acme").status_code == 200


def test_check_1_switched_off_both_stay(web, cast):
    first, second = fresh(web, "bob"), fresh(web, "bob")
    assert [c.get("/acme").status_code for c in (first, second)] == [200, 200]
    page = second.get("/settings/security").get_data(True)
    assert "Only one session" not in page
    assert sessions.live(cast.bob).count() == 2


def test_check_1_signing_out_of_what_is_over_ends_nobody_elses_session(web, cast):
    single(cast)
    first, second = fresh(web, "bob"), fresh(web, "bob")
    assert first.post("/sign-out").status_code == 303
    assert second.get("/acme").status_code == 200


def test_check_1_another_reason_is_no_ended_screen(web, cast):
    single(cast)
    bob = fresh(web, "bob")
    suspend(cast.bob)
    assert bob.get("/account").headers["Location"].startswith("/sign-in")
