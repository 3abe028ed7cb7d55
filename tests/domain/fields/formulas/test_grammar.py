"""Formulas are read, printed and read again: the same tree, whatever fields are called. `make formulas` is longer."""

import contextlib
import os
import random
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from domain.fields.formulas import functions, grammar, meaning
from domain.fields.formulas.names import Place, Scope, Way
from domain.fields.formulas.types import (
    DATE,
    DURATION,
    MOMENT,
    NUMBER,
    PERCENT,
    PERSON,
    TEXT,
    YES_NO,
    Failed,
    Mistake,
    Type,
)
from domain.fields.records.amount import Amount

MANY = int(os.environ.get("FORMULAS", "400"))
TYPES = (NUMBER, TEXT, DATE, MOMENT, DURATION, PERCENT, YES_NO, PERSON, Type("money", "EUR"), Type("money"))
LABELS = (
    *("Price", "price", "a / b", "{x}", "A.B", 'He said "no"', "Price #3", "#2", "*", "Ä\\ö", "and", "12", "  in  it "),
    *("Tasks", "sum(1)", "Price", "Tasks", "}", ".", "\\"),
)


VALUES: dict = {
    "number": (Decimal(0), Decimal("1e27"), Decimal("-1.5"), Decimal("1e-28")),
    "percent": (Decimal("0.15"), Decimal(0)),
    "text": ("x", "12", "https://[x", "Ä" * 9999),
    "date": (date(1, 1, 1), date(9999, 12, 31), date(2024, 2, 29)),
    "moment": (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)),
    "duration": (0, -5400, 3_000_000_000),
    "yes_no": (True, False),
    "person": (1, 2),
    "money": (Amount(Decimal("1.575"), "EUR"), Amount(Decimal(0), "EUR")),
}


def place_of(luck, id, type):
    """A field whose values are random, also none."""
    values = (*VALUES[type.name], *((Amount(Decimal(3), "CHF"),) if type == Type("money") else ()), None)
    return Place(id, luck.choice(LABELS).strip(), type, lambda _document: luck.choice(values))


def scope_of(luck):
    """Fields and links with the hardest names, some of them alike."""
    places = tuple(place_of(luck, id, luck.choice(TYPES)) for id in range(1, 9))
    ways = tuple(
        Way(id, luck.choice(LABELS).strip(), id % 2 == 0, id % 3 > 0, places[: luck.randrange(1, 8)])
        for id in range(20, 26)
    )
    return Scope(places, ways)


def tree_of(luck, scope, depth=0):
    """A random tree, typed or not."""
    leaf = depth > 4 or luck.random() < 0.25
    kind = luck.choice(
        ("number", "percent", "text", "yes_no", "field", "field", "way") if leaf else ("call", "pair", "one")
    )
    if kind == "number":
        return "number", luck.choice(("0", "1", "12.5", "0.001", "99999999999999999999"))
    if kind == "percent":
        return "percent", luck.choice(("0.15", "1", "0.005"))
    if kind == "text":
        return "text", luck.choice(
            ("", "a", 'say "no"', "back\\slash", "{x}", "“x”", "Europe/Berlin", "ends in \\", "1")
        )
    if kind == "yes_no":
        return "yes_no", luck.random() < 0.5
    if kind == "field":
        return "field", luck.randrange(1, 9)
    if kind == "way":
        way = luck.choice(list(scope.ways.values()))
        return (*way.key, luck.choice([0, *(place.id for place in way.places)]))
    if kind == "one":
        return luck.choice(("not", "minus")), tree_of(luck, scope, depth + 1)
    if kind == "pair":
        sign = luck.choice(("+", "-", "*", "/", "&", "=", "<>", "<", "<=", ">", ">=", "and", "or"))
        return "binary", sign, tree_of(luck, scope, depth + 1), tree_of(luck, scope, depth + 1)
    parts = (tree_of(luck, scope, depth + 1) for _ in range(luck.randrange(4)))
    return "call", luck.choice(list(functions.FUNCTIONS)), *parts


def size(tree):
    return 1 + sum(size(part) for part in tree if isinstance(part, tuple))


