"""Whatever is sent: a code and a sentence, never a 500, and nothing changed that wasn't meant."""

import dataclasses
import functools
import io
import json
import logging
import os
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as text

import models
from database.connections import database
from database.scope import everywhere, inside
from domain.base import configuration
from domain.lists import rows
from domain.tasks import tasks
from models import Task
from tests.conftest import PASSWORD, write
from tests.fixtures import counting

JSON = {"Accept": "application/json"}
NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud83d".encode("utf-8", "surrogatepass").decode("latin-1"),
    "\u202etxt.exe",
    "\u200b\u200d\ufeff",
    "²",
    "٣",
    "-1",
    "0",
    "1e3",
    "9" * 30,
    "9" * 5000,
    "NaN",
    "null",
    "true",
    "[]",
    "{}",
    "' OR 1=1 --",
    '" ; DROP TABLE task',
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%s%n",
    "../../etc/passwd",
    "\r\nSet-Cookie: a=b",
    "x" * 100_000,
    "0001-01-01T00:00+23:59",
    "9999-12-31T23:59-23:59",
    "2026-02-30",
    "http://[",
    "日本語🦓",
]

FUZZ = int(os.environ.get("FUZZ", 0))  # how many of each: `make fuzz`; the suite has a small fixed share
# The few that stand for the others where a test asks every route.
SHORT = [
    "",
    "a\x00b",
    "\u202etxt.exe",
    "²",
    "-1",
    "9" * 30,
    "\r\nSet-Cookie: a=b",
    "x" * 100_000,
    "0001-01-01T00:00+23:59",
    "http://[",
    "日本語🦓",
    "<script>alert(1)</script>",
]


# What two databases could take differently; the other values are asked on one.
FOR_SQL = ("a\x00b", "a%00b", "-1", "2147483648", "9" * 30, "9" * 40, "x" * 100_000, "日本語🦓")


def for_sql(values):
    return [value if value in FOR_SQL else pytest.param(value, marks=pytest.mark.above_sql) for value in values]


def a_share(things, turn, of):
    """Every so manieth, at each turn others, so that all are asked in turn; with FUZZ all at once."""
    return things if FUZZ else things[turn % of :: of]


@pytest.fixture
def counted(house):
    return functools.partial(counting.counted, (*counting.AS_THEY_COME, "JobRun"))


@pytest.fixture
def task(at, cast):
    with inside(cast.acme):
        return rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice"))


@pytest.fixture(autouse=True)
def _no_bug_is_logged(caplog):
    yield
    assert not [r for r in caplog.records if r.name == "guildhall.errors" and r.levelno >= logging.ERROR]


def fine(response, *also):
    """No bug, no half answer; a refusal has a code and a sentence."""
    status = response.status_code
    assert status < 500 or status in also, (response.request.path, status)
    for name, value in response.headers:
        value.encode("latin-1")
        assert "\n" not in value, name
    if status >= 400 and response.mimetype == "application/json" and response.request.method != "HEAD":
        assert re.fullmatch(r"[A-Z_]+", response.json["code"])
        assert response.json["message"].endswith((".", "…")), response.json
        assert response.json["request_id"]
    return response


def routes(web, method):
    return sorted({rule.rule for rule in web.url_map.iter_rules() if method in rule.methods})


def filled(rule, value="1", organization="acme"):
    return re.sub(r"<[^>]+>", lambda m: organization if m[0] == "<organization>" else value, rule)


PROVOKED = (503,)  # /metrics without a token, and billing without a provider, say so


# --- addresses ---------------------------------------------------------------------------------------------


IN_ADDRESSES = [
    "0",
    "-1",
    "abc",
    "2147483648",
    "9" * 40,
    "a%00b",
    "%ff%fe",
    "%2e%2e%2f",
    "%0d%0a",
    "'",
    "x" * 3000,
    "..",
    "%25",
]


