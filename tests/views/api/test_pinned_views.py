"""Clients that were made before a table was changed, and names that fields had: H.4 and whoever builds sees it."""

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.records import collections, field_changes, kind_changes, rules
from domain.records.programs import old_names
from models import ApiNameUse, RecordField
from tests.fixtures.keys import Program, a_key, pay
from tests.views.api.test_listings_views import problem

FIELDS = (("Name", "text"), ("Item", "text"), ("Budget", "text"), ("Notes", "text"))


@pytest.fixture
def table(cast, at):
    pay(cast.acme)
    for held in (old_names._noted, old_names._waiting):
        held.clear()  # its keys have the numbers of another test's
    with inside(cast.acme):
        return collections.make("Repairs", by=at("alice"), fields=FIELDS)


@pytest.fixture
def app(web, table, at):
    return Program(web, a_key(at("alice"), "records.read records.write", name="CRM")[1], "/api/v1/acme")


@pytest.fixture
def changed(app, table, at, cast):
    """(the row, the shape a client was made for) of a table of which everything was changed since."""
    row = app.post("/repairs", {"name": "Fair", "item": "Lamp", "budget": "300", "notes": "n"}).json["id"]
    number = app.get("/repairs/shape").json["number"]
    with inside(cast.acme):
        alice = at("alice")
        collections.rename_field("repairs", 2, "Thing", by=alice)
        collections.rename_for_programs("repairs", 2, by=alice)
        collections.add_field("repairs", "Later", by=alice)
        field_changes.put_away("repairs", 4, by=alice)
        kind_changes.begin("repairs", 3, "number", by=alice)
    while kind_changes.work():
        pass
    return row, str(number)


def test_a_client_goes_on_by_the_shape_it_was_made_for(app, changed):
    row, number = changed
    present = app.get(f"/repairs/{row}").json
    assert (present["thing"], present["budget"], "later" in present, "notes" in present) == ("Lamp", "300", True, False)
    then = app.get(f"/repairs/{row}", Records_Shape=number)
    assert then.status_code == 200, then.data
    kept = {name: then.json[name] for name in ("name", "item", "budget", "notes")}
    assert kept == {"name": "Fair", "item": "Lamp", "budget": "300", "notes": None}
    assert not {"later", "thing"} & then.json.keys()
    assert [one["name"] for one in app.get("/repairs/shape", Records_Shape=number).json["fields"]][:3] == [
        "name",
        "item",
        "budget",
    ]
    listed = app.get("/repairs?item=lamp&budget.begins=30&fields=item,budget,notes", Records_Shape=number)
    assert listed.json["items"] == [{"id": row, "item": "Lamp", "budget": "300", "notes": None}]


def test_it_writes_by_the_old_names_and_never_into_what_is_otherwise(app, changed):
    row, number = changed
    read = app.get(f"/repairs/{row}", Records_Shape=number)
    put = app.patch(f"/repairs/{row}", {"item": "Clock"}, Records_Shape=number, If_Match=read.headers["ETag"])
    assert (put.status_code, put.json["item"], put.json["budget"]) == (200, "Clock", "300")
    late = app.patch(f"/repairs/{row}", {"item": "x"}, Records_Shape=number, If_Match=read.headers["ETag"])
    assert (late.status_code, late.json["present"]["item"]) == (412, "Clock")
    for sent in ({"budget": "much"}, {"notes": "x"}):
        refused = app.patch(f"/repairs/{row}", sent, Records_Shape=number)
        assert (refused.status_code, refused.json["code"]) == (409, "SHAPE_CHANGED")
        assert [one["field"] for one in refused.json["errors"]] == list(sent)
    assert app.get(f"/repairs/{row}").json["thing"] == "Clock"
    assert app.post("/repairs", {"name": "notes", "item": "budget"}, Records_Shape=number).status_code == 201
    assert "thing" in app.get(f"/repairs/{row}", Records_Shape="99").json
    for wrong in ("0", "x", "-1", "²"):
        assert problem(app.get("/repairs", Records_Shape=wrong), 422).keys() == {"Records-Shape"}


def test_a_kind_that_can_not_be_told_any_more_is_refused(app, changed, cast):
    row, number = changed
    with inside(cast.acme):
        kept = kind_changes.RecordSlot
        old = kept.get((kept.field == 3) & (kept.state == "kept"))
        kind_changes._let_go(old)
    refused = app.get(f"/repairs/{row}", Records_Shape=number)
    assert (refused.status_code, refused.json["code"]) == (409, "SHAPE_CHANGED")
    assert app.get(f"/repairs/{row}").status_code == 200


