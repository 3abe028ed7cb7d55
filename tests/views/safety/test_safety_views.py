"""What guards every request alike: where it comes from, the headers of the answer, how often."""

import dataclasses
import io
import re

import pytest
from flask import request

from domain.base import allowances, configuration
from models import AuditEvent
from tests.conftest import PASSWORD

JSON = {"Accept": "application/json"}


# --- requests that other sites make a browser send ---------------------------------------------------------


def test_a_form_on_another_site_changes_nothing(browse, task, counted):
    for headers in [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "Same-Origin, cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "https://localhost"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
    ]:
        alice, before = browse("alice"), counted()
        for path, form in (
            ("/acme/tasks", {"title": "Forged"}),
            (f"/acme/tasks/{task.id}/removal", {}),
            ("/sign-out", {}),
            ("/settings/security/sessions/end", {}),
        ):
            for more in (JSON, {"HX-Request": "true"}, {}):
                response = alice.post(path, data=form, headers=headers | more)
                assert response.status_code == 403, (path, more)
        assert counted() == before, headers
        assert alice.get("/acme").status_code == 200, headers  # still signed in


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:80"},
        {},
    ],
)
def test_ones_own_forms_are_taken(browse, headers):
    assert browse("alice").post("/acme/tasks", data={"title": "Mine"}, headers=headers).status_code == 303


