import pytest

from domain import Invalid
from domain.events import prices, tiers
from domain.lists import rows
from tests.fixtures.events import make_phase


def test_a_phase_without_an_end_is_refused(night, at):
    _, tier = night
    with pytest.raises(Invalid):
        make_phase(tier, at("alice"))


def test_the_first_that_is_not_over_counts(night, at, clock):
    event, tier = night
    early = make_phase(tier, at("alice"), price_cents="5", until_at="2026-06-20T00:00:00Z")
    late = make_phase(tier, at("alice"), price_cents="8", until_at="2026-06-25T00:00:00Z")
    asked = lambda: tiers.price(tier, tiers.phases(event.id)[tier.id], None)  # noqa: E731
    assert asked() == (500, early)
    clock.forward(days=6)
    assert asked() == (800, late)
    clock.forward(days=6)
    assert asked() == (0, None)
    assert late.event_id == event.id


def test_one_can_be_changed(night, at):
    _, tier = night
    phase = make_phase(tier, at("alice"), until_sold="2")
    row, _ = rows.change(prices.rules_in("EUR"), phase.id, {"until_sold": "3"}, by=at("alice"), parent=tier.id)
    assert row.until_sold == 3
