"""Holds: credits set aside for work that may fail, out of their buckets until they are settled, released, or lapse."""

from datetime import timedelta

from database.clock import now
from database.scope import inside
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.entitlements import credit_accounts
from domain.fields.number import counted
from models import CreditAccount, CreditHold


class HoldExpired(Refused):
    """It was settled too late; its credits went back."""

    code, status = "HOLD_EXPIRED", 410


class InvalidTransition(Refused):
    """A hold that is settled can't be released, nor the other way round; nor is one made twice that must be new."""

    code, status = "INVALID_TRANSITION", 409


@writes
def hold(organization, amount, *, key, feature, lasts, by=None, anew=False):
    """Set credits aside for work that may fail, for as long as `lasts` (a timedelta); returns the CreditHold.
    The same key gives the same hold; `anew`, it is refused with InvalidTransition, so that of many who ask at once one
    does the work. Refuses with InsufficientCredits, KeyReused and Invalid."""
    amount, name = credit_accounts.amount_of(amount), credit_accounts.key_of("hold", key).partition(":")[2]
    if lasts <= timedelta(0):
        raise Invalid({"lasts": "A hold must last for some time."})
    with inside(organization):
        account = credit_accounts.settled(organization)
        known = _hold(account, name)
        if known is not None:
            if (known.amount, known.feature) != (amount, feature):
                raise credit_accounts.KeyReused("This key holds other credits already.")
            if anew:
                raise InvalidTransition("This was asked for already. Ask once more.")
            return known
        if credit_accounts.entered(account=account.id, key=f"spend:{name}"):
            raise credit_accounts.KeyReused("Credits were spent under this key already.")
        enough = (
            CreditAccount.update(held=CreditAccount.held + amount)
            .where(CreditAccount.id == account.id, CreditAccount.balance - CreditAccount.held >= amount)
            .execute()
        )
        if not enough:
            raise credit_accounts.too_few(account, amount)
        made = CreditHold.create(
            account=account.id,
            key=name,
            amount=amount,
            drawn=credit_accounts.draw(account.id, amount),
            feature=feature,
            expires_at=now() + lasts,
            actor=by,
        )
        credit_accounts.note_next(account.id)
    return made


@writes
def settle(organization, key, amount, *, by=None):
    """Spend `amount` of what is held under `key`, free the rest, and return the new balance. Twice is once.
    Refuses with NotFound, with HoldExpired when it has lapsed, with InvalidTransition when it was released,
    with Invalid for more than is held, and with KeyReused for another amount than the first time."""
    amount, key = credit_accounts.amount_of(amount), credit_accounts.key_of("spend", key)
    with inside(organization):
        account = credit_accounts.settled(organization)
        held = _found_hold(account, key.partition(":")[2])
        if held.status == "settled":
            return credit_accounts.after_lapse(account, key, credit_accounts.answered(account.id, key, -amount))
        if held.status != "open":
            _refuse_over(held)
        if amount > held.amount:
            raise Invalid({"amount": f"Only {counted(held.amount, 'credit')} are held."})
        if credit_accounts.entered(account=account.id, key=key):
            raise credit_accounts.KeyReused("Credits were spent under this key already.")
        used, rest = _parted(held.drawn, amount)
        CreditHold.update(status="settled").where(CreditHold.id == held.id).execute()
        balance = credit_accounts.move(account.id, -amount, held=-held.amount)
        by = by or held.actor
        credit_accounts.enter(account.id, -amount, balance, "spend", key, feature=held.feature, drawn=used, by=by)
        balance = credit_accounts.put_back(account.id, rest, balance, key)
        credit_accounts.note_next(account.id)
        credit_accounts.warn_if_low(organization, account, balance)
    return balance


@writes
def release(organization, key):
    """Let go of a hold: its credits go back where they came from. Returns the balance; twice is once.
    Refuses with NotFound, and with InvalidTransition when it was settled."""
    name = credit_accounts.key_of("hold", key).partition(":")[2]
    with inside(organization):
        account = credit_accounts.settled(organization)
        held = _found_hold(account, name)
        if held.status == "settled":
            raise InvalidTransition("What was settled can't be released; it can be refunded.")
        balance = credit_accounts.let_go(account.id, held, "released") if held.status == "open" else account.balance
        credit_accounts.note_next(account.id)
    return balance


def _hold(account, name):
    return CreditHold.one(CreditHold.account == account.id, CreditHold.key == name)


def _found_hold(account, name):
    return existing(_hold(account, name), "Nothing is held under this key.")


def _refuse_over(held):
    if held.status == "lapsed":
        raise HoldExpired("The hold lapsed, and its credits went back. Begin anew.")
    raise InvalidTransition("The hold was released, so it can't be settled.")


def _parted(drawn, amount):
    """The part of a draw that was used, from its beginning, and the rest."""
    used, rest = [], []
    for bucket, part in drawn:
        taken = min(part, amount)
        amount -= taken
        if taken:
            used.append([bucket, taken])
        if part > taken:
            rest.append([bucket, part - taken])
    return used, rest
