"""Tables that people make, through their pages."""

import re
from html.parser import HTMLParser

import pytest
from werkzeug.datastructures import MultiDict

from database.clock import now
from database.scope import inside
from domain.fields.records import registry
from domain.lists import rows
from domain.records import collections, listings, rules
from domain.records.computed import formulas
from models import Record, RecordOption
from tests.fixtures.threads import write


@pytest.fixture
def alice(browse):
    return browse("alice")


@pytest.fixture
def repairs(cast, at):
    with inside(cast.acme):
        fields = (("Name", "text"), ("State", "choice", ("New", "Done")), ("Bring on", "day"))
        return collections.make("Repairs", by=at("alice"), fields=fields)


def test_a_table_is_made_named_and_opened(alice):
    answer = alice.post("/acme/records", data={"name": "Repairs"})
    assert answer.headers["Location"] == "/acme/records/repairs"
    page = alice.get("/acme/records/repairs").text
    assert "<h1" in page
    assert "Repairs" in page
    assert "schema" not in page
    assert "Repairs" in alice.get("/acme/records").text


def test_a_table_may_use_the_camera_and_its_rows_and_other_lists_may_not(alice, repairs):
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    rights = {
        at: alice.get(at).headers["Permissions-Policy"]
        for at in ("/acme/records/repairs", "/acme/records/repairs/1", "/acme/tasks")
    }
    assert [at for at, said in rights.items() if "camera=(self)" in said] == ["/acme/records/repairs"]
    assert all("camera=()" in said for at, said in rights.items() if at != "/acme/records/repairs")


@pytest.mark.parametrize(("kind", "called"), [("qrcode", "QR code"), ("barcode", "Bar code")])
def test_a_field_of_codes_shows_each_as_a_picture_in_the_list_and_on_the_rows_page(alice, repairs, kind, called):
    alice.post("/acme/records/repairs/fields", data={"label": "Key", "kind": kind})
    alice.post("/acme/records/repairs", data={"f1": "Toaster", "f4": 'A<b>"17'})
    for at in ("/acme/records/repairs", "/acme/records/repairs/1"):
        page = alice.get(at).text
        assert f'aria-label="{called} of A&lt;b&gt;&#34;17"><svg' in page
        assert "<b>" not in page


def test_a_name_that_is_missing_is_said_in_the_form(alice):
    answer = alice.post("/acme/records", data={"name": " "})
    assert answer.status_code == 422
    assert "Write a name." in answer.text


def test_a_row_is_typed_and_the_next_begins(alice, repairs):
    name = "f1"
    answer = alice.post(
        "/acme/records/repairs", data={name: "Toaster"}, headers={"HX-Request": "true", "HX-Target": "quick_add"}
    )
    assert answer.status_code == 200
    assert 'id="quick_add"' in answer.text
    assert "listChanged" in answer.headers["HX-Trigger"]
    assert "Toaster" in alice.get("/acme/records/repairs").text


def test_that_a_hidden_field_changed_is_told_to_nobody_who_does_not_see_it(browse, repairs, cast, at):
    with inside(cast.acme):
        by = at("alice")
        made = rows.create(listings.of(repairs, by), {"f1": "Toaster"}, by=by)
        form = {"sees": "all", "changes": "all", "others": "change", "field_3": "nothing"}
        rules.change("repairs", "role:member", MultiDict(form), by=by)
        rows.change(listings.of(repairs, by), made.id, {"f3": "2026-07-01"}, by=by)
    told = lambda who: browse(who).get(f"/acme/records/repairs/{made.id}").text.count("changed it")  # noqa: E731
    assert (told("alice"), told("bob")) == (1, 0)


def test_cells_board_and_filter(alice, repairs, cast):
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    with inside(cast.acme):
        row, done = Record.get().id, RecordOption.get(RecordOption.label == "Done").id
    form = alice.get(f"/acme/records/repairs/{row}/cells/f2", headers={"HX-Request": "true"}).text
    assert f'data-value="{done}"' in form
    answer = alice.post(
        f"/acme/records/repairs/{row}/cells/f2", data={"f2": str(done), "was": ""}, headers={"HX-Request": "true"}
    )
    assert "Done" in answer.text
    assert "Toaster" in alice.get(f"/acme/records/repairs?f2={done}").text
    board = alice.get("/acme/records/repairs?view=board").text
    assert "No state" in board
    assert board.index("Toaster") > board.index(">Done<")


def test_fields_are_added_and_renamed_without_a_script(alice, repairs):
    answer = alice.post(
        "/acme/records/repairs/fields", data={"label": "Way", "kind": "choice", "words": "Repair, Loan", "shape": "1"}
    )
    assert answer.status_code == 303
    page = alice.get("/acme/records/repairs/fields").text
    assert "Way" in page
    assert "Loan" in page
    late = alice.post("/acme/records/repairs/fields", data={"label": "Way 2", "shape": "1"})
    assert late.status_code == 303  # from before another was added: one more is in nobody's way
    assert "Way 2" in alice.get("/acme/records/repairs/fields").text


def test_a_row_has_a_page_with_its_history(alice, repairs, cast):
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    with inside(cast.acme):
        row = Record.get().id
    alice.post(f"/acme/records/repairs/{row}", data={"f1": "Kettle", "f3": "2026-03-29"})
    page = alice.get(f"/acme/records/repairs/{row}").text
    assert "Kettle" in page
    assert "Toaster" in page  # what it was called before
    export = alice.get("/acme/records/repairs/export.csv").text
    assert "2026-03-29" in export


