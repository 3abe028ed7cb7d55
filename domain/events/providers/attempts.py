"""Tries at paying an order with a provider: begun, looked at, and given up; and what its webhooks lead to.

Neither a redirect nor a webhook proves anything: both only say that now is a moment to ask the provider. What it says
is adopted whole (payments.adopt), as often as it comes.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from peewee import Case, fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import NotConfigured, Refused
from domain.base import configuration
from domain.events import events, holds, payments, providers
from domain.events.providers import accounts, refunding
from domain.events.providers.facts import Ended, Looked, Money, Refund, Sale
from domain.money import facts, inbox
from domain.money.providers import http
from domain.money.providers.provider import BadSignature, Event, NotOurs, ProviderFailed
from models import PaymentAttempt, TicketOrder, TicketPayment, TicketRefund

log = logging.getLogger("guildhall.tickets")

GRACE = timedelta(minutes=3)  # that tickets are held beyond the page they are paid on
TRIES = 6  # at paying an order: each holds its tickets anew
AFTER_BACK = timedelta(minutes=5)  # that who comes back has at least
SELDOM = timedelta(seconds=3)  # between two looks because of a buyer
CLOCKED = timedelta(minutes=5)  # and because of time
GIVEN_UP = timedelta(hours=1)  # after its page ended, an attempt that nobody paid is over
AFTERWARDS = timedelta(days=3)  # and yet asked about each hour: not every page can be closed
RETURNS = timedelta(days=30)  # so long a bank may send a refund back: https://docs.stripe.com/refunds#failed-refunds


class Unreachable(Refused):
    """The provider doesn't answer: nothing was changed, and it may be tried again."""

    code, status = "PROVIDER_FAILED", 502


@dataclass(frozen=True)
class Open:
    """A try at paying that goes on elsewhere."""

    url: str | None
    label: str


# --- beginning ----------------------------------------------------------------------------------------------------


def begin(order_id, provider):
    """Begin to pay an order with a provider; returns the address of its page. Pressed again it is the same page.

    Refuses with HoldExpired, Refused where that isn't possible, and Unreachable.
    """
    attempt, account = _prepare(order_id, provider)
    if attempt.url:
        return attempt.url
    try:
        started = providers.module(provider).start(account, _sale(attempt))
    except ProviderFailed as failed:
        log.warning("a payment couldn't be begun", extra={"provider": provider}, exc_info=True)
        if not failed.asked:
            writes(payments.attempt_ended)(Ended(attempt.public_id, "failed"))
            if attempt.created_at < now() - timedelta(minutes=1) and not failed.refuses_key:
                return begin(order_id, provider)  # it was cut off, and is too old by now: a page has its least time
        name = providers.NAMES[provider]
        if not failed.refuses_key:
            raise Unreachable(f"{name} can’t be reached at the moment. Nothing was charged: try again.") from failed
        accounts.note_refused(account)
        raise Unreachable(
            f"{name} takes no payments here at the moment, and who sells the tickets is told. Nothing was charged: "
            "choose another way, or try again later."
        ) from failed
    if account.is_refused:
        accounts.note_taken(account)
    return _note(attempt.id, started)


@writes
def _prepare(order_id, provider):
    """The one open attempt of an order at a provider, and the account it is paid to."""
    order = holds.own(order_id)
    payments.check_known(order)
    due = order.due_cents
    account = accounts.usable(order.currency, due).get(provider)
    if account is None or due <= 0:
        raise Refused("This order can’t be paid that way. Choose another one.")
    held = _open(order.id)
    if held is not None and held.provider != "transfer":
        if (held.provider, held.account) == (provider, account.id) and held.expires_at > now():
            return held, account
        raise Refused(f"It is being paid with {providers.NAMES[held.provider]}. Go back from there first.")
    if PaymentAttempt.select().where(PaymentAttempt.order == order).count() >= TRIES:
        raise Refused("That were many tries. These tickets stay yours until their time is over; then choose anew.")
    until = now() + providers.module(provider).LASTS
    about = {"account": account.id, "amount_cents": due, "expires_at": until}
    return payments.open_attempt(order, provider, until + GRACE, **about), account


