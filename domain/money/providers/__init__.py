"""The payment provider that is configured. A provider is a line in MODULES."""

import importlib
from typing import Any

from domain import NotConfigured
from domain.base import configuration
from domain.money.providers import sandbox
from domain.money.providers.provider import Account

MODULES = {
    "stripe": "domain.money.providers.stripe",
    "polar": "domain.money.providers.polar",
    "lemon_squeezy": "domain.money.providers.lemon_squeezy",
}


def account():
    """The account of the configured provider; the sandbox's own where that is configured."""
    chosen = configuration.active
    if chosen.has_sandbox:
        return sandbox.account()
    return Account(
        chosen.payment_key,
        chosen.payment_webhook_secrets,
        chosen.payment_prices,
        chosen.payment_live,
        chosen.lemon_squeezy_store_id,
    )


def plan_of(price_id):
    """The plan that is sold by this price now, or None."""
    return next((plan for plan, price in account().prices.items() if price == price_id), None)


def name():
    """Which adapter is spoken with: the configured provider's, or the one whose words the sandbox uses."""
    chosen = configuration.active
    return sandbox.dialect().NAME if chosen.has_sandbox else chosen.billing_provider


def label(adapter=None):
    """What people call a provider, the connected one or the one of this name: the sandbox is no real one."""
    if configuration.active.has_sandbox and adapter in (None, name()):
        return "Sandbox"
    return importlib.import_module(MODULES[adapter]).LABEL if adapter in MODULES else adapter or active().LABEL


def active() -> Any:
    """The one configured provider's module. Refuses with NotConfigured."""
    if not configuration.active.has_billing:
        raise NotConfigured("Paid plans aren't set up on this site.")
    return importlib.import_module(MODULES[name()])
