"""What arrives with a file is history: no money of it moves here, no key opens, and nothing is due before all is there."""

import hashlib
from datetime import timedelta

import pytest

import jobs
from database.clock import now
from database.scope import inside
from domain import Refused
from domain.base import outgoing
from domain.events import holds, orders, payments, providers, refunds
from domain.events.afterwards import moves, reminders
from domain.events.books import unassigned
from domain.events.providers import attempts, refunding
from domain.flyers import designs, keeping
from domain.flyers.organizing import templates
from domain.lists import rows
from domain.operations import purges
from domain.operations.moving import carried
from domain.organizations import organizations
from domain.tasks import tasks
from models import (
    Buyer,
    Customer,
    Event,
    FlyerPicture,
    FlyerTemplate,
    Organization,
    Outgoing,
    Payment,
    PaymentAttempt,
    Payout,
    Stock,
    Subscription,
    Task,
    TicketOrder,
    TicketPayment,
    TicketRefund,
)
from tests.fixtures.events import TIMES, make_event
from tests.fixtures.flyers import corners, saved
from tests.fixtures.threads import write
from tests.fixtures.travels import brought, elsewhere, forged, taken_out


def _bought(event, tier, name):
    order = holds.hold(event.id, {tier.id: 1})
    return holds.say_who(order.id, {"name": name, "email": f"{name}@example.org"})


def _paid(order, id, **more):
    attempt = PaymentAttempt.create(
        **{"order": order, "provider": "stripe", "reference": f"cs_{id}", "url": "https://pay.example/"},
        **{"amount_cents": 2000, "currency": "EUR", "expires_at": now(), "state": "succeeded"},
    )
    money = {"provider": "stripe", "provider_payment_id": f"pi_{id}", "amount_cents": 2000, "currency": "EUR"}
    return TicketPayment.create(order=order, attempt=attempt, state="paid", paid_at=now(), **money | more)


def _stand(order, state):
    TicketOrder.update(state=state, paid_cents=2000).where(TicketOrder.id == order.id).execute()


def _sold(at):
    """Acme with an order of each kind: cancelled and paid, its refund under way, being bought; and money of nobody."""
    with inside(at("alice").organization):
        event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "20"},), **TIMES)
        ended, going, bought = (_bought(event, tier, name) for name in ("Ada", "Bo", "Cy"))

        def fill():
            _paid(ended, "1")
            _stand(ended, "cancelled")
            sent = _paid(going, "2")
            _stand(going, "cancelled")
            about = {"order": going, "payment": sent, "amount_cents": 2000, "reason": "ended"}
            for nth, state in enumerate(("sent", "failed"), 1):
                half = about | {"amount_cents": 1000, "key": f"refund:{going.id}:{nth}", "state": state}
                TicketRefund.create(**half, provider_refund_id=f"re_{nth}", asked_at=now())
            usual = {"amount_cents": 2000, "currency": "EUR", "expires_at": now()}
            PaymentAttempt.create(order=bought, provider="stripe", reference="cs_3", **usual)
            TicketOrder.update(state="paying").where(TicketOrder.id == bought.id).execute()
            about = {"provider": "stripe", "provider_payment_id": "pi_4", "state": "paid", "paid_at": now()}
            TicketPayment.create(**about, amount_cents=500, currency="EUR", sent_back_at=now(), note="?")
            about = {"amount_cents": 100, "currency": "EUR", "sent_at": now()}
            Payout.create(provider="stripe", account="theirs", reference="po_1", **about)
            Payout.create(reference="March", **about)
            paid = {"provider": "stripe", "provider_customer_id": "cus_1"}
            Customer.create(email="a@example.org", **paid)
            live = {"plan_key": "pro", "status": "active", "last_event_at": now()}
            Subscription.create(provider_subscription_id="sub_1", **live, **paid)
            once = {"amount": 900, "currency": "USD", "url": "javascript:alert(1)", "status": "paid", "reason": "once"}
            Payment.create(provider="stripe", provider_payment_id="in_1", **once)

        write(fill)
    return at("alice")