def test_reading_from_elsewhere_is_a_link_and_fine(browse):
    assert browse("alice").get("/acme/tasks", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_nobody_is_signed_in_by_another_sites_form(browse):
    client = browse(None)
    form = {"email": "bob@example.org", "password": PASSWORD}
    assert client.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/acme").status_code == 303


# Apple posts the browser back to us; what it says is checked by the state that our own cookie holds. A mail program ends
# letters by one click; the link is the proof. Public forms stand in pages that their owners name, and know no cookie.
FROM_ANYWHERE = {"identities.posted", "preferences.stop", "newsletter.leave"}
FROM_ANYWHERE |= {f"public.{verb}" for verb in ("unlock", "send_files", "change_own", "send", "press")}


def test_every_route_that_changes_something_refuses_another_site(web, browse):
    client, asked = browse("alice"), 0
    assert {e for e, view in web.view_functions.items() if hasattr(view, "from_anywhere")} == FROM_ANYWHERE
    for rule in web.url_map.iter_rules():
        if rule.endpoint in FROM_ANYWHERE:
            continue
        if "POST" in rule.methods and web.view_functions[rule.endpoint].door.kind not in ("provider", "machine"):
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            response = client.post(path, headers=JSON | {"Sec-Fetch-Site": "cross-site"})
            assert (response.status_code, response.json["code"]) == (403, "FORBIDDEN"), path
            asked += 1
    assert asked > 20


def test_get_never_changes_anything(web):
    """Only POST changes: no route takes PUT, PATCH or DELETE, and none takes GET and POST in one.

    The sandbox's API is another's: it takes what the providers take, for a key and no cookie. So does our own.
    """
    for rule in web.url_map.iter_rules():
        if rule.endpoint == "sandbox.api":
            continue
        is_for_keys = rule.rule.startswith("/api/") and web.view_functions[rule.endpoint].door.kind == "machine"
        assert is_for_keys or not rule.methods & {"PUT", "PATCH", "DELETE"}, rule
        assert not {"GET", "POST"} <= rule.methods, rule


# --- headers of the answer -------------------------------------------------------------------------------------

ANSWERS = [
    ("GET", "/", 200),
    ("GET", "/sign-in", 200),
    ("GET", "/nothing/here", 404),
    ("GET", "/acme", 200),
    ("POST", "/settings/security", 405),
    ("GET", "/acme/tasks", 200),
    ("GET", "/acme/tasks/export.csv", 200),
    ("GET", "/acme/news", 200),
    ("GET", "/health", 200),
    ("POST", "/acme/tasks/bulk", 422),
    ("GET", "/static/favicon.svg", 200),
    ("GET", "/static/none.css", 404),
    ("GET", "/palette", 200),
    ("GET", "/%00", 400),
    ("GET", "/metrics", 503),
    ("POST", "/webhooks/stripe", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS, ids=[f"{m} {p}" for m, p, _ in ANSWERS])
def test_every_answer_has_the_headers_that_protect(browse, method, path, status):
    client = browse(None if path == "/" else "alice")
    for headers in ({}, {"HX-Request": "true"}, JSON):
        with client.open(path, method=method, headers=headers) as response:
            response.get_data()
        protected(response, path, status)


def protected(response, path, status):
    if path != "/sign-in":
        assert response.status_code == status
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    for part in ("object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert len(response.headers.getlist("Content-Security-Policy")) == 1
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    is_file = path.startswith("/static/") and response.status_code == 200  # which can't heed them
    assert ("camera=()" in response.headers.get("Permissions-Policy", "")) is not is_file
    assert (response.headers.get("Cross-Origin-Opener-Policy") == "same-origin") is not is_file
    assert re.fullmatch(r"[0-9a-f]{16}", response.headers["X-Request-Id"])
    assert "Server" not in response.headers


def test_a_bug_is_answered_with_the_headers_too_and_tells_nothing(browse, monkeypatch):
    from views.tasks import home

    def broken(*args):
        raise KeyError("the secret detail")

    monkeypatch.setattr(home.figures, "is_empty", broken)
    for headers in ({}, {"HX-Request": "true"}, JSON):
        response = browse("alice").get("/acme", headers=headers)
        assert response.status_code == 500
        assert b"secret detail" not in response.data
        assert b"Traceback" not in response.data
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert response.headers["X-Request-Id"] in response.get_data(True) or headers == {"HX-Request": "true"}


def test_what_is_shown_to_somebody_signed_in_is_not_kept(browse):
    for path in ("/acme", "/acme/tasks", "/account", "/settings/security", "/notifications", "/palette", "/nothing/x"):
        assert browse("alice").get(path).headers["Cache-Control"] == "no-store", path
    assert browse(None).get("/sign-in").headers["Cache-Control"] == "no-cache"


def test_no_script_or_style_stands_in_a_page(browse, task):
    pages = (
        "/acme",
        "/acme/tasks",
        "/acme/tasks?view=board",
        f"/acme/tasks/{task.id}",
        "/account",
        "/notifications",
        "/settings/security",
        "/acme/billing",
        "/palette",
    )
    for name, paths in (("alice", pages), (None, ("/", "/sign-in", "/sign-up", "/forgot-password", "/no/such"))):
        for path in paths:
            page = browse(name).get(path).get_data(True)
            assert not re.search(r"<script(?![^>]*\bsrc=)", page), path
            assert "<style" not in page, path
            assert not re.search(r'\s(style|on\w+)="', page), path
            assert "javascript:" not in page, path


# --- how often --------------------------------------------------------------------------------------------------


@pytest.fixture
def limits(web):
    allowances.limiter.reset()
    allowances.limiter.enabled = True
    yield
    allowances.limiter.reset()
    allowances.limiter.enabled = False


def until_refused(ask, most):
    """How many were answered before one was refused for being too many."""
    for number in range(most + 2):
        if ask(number).status_code == 429:
            return number
    return None


def test_a_mail_and_place_has_ten_tries_to_sign_in(browse, limits):
    client = browse(None)
    tried = until_refused(lambda n: client.post("/sign-in", data={"email": "BOB@example.org", "password": ""}), 10)
    assert tried == 10
    assert client.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD}).status_code == 429
    assert client.get("/sign-in").status_code == 200


def test_a_place_has_twenty_tries_and_another_place_is_free(browse, limits):
    client = browse(None)
    assert (
        until_refused(lambda n: client.post("/sign-in", data={"email": f"p{n}@example.org", "password": ""}), 20) == 20
    )
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    form = {"email": "bob@example.org", "password": PASSWORD}
    assert client.post("/sign-in", data=form, environ_overrides=elsewhere).status_code == 303


def test_nobody_locks_somebody_out_from_elsewhere(browse, limits):
    client = browse(None)
    for _ in range(12):
        client.post("/sign-in", data={"email": "bob@example.org", "password": ""})
    form = {"email": "bob@example.org", "password": PASSWORD}
    assert client.post("/sign-in", data=form, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}).status_code == 303


