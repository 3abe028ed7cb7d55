"""The accounts that tickets are paid to: this site's own, from the environment, and those that organizations connect.

Keys are sealed and never shown again. An organization's own account goes before the site's of the same provider.
"""

from dataclasses import dataclass

from database.scope import everywhere
from domain.base import configuration, keys
from domain.events import providers
from domain.events.providers.facts import Account
from domain.events.providers.units import takes
from domain.money.providers import sandbox
from models import PaymentAccount

TRANSPORTS: dict = {}  # provider → how its account is reached, where that isn't the network
ORDER = ("stripe", "paystack", "flutterwave", "sandbox")
AFRICA = ("NGN", "GHS", "ZAR", "KES", "XOF", "RWF", "EGP")  # Paystack's own currencies: it comes first there


@dataclass(frozen=True)
class Offer:
    """A way to pay that a buyer may choose."""

    provider: str
    label: str


def sites(provider):
    """This site's own account at a provider; None where it has none."""
    chosen = configuration.active
    if provider == "sandbox":
        if not chosen.has_sandbox:
            return None
        secrets = tuple(map(sandbox.tickets_secret, keys.every()))
        return Account(provider, sandbox.stripe.KEY, secrets, transport=sandbox.stripe.transport())
    key, secrets = chosen.ticket_accounts.get(provider, ("", ()))
    return Account(provider, key, secrets, transport=TRANSPORTS.get(provider)) if key else None


def _opened(row):
    key, secret = keys.unseal(row.key), keys.unseal(row.secret) if row.secret else ""
    secrets = (secret,) if secret else ()
    return Account(row.provider, key, secrets, row.public_id, TRANSPORTS.get(row.provider)) if key else None


def find(provider, id=""):
    """The account at a provider by its public id, whoever's it is; None where it isn't connected any more, or its key
    can't be opened. One that is paused is found: money that comes late is looked at."""
    if not id:
        return sites(provider) if provider in providers.MODULES else None
    with everywhere("an account's address names no organization"):
        row = PaymentAccount.one(PaymentAccount.public_id == id, PaymentAccount.provider == provider)
    return _opened(row) if row else None


def usable(currency, cents=0):
    """provider → Account that the organization one stands in takes this amount with, the first offered first."""
    own = {row.provider: row for row in PaymentAccount.select().where(PaymentAccount.state == "on")}
    first = ("paystack", *ORDER) if currency in AFRICA else ORDER
    found = {}
    for provider in dict.fromkeys(first):
        if takes(providers.counted_as(provider), currency, cents):
            account = _opened(own[provider]) if provider in own else sites(provider)
            if account is not None:
                found[provider] = account
    return found


def offers(currency, cents=0):
    """The ways in which the organization one stands in can be paid this amount."""
    return [Offer(provider, providers.NAMES[provider]) for provider in usable(currency, cents)]
