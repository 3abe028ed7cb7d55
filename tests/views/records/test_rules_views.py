"""Rules of a table through their page."""

import html

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from database.transactions import writes
from domain.lists import rows, saved_views
from domain.records import collections, field_changes, listings, rules
from models import AuditEvent, Membership, Record, RecordRule


@pytest.fixture
def repairs(cast, at):
    with inside(cast.acme):
        return collections.make("Repairs", by=at("alice"), fields=(("Name", "text"), ("Budget", "text")))


RULE = {
    "who": "role:member",
    "sees": "all",
    "changes": "mine",
    "adds": "1",
    "shares": "1",
    "others": "change",
    "field_2": "nothing",
}
HERE = "/acme/records/repairs/rules"


def test_a_rule_is_written_said_and_taken_back(browse, repairs, cast):
    alice = browse("alice")
    assert "There is no rule" in alice.get(HERE).text
    assert "The rule for members" in alice.get(HERE + "?who=role:member").text
    assert alice.post(HERE, data=RULE).status_code == 303
    assert "Members see all rows, with all fields but Budget." in alice.get(HERE).text
    assert "Budget" not in browse("bob").get("/acme/records/repairs").text
    alice.post(HERE + "/removal", data={"who": "role:member"})
    with inside(cast.acme):
        assert RecordRule.select().count() == 0


def test_a_rule_that_cannot_be_keeps_what_was_ticked(browse, repairs):
    answer = browse("alice").post(HERE, data=RULE | {"sees": "some"})
    assert answer.status_code == 422
    assert "Add a condition, or show all rows" in answer.text
    assert 'name="changes" value="mine" checked' in answer.text


def test_why_somebody_sees_a_row(browse, repairs, cast):
    alice = browse("alice")
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    text = alice.get(f"{HERE}?person={cast.bob.id}&row=1").text
    assert "Yes: they see it." in text
    assert "There is no rule for them" in text
    assert alice.get(HERE + "?who=role:owner").status_code == 404
    assert alice.get(HERE + "?who=user:x").status_code == 404


def test_one_looks_with_somebodys_eyes_and_only_looks(browse, repairs, cast, at):
    alice, here = browse("alice"), "/acme/records/repairs"
    alice.post(here, data={"f1": "Toaster", "f2": "secret 300"})
    alice.post(HERE, data=RULE)
    with inside(cast.acme):
        theirs = listings.of(collections.found("repairs"), at("bob")).listing
        saved_views.save(theirs, "Bob's own", "q=x", by=at("bob"))
        saved_views.save(theirs, "For all", "q=y", by=at("bob"), shared=True)
    assert alice.post(HERE + "/look", data={"who": f"user:{cast.bob.id}"}).headers["Location"] == here
    text = alice.get(here).text
    assert "You are looking at" in text
    assert f"as <strong>{cast.bob.name}</strong>" in text
    assert "Toaster" in text
    assert "Budget" not in text
    assert "secret" not in alice.get(here + "/export.csv").text == browse("bob").get(here + "/export.csv").text
    views = alice.get(here + "/views").text
    assert ("For all" in views, "Bob&#39;s own" in views) == (True, False)
    for path in (here, here + "/1", HERE, "/acme/tasks"):
        assert alice.post(path, data={"f1": "Kettle", "title": "x"}).status_code == 403
    assert alice.get(HERE).status_code == 403  # as for Bob
    assert cast.bob.name not in alice.get("/acme/tasks").text.partition("<main")[2].partition("</form>")[0]
    with inside(cast.acme):
        noted = AuditEvent.get(AuditEvent.action == "records.looked")
        assert (noted.actor_id, noted.target_id) == (cast.alice.id, str(cast.bob.id))
        assert Record.select().count() == 1
    assert alice.post("/preview/end").headers["Location"] == HERE
    assert "secret 300" in alice.get(here).text


def test_nobody_looks_with_the_eyes_of_their_equals(browse, repairs, cast):
    alice = browse("alice")
    for who, status in ((f"user:{cast.alice.id}", 403), ("role:owner", 403), ("user:9999", 404), ("x", 404)):
        assert alice.post(HERE + "/look", data={"who": who}).status_code == status
    assert browse("bob").post(HERE + "/look", data={"who": "role:viewer"}).status_code == 403


