import pytest

from domain.fields.kinds import Unfit
from domain.fields.share import Share


@pytest.mark.parametrize(("typed", "kept"), [("19", 1900), ("7,25 %", 725), ("0", 0), ("", 0), ("50%", 5000)])
def test_a_percent_is_typed_as_one_and_kept_in_hundredths(typed, kept):
    kind = Share(most=5000)
    assert kind.read(typed) == kept
    assert kind.read(kind.text(kept)) == kept


def test_it_is_said_without_places_it_has_not():
    assert [Share().plain(value) for value in (1900, 725, 10, 0, None)] == ["19 %", "7.25 %", "0.1 %", "0 %", ""]


@pytest.mark.parametrize("typed", ["50.01", "-1", "7.255", "much"])
def test_what_is_no_percentage_is_said_with_an_example(typed):
    with pytest.raises(Unfit, match="from 0 to 50 %, such as 19"):
        Share(most=5000).read(typed)
