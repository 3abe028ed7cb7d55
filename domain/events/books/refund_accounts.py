"""The bank account of a buyer, where a provider needs it to send money back. It is passed on, never kept."""

from dataclasses import dataclass

from database.transactions import writes
from domain import Invalid, Refused
from domain.base import history, stepup
from domain.events import holds, providers, refunds
from domain.events.providers import accounts, attempts, refunding
from domain.events.providers.facts import NEEDS_ACCOUNT, Declined
from domain.money.providers.provider import ProviderFailed
from models import TicketRefund

TOLD = "An account was told; whether it arrived isn’t known. The provider is asked within the hour."


@dataclass(frozen=True)
class Asked:
    """A refund that waits for an account, and the banks it may be at: ((id, name), …)."""

    refund: TicketRefund
    banks: tuple


def needs(row):
    """Whether a refund (as listed) waits for the buyer's account."""
    return row.state == "sent" and row.error == NEEDS_ACCOUNT


def asked(id):
    """What is to be asked for. Refuses with NotFound, where nothing is needed, and with Unreachable."""
    refund = refunds.one(id)
    account, adapter = _there(refund)
    try:
        return Asked(refund, adapter.banks(account, refund.payment.currency))
    except ProviderFailed as failed:
        raise _unreachable(refund) from failed


def _there(refund):
    account = accounts.find(refund.payment.provider, refund.payment.account)
    if not needs(refund) or account is None:
        raise Refused("This refund needs no bank account.")
    return account, providers.module(refund.payment.provider)


def _unreachable(refund):
    return attempts.Unreachable(
        f"{providers.NAMES[refund.payment.provider]} can’t be reached at the moment. Nothing was sent: try again."
    )


def give(id, form, *, by):
    """Pass an account on to the provider, which sends the money there, once. Step-up L3 first. Refuses with Invalid,
    with what the provider says of it beside the number, and as `asked`; neither the database nor the log has it."""
    by.require("orders.write")
    refund = refunds.one(id)
    account, adapter = _there(refund)
    stepup.demand("refunds.give_account", refund.id)
    number = "".join(form.get("number", "").split())
    if form.get("bank", "") not in dict(asked(id).banks):
        raise Invalid({"bank": "Choose the bank."})
    if not (number.isascii() and number.isdigit() and 6 <= len(number) <= 20):
        raise Invalid({"number": "The number of an account has 6 to 20 digits."})
    if not _stands(refund.id, NEEDS_ACCOUNT, TOLD):
        raise Refused("An account was told meanwhile.")
    try:
        told = adapter.give_account(account, refund, refund.payment.currency, form["bank"], number)
    except Declined as no:
        _stands(refund.id, TOLD, NEEDS_ACCOUNT)
        raise Invalid({"number": str(no)}) from None
    except ProviderFailed as failed:
        if failed.asked:
            raise attempts.Unreachable(TOLD) from failed
        _stands(refund.id, TOLD, NEEDS_ACCOUNT)
        raise _unreachable(refund) from failed
    return _note(refund.id, told, by)


@writes
def _stands(id, before, after):
    """Have a refund stand otherwise, where it stands as before: of two who tell an account at once, one does."""
    same = TicketRefund.id == id, TicketRefund.state == "sent", TicketRefund.error == before
    return bool(TicketRefund.update(error=after).where(*same).execute())


@writes
def _note(id, told, by):
    refund = refunds.one(id)
    order = holds.locked(refund.order_id)
    refunding.follow(refunds.one(id), told)
    history.note("refund.account_given", "Where a refund goes to was told to its provider", order, by=by)
    return "It is on its way to that account. We keep nothing of it."
