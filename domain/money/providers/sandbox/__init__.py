"""The built-in payment provider: an honest little one of our own, for installs without keys. No real money.

It stands on the other side of the wire: its API answers what our adapters ask, and what happens there is
posted as signed events to the server itself. Billing can't tell the difference, so nothing is shared with
the adapters. Why: docs/decisions/sandbox.md

    records.py   rows, the sandbox's own clock, telling and mischief
    selling.py, invoicing.py, subscribing.py, engine.py
                 the provider: what is sold, what is owed, life cycles, checkouts and what time does
    stripe/      a dialect: the API, the objects and the events of Stripe; and tickets.py, what is sold without a price

**Objects** are dicts in rows (kind, owner), each with `id`, `kind`, `created`, `metadata`. Ids have the dialect's
form, amounts are minor units, moments seconds since 1970, `None` where there is nothing:

    customer      email name card (one of CARDS) balance (negative: to its credit) deleted
    product       name description images active default_price
    price         product amount currency interval (month, year; None: once) lookup_key active
    checkout      customer price quantity once trial_days amount currency status (open complete expired)
                  paid waits (for a bank debit) expires subscription invoice success_url cancel_url email
                  reference metadata carried (metadata for what is bought) needs_card without_card
    subscription  customer price quantity item status (incomplete trialing active past_due unpaid paused canceled
                  incomplete_expired) start period_start period_end anchor trial_start trial_end
                  cancel_at_period_end cancel_at canceled_at ended_at ended_because latest_invoice currency
                  pause {behavior resumes_at} pending {wanted {price quantity …} invoice expires} pending_lines
    invoice       customer subscription checkout reason (create cycle update once) status (draft open paid void
                  uncollectible) lines [price product quantity start end unit amount proration] total due paid
                  balance_before balance_after attempts failed_at next_attempt paid_at action_required number
    payment       invoice customer amount currency status (succeeded failed processing action_required) card
                  refunded (running total) disputed settles_at
    refund        payment amount currency status (succeeded failed) reason
    dispute       payment amount currency status (open won lost) reason
    portal        customer return_url
    event         type of (an id) payload (what is posted) delivered fate (the mischief done to it)

What is bought once has an invoice with reason `once` too; a dialect may hide it.

**A dialect** is a module with

    NAME                     of the adapter that understands it
    PATH                     /webhooks/<PATH> takes its events
    KEY, STORE               the key of its API, and the store's id where it has one
    PRODUCT, PRICES          the product's id; plan → id of what is sold, in its form
    new_id(kind)             an id for a customer, subscription, item, invoice, line, …
    told(type, thing, previous, at) → [payload]
                             what it posts when `type` happened to `thing` at that moment: JSON with an "id", a list
                             as one change may be several events, or none. `previous`: what changed values were
    type_of(payload)         the event's type
    is_asked(type, desk)     whether we asked, at that desk, to be told of such events
    signed(payload, secret) → (body, headers)
    answer(method, path, query, body, headers) → (status, headers, text)
                             its API: the key checked, refusals in its shapes, `records.stumbles()` asked.
                             `path` is all after the host
    transport()              what `Account.transport` holds: a stripe.HTTPClient, a requests adapter;
                             the same one each time

and calls the verbs of those four, which refuse with NotFound, Impossible and Declined. The types of what
happens:

    customer.created updated deleted
    checkout.completed expired paid_later failed_later
    subscription.created updated ended paused resumed trial_ending pending_applied pending_expired
    invoice.opened drafted paid failed action_required voided uncollectible
    payment.succeeded failed processing action_required
    refund.created failed · dispute.opened closed
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import requests

from domain.base import configuration, keys
from domain.base.outgoing import SANDBOX, Later, sends, settle, tried
from domain.money.providers.provider import Account
from domain.money.providers.sandbox import stripe
from domain.money.providers.sandbox.engine import advance, delete_customer, expire_checkout, pay
from domain.money.providers.sandbox.invoicing import (
    dispute,
    end,
    fail_refund,
    pay_invoice,
    refund,
    settle_dispute,
    void_invoice,
)
from domain.money.providers.sandbox.records import (
    CHANCES,
    FINALLY,
    OVER,
    Declined,
    Impossible,
    clock,
    decide,
    delivered,
    dialect,
    find,
    get,
    mischief,
    next_due,
    put,
    send_again,
    settings,
    speak,
)
from domain.money.providers.sandbox.selling import AMOUNTS, CARDS, CURRENCY, change_customer, price, prices
from domain.money.providers.sandbox.stripe.tickets import CARDS as PAGE_CARDS
from domain.money.providers.sandbox.stripe.tickets import pay_page
from domain.money.providers.sandbox.subscribing import (
    change,
    end_period,
    pause,
    renew,
    schedule_end,
    subscribe,
    subscriptions,
)

AT_ONCE = 16  # events that are under way to the desk for tickets

HTTPClient, PRICES = stripe.HTTPClient, stripe.PRICES
speak(stripe)


def secret(key=None):
    """The webhook secret, different on each install; `key` is one of the site's, if not the newest."""
    return "whsec_" + keys.mac("sandbox webhooks", key)


def account():
    """Our account at the sandbox, as the adapter of its dialect wants it: nothing leaves the process."""
    words = dialect()
    return Account(words.KEY, tuple(map(secret, keys.every())), words.PRICES, False, words.STORE, words.transport())


def tickets_secret(key=None):
    """The secret of the webhooks about what was bought without a price of its own; `key` as for `secret`."""
    return "whsec_" + keys.mac("sandbox tickets", key)


def signed(payload):
    """(body, headers) of an event exactly as the provider that is played posts it."""
    return dialect().signed(payload, secret())


@sends("sandbox_webhook", lane=SANDBOX)
def deliver(row):
    """Post an event to this very server, over the wire."""
    _carry(requests.post, dialect().PATH, *signed(row.payload))
    delivered(row.subject)


@sends("sandbox_tickets", lane=SANDBOX, together=True)
def deliver_tickets(rows):
    """The same for what is told at the other desk, several at a time as providers do: a hot sale has thousands."""
    with requests.Session() as wire, ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = list(zip(rows, threads.map(partial(tried, _carry_ticket, wire.post), rows), strict=True))
    delivered(*(row.subject for row, refused in outcomes if refused is None))
    settle(outcomes)  # last: what isn't noted yet when the server dies is told again


def _carry_ticket(post, row):
    _carry(post, "tickets/sandbox", *stripe.signed(row.payload, tickets_secret()))


def _carry(post, path, body, headers):
    chosen = configuration.active
    host = "127.0.0.1" if chosen.host in ("0.0.0.0", "") else chosen.host  # noqa: S104
    address = f"http://{host}:{chosen.port}/webhooks/{path}"
    try:
        post(address, body, headers=headers, timeout=10).raise_for_status()
    except requests.ConnectionError:  # it doesn't listen yet, or any more
        raise Later(5, "this server doesn't listen") from None
