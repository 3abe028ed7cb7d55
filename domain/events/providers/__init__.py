"""The providers that tickets are paid by. One is a module with

    LABEL, LASTS             what people call it; how long its page may be paid on
    REPEATS                  whether a refund that was cut off can be asked for again without being made twice
    start(account, sale) → Started
    end(account, attempt)    close its page, so that nobody pays there any more; nothing where it can't be closed
    look(account, attempt, refunds) → facts    what the provider says now; `refunds`: its ids of those we know
    refund(account, payment, refund, key) → Refund
    made(account, payment, key) → Refund    one that was asked for with this key, None where none is there; keys of a
                             provider lapse, so this is asked before it is asked for again
    payouts(account, since) → PaidOuts    what went to its owner's bank since then
    banks(account, currency) → ((id, name), …); give_account(account, refund, currency, bank, number) → Refund
                             where a refund may need the buyer's bank account (NEEDS_ACCOUNT); else they aren't there
    check(account, body, headers)    refuses with BadSignature
    about(body) → Told       which attempt an event is about: no more of it is believed
    attempt_of(account, payment) → the attempt's public id, where an event names the payment alone

and it knows nothing of rows. They refuse with ProviderFailed, Declined and CannotDo.
"""

import importlib
from typing import Any

from domain.fields.choice import Choice

MODULES = {
    "stripe": "domain.events.providers.stripe",
    "paystack": "domain.events.providers.paystack",
    "flutterwave": "domain.events.providers.flutterwave",
    "sandbox": "domain.events.providers.stripe",  # it speaks Stripe
}
NAMES = {"stripe": "Stripe", "paystack": "Paystack", "flutterwave": "Flutterwave", "sandbox": "Sandbox"}
BY = Choice(tuple((name, label, "quiet") for name, label in (NAMES | {"transfer": "Transfer"}).items()))


def module(provider) -> Any:
    """The adapter of a provider."""
    return importlib.import_module(MODULES[provider])


def channel(provider):
    """The name of its webhooks in the inbox."""
    return f"tickets_{provider}"


def counted_as(provider):
    """Whose table of units counts."""
    return "stripe" if provider == "sandbox" else provider
