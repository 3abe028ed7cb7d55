"""What happened to people elsewhere, and what happens here: by the numbers of the specification.

Those that aren't here stand where their part is tested, under the same names (`test_records_…`, `test_hard_case_…`).
"""

import json
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from database.clock import read_in
from domain import Invalid
from domain.fields.records import registry
from domain.fields.records.leftover import LeftOver
from domain.lists import asks, lists, rows
from domain.records import collections, field_changes, kind_changes, listings, shapes
from models import Record, RecordOption

TESTS = Path(__file__).resolve().parents[2]
LATER = {
    10: "formulas come later",
    15: "links that only one row may have come with one-to-one links",
    31: "the interface for programs comes later",
    32: "so it does",
    37: "forms for strangers come later",
    39: "automations come later",
    40: "so do they",
}


def test_every_hard_case_of_now_is_told_by_a_test_of_its_number():
    told = set()
    for path in TESTS.rglob("test_*.py"):
        for numbers in re.findall(
            r"^def test_(?:records|hard_case)((?:_(?:\d\d?|and))+)_", path.read_text("utf-8"), re.M
        ):
            told |= {int(number) for number in re.findall(r"\d+", numbers)}
    assert set(range(1, 41)) - told - set(LATER) == set()


@pytest.fixture
def make(at, inside_acme):
    """`make(("Name", "text"), …)` is a table; `make.add(...)` a row of it by the texts of its fields in order."""

    def table(*fields):
        table.slug = collections.make("Things", by=at("alice"), fields=(("Name", "text"), *fields)).slug
        return table

    def add(*texts):
        names = [f.name for f in table.rules().listing.written]
        return rows.create(table.rules(), dict(zip(names, texts, strict=False)), by=at("alice")).id

    def become(kind, given=None, **more):
        kind_changes.begin(table.slug, table.field(), kind, by=at("alice"), given=given, **more)
        while kind_changes.work():
            pass

    def shown(**asked):
        listing = table.rules().listing
        ask = asks.understand(listing, MultiDict({"tab": "all", "rows": "2000"} | asked))
        return [getattr(row, listing.first) for row in lists.read(listing, ask, at("alice")).rows]

    def cells():
        cell = shapes.read(collections.found(table.slug)).cells[1]
        return [cell.value(json.loads(row.cells)) for row in Record.select().order_by(Record.id)]

    table.rules = lambda: listings.find(table.slug, at("alice"))
    table.field = lambda place=1: collections.fields(collections.found(table.slug))[place].id
    table.add, table.become, table.shown, table.cells, table.by = add, become, shown, cells, at("alice")
    return table


def test_hard_case_03_all_words_are_listed_before_and_no_cell_is_emptied(make):
    table = make(("State", "text"))
    texts = [f"Word {n % 341}" for n in range(400)]
    for text in texts:
        table.add("x", text)
    seen = kind_changes.rehearse(table.slug, table.field(), "choice", by=table.by)
    assert len(seen.words) == 341
    assert Counter(texts) == dict(seen.words.values())
    table.become("choice")
    kind = shapes.read(collections.found(table.slug)).cells[1].kind
    assert [kind.plain(value) for value in table.cells()] == texts


def test_hard_case_04_the_kind_of_the_field_by_which_the_board_stands(make):
    table = make(("State", "choice", ("New", "Open")))
    table.add("Kettle", "New")
    assert table.rules().listing.board_by
    table.become("text")
    assert table.rules().listing.board_by == ""
    assert table.shown(view="board") == ["Kettle"]


def test_hard_case_05_empty_cells_are_no_failure(make):
    table = make(("On", "text"))
    for text in ("2026-03-01", "", "2026-03-15", ""):
        table.add("x", text)
    seen = kind_changes.rehearse(table.slug, table.field(), "day", by=table.by)
    assert (seen.empty, seen.left_count) == (2, 0)
    table.become("day")
    assert table.cells() == [date(2026, 3, 1), None, date(2026, 3, 15), None]


def test_hard_case_06_one_order_of_dates_for_the_whole_field(make):
    table = make(("On", "text"))
    for text in ("15-01-2025", "09-01-2025"):
        table.add("x", text)
    assert kind_changes.rehearse(table.slug, table.field(), "day", by=table.by).questions == []
    table.become("day")
    assert table.cells() == [date(2025, 1, 15), date(2025, 1, 9)]


def test_hard_case_06_what_no_cell_tells_is_asked(make):
    table = make(("On", "text"))
    table.add("x", "09-01-2025")
    asked = kind_changes.rehearse(table.slug, table.field(), "day", by=table.by).questions
    assert len(asked) == 1
    assert len(asked[0].answers) > 1


def test_hard_case_07_a_word_that_is_taken_away_and_added_again_loses_no_cell(make):
    table = make(("State", "choice", ("New", "Open")))
    table.add("x", "Open")
    before, word = table.cells(), RecordOption.get(RecordOption.label == "Open")
    field_changes.offer_word(table.slug, table.field(), word.id, False, by=table.by)
    with pytest.raises(Invalid) as refused:
        collections.add_option(table.slug, table.field(), "open", by=table.by)
    assert "offer it again" in refused.value.fields["label"]
    field_changes.offer_word(table.slug, table.field(), word.id, True, by=table.by)
    assert table.cells() == before == [word.id]


def test_hard_case_09_a_field_that_was_renamed_reads_under_its_old_name(make):
    table = make(("Item", "text"))
    collections.rename_field(table.slug, table.field(), "Thing", by=table.by)
    field = collections.rename_for_programs(table.slug, table.field(), by=table.by)
    assert (field.api_name, [name for name, _ in field.aliases]) == ("thing", ["item"])
    assert table.rules().listing.by_name[f"f{field.id}"].also == ("thing", "item")


