"""Fields that are worked out: added, filled, kept right by whoever writes, changed, rested, undone."""

from decimal import Decimal

import pytest

from domain import Invalid, Refused
from domain.fields.records.amount import Amount
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows
from domain.records import collections, field_changes, kind_changes, listings, shape_changes
from domain.records.computed import dependents, formulas
from models import Collection, LongJob, RecordField, RecordStale


@pytest.fixture
def by(inside_acme, at):
    return at("alice")


@pytest.fixture
def table(by):
    fields = (("Name", "text"), ("Price", "money", (), {"currency": "EUR"}), ("Count", "number"), ("On", "day"))
    return collections.make("Orders", by=by, fields=fields)


def work_off():
    for _ in range(200):
        if not (kind_changes.work() or dependents.work()):
            return
    raise AssertionError("a job never ends")


def rules_of(table, by):
    return listings.of(Collection.get_by_id(table.id), by)


def named(table, label):
    field = RecordField.get(
        RecordField.collection == table, RecordField.label == label, RecordField.archived_at.is_null()
    )
    return f"f{field.id}"


def make(table, by, **cells):
    form = {named(table, label): text for label, text in cells.items()}
    return rows.create(rules_of(table, by), form, by=by).id


def change(table, id, by, **cells):
    form = {named(table, label): text for label, text in cells.items()}
    return rows.change(rules_of(table, by), id, form, by=by)[1]


def values(table, by, label, **asked):
    """What stands in a field, by the row's number, in the order of the list."""
    listing = rules_of(table, by).listing
    found = lists.read(listing, asks.Ask(tab="all", **asked), by).rows
    return {row.id: getattr(row, named(table, label)) for row in found}


def add(table, by, label, formula, **more):
    field = formulas.add(table.slug, label, "formula", {"formula": formula} | more, by=by)
    work_off()
    return field


def eur(text):
    return Amount(Decimal(text), "EUR")


def test_a_formula_fills_rows_that_there_are_and_follows_whoever_writes(table, by):
    first = make(table, by, Name="A", Price="1.50", Count="3")
    empty = make(table, by, Name="B")
    add(table, by, "Total", "{Price} * {Count}")
    assert values(table, by, "Total") == {empty: None, first: eur("4.5")}
    change(table, first, by, Count="4")
    new = make(table, by, Name="C", Price="2", Count="2")
    assert values(table, by, "Total", sort=f"{named(table, 'Total')}-down") == {
        first: eur(6),
        new: eur(4),
        empty: None,
    }
    batch = rows.bulk(rules_of(table, by), [first, new], {named(table, "Count"): "1"}, by=by)[0]
    assert values(table, by, "Total")[new] == eur(2)
    rows.undo(rules_of(table, by), batch, by=by)
    assert values(table, by, "Total")[first] == eur(6)


def test_a_formula_of_formulas_is_worked_out_in_the_order_of_dependence(table, by):
    id = make(table, by, Name="A", Price="10", Count="2")
    add(table, by, "Total", "{Price} * {Count}")
    add(table, by, "Said", '{Name} & ": " & {Total}')
    change(table, id, by, Count="3")
    assert values(table, by, "Said") == {id: "A: 30.00 EUR"}


def test_an_error_stands_in_its_cell_sorts_with_empty_and_goes_on(table, by):
    zero, one = make(table, by, Name="A", Count="0"), make(table, by, Name="B", Count="4")
    add(table, by, "Share", "1 / {Count}")
    add(table, by, "Twice", "{Share} * 2")
    found = values(table, by, "Twice", sort=named(table, "Twice"))
    assert list(found.items()) == [(one, Decimal("0.5")), (zero, LeftOver("÷ 0"))]
    change(table, zero, by, Count="2")
    assert values(table, by, "Twice")[zero] == Decimal(1)


