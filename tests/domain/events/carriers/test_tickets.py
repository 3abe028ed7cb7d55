import pytest

from domain import Refused
from domain.events import codes, passes
from domain.events.carriers import tickets
from tests.fixtures.doors import an_event, passes_of


@pytest.fixture
def ada(inside_acme, clock):
    return passes_of(an_event(venue="Old Mill"), ["Ada"])[0]


def test_a_wallet_gets_the_code_that_the_door_reads(ada):
    held = tickets.in_wallet(ada)
    assert codes.verified(held.code).serial == ada.serial
    assert (held.place, held.address.endswith(passes.address(ada))) == ("Old Mill", True)


def test_a_pass_that_is_not_good_goes_into_no_wallet(ada):
    ada.state = "suspended"
    with pytest.raises(Refused):
        tickets.in_wallet(ada)