def test_who_has_left_is_looked_as_no_more(browse, repairs, cast):
    alice = browse("alice")
    alice.post(HERE + "/look", data={"who": f"user:{cast.bob.id}"})
    with inside(cast.acme):
        writes(Membership.delete().where(Membership.user == cast.bob).execute)()
    assert alice.get("/acme/records/repairs").status_code == 403
    assert alice.get("/acme/records/repairs/rules").status_code == 200


def test_a_row_leads_to_who_sees_it(browse, repairs):
    alice = browse("alice")
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    assert f'href="{HERE}?row=1#why"' in alice.get("/acme/records/repairs/1").text
    assert "#why" not in browse("bob").get("/acme/records/repairs/1").text


def test_conditions_are_added_one_by_one_without_a_script_and_with_one(browse, repairs, cast, at):
    alice = browse("alice")
    with inside(cast.acme):
        collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("Open", "Shut"))
    form = RULE | {"sees": "some", "c_field": "3"}
    page = alice.get(HERE, query_string=form).text
    assert '<option value="3" selected>State</option>' in page
    assert 'name="c_value" value="1"' in page
    assert 'name="changes" value="mine" checked' in page  # what was chosen before stays
    piece = alice.get(HERE + "/condition?c_field=3", headers={"HX-Request": "true"}).text
    assert piece.strip().startswith('<div id="rule_condition"')
    assert "Open" in piece
    alice.post(HERE, data=form | {"c_op": "any_of", "c_value": ["1"]})
    assert "Members see rows where State is Open" in alice.get(HERE).text
    again = alice.get(HERE + "?who=role:member").text
    assert 'name="where" value="and~3~any_of~1" checked' in again
    more = {"where": "and~3~any_of~1", "c_field": "made", "c_op": "any_of", "c_value": "me", "c_join": "or"}
    alice.post(HERE, data=RULE | {"sees": "some"} | more)
    text = alice.get(HERE).text
    assert "State is Open or they made it themselves" in text
    assert "Take back: Who may what: members" in text


def test_a_rule_that_is_refused_comes_back_as_it_was_chosen_and_typed(browse, repairs, cast, at):
    alice = browse("alice")
    with inside(cast.acme):
        collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("Open", "Shut"))
    first, second = "and~3~any_of~1", "and~1~is~Kettle"
    assert alice.post(HERE, data=RULE | {"sees": "some", "where": [first, second]}).status_code == 303
    typed = {"c_field": "1", "c_op": "begins", "c_value": "½ <b>", "c_join": "or"}
    back = alice.post(HERE, data=RULE | {"sees": "some", "where": [first]} | typed)
    assert back.status_code == 422
    assert f'value="{first}" checked' in back.text
    assert f'value="{second}">' in back.text  # is there to be ticked again
    for words in ('value="½ &lt;b&gt;"', '<option value="or" selected', "selected>begins with"):
        assert words in back.text
    assert alice.post(HERE, data=RULE | {"sees": "some", "where": [first, second, "and~9~is~x"]}).status_code == 422
    assert f'value="{first}" checked' in alice.post(HERE, data=RULE | {"where": first, "sees": "odd"}).text


def test_an_or_to_a_condition_that_is_unticked_meanwhile_does_not_widen_another(browse, repairs, cast, at):
    alice = browse("alice")
    with inside(cast.acme):
        collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("Open", "Shut"))
    first, second = "and~3~any_of~1", "and~1~is~Kettle"
    alice.post(HERE, data=RULE | {"sees": "some", "where": [first, second]})
    more = {"c_field": "1", "c_op": "is", "c_value": "Toaster", "c_join": "or"}
    alice.post(HERE, data=RULE | {"sees": "some", "where": [first]} | more)
    said = alice.get(HERE).text.partition("Members see rows where")[2].partition("</p>")[0]
    assert "State is Open" in said
    assert "Toaster" in said
    assert " or " not in said


