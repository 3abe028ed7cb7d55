"""The tiers of a campaign; what a claimed one gives is in test_backers.py."""

import pytest

from domain import Invalid
from domain.backers import tiers
from models import BackerTier


@pytest.fixture
def tier(cast):
    form = {"key": "early", "name": "Early bird", "plan": "pro_yearly", "months": "12", "credits": "250"}
    return tiers.add(form, by=cast.stella)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "Not one"}, "key"),
        ({"key": ""}, "key"),
        ({"key": "early"}, "key"),
        ({"name": "x"}, "name"),
        ({"plan": "free"}, "plan"),
        ({"plan": "gold"}, "plan"),
        ({"months": "0"}, "months"),
        ({"months": "1.5"}, "months"),
        ({"months": "601"}, "months"),
        ({"credits": "-1"}, "credits"),
        ({"credits": "9999999999"}, "credits"),
    ],
)
def test_a_tier_that_can_not_be_is_refused(tier, cast, change, field):
    with pytest.raises(Invalid) as caught:
        tiers.add({"key": "founder", "name": "Founder"} | change, by=cast.stella)
    assert list(caught.value.fields) == [field]
    assert BackerTier.select().count() == 1


def test_what_a_tier_is_worth_in_words(tier):
    assert tiers.worth(tier) == ["Pro for 12 months", "250 credits"]
    assert tiers.worth(BackerTier(months=1)) == ["access for 1 month"]
    assert tiers.worth(BackerTier(months=None, plan_key="pro_monthly", credits=0)) == ["Pro for life"]