@pytest.mark.parametrize("value", for_sql(IN_ADDRESSES))
def test_no_address_breaks_anything(web, browse, value, counted):
    configuration.use(dataclasses.replace(configuration.active, cron_token=("there is one",)))  # else it says 503
    before = counted()
    alice, stella, wrong = browse("alice"), browse("stella"), []
    for method in ("GET", "POST"):
        for rule in a_share(routes(web, method), IN_ADDRESSES.index(value), 6):
            if "<" in rule and not rule.endswith("/live"):
                for path in {filled(rule, value), filled(rule, value, value)} - {
                    filled(rule, "other")
                }:  # nothing odd in it
                    client = stella if rule.startswith("/admin") else alice
                    with client.open(path, method=method, headers=JSON) as response:
                        if response.status_code >= 500:
                            wrong.append((method, rule))
    assert wrong == []
    assert counted() == before


def test_ids_of_others_and_beyond_64_bits_are_not_there(browse, task, counted):
    before = counted()
    for id in (task.id, 2**31 - 1, 2**31, 2**63, 2**64, 10**50):
        for path in (f"/globex/tasks/{id}", f"/globex/tasks/{id}/cells/title", f"/acme/tasks/{id}"):
            for method in ("GET", "POST"):
                response = fine(browse("charlie").open(path, method=method, headers=JSON, data={"title": "Mine"}))
                assert response.status_code in (404, 405), (method, path)
    assert counted() == before


def test_no_query_breaks_anything(web, browse, task):
    names = (
        "q",
        "tab",
        "sort",
        "due",
        "status",
        "priority",
        "category",
        "assigned_to",
        "after",
        "rows",
        "view",
        "as",
        "next",
        "before",
        "since",
        "show",
        "v",
        "x",
    )
    client, wrong = browse("alice"), []
    values = SHORT if database.dialect == "sqlite" else [value for value in SHORT if value in FOR_SQL]
    for turn, rule in enumerate(routes(web, "GET")):
        if rule.endswith("/live") or rule.startswith(("/admin", "/api")):
            continue
        path = filled(rule, str(task.id)).replace(f"cells/{task.id}", "cells/title").replace("column/1", "column/0")
        for value in a_share(values, turn, 5):
            with client.get(path, query_string=dict.fromkeys(names, value[:2000]), headers=JSON) as response:
                if response.status_code >= 500 and response.status_code not in PROVOKED:
                    wrong.append((rule, value))
    assert wrong == []


@pytest.mark.parametrize("name", ["after", "rows", "assigned_to", "before", "since", "due"])
def test_no_place_in_a_list_breaks_it(browse, task, name):
    alice, wrong = browse("alice"), []
    for value in (
        *NASTY,
        "~",
        "~~",
        "1~1",
        "~²",
        "0001-01-01T00:00:00+23:59~1",
        "2026-01-01~1",
        "9999-12-31T23:59:59-23:59~1",
    ):
        for path in (
            "/acme/tasks?sort=due",
            "/acme/tasks?tab=all&view=board",
            "/acme/tasks/column/0",
            "/notifications",
            "/acme/news",
        ):
            bare, _, query = path.partition("?")
            given = dict(pair.split("=") for pair in query.split("&") if pair) | {name: value[:2000]}
            if alice.get(bare, query_string=given, headers=JSON).status_code >= 500:
                wrong.append((path, value[:40]))
    assert wrong == []


def test_broken_utf_8_and_repeated_names_in_a_query(browse):
    for query in (
        "q=%ff%fe",
        "q=%c3%28&q=%80",
        "%ff=1",
        "q=a&q=b&q=c",
        "q[]=1&q[a]=2",
        "&&&==",
        "q=%",
        "q=%zz",
        "tab=all&tab=mine",
    ):
        fine(browse("alice").get(f"/acme/tasks?{query}", headers=JSON))


# --- forms ---------------------------------------------------------------------------------------------------

FIELDS = (
    "email",
    "name",
    "password",
    "code",
    "title",
    "status",
    "priority",
    "category",
    "assigned_to",
    "due_at",
    "description",
    "value",
    "message",
    "plan",
    "ids",
    "act",
    "to_status",
    "to_assigned_to",
    "was",
    "was_title",
    "next",
    "stay",
    "role",
)


def forms(web):
    """But for the sandbox's API, which refuses in the words of the provider it plays."""
    kept_out = ("/sign-out", "/sandbox/api/<path:name>")
    return [rule for rule in routes(web, "POST") if rule not in kept_out and "sessions" not in rule]


