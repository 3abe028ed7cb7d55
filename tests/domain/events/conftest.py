import pytest

from tests.fixtures.events import make_event


@pytest.fixture
def night(clock, inside_acme, at):
    """A published event of Acme with five free tickets: (event, tier)."""
    event, (tier,) = make_event(at("alice"))
    return event, tier