def some_trees(seed, many):
    luck = random.Random(seed)
    for _ in range(many):
        scope = scope_of(luck)
        tree = tree_of(luck, scope)
        if size(tree) <= grammar.NODES and len(grammar.printed(tree, scope)) <= grammar.LONGEST:
            yield scope, tree


def test_records_10_what_is_printed_is_the_same_tree_again():
    count = 0
    for scope, tree in some_trees(7, MANY):
        text = grammar.printed(tree, scope)
        assert grammar.parsed(text, scope) == tree, text
        count += 1
    assert count > MANY * 0.9


def test_records_10_a_rename_leaves_the_result_and_prints_the_brackets():
    before = Scope((Place(1, "a", NUMBER, lambda d: d["a"]), Place(2, "b", NUMBER, lambda d: d["b"])))
    tree = grammar.parsed("{a} / ({a} + {b})", before)
    after = Scope((Place(1, "x", NUMBER, lambda d: d["a"]), Place(2, "b", NUMBER, lambda d: d["b"])))
    assert grammar.printed(tree, after) == "{x} / ({x} + {b})"
    row = meaning.Row({"a": Decimal(1), "b": Decimal(3)})
    assert meaning.result(meaning.meant(tree, after), row) == Decimal("0.25")


def test_any_tree_is_refused_with_a_sentence_or_has_a_type_and_never_fails_otherwise():
    """Of any row, also an empty one, a formula gives a value, nothing, or an error that is said."""
    meant = 0
    for scope, tree in some_trees(11, MANY):
        try:
            typed = meaning.meant(tree, scope)
        except Mistake:
            continue
        meant += 1
        for linked in ({}, {key: [{}, {}] for key in scope.ways}):
            for _ in range(4):
                with contextlib.suppress(Failed):
                    meaning.result(typed, meaning.Row({}, linked))
    assert meant > MANY / 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{Price} +", "Something is missing at the end"),
        ("({Price}", "A bracket isn't closed"),
        ('"abc', "no end"),
        ("{Price", "no end"),
        ("Price + 1", "written in braces: {Price}"),
        ("{Prise}", "Did you mean {Price}?"),
        ("{Price} + 1", "a number has no currency"),
        ("{Price} + {Franc}", "EUR and CHF"),
        ("{On} + {On}", "{Later} - {Earlier}"),
        ("{Name} * 2", "number({…})"),
        ("summ({Count})", "Did you mean sum"),
        ("round()", "round(number, places)"),
        ("{Tasks.Hours}", "sum({Tasks.Hours})"),
        ("{Tasks}", "count({Tasks})"),
        ("sum({Tasks.Hours} * {Notes.Hours})", "one at a time"),
        ("if({Count}, 1, 2)", "yes or no is needed"),
        ('if({Count} > 1, 1, "a")', "Give one kind"),
        ('date_of({At}, "Mars/Olympus")', "no time zone"),
        ('date_of({At}, "../../etc/passwd")', "no time zone"),
        ("1 +" * 300 + "1", "at most 200 parts"),
        ("(" * 1990 + "1", "A bracket isn't closed"),
        ("-" * 1990 + "1", "at most 200 parts"),
        ("9" * 40, "28 digits"),
        ("x" * 2001, "2,000 characters"),
        ("", "Write a formula"),
        ("__import__('os')", "doesn't fit here"),
    ],
)
def test_what_is_wrong_is_said_so_that_somebody_can_mend_it(text, said):
    there = (Place(11, "Hours", NUMBER),)
    scope = Scope(
        (
            *(Place(1, "Price", Type("money", "EUR")), Place(2, "Franc", Type("money", "CHF")), Place(3, "On", DATE)),
            *(Place(4, "Name", TEXT), Place(5, "Count", NUMBER), Place(6, "At", MOMENT)),
        ),
        (Way(7, "Tasks", is_many=True, places=there), Way(8, "Notes", is_many=True, places=there)),
    )
    with pytest.raises(
        Mistake, match=said.replace("(", r"\(").replace(")", r"\)").replace("{", r"\{").replace("?", r"\?")
    ):
        meaning.meant(grammar.parsed(text, scope), scope)
