"""An organizer takes tickets back on the order's page and sees line by line what goes back; buyers ask, and are told."""

from datetime import timedelta

import pytest

from database.clock import now
from domain.events import holds, passes, payments
from domain.events.afterwards import returns
from models import Event, Session, TicketRefund
from tests.domain.events.test_payments import again, came, paid_night, promised
from tests.domain.events.test_stock import bought
from tests.fixtures.entrance import proof
from tests.fixtures.events import make_event
from tests.fixtures.threads import write

__all__ = ["paid_night"]  # the fixture
WHY = {"reason": "They are ill."}


@pytest.fixture
def three(paid_night):
    order, attempt = promised(*paid_night, count=3)
    came(attempt, 6000)
    return again(order)


def test_what_is_chosen_is_shown_line_by_line_then_goes_back(three, browse):
    alice, one = browse("alice"), passes.of(three)[0]
    url = f"/acme/events/{three.event_id}/orders/{three.id}"
    page = alice.get(url).text
    for said in ("The money, line by line", "Paid through", "€60.00", "Nothing is owed", f'value="{one.id}"'):
        assert said in page
    shown = alice.get(f"{url}/return?pass={one.id}").text
    assert "1 × Day ticket" in shown
    assert "€20.00" in shown
    assert not TicketRefund.select().exists()
    refused = alice.post(f"{url}/return", data={"pass": one.id, "fee": "99", "reason": "Ill"})
    assert (refused.status_code, "more than goes back" in refused.text, 'value="Ill"' in refused.text) == (
        422,
        True,
        True,
    )
    done = alice.post(f"{url}/return", data={"pass": one.id, "fee": "5", **WHY})
    assert done.status_code == 303
    page = alice.get(url).text
    for said in ("Fee that was kept", "Sent back: They are ill.", "−€15.00", "on its way", "Taken back"):
        assert said in page
    assert alice.get(f"{url}/return?pass={one.id}").status_code == 404
    assert alice.get(f"{url}/return").status_code == 422


def test_an_old_sign_in_is_asked_for_a_proof_and_the_return_goes_on(three, browse):
    alice, one = browse("alice"), passes.of(three)[0]
    write(Session.update(created_at=now() - timedelta(hours=1)).execute)
    url = f"/acme/events/{three.event_id}/orders/{three.id}/return"
    asked = alice.post(url, data={"pass": one.id, **WHY}, headers={"HX-Request": "true"})
    assert (asked.status_code, asked.headers["HX-Retarget"]) == (403, "#dialog")
    assert not TicketRefund.select().exists()
    given = {"pass": one.id, **WHY, **proof("orders.refund", str(three.event_id))}
    done = alice.post(url, data=given, headers={"HX-Request": "true", "HX-Target": "dialog"})
    assert (done.status_code, done.headers["HX-Redirect"]) == (204, url.removesuffix("/return"))
    assert TicketRefund.get().amount_cents == 2000


def test_tickets_are_taken_back_in_their_own_event_only(three, at, browse):
    other, _ = make_event(at("alice"), title="Other")
    one = passes.of(three)[0].id
    path = f"orders/{three.id}/return?pass={one}"
    assert browse("alice").get(f"/acme/events/{other.id}/{path}").status_code == 404


def test_a_buyer_asks_for_money_back_and_the_organizer_answers_on_the_list(three, browse):
    ada, here, one = browse(None), holds.address(three), passes.of(three)[0]
    assert "Give tickets back" not in ada.get(here).text
    write(lambda: Event.update(refund_hours=24).execute())
    assert "Give tickets back" in ada.get(here).text
    refused = ada.post(f"{here}/refund", data={"pass": one.id})
    assert (refused.status_code, "Say why" in refused.text) == (422, True)
    assert ada.post(f"{here}/refund", data={"pass": one.id, **WHY}).status_code == 303
    assert "Money asked back" in ada.get(here).text
    assert "You asked for a refund of 1 ticket. Acme decides" in ada.get(here).text
    alice = browse("alice")
    assert "Money back is asked for" in alice.get(f"/acme/events/{three.event_id}/orders/{three.id}").text
    assert len(alice.get(f"/acme/events/{three.event_id}/orders?look=asked").text.split("ada@example.org")) > 1
    refunds = alice.get("/acme/refunds").text
    assert "Approve" in refunds
    assert ">Stripe<" in refunds
    assert alice.post(f"/acme/refunds/{TicketRefund.get().id}/approval").status_code == 303
    refunds = alice.get("/acme/refunds").text
    assert 'title="Alice"' in refunds.partition('data-label="Decided by"')[2].partition("</td>")[0]
    assert passes.again(one).state == "void"
    assert "Sent back: They are ill." in ada.get(here).text


def test_free_tickets_go_back_at_once_and_the_page_says_so(clock, inside_acme, at, browse):
    event, (tier,) = make_event(at("alice"), refund_hours="0")
    order = bought(event, tier, 2)
    ada, here = browse(None), holds.address(order)
    ada.post(f"{here}/refund", data={"pass": passes.of(order)[0].id, **WHY})
    assert "1 × Day ticket given back" in ada.get(here).text
    assert returns.requested(order) == {}
    assert payments.owed_back(again(order)) == 0


def test_an_orders_page_is_drawn_anew_by_itself_where_others_change_it(three, browse, hx):
    page = browse("alice").get(f"/acme/events/{three.event_id}/orders/{three.id}", headers=hx("row_detail"))
    assert (page.status_code, "<html" in page.text, "Nothing is owed" in page.text) == (200, False, True)
