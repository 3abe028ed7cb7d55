"""Links for programs: what no two rows may have is taken from nobody silently, and what a cell holds comes in pages."""

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, field_changes, listings, rules
from models import Change
from tests.fixtures.keys import Program, a_key, pay
from tests.views.api.test_listings_views import problem


@pytest.fixture
def program(web, cast, at):
    """Of orders, no two of which have one invoice, and any number of which have things."""
    pay(cast.acme)
    with inside(cast.acme):
        alice = at("alice")
        other = {"table": str(collections.make("Invoices", by=alice).id)}
        things = {"table": str(collections.make("Things", by=alice).id)}
        collections.make("Orders", by=alice)
        one = collections.add_field("orders", "Invoice", "link", by=alice, options=other)
        collections.add_field("orders", "Things", "links", by=alice, options=things)
        collections.add_field("orders", "Paid by", "text", by=alice)
        field_changes.rule("orders", one.id, by=alice, is_required=False, is_unique=True)
        for slug, name in (("invoices", "I-1"), ("invoices", "I-2"), *(("things", f"T{n}") for n in range(3))):
            rows.create(listings.find(slug, alice), {_first(slug, alice): name}, by=alice)

    def made(by="alice", scopes="records.read records.write", **more):
        return Program(web, a_key(at(by), scopes, **more)[1], "/api/v1/acme")

    return made


def _first(slug, by):
    return listings.find(slug, by).listing.first


def ids_of(app, slug):
    return {row["name"]: row["id"] for row in app.get(f"/{slug}").json["items"]}


def test_what_is_linked_elsewhere_is_moved_only_where_that_is_said(program, cast):
    """nocodb#14105: linked to A, then to B, and A had lost it without a word."""
    app = program()
    invoice = ids_of(app, "invoices")["I-1"]
    first = app.post("/orders", {"name": "A", "invoice": invoice}).json
    second = app.post("/orders", {"name": "B"}).json
    for late in (
        app.patch(f"/orders/{second['id']}", {"invoice": invoice, "name": "Lost"}),
        app.patch(f"/orders/{second['id']}", {"invoice": {"id": invoice, "move": False}}),
        app.post("/orders", {"name": "C", "invoice": invoice}),
    ):
        assert problem(late, 409).keys() == {"invoice"}
        assert (late.json["code"], late.json["present"]["id"]) == ("LINKED_ELSEWHERE", first["id"])
    assert app.get(f"/orders/{second['id']}").json == second
    moved = app.patch(f"/orders/{second['id']}", {"invoice": {"id": invoice, "move": True}})
    assert (moved.status_code, moved.json["invoice"]["id"]) == (200, invoice)
    assert app.get(f"/orders/{first['id']}").json["invoice"] is None
    with inside(cast.acme):
        noted = list(Change.select().where(Change.verb == "updated", Change.row_id << [first["id"], second["id"]]))
        assert {change.row_id for change in noted} == {first["id"], second["id"]}
        assert len(noted) == 2
        assert len({change.batch for change in noted}) == 1, "one entry of the history, on both rows"
    third = app.post("/orders", {"name": "C", "invoice": {"id": invoice, "move": True}})
    assert (third.status_code, app.get(f"/orders/{second['id']}").json["invoice"]) == (201, None)
    same = app.patch(f"/orders/{third.json['id']}", {"invoice": {"id": invoice, "move": True}})
    assert same.status_code == 200, "what is theirs already is nothing to move"
    assert problem(app.patch(f"/orders/{first['id']}", {"invoice": {"id": invoice, "move": "yes"}}), 422)


def test_what_is_not_theirs_is_not_moved(program, cast, at):
    """Neither out of a row that isn't theirs to change or to see, nor by a key that names what it changes."""
    app = program()
    invoice = ids_of(app, "invoices")["I-1"]
    first = app.post("/orders", {"name": "A", "invoice": invoice}).json["id"]
    move = {"invoice": {"id": invoice, "move": True}}
    bound = program(needs_version=True)
    assert bound.post("/orders", {"name": "B"} | move).json["code"] == "PRECONDITION_REQUIRED"
    rule = {"sees": "all", "changes": "mine", "adds": "1", "others": "change"}
    with inside(cast.acme):
        rules.change("orders", "role:member", MultiDict(rule), by=at("alice"))
    assert program("bob").post("/orders", {"name": "B"} | move).status_code == 403
    with inside(cast.acme):
        named = listings.find("orders", at("alice")).listing.first
        some = {"sees": "some", "where": f"and~{named[1:]}~is~B"}
        rules.change("orders", "role:member", MultiDict(rule | some), by=at("alice"))
    hidden = program("bob").post("/orders", {"name": "B"} | move)
    assert (hidden.status_code, "present" in hidden.json, "A" in hidden.json["detail"].split()) == (409, False, False)
    assert app.get(f"/orders/{first}").json["invoice"]["id"] == invoice
    assert len(app.get("/orders").json["items"]) == 1


def test_a_step_of_a_batch_moves_a_link_or_says_who_has_it(program):
    app = program()
    invoice = ids_of(app, "invoices")["I-1"]
    first = app.post("/orders", {"name": "A", "invoice": invoice}).json["id"]
    steps = [
        {"do": "create", "row": {"name": "B", "invoice": invoice}},
        {"do": "create", "row": {"name": "C", "invoice": {"id": invoice, "move": True}}},
    ]
    assert list(problem(app.post("/orders/batch", {"rows": steps}), 422)) == ["rows[0].invoice"]
    each = app.post("/orders/batch", {"rows": steps, "all": False}).json["results"]
    assert [one["status"] for one in each] == [409, 201]
    assert app.get(f"/orders/{first}").json["invoice"] is None


def test_the_rows_of_a_link_come_in_pages(program, cast, at):
    app = program()
    things = ids_of(app, "things")
    order = app.post("/orders", {"name": "A", "things": [things[name] for name in ("T2", "T0", "T1")]}).json
    path, told = f"/orders/{order['id']}/things?limit=2", []
    while path:
        page = app.get(path).json
        told, path = told + page["items"], (page["next"] or "").partition("/api/v1/acme")[2]
    assert told == order["things"]
    assert [one["title"] for one in told] == ["T2", "T0", "T1"], "in the order of the cell"
    assert app.get(f"/orders/{order['id']}/invoice").json == {"items": [], "next": None}
    assert app.get("/orders/99/things").status_code == 404
    assert problem(app.get(f"/orders/{order['id']}/things?after=77"), 422)
    rule = {"sees": "all", "changes": "all", "adds": "1", "others": "change"}
    with inside(cast.acme):
        field = next(f for f in collections.fields(collections.found("orders")) if f.label == "Things")
        rules.change("orders", "role:member", MultiDict(rule | {f"field_{field.id}": "nothing"}), by=at("alice"))
        some = {"sees": "some", "where": f"and~{_first('things', at('alice'))[1:]}~is~T0"}
        rules.change("things", "role:viewer", MultiDict(rule | some | {"changes": "none"}), by=at("alice"))
    hidden, unknown = (program("bob").get(f"/orders/{order['id']}/{name}") for name in ("things", "nothin"))
    assert problem(hidden, 422).keys() == {"things"}
    strip = lambda answer: {**answer.json, "request_id": ""}  # noqa: E731
    assert str(strip(hidden)).replace("things", "nothin") == str(strip(unknown))
    seen = program("vera", "records.read").get(f"/orders/{order['id']}/things?limit=1").json
    assert ([one["title"] for one in seen["items"]], seen["next"]) == (["T0"], None)
