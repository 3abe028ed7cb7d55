"""One's own pages: profile, address, password, leaving for good."""

import re
from datetime import timedelta

from database.connections import database
from database.scope import inside
from domain.people import sessions
from models import Event, Session, User
from tests.conftest import PASSWORD
from tests.fixtures.entrance import BOB, FORM, cookie, proof
from tests.fixtures.events import make_event
from tests.fixtures.threads import write

ENDS = proof("account.end_sessions")

# --- one's own pages -------------------------------------------------------------------------------------


def test_looking_at_the_account_puts_the_dot_out(browse, cast):
    from domain.operations import alerts

    alerts.broadcast("Tea is ready.", by=cast.stella)
    bob = browse("bob")
    assert alerts.unread(User.get_by_id(cast.bob.id))
    assert "Tea is ready." in bob.get("/account").get_data(True)
    assert not alerts.unread(User.get_by_id(cast.bob.id))


def test_what_one_bought_while_signed_in_is_on_the_account_until_it_is_over(browse, cast, at, clock):
    with inside(cast.acme):
        _, (tier,) = make_event(at("alice"))
    charlie = browse("charlie")
    for client in (charlie, browse(None)):
        there = client.post("/e/jazz-night/orders", data={f"t{tier.id}": "1"}).location
        assert client.post(there, data={"name": "Ada", "email": "ada@example.org"}).status_code == 303
    page = charlie.get("/account").text
    assert page.count("/orders/") == 1
    assert charlie.get(re.search(r'href="(/orders/[^"]+)', page)[1]).status_code == 200
    with inside(cast.acme):
        write(Event.update(starts_at=clock() - timedelta(hours=2), ends_at=clock()).execute)
    assert "Your tickets" not in charlie.get("/account").text


BROWSERS = "/settings/security/sessions"


def session_of(client):
    with client.session_transaction() as held:
        return sessions.find(held["_user_id"]).session.id


def test_a_browser_is_listed_and_can_be_signed_out(browse, cast, said):
    here, there = browse("bob"), browse("bob")
    assert there.get("/acme").status_code == 200
    page = said(here.get(BROWSERS))
    assert page.count("Chrome on Linux") >= 2
    assert "This browser" in page
    other = session_of(there)
    response = here.post(f"{BROWSERS}/{other}/end", data=ENDS)
    assert (response.status_code, response.headers["Location"]) == (303, BROWSERS)
    assert there.get("/acme").status_code == 303
    assert here.get("/acme").status_code == 200
    assert here.post(f"{BROWSERS}/{other}/end", data=ENDS).status_code == 409  # twice is told
    assert "1 browser" in said(here.get(f"{BROWSERS}?status=over"))


def test_nobody_sees_or_ends_the_session_of_somebody_else(browse, cast, said):
    bob, charlie = browse("bob"), browse("charlie")
    his = session_of(bob)
    assert charlie.post(f"{BROWSERS}/{his}/end", data=ENDS).status_code == 404
    assert charlie.post(f"{BROWSERS}/bulk", data={"act": "end", "ids": his} | ENDS).status_code == 404
    assert f"row_{his}" not in charlie.get(BROWSERS).get_data(True)
    assert bob.get("/acme").status_code == 200


def test_ones_own_browser_is_signed_out_by_the_menu_and_not_by_its_row(browse):
    bob = browse("bob")
    assert bob.post(f"{BROWSERS}/{session_of(bob)}/end").status_code == 409
    assert bob.get("/acme").status_code == 200


def test_all_other_browsers_are_signed_out_at_once(browse, followed):
    here, *others = (browse("bob") for _ in range(3))
    assert "Signed out 2 other browsers" in followed(here, here.post("/settings/security/sessions/end", data=ENDS))
    assert [o.get("/acme").status_code for o in others] == [303, 303]
    assert "No other browser was signed in" in followed(here, here.post("/settings/security/sessions/end", data=ENDS))
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

    from domain.base import configuration
    from views import factory as application

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


# --- a new address, a new password, leaving --------------------------------------------------------------


def proof(action, target=""):
    return {"proof_action": action, "proof_target": str(target), "proof_method": "password", "proof_answer": PASSWORD}


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


def test_a_session_outlives_its_key_by_one_visit_and_ends_with_a_withdrawn_one(web, browse):
    old = web.secret_key
    bob, idle = browse("bob"), browse("alice")
    web.secret_key, web.config["SECRET_KEY_FALLBACKS"] = "n" * 40, [old]
    try:
        with bob.get("/static/favicon.svg") as picture:
            assert "Set-Cookie" not in picture.headers  # others may keep that answer
        assert "Set-Cookie" in bob.get("/bob").headers  # signed anew
        assert "guildhall=" not in str(bob.get("/bob").headers.getlist("Set-Cookie"))  # once
        web.config["SECRET_KEY_FALLBACKS"] = []
        assert bob.get("/bob").status_code == 200
        assert idle.get("/alice").headers["Location"].startswith("/sign-in")
    finally:
        web.secret_key = old
