"""What every kind that people's tables can have promises, whatever stands in a cell or is sent to it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some

from database.clock import reader_day
from domain.fields.kinds import Unfit, clean, comparable, compatible
from domain.fields.records import formats, operators, registry
from domain.fields.records.amount import Amount
from domain.fields.records.many_options import ManyOptions
from domain.fields.records.option import Option, Options
from domain.fields.text import folded

QUICK = hypothesis_settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None
)
MADE = tuple(
    Option(id, label, api_name=f"o{id}")
    for id, label in ((5, "New"), (3, "Cats, large"), (9, 'The "odd"; one'), (12, "Done"))
)
words = some.text(max_size=60).map(lambda text: " ".join(clean(text).split())).filter(bool)
numbers = some.one_of(
    some.decimals(-(10**9), 10**9, places=5), some.integers(-(10**28) + 1, 10**28 - 1).map(Decimal)
).map(lambda value: value + 0)
days = some.dates(date(1900, 1, 1), date(2200, 12, 31))
moments = some.datetimes(datetime(1970, 1, 1), datetime(2200, 12, 31)).map(
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
ids = some.sampled_from([o.id for o in MADE])
VALUES = {
    "text": words,
    "long_text": words,
    "number": numbers,
    "money": some.decimals(-(10**20), 10**20, places=2).map(lambda value: Amount(value + 0, "EUR")),
    "percent": some.decimals(-1000, 1000, places=6),
    "yes_no": some.booleans(),
    "choice": ids,
    "choices": some.sets(ids, min_size=1).map(lambda chosen: tuple(o.id for o in MADE if o.id in chosen)),
    "day": days,
    "moment": moments,
    "duration": some.integers(-(10**8), 10**8),
    "email": words.map(lambda text: "".join(c for c in compatible(text) if c.isalnum())[:40] or "a").map(
        "{}@example.org".format
    ),
    "phone": some.integers(10**6, 10**10).map("+49 30 {}".format),
    "url": words.map(lambda text: "https://www.example.org/" + "".join(c for c in text if c.isalnum())),
    "qrcode": words,
    "barcode": some.text("AZaz 019-./", min_size=1, max_size=80).map(lambda text: " ".join(text.split()) or "0"),
    "rating": some.integers(1, 5),
    "autonumber": some.integers(1, 10**11 - 1),
}
ASKING = ("person", "people", "link", "links", "files")
PLACELESS = [
    name for name in registry.KINDS if name not in (*ASKING, *registry.UNWRITTEN)
]  # those that ask no database


def kind_of(name):
    if name in ("choice", "choices"):
        return (Options if name == "choice" else ManyOptions)(MADE)
    return registry.made(name, {"currency": "EUR"} if name == "money" else {})


def order_of(kind, value):
    """What the order of values is; of texts and options the words that come before."""
    compared = kind.compared(value)
    if kind.name == "yes_no":
        return not value
    return value if kind.name == "moment" else compared


def test_no_kind_is_left_out():
    assert {*VALUES} == {*PLACELESS}


@pytest.mark.parametrize(
    "name", [n for n in PLACELESS if n not in ("text", "long_text", "email", "phone", "url", "qrcode", "barcode")]
)
def test_the_order_of_keys_is_that_of_values(name):
    kind = kind_of(name)
    if not kind.keyed:
        return

    @QUICK
    @given(some.lists(VALUES[name], max_size=8))
    def holds(values):
        keys = [kind.key(value) for value in values]
        assert all(len(key) <= 200 and clean(key) == key for key in keys)
        by_key = sorted(values, key=lambda value: kind.key(value).encode())
        assert by_key == sorted(values, key=lambda value: order_of(kind, value))
        for one, key in zip(values, keys, strict=True):
            for other, its in zip(values, keys, strict=True):
                assert (key == its) == (kind.compared(one) == kind.compared(other)) or name == "moment"

    holds()


@QUICK
@given(some.lists(words, max_size=8))
@example(["A10", "A2", "Äpfel", "Zebra", "apple", "a 2", "A02"])
@example(["x" * 100 + "a", "x" * 100 + "b", "한국어", "한"])
def test_the_keys_of_texts_are_equal_where_only_case_differs(texts):
    kind = registry.made("text", {})
    for one in texts:
        key = kind.key(one)
        assert len(key) <= 200
        assert clean("1" + key) == "1" + key
        for other in texts:
            assert (key == kind.key(other)) == (comparable(one) == comparable(other))
            if folded(one).startswith(folded(other)) and (span := kind.span(operators.TEXT[4], kind.compared(other))):
                assert span[0] <= key < span[1]


def test_texts_are_ordered_as_people_do():
    kind = registry.made("text", {})
    ordered = ["A2", "A10", "Apfel", "Äpfel", "apple", "Zebra", "zebra 007", "zebra 12345678901234567890"]
    assert sorted(ordered, key=kind.key) == ordered


@pytest.mark.parametrize("name", PLACELESS)
def test_what_is_stored_shown_and_sent_comes_back(name):
    kind = kind_of(name)
    plain = formats.Format(decimal=".", unit="s", separator=";")

    @QUICK
    @given(VALUES[name])
    def holds(value):
        assert kind.restored(kind.stored(value)) == value
        assert kind.from_json(kind.to_json(value)) == value
        assert kind.read(kind.text(value)) == value
        if name != "moment":  # its plain text names a zone by letters
            assert kind.parse(kind.plain(value), plain) == value

    holds()


@pytest.mark.parametrize("name", PLACELESS)
def test_a_span_holds_whatever_meets_the_condition(name):
    kind = kind_of(name)

    @QUICK
    @given(some.lists(VALUES[name], min_size=3, max_size=6), some.sampled_from(kind.operators))
    def holds(values, operator):
        takes = {"nothing": [], "two": values[1:3], "several": values[1:2]}.get(operator.takes, values[1:2])
        texts = ["3"] if operator.takes == "days" else [kind.text(value) for value in takes]
        operand = kind.operand(operator, texts)
        if span := kind.span(operator, operand):
            for value in values:
                if kind.test(operator, value, operand):
                    assert span[0] <= kind.key(value) < span[1]
        assert kind.test(operator, None, operand) == (operator.also_empty or operator.key == "empty")

    if name != "choices":
        holds()


ODD = some.one_of(
    some.text(max_size=80),
    some.from_regex(r"[-+(]?[0-9.,' ]{0,20}[eE%:/٣½²\u200f\x00-]{0,4}[0-9.,]{0,12}[)]?"),
    some.sampled_from(
        (
            *("\0", "9" * 1_000_000, "1e999999999", "٣", "½", "\u200f12\u200e", "1_000", "NaN", "Infinity", "-", "."),
            *("30.02.2026", "2026-02-30", "99999999-01-01", "2026-03-29T25:00", "http://[", "http://a:b", "@", "a@b"),
            *("2026-03-29T10:00+99:99", "0001-01-01 00:00", "()", "€", "EUR", "1:99", "☆", "x" * 200_000, '"', ";;;"),
        )
    ),
)


@pytest.mark.parametrize("name", PLACELESS)
def test_whatever_is_sent_is_read_or_refused(name):
    kind = kind_of(name)
    ways = (kind.read, lambda text: kind.parse(text, formats.Format()), kind.from_json)

    @QUICK
    @given(ODD)
    def holds(text):
        for way in ways:
            try:
                value = way(text)
            except Unfit:
                continue
            if value is not None:
                assert kind.restored(kind.stored(value)) == value
                assert not kind.keyed or len(kind.key(value)) <= 200
        formats.decide(kind, [text, "1", "1.234"])

    holds()


@pytest.mark.parametrize(
    "json", [None, True, 5, 1.5, [], {}, [[]], [None], {"amount": 5}, {"id": "x"}, Decimal("1E+999")]
)
@pytest.mark.parametrize("name", PLACELESS)
def test_json_of_another_type_is_refused(name, json):
    kind = kind_of(name)
    try:
        value = kind.from_json(json)
    except Unfit:
        return
    assert value is None or kind.restored(kind.stored(value)) == value


# --- single kinds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1250.5", "1250.5"),
        ("1,250.50", "1250.5"),
        ("1.250,50", "1250.5"),
        ("1 250,50", "1250.5"),
        ("1'250.50", "1250.5"),
        ("(12)", "-12"),
        ("−12", "-12"),
        ("1,5", "1.5"),
        ("1,234", "1234"),
        ("12,34,567", "1234567"),
        ("٣", "3"),
        ("123456789123456.12345", "123456789123456.12345"),
    ],
)
def test_a_number_is_read_to_the_last_digit(text, value):
    assert registry.made("number", {}).read(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1e5", "½", "1_000", "1,23,4", "1.2.3", "--5", "9" * 29, "0." + "0" * 28 + "1"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(Unfit):
        registry.made("number", {}).read(text)


def test_places_are_refused_and_shown_half_away_from_zero():
    kind = registry.made("number", {"places": 2, "unit": "kg"})
    with pytest.raises(Unfit, match="Two places at most"):
        kind.read("1.575")
    assert kind.parse("1.575 kg", formats.Format()) == Decimal("1.575")
    assert kind.shown(Decimal("1.575")) == "1.58 kg"
    assert kind.shown(Decimal("-1234.565")) == "−1,234.57 kg"
    assert sum([Decimal("1.575")] * 1000) == Decimal("1575.000")


def test_money_is_of_its_field_or_of_its_cell():
    own, given = registry.made("money", {}), registry.made("money", {"currency": "EUR"})
    assert own.read("$12.50") == own.read("12.50 usd") == Amount(Decimal("12.5"), "USD")
    assert given.read("€ 1.250,50") == Amount(Decimal("1250.5"), "EUR")
    assert given.shown(given.read("-1250.5")) == "−€1,250.50"
    assert own.restored(own.stored(own.read("5 JPY"))) == Amount(Decimal(5), "JPY")
    for kind, text in ((own, "5"), (own, "5 XXX"), (given, "5 USD"), (given, "5.123"), (own, "5.5 JPY")):
        with pytest.raises(Unfit):
            kind.read(text)


def test_percents_are_kept_as_fractions():
    kind = registry.made("percent", {})
    assert kind.read("15") == kind.read("15 %") == kind.parse("0.15", formats.Format()) == Decimal("0.15")
    assert kind.parse("15", formats.Format(is_percent=True)) == Decimal("0.15")
    assert kind.plain(Decimal("0.155")) == "15.5 %"


def test_durations_are_whole_seconds():
    kind = registry.made("duration", {})
    assert kind.read("1:30") == kind.read("90 min") == kind.read("1.5 h") == kind.read("1 h 30 min") == 5400
    assert kind.parse("1:30", formats.Format(is_short=True)) == 90
    assert kind.parse("90", formats.Format(unit="min")) == 5400
    with pytest.raises(Unfit):
        kind.read("90")


def test_a_phone_is_the_number_that_it_calls():
    kind = registry.made("phone", {"country": "DE"})
    assert kind.unique_key("030 901820") == kind.unique_key("+49 30 901820") == "+4930901820"
    assert kind.read("030 901820") == "030 901820"


@pytest.mark.parametrize("text", ["javascript:alert(1)", "data:text/html,x", "example.org", "https://", "ftp://a.b"])
def test_addresses_that_cannot_be_followed_are_refused(text):
    with pytest.raises(Unfit):
        registry.made("url", {}).read(text)


def test_a_merged_option_is_what_it_became():
    kind = Options((Option(1, "New"), Option(2, "Old", merged_into=3), Option(3, "Done")))
    assert kind.order == [1, 3, 2]
    assert kind.test(operators.CHOICE[0], 2, kind.operand(operators.CHOICE[0], ["3"]))
    assert (kind.plain(2), kind.choices) == ("Done", (("1", "New"), ("3", "Done")))


def test_labels_with_separators_are_one_word():
    kind = ManyOptions(MADE)
    assert kind.parse("Cats, large, New", formats.Format(separator=",")) == (5, 3)
    assert kind.read('"The ""odd""; one"; new') == (5, 9)


def test_conditions_of_days_count_from_the_readers_day():
    kind, within = registry.made("day", {}), {o.key: o for o in operators.DATE}
    assert kind.test(within["today"], reader_day(), kind.operand(within["today"], ""))
    first, end = kind.operand(within["this_quarter"], "")
    assert (first.month % 3, timedelta(89) <= end - first <= timedelta(92)) == (1, True)
    assert kind.operand(within["last_week"], "")[1] == kind.operand(within["this_week"], "")[0]
