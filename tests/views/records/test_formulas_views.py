"""The page on which a formula is written: tried on rows, refused with what is wrong, saved; without a script."""

import pytest

from database.scope import inside
from domain.lists import rows
from domain.records import collections, kind_changes, listings


@pytest.fixture
def alice(browse):
    return browse("alice")


@pytest.fixture
def orders(cast, at):
    with inside(cast.acme):
        by = at("alice")
        table = collections.make("Orders", by=by, fields=(("Name", "text"), ("Count", "number")))
        for n in range(3):
            rows.create(listings.of(table, by), {"f1": f"Row <{n}>", "f2": str(n)}, by=by)
        return table


AT = "/acme/records/orders"


def finish():
    while kind_changes.work():
        pass


def test_a_formula_is_tried_refused_saved_and_shown_and_changed(alice, orders):
    asked = alice.post(f"{AT}/fields", data={"label": "Part", "kind": "formula"})
    assert asked.location == f"{AT}/formulas?kind=formula&label=Part"
    page = alice.get(asked.location).text
    assert "{Count}" in page
    assert "Part" in page
    form = {"kind": "formula", "label": "Part", "formula": "6 / {Count}"}
    tried = alice.post(f"{AT}/formulas", data=form | {"act": "try"})
    assert tried.status_code == 200
    assert "Gives a number" in tried.text
    assert "Row &lt;2&gt;" in tried.text
    assert "÷ 0" in tried.text
    refused = alice.post(f"{AT}/formulas", data=form | {"act": "save", "formula": "6 / {Cuont}"})
    assert refused.status_code == 422
    assert "Nothing here is called “Cuont”" in refused.text
    assert "6 / {Cuont}" in refused.text
    assert alice.post(f"{AT}/formulas", data=form | {"act": "save"}).location == AT
    finish()
    assert "6.00" in alice.get(AT).text
    field = alice.get(f"{AT}/fields/3").text
    assert "6 / {Count}" in field
    assert "6 / {Count}" in alice.get(f"{AT}/fields/3/formula").text
    assert alice.post(f"{AT}/fields/3/formula", data={"formula": "7 / {Count}", "act": "save"}).status_code == 303
    finish()
    assert "7.00" in alice.get(AT).text


def test_the_same_while_one_types_is_one_piece_of_the_page(alice, orders):
    typing = {"HX-Request": "true", "HX-Target": "formula_trial"}
    form = {"kind": "formula", "formula": "{Count} * 2"}
    answer = alice.post(f"{AT}/formulas", data=form, headers=typing)
    assert answer.text.strip().startswith('<div id="formula_trial"')
    wrong = alice.post(f"{AT}/formulas", data=form | {"formula": "{Count} *"}, headers=typing)
    assert "Something is missing at the end" in wrong.text


def test_a_roll_up_is_chosen_and_a_kind_that_there_is_not(alice, orders, cast, at):
    with inside(cast.acme):
        collections.add_field(
            "orders", "Part of", "link", by=at("alice"), options={"table": str(orders.id), "back": "Parts"}
        )
    page = alice.get(f"{AT}/formulas?kind=rollup").text
    assert "Parts → Count" in page
    form = {"kind": "rollup", "label": "Sum", "of": "back 3 2", "how": "sum"}
    assert "Gives a number" in alice.post(f"{AT}/formulas", data=form).text
    assert alice.post(f"{AT}/formulas", data=form | {"act": "save", "of": "back 3 99"}).status_code == 422
    assert alice.post(f"{AT}/formulas", data=form | {"act": "save"}).status_code == 303
    assert alice.get(f"{AT}/formulas?kind=text").status_code == 404


def test_who_does_not_build_writes_no_formula(browse, orders):
    form = {"kind": "formula", "label": "X", "formula": "1"}
    assert browse("bob").post(f"{AT}/formulas", data=form).status_code == 403
    assert browse("charlie").get(f"{AT}/formulas").status_code == 404


def test_its_results_are_shown_to_all_by_name_or_not(alice, orders, cast):
    form = {"kind": "formula", "label": "Twice", "formula": "{Count} * 2"}
    alice.post(f"{AT}/formulas", data=form | {"act": "save"})
    finish()
    with inside(cast.acme):
        shape = collections.found("orders").shape
    assert "Only who sees all" in alice.get(f"{AT}/fields/3").text
    alice.post(f"{AT}/fields/3/act", data={"act": "open", "shape": shape})
    assert "Everybody who sees the table sees what it gives" in alice.get(f"{AT}/fields/3").text
