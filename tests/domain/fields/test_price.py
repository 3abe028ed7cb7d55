import pytest

from domain.fields.kinds import Unfit
from domain.fields.price import Price


@pytest.mark.parametrize(
    ("currency", "typed", "cents", "again"),
    [
        *(("EUR", "12.5", 1250, "12.50"), ("EUR", "12,50", 1250, "12.50"), ("JPY", "1200", 1200, "1200")),
        *(("KWD", "1.234", 1234, "1.234"), ("ISK", "500", 500, "500"), ("EUR", "0", 0, "0.00")),
    ],
)
def test_a_price_is_typed_with_its_point_and_kept_in_minor_units(currency, typed, cents, again):
    kind = Price(of=currency)
    assert kind.read(typed) == cents
    assert kind.text(cents) == again


@pytest.mark.parametrize(
    ("currency", "typed"), [("JPY", "1.5"), ("EUR", "1.005"), ("EUR", "-1"), ("EUR", "9e9"), ("EUR", "ten")]
)
def test_what_is_no_price_is_refused(currency, typed):
    with pytest.raises(Unfit):
        Price(of=currency).read(typed)