def test_a_claimed_forwarded_address_counts_for_nothing(browse, limits):
    client = browse(None)

    def ask(n):
        headers = {"X-Forwarded-For": f"192.0.2.{n}", "X-Real-Ip": f"192.0.2.{n}", "Forwarded": f"for=192.0.2.{n}"}
        return client.post("/sign-in", data={"email": "bob@example.org", "password": ""}, headers=headers)

    assert until_refused(ask, 10) == 10


def test_report_15_seven_colleagues_behind_one_address_type_right_codes_within_a_minute(browse, limits, letters):
    for number in range(7):
        client = browse(None)
        form = {"email": f"n{number}@example.org", "name": "Nina", "password": PASSWORD}
        assert client.post("/sign-up", data=form).status_code == 303
        code = re.search(r"\b\d{6}\b", letters()[-1][2])[0]
        assert client.post("/verify", data={"code": code}).status_code == 303
    form = {"email": "bob@example.org", "password": PASSWORD}
    assert [browse(None).post("/sign-in", data=form).status_code for _ in range(9)] == [303] * 9


def guess(browse, count, email="bob@example.org"):
    """So many wrong passwords, each from another place."""
    client = browse(None)
    for number in range(count):
        there = {"REMOTE_ADDR": f"198.51.{number // 250}.{number % 250}"}
        client.post("/sign-in", data={"email": email, "password": ""}, environ_overrides=there)


def test_attack_a3_nobody_is_locked_out_by_a_hundred_guesses(browse, limits, letters):
    here = browse(None)
    right = {"email": "bob@example.org", "password": PASSWORD}
    here.post("/sign-in", data=right)
    here.post("/sign-out")
    guess(browse, 101)
    elsewhere, before = {"REMOTE_ADDR": "192.0.2.7"}, len(letters())
    assert here.post("/sign-in", data=right, environ_overrides=elsewhere).headers["Location"] != "/sign-in/code/answer"
    fresh, wrong = browse(None), browse(None)
    said = [
        c.post("/sign-in", data=right | w, environ_overrides=elsewhere)
        for c, w in ((fresh, {}), (wrong, {"password": "Wrong horse 1!"}))
    ]
    assert [one.headers["Location"] for one in said] == ["/sign-in/code/answer"] * 2
    assert len(letters()) == before + 1
    code = re.search(r"\b\d{6}\b", letters()[-1][2])[0]
    assert wrong.post("/sign-in/code/answer", data={"code": code}).status_code == 422
    assert fresh.post("/sign-in/code/answer", data={"code": code}).status_code == 303
    assert fresh.get("/acme").status_code == 200


def test_attack_a3_a_network_of_ipv6_is_one_place_and_ports_are_none(browse, limits):
    client = browse(None)

    def ask(n):
        there = {"REMOTE_ADDR": f"2001:db8::{n + 1:x}" if n % 2 else f"[2001:db8::{n + 1:x}]:{5000 + n}"}
        return client.post("/sign-in", data={"email": "bob@example.org", "password": ""}, environ_overrides=there)

    assert until_refused(ask, 10) == 10


