"""The staff's page of what the site sent on."""

import pytest

from domain.events.books import sent_on
from tests.domain.events.providers.test_attempts import paid
from tests.domain.events.test_payments import paid_night

__all__ = ["paid", "paid_night"]
PATH = "/admin/payouts"


@pytest.fixture
def stella(cast, browse):
    return browse("stella")


def test_a_site_that_holds_nothing_says_so(stella):
    page = stella.get(PATH).get_data(True)
    assert "Nothing was sent on yet" in page
    assert "This site holds nobody’s money" in page
    assert "sent_form" not in page


def test_what_is_owed_is_noted_once_it_went_added_up_and_exported(paid, stella):
    assert "Acme · €20.00 left" in stella.get(PATH).get_data(True)
    (one,) = sent_on.owed()
    form = {"whose": one.key, "amount": "30", "reference": "March"}
    refused = stella.post(PATH, data=form)
    assert (refused.status_code, "so much is left" in refused.get_data(True)) == (422, True)
    assert 'value="30"' in refused.get_data(True)
    for amount in ("5", "7.50"):
        assert stella.post(PATH, data=form | {"amount": amount}).status_code == 303
    page = stella.get(PATH).get_data(True)
    assert "€12.50" in page  # the sum
    assert "Acme · €7.50 left" in page
    assert stella.get(f"{PATH}/export.csv").get_data(True).count("March") == 2