def asked_by(web, browse):
    """(browser, rule) for each form: strangers', members' and admins' by one who is let in."""
    who = {"public": None, "platform": "stella"}
    clients = {name: browse(name) for name in (None, "alice", "stella")}
    doors = {
        rule.rule: web.view_functions[rule.endpoint].door for rule in web.url_map.iter_rules() if "POST" in rule.methods
    }
    return [(clients[who.get(doors[rule].kind, "alice")], rule) for rule in forms(web)]


DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}
DRAWN = ("", "\u202etxt.exe", "<script>alert(1)</script>")  # asked again as a page asks, whose refusal is drawn


@pytest.mark.parametrize("value", for_sql(SHORT))
def test_no_value_in_a_form_breaks_anything(web, browse, task, value):
    wrong, data = [], dict.fromkeys(FIELDS, value)
    for client, rule in a_share(asked_by(web, browse), SHORT.index(value), 4):
        path = filled(rule, str(task.id)).replace(f"cells/{task.id}", "cells/due_at")
        for headers in (JSON, DIALOG) if value in DRAWN else (JSON,):
            status = client.post(path, data=data, headers=headers).status_code
            if status >= 500 and status not in PROVOKED:
                wrong.append((rule, headers))
    assert wrong == []


@pytest.mark.parametrize("name", ["due_at", "assigned_to", "title", "status", "category", "description", "priority"])
def test_no_value_in_a_cell_breaks_anything(browse, task, name):
    alice, wrong = browse("alice"), []
    for value in NASTY:
        response = alice.post(f"/acme/tasks/{task.id}/cells/{name}", data={name: value}, headers=JSON)
        if response.status_code not in (303, 422):
            wrong.append((value[:40], response.status_code))
        with everywhere("a test looks"):
            stored = Task.one(Task.id == task.id).__data__[name]
        assert "\x00" not in str(stored)
        assert not re.search("[\u200b\u202a-\u202e\u2066-\u2069\ufeff]", str(stored))
        assert name != "title" or stored.strip()
    assert wrong == []


@pytest.mark.parametrize("title", ["\u200d", "\u200e", "\u00ad", "\u2060", "\u200b \u200d"])
def test_a_title_nobody_can_see_is_an_empty_one(browse, task, title):
    response = browse("alice").post(f"/acme/tasks/{task.id}/cells/title", data={"title": title}, headers=JSON)
    assert response.status_code == 422


BODIES = {
    "json": (b'{"title": "A"}', "application/json"),
    "array": (b"[1, 2]", "application/json"),
    "broken json": (b"{", "application/json"),
    "text": (b"title=A", "text/plain"),
    "xml": (b"<a/>", "application/xml"),
    "no type": (b"title=A", ""),
    "odd type": (b"title=A", ";;;="),
    "multipart without boundary": (b"--x\r\n", "multipart/form-data"),
    "multipart broken": (b"--x\r\nContent-Disposition: form-data; name=", "multipart/form-data; boundary=x"),
    "multipart many": (
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\nb\r\n' % n for n in range(1500)) + b"--x--",
        "multipart/form-data; boundary=x",
    ),
    "huge boundary": (b"--x--", "multipart/form-data; boundary=" + "x" * 5000),
    "odd charset": (b"title=A", "application/x-www-form-urlencoded; charset=utf-7"),
    "broken utf-8": (b"title=%ff%fe&email=\xff\xfe", "application/x-www-form-urlencoded"),
    "empty": (b"", "application/x-www-form-urlencoded"),
    "many": (b"&".join(b"ids=%d" % n for n in range(5000)), "application/x-www-form-urlencoded"),
    "keyless": (b"&&&=&=a&b", "application/x-www-form-urlencoded"),
}