@pytest.mark.parametrize("junk", ["x" * 500, "1.2.3.4, \u00e9", "'; --", "[::1", "999.1.1.1", "1.2.3.4:99999:8"])
def test_attack_a3_junk_in_a_forwarded_address_is_no_error(browse, web, letters, junk, monkeypatch):
    from werkzeug.middleware.proxy_fix import ProxyFix

    monkeypatch.setattr(web, "wsgi_app", ProxyFix(web.wsgi_app, x_for=1))
    form = {"email": "bob@example.org", "password": PASSWORD}
    answer = browse(None).post("/sign-in", data=form, headers={"X-Forwarded-For": junk})
    assert answer.status_code == 303


def test_sign_ins_limits_and_foreign_forms_are_in_the_audit_log(browse, limits):
    client = browse(None)
    client.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD})
    client.post("/sign-out")
    for _ in range(13):
        client.post("/sign-in", data={"email": "bob@example.org", "password": ""})
    for _ in range(3):
        client.post("/sign-in", headers={"Sec-Fetch-Site": "cross-site"})
    noted = AuditEvent.select().where(AuditEvent.action.in_(("auth.signed_in", "security.limited")))
    assert [(one.action, one.actor_email, one.target_id) for one in noted.order_by(AuditEvent.id)] == [
        ("auth.signed_in", "bob@example.org", "1"),
        ("security.limited", None, "sign_in:_mail_and_place"),
        ("security.limited", None, "foreign_form"),
    ]


def test_a_browser_that_was_here_before_has_letters_of_its_own(browse, limits, letters):
    """Who asks for letters to an address keeps its owner from none."""
    here = browse(None)
    here.post("/sign-in", data={"email": "bob@example.org", "password": PASSWORD})
    here.post("/sign-out")
    for _ in range(4):
        browse(None).post("/forgot-password", data={"email": "bob@example.org"})
    assert here.post("/forgot-password", data={"email": "bob@example.org"}).status_code == 303


def test_ten_sign_ups_an_hour_and_five_codes_a_minute(browse, limits):
    client = browse(None)
    assert until_refused(lambda n: client.post("/sign-up", data={}), 10) == 10
    assert until_refused(lambda n: client.post("/verify", data={"code": "1"}), 5) == 5


def test_three_letters_an_hour_to_one_address(browse, limits, letters):
    client = browse(None)
    assert until_refused(lambda n: client.post("/forgot-password", data={"email": "bob@example.org"}), 3) == 3
    assert client.post("/forgot-password", data={"email": "vera@example.org"}).status_code == 303
    assert len([to for to, *_ in letters() if to == "bob@example.org"]) == 3


def test_three_letters_an_hour_also_when_a_code_is_sent_again(browse, limits, letters):
    """The form of «send again» holds no address: it must still be counted under the one it mails to."""
    client = browse(None)
    client.post("/sign-up", data={"email": "nina@example.org", "name": "Nina", "password": PASSWORD})
    refused = until_refused(lambda n: client.post("/verify/resend"), 4)
    assert refused is not None
    assert len(letters()) <= 1 + 3
    other = browse(None)
    other.post("/sign-up", data={"email": "omar@example.org", "name": "Omar", "password": PASSWORD})
    assert other.post("/verify/resend", data={"email": ""}).status_code == 303  # nobody else's limit is used up


def test_a_changing_form_field_is_no_way_round_the_letters_limit(browse, limits, letters):
    client = browse(None)
    client.post("/sign-up", data={"email": "nina@example.org", "name": "Nina", "password": PASSWORD})
    for number in range(6):
        client.post("/verify/resend", data={"email": f"x{number}@example.org"})
    assert len([to for to, *_ in letters() if to == "nina@example.org"]) <= 4


def test_signing_in_unproven_again_and_again_mails_no_more_than_three(browse, limits, letters):
    """Each sign-in to an unproven account mails a code; that is a code that is sent, too."""
    client = browse(None)
    client.post("/sign-up", data={"email": "nina@example.org", "name": "Nina", "password": PASSWORD})
    for _ in range(8):
        client.post("/sign-in", data={"email": "nina@example.org", "password": PASSWORD})
    assert len([to for to, *_ in letters() if to == "nina@example.org"]) <= 4


