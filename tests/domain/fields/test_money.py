import pytest

from domain.fields import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1200, "USD", "$12.00"),
        (5, "eur", "€0.05"),
        (-320, "EUR", "−€3.20"),
        (500, "JPY", "¥500"),
        (123456789, "GBP", "£1,234,567.89"),
        (1234567, "KWD", "KWD 1,234.567"),
        (0, "CHF", "CHF 0.00"),
        (7, "", "$0.07"),
    ],
)
def test_amounts_are_written_with_the_minor_units_their_currency_has(amount, currency, text):
    assert money.written(amount, currency) == text