def _open(order_id):
    return PaymentAttempt.one(PaymentAttempt.order == order_id, PaymentAttempt.state == "open")


def under_way(order):
    """The try that is open with a provider: where its page is, and what it is called; None without one."""
    attempt = _open(order.id)
    if attempt is None or attempt.provider == "transfer":
        return None
    return Open(attempt.url if attempt.expires_at > now() else None, providers.NAMES[attempt.provider])


def _sale(attempt: Any):
    order: Any = TicketOrder.get_by_id(attempt.order_id)
    here = configuration.active.site_url + holds.address(order)
    return Sale(
        reference=attempt.public_id,
        order=order.public_id,
        about=f"{events.one(order.event_id).title} · {order.number}",
        cents=attempt.amount_cents,
        currency=attempt.currency,
        email=order.email,
        name=order.name or "",
        until=attempt.expires_at,
        back=f"{here}/back",
        away=f"{here}/away",
    )


@writes
def _note(id, started):
    """Keep where a page is; where the order ended meanwhile, nobody is sent there."""
    found = PaymentAttempt.id == id, PaymentAttempt.state == "open"
    if not PaymentAttempt.update(reference=started.reference, url=started.url).where(*found).execute():
        raise holds.HoldExpired("The time to buy these tickets is over. Choose anew.")
    return started.url


# --- looking ------------------------------------------------------------------------------------------------------


def look(order_id):
    """Ask the provider how the newest attempt of an order stands, and do what follows; once in some seconds. A provider
    that doesn't answer changes nothing: it is asked again."""
    newest = PaymentAttempt.select().where(PaymentAttempt.order == order_id, PaymentAttempt.provider != "transfer")
    newest = newest.where(PaymentAttempt.account != TicketPayment.ELSEWHERE)
    attempt = newest.order_by(PaymentAttempt.id.desc()).first()
    if attempt is None or not attempt.reference or (attempt.looked_at and attempt.looked_at > now() - SELDOM):
        return
    _follow(attempt)


def _follow(attempt):
    """Ask and adopt; False where the provider didn't answer."""
    try:
        found = asked(attempt)
    except (ProviderFailed, NotOurs):
        log.warning("an attempt couldn't be looked at", extra={"attempt": attempt.public_id}, exc_info=True)
        return False
    writes(facts.apply)(found)
    return True


def asked(attempt, event_id="", happened_at=None):
    """What the provider says of an attempt, as one fact. Refuses with ProviderFailed, and with NotOurs where its
    account isn't connected any more."""
    account = accounts.find(attempt.provider, attempt.account)
    if account is None:
        raise NotOurs(f"The account at {attempt.provider} isn't connected any more.")
    with inside(attempt.organization_id):
        known = TicketRefund.select(TicketRefund.provider_refund_id).join(TicketPayment)
        known = known.where(TicketPayment.attempt == attempt, TicketRefund.provider_refund_id.is_null(False))
        ids = tuple(id for (id,) in known.tuples())
    moment = now()
    return Looked(
        provider=attempt.provider,
        organization=attempt.organization.public_id,
        happened_at=happened_at or moment,
        event_id=event_id,
        asked_at=moment,
        id=attempt.public_id,
        told=tuple(providers.module(attempt.provider).look(account, attempt, ids)),
    )


