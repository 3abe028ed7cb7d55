"""Whatever kind a field becomes, no cell loses a word."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given

from domain.fields.records import conversions, registry
from domain.fields.records.amount import Amount
from domain.fields.records.conversions import NO, Cell, convert, offered, way
from domain.fields.records.formats import Format
from domain.fields.records.leftover import LeftOver
from tests.domain.fields.records.test_kinds_of_tables import PLACELESS, QUICK, VALUES, kind_of

PAIRS = [(one, other) for one in PLACELESS for other in PLACELESS if one != other and way(one, other) != NO]


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_a_cell_becomes_a_value_or_stays_as_its_words(name, other):
    kind, target = kind_of(name), kind_of(other)
    form = Format(decimal=".", unit="s", separator=";", hour="9:00")

    @QUICK
    @given(VALUES[name])
    def holds(value):
        made = convert(kind, target, value, form)
        if isinstance(made.value, LeftOver):
            assert str(made.value) == kind.plain(value)
        else:
            assert target.restored(target.stored(made.value)) == made.value

    holds()


@pytest.mark.parametrize("name", [n for n in PLACELESS if n not in ("text", "moment", "long_text")])
def test_what_became_text_comes_back(name):
    kind, text = kind_of(name), kind_of("text")
    form = Format(decimal=".", separator=";", unit="s")

    @QUICK
    @given(VALUES[name])
    def holds(value):
        there = convert(kind, text, value, form)
        assert convert(text, kind, there.value, form).value == value

    holds()


def test_every_kind_becomes_text_and_knows_what_it_becomes():
    assert {*registry.KINDS} - {*registry.UNWRITTEN} == {*conversions._WAYS}
    for name in conversions._WAYS:
        assert name == "text" or "text" in offered(name) or name == "long_text"
        assert name not in offered(name)


def made(name, **options):
    return registry.made(name, options)


def test_empty_stays_empty_and_words_left_over_are_read_again():
    assert convert(made("text"), made("number"), None) == Cell()
    assert convert(made("day"), made("number"), LeftOver("12")).value == Decimal(12)
    assert convert(made("text"), made("number"), "ca. 300").value == LeftOver("ca. 300")


def test_what_is_dropped_stands_beside():
    at = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
    berlin = Format(zone="Europe/Berlin")
    assert convert(made("moment"), made("day"), at, berlin) == Cell(date(2026, 3, 30), "2026-03-30T00:30:00+02:00")
    assert convert(kind_of("choices"), kind_of("choice"), (5, 12)) == Cell(5, "New; Done")
    assert convert(made("money"), made("number"), Amount(Decimal(5), "USD")) == Cell(Decimal(5), "5.00 USD")
    assert convert(made("long_text"), made("text"), "a\nb") == Cell("a b", "a\nb")


def test_numbers_become_percents_money_and_durations_as_was_said():
    number = made("number")
    assert convert(number, made("percent"), Decimal(15), Format(is_percent=True)).value == Decimal("0.15")
    assert convert(made("percent"), number, Decimal("0.15"), Format(is_percent=True)).value == 15
    assert convert(number, made("duration"), Decimal(90), Format(unit="min")).value == 5400
    assert convert(made("duration"), number, 5400, Format(unit="h")).value == Decimal("1.5")
    assert convert(made("duration"), number, 1, Format(unit="h")).value == LeftOver("0:00:01")
    assert convert(number, made("money", currency="JPY"), Decimal("1.5")).value == Amount(Decimal("1.5"), "JPY")


def test_a_change_asks_once_for_the_whole_field():
    form, asked = conversions.questions(made("text"), made("day"), ["01.02.2026", "15.02.2026"])
    assert (form.order, asked) == ("dmy", [])
    _, (question,) = conversions.questions(made("day"), made("moment"), ["2026-02-01"])
    assert question.part == "hour"
    assert conversions.questions(made("day"), made("moment"), [], {"hour": "9:00"}) == (Format(hour="9:00"), [])
