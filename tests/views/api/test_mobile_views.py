"""The backend of mobile apps: what comes in, what goes out, and what a program may do with a key."""

import json
import logging
from datetime import timedelta

import pytest
from peewee import fn

import models
from database.clock import now
from database.scope import everywhere, inside
from domain.base import allowances, settings
from domain.base.allowances import limiter
from domain.events.door import devices
from domain.lists import rows
from domain.organizations import api_keys
from domain.tasks import tasks
from models import AuditEvent, Device, Membership, Presence, Task
from tests.fixtures.doors import an_event, code_of, passes_of
from tests.fixtures.keys import AT, Program, a_key, pay
from tests.fixtures.threads import write


@pytest.fixture
def acme(cast):
    pay(cast.acme)
    return cast.acme


@pytest.fixture
def program(web, acme, at):
    """`program("tasks.read")` asks with a key of alice's that has these scopes; all of them unless said."""

    def made(scopes="", by="alice", **more):
        return Program(web, a_key(at(by), *filter(None, [scopes]), **more)[1])

    return made


@pytest.fixture
def app(program):
    return program()


@pytest.fixture(autouse=True)
def _no_bug_is_logged(caplog):
    yield
    assert not [r for r in caplog.records if r.name == "guildhall.errors" and r.levelno >= logging.ERROR]


def a_task(at, acme, title="Call the printer", by="alice", **more):
    with inside(acme):
        return rows.create(tasks.rules, {"title": title, **more}, by=at(by)).id


def is_problem(answer, status, code):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.data
    assert answer.json["code"] == code
    assert answer.json["detail"].endswith(".")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


# --- the door -------------------------------------------------------------------------------------------------------


def test_without_a_good_key_there_is_nothing(web, app):
    for key in ("", "x", "ghk_00000000_" + "0" * 32):
        answer = Program(web, key).get("/tasks")
        is_problem(answer, 401, "UNAUTHENTICATED")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Program(web, "").get("/health").json == {"ok": True}
    old = web.test_client().get(AT + "/tasks", headers={"X-Mobile-Api-Key": app.key})
    assert old.status_code == 200, "as the apps of before send it"


def test_a_session_is_no_key(browse, acme):
    is_problem(browse("alice").get(AT + "/tasks"), 401, "UNAUTHENTICATED")


def test_what_the_scopes_leave_out_is_refused_and_logged(program, at, acme):
    reader = program("tasks.read tasks.read_all")
    assert reader.get("/tasks").status_code == 200
    assert "tasks.write" in is_problem(reader.post("/tasks", {"title": "x"}), 403, "FORBIDDEN")["detail"]
    is_problem(reader.get("/events"), 403, "FORBIDDEN")
    denied = AuditEvent.get(AuditEvent.action == "organization.access_denied")
    assert (denied.actor_email, denied.metadata["program"][:9]) == ("alice@example.org", "App (ghk_")
    with inside(acme):
        assert Task.select().count() == 0


def test_what_the_maker_loses_the_key_loses_at_the_next_request(program, cast, at, acme):
    id = a_task(at, acme, by="bob")
    app = program()
    assert app.patch(f"/tasks/{id}", {"title": "New"}).status_code == 200
    write(Membership.update(role="member").where(Membership.user == cast.alice).execute)
    is_problem(app.patch(f"/tasks/{id}", {"title": "Newer"}), 403, "FORBIDDEN")
    write(Membership.delete().where(Membership.user == cast.alice).execute)
    is_problem(app.get("/tasks"), 401, "UNAUTHENTICATED")


def test_a_key_sees_its_organization_alone(program, web, cast, at, acme):
    pay(cast.globex)
    id = a_task(at, acme)
    stranger = Program(web, a_key(at("charlie", "globex"))[1])
    assert stranger.get("/tasks").json["items"] == []
    is_problem(stranger.get(f"/tasks/{id}"), 404, "NOT_FOUND")
    is_problem(stranger.patch(f"/tasks/{id}", {"title": "Mine"}), 404, "NOT_FOUND")


def test_bounds_hold_however_an_address_is_written(program, at, acme):
    app = program(paths=AT + "/tasks/*")
    id = a_task(at, acme)
    assert app.get(f"/tasks/{id}").status_code == 200
    assert app.get(f"/%74asks/{id}").status_code == 200, "the same address"
    for odd in ("/events", "/tasks/../events", "/tasks/%2e%2e/events", "/tasks//", "//tasks", "/tasks/", "/tasks%2f"):
        assert app.get(odd).status_code in (403, 404), odd
    is_problem(program(networks="198.51.100.0/24").get("/tasks"), 403, "FORBIDDEN")


# --- what comes in and goes out -------------------------------------------------------------------------------------


