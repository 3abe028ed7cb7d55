"""Browsers: signed in, known again, and one at a time."""

import re

import pytest

from domain.people import sessions
from models import Session
from tests.conftest import PASSWORD
from tests.fixtures.entrance import BOB, cookie, signed_in_as, suspend

# --- known browsers --------------------------------------------------------------------------------------


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
    from domain.base.allowances import limiter

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


# --- check 1: one session, on every request --------------------------------------------------------------


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
    page = second.get("/settings/security/sessions").get_data(True)
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
