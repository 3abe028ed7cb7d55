"""Two worlds that differ in what a key doesn't see alone: whatever it asks of the API, the answers are the same bytes."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.lists.programs import asking
from domain.records import collections, field_changes, kind_changes, listings, rules, shapes
from domain.records.handling import buttons
from domain.records.rows import row_conditions
from models import RecordSlot
from tests.fixtures.keys import Program, a_key, pay

FIELDS = (("Name", "text"), ("Region", "choice", ("North", "South")), ("Salary", "number"), ("Mail", "email"))
NAMES = ("name", "region", "salary", "mail", "margin", "nothing", "chief", "chief.name", "chief.salary", "chief.mail")


@pytest.fixture(params=["rule", "key", "condition"])
def bob(web, cast, at, request):
    """His key: he sees the rows of the North, and neither their salary nor their mail; or only his key doesn't see the
    fields, or neither these nor other rows."""
    pay(cast.acme)
    with inside(cast.acme):
        alice = at("alice")
        made = collections.make("People", by=alice, fields=FIELDS)
        collections.add_field("people", "Chief", "link", by=alice, options={"table": str(made.id)})
        field_changes.rule("people", 4, by=alice, is_required=False, is_unique=True)
        for number, field, value in ((6, "3", "9"), (7, "1", "Pressed")):
            buttons.add("people", f"Button {number}", {"does": "set", "field_0": field, "value_0": value}, by=alice)
        for name, region in (("Ada", "North"), ("Ben", "South"), ("Eve", "North"), ("Kim", "South")):
            form = {
                "f1": name,
                "f2": region,
                "f3": "100",
                "f4": f"{name}@example.org",
                "f5": {"Eve": "Ben"}.get(name, ""),
            }
            rows.create(listings.of(collections.found("people"), alice), form, by=alice)
        north = row_conditions.read(shapes.read(made), ["and~2~any_of~1"])
        rule = {"sees": "some", "where": "and~2~any_of~1", "changes": "all", "adds": "1", "others": "change"}
        hidden = {"field_3": "nothing", "field_4": "nothing"}
        if request.param != "condition":
            rule |= hidden if request.param == "rule" else {}
            rules.change("people", "role:member", MultiDict(rule), by=alice)
    about = {"may": "remove", "fields": [1, 2, 5], "where": north if request.param == "condition" else []}
    bound = {} if request.param == "rule" else {str(made.id): about}
    return Program(web, a_key(at("bob"), "records.read records.write members.read", tables=bound)[1], "/api/v1/acme")


def asked():
    """Everything that can be asked, of each name with each condition: what is written is refused."""
    suffixes = [f".{suffix}" if suffix else "" for suffix in asking.SUFFIXES]
    for name in NAMES:
        for suffix in (*suffixes, "_from", "_to"):
            for text in ("100", "Ben", "true", "Ben@example.org"):
                yield "GET", f"/people?{name}{suffix}={text}", None
        yield from (
            ("GET", f"/people?{one}={name}", None) for one in ("sort", "fields", "sort=-name&fields", "q", "tab")
        )
        yield "POST", "/people/query", {"where": {"field": name, "value": "100"}}
        yield "POST", "/people/query", {"where": {"field": name, "op": "is_not", "value": "100"}, "count": True}
        yield (
            "POST",
            "/people/batch",
            {"rows": [{"do": "upsert", "by": {name: "Ben@example.org"}, "row": {}}, {"do": "remove", "id": 2}]},
        )
        yield "PUT", f"/people/by/{name}/Ben@example.org", {"nothing": 1}
        yield "PATCH", "/people/1", {name: "x", "nothing": 1}
        yield "POST", "/people", {name: "x", "nothing": 1}
        yield "POST", f"/people/1/{name}/files", None
        yield "GET", f"/people/3/{name}", None
    for id in (1, 2, 3, 4, 5, 99):
        yield "GET", f"/people/{id}", None
        yield "PATCH", f"/people/{id}", {"nothing": 1}
        yield "POST", f"/people/{id}/restore", {}
        yield "GET", f"/people/{id}/files/1", None
        yield "POST", f"/people/{id}/buttons/6", {}
        yield "POST", f"/people/{id}/buttons/99", {}
        yield "POST", f"/people/{id}/nothing", {}
    yield from (("POST", f"/people/{id}/buttons/7", {}) for id in (2, 4, 99))
    yield "PATCH", "/people/3", {"chief": {"add": [2]}}
    yield "PATCH", "/people/3", {"chief": 2}
    yield "PATCH", "/people/3", {"chief": {"id": 2, "move": True}}
    yield from (
        ("GET", f"/{path}", None)
        for path in ("people?count=true", "people/shape", "openapi.json", "client.ts", "client.py")
    )


def answers(program):
    found = {}
    for method, path, body in asked():
        answer = program.ask(method, path, body)
        known = {
            name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "RateLimit", "Date")
        }
        text = re.sub(rb'"request_id": "\w+"', b"", answer.data)
        found[f"{method} {path} {body}"] = (answer.status_code, known, text)
    return found


def test_a_pinned_program_hears_nothing_of_what_it_does_not_see(bob, at, cast):
    """Neither that a hidden field became another kind, nor how often the table was changed."""
    place = bob.get("/people/changes").json["since"]
    asked = [(number, path) for number in ("1", "2", "3", "50") for path in ("/people", "/people/shape")]
    before = [bob.get(path, Records_Shape=number).data for number, path in asked]
    with inside(cast.acme):
        alice = at("alice")
        collections.rename_for_programs("people", 3, by=alice)
        kind_changes.begin("people", 3, "text", by=alice)
        while kind_changes.work():
            pass
        for slot in RecordSlot.select().where(RecordSlot.field == 3, RecordSlot.state == "kept"):
            kind_changes._let_go(slot)
        field_changes.put_away("people", 4, by=alice)
    after = [bob.get(path, Records_Shape=number).data for number, path in asked]
    assert after == before
    page = bob.get(f"/people/changes?since={place}").json
    assert (page["items"], page["reread"]) == ([], False)


def test_what_a_key_may_not_see_changes_no_byte_of_any_answer(bob, at, cast):
    place = bob.get("/people/changes").json["since"]
    before = answers(bob)
    with inside(cast.acme):
        alice, whole = at("alice"), listings.of(collections.found("people"), at("alice"))
        for id in (1, 2, 3, 4):
            rows.change(whole, id, {"f3": "7", "f4": f"other{id}@example.org"}, by=alice)
        rows.change(whole, 2, {"f1": "Benjamin"}, by=alice)
        rows.remove(whole, 4, by=alice)
        collections.rename_field("people", 3, "Margin", by=alice)
        collections.rename_for_programs("people", 3, by=alice)
    after = answers(bob)
    assert {word: one for word, one in after.items() if one != before[word]} == {}
    assert len(before) > 600
    assert {status for status, *_ in before.values()} <= {200, 400, 404, 413, 415, 422}
    page = bob.get(f"/people/changes?since={place}").json
    assert page["items"] == [], "rows that he sees were changed in what he doesn't"