@facts.applies
def adopt(fact: Looked, organization):
    """Write down what a look told, in the present transaction; one that was asked before the last one tells nothing."""
    attempt: Any = PaymentAttempt.get(PaymentAttempt.public_id == fact.id)
    holds.locked(attempt.order_id)
    fresh = PaymentAttempt.looked_at.is_null() | (PaymentAttempt.looked_at <= fact.asked_at)
    known = {"looked_at": fact.asked_at, "put_off_at": None}
    if not PaymentAttempt.update(**known).where(PaymentAttempt.id == attempt.id, fresh).execute():
        return
    for told in sorted(fact.told, key=lambda one: not isinstance(one, Refund)):  # sums come last, with what follows
        if isinstance(told, Refund):
            refunding.adopt(attempt, told)
        elif isinstance(told, Money):
            payments.adopt(told)
        else:
            payments.attempt_ended(told)


# --- coming back without having paid ----------------------------------------------------------------------------------


def go_back(order_id):
    """Give up the try that is open, so that the buyer may choose another way; what was paid meanwhile is taken.

    Refuses with Unreachable where the provider can't be told: somebody might still pay there.
    """
    attempt = _open(order_id)
    if attempt is None or attempt.provider == "transfer":
        return
    account = accounts.find(attempt.provider, attempt.account)
    if account is not None and attempt.reference:
        try:
            providers.module(attempt.provider).end(account, attempt)
        except ProviderFailed as failed:
            name = providers.NAMES[attempt.provider]
            raise Unreachable(f"{name} can’t be reached at the moment. Try again in a minute.") from failed
        if not _follow(attempt):
            return
    _leave(attempt.id)


@writes
def _leave(id):
    attempt: Any = PaymentAttempt.get_by_id(id)
    order = holds.locked(attempt.order_id)
    payments.attempt_ended(Ended(attempt.public_id, "abandoned"))
    usual = order.created_at + timedelta(minutes=events.one(order.event_id).hold_minutes)
    until = min(order.hold_until_at, max(usual, now() + AFTER_BACK))
    if order.hold_until_at > attempt.expires_at + GRACE:  # an offer, which is longer than any page
        until = order.hold_until_at
    held = TicketOrder.id == order.id, TicketOrder.state == "held"
    TicketOrder.update(hold_until_at=until).where(*held).execute()


# --- by the clock -----------------------------------------------------------------------------------------------------


def ask_open(limit=50):
    """Ask about tries that are open, about refunds that are on their way, and once a day about what may still turn:
    refunds that failed or came lately, and disputes. Webhooks may never come. Returns how many were asked; each is
    asked once in some minutes."""
    with everywhere("open payments are asked about for all organizations"):
        mine = PaymentAttempt.provider != "transfer", PaymentAttempt.reference.is_null(False)
        here = PaymentAttempt.account != TicketPayment.ELSEWHERE
        due = PaymentAttempt.looked_at.is_null() | (PaymentAttempt.looked_at < now() - CLOCKED)
        due &= PaymentAttempt.put_off_at.is_null() | (PaymentAttempt.put_off_at < now() - CLOCKED)
        old = PaymentAttempt.created_at < now() - timedelta(minutes=2)
        open_ones = (PaymentAttempt.state == "open") & old
        back = TicketRefund.select(TicketPayment.attempt).join(TicketPayment)
        going = back.where(TicketRefund.state == "sent", TicketRefund.provider_refund_id.is_null(False))
        returning = (PaymentAttempt.id << going) & (PaymentAttempt.looked_at < now() - timedelta(hours=1))
        lately = TicketRefund.state << ("failed", "succeeded"), TicketRefund.updated_at > now() - RETURNS
        disputed = TicketPayment.select(TicketPayment.attempt).where(TicketPayment.dispute == "open")
        turns = (PaymentAttempt.id << back.where(*lately)) | (PaymentAttempt.id << disputed)
        turns &= PaymentAttempt.looked_at < now() - timedelta(days=1)
        unpaid = PaymentAttempt.state.in_(("abandoned", "failed", "expired"))
        ended = unpaid & (PaymentAttempt.expires_at > now() - AFTERWARDS)
        ended &= PaymentAttempt.looked_at.is_null() | (PaymentAttempt.looked_at < now() - timedelta(hours=1))
        query = PaymentAttempt.select().where(*mine, here, due, open_ones | returning | ended | turns)
        waiting = fn.COALESCE(PaymentAttempt.put_off_at, PaymentAttempt.looked_at, PaymentAttempt.created_at)
        first = Case(None, ((PaymentAttempt.state == "open", 0),), 1)  # somebody waits for their tickets
        found = list(query.order_by(first, waiting, PaymentAttempt.id).limit(limit))
    for attempt in found:
        with inside(attempt.organization_id):
            try:
                _ask_by_clock(attempt)
            except Exception:  # the others are asked about all the same
                log.exception("a payment couldn't be asked about", extra={"attempt": attempt.id})
                _postpone(attempt)
    return len(found)