def test_heads_are_clean_both_ways(app, at, acme):
    a_task(at, acme)
    odd = {"Cookie": "guildhall=x", "X-Forwarded-For": "192.0.2.1", "X-HTTP-Method-Override": "DELETE"}
    for answer in (app.get("/tasks", **odd), app.get("/nothing", **odd), app.get("/tasks/", **odd)):
        assert not {"Set-Cookie", "Server", "Location"} & set(answer.headers.keys())
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Origin" in answer.headers["Vary"]
        assert answer.headers["X-Request-Id"]
    is_problem(app.get("/tasks/"), 404, "NOT_FOUND")
    is_problem(app.ask("PUT", "/tasks", {}), 405, "INVALID_INPUT")
    is_problem(app.get("/nothing"), 404, "NOT_FOUND")
    with everywhere("a test looks at the log"):
        assert not AuditEvent.select().where(AuditEvent.ip == "192.0.2.1").exists()


def test_operations_case_26_only_named_origins_may_ask_and_never_with_credentials(app, web, cast):
    settings.change("api_origins", "https://App.example.org/\nhttp://localhost:5173", by=cast.stella)
    named, others = "https://app.example.org", ("null", "https://evil.example", "https://app.example.org.evil.example")
    assert app.get("/tasks", Origin=named).headers["Access-Control-Allow-Origin"] == named
    for other in (*others, "http://app.example.org", "https://app.example.org:8443", ""):
        answer = app.get("/tasks", Origin=other)
        assert answer.status_code == 200
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]
    preflight = Program(web, "").ask("OPTIONS", "/tasks", Origin=named, Access_Control_Request_Method="PATCH")
    assert (preflight.status_code, preflight.data) == (204, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == named
    assert preflight.headers["Access-Control-Max-Age"] == "600"
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in preflight.headers
    foreign = Program(web, "").ask("OPTIONS", "/tasks", Origin="null", Access_Control_Request_Method="PATCH")
    assert not {"Access-Control-Allow-Origin", "Access-Control-Allow-Methods"} & set(foreign.headers.keys())


def test_a_refused_origin_still_gets_its_cors_head(web, acme, cast):
    settings.change("api_origins", "https://app.example.org", by=cast.stella)
    answer = Program(web, "").get("/tasks", Origin="https://app.example.org")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, "https://app.example.org")


# --- limits ---------------------------------------------------------------------------------------------------------


def test_each_key_has_a_limit_of_its_own_and_preflights_are_free(program, web):
    one, other = program(), program()
    with everywhere("a test"):
        one.id = models.ApiKey.select(fn.min(models.ApiKey.id)).scalar()
    limiter.enabled = True
    first = one.get("/tasks")
    assert (first.headers["RateLimit-Policy"], first.headers["RateLimit"][:13]) == (
        *('"key";q=30000;w=60', '"key";r=29990'),
    )
    for _ in range(50):
        one.ask("OPTIONS", "/tasks", Origin="https://x.example")
    assert one.get("/tasks").headers["RateLimit"][:13] == '"key";r=29980', "an empty list costs the call alone"
    allowances.charge("calls", one.id, 29_975)
    refused = one.get("/tasks")
    assert is_problem(refused, 429, "RATE_LIMITED")["retry_after"] == int(refused.headers["Retry-After"])
    assert other.get("/tasks").status_code == 200