def test_nobody_writes_it_and_no_rule_holds_for_it(table, by):
    id = make(table, by, Name="A", Count="1")
    field = add(table, by, "Twice", "{Count} * 2")
    with pytest.raises(Invalid, match="no field takes “7”"):
        change(table, id, by, Twice="7")
    assert values(table, by, "Twice") == {id: Decimal(2)}
    with pytest.raises(Invalid, match="worked out"):
        field_changes.rule(table.slug, field.id, by=by, is_required=False, is_unique=True)


def test_records_10_a_rename_changes_no_result_and_the_text_follows(table, by):
    id = make(table, by, Name="A", Price="1", Count="3")
    field = add(table, by, "Part", "{Count} / ({Count} + {Count})")
    collections.rename_field(table.slug, int(named(table, "Count")[1:]), "Pieces", by=by)
    options = RecordField.get_by_id(field.id).options
    assert (
        formulas.written(collections.found("orders"), "formula", options)["formula"]
        == "{Pieces} / ({Pieces} + {Pieces})"
    )
    change(table, id, by, Pieces="5")
    assert values(table, by, "Part") == {id: Decimal("0.5")}


def test_records_8_what_it_goes_by_is_put_away_it_rests_with_the_reason_and_runs_again(table, by):
    id = make(table, by, Name="A", Count="3")
    add(table, by, "Twice", "{Count} * 2")
    count = int(named(table, "Count")[1:])
    field_changes.put_away(table.slug, count, by=by)
    work_off()
    assert values(table, by, "Twice") == {id: LeftOver("rests: A field that this goes by was put away.")}
    field_changes.bring_back(table.slug, count, by=by)
    work_off()
    assert values(table, by, "Twice") == {id: Decimal(6)}


def test_what_it_goes_by_becomes_another_kind_and_back(table, by):
    id = make(table, by, Name="A", Count="3")
    add(table, by, "Twice", "{Count} * 2")
    kind_changes.begin(table.slug, int(named(table, "Count")[1:]), "text", by=by)
    work_off()
    assert str(values(table, by, "Twice")[id]).startswith("rests: {Count} * 2: a text can't be calculated with")
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    work_off()
    assert values(table, by, "Twice") == {id: Decimal(6)}


def test_another_formula_fills_beside_and_is_taken_back(table, by):
    id = make(table, by, Name="A", Count="3")
    field = add(table, by, "It", "{Count} * 2")
    formulas.change(table.slug, field.id, "formula", {"formula": '{Name} & "!"'}, by=by)
    assert values(table, by, "It") == {id: Decimal(6)}  # until it is filled
    work_off()
    assert values(table, by, "It", sort=named(table, "It")) == {id: "A!"}
    change(table, id, by, Name="B", Count="4")
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    work_off()
    assert values(table, by, "It", sort=named(table, "It")) == {id: Decimal(8)}


def test_its_results_become_plain_values_and_back(table, by):
    id = make(table, by, Name="A", Count="3")
    field = add(table, by, "Twice", "{Count} * 2")
    kind_changes.begin(table.slug, field.id, "number", by=by)
    work_off()
    change(table, id, by, Count="9")
    assert values(table, by, "Twice") == {id: Decimal(6)}
    change(table, id, by, Twice="7")
    shape_changes.undo(table.slug, shape_changes.recent(table)[0].id, by=by)
    work_off()
    assert values(table, by, "Twice") == {id: Decimal(18)}


def test_what_was_typed_is_put_away_under_another_name_where_a_formula_takes_its_place(table, by):
    id = make(table, by, Name="A", Price="5", Count="3")
    formulas.change(table.slug, int(named(table, "Count")[1:]), "formula", {"formula": "{Price} * 2"}, by=by)
    work_off()
    assert values(table, by, "Count") == {id: eur(10)}
    assert [field.label for field in field_changes.away(table)] == ["Count (typed)"]
    assert [field.label for field in collections.fields(table)][2] == "Count"
    field_changes.bring_back(table.slug, field_changes.away(table)[0].id, by=by)
    assert values(table, by, "Count (typed)") == {id: Decimal(3)}