def _ask_by_clock(attempt):
    if not _follow(attempt):
        _postpone(attempt)
    elif attempt.expires_at < now() - GIVEN_UP:
        writes(payments.attempt_ended)(Ended(attempt.public_id, "expired"))


@writes
def _postpone(attempt):
    """Not before its time again: it was asked about and not answered, so what is known of it is as old as it was."""
    PaymentAttempt.update(put_off_at=now()).where(PaymentAttempt.id == attempt.id).execute()


# --- webhooks ---------------------------------------------------------------------------------------------------------


def take(provider, account_id, body, headers):
    """Keep a webhook that a provider signed. Refuses with BadSignature, NotOurs where there is no such account, and
    NotConfigured where nothing is kept here that its signature could be checked by."""
    account = accounts.find(provider, account_id)
    if account is None:
        raise NotOurs("There is no such account here.")
    if not accounts.is_checkable(provider, account.secrets):
        raise NotConfigured("The webhook secret of this account isn't set.")
    providers.module(provider).check(account, body, headers)
    try:
        told = providers.module(provider).about(body)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise BadSignature("This isn't an event.") from error
    names = (told.id, told.type, told.reference, told.payment)
    if not told.id or not all(name.isprintable() for name in names):
        raise BadSignature("This isn't an event.")
    subject = f"{account_id}/{told.reference or told.payment}"
    unread = not (told.reference or told.payment)
    id = f"{account_id}/{told.id.replace('/', '_')}"
    event = Event(id[:160], told.type[:120], subject[:160] if not unread else "", told.at or now(), unread)
    inbox.accept(providers.channel(provider), event, body, headers)


def _read(event):
    """The fact that a kept webhook leads to. Refuses with NotOurs and ProviderFailed."""
    provider, (account_id, _, _) = event.channel.removeprefix("tickets_"), event.event_id.partition("/")
    account = accounts.find(provider, account_id)
    if account is None:
        raise NotOurs("It came for an account that isn't connected any more.")
    told = providers.module(provider).about(bytes(event.payload))
    reference = told.reference
    if not reference and told.payment:
        reference = _known(provider, account_id, told.payment) or providers.module(provider).attempt_of(
            account, told.payment
        )
    with everywhere("an event names an attempt and no organization"):
        mine = PaymentAttempt.provider == provider, PaymentAttempt.account == account_id
        attempt = PaymentAttempt.one(PaymentAttempt.public_id == reference, *mine) if reference else None
    if attempt is None:
        raise NotOurs("It is about no order of tickets here.")
    found, _ = http.anew(_asked_once, provider, attempt.public_id)
    return [found] if found else []


def _asked_once(provider, reference):
    with everywhere("an event names an attempt and no organization"):
        return asked(PaymentAttempt.get(PaymentAttempt.public_id == reference))


def _known(provider, account_id, payment):
    with everywhere("an event names a payment and no organization"):
        mine = TicketPayment.provider == provider, TicketPayment.account == account_id
        row = TicketPayment.one(TicketPayment.provider_payment_id == payment, *mine)
        return row.attempt.public_id if row and row.attempt_id else ""


for _provider in providers.MODULES:
    inbox.reads(providers.channel(_provider), _read)
