import pytest

from tests.fixtures.entrance import just_signed_in
from tests.fixtures.events import make_event


@pytest.fixture(autouse=True)
def young_session(unhoused):
    """Whoever cancels and gives money back has signed in just now."""
    with just_signed_in():
        yield


@pytest.fixture
def night(clock, inside_acme, at):
    """A published event of Acme with five free tickets: (event, tier)."""
    event, (tier,) = make_event(at("alice"))
    return event, tier