def test_wrong_keys_are_counted_by_network_and_lock_no_good_one_out(app, web):
    limiter.enabled = True
    wrong = Program(web, app.key[:-1] + ("0" if app.key[-1] != "0" else "1"))
    statuses = [wrong.get("/me").status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert app.get("/me").status_code == 200


# --- rows -----------------------------------------------------------------------------------------------------------


def test_tasks_are_made_read_changed_and_removed(app, at, acme, cast):
    sent = {"title": "Paint", "priority": "high", "assigned_to": cast.bob.id, "due_at": "2031-05-06"}
    made = app.post("/tasks", sent)
    assert made.status_code == 201
    id, task = made.json["id"], made.json
    assert (task["title"], task["priority"], task["due_at"]) == ("Paint", "high", "2031-05-06")
    assert task["assigned_to"] == {"id": cast.bob.id, "name": "Bob"}
    assert task["status"] == "pending"
    read = app.get(f"/tasks/{id}")
    assert (read.json, read.headers["ETag"]) == (task, made.headers["ETag"])
    assert app.get(f"/tasks/{id}", If_None_Match=read.headers["ETag"]).status_code == 304
    changed = app.patch(f"/tasks/{id}", {"status": "completed", "due_at": None}, If_Match=read.headers["ETag"])
    assert (changed.status_code, changed.json["status"], changed.json["due_at"]) == (200, "completed", None)
    assert changed.json["completed_at"].endswith("Z")
    gone = app.ask("DELETE", f"/tasks/{id}", If_Match=changed.headers["ETag"])
    assert (gone.status_code, gone.data) == (204, b"")
    is_problem(app.get(f"/tasks/{id}"), 404, "NOT_FOUND")


def test_an_old_version_changes_nothing_and_gets_the_present_row(app, at, acme):
    id = a_task(at, acme)
    old = app.get(f"/tasks/{id}").headers["ETag"]
    app.patch(f"/tasks/{id}", {"title": "Theirs"})
    problem = is_problem(app.patch(f"/tasks/{id}", {"title": "Mine"}, If_Match=old), 412, "PRECONDITION_FAILED")
    assert problem["present"]["title"] == "Theirs"
    for version in (old, "", ",", '""'):  # an empty one guards as well
        is_problem(app.ask("DELETE", f"/tasks/{id}", If_Match=version), 412, "PRECONDITION_FAILED")
    assert app.get(f"/tasks/{id}").json["title"] == "Theirs"
    assert app.patch(f"/tasks/{id}", {"title": "Any"}, If_Match="*").status_code == 200


def test_one_word_makes_one_row(app, acme):
    first = app.post("/tasks", {"title": "Once"}, Idempotency_Key="w1")
    again = app.post("/tasks", {"title": "Once"}, Idempotency_Key="w1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json, again.headers["ETag"]) == (first.json, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = app.post("/tasks", {"title": "Twice"}, Idempotency_Key="w1")
    is_problem(other, 422, "IDEMPOTENCY_KEY_REUSED")
    assert app.post("/tasks", {"title": ""}, Idempotency_Key="w2").status_code == 422
    assert app.post("/tasks", {"title": "Now"}, Idempotency_Key="w2").status_code == 201, "a refusal did nothing"
    for word in ("x" * 300, ""):
        is_problem(app.post("/tasks", {"title": "x"}, Idempotency_Key=word), 422, "INVALID_INPUT")
    with inside(acme):
        assert sorted(title for (title,) in Task.select(Task.title).tuples()) == ["Now", "Once"]


def test_all_that_is_wrong_is_named(app, acme):
    problem = is_problem(
        app.post("/tasks", {"title": 7, "priority": "utmost", "created_at": "2030-01-01", "nothing": 1, "id": 3}),
        *(422, "INVALID_INPUT"),
    )
    said = {one["field"]: one["message"] for one in problem["errors"]}
    assert said.keys() == {"title", "priority", "created_at", "nothing", "id"}
    assert said["nothing"] == "There is no field or parameter of this name here."
    assert said["created_at"] == said["id"] == "This field is only read."


def test_what_is_no_json_object_is_refused(app):
    for body, heads, status in (
        ("{", {}, 400),
        ("[" * 5000, {}, 400),
        ("[]", {}, 422),
        ('"x"', {}, 422),
        ("{}", {"Content_Type": "text/plain"}, 415),
        (b"\xff{}", {}, 400),
        ('{"title": "a\\ud800b"}', {}, 201),  # half a sign goes, as in a form
    ):
        assert app.post("/tasks", body, **heads).status_code == status, body


def test_lists_go_on_by_key_and_are_narrowed(app, at, acme):
    for number in range(5):
        a_task(at, acme, f"Task {number}", priority="high" if number % 2 else "low")
    first = app.get("/tasks?limit=2&sort=oldest&fields=title").json
    assert [set(row) for row in first["items"]] == [{"id", "title"}] * 2
    following = first["next"].partition(AT)[2]
    titles = [row["title"] for row in first["items"] + app.get(following).json["items"]]
    assert titles == ["Task 0", "Task 1", "Task 2", "Task 3"]
    last = app.get(app.get(following).json["next"].partition(AT)[2]).json
    assert ([row["title"] for row in last["items"]], last["next"]) == (["Task 4"], None)
    assert len(app.get("/tasks?priority=high").json["items"]) == 2
    assert [row["title"] for row in app.get("/tasks?q=task+3").json["items"]] == ["Task 3"]


def test_a_list_leaves_nothing_out_that_it_does_not_understand(app):
    for query, name in [
        *(("nothing=1", "nothing"), ("priority=utmost", "priority"), ("sort=x", "sort"), ("tab=x", "tab")),
        *(("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("after=x", "after")),
        *(("fields=title,secret", "fields"), ("q=a&q=b", "q"), ("status=", "status"), ("rows=7", "rows")),
    ]:
        problem = is_problem(app.get(f"/tasks?{query}"), 422, "INVALID_INPUT")
        assert name in [one["field"] for one in problem["errors"]], (query, name)


def test_without_read_all_a_key_sees_its_makers_tasks(program, at, acme):
    a_task(at, acme, "Hers")
    theirs = a_task(at, acme, "His", by="bob")
    app = program("tasks.read")
    assert [row["title"] for row in app.get("/tasks").json["items"]] == ["Hers"]
    is_problem(app.get(f"/tasks/{theirs}"), 404, "NOT_FOUND")


# --- events and the door --------------------------------------------------------------------------------------------


@pytest.fixture
def night(acme):
    with inside(acme):
        event = an_event("Night", starts_at=now(), ends_at=now() + timedelta(hours=5))
        ada, grace = passes_of(event, ["Ada", "Grace"])
        return event, ada, grace, code_of(ada)


def test_events_tickets_and_passes_are_read(app, night):
    event, _, grace, _ = night  # her name is in no serial
    assert [row["title"] for row in app.get("/events").json["items"]] == ["Night"]
    read = app.get(f"/events/{event.id}").json
    assert (read["state"], read["prices_include_tax"], read["starts_at"][-1]) == ("published", True, "Z")
    (tier,) = app.get(f"/events/{event.id}/tiers").json["items"]
    assert (tier["name"], tier["price_cents"]) == ("Standard", 0)
    passes = app.get(f"/events/{event.id}/passes?q=grace").json["items"]
    assert [(one["holder"], one["serial"]) for one in passes] == [("Grace", grace.serial)]
    assert app.get(f"/passes/{grace.serial}").json == passes[0]
    is_problem(app.get("/passes/nothing"), 404, "NOT_FOUND")
    is_problem(app.get("/events/999/tiers"), 404, "NOT_FOUND")


def test_a_program_checks_in_once(app, night, acme):
    event, ada, grace, code = night
    where = f"/events/{event.id}/check-ins"
    first = app.post(where, {"nonce": "n1", "code": code})
    assert (first.status_code, first.json["result"], first.json["admits"], first.json["name"]) == (
        200,
        "ok",
        True,
        "Ada",
    )
    assert app.post(where, {"nonce": "n1", "code": code}).json == first.json, "the same scan again"
    second = app.post(where, {"nonce": "n2", "code": ada.serial}).json
    assert (second["admits"], second["first"]["phone"]) == (False, "Key: App")
    assert app.post(where, {"nonce": "n3", "code": grace.serial.upper()}).json["admits"]
    assert app.post(where, {"nonce": "n4", "code": "GH1:nothing"}).json["admits"] is False
    with inside(acme):
        assert (Presence.select().count(), Device.select().count()) == (2, 1)


def test_a_key_is_taken_off_the_door_like_a_phone(app, night, acme, at):
    event, *_, code = night
    app.post(f"/events/{event.id}/check-ins", {"nonce": "n1", "code": "x"})
    with inside(acme):
        devices.revoke(Device.get().id, by=at("alice"))
    is_problem(app.post(f"/events/{event.id}/check-ins", {"nonce": "n2", "code": code}), 403, "FORBIDDEN")


def test_a_door_that_is_not_there_is_said_so(app, night, acme):
    event, *_, code = night
    with inside(acme):
        write(models.Event.update(state="draft").where(models.Event.id == event.id).execute)
    answer = app.post(f"/events/{event.id}/check-ins", {"nonce": "n1", "code": code})
    is_problem(answer, 409, "INVALID_TRANSITION")
    for odd in ("\\ud800", "\\u0000"):
        body = f'{{"nonce": "a{odd}", "code": "x"}}'
        is_problem(app.post(f"/events/{event.id}/check-ins", body), 422, "INVALID_INPUT")
    wrong = app.post(f"/events/{event.id}/check-ins", {"nonce": "", "gate": True, "x": 1})
    named = {one["field"] for one in is_problem(wrong, 422, "INVALID_INPUT")["errors"]}
    assert named == {"nonce", "code", "gate", "x"}


def test_what_a_key_is_says_what_it_may_now(program, cast):
    app = program("tasks.read tasks.write_all")
    said = app.get("/me").json
    assert (said["organization"]["slug"], said["person"]["role"]) == ("acme", "owner")
    assert said["key"]["scopes"] == ["tasks.read", "tasks.write_all"]
    write(Membership.update(role="member").where(Membership.user == cast.alice).execute)
    assert app.get("/me").json["key"]["scopes"] == ["tasks.read"]


def test_nothing_of_a_key_is_in_the_log_or_in_an_answer(app, caplog):
    caplog.set_level(logging.DEBUG)
    secret = app.key.rpartition("_")[2]
    assert secret not in json.dumps(app.get("/me").json)
    app.get("/nothing")
    assert secret not in caplog.text
    assert api_keys.FORM.fullmatch(app.key)
