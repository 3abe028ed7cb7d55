import pytest

from domain.fields.days import Days, numbers
from domain.fields.kinds import Field, Unfit


@pytest.mark.parametrize(
    ("text", "days"),
    [("3, 6", "3, 6"), ("6 3,3", "3, 6"), (" 14 ", "14"), ("1,2,3,4,5,6,7,8", "1, 2, 3, 4, 5, 6, 7, 8")],
)
def test_days_are_kept_in_order_and_each_once(text, days):
    assert Days().read(text) == days
    assert ", ".join(map(str, numbers(days))) == days


@pytest.mark.parametrize(
    "text", ["0", "61", "-3", "3; 6", "three", "²", ",", "1.5", "1 2 3 4 5 6 7 8 9", "99999999999"]
)
def test_what_is_no_list_of_days_is_refused_with_an_example(text):
    with pytest.raises(Unfit, match=r"such as 3, 6|1 to 8 days"):
        Days().read(text)


def test_no_days_at_all_are_refused():
    with pytest.raises(Unfit, match="can't be empty"):
        Field("days", "Reminders", Days(), required=True).read("  ")