def test_who_builds_sees_which_key_uses_an_old_name_and_lets_it_go(app, changed, browse, cast, at):
    row, number = changed
    answer = app.get("/repairs?fields=item")
    assert answer.status_code == 200
    assert answer.headers["Deprecation"].startswith("@")
    assert "GMT" in answer.headers["Sunset"]
    assert "Deprecation" not in app.get("/repairs?fields=thing").headers
    assert app.post("/repairs", {"name": "item", "thing": "item"}).headers.get("Deprecation") is None
    for _ in range(3):
        app.patch(f"/repairs/{row}", {"item": "Bell"})
    page = browse("alice").get("/acme/records/repairs/fields/2").text
    assert "CRM" in page
    assert "1 call," in page, "the others wait for their minute"
    with inside(cast.acme):
        assert ApiNameUse.select().count() == 1
        old_names.let_go("repairs", 2, "item", by=at("alice"))
        assert old_names.of(RecordField.get_by_id(2)) == []
        assert collections.add_field("repairs", "Item", by=at("alice")).api_name == "item_2"
    assert problem(app.get("/repairs?fields=item"), 422)
    assert app.get("/repairs?fields=item", Records_Shape=number).status_code == 200, "whoever is pinned goes on"


def test_a_rule_hides_the_same_rows_by_every_shape(app, table, web, cast, at):
    """Of a field that is of another kind now, what the rule asks is asked of what stands there now."""
    ids = {budget: app.post("/repairs", {"budget": budget}).json["id"] for budget in ("5", "300", "5000", "20000")}
    number, alice = str(app.get("/repairs/shape").json["number"]), at("alice")
    with inside(cast.acme):
        kind_changes.begin("repairs", 3, "number", by=alice)
        while kind_changes.work():
            pass
        rule = {"sees": "some", "where": "and~3~less~1000", "changes": "all", "adds": "1", "others": "change"}
        rules.change("repairs", "role:member", MultiDict(rule), by=alice)
    bob = Program(web, a_key(at("bob"), "records.read records.write")[1], "/api/v1/acme")
    place = bob.get("/repairs/changes").json["since"]
    for id in ids.values():
        app.patch(f"/repairs/{id}", {"name": "Seen"})
    seen = {}
    for heads in ({}, {"Records_Shape": number}):
        told = bob.get(f"/repairs/changes?since={place}", **heads).json["items"]
        listed = bob.get("/repairs?budget.empty=false", **heads).json["items"]
        one = [bob.get(f"/repairs/{id}", **heads) for id in ids.values()]
        seen[str(heads)] = (
            {row["id"] for row in told if not row["deleted"]},
            {row["id"] for row in listed},
            {answer.json["id"] for answer in one if answer.status_code == 200},
        )
    assert set(map(str, seen.values())) == {str(({ids["5"], ids["300"]},) * 3)}


def test_old_names_and_pins_go_with_a_word_for_once(app, changed, cast):
    row, number = changed
    heads = {"old": {}, "pinned": {"Records_Shape": number}}
    for word, more in heads.items():
        for is_repeat in (False, True):
            put = app.patch(f"/repairs/{row}", {"item": word}, Idempotency_Key=word, **more)
            assert (put.status_code, "Deprecation" in put.headers) == (200, True), put.data
            assert ("Idempotent-Replayed" in put.headers) is is_repeat
    other = app.patch(f"/repairs/{row}", {"item": "old"}, Idempotency_Key="old", Records_Shape=number)
    assert (other.status_code, other.json["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    with inside(cast.acme):
        assert ApiNameUse.select().count() == 1


def test_questions_are_asked_anew_under_any_word(app, table):
    for count in (0, 1):
        asked = app.post("/repairs/query", {}, Idempotency_Key="q")
        assert (len(asked.json["items"]), asked.headers.get("Idempotent-Replayed")) == (count, None)
        app.post("/repairs", {"name": "Fair"})


def test_no_kept_answer_is_told_to_who_may_not_any_more(app, table, web, cast, at):
    bob = Program(web, a_key(at("bob"), "records.read records.write")[1], "/api/v1/acme")
    ask = lambda: bob.post("/repairs", {"name": "Fair"}, Idempotency_Key="once")  # noqa: E731
    assert [ask().status_code, ask().headers.get("Idempotent-Replayed")] == [201, "true"]
    with inside(cast.acme):
        rules.change(
            "repairs", "role:member", MultiDict({"sees": "none", "changes": "none", "others": "see"}), by=at("alice")
        )
    assert ask().status_code == 404
