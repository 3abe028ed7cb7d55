"""A field's page: another kind with a rehearsal, rules, words, putting away and taking back, without a script."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, kind_changes, listings
from domain.records.rows import rehearsals
from models import RecordField, RecordOption, ShapeChange


@pytest.fixture
def alice(browse):
    return browse("alice")


@pytest.fixture
def offers(cast, at):
    with inside(cast.acme):
        by = at("alice")
        table = collections.make(
            "Offers", by=by, fields=(("Name", "text"), ("Budget", "text"), ("State", "choice", ("New", "Done")))
        )
        rules = listings.of(table, by)
        for name, text in (("Meyer & Sons", "ca. 300"), ("Öko", "1200,5"), ("Empty", ""), ("<b>", "7")):
            rows.create(rules, {"f1": name, "f2": text}, by=by)
        return collections.found(table.slug)


AT = "/acme/records/offers/fields"


def shape(cast):
    with inside(cast.acme):
        return collections.found("offers").shape


def finish():
    while kind_changes.work():
        pass


def test_a_kind_is_rehearsed_confirmed_shown_and_taken_back(alice, offers, cast):
    assert "Look what becomes of the cells" in alice.get(f"{AT}/2").text
    seen = alice.get(f"{AT}/2/kind?kind=number").text
    assert "ca. 300" in seen
    assert "Meyer &amp; Sons" in seen
    assert "Make it number: 2 change, 1 stay as words" in seen
    answer = alice.post(f"{AT}/2/kind", data={"kind": "number", "shape": shape(cast)})
    assert answer.status_code == 303
    assert "Becoming another kind" in alice.get(f"{AT}/2").text
    assert "Becoming another kind" in alice.get(AT).text
    finish()
    table = alice.get("/acme/records/offers").text
    assert "1,200.5" in table
    assert "Left over: " in table
    assert "ca. 300" in table
    with inside(cast.acme):
        change = ShapeChange.select().order_by(ShapeChange.id.desc()).first().id
    assert "Take back: Budget: kind" in alice.get(AT).text
    alice.post("/acme/records/offers/changes", data={"id": change, "shape": shape(cast)})
    assert "1200,5" in alice.get("/acme/records/offers").text


def test_what_the_cells_do_not_tell_is_asked(alice, offers, cast, at):
    with inside(cast.acme):
        by = at("alice")
        rows.create(listings.of(collections.found("offers"), by), {"f1": "A", "f2": "01.02.2026"}, by=by)
    seen = alice.get(f"{AT}/2/kind?kind=day").text
    assert "which day is this?" in seen
    assert "1 February 2026" in seen
    assert "2 January 2026" in seen
    told = alice.get(f"{AT}/2/kind?kind=day&ask_order=mdy").text
    assert "which day is this?" not in told
    assert 'name="ask_order" value="mdy"' in told


def test_words_become_options_on_the_page(alice, offers, cast):
    seen = alice.get(f"{AT}/2/kind?kind=choice").text
    assert "different words aren" in seen
    alice.post(f"{AT}/2/kind", data={"kind": "choice", "words": "add", "shape": shape(cast)})
    finish()
    with inside(cast.acme):
        assert RecordOption.select().where(RecordOption.field == 2).count() == 3


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"kind": "nothing"}, "There is no such kind of field."),
        ({"kind": "money", "currency": "EURO"}, "three letters"),
        ({"kind": "number", "places": "99"}, "0 to 10 places"),
    ],
)
def test_what_cannot_be_is_said(alice, offers, cast, form, said):
    answer = alice.post(f"{AT}/2/kind", data={**form, "shape": shape(cast)})
    assert answer.status_code == 422
    assert said in answer.text
    assert alice.get(f"{AT}/2/kind", query_string=form).status_code == 422


def test_two_builders_are_told(alice, offers, cast, at):
    seen = shape(cast)
    with inside(cast.acme):
        collections.rename_field("offers", 1, "Title", by=at("alice"))
    answer = alice.post(f"{AT}/2/kind", data={"kind": "number", "shape": seen})
    assert answer.status_code == 409
    assert "changed this table a moment ago" in answer.text
    assert alice.post(f"{AT}/2/act", data={"act": "away", "shape": seen}).status_code == 409


def test_rules_words_place_and_putting_away(alice, offers, cast):
    alice.post(f"{AT}/1/act", data={"act": "rules", "is_unique": "1", "is_required": "1", "shape": shape(cast)})
    with inside(cast.acme):
        assert (RecordField.get_by_id(1).is_unique, RecordField.get_by_id(1).is_required) == (True, True)
        new = RecordOption.get(RecordOption.label == "New").id
    refused = alice.post(f"{AT}/3/act", data={"act": "rules", "is_unique": "1", "shape": shape(cast)})
    assert refused.status_code == 422
    alice.post(f"{AT}/3/word", data={"act": "name", "option": new, "label": "Fresh", "shape": shape(cast)})
    page = alice.get(f"{AT}/3").text
    assert "Fresh" in page
    assert alice.post(f"{AT}/3/word", data={"act": "name", "option": 10**6, "label": "x"}).status_code == 404
    assert alice.post(f"{AT}/3/word", data={"act": "merge", "option": new, "into": new}).status_code == 422
    alice.post(f"{AT}/3/act", data={"act": "away", "shape": shape(cast)})
    assert "Bring State back" in alice.get(AT).text
    alice.post(f"{AT}/back", data={"id": 3, "shape": shape(cast)})
    assert "Bring State back" not in alice.get(AT).text


def test_a_table_is_put_away_and_brought_back(alice, offers, cast):
    alice.post("/acme/records/offers/away", data={"shape": shape(cast)})
    assert alice.get("/acme/records/offers").status_code == 404
    assert "Bring Offers back" in alice.get("/acme/records").text
    assert alice.post("/acme/records/back", data={"table": "offers"}).headers["Location"] == "/acme/records/offers"
    assert "Meyer" in alice.get("/acme/records/offers").text


def test_help_bounds_and_an_order_are_forms_of_the_field(alice, offers, cast):
    page = alice.get(f"{AT}/2").text
    assert "Settings and bounds" in page
    assert "Order long lists by it" in page
    rehearsed = alice.get(f"{AT}/2/kind?kind=text&most=5").text
    assert "ca. 300" in rehearsed.partition("Some of those that fit")[0]
    wrong = alice.get(f"{AT}/2/kind?kind=text&least=9&most=5")
    assert wrong.status_code == 422
    assert 'value="9"' in wrong.text
    done = alice.post(
        f"{AT}/2/act", data={"act": "describe", "help": "In euros", "begins": "100", "shape": shape(cast)}
    )
    assert done.status_code == 303
    form = alice.get("/acme/records/offers/new").text
    assert "In euros" in form
    assert 'value="100"' in form
    another = {"HX-Request": "true", "HX-Target": "dialog"}
    again = alice.post("/acme/records/offers", data={"f1": "Kettle", "f2": "5", "another": "1"}, headers=another).text
    assert 'value="100"' in again  # the next one begins as the first did
    alice.post(f"{AT}/2/act", data={"act": "order", "shape": shape(cast)})
    finish()
    assert "Order long lists by it" not in alice.get(f"{AT}/2").text


def test_rows_that_a_rule_leaves_out_are_named_before_it_is_saved(alice, offers, cast):
    answer = alice.post(f"{AT}/2/act", data={"act": "look", "is_required": "1", "shape": shape(cast)})
    named = answer.text.partition('id="misfits"')[2].partition("</form>")[0]
    assert "Empty" in named
    assert "Meyer" not in named
    with inside(cast.acme):
        assert not RecordField.get_by_id(2).is_required


def test_a_long_table_is_looked_at_whole_before_its_field_becomes_another_kind(alice, offers, cast, monkeypatch):
    monkeypatch.setattr(kind_changes, "LOOKED", 1)
    page = alice.get(f"{AT}/2/kind?kind=number").text
    assert "All cells are looked at" in page
    assert "Make it number" not in page
    early = alice.post(f"{AT}/2/kind", data={"kind": "number", "shape": shape(cast)})
    assert early.status_code == 409
    assert "Not all cells were looked at yet" in early.text
    poll = page.partition('id="looking"')[2].partition('hx-get="')[2].partition('"')[0]
    assert 'id="looking"' in alice.get(poll, headers={"HX-Request": "true", "HX-Target": "looking"}).text
    while rehearsals.work():
        pass
    assert alice.get(poll, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    page = alice.get(f"{AT}/2/kind?kind=number").text
    assert "Make it number" in page
    assert "ca. 300" in page
    anew = alice.get(f"{AT}/2/kind?kind=number&again=1")
    assert anew.headers["Location"].endswith(f"{AT}/2/kind?kind=number")  # which, loaded again, begins nothing
    while rehearsals.work():
        pass
    done = alice.post(f"{AT}/2/kind", data={"kind": "number", "shape": shape(cast)})
    assert done.status_code == 303


def test_a_field_of_a_number_that_no_database_holds_is_not_there(alice, offers):
    for id in ["0", str(2**31), "9" * 30]:
        for rest in ["", "/act", "/word", "/words", "/kind", "/formula", "/button"]:
            answer = alice.post(f"{AT}/{id}{rest}", data={"act": "away", "label": "x", "kind": "text"})
            assert answer.status_code in (404, 405), (id, rest)  # as of an address that there isn't
