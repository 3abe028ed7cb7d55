import pytest

from database.scope import inside
from domain.events import passes
from tests.fixtures.doors import an_event, passes_of


@pytest.fixture
def ada(cast, clock):
    """(her pass, its address)."""
    with inside(cast.acme):
        one = passes_of(an_event(), ["Ada"])[0]
        return one, passes.address(one)


def test_wallets_are_offered_only_where_they_are_set_up(ada, browse):
    client = browse(None)
    assert "Wallet" not in client.get(ada[1]).text
    assert client.get(ada[1] + "/ticket.pkpass").status_code == 404
    assert client.post(ada[1] + "/google").status_code == 404