@pytest.fixture
def acme(cast, at, proven, houses, house, password_hash, tmp_path):
    """Acme, where zoe owns it now."""
    path = taken_out(_sold(at), proven, tmp_path)
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    job = brought(path, zoe)
    assert (job.status, job.error) == ("done", None)
    return organizations.reach(zoe, "acme")


def test_no_money_that_came_elsewhere_is_asked_for_or_sent_from_here(acme, monkeypatch, clock):
    asked = []
    for name in ("refund", "made", "look", "end"):
        monkeypatch.setattr(providers.module("stripe"), name, lambda *about, name=name: asked.append(name))
    for _ in range(3):
        jobs.run("holds")
        attempts.ask_open()
        refunding.try_again()
        outgoing.send_due()
        clock.forward(days=1, minutes=1)
    assert asked == []
    assert Outgoing.select().where(Outgoing.kind << ("ticket_refund", unassigned.KIND)).count() == 0
    with inside(acme.organization):
        assert {one.account for one in TicketPayment.select()} == {"elsewhere"}
        assert {one.account for one in PaymentAttempt.select()} == {"elsewhere"}
        assert PaymentAttempt.select().where(PaymentAttempt.state == "open").count() == 0
        for order in TicketOrder.select():
            attempts.look(order.id)
    assert asked == []


def test_what_was_under_way_is_noted_by_hand_and_counts_then(acme):
    with inside(acme.organization):
        sent, failed = TicketRefund.select().order_by(TicketRefund.id)
        assert (sent.state, sent.error, failed.state) == ("approved", carried.GOING, "approved")
        with pytest.raises(Refused, match="nothing to send again"):
            refunds.send_again(sent.id, by=acme)
        for one in (sent, failed):
            payments.note_sent_back(one.id, by=acme)
        order = TicketOrder.get_by_id(sent.order_id)
        assert (order.refunded_cents, payments.owed_back(order)) == (2000, 0)
        nobodys = TicketPayment.get(TicketPayment.order.is_null())
        assert (nobodys.sent_back_at, nobodys.trouble) == (None, carried.GOING)
        unassigned.send_back(nobodys.id, by=acme)
        assert TicketPayment.get_by_id(nobodys.id).refunded_cents == 500
    assert Outgoing.select().where(Outgoing.kind << ("ticket_refund", unassigned.KIND)).count() == 0


def test_what_is_cancelled_here_goes_back_by_hand(acme):
    with inside(acme.organization):
        (order,) = TicketOrder.select().where(TicketOrder.name == "Ada")
        write(lambda: payments.settle(order.id))
        made = TicketRefund.get(TicketRefund.order == order)
        assert (made.state, made.amount_cents, payments.owed_back(order)) == ("approved", 2000, 0)
        payments.note_sent_back(made.id, by=acme)
        assert TicketPayment.get(TicketPayment.order == order).refunded_cents == 2000
    assert Outgoing.select().where(Outgoing.kind == "ticket_refund").count() == 0


def test_what_was_being_bought_is_free_again(acme):
    with inside(acme.organization):
        (order,) = TicketOrder.select().where(TicketOrder.name == "Cy")
        assert (order.state, order.ended_at is not None) == ("expired", True)
        assert [(one.held, one.sold) for one in Stock.select().where(Stock.kind == "tier")] == [(2, 0)]
        assert Buyer.get_by_id(order.buyer_id).taken == 0


def test_what_was_paid_for_a_plan_is_nobodys_at_the_provider_here(acme):
    with inside(acme.organization):
        assert Customer.select().count() == 0
        (one,) = Subscription.select()
        assert (one.provider, one.status) == ("elsewhere", "canceled")
        (paid,) = Payment.select()
        assert (paid.provider, paid.url, paid.amount) == ("elsewhere", None, 900)
        assert {one.provider for one in Payout.select()} == {"stripe", "elsewhere"}
        assert "theirs" not in {one.account for one in Payout.select()}


