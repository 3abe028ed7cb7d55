"""Keys that are good for some tables and fields: never more than that, never more than their maker has now."""

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, field_changes, listings, rules
from domain.records.computed import formulas
from tests.fixtures.keys import Program, a_key, pay

FIELDS = (("Name", "text"), ("State", "choice", ("New", "Done")), ("Salary", "number"), ("Mail", "email"))
TABLES = ("people", "offers", "teams")
LEVELS = ("see", "change", "remove")


@pytest.fixture
def world(cast, at):
    pay(cast.acme)
    with inside(cast.acme):
        alice = at("alice")
        for name in ("People", "Offers", "Teams"):
            collections.make(name, by=alice, fields=FIELDS)
        options = {"table": str(collections.found("teams").id)}
        collections.add_field("people", "Team", "link", by=alice, options=options)
        lead = rows.create(listings.find("teams", alice), {_f("teams", "Name"): "Red"}, by=alice).id
        for n in range(3):
            form = {"Name": f"Ada {n}", "State": "New", "Salary": f"77{n}", "Mail": f"ada{n}@example.org"}
            form = {_f("people", name): text for name, text in form.items()} | {_f("people", "Team"): f"#{lead}"}
            rows.create(listings.find("people", alice), form, by=alice)
    return cast.acme


def _f(slug, label):
    fields = collections.fields(collections.found(slug))
    return f"f{next(field.id for field in fields if field.label == label)}"


def bounds(acme, **tables):
    """{id: …} of «people=("see", "Name State")»."""
    with inside(acme):
        return {
            str(collections.found(slug).id): {"may": may, "fields": [int(_f(slug, one)[1:]) for one in labels.split()]}
            for slug, (may, labels) in tables.items()
        }


@pytest.fixture
def program(web, world, at):
    def made(by="alice", scopes="records.read records.write", **tables):
        return Program(web, a_key(at(by), scopes, tables=bounds(world, **tables))[1], "/api/v1/acme")

    return made


def told(answer, name):
    """An answer as it would be of another name."""
    return answer.status_code, str({**answer.json, "request_id": ""}).replace(name, "nothin")


def test_a_key_sees_the_tables_and_fields_that_it_names_and_no_others(program):
    app = program(people=("see", "Name State"))
    row = app.get("/people?sort=name").json["items"][0]
    assert row.keys() == {"id", "name", "state", "created_by", "created_at"}
    assert [app.get(f"/{slug}").status_code for slug in TABLES] == [200, 404, 404]
    assert told(app.get("/offers"), "offers") == told(app.get("/nothin"), "nothin")
    for ask in (
        lambda name: app.get(f"/people?{name}=770"),
        lambda name: app.get(f"/people?{name}.contains=7"),
        lambda name: app.get(f"/people?sort={name}"),
        lambda name: app.get(f"/people?fields={name}"),
        lambda name: app.post("/people/query", {"where": {"field": name, "value": "770"}}),
        lambda name: app.post("/people", {name: "1"}),
        lambda name: app.get(f"/people/2/{name}"),
    ):
        for hidden in ("salary", "mail", "team"):
            assert told(ask(hidden), hidden) == told(ask("nothin"), "nothin")
    assert app.get("/people?q=770").json["items"] == [], "nor by what stands among the words of a search"
    assert app.get("/people?q=ada0").json["items"] == []
    assert len(app.get("/people?q=ada").json["items"]) == 3
    document = app.get("/openapi.json").text
    assert {path.split("/")[4] for path in app.get("/openapi.json").json["paths"] if "/v1/" in path} == {"people"}
    assert not [word for word in ("salary", "Salary", "team", "Team", "offers") if word in document]


def test_what_a_key_may_with_a_table_is_said_table_by_table(program):
    see, change, remove = (program(people=(may, "Name")) for may in ("see", "change", "remove"))
    assert [app.patch("/people/2", {"name": "Eve"}).status_code for app in (see, change, remove)] == [403, 200, 200]
    assert [app.post("/people", {"name": "New"}).status_code for app in (see, change, remove)] == [403, 201, 201]
    assert [app.ask("DELETE", "/people/2").status_code for app in (see, change, remove)] == [403, 403, 204]
    whole = program(people=("see", ""), teams=("see", "Name"))
    row = whole.get("/people?sort=oldest").json["items"][0]
    assert (row["salary"], row["team"]["title"]) == ("771", "Red")
    alone = program(people=("see", "")).get("/people?sort=oldest").json["items"][0]
    assert alone["team"] is None, "its table isn't the key's"


def test_a_key_never_may_more_than_its_maker_has_now(program, world, at):
    app = program("bob", people=("remove", "Name Salary"))
    assert app.get("/people").json["items"][0].keys() >= {"name", "salary"}
    salary = {f"field_{_id(world, 'Salary')}": "nothing"}
    with inside(world):
        rule = {"sees": "all", "changes": "none", "adds": "", "others": "change"}
        rules.change("people", "role:member", MultiDict(rule | salary), by=at("alice"))
    assert "salary" not in app.get("/people").json["items"][0]
    assert app.patch("/people/2", {"name": "Eve"}).status_code == 403
    with inside(world):
        rules.change("people", "role:member", MultiDict(rule | {"sees": "none"}), by=at("alice"))
    assert app.get("/people").status_code == 404


