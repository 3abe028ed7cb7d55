"""Money that goes back by providers: sent from the outgoing lane with a fixed key, followed until it has arrived,
noticed when somebody made it there, and tried again each day where it failed."""

import logging
from datetime import timedelta
from types import SimpleNamespace

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain.base import outgoing
from domain.events import holds, payments, providers
from domain.events.books import unassigned
from domain.events.providers import accounts
from domain.events.providers.facts import Declined
from domain.events.refunds import DOUBT, OUTSIDE, UNDER_WAY, arrived, is_by_hand, move, under_way
from domain.money.providers.provider import CannotDo, ProviderFailed
from models import TicketOrder, TicketPayment, TicketRefund

log = logging.getLogger("guildhall.tickets")


@outgoing.sends("ticket_refund", lane=outgoing.MONEY)
def give_back(row):
    """Have a provider send money back. What it refuses for good is noted; what may be tried again is, with the same
    key, and so is sent once."""
    with inside(row.payload["organization"]):
        refund, was_asked = _take_in_hand(row.payload["refund"])
        if refund is None:
            return
        payment = refund.payment
        account = accounts.find(payment.provider, payment.account)
        if account is None:
            _note_failure(refund.id, "The account that it was paid to isn’t connected any more.")
            return
        adapter = providers.module(payment.provider)
        try:
            told = was_asked and adapter.made(account, payment, mark(refund))
            told = told or adapter.refund(account, payment, refund, mark(refund))
        except (Declined, CannotDo) as no:
            _note_failure(refund.id, str(no))
        except ProviderFailed as failed:
            if failed.asked and not adapter.REPEATS:
                _note_error(refund.id, DOUBT)
                return
            if not failed.asked:
                _note_error(refund.id, str(failed) or "The provider refused it.")
            raise
        except ValueError as no:  # an amount that the provider can't count: nothing was asked
            _note_error(refund.id, str(no))
            raise
        else:
            writes(_adopt_answer)(refund, told)


@outgoing.sends(unassigned.KIND, lane=outgoing.MONEY)
def give_back_unassigned(row):
    """Have a provider send back money that was nobody's, once; what it refuses can be sent back again."""
    with inside(row.payload["organization"]):
        payment = TicketPayment.one(TicketPayment.id == row.payload["payment"])
        if payment is None or payment.order_id or not payment.sent_back_at or unassigned.left(payment) <= 0:
            return
        account = accounts.find(payment.provider, payment.account)
        key = f"unassigned:{payment.id}:{payment.sent_back_at:%Y%m%d%H%M%S}"  # sent back anew, it is another try
        try:
            if account is None:
                raise Declined("The account that it was paid to isn’t connected any more.")
            adapter, rest = providers.module(payment.provider), SimpleNamespace(amount_cents=unassigned.left(payment))
            told = adapter.made(account, payment, key) or adapter.refund(account, payment, rest, key)
        except (Declined, CannotDo, ValueError) as no:
            writes(unassigned.note_trouble)(payment.id, str(no))
        except ProviderFailed as failed:
            if not failed.asked or adapter.REPEATS:
                raise
            writes(unassigned.note_trouble)(payment.id, DOUBT)
        else:
            if told.state == "failed":
                writes(unassigned.note_trouble)(payment.id, told.error or "The bank sent it back.")
            else:
                writes(payments.note_refunded)(payment, payment.refunded_cents + told.amount_cents)


@writes
def _take_in_hand(id):
    """(the refund, marked as sent; whether its provider may have been asked before), None for the first where it isn't
    to be sent any more."""
    found = TicketRefund.one(TicketRefund.id == id)
    if found is None:
        return None, False
    holds.locked(found.order_id)
    refund = TicketRefund.get_by_id(id)
    if refund.state not in ("approved", "sent", "failed") or refund.provider_refund_id or refund.error == DOUBT:
        return None, False
    payment, others = refund.payment, under_way(refund.payment)
    if is_by_hand(payment):
        return None, False
    others -= refund.amount_cents if refund.state in UNDER_WAY else 0
    left = payment.amount_cents - payment.refunded_cents - others
    if refund.amount_cents > left or not _is_still_owed(refund, payment):
        TicketRefund.update(state="declined", error="It went back already.").where(TicketRefund.id == id).execute()
        payments.settle(found.order_id)  # what of it didn't
        return None, False
    if refund.state == "sent" and not refund.error and not providers.module(payment.provider).REPEATS:
        _note_error(id, DOUBT)  # we were cut off before its answer was noted
        return None, False
    TicketRefund.update(state="sent", error=None, asked_at=now()).where(TicketRefund.id == id).execute()
    return TicketRefund.get_by_id(id), refund.state != "approved"


