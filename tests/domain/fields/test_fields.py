from datetime import UTC, datetime

import pytest

from domain.fields.choice import Choice
from domain.fields.derived import Derived
from domain.fields.kinds import Field, Unfit, clean, whole
from domain.fields.moment import Moment
from domain.fields.number import Number, counted
from domain.fields.switch import Switch
from domain.fields.text import Text

CHOICE = Choice((("low", "Low", "quiet"), ("high", "High", "warn")))


def test_invisible_and_turning_characters_go_and_joiners_stay():
    assert clean("a\x00b\u200bc\u202ed\ufeff") == "abcd"
    family = "\U0001f468\u200d\U0001f469"
    assert clean(family) == family
    assert clean(" \u200d\t") == ""
    assert clean("one\r\ntwo") == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("0", None), ("²", None), ("-1", None), ("", None), (None, None)]
)
def test_a_whole_number_is_one_that_a_row_could_have(text, number):
    assert whole(text) == number
    assert whole("2147483648") is None


def test_a_required_field_refuses_emptiness_and_others_take_it_as_nothing():
    with pytest.raises(Unfit, match="Title can't be empty"):
        Field("title", "Title", Text(), required=True).read(" \u200b ")
    assert Field("note", "Note", Text()).read("  ") is None


def test_a_line_loses_its_breaks_and_a_paragraph_keeps_them():
    assert Text().read(" one \n two ") == "one two"
    assert Text(long=True).read(" one\ntwo ") == "one\ntwo"
    with pytest.raises(Unfit, match="5 characters"):
        Text(most=5).read("sixsix")


def test_a_choice_takes_its_words_only_and_says_their_labels():
    assert CHOICE.read("low") == "low"
    assert (CHOICE.plain("high"), CHOICE.tone("high"), CHOICE.plain("gone"), CHOICE.tone("gone")) == (
        "High",
        "warn",
        "",
        "quiet",
    )
    with pytest.raises(Unfit, match="Low, High"):
        CHOICE.read("Low")


def test_a_moment_is_utc_and_a_bare_day_ends_at_its_end():
    assert Moment().read("2026-12-31") == datetime(2026, 12, 31, 23, 59, tzinfo=UTC)
    assert Moment().read("2026-12-31T10:00+02:00") == datetime(2026, 12, 31, 8, 0, tzinfo=UTC)
    value = Moment().read("2026-12-31T10:00:00Z")
    assert Moment().restored(Moment().stored(value)) == value
    for text in ("tomorrow", "1969-01-01", "2201-01-01", "0001-01-01T00:00+23:00", "2026-13-01"):
        with pytest.raises(Unfit):
            Moment().read(text)


def test_a_number_keeps_its_bounds():
    assert Number(1, 10).read(" 7 ") == 7
    for text in ("0", "11", "1.5", "x", "9" * 5000):
        with pytest.raises(Unfit):
            Number(1, 10).read(text)


def test_a_switch_is_on_or_off():
    assert (Switch().read("on"), Switch().read("False"), Switch().plain(True)) == (True, False, "On")
    with pytest.raises(Unfit):
        Switch().read("maybe")


def test_what_is_counted_agrees_with_its_number():
    assert counted(1, "credit") == "1 credit"
    assert (counted(0, "credit"), counted(1200, "credit")) == ("0 credits", "1,200 credits")
    assert counted(2, "difference waits", "differences wait") == "2 differences wait"


def test_what_is_made_of_other_values_is_refused_in_a_form_with_a_sentence():
    with pytest.raises(Unfit, match="isn't written by hand"):
        Derived().read("anything")