def _id(acme, label):
    with inside(acme):
        return _f("people", label)[1:]


def test_a_field_that_comes_later_is_of_no_key_that_names_fields(program, world, at):
    named, whole = program(people=("see", "Name")), program(people=("see", ""))
    with inside(world):
        collections.add_field("people", "Born", "day", by=at("alice"))
    assert "born" not in named.get("/people").json["items"][0]
    assert "born" in whole.get("/people").json["items"][0]


def test_a_formula_is_seen_with_all_that_it_goes_by(program, world, at):
    with inside(world):
        formulas.add("people", "Double", "formula", {"formula": "{Salary} * 2"}, by=at("alice"))
    assert "double" not in program(people=("see", "Name Double")).get("/people").json["items"][0]
    assert "double" in program(people=("see", "Name Double Salary")).get("/people").json["items"][0]


def test_a_table_that_is_gone_widens_no_key(program, world, at):
    app = program(offers=("see", ""))
    assert app.get("/offers").status_code == 200
    with inside(world):
        field_changes.put_table_away("offers", by=at("alice"))
    assert [app.get(f"/{slug}").status_code for slug in TABLES] == [404, 404, 404]


OCTETS = {"Content_Type": "application/octet-stream"}


def test_what_a_key_only_sees_gets_no_file_and_no_row_back_by_it(program):
    whole, see, change, remove = program(), *(program(people=(may, ""), offers=("change", "")) for may in LEVELS)
    put = [app.ask("POST", "/people/2/files?name=a.txt", b"words", **OCTETS) for app in (see, change)]
    assert [one.status_code for one in put] == [403, 201]
    assert see.get(f"/people/2/files/{put[1].json['id']}").data == b"words"
    assert whole.ask("DELETE", "/people/3").status_code == 204
    assert [app.post("/people/3/restore", {}).status_code for app in (see, change)] == [403, 403]
    assert whole.get("/people/3").status_code == 404, "nothing came of what was refused"
    assert remove.post("/people/3/restore", {}).status_code == 200


def test_files_on_a_row_are_of_no_key_that_names_fields(program, world, at):
    with inside(world):
        collections.add_field("people", "Papers", "files", by=at("alice"))
    whole, named = program(), program(people=("remove", "Name Papers"))
    beside = whole.ask("POST", "/people/2/files?name=a.txt", b"words", **OCTETS).json["id"]
    within = whole.ask("POST", "/people/2/papers/files?name=b.txt", b"paper", **OCTETS).json["id"]
    assert named.get("/people/2/files").status_code == 404
    assert named.get(f"/people/2/files/{beside}").status_code == 404
    assert named.get(f"/people/2/files/{within}").data == b"paper"
    assert named.ask("POST", "/people/2/files?name=c.txt", b"more", **OCTETS).status_code == 403
    assert named.ask("POST", "/people/2/papers/files?name=c.txt", b"more", **OCTETS).status_code == 201
    paths = named.get("/openapi.json").json["paths"]
    assert "/api/v1/acme/people/{id}/papers" in paths
    assert "/api/v1/acme/people/{id}/files" not in paths


def test_when_a_field_changes_that_a_key_does_not_see_is_told_by_nothing(program, world, at):
    app, whole = program(people=("see", "Name State")), program()
    place = app.get("/people/changes").json["since"]
    whole.patch("/people/2", {"salary": "1"})
    whole.patch("/people/3", {"salary": "2", "state": "done"})
    assert [one["id"] for one in app.get(f"/people/changes?since={place}").json["items"]] == [3]
    with inside(world):
        about = {"sees": "some", "where": f"and~{_id(world, 'Salary')}~more~500", "changes": "all", "others": "change"}
        rules.change("people", "role:member", MultiDict(about), by=at("alice"))
    bob = program("bob", people=("see", "Name"))
    place = bob.get("/people/changes").json["since"]
    whole.patch("/people/2", {"salary": "900"})
    whole.patch("/people/4", {"mail": "new@example.org"})
    whole.patch("/people/4", {"salary": "3"})
    told = [(one["id"], one["deleted"]) for one in bob.get(f"/people/changes?since={place}").json["items"]]
    assert told == [(2, False), (4, True)], "what comes into sight and leaves it is told"


def test_the_document_of_a_key_offers_what_it_may_with_a_table(program):
    found = []
    for may in LEVELS:
        app = program(people=(may, "Name"))
        paths = app.get("/openapi.json").json["paths"]
        offered = {
            (method, path.rpartition("people")[2]) for path in paths for method in paths[path] if "people" in path
        }
        found.append(offered & {("post", ""), ("patch", "/{id}"), ("delete", "/{id}"), ("post", "/batch")})
        assert app.get("/people/shape").json["fields"][0]["written"] == (may != "see")
    assert [len(one) for one in found] == [0, 3, 4]
