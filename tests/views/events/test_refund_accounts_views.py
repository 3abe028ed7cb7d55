"""The page that asks for the bank account of a refund."""

from tests.domain.events.books.test_refund_accounts import needy, night, order, paid_night, shop
from tests.fixtures.entrance import proof

__all__ = ["needy", "night", "order", "paid_night", "shop"]


def test_a_number_that_is_refused_is_not_shown_again_and_one_that_fits_is_passed_on(shop, needy, browse):
    alice, here = browse("alice"), f"/acme/refunds/{needy.id}/bank"
    me = proof("refunds.give_account", needy.id)
    page = alice.get(here)
    assert (page.status_code, "First Bank" in page.text) == (200, True)
    refused = alice.post(here, data={"bank": "9", "number": "0000000000"} | me)
    assert (refused.status_code, "0000000000" in refused.text) == (422, False)
    assert "Could not resolve account name" in refused.text
    assert alice.post(here, data={"bank": "9", "number": "0123456789"} | me).location == "/acme/refunds"
    assert [one["account_number"] for one in shop.accounts] == ["0123456789"]
    assert b"Give the bank account" not in alice.get("/acme/refunds").data