def test_a_circle_is_refused_with_its_path(table, by):
    first = add(table, by, "One", "{Count} + 1")
    add(table, by, "Two", "{One} + 1")
    with pytest.raises(Invalid) as refusal:
        formulas.change(table.slug, first.id, "formula", {"formula": "{Two} + 1"}, by=by)
    assert refusal.value.fields["formula"] == "It would go by itself: Orders.One → Orders.Two → Orders.One."


def test_ten_formulas_stand_on_each_other_and_not_eleven(table, by):
    for n in range(formulas.LEVELS):
        add(table, by, f"L{n}", f"{{L{n - 1}}} + 1" if n else "{Count}")
    with pytest.raises(Invalid, match="more than 10"):
        add(table, by, "Last", "{L9} + 1")


def test_a_formula_is_tried_on_five_rows_and_nothing_is_written(table, by):
    ids = [make(table, by, Name=f"R{n}", Count=str(n)) for n in range(7)]
    seen = formulas.tried(table.slug, "formula", {"formula": "6 / {Count}"}, by=by)
    assert [(one.row, one.title, one.value) for one in seen.rows][:2] == [
        (ids[6], "R6", Decimal(1)),
        (ids[5], "R5", Decimal("1.2")),
    ]
    assert (len(seen.rows), seen.said, seen.kind.places) == (formulas.TRIED, "a number", 2)
    assert not RecordField.select().where(RecordField.kind == "formula").exists()
    with pytest.raises(Invalid, match="Nothing here is called"):
        formulas.tried(table.slug, "formula", {"formula": "{Nope}"}, by=by)


def test_words_of_a_choice_are_followed(by):
    table = collections.make("Jobs", by=by, fields=(("Name", "text"), ("State", "choice", ("New", "Done"))))
    field = collections.fields(table)[1]
    id = make(table, by, Name="A", State=str(field.words[1].id))
    add(table, by, "Said", '{State} & "."')
    assert values(table, by, "Said") == {id: "Done."}
    field_changes.rename_word(table.slug, field.id, field.words[1].id, "Finished", by=by)
    work_off()
    assert values(table, by, "Said") == {id: "Finished."}


def test_text_that_is_worked_out_is_searched_and_numbers_are_not(table, by):
    id = make(table, by, Name="Ada", Count="77")
    add(table, by, "Said", 'upper({Name}) & "lovelace"')
    add(table, by, "Much", "{Count} * 1000")
    change(table, id, by, Name="Eda")
    assert list(values(table, by, "Said", q="edalovelace")) == [id]
    assert list(values(table, by, "Said", q="77000")) == []


def test_a_day_that_is_worked_out_is_on_the_calendar_and_a_filter(table, by):
    id = make(table, by, Name="A", On="2026-03-01")
    add(table, by, "Due", "{On} + 30")
    listing = rules_of(table, by).listing
    assert named(table, "Due") in listing.calendar
    span = (named(table, "Due"), "from", listing.by_name[named(table, "Due")].kind.read("2026-03-31"))
    assert list(values(table, by, "Due", ranges=(span,))) == [id]


def test_a_field_that_was_just_added_takes_no_second_formula_until_it_is_filled(table, by):
    field = formulas.add(table.slug, "It", "formula", {"formula": "{Count}"}, by=by)
    with pytest.raises(Refused, match="being worked out"):
        formulas.change(table.slug, field.id, "formula", {"formula": "{Count} + 1"}, by=by)
    work_off()
    assert not RecordStale.select().exists()
    open_ones = LongJob.status.in_(("waiting", "running")), LongJob.kind.in_((kind_changes.CHANGE, dependents.WHOLE))
    assert not LongJob.select().where(*open_ones).exists()


def test_a_figure_beyond_all_room_is_an_error_of_its_row(table, by):
    id = make(table, by, Name="A", Count="1")
    add(table, by, "It", "round({Count}*{Count}*{Count})")
    change(table, id, by, Count="9" * 28)
    assert values(table, by, "It") == {id: LeftOver("too large")}