def test_a_key_of_a_refund_made_of_numbers_there_is_no_ones_here(acme):
    with inside(acme.organization):
        assert all(one.key.startswith("elsewhere:") for one in TicketRefund.select())


def test_nothing_is_due_before_all_is_there(acme, clock):
    """Half an order must not be ended, called off or reminded of: its tickets may come with the next piece."""
    with inside(acme.organization):

        def half():
            Organization.update(status="suspended").where(Organization.slug == "acme").execute()
            mine = {order.name: TicketOrder.id == order.id for order in TicketOrder.select()}
            TicketOrder.update(state="held", hold_until_at=now()).where(mine["Cy"]).execute()
            TicketOrder.update(state="paid", paid_at=now(), paid_cents=0).where(mine["Ada"]).execute()
            TicketPayment.delete().execute()
            soon = {"starts_at": now() + timedelta(days=2, hours=1), "ends_at": now() + timedelta(days=3)}
            Event.update(moved_at=now(), **soon).execute()
            Task.create(user=acme.user, title="Due", due_at=now() + timedelta(days=2))

        write(half)
    clock.forward(days=2)
    due = (payments.look_after, reminders.remind, moves.tell, orders.call_off, lambda: tasks.remind(10))
    assert [one() for one in due] == [0, 0, 0, 0, 0]
    with inside(acme.organization):
        write(lambda: Event.update(cancelled_at=now()).execute())
        assert orders.call_off() == 0
        write(lambda: Event.update(cancelled_at=None).execute())
    write(lambda: Organization.update(status="active").where(Organization.slug == "acme").execute())
    assert [one() for one in due] == [1, 1, 1, 0, 1]


@pytest.mark.parametrize("is_spoilt", [False, True])
def test_templates_of_flyers_come_as_drafts_with_their_pictures(
    cast, at, proven, houses, house, password_hash, tmp_path, is_spoilt
):
    by = at("alice")
    with inside(by.organization):
        made = rows.create(templates.rules, {"name": "I'm going"}, by=by)
        picture = keeping.add_picture(saved(corners()), by=by)
        behind = {"file": picture.sha256, "colour": "#000000"}
        templates.save(made.id, designs.preset("portrait_words") | {"background": behind}, by=by)
        templates.publish(made.id, by=by)
        content = keeping.picture(by.organization.id, picture.sha256)
    path = taken_out(by, proven, tmp_path)
    if is_spoilt:  # the picture is called by the hash of something else
        none = b"<script>"
        sha256 = hashlib.sha256(none).hexdigest()
        path = forged(path, flyer_picture=lambda row: row | {"sha256": sha256}, **{f"files/{sha256}": none})
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    job = brought(path, by=zoe)
    assert (job.status, job.error) == ("done", None)
    acme = Organization.get(Organization.slug == "acme")
    with inside(acme):
        (template,) = FlyerTemplate.select()
        assert (template.state, template.live_version, template.draft["background"]) == ("draft", None, behind)
        assert template.public_id != made.public_id
        if is_spoilt:
            assert (keeping.picture(acme.id, sha256), FlyerPicture.select().count()) == (None, 0)
            return
        (row,) = FlyerPicture.select()
        assert (row.type, row.width, row.height, row.size) == (
            *(picture.type, picture.width, picture.height),
            len(content),
        )
        assert keeping.picture(acme.id, row.sha256) == content
        templates.publish(template.id, by=organizations.reach(zoe, "acme"))
    write(lambda: purges.begin(acme.id, is_whole=True))
    jobs.run("purge")
    assert keeping.picture(acme.id, row.sha256) is None, "the bytes go with the row, also where all of it is given up"