def test_a_table_of_others_is_not_there(browse, repairs):
    assert browse("charlie").get("/acme/records/repairs").status_code == 404
    assert browse("alice").get("/acme/records/nothing").status_code == 404


class _Forms(HTMLParser):
    """Forms that stand in a form: browsers drop them, and their buttons send the outer one."""

    def __init__(self):
        super().__init__()
        self.open, self.nested = 0, []

    def handle_starttag(self, tag, attrs):
        if tag == "form":
            if self.open:
                self.nested.append(dict(attrs))
            self.open += 1

    def handle_endtag(self, tag):
        self.open -= tag == "form"


def test_the_form_of_a_new_field_stands_in_no_other_form(alice, repairs):
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    page, forms = alice.get("/acme/records/repairs").text, _Forms()
    forms.feed(page)
    assert forms.nested == []
    assert page.count('form="new_field"') > 3


def test_two_tables_alike_each_get_their_new_field_by_the_form_at_their_head(alice, cast, at):
    for name in ("One", "Two"):
        with inside(cast.acme):
            collections.make(name, by=at("alice"), fields=(("Name", "text"),))
        alice.post(f"/acme/records/{name.lower()}", data={"f1": "Toaster"})
    for name in ("one", "two"):
        page = alice.get(f"/acme/records/{name}").text
        form = dict(re.findall(r'name="(shape|form_key)" value="([^"]+)" form="new_field"', page))
        assert alice.post(f"/acme/records/{name}/fields", data=form | {"label": "Colour"}).status_code == 303
        assert "Colour" in alice.get(f"/acme/records/{name}").text


def test_where_there_are_many_tables_a_link_is_made_on_the_page_of_the_fields(alice, repairs, monkeypatch):
    alice.post("/acme/records/repairs", data={"f1": "Toaster"})
    assert 'id="new_field_table"' in alice.get("/acme/records/repairs").text
    monkeypatch.setattr(collections, "FEW", 0)
    page = alice.get("/acme/records/repairs").text
    assert 'id="new_field_table"' not in page
    assert "a link to one is made on the page of the fields" in page
    assert 'name="table"' in alice.get("/acme/records/repairs/fields").text


def test_records_25_a_board_of_very_many_cards_loads_the_first_of_each_column(alice, repairs, cast, at):
    with inside(cast.acme):
        by, rules = at("alice"), listings.of(repairs, at("alice"))
        sight, (new, done) = rules.listing.source, rules.listing.by_name["f2"].kind.words[:2]
        for start in (0, 1000):
            many = [
                sight.worked(None, {"f1": f"Kettle {n}", "f2": done if n % 4 == 0 else new})
                for n in range(start, start + 1000)
            ]
            write(sight.write_many, many, by, now())
        last = Record.select().order_by(Record.id).first().id
    page = alice.get("/acme/records/repairs?view=board").text
    assert len(page.encode()) < 100_000
    assert page.count('class="board-card"') <= 100
    assert "500+" in page
    more = alice.get("/acme/records/repairs/column/0?view=board&after=1~1500", headers={"HX-Request": "true"})
    assert more.status_code in (200, 422)
    moved = alice.post(f"/acme/records/repairs/{last}/cells/f2", data={"f2": str(new)}, headers={"HX-Request": "true"})
    assert moved.status_code == 200
    assert len(moved.get_data()) < 10_000
    with inside(cast.acme):
        assert rows.get(rules, last, by).value("f2") == new


def test_a_field_of_every_kind_is_drawn_in_list_board_row_and_form(browse, cast, at):
    """Each kind that can be chosen has a look: in a cell, in a form, and where it is only shown."""
    with inside(cast.acme):
        alice = at("alice")
        table = collections.make("Every", by=alice)
        for kind in [kind for kind in registry.KINDS if kind not in registry.UNWRITTEN]:
            options = {"table": str(table.id)} if kind in ("link", "links") else {}
            words = ("New",) if kind.startswith("choice") else ()
            collections.add_field("every", kind, kind, by=alice, options=options, choices=words)
        formulas.add("every", "formula", "formula", {"formula": '{text} & "!"'}, by=alice)
        rules = listings.of(collections.found("every"), alice)
        text = {"text": "Lamp", "phone": "030 1234", "email": "ada@example.org", "url": "https://example.org"}
        form = {f.name: text[f.label] for f in rules.listing.fields if f.label in text}
        row = rows.create(rules, {rules.listing.first: "One"} | form, by=alice)
    here = "/acme/records/every"
    for who in ("alice", "vera"):
        for page in ("", "?view=board", f"/{row.id}", "?q=one"):
            assert browse(who).get(here + page).status_code == 200, (who, page)
    assert browse("alice").get(f"{here}/new").status_code == 200
    assert "030 1234" in browse("alice").get(here).text


@pytest.mark.parametrize("q", ["***", "🎉", "%"])
def test_report_05_a_search_without_a_word_finds_no_row_of_a_table_either(alice, repairs, q):
    assert alice.post("/acme/records/repairs", data={"f1": "Toaster"}).status_code == 303
    for view in ("", "&view=board", "&view=chart"):
        page = alice.get(f"/acme/records/repairs?q={q}{view}")
        assert (page.status_code, "Toaster" in page.text) == (200, False), view
    assert len(alice.get(f"/acme/records/repairs/export.csv?q={q}").text.splitlines()) == 1