def _is_still_owed(refund, payment):
    """Whether what `settle` left to be sent is owed yet: once it failed, another one may have been sent for it. What is
    foreign or was given out of goodwill isn't owed by the order's sums."""
    order = TicketOrder.get_by_id(refund.order_id)
    if refund.state in UNDER_WAY or payment.currency != order.currency or not refund.key.startswith("refund:"):
        return True
    return refund.amount_cents <= payments.owed_back(order)


@writes
def _note_failure(id, why):
    """It wasn't sent, and the next try is another one."""
    move(id, "failed", error=why[:500], tries=TicketRefund.tries + 1)


@writes
def _note_error(id, why):
    """Nobody knows whether it was made, or it wasn't and is tried again: somebody may act on it."""
    TicketRefund.update(error=why[:500]).where(TicketRefund.id == id).execute()


def _adopt_answer(refund, told):
    holds.locked(refund.order_id)
    follow(TicketRefund.get_by_id(refund.id), told)
    payment = TicketPayment.get_by_id(refund.payment_id)
    payments.note_refunded(payment, max(payment.refunded_cents, arrived(payment)))
    payments.settle(refund.order_id)


def mark(refund):
    """What a try of a refund is called at the provider: asked for again it is the same one."""
    return f"{refund.key}#{refund.tries}"


def adopt(attempt, told):
    """Write down what a provider tells of a refund, in the present transaction; one that was made there without us
    gets a row of its own, for the list."""
    payment = TicketPayment.one(
        TicketPayment.provider == attempt.provider,
        TicketPayment.account == attempt.account,
        TicketPayment.provider_payment_id == told.payment,
    )
    if payment is None:
        return
    mine, (key, _, tried) = TicketRefund.payment == payment, told.key.rpartition("#")
    refund = TicketRefund.one(mine, TicketRefund.provider_refund_id == told.id)
    if (
        refund is None
        and key
        and (refund := TicketRefund.one(mine, TicketRefund.key == key))
        and tried != str(refund.tries)
    ):
        return  # of an earlier try, which failed: the next one has begun
    outside = f"outside:{attempt.provider}:{attempt.account}:{told.id}"[:160]
    if refund := refund or TicketRefund.one(TicketRefund.key == outside):
        follow(refund, told)
    elif told.amount_cents and payment.order_id:
        about = {"order": payment.order_id, "payment": payment, "amount_cents": told.amount_cents, "reason": OUTSIDE}
        TicketRefund.create(**about, key=outside, state=told.state, provider_refund_id=told.id)


def follow(refund, told):
    """Have a refund stand, and be as much, as its provider says. One of ours that failed is another try from there."""
    cents = told.amount_cents or refund.amount_cents
    if told.state == "failed":
        tries = refund.tries + (refund.state != "failed")
        why, theirs = told.error or "The bank sent it back.", told.id if refund.reason == OUTSIDE else None
        move(refund.id, "failed", error=why, tries=tries, provider_refund_id=theirs)
    elif told.state == "succeeded":
        if move(refund.id, "succeeded", provider_refund_id=told.id, error=None, amount_cents=cents):
            payments.tell_of_refund(refund)
    else:
        known = TicketRefund.id == refund.id, TicketRefund.state != "succeeded"
        values = {"state": "sent", "provider_refund_id": told.id, "error": told.error or None, "amount_cents": cents}
        TicketRefund.update(values).where(*known).execute()


def try_again(limit=100):
    """Each day, what a provider refused or didn't answer is asked for again; returns how many."""
    day = now() - timedelta(days=1)
    with everywhere("refunds that failed are tried again for all organizations"):
        query = TicketRefund.select(TicketRefund.id, TicketRefund.organization).join(TicketPayment)
        waits = TicketRefund.state << ("approved", "sent", "failed"), TicketRefund.provider_refund_id.is_null()
        mine = TicketPayment.provider << list(providers.MODULES), TicketRefund.asked_at < day
        here = TicketPayment.account != TicketPayment.ELSEWHERE
        told = TicketRefund.error.is_null() | (TicketRefund.error != DOUBT)
        found = list(query.where(*waits, *mine, here, told).order_by(TicketRefund.id).limit(limit).tuples())
    again = 0
    for id, organization in found:
        try:
            _enqueue_again(id, organization)
            again += 1
        except Exception:  # the others are asked for all the same
            log.exception("a refund couldn't be tried again", extra={"refund": id})
    return again


@writes
def _enqueue_again(id, organization):
    outgoing.enqueue(
        "ticket_refund", f"ticket_refund:{id}:{now():%Y%m%d}", {"refund": id, "organization": organization}
    )
    with inside(organization):
        TicketRefund.update(asked_at=now()).where(TicketRefund.id == id).execute()
