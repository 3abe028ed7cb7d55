"""Lists for programs: the house's own and those that people made, field by field as the key's maker sees them."""

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings, rules
from domain.tasks import tasks
from models import Membership, Record
from tests.fixtures.keys import Program, a_key, pay
from tests.fixtures.threads import write

FIELDS = (
    ("Name", "text"),
    ("Amount", "number"),
    ("State", "choice", ("New", "Done")),
    ("On", "day"),
    ("Salary", "text"),
)


@pytest.fixture
def acme(cast):
    pay(cast.acme)
    return cast.acme


@pytest.fixture
def table(acme, at):
    with inside(acme):
        made = collections.make("Offers", by=at("alice"), fields=FIELDS)
        for number, state in enumerate(("New", "Done", "New")):
            form = {"f1": f"Offer {number}", "f2": f"{number}.5", "f3": state, "f4": f"2031-01-0{number + 1}"}
            rows.create(listings.of(made, at("alice")), form, by=at("alice"))
    return made


@pytest.fixture
def program(web, acme, at):
    def made(by="alice", scopes="records.read records.write tasks.read tasks.write members.read"):
        return Program(web, a_key(at(by), scopes)[1], "/api/v1/acme")

    return made


def problem(answer, status):
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.data
    return {one["field"]: one["message"] for one in answer.json.get("errors", ())}


def test_a_table_is_read_by_the_names_that_programs_have(program, table):
    app = program()
    answer = app.get("/offers?sort=name&limit=2&fields=name,amount,state")
    assert answer.status_code == 200, answer.data
    assert [row["name"] for row in answer.json["items"]] == ["Offer 0", "Offer 1"]
    assert answer.json["items"][0].keys() == {"id", "name", "amount", "state"}
    following = answer.json["next"].partition("/api/v1/acme")[2]
    assert [row["name"] for row in app.get(following).json["items"]] == ["Offer 2"]
    assert app.get("/offers?sort=amount-down").json["items"][0]["name"] == "Offer 2"
    assert len(app.get("/offers?on_from=2031-01-02&on_to=2031-01-02").json["items"]) == 1


def test_rows_of_a_table_are_made_changed_and_removed(program, table, acme):
    app = program()
    made = app.post("/offers", {"name": "New one", "amount": "7.25", "state": "new", "on": "2031-05-05"})
    assert made.status_code == 201, made.data
    id, row = made.json["id"], made.json
    assert (row["name"], row["amount"], row["on"]) == ("New one", "7.25", "2031-05-05")
    changed = app.patch(f"/offers/{id}", {"amount": None}, If_Match=made.headers["ETag"])
    assert (changed.status_code, changed.json["amount"], changed.json["name"]) == (200, None, "New one")
    assert problem(app.patch(f"/offers/{id}", {"name": "x"}, If_Match=made.headers["ETag"]), 412) == {}
    wrong = problem(app.patch(f"/offers/{id}", {"amount": "much", "f1": "x", "created_at": "x"}), 422)
    assert wrong.keys() == {"amount", "f1", "created_at"}
    assert app.ask("DELETE", f"/offers/{id}").status_code == 204
    assert app.get(f"/offers/{id}").status_code == 404
    with inside(acme):
        assert Record.select().where(Record.archived_at.is_null()).count() == 3


def test_the_shape_says_what_there_is(program, table):
    shape = program().get("/offers/shape").json
    assert [one["name"] for one in shape["fields"]][:5] == ["name", "amount", "state", "on", "salary"]
    assert {one["name"]: one["written"] for one in shape["fields"]}["created_at"] is False
    assert {"name", "name-down", "newest"} <= set(shape["sorts"])
    assert "on_from" in shape["asked"]


def test_a_field_is_found_by_the_name_it_had(program, table, at, acme):
    with inside(acme):
        collections.rename_field(table.slug, 1, "Title", by=at("alice"))
        collections.rename_for_programs(table.slug, 1, by=at("alice"))
    app = program()
    made = app.post("/offers", {"name": "By its old name"})
    assert (made.status_code, made.json["title"]) == (201, "By its old name")


def test_hidden_and_unknown_names_are_refused_alike(program, table, at, acme):
    rule = {"sees": "all", "changes": "all", "adds": "1", "others": "change", "field_5": "nothing"}
    with inside(acme):
        rules.change(table.slug, "role:member", MultiDict(rule), by=at("alice"))
    app = program("bob")
    assert "salary" not in app.get("/offers").json["items"][0]
    for ask in (
        lambda name: app.get(f"/offers?{name}=1"),
        lambda name: app.get(f"/offers?sort={name}"),
        lambda name: app.get(f"/offers?fields={name}"),
        lambda name: app.post("/offers", {name: "1"}),
        lambda name: app.patch("/offers/1", {name: "1"}),
    ):
        hidden, unknown = ask("salary"), ask("nothin")
        for answer in (hidden, unknown):
            assert answer.status_code == 422
        strip = lambda answer: {k: v for k, v in answer.json.items() if k != "request_id"}  # noqa: E731
        assert str(strip(hidden)).replace("salary", "nothin") == str(strip(unknown))


def test_lists_of_the_house_are_read_by_their_names(program, at, acme, cast):
    app = program()
    assert {row["name"] for row in app.get("/members").json["items"]} == {"Alice", "Bob", "Dora", "Vera"}
    made = app.post("/tasks", {"title": "From here"})
    assert made.status_code == 201
    assert [row["title"] for row in app.get("/tasks").json["items"]] == ["From here"]
    assert app.post("/members", {"name": "x"}).status_code == 404
    with inside(acme):
        assert rows.get(tasks.rules, made.json["id"], at("alice")).title == "From here"


def test_neither_scopes_nor_organizations_are_stepped_over(program, web, table, at, cast):
    reader = program(scopes="tasks.read")
    for path in ("/members", "/events"):
        assert reader.get(path).status_code == 403, path
    for path in ("/offers", "/offers/shape", "/offers/1"):
        assert reader.get(path).status_code == 404, "whoever sees no tables knows of none"
    assert program(scopes="records.read").post("/offers", {"name": "x"}).status_code == 403
    app = program()
    assert app.get("/nothing").status_code == 404
    pay(cast.globex)
    other = Program(web, a_key(at("charlie", "globex"))[1], "/api/v1/acme")
    assert other.get("/offers").status_code == 404
    write(Membership.update(role="viewer").where(Membership.user == cast.alice).execute)
    assert app.post("/offers", {"name": "x"}).status_code == 403
    assert app.get("/offers").status_code == 200