@pytest.mark.above_sql
@pytest.mark.parametrize("kind", BODIES)
def test_no_body_breaks_anything(web, browse, task, kind):
    body, content_type = BODIES[kind]
    for client, rule in a_share(asked_by(web, browse), list(BODIES).index(kind), 6):
        path = filled(rule, str(task.id)).replace(f"cells/{task.id}", "cells/title")
        response = client.post(path, data=body, content_type=content_type, headers=JSON)
        fine(response, *PROVOKED)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_ten_megabytes_are_not_taken(web, browse, counted, task, content_type):
    client, before = browse("alice"), counted()
    big = b"title=" + b"x" * 10_000_000
    for rule in (
        "/acme/tasks",
        f"/acme/tasks/{task.id}",
        "/acme/tasks/bulk",
        "/sign-in",
        "/sign-up",
        "/forgot-password",
        "/webhooks/stripe",
    ):
        response = fine(client.post(rule, data=big, content_type=content_type, headers=JSON))
        assert (response.status_code, response.json["code"]) == (413, "INVALID_INPUT"), rule
        assert "1 MB" in response.json["message"]
    for headers, status in (({}, 413), ({"HX-Request": "true"}, 413)):
        response = client.post("/acme/tasks", data=big, content_type=content_type, headers=headers)
        assert response.status_code == status
    assert counted() == before


def test_a_file_where_a_text_belongs_is_no_text(browse, counted):
    before = counted()
    data = {"title": (io.BytesIO(b"a file"), "title.txt")}
    response = browse("alice").post("/acme/tasks", data=data, content_type="multipart/form-data", headers=JSON)
    assert response.status_code == 422
    assert counted() == before


def test_lists_where_one_value_belongs_and_names_with_brackets(browse, task):
    client = browse("alice")
    data = {"title": ["First", "Second"], "title[]": "x", "title[0]": "y", "status[a]": "completed", "__proto__": "z"}
    fine(client.post(f"/acme/tasks/{task.id}", data=data))
    with everywhere("a test looks"):
        stored = Task.one(Task.id == task.id)
    assert (stored.title, stored.status) == ("First", "pending")


# --- twice, and too late ---------------------------------------------------------------------------------------


def test_a_form_sent_twice_does_its_work_once_where_it_can(browse, task, counted):
    alice = browse("alice")
    for path, form in (
        (f"/acme/tasks/{task.id}/cells/status", {"status": "completed", "was": "pending"}),
        (f"/acme/tasks/{task.id}", {"title": "Call", "was_title": "Call the printer"}),
    ):
        assert alice.post(path, data=form, headers=JSON).status_code == 303
        once = counted()
        assert fine(alice.post(path, data=form, headers=JSON)).status_code in (303, 409)
        assert counted() == once
    assert alice.post(f"/acme/tasks/{task.id}/removal", headers=JSON).status_code == 303
    once = counted()
    assert alice.post(f"/acme/tasks/{task.id}/removal", headers=JSON).status_code == 404
    assert counted() == once


def test_a_page_whose_row_is_gone_is_told_so_in_every_form(browse, task, counted, cast):
    alice = browse("alice")
    alice.post(f"/acme/tasks/{task.id}/removal")
    before = counted()
    for path in ("", "/cells/title", "/removal"):
        for headers in (JSON, {"HX-Request": "true"}, {}):
            response = fine(alice.post(f"/acme/tasks/{task.id}{path}", data={"title": "x"}, headers=headers))
            assert response.status_code == 404, path
            assert "was removed" in response.get_data(True)
    done = alice.post("/acme/tasks/bulk", data={"ids": task.id, "act": "remove"}, headers={"HX-Request": "true"})
    assert "0 tasks deleted. 1 not" in done.get_data(True)
    assert counted() == before


def test_ids_are_never_used_again_so_an_old_page_speaks_of_no_new_row(browse, task, at):
    browse("alice").post(f"/acme/tasks/{task.id}/removal")
    with inside(at("alice").organization):
        assert rows.create(tasks.rules, {"title": "New"}, by=at("alice")).id > task.id


# --- headers -------------------------------------------------------------------------------------------------------

