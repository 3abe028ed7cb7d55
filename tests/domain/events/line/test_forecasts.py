"""What is said of waiting is what happened so far, and nothing where nothing did."""

from domain.events import holds
from domain.events.line import forecasts
from tests.domain.events.line.test_calls import look
from tests.domain.events.line.test_places import stand
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event


def test_the_range_is_as_it_went_lately(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "10"},))
    holders = [stand(event, tier) for _ in range(10)]
    waiting = [stand(event, tier) for _ in range(10)]
    assert forecasts.wait(event, 3) is None
    clock.forward(minutes=1)
    look(*waiting)
    for holder in holders[:5]:
        holds.give_up(holder.order_id)
    assert forecasts.wait(event, 5) == (10, 22)  # five in a quarter of an hour: fifteen minutes
    clock.forward(minutes=16)
    assert forecasts.wait(event, 5) is None


def test_the_chance_is_that_of_holds_that_lapse(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "20"},))
    assert "Nobody is buying" in forecasts.chance(event, 1)
    running = [stand(event, tier) for _ in range(4)]
    assert "doesn't finish in time" in forecasts.chance(event, 1)
    for n in range(3):
        bought(event, tier, email=f"a{n}@example.org")
    for _ in range(3):
        holds.give_up(stand(event, tier).order_id)
    assert forecasts.chance(event, 1).startswith("Your chance is good: 4 are still buying, and 50 %")
    assert forecasts.chance(event, 4).startswith("Your chance is fair")
    assert forecasts.chance(event, 9).startswith("Your chance is small")
    assert running


def test_however_many_look_it_is_read_once_a_second(clock, inside_acme, at, monkeypatch):
    event, (tier,) = make_event(at("alice"), tickets=({"size": "20"},))
    stand(event, tier)
    monkeypatch.setattr(forecasts, "SECONDS", 60)
    monkeypatch.setattr(forecasts, "_kept", {})
    assert "doesn't finish in time" in forecasts.chance(event, 1)
    monkeypatch.setattr(forecasts, "_read", None)
    assert "doesn't finish in time" in forecasts.chance(event, 1)
    assert forecasts.wait(event, 1) is None
