"""Amounts in each provider's units, and back: one table."""

import pytest

from domain.events.providers import units

# provider, currency, minor units of ISO 4217, what the provider is told
TABLE = (
    ("stripe", "EUR", 2000, 2000),
    ("stripe", "ISK", 5, 500),  # ISO has no cents for it, Stripe wants two all the same
    ("stripe", "JPY", 80, 80),
    ("stripe", "XOF", 5000, 5000),
    ("stripe", "KWD", 5120, 5120),
    ("stripe", "USD", 1, 1),
    ("paystack", "NGN", 5050, 5050),
    ("paystack", "XOF", 500, 50000),
    ("paystack", "RWF", 500, 50000),
    ("paystack", "KES", 100, 100),
    ("flutterwave", "UGX", 5000, "5000"),
    ("flutterwave", "XOF", 500, "500"),
    ("flutterwave", "NGN", 5050, "50.50"),
    ("flutterwave", "EUR", 1, "0.01"),
)


@pytest.mark.parametrize(("provider", "currency", "cents", "theirs"), TABLE)
def test_event_case_24_each_provider_is_told_its_own_units_and_read_back(provider, currency, cents, theirs):
    assert units.to_provider(provider, cents, currency) == theirs
    assert units.from_provider(provider, theirs, currency.lower()) == cents


@pytest.mark.parametrize(
    ("provider", "currency", "cents"),
    [("stripe", "UGX", 500), ("stripe", "KWD", 5124), ("paystack", "JPY", 80), ("flutterwave", "KWD", 1000)],
)
def test_what_a_provider_does_not_take_is_not_told_to_it(provider, currency, cents):
    assert not units.takes(provider, currency, cents)
    with pytest.raises(ValueError, match="doesn't take"):
        units.to_provider(provider, cents, currency)


@pytest.mark.parametrize(
    ("provider", "currency", "least"),
    [
        ("stripe", "EUR", 50),
        ("stripe", "JPY", 50),
        ("stripe", "HUF", 17500),
        ("stripe", "KWD", 10),
        ("paystack", "NGN", 1),
    ],
)
def test_nobody_is_sent_to_pay_less_than_a_provider_charges(provider, currency, least):
    assert units.charges(provider, currency, least)
    assert units.charges(provider, currency)
    assert least == 1 or not units.charges(provider, currency, least - 1)
    assert provider != "stripe" or units.takes(provider, currency, 10)  # so little may go back


@pytest.mark.parametrize(
    ("provider", "currency", "theirs"),
    [
        ("stripe", "ISK", 550),
        ("flutterwave", "NGN", 10.005),
        ("flutterwave", "NGN", "NaN"),
        ("stripe", "EUR", -1),
        ("paystack", "XOF", 150),
        ("stripe", "UGX", 500),
    ],
)
def test_an_amount_that_cannot_be_counted_is_refused_and_never_rounded(provider, currency, theirs):
    with pytest.raises(ValueError, match=r"amount|has no"):
        units.from_provider(provider, theirs, currency)


@pytest.mark.parametrize("provider", sorted(units.PLACES))
def test_every_currency_of_a_provider_comes_back_as_it_went(provider):
    for currency in units.PLACES[provider]:
        for cents in (0, 10, 1230, 99_999_990):
            assert units.from_provider(provider, units.to_provider(provider, cents, currency), currency) == cents
