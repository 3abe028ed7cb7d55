import pytest

from tests.fixtures.events import make_event


@pytest.fixture
def night(clock, inside_acme, at):
    """A published event of Acme."""
    event, _ = make_event(at("alice"))
    return event
