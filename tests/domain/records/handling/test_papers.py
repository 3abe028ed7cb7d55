"""Labels and pages of rows: what somebody sees of them and no more, as codes that others read."""

import io
import json

import pytest
import zxingcpp
from PIL import Image
from werkzeug.datastructures import MultiDict

from domain import Invalid, NotFound, Refused, Stale
from domain.files import typesetting
from domain.files.press import press
from domain.lists.asks import Ask
from domain.records import collections, rules, shape_changes, shapes
from domain.records.handling import papers
from models import Collection
from tests.domain.records.computed.test_formulas import make, named, rules_of


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def table(by):
    fields = (("Name", "text"), ("Code", "text"), ("Cost", "money", (), {"currency": "EUR"}), ("Who", "person"))
    return collections.make("Things", by=by, fields=fields)


@pytest.fixture
def asked(monkeypatch):
    """What the press was asked for."""
    given = []
    monkeypatch.setattr(press, "ask", lambda task, **more: given.append(more) or b"%PDF")
    return given


def hide(table, by, label):
    hidden = {f"field_{named(table, label)[1:]}": "nothing"}
    form = MultiDict({"sees": "all", "changes": "all", "others": "change"} | hidden)
    rules.change(table.slug, "role:member", form, by=by)


def printed(template, data):
    png = typesetting._compiler(template).compile(format="png", ppi=200, sys_inputs={"data": json.dumps(data)})
    return Image.open(io.BytesIO(png[0] if isinstance(png, list) else png)).convert("L")


@pytest.mark.parametrize("how", ["qr", "bars"])
@pytest.mark.parametrize("sheet", papers.SHEETS)
def test_codes_on_labels_are_read_by_others(table, by, asked, how, sheet):
    make(table, by, Name='Drill #1 "x" ⚙ שלום', Code="AB-0017")
    papers.labels(
        rules_of(table, by), Ask(tab="all"), table.slug, by=by, code=named(table, "Code"), how=how, sheet=sheet
    )
    found = zxingcpp.read_barcodes(printed(asked[0]["template"], asked[0]["data"]))
    assert [one.text for one in found] == ["AB-0017"]


def test_a_page_is_a_pdf_with_a_code_that_leads_to_the_row(table, by, asked):
    id = make(table, by, Name="Drill", Cost="12")
    assert papers.page(rules_of(table, by), table, id, by=by) == b"%PDF"
    assert typesetting.typeset(asked[0]["template"], asked[0]["data"]).startswith(b"%PDF")
    found = zxingcpp.read_barcodes(printed("row", asked[0]["data"]))
    assert [one.text.rpartition("/acme/")[2] for one in found] == [f"records/things/{id}"]


def test_a_field_that_is_shown_as_a_code_is_one_on_paper_too(table, by, asked):
    for label, kind in (("Shelf", "barcode"), ("Key", "qrcode")):
        collections.add_field(table.slug, label, kind, by=by)
    id = make(table, by, Name="Drill", Shelf="A-17", Key="Schlüssel 4")
    papers.page(rules_of(table, by), Collection.get_by_id(table.id), id, by=by)
    found = zxingcpp.read_barcodes(printed("row", asked[0]["data"]))
    assert {"A-17", "Schlüssel 4"} < {one.text for one in found}
    assert len(found) == 3


def test_a_page_says_what_its_table_says_with_values_of_the_row_by_todays_names(table, by, cast, asked):
    id = make(table, by, Name="Drill", Cost="12", Who=str(cast.alice.id))
    form = MultiDict({"paper": "a5", "title": "Receipt: { name }", "above": "Dear {Who},\n\nyou owe {Cost}."})
    form.setlist("fields", [named(table, "Cost")[1:], "999", "x"])
    papers.say_page(table.slug, form, by=by)
    collections.rename_field(table.slug, int(named(table, "Cost")[1:]), "Price", by=by)
    here = Collection.get_by_id(table.id)
    papers.page(rules_of(table, by), here, id, by=by)
    data = asked[0]["data"]
    assert (data["paper"], data["title"]) == ("a5", "Receipt: Drill")
    assert data["above"] == [f"Dear {cast.alice.name},", "you owe 12.00 EUR."]
    assert [label for label, *_ in data["pairs"]] == ["Price"]
    shape = shapes.read(here)
    assert papers.written_page(shape, papers.page_of(here, shape))["above"] == "Dear {Who},\n\nyou owe {Price}."
    shape_changes.undo(table.slug, shape_changes.recent(here)[1].id, by=by)
    assert Collection.get_by_id(table.id).settings == {}


def test_nothing_hidden_is_printed_whatever_a_page_says(table, by, at, asked):
    id = make(table, by, Name="Drill", Cost="4242")
    papers.say_page(table.slug, MultiDict({"title": "{Cost}", "above": "{Cost}", "below": "{Cost}"}), by=by)
    hide(table, by, "Cost")
    bob = at("bob")
    papers.page(rules_of(table, bob), Collection.get_by_id(table.id), id, by=bob)
    papers.labels(rules_of(table, bob), Ask(tab="all"), table.slug, by=bob)
    assert "4242" not in json.dumps([one["data"] for one in asked])
    for wrong in ({"line": named(table, "Cost")}, {"code": named(table, "Cost")}):
        with pytest.raises(Invalid):
            papers.labels(rules_of(table, bob), Ask(tab="all"), table.slug, by=bob, **wrong)


def test_what_cannot_be_printed_is_said(table, by, asked, monkeypatch):
    print_it = lambda **more: papers.labels(rules_of(table, by), Ask(tab="all"), table.slug, by=by, **more)  # noqa: E731
    with pytest.raises(Refused, match="no row"):
        print_it()
    id = make(table, by, Name="Drill", Code="ü€")
    with pytest.raises(Refused, match=f"Row {id}: a bar code has"):
        print_it(code=named(table, "Code"), how="bars")
    print_it(code=named(table, "Code"))
    for wrong in ({"sheet": "a0"}, {"how": "x"}, {"code": "created_by"}, {"line": "x"}):
        with pytest.raises(Invalid):
            print_it(**wrong)
    monkeypatch.setattr(papers, "MOST", 1)
    make(table, by, Name="Saw")
    with pytest.raises(Refused, match="Up to 1 labels"):
        print_it()
    with pytest.raises(NotFound):
        papers.page(rules_of(table, by), table, 999, by=by)


def test_a_page_that_cannot_be_is_refused(table, by):
    for form, field in (({"title": "{Nope}"}, "title"), ({"below": "x" * 5001}, "below")):
        with pytest.raises(Invalid) as refusal:
            papers.say_page(table.slug, MultiDict(form), by=by)
        assert field in refusal.value.fields
    with pytest.raises(Stale):
        papers.say_page(table.slug, MultiDict({"title": "x"}), by=by, shape=99)
