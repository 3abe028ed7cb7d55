"""A stranger pays with a provider: the page, the way there and back, and its webhooks."""

import re

import pytest

from database.scope import everywhere, inside
from domain.base import allowances
from domain.events import payments
from domain.money import inbox
from domain.money.providers import sandbox
from domain.money.providers.sandbox import stripe
from models import Outgoing, SandboxObject, TicketOrder, WebhookEvent
from tests.fixtures.events import make_event
from tests.views.events.test_buying_views import WHO, held


@pytest.fixture
def night(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20.00"},))
    return event, tier


@pytest.fixture
def carried(web):
    """`carried()` posts what the sandbox tells of tickets to the real route; returns the statuses."""

    def carry():
        statuses = []
        for row in list(Outgoing.select().where(Outgoing.kind == "sandbox_tickets").order_by(Outgoing.id)):
            body, headers = stripe.signed(row.payload, sandbox.tickets_secret())
            statuses.append(web.test_client().post("/webhooks/tickets/sandbox", data=body, headers=headers).status_code)
        while inbox.work_off():
            pass
        return statuses

    return carry


def to_the_page(client, here):
    """On to the page to pay on: its address on this site."""
    answer = client.post(here, data=WHO | {"way": "sandbox"})
    assert answer.status_code == 303, answer.text
    return answer.location.removeprefix("http://localhost")


def state():
    with everywhere("a test looks"):
        return TicketOrder.get().state


def test_a_stranger_pays_without_script_and_has_the_tickets(night, browse, carried):
    stranger = browse(None)
    here = held(stranger, *night)
    page = stranger.get(here)
    assert "Pay €40.00 with Sandbox" in page.text
    assert "https://checkout.stripe.com" in page.headers["Content-Security-Policy"]
    assert "https://checkout.stripe.com" not in stranger.get("/e/jazz-night").headers["Content-Security-Policy"]
    there = to_the_page(stranger, here)
    assert "Jazz Night" in stranger.get(there).text
    waiting = stranger.get(here)
    assert "Waiting for your payment" in waiting.text
    assert f'href="http://localhost{there}"' in waiting.text
    paid = stranger.post(f"{there}/payment", data={"card": "ok"})
    assert paid.location == f"http://localhost{here}/back"
    assert set(carried()) == {200}
    back = stranger.get(f"{here}/back")
    assert (back.status_code, back.location) == (303, here)
    assert len(re.findall(r'href="/passes/', stranger.get(here).text)) == 2
    assert "€40.00" in stranger.get(here).text


def test_who_comes_back_first_is_not_kept_waiting_for_the_webhook(night, browse):
    stranger = browse(None)
    here = held(stranger, *night)
    stranger.post(f"{to_the_page(stranger, here)}/payment", data={"card": "ok"})
    stranger.get(f"{here}/back")
    assert "Your tickets" in stranger.get(here).text


def test_who_paid_a_part_is_asked_for_the_rest(night, browse, at):
    stranger = browse(None)
    here = held(stranger, *night)
    with inside(night[0].organization_id):
        payments.note_transfer(TicketOrder.get().id, 1500, by=at("alice"))
    assert "Pay €25.00 with Sandbox" in stranger.get(here).text
    assert "€25.00" in stranger.get(to_the_page(stranger, here)).text


def test_a_declined_card_leaves_the_page_open_and_going_back_offers_all_ways_again(night, browse):
    stranger = browse(None)
    here = held(stranger, *night)
    there = to_the_page(stranger, here)
    assert stranger.post(f"{there}/payment", data={"card": "declined"}).status_code == 402
    assert state() == "paying"
    assert stranger.get(f"{here}/away").location == here
    page = stranger.get(here)
    assert "Pay €40.00 with Sandbox" in page.text
    assert 'value="Ada Lovelace"' in page.text
    assert "over" in stranger.get(there).text


def test_giving_up_ends_the_page_too(night, browse):
    stranger = browse(None)
    here = held(stranger, *night)
    to_the_page(stranger, here)
    stranger.post(f"{here}/release")
    assert SandboxObject.get(SandboxObject.kind == "checkout").body["status"] == "expired"
    assert state() == "cancelled"


def test_a_refusal_of_the_provider_is_said_and_keeps_what_was_typed(night, browse):
    stranger = browse(None)
    here = held(stranger, *night)
    sandbox.mischief("seed", fail=1.0)
    page = stranger.post(here, data=WHO | {"way": "sandbox"})
    sandbox.mischief(None)
    assert page.status_code == 502
    assert "can’t be reached" in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/webhooks/tickets/sandbox", 400),
        ("/api/webhooks/sandbox", 400),
        ("/api/webhooks/paypal", 404),
        ("/webhooks/tickets/sandbox/nobody", 404),
        ("/webhooks/tickets/stripe", 404),
        ("/webhooks/tickets/paypal", 404),
    ],
)
def test_what_no_account_signed_is_refused_and_not_kept(night, browse, path, status):
    for body in (b"{}", b"", b"\xff\x00", b"[" * 5000):
        answer = browse(None).post(path, data=body, headers={"Stripe-Signature": "t=1,v1=00"})
        assert answer.status_code == status, answer.text
    assert not WebhookEvent.select().exists()


def test_pressing_pay_spends_no_letter_of_an_address(night, browse, monkeypatch):
    monkeypatch.setattr(allowances, "spend_letter", pytest.fail)
    to_the_page(browse(None), held(browse(None), *night))
