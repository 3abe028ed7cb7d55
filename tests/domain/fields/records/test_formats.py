"""How the whole of a column tells how it is written, and what is asked where it doesn't."""

from datetime import UTC, date, datetime

import pytest

from domain.fields.kinds import Unfit
from domain.fields.records import formats, registry


def decide(name, *texts, **given):
    return formats.decide(registry.made(name, {}), texts, given)


def test_a_day_above_twelve_decides_for_all():
    form, asked = decide("day", "09-01-2025", "15-01-2025", "2025-01-03")
    assert (form.order, asked) == ("dmy", [])
    assert registry.made("day", {}).parse("09-01-2025", form) == date(2025, 1, 9)
    form, asked = decide("day", "01/09/2025", "01/15/2025")
    assert (form.order, asked) == ("mdy", [])


def test_days_that_tell_nothing_are_asked_with_two_examples():
    _, (question,) = decide("day", "09.01.2025", "03.04.2025")
    assert [example for _, _, example in question.answers] == ["9 January 2025", "1 September 2025"]
    assert decide("day", "09.01.2025", order="mdy")[1] == []
    _form, (question,) = decide("day", "13.01.2025", "01.13.2025")  # both can't be


@pytest.mark.parametrize(
    ("texts", "sign"),
    [
        (("1.234,56", "1.234"), ","),
        (("1,234.56", "1,234"), "."),
        (("0.123",), "."),
        (("1,5", "1.234"), ","),
        (("1.234.567", "1.234"), ","),
        (("12", "15"), "."),
        (("1 234,5",), ","),
    ],
)
def test_the_decimal_sign_is_told_by_the_column(texts, sign):
    form, asked = decide("number", *texts)
    assert (form.decimal, asked) == (sign, [])


def test_a_column_of_thousands_is_asked():
    _, (question,) = decide("number", "1.234", "5")
    assert {(value, example) for value, _, example in question.answers} == {(".", "1.234"), (",", "1234")}


def test_percents_without_a_sign_durations_and_other_words_are_asked():
    assert [q.part for q in decide("percent", "15", "20 %")[1]] == ["is_percent"]
    assert decide("percent", "15 %")[1] == []
    assert [q.part for q in decide("duration", "1:30", "90")[1]] == ["is_short", "unit"]
    _form, (question,) = decide("yes_no", "yes", "klar", "")
    assert [word for word, _, _ in question.answers] == ["klar"]
    assert registry.made("yes_no", {}).parse("Klar", formats.Format(yes=("klar",))) is True


def test_moments_are_on_the_columns_clock():
    form = formats.Format(zone="Europe/Berlin", order="dmy")
    kind = registry.made("moment", {})
    assert kind.parse("29.03.2026 14:30", form) == datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
    assert kind.parse("2026-03-29T14:30:00+05:30", form) == datetime(2026, 3, 29, 9, 0, tzinfo=UTC)
    assert kind.parse("3/29/2026 2:30 pm", form.but(order="mdy")) == datetime(2026, 3, 29, 12, 30, tzinfo=UTC)
    with pytest.raises(Unfit, match="02:30 doesn't exist on 29 March 2026"):
        kind.parse("2026-03-29 02:30", form)
    assert kind.parse("2026-10-25 02:30", form) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # the first of two


def test_days_that_do_not_exist_say_so():
    with pytest.raises(Unfit, match="The 30th of February doesn't exist"):
        registry.made("day", {}).parse("30.02.2026", formats.Format(order="dmy"))


def test_a_format_comes_back_out_of_json():
    form = formats.Format(decimal=",", yes=("klar",), is_percent=True)
    assert formats.made(form.kept() | {"else": 1}) == form