def test_signing_up_again_and_again_mails_no_more_than_three(browse, limits, letters):
    for _ in range(6):
        browse(None).post("/sign-up", data={"email": "nina@example.org", "name": "Nina", "password": PASSWORD})
    assert len([to for to, *_ in letters() if to == "nina@example.org"]) <= 3


def test_invisible_letters_in_an_address_are_no_way_round_the_letters_limit(browse, limits, letters):
    for number in range(6):
        disguised = "nina" + "\u200b" * number + "@example.org "
        form = {"email": disguised, "name": "Nina", "password": PASSWORD}
        browse(None).post("/sign-up", data=form)
        browse(None).post("/forgot-password", data={"email": disguised})
    assert len([to for to, *_ in letters() if to == "nina@example.org"]) <= 3


def test_a_form_that_mails_nothing_spends_no_letter(browse, limits):
    client, form = browse(None), {"email": "nina@example.org", "name": "Nina"}
    for _ in range(4):
        assert client.post("/sign-up", data=form | {"password": "weak"}).status_code == 422
    assert client.post("/sign-up", data=form | {"password": PASSWORD}).status_code == 303


def test_the_letters_limit_says_when_to_come_back_as_every_limit_does(browse, limits):
    form = {"email": "bob@example.org"}
    assert until_refused(lambda n: browse(None).post("/forgot-password", data=form), 3) == 3
    for headers in ({}, JSON, {"HX-Request": "true"}):
        response = browse(None).post("/forgot-password", data=form, headers=headers)
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0
        assert re.search(r"Wait \d+ seconds", response.get_data(True))


def test_pages_are_counted_by_person_and_refused_alike_in_every_form(browse, limits):
    configuration.use(dataclasses.replace(configuration.active, pages_per_minute=7))
    bob = browse("bob")
    assert until_refused(lambda n: bob.get("/account"), 7) == 7
    for headers in ({}, {"HX-Request": "true"}, JSON):
        response = bob.get("/account", headers=headers)
        seconds = response.headers["Retry-After"]
        assert response.status_code == 429
        assert 1 <= int(seconds) <= 61
        assert f"Wait {seconds} seconds" in response.get_data(True)
    body = bob.get("/account", headers=JSON).json
    assert (body["code"], body["retry_after"]) == ("RATE_LIMITED", int(bob.get("/account").headers["Retry-After"]))
    fragment = bob.get("/account", headers={"HX-Request": "true"})
    assert (fragment.headers["HX-Retarget"], fragment.headers["HX-Reswap"]) == ("#notice", "none")
    assert browse("alice").get("/account").status_code == 200


def test_report_03_redraws_that_the_server_asked_for_count_apart(browse, limits):
    configuration.use(dataclasses.replace(configuration.active, pages_per_minute=3))
    bob = browse("bob")
    redraw = {"HX-Request": "true", "HX-Target": "list_area", "X-Redraw": "1"}
    assert [bob.get("/acme/tasks", headers=redraw).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert [bob.get("/acme/tasks").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_asking_for_news_health_and_webhooks_is_never_too_often(browse, limits):
    configuration.use(dataclasses.replace(configuration.active, pages_per_minute=2))
    bob = browse("bob")
    for _ in range(6):
        assert bob.get("/acme/news").status_code == 200
        assert bob.get("/health").status_code == 200
        assert bob.post("/webhooks/stripe").status_code == 400
        with bob.get("/static/favicon.svg") as file:
            assert file.status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_no_form_brings_a_nul_to_the_database(web, kind):
    form = {"na\0me": "a\0b", "file": (io.BytesIO(b"a\0b"), "a.txt")} if "multipart" in kind else {"na\0me": "a\0b"}
    with web.test_request_context("/", method="POST", data=form, content_type=kind):
        assert request.form.to_dict() == {"name": "ab"}
        assert [file.read() for file in request.files.values()] == [b"a\0b"] * ("multipart" in kind)
