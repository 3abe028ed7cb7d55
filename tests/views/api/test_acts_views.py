"""Named acts of lists by programs: at the row's address and the act's noun, as far as the key and its maker may."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from domain.records.handling import buttons
from domain.tasks import tasks
from models import ApiAnswer, Pass, Task, TicketOrder, Tier
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.keys import Program, a_key, pay
from tests.fixtures.threads import write
from tests.views.api.test_listings_views import problem


@pytest.fixture
def program(web, cast, at):
    pay(cast.acme)

    def made(by="alice", *scopes, **more):
        given = [" ".join(scopes)] if scopes else []
        return Program(web, a_key(at(by), *given, **more)[1], "/api/v1/acme")

    return made


@pytest.fixture
def event(cast):
    with inside(cast.acme):
        made = an_event()
        passes_of(made, ["Ada"])
    return made


def test_an_act_is_done_by_its_noun_and_answers_with_the_row(program, cast, at):
    app = program()
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Print"}, by=at("bob")).id
    done = app.post(f"/tasks/{task}/taking", {}, Idempotency_Key="t1")
    assert (done.status_code, done.json["done"]) == (200, "It is yours now.")
    assert done.json["row"]["assigned_to"] == {"id": cast.alice.id, "name": "Alice"}
    assert done.headers["ETag"] == app.get(f"/tasks/{task}").headers["ETag"]
    again = app.post(f"/tasks/{task}/taking", {}, Idempotency_Key="t1")
    assert (again.json, again.headers["Idempotent-Replayed"]) == (done.json, "true")
    late = app.ask("POST", f"/tasks/{task}/taking")
    assert problem(late, 409) == {}, "it isn't possible any more"
    assert "Take" in late.json["detail"]


def test_what_an_act_asks_for_is_its_value(program, cast, event):
    app, below = program(), f"/events/{event.id}"
    with inside(cast.acme):
        one, tier = Pass.get().id, Tier.get().id
    done = app.post(f"{below}/passes/{one}/name", {"value": "Ada Lovelace"})
    assert (done.status_code, done.json["row"]["holder"]) == (200, "Ada Lovelace")
    assert app.post(f"{below}/tiers/{tier}/code", {"value": None}).status_code == 200
    for sent in ({}, {"value": ""}, {"value": 7}, {"value": "x" * 200}):
        assert list(problem(app.post(f"{below}/passes/{one}/name", sent), 422)) == ["value"]
    assert list(problem(app.post(f"{below}/passes/{one}/name", {"value": "Ada", "more": 1}), 422)) == ["more"]
    assert list(problem(app.post(f"{below}/passes/{one}/letter", {"value": "Ada"}), 422)) == ["value"]
    with inside(cast.acme):
        assert Pass.get().holder == "Ada Lovelace"


def test_an_act_that_takes_a_proof_is_done_by_no_key_and_says_so(program, cast, event):
    app, below = program(), f"/events/{event.id}/orders"
    with inside(cast.acme):
        paid = TicketOrder.get().id
        write(TicketOrder.update(total_cents=500, paid_cents=500).execute)
        about = {"event": event, "state": "held", "hold_until_at": event.ends_at, "currency": "EUR"}
        held = write(TicketOrder.create, email="y@example.org", **about).id
    refused = app.post(f"{below}/{paid}/cancellation", {}, Idempotency_Key="c1")
    assert (refused.status_code, refused.json["code"]) == (403, "SENSITIVE_VERIFICATION_REQUIRED")
    assert "No key can give back money of this event" in refused.json["detail"]
    done = app.post(f"{below}/{held}/cancellation", {})
    assert (done.status_code, done.json["row"]["state"]) == (200, "cancelled")
    with inside(cast.acme):
        assert (TicketOrder.get_by_id(paid).state, ApiAnswer.select().count()) == ("paid", 0)


def test_who_may_is_the_key_and_its_maker(program, cast, event, at):
    below = f"/events/{event.id}"
    with inside(cast.acme):
        one = Pass.get().id
        theirs = rows.create(tasks.rules, {"title": "Hers", "repeats": "daily"}, by=at("alice")).id
    for app in (program("alice", "events.read", "orders.read"), program("bob")):
        assert app.post(f"{below}/passes/{one}/code", {}).status_code == 403
        paths = app.get("/openapi.json").json["paths"]
        assert f"/api/v1/acme{below.replace(str(event.id), '{parent}')}/passes/{{id}}/code" not in paths
    assert program("bob").post(f"/tasks/{theirs}/series-removal", {}).status_code in (403, 404)
    assert program("alice", "tasks.read").post(f"/tasks/{theirs}/taking", {}).status_code == 403
    careful = program(needs_version=True)
    assert careful.post(f"{below}/passes/{one}/code", {}).status_code == 428
    version = careful.get(f"{below}/passes/{one}").headers["ETag"]
    assert careful.post(f"{below}/passes/{one}/name", {"value": "Eve"}, If_Match=version).status_code == 200
    assert careful.post(f"{below}/passes/{one}/name", {"value": "Ada"}, If_Match=version).status_code == 412
    with inside(cast.acme):
        assert Task.get_by_id(theirs).title == "Hers"


def test_what_is_no_act_of_a_list_is_as_an_address_that_nobody_knows(program, cast, event):
    app = program()
    with inside(cast.acme):
        one = Pass.get().id
    strip = lambda answer: {**answer.json, "request_id": ""}  # noqa: E731
    unknown = strip(app.get("/tasks/1/nothing/at/all"))
    for path in (
        "tasks/1/nothing",
        f"events/{event.id}/passes/{one}/badges",
        "tasks/1/buttons/1",
        "labels/1/revocation",
    ):
        answer = app.post(f"/{path}", {})
        assert (answer.status_code, strip(answer)) == (404, unknown), path
    assert app.post(f"/events/{event.id + 1}/passes/{one}/code", {}).status_code == 404


def test_buttons_of_tables_are_pressed_by_who_may_change_what_they_change(program, cast, at):
    with inside(cast.acme):
        alice = at("alice")
        fields = (("Name", "text"), ("State", "choice", ("New", "Done")))
        table = collections.make("Jobs", by=alice, fields=fields)
        finish = buttons.add("jobs", "Finish", {"does": "set", "field_0": "2", "value_0": "Done"}, by=alice)
        opens = buttons.add("jobs", "Open", {"does": "open", "address": "https://example.org/{Name}"}, by=alice)
        row = rows.create(listings.of(collections.found("jobs"), alice), {"f1": "Paint"}, by=alice).id
    app = program()
    done = app.post(f"/jobs/{row}/buttons/{finish.id}", {})
    assert (done.status_code, done.json["row"]["state"], done.json["done"]) == (200, "done", "Done.")
    assert app.post(f"/jobs/{row}/buttons/{opens.id}", {}).status_code == 404
    at_all = f"/api/v1/acme/jobs/{{id}}/buttons/{finish.id}"
    assert at_all in app.get("/openapi.json").json["paths"]
    bounds = [{"may": "see", "fields": []}, {"may": "change", "fields": [1]}]
    for bound in bounds:
        less = program(tables={str(table.id): bound})
        assert less.post(f"/jobs/{row}/buttons/{finish.id}", {}).status_code == 404
        assert b"Finish" not in less.get("/openapi.json").data
