"""How something comes again, read from words and said in words."""

import pytest

from domain.fields.kinds import Unfit
from domain.fields.repeat import Repeat


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Daily", "every day"),
        ("every 3 days", "every 3 days"),
        ("every weekday", "every week on Monday, Tuesday, Wednesday, Thursday, Friday"),
        ("every week on thu and Mon", "every week on Monday, Thursday"),
        ("every 2 weeks, 10 times", "every 2 weeks, 10 times"),
        ("monthly until 2027-01-31", "every month, until 2027-01-31"),
        ("every month on the 31st", "every month on day 31"),
        ("1 day after completion", "1 day after completion"),
    ],
)
def test_a_rhythm_is_read_and_said_back(typed, said):
    assert Repeat().read(typed) == said
    assert Repeat().read(said) == said


@pytest.mark.parametrize(
    "typed",
    [
        *("sometimes", "every 0 days", "every week on t", "every month on day 32", "every day, until 2026-02-31"),
        *("every day, 0 times", "every day on Monday", "999 days after completion"),
    ],
)
def test_what_is_no_rhythm_is_refused_with_an_example(typed):
    with pytest.raises(Unfit):
        Repeat().read(typed)
