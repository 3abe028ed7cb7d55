"""Keys that are good for some tables and fields: never more than that, never more than their maker has now."""

import re

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.base.allowances import limiter
from domain.lists import rows
from domain.records import collections, field_changes, listings, rules, shapes
from domain.records.computed import formulas
from domain.records.rows import row_conditions
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
    """{id: …} of «people=("see", "Name State", "Salary~more~770")», the last of them the condition of its rows."""
    with inside(acme):
        return {str(collections.found(slug).id): _bound(slug, *about) for slug, about in tables.items()}


def _bound(slug, may, labels, where=""):
    label, _, rest = where.partition("~")
    texts = [f"and~{_f(slug, label)[1:]}~{rest}"] if where else []
    kept = row_conditions.read(shapes.read(collections.found(slug)), texts)
    return {"may": may, "fields": [int(_f(slug, one)[1:]) for one in labels.split()], "where": kept}


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


LOW = "Salary~less~771"  # of three rows the first


@pytest.fixture
def low(program):
    """A key that sees one row of three: it is the first one that was made."""
    app = program(people=("remove", "", LOW), teams=("remove", ""))
    (row,) = app.get("/people").json["items"]
    assert row["salary"] == "770"
    return app, row["id"]


def test_a_row_outside_of_a_keys_condition_is_as_if_it_were_not_there(program, low, world):
    app, mine = low
    whole = program()
    other = next(row["id"] for row in whole.get("/people").json["items"] if row["id"] != mine)
    whole.ask("POST", f"/people/{other}/files?name=a.txt", b"words", **OCTETS)
    with_count = app.get("/people?count=true&sort=-salary").json
    assert (with_count["count"], with_count["next"]) == (1, None)
    assert [len(app.get(f"/people?{asked}").json["items"]) for asked in ("q=Ada", "salary.gte=1", "q=772")] == [1, 1, 0]
    assert (
        app.post("/people/query", {"where": {"field": "name", "op": "contains", "value": "Ada 1"}}).json["items"] == []
    )
    for ask in (
        lambda id: app.get(f"/people/{id}"),
        lambda id: app.patch(f"/people/{id}", {"name": "Eve"}),
        lambda id: app.ask("DELETE", f"/people/{id}"),
        lambda id: app.ask("POST", f"/people/{id}/files?name=b.txt", b"words", **OCTETS),
        lambda id: app.get(f"/people/{id}/files"),
        lambda id: app.get(f"/people/{id}/files/1"),
        lambda id: app.get(f"/people/{id}/team"),
        lambda id: app.post("/people/batch", {"rows": [{"do": "change", "id": id, "row": {"name": "Eve"}}]}),
        lambda id: app.post("/people/batch", {"rows": [{"do": "remove", "id": id}], "all": False}),
    ):
        told = ask(other)
        assert (told.status_code, strip(told)) == (ask(99).status_code, strip(ask(99)))
    names = sorted(row["name"] for row in whole.get("/people").json["items"])
    assert names == ["Ada 0", "Ada 1", "Ada 2"], "nothing came of what was refused"
    assert app.patch(f"/people/{mine}", {"name": "Ada I."}).status_code == 200


def strip(answer, id="·"):
    return re.sub(r'"request_id": "\w+"', "", answer.text).replace(str(id), "ID")


def test_nothing_is_written_to_where_a_key_does_not_see(program, low, world, at):
    """Neither a new row, nor one that would leave its rows, nor by a unique field; what is taken is only taken."""
    app, mine = low
    with inside(world):
        field_changes.rule("people", int(_f("people", "Mail")[1:]), by=at("alice"), is_required=False, is_unique=True)
    assert app.post("/people", {"name": "New", "salary": "900"}).status_code == 403
    assert app.patch(f"/people/{mine}", {"salary": "900"}).status_code == 403
    steps = {"rows": [{"do": "create", "row": {"name": "New", "salary": "900"}}], "all": False}
    assert [one["status"] for one in app.post("/people/batch", steps).json["results"]] == [403]
    assert app.ask("PUT", "/people/by/mail/new@example.org", {"salary": "900"}).status_code == 403
    assert app.ask("PUT", "/people/by/mail/new@example.org", {"salary": "1"}).status_code == 201
    taken = app.ask("PUT", "/people/by/mail/ada2@example.org", {"salary": "1"})
    assert (taken.status_code, "Ada" in taken.text) == (422, False)
    assert app.ask("PUT", "/people/by/mail/ada0@example.org", {"name": "Ada I."}).json["id"] == mine
    assert len(program().get("/people").json["items"]) == 4


