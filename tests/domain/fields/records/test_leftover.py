from domain.fields.day import Day
from domain.fields.records.leftover import LeftOver, plain_cell, restored_cell, stored_cell


def test_words_that_fit_no_kind_are_kept_as_they_are():
    kind = Day()
    stored = stored_cell(kind, LeftOver("ca. 300"))
    assert stored == {"left_over": "ca. 300"}
    found = restored_cell(kind, stored)
    assert isinstance(found, LeftOver)
    assert plain_cell(kind, found) == "ca. 300"


def test_a_value_goes_the_way_of_its_kind():
    kind = Day()
    value = kind.read("2026-03-29")
    assert stored_cell(kind, value) == "2026-03-29"
    assert restored_cell(kind, "2026-03-29") == value
    assert restored_cell(kind, None) is None
    assert plain_cell(kind, None) == ""
