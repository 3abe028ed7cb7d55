"""A form to get in line is ours, and as old as a person makes it."""

import pytest

from domain import Invalid
from tests.domain.events.line.test_places import rush, stand, token

__all__ = ["rush"]


@pytest.mark.parametrize(("age", "says"), [(0, "faster than people"), (3 * 3600, "very long")])
def test_in_a_rush_a_form_is_neither_too_young_nor_too_old(rush, clock, monkeypatch, age, says):
    event, (tier,) = rush
    clock.forward(minutes=31)
    with pytest.raises(Invalid, match=says):
        stand(event, tier, key=token(monkeypatch, age))


def test_in_a_rush_a_form_is_one_that_we_made(rush, clock):
    event, (tier,) = rush
    clock.forward(minutes=31)
    for forged in ("", "k" * 24, "18f-00000000-000000000000"):
        with pytest.raises(Invalid):
            stand(event, tier, key=forged)