def test_what_links_point_to_and_what_changed_is_within_the_condition(program, low, world, at):
    _, mine = low
    with inside(world):
        options = {"table": str(collections.found("people").id)}
        collections.add_field("offers", "Who", "links", by=at("alice"), options=options)
    ids = sorted(row["id"] for row in program().get("/people").json["items"])
    offer = program().post("/offers", {"name": "Chairs", "who": ids}).json["id"]
    less = program(people=("see", "", LOW), offers=("remove", ""))
    assert [one["id"] for one in less.get(f"/offers/{offer}").json["who"]] == [mine]
    wrong = [less.patch(f"/offers/{offer}", {"who": {"add": [id]}}) for id in (ids[1], 99)]
    assert [(one.status_code, strip(one, id)) for one, id in zip(wrong, (ids[1], 99), strict=True)] == [
        (422, strip(wrong[1], 99))
    ] * 2
    place = less.get("/people/changes").json["since"]
    whole = program()
    for id, salary in zip(ids, ("900", "901", "5"), strict=True):
        whole.patch(f"/people/{id}", {"salary": salary})
    told = {one["id"]: one["deleted"] for one in less.get(f"/people/changes?since={place}").json["items"]}
    assert told == {mine: True, ids[2]: False}, "what left its rows and what came among them, and no other"


def test_a_condition_stands_beside_its_makers_own_and_opens_nothing_when_its_field_is_gone(program, world, at):
    app = program("bob", people=("see", "", "Salary~more~770"))
    assert len(app.get("/people").json["items"]) == 2
    with inside(world):
        about = {"sees": "some", "where": f"and~{_id_in('Salary')}~less~772", "changes": "all", "others": "change"}
        rules.change("people", "role:member", MultiDict(about), by=at("alice"))
    assert [row["salary"] for row in app.get("/people").json["items"]] == ["771"]
    alices = program(people=("see", "", LOW))
    assert alices.get("/people").status_code == 200
    with inside(world):
        field_changes.put_away("people", int(_id_in("Salary")), by=at("alice"))
    assert [one.get("/people").status_code for one in (alices, app)] == [404, 404]


def _id_in(label):
    return _f("people", label)[1:]


def test_a_key_has_a_rate_of_its_own(web, world, at):
    key = a_key(at("alice"), "records.read", rate=60)[1]
    other, app = program_of(web, a_key(at("alice"), "records.read")[1]), program_of(web, key)
    limiter.enabled = True
    said = [app.get("/people") for _ in range(6)]
    assert said[0].headers["RateLimit-Policy"] == '"key";q=60;w=60'
    assert [one.status_code for one in said][-1] == 429
    assert other.get("/people").headers["RateLimit-Policy"] == '"key";q=30000;w=60'


def program_of(web, key):
    return Program(web, key, "/api/v1/acme")


def test_an_answer_that_was_kept_is_told_again_without_what_is_hidden_by_now(program, world, at):
    """Whatever it was an answer to; the rest of it is the same, and nothing is done twice."""
    app, row = program("bob"), {"name": "Eve", "salary": "5"}
    asks = (
        lambda: app.post("/people", row, Idempotency_Key="a"),
        lambda: app.patch("/people/2", {"name": "Ada"}, Idempotency_Key="b"),
        lambda: app.post("/people/batch", {"rows": [{"do": "create", "row": row}]}, Idempotency_Key="c"),
    )
    before = [ask() for ask in asks]
    assert [ask().data for ask in asks] == [one.data for one in before]
    assert all('"salary"' in one.text for one in before)
    with inside(world):
        about = {
            "sees": "all",
            "changes": "all",
            "adds": "1",
            "others": "change",
            f"field_{_id_in('Salary')}": "nothing",
        }
        rules.change("people", "role:member", MultiDict(about), by=at("alice"))
    after = [ask() for ask in asks]
    assert [one.headers.get("Idempotent-Replayed") for one in after] == ["true"] * 3
    assert not [one for one in after if "salary" in one.text or "ETag" in one.headers or "version" in one.text]
    assert after[0].json == {name: value for name, value in before[0].json.items() if name in after[0].json}
    assert after[0].json["name"] == "Eve"
