from decimal import Decimal

import pytest

from domain.charts import sums
from domain.fields.kinds import Field
from domain.fields.money import Money
from domain.fields.number import Number
from domain.fields.records.amount import Amount, Amounts
from domain.fields.records.duration import Duration
from domain.fields.records.exact import Exact
from domain.fields.records.percent import Percent


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (Amounts(), Amount(Decimal("1250.5"), "EUR"), "€1,250.50"),
        (Amounts("JPY"), Amount(Decimal("-500"), "JPY"), "−¥500"),
        (Money(), Amount(Decimal(1200), "USD"), "$12.00"),
        (Duration(), 5400, "1:30"),
        (Exact(places=1, unit="kg"), Decimal("1234.56"), "1,234.6 kg"),
        (Percent(), Decimal("0.15"), "15 %"),
        (Number(unit="tickets"), 1200, "1,200 tickets"),
    ],
)
def test_a_sum_is_said_as_its_field_says_values(kind, value, said):
    assert sums.can_be(kind)
    assert sums.said(Field("a", "A", kind), *sums.parted(value)) == said


def test_a_count_is_said_with_its_thousands():
    assert sums.said(None, "", Decimal(1234567)) == "1,234,567"