def test_hard_case_16_every_digit_stays(make):
    table = make(("Price", "text"))
    table.add("x", "123456789123456.12345")
    table.become("number")
    (value,) = table.cells()
    kind = registry.made("number", {})
    assert str(value) == kind.to_json(value) == str(kind.from_json("123456789123456.12345")) == "123456789123456.12345"
    assert "123456789123456.12345" in Record.get().cells


def test_hard_case_17_what_has_more_places_than_are_shown_is_never_cut(make):
    table = make(("Price", "text"))
    for _ in range(3):
        table.add("x", "1.575")
    table.become("number", options={"places": "2"})
    listing = table.rules().listing
    assert {str(value) for value in table.cells()} <= {"1.575"}
    assert listing.by_name[f"f{table.field()}"].kind.plain(Decimal("1.575")) != "1.57"
    assert sum([Decimal("1.575")] * 1000) == Decimal("1575.000")
    with pytest.raises(Invalid):
        table.add("x", "1.575")  # in a form it is said


def test_hard_case_18_zero_and_no_are_answers_and_empty_cells_never_collide(make):
    table = make(("Count", "number"), ("Paid", "yes_no"), ("Mail", "email"))
    for place in (1, 2):
        field_changes.rule(table.slug, table.field(place), by=table.by, is_required=True, is_unique=False)
    field_changes.rule(table.slug, table.field(3), by=table.by, is_required=False, is_unique=True)
    assert table.add("x", "0", "no", "") != table.add("y", "0", "no", " ")
    assert table.cells() == [Decimal(0), Decimal(0)]
    with pytest.raises(Invalid):
        table.add("z", "", "no", "")


@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Europe/Berlin", "Pacific/Kiritimati"])
def test_hard_case_19_a_date_is_the_same_day_everywhere(make, zone):
    table = make(("On", "day"))
    read_in("Europe/Berlin")
    table.add("x", "2026-03-29")
    read_in(zone)
    name = f"f{table.field()}"
    assert table.cells() == [date(2026, 3, 29)]
    assert table.shown(**{f"{name}_from": "2026-03-29", f"{name}_to": "2026-03-29"}) == ["x"]
    assert table.shown(where=f"and~{name}~on~2026-03-29") == ["x"]


def test_hard_case_20_today_is_a_day_of_the_readers_zone(make, clock):
    table = make(("At", "moment"))
    read_in("Europe/Berlin")
    table.add("late", "2026-06-15T21:30:00Z")  # half past eleven in Berlin, on the day that the clock of tests has
    table.add("next", "2026-06-15T22:30:00Z")
    assert table.shown(where=f"and~f{table.field()}~today") == ["late"]


def test_hard_case_21_and_22_orders(make):
    table = make(("State", "choice", ("New", "Open", "Done")))
    for name, state in (("Zebra", "Done"), ("Äpfel", "New"), ("A10", "Open"), ("apple", ""), ("A2", "Open")):
        table.add(name, state)
    first, state = (f"f{table.field(place)}" for place in (0, 1))
    assert table.shown(sort=first) == ["A2", "A10", "Äpfel", "apple", "Zebra"] or table.shown(sort=first) == [
        *("A2", "A10", "apple", "Äpfel", "Zebra"),
    ]
    assert table.shown(sort=f"{first}-down") == table.shown(sort=first)[::-1]
    assert [name[0] for name in table.shown(sort=state)] == ["Ä", "A", "A", "Z", "a"]
    before = [row.cells for row in Record.select().order_by(Record.id)]
    field_changes.move_word(
        table.slug, table.field(), RecordOption.get(RecordOption.label == "Done").id, -1, by=table.by
    )
    assert [name[0] for name in table.shown(sort=state)] == ["Ä", "Z", "A", "A", "a"]
    assert [row.cells for row in Record.select().order_by(Record.id)] == before


def test_limits_hold_where_something_comes_in_another_way(make, monkeypatch):
    table = make(("Note", "text"))
    monkeypatch.setattr(collections, "OPTIONS", 3)
    for number in range(5):
        table.add("x", f"Word {number}")
    with pytest.raises(Invalid):
        kind_changes.begin(table.slug, table.field(), "choice", by=table.by)
    kind_changes.begin(table.slug, table.field(), "choice", by=table.by, adds_words=False)
    while kind_changes.work():
        pass
    assert table.cells() == [LeftOver(f"Word {number}") for number in range(5)]


@pytest.mark.parametrize("label", ["العربية", "名前", "Ω≈ç√", "😀", "id", "Naïve  name", "null", "f1", "constructor"])
def test_fields_are_called_in_every_script(make, label):
    table = make(("Item", "text"))
    field = collections.add_field(table.slug, label, by=table.by)
    again = collections.add_field(table.slug, label, by=table.by)
    assert field.api_name.isascii()
    assert field.api_name != again.api_name
    assert table.add("x", "", "here")
    assert table.shown(q="here") == ["x"]


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", " java\nscript:alert(1)", "vbscript:x"])
def test_addresses_that_run_something_are_refused(make, text):
    table = make(("Where", "url"))
    with pytest.raises(Invalid):
        table.add("x", text)
    assert Record.select().count() == 0


def test_nul_and_broken_text_are_taken_as_text_or_refused(make):
    table = make(("Note", "long_text"))
    table.add("a\x00b", "c\x00d\ud800e")
    assert "\x00" not in "".join(table.shown()) + Record.get().cells