def test_who_builds_by_a_rule_finds_the_fields_and_no_rules(browse, repairs, cast):
    alice, bob = browse("alice"), browse("bob")
    assert bob.get("/acme/records/repairs/fields").status_code == 403
    form = {"who": f"user:{cast.bob.id}", "sees": "all", "changes": "all", "others": "change", "builds": "1"}
    assert alice.post(HERE, data=form).status_code == 303
    page = bob.get("/acme/records/repairs").text
    assert "/acme/records/repairs/fields" in page
    assert "/rules" not in page
    assert bob.get("/acme/records/repairs/fields").status_code == 200
    assert bob.post("/acme/records/repairs/fields", data={"label": "Note"}).status_code == 303
    assert bob.get(HERE).status_code == 403
    assert bob.post("/acme/records/repairs/away").status_code == 403


@pytest.fixture
def open_ones(repairs, cast, at):
    """Repairs with a state; members see those that are open. Three of bob's: one is open, one shut, and one is alice's."""
    with inside(cast.acme):
        collections.add_field("repairs", "State", "choice", by=at("alice"), choices=("Open", "Shut"))
        found = listings.find("repairs", at("bob"))
        ids = [rows.create(found, {"f1": f"Kettle {n}", "f3": str(n)}, by=at("bob")).id for n in (1, 2)]
        rows.change(found, ids[1], {"f1": "Teapot"}, by=at("bob"))
        given = MultiDict(
            {"sees": "some", "where": "and~3~any_of~1", "changes": "all", "adds": "1", "others": "change"}
        )
        rules.change("repairs", "role:member", given, by=at("alice"))
        return ids


@pytest.mark.parametrize("view", ["", "?as=card"])
def test_a_change_that_takes_a_row_out_of_ones_sight_is_said_and_the_row_goes(browse, open_ones, view):
    bob = browse("bob")
    at = f"/acme/records/repairs/{open_ones[0]}/cells/f3{view}"
    answer = bob.post(at, data={"f3": "2", "was": "1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "State: Shut." in answer.text
    assert "Kettle" not in answer.text
    assert bob.post(at, data={"f3": "1"}, headers={"HX-Request": "true"}).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_row_that_is_made_out_of_ones_sight_is_said_to_be_there(browse, open_ones, headers):
    bob = browse("bob")
    answer = bob.post("/acme/records/repairs", data={"f1": "Iron", "f3": "2"}, headers=headers)
    assert answer.status_code == (200 if headers else 303)
    page = answer.text if headers else bob.get(answer.headers["Location"]).text
    assert "among the rows that you see" in html.unescape(page)
    assert "/acme/records/repairs/3" not in page


def test_ones_last_changes_name_no_row_that_one_does_not_see_any_more(browse, open_ones, cast, at):
    with inside(cast.acme):
        rows.change(listings.find("repairs", at("alice")), open_ones[1], {"f1": "Top secret"}, by=at("alice"))
    page = browse("bob").get("/acme/records/repairs/changes").text
    assert "Kettle 1" in page
    assert "Top secret" not in page


def test_the_form_of_a_new_row_shows_a_field_that_one_only_sees_and_takes_it_in_no_way(browse, repairs, cast, at):
    with inside(cast.acme):
        field_changes.describe("repairs", 2, by=at("alice"), help="", begins="300")
    browse("alice").post(HERE, data=RULE | {"field_2": "see"})
    bob = browse("bob")
    text = bob.get("/acme/records/repairs/new?f1=Radio&f2=5").text
    assert 'name="f2"' not in text
    assert "You see this; others fill it." in text
    assert "300" in text
    answer = bob.post("/acme/records/repairs", data={"f1": "Radio", "f2": "5", "another": "1"})
    assert answer.status_code == 422
    assert "isn't yours to fill" in html.unescape(answer.text)
    assert 'value="Radio"' in answer.text
    assert bob.post("/acme/records/repairs", data={"f1": "Radio", "another": "1"}).status_code == 303
    assert "300" in bob.get("/acme/records/repairs/1").text
