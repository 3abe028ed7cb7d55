"""What formulas give, by example: to the last digit, empty where something is, an error where nothing can be said."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from domain.fields.formulas import functions, grammar, linked_rows, meaning
from domain.fields.formulas.names import Place, Scope, Way
from domain.fields.formulas.types import DATE, DURATION, MOMENT, NUMBER, PERCENT, TEXT, YES_NO, Failed, Type, as_text
from domain.fields.records.amount import Amount

EUR = Type("money", "EUR")
FIELDS = {
    "Price": EUR,
    "Any": Type("money"),
    "Count": NUMBER,
    "Share": PERCENT,
    "Name": TEXT,
    "On": DATE,
    "Until": DATE,
}
FIELDS |= {"At": MOMENT, "Takes": DURATION, "Done": YES_NO, "Gone": NUMBER}
THERE = {"Hours": NUMBER, "Done": YES_NO, "Title": TEXT, "Cost": Type("money")}


def places(types):
    return tuple(
        Place(n, label, type, lambda d, label=label: d.get(label)) for n, (label, type) in enumerate(types.items(), 1)
    )


SCOPE = Scope(places(FIELDS), (Way(50, "Tasks", True, True, places(THERE)), Way(51, "Owner", places=places(THERE))))
ROW = {
    "Price": Amount(Decimal("1250.50"), "EUR"),
    "Any": Amount(Decimal(3), "CHF"),
    "Count": Decimal(3),
    "Share": Decimal("0.15"),
    "Name": "Ada Lovelace",
    "On": date(2026, 1, 31),
    "Until": date(2026, 3, 1),
    "At": datetime(2026, 3, 29, 22, 30, tzinfo=UTC),
    "Takes": 5400,
    "Done": True,
}
TASKS = [
    {"Hours": Decimal("1.5"), "Done": True, "Title": "Saw", "Cost": Amount(Decimal(2), "EUR")},
    {"Hours": Decimal(2), "Done": False, "Title": "Glue", "Cost": Amount(Decimal(3), "CHF")},
    {"Title": "Wait"},
]


def given(text, row=ROW, tasks=TASKS, owner=()):
    typed = meaning.meant(grammar.parsed(text, SCOPE), SCOPE)
    try:
        value = meaning.result(typed, meaning.Row(row, {("back", 50): tasks, ("link", 51): list(owner)}))
    except Failed as failed:
        return f"! {failed}"
    return f"{value.amount} {value.currency}" if isinstance(value, Amount) else value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1 + 0.2", Decimal("0.3")),
        ("round(1.575, 2)", Decimal("1.58")),
        ("round(-1.575, 2)", Decimal("-1.58")),
        ("1 / 3 * 3", Decimal("0.9999999999999999999999999999")),
        ("{Price} * {Share}", "187.5750 EUR"),
        ("{Price} / 2 - {Price}", "-625.25 EUR"),
        ("{Price} / {Price}", Decimal(1)),
        ("{Price} + {Any}", "! two currencies"),
        ("{Count} / ({Count} - 3)", "! ÷ 0"),
        ("mod(7, 0)", "! ÷ 0"),
        ("mod(-7, 3)", Decimal(2)),
        ("99999999999999 * 99999999999999 * 99999", "! too large"),
        ('99999999999999 * 99999999999999 * 99999 & ""', "! too large"),
        ('text(99999999999999 * 99999999999999 * 99999, "0.00")', "! too large"),
        ('money(99999999999999, "EUR") * 99999999999999 * 99999 & ""', "! too large"),
        ("{Gone} + 1", None),
        ("-{Gone}", None),
        ("{Gone} = 1", False),
        ("{Gone} <> 1", False),
        ("or_else({Gone}, 0) + 1", Decimal(1)),
        ("or_else({Count} / 0, 7)", Decimal(7)),
        ("is_empty({Gone})", True),
        ('"x" & {Gone} & {Count} & {Done}', "x3Yes"),
        ('{Price} & " on " & {On}', "1250.50 EUR on 2026-01-31"),
        ("2 + 3 * 4 - 1", Decimal(13)),
        ("(2 + 3) * -4", Decimal(-20)),
        ("not yes or yes and no", False),
        ("15% * 200", Decimal(30)),
        ("100 * (1 + {Share})", Decimal(115)),
        ("{Until} - {On}", Decimal(29)),
        ("{On} + 1", date(2026, 2, 1)),
        ("{On} + 0.5", "! not a whole number of days"),
        ("{On} + 99999999", "! no such day"),
        ("add_months({On}, 1)", date(2026, 2, 28)),
        ("add_years(date(2024, 2, 29), 1)", date(2025, 2, 28)),
        ("date(2026, 2, 30)", "! no such day"),
        ("start_of_month({Until}) = {Until}", True),
        ("weekday(date(2026, 3, 29))", Decimal(7)),
        ("week(date(2026, 1, 1))", Decimal(1)),
        ("days_between({On}, {Until})", Decimal(29)),
        ('date_of({At}, "Europe/Berlin")', date(2026, 3, 30)),
        ('in_zone({At}, "Europe/Berlin")', "2026-03-30 00:30"),
        ("{At} - {At}", 0),
        ("{Takes} * 2", 10800),
        ("{Takes} / {Takes}", Decimal(1)),
        ('text({On}, "DD.MM.YYYY")', "31.01.2026"),
        ('text(1.005, "0.00")', "1.01"),
        ('number("1,250.50")', Decimal("1250.50")),
        ('number("ca. 300")', "! no number"),
        ("left({Name}, 3) & right({Name}, 2) & mid({Name}, 5, 4)", "AdaceLove"),
        ('upper("straße")', "STRASSE"),
        ('replace({Name}, "a", "")', "Ad Lovelce"),
        ('contains({Name}, "LOVE") and begins({Name}, "ada")', True),
        ('pad("7", 3, "0")', "007"),
        ('{Name} = "ADA lovelace"', True),
        ('"A2" < "A10"', True),
        ('if({Count} > 2, "many", "few")', "many"),
        ('switch({Count}, 1, "one", 3, "three", "?")', "three"),
        ('url_part("https://Example.org/a?b", "host")', "example.org"),
        ("sum({Tasks.Hours})", Decimal("3.5")),
        ("sum(if({Tasks.Done}, {Tasks.Hours}))", Decimal("1.5")),
        ("avg({Tasks.Hours})", Decimal("1.75")),
        ("max({Tasks.Hours}, 9)", Decimal(9)),
        ("min({Count}, 2)", Decimal(2)),
        ("count({Tasks})", Decimal(3)),
        ("count({Tasks.Hours})", Decimal(2)),
        ("count({Tasks.Done})", Decimal(1)),
        ('join({Tasks.Title}, " | ")', "Saw | Glue | Wait"),
        ("sum({Tasks.Cost})", "! two currencies"),
        ("sum(sum({Tasks.Hours}), 1)", Decimal("4.5")),
        ("{Owner.Hours}", None),
        ("is_empty({Owner})", True),
        ("count({Owner})", Decimal(0)),
        ('replace(pad("", 9999, "a"), "a", "bb")', "! too long"),
    ],
)
def test_a_formula_gives(text, value):
    assert given(text) == value


def test_a_look_up_and_sums_of_no_rows():
    assert given("{Owner.Title}", owner=TASKS[:1]) == "Saw"
    assert given("sum({Tasks.Hours})", tasks=[]) == Decimal(0)
    assert given("avg({Tasks.Hours})", tasks=[]) is None
    assert given("sum({Tasks.Cost})", tasks=[]) is None  # of no currency


def test_a_list_has_at_most_a_thousand_rows_and_a_sum_has_any():
    tasks = [{"Title": "a", "Hours": Decimal(1)}] * (linked_rows.LISTED + 1)
    assert given("join({Tasks.Title})", tasks=tasks) == "! too many rows"
    assert given("sum({Tasks.Hours})", tasks=tasks) == Decimal(1001)


def test_the_examples_of_the_page_about_records_give_what_it_says():
    page = (Path(__file__).parents[4] / "docs" / "records.md").read_text()
    examples = re.findall(r"^\| `(.+)` \| (.+) \|$", page, re.M)
    assert len(examples) > 10
    for formula, said in examples:
        typed = meaning.meant(grammar.parsed(formula, SCOPE), SCOPE)
        value = meaning.result(typed, meaning.Row(ROW, {("back", 50): TASKS}))
        assert as_text(typed.type, value) == said, formula


def test_every_function_says_how_it_is_written():
    for name, function in functions.FUNCTIONS.items():
        assert function.usage.startswith(f"{name}("), name


LARGEST = ROW | {"Count": Decimal("9" * 28), "At": datetime(9999, 12, 31, 23, 30, tzinfo=UTC)}
BEYOND = (
    *(f"{name}({{Count}}*{{Count}}*{{Count}})" for name in ("round", "floor", "ceil")),
    'text({Count}*{Count}*{Count}, "0.00")',
    'date_of({At}, "Asia/Tokyo")',
    'in_zone({At}, "Asia/Tokyo")',
)


@pytest.mark.parametrize("text", BEYOND)
def test_figures_and_days_beyond_all_room_are_errors_that_or_else_takes(text):
    assert given(text, LARGEST) == "! too large"
    assert given(f"is_empty({text})", LARGEST) == "! too large"
    assert given(f"is_empty(or_else({text}, {text}))", LARGEST) == "! too large"
    kind = {"r": "0", "f": "0", "c": "0", "t": '"x"', "d": "date(2026, 1, 1)", "i": '"x"'}[text[0]]
    assert given(f"or_else({text}, {kind})", LARGEST) == given(kind, LARGEST)