HEADERS = [
    {"HX-Request": "true", "HX-Target": target}
    for target in (
        "frame",
        "head",
        "title",
        "heading",
        "page",
        "bell",
        "plan_badge",
        "banner",
        "self",
        "super",
        "../x",
        "<b>",
        "x" * 5000,
        "é",
        "%00",
        "__class__",
        "body_attributes",
        "actions",
        "tabs",
        "list_rows",
        "list_area",
    )
] + [
    {"HX-Request": "yes"},
    {"HX-Request": ""},
    {"HX-Target": "page"},
    {"HX-Request": "true", "HX-Current-URL": "http://["},
    {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"},
    {"HX-Request": "true", "HX-Target-URI-AutoEncoded": "true", "HX-Target": "%ff"},
    {"Range": "bytes=9999999-"},
    {"Range": "bytes=x-y"},
    {"Range": "bytes=0-0,1-1,2-2"},
    {"If-Modified-Since": "never"},
    {"If-None-Match": '"' * 50},
    {"Accept": "*/*;q=x"},
    {"Accept": ""},
    {"Accept": "application/json;q=99, text/html"},
    {"Accept": "," * 500},
    {"Cookie": "guildhall=" + "x" * 8000},
    {"Cookie": "=;=;;"},
    {"Cookie": "guildhall=e30.x.y"},
    {"Accept-Encoding": "gzip;q=bad"},
    {"User-Agent": ""},
    {"User-Agent": "x" * 8000},
    {"User-Agent": "é\xff"},
    {"Referer": "http://["},
    {"Referer": "//[x"},
    {"Referer": "é"},
    {"Host": "evil.example"},
    {"Host": "["},
    {"Host": "a b"},
    {"Host": ""},
    {"Authorization": "Bearer " + "x" * 5000},
    {"X-Forwarded-For": "x" * 500},
    {"Content-Length": "-1"},
    {"Transfer-Encoding": "odd"},
    {"Last-Event-ID": "²-1-1"},
    {"X-HTTP-Method-Override": "DELETE"},
    {"Origin": "http://["},
    {"Origin": "é"},
    {"Sec-Fetch-Site": "é"},
]


@pytest.mark.above_sql
@pytest.mark.parametrize("headers", HEADERS, ids=[json.dumps(h)[:60] for h in HEADERS])
def test_no_header_breaks_anything(web, browse, task, headers, counted):
    before = counted()
    for name in (None, "alice"):
        client = web.test_client(use_cookies=False) if "Cookie" in headers else browse(name)
        for path in (
            "/",
            "/sign-in",
            "/acme",
            "/acme/tasks",
            f"/acme/tasks/{task.id}",
            "/account",
            "/notifications",
            "/admin/settings",
            "/static/favicon.svg",
            "/static/css/guildhall.css",
            "/nothing/here",
            "/metrics",
        ):
            with client.get(path, headers=headers) as response:
                fine(response, *PROVOKED)
        for path in ("/acme/tasks/bulk", "/sign-in", f"/acme/tasks/{task.id + 1}"):
            fine(client.post(path, data={"email": "x"}, headers=headers), *PROVOKED)
    assert counted() == before


def test_signing_in_with_odd_headers_works(browse):
    for agent in ("", "x" * 8000, "é\xff\xfe", "<script>"):
        client = browse(None)
        form = {"email": "bob@example.org", "password": PASSWORD}
        assert client.post("/sign-in", data=form, headers={"User-Agent": agent}).status_code == 303
        page = client.get("/settings/security").get_data(True)
        assert "<script>" not in page.replace("<script src", "")


def test_a_session_that_was_altered_is_a_strangers(web, browse, cast):
    """Even with the right signature, what is in it must be a live token."""
    for held in (
        {"_user_id": cast.alice.id},
        {"_user_id": None},
        {"_user_id": ["x"]},
        {"_user_id": "x" * 500},
        {"_user_id": {"a": 1}},
        {"sign_up": 7, "reset": ["x"]},
        {"sign_up": "x" * 5000},
        {"_flashes": "x"},
        {"_user_id": "é\x00"},
    ):
        client = browse(None)
        with client.session_transaction() as cookie:
            cookie.update(held)
        for path in ("/acme", "/verify", "/reset-password"):
            assert fine(client.get(path)).status_code in (302, 303), (held, path)


# --- text of any kind ----------------------------------------------------------------------------------------------

WORDS = text.text(max_size=60)
QUICK = hypothesis_settings(
    max_examples=FUZZ or 20,
    deadline=None,
    derandomize=not FUZZ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@QUICK
@given(title=WORDS, q=WORDS, name=WORDS)
def test_any_text_is_stored_found_and_shown_or_refused(browse, cast, title, q, name):
    alice = browse("alice")
    response = fine(alice.post("/acme/tasks", data={"title": title, "category": name}, headers=JSON))
    assert response.status_code in (303, 422)
    if response.status_code == 303:
        page = fine(alice.get(response.headers["Location"]))
        assert page.status_code == 200
        assert "\x00" not in page.get_data(True)
    answered = 400 if "\x00" in q + name else 200  # no address holds a NUL
    assert fine(alice.get("/acme/tasks", query_string={"q": q, "category": name})).status_code == answered
    for path in ("/palette", "/acme/tasks/export.csv"):
        assert fine(alice.get(path, query_string={"q": q})).status_code == (400 if "\x00" in q else 200)


@QUICK
@given(email=WORDS, name=WORDS, password=WORDS, code=WORDS, next=WORDS)
def test_any_text_at_the_gate_is_refused_or_taken(browse, email, name, password, code, next):
    client = browse(None)
    form = {"email": email, "name": name, "password": password, "code": code, "next": next}
    for path in (
        "/sign-in",
        "/sign-up",
        "/forgot-password",
        "/verify",
        "/reset-password",
        "/verify/resend",
        "/setup/x",
    ):
        response = fine(client.post(path, data=form))
        assert response.status_code in (303, 404, 422), path
        if password.strip() and len(password) > 11 and password not in (email, name, next):
            assert f'value="{password}"' not in response.get_data(True)


NAMES = (
    *("q", "tab", "sort", "view", "after", "rows", "before", "since", "next", "as", "due", "status", "created_at_from"),
    *(
        "created_at_to",
        "at_from",
        "at_to",
        "when",
        "when_from",
        "assigned_to",
        "role",
        "kind",
        "provider",
        "page",
        "id",
    ),
)
ODD = text.sampled_from(
    (
        *("", "0", "-1", "5", "9" * 30, "board", "9999-12-31", "0001-01-01", "2026-02-30", "2026-06-15T25:00", "NaN"),
        *("1e9", "true", "[]", "{}", "a,b", "-id", "title:asc", "\u0661", "\U0001f389", "%", "'\"", "../x", "\ud7ff"),
    )
)


@QUICK
@given(asked=text.lists(text.dictionaries(text.sampled_from(NAMES), ODD | WORDS, max_size=5), min_size=8, max_size=8))
def test_attack_a7_any_parameters_of_any_page_are_read_by_a_kind(web, browse, asked):
    """By the route map: each example asks eight pages, so that all are asked in turn."""
    stella, alice = browse("stella"), browse("alice")
    pages = [rule for rule in routes(web, "GET") if not rule.endswith("/live") and "<path" not in rule]
    for place, query in enumerate(asked):
        rule = pages[(sum(map(len, query.values())) * 8 + place * 31) % len(pages)]
        client = stella if rule.startswith("/admin") else alice
        with client.get(filled(rule), query_string=query, headers=JSON) as response:
            assert response.status_code < 500 or response.status_code in PROVOKED, (rule, query)


@QUICK
@given(path=text.text(alphabet=text.characters(codec="utf-8"), max_size=40), query=WORDS)
def test_any_address_is_answered(browse, path, query):
    fine(browse("alice").get("/" + path.replace("?", "").replace("#", ""), query_string={"q": query}))


def test_the_net_itself_catches(browse, cast, monkeypatch, caplog):
    """These tests can fail: a bug anywhere gives a 500 that `fine` refuses."""
    from views.base import notices

    monkeypatch.setattr(notices.notices, "unread", lambda user: 1 // 0)
    with pytest.raises(AssertionError):
        fine(browse("bob").get("/notifications/bell"))
    caplog.clear()
    assert write(models.User.select().count) == 6


def test_attack_a7_parameters_that_once_were_errors_of_ours_are_refused_or_read(browse):
    alice, stella = browse("alice"), browse("stella")
    for client, path in (
        (alice, "/acme/tasks?view=board&after=5"),
        (alice, "/acme/tasks?after=99999999999999999999"),
        (stella, "/admin/webhooks?when=9999-12-31"),
        (stella, "/admin/webhooks?when_from=9999-12-31&when_to=0001-01-01"),
        (stella, "/admin/audit?at_from=9999-12-31"),
        (stella, "/admin/users?created_at_to=9999-12-31"),
    ):
        assert client.get(path).status_code < 500, path
    form = {"key": "\0abc", "amount": "5", "reason": "a\0b", "act": "give", "ends_on": "9999-12-31\0"}
    assert stella.post("/admin/organizations/7/credits", data=form).status_code < 500
