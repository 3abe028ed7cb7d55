"""Credits: a balance with a monthly allowance, replaced (never added to) by each renewal."""

from domain import settings
from domain.transactions import writes
from models import CreditAccount, CreditEntry, inside, now


def open_account(organization):
    """The account every organization has from its first moment, with the free plan's allowance."""
    allowance = settings.get("credits_free")
    with inside(organization):
        account = CreditAccount.create(balance=allowance, monthly_allowance=allowance)
        if allowance:
            _enter(account, allowance, allowance, "grant", "opening")
    return account


@writes
def renew(organization, allowance, key):
    """Set the balance to the new allowance, once for each `key` (an invoice): nothing rolls over."""
    with inside(organization):
        account = CreditAccount.get()
        if not _enter(account, allowance - account.balance, allowance, "reset", key):
            return False
        CreditAccount.update(balance=allowance, monthly_allowance=allowance, last_reset_at=now()).execute()
    return True


def balance(organization):
    """(balance, monthly allowance)."""
    with inside(organization):
        account = CreditAccount.get()
    return account.balance, account.monthly_allowance


def _enter(account, delta, balance_after, reason, key):
    """Write the ledger; False when this key was entered before."""
    return (
        CreditEntry.insert(
            account=account, delta=delta, balance_after=balance_after, reason=reason, idempotency_key=key
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
