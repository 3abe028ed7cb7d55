"""A code that is mailed to an address, and again if it doesn't come, for the browser that asked for it.

Five things wait for one: a sign-up, a sign-in, a new password, a new address, an account elsewhere. Each
says how its letter goes; the code itself is domain/base/tokens.py.
"""

from database.transactions import writes
from domain.base import allowances, outgoing, settings, tokens
from models import AuthToken

_letters = {}


def letter(purpose):
    """Declare the function (token, code) that mails a code of this purpose, or keeps silent and is false.
    It keeps silent where nobody may be mailed, and is asked alike the first time and when it is sent again."""

    def declare(mail):
        _letters[purpose] = mail
        return mail

    return declare


def mail(purpose, email, payload=None, user=None, next_url=None):
    """Mail a fresh code; the one before is void. Returns the token's public id for the browser to keep."""
    return _mail(purpose, email, {"email": email} | (payload or {}), user, next_url)


def _mail(*about):
    token, code = tokens.new(*about)
    if not _letters[token.purpose](token, code):
        allowances.spend_letter(token.email_norm)  # counted alike, or it would tell who has an account
    return token.public_id


def pending(token_id, purpose):
    """The token of this browser, or None."""
    return AuthToken.one(AuthToken.public_id == token_id, AuthToken.purpose == purpose) if token_id else None


def values(token, name, code):
    """What a letter with a code says, and until when it is good."""
    return {"name": name, "code": code, "good_until": token.expires_at}


def was_refused(token):
    """Whether the letter can't be delivered. Where an answer would tell who has an account, nothing is told."""
    words = {"verify_email": "verify", "change_email": "address", "identity": "identity_code"}
    if not settings.get("auth_neutral_messages"):
        words["sign_in"] = "otp"
    return token.purpose in words and outgoing.was_refused([f"{words[token.purpose]}:{token.id}"])


def recipient(token):
    """The address as it was typed."""
    return token.payload.get("email") or token.email_norm


@writes
def send_again(token_id, purpose):
    """A new code for the same thing; returns the new token's public id, or None."""
    old = pending(token_id, purpose)
    return old and _mail(purpose, old.email_norm, old.payload, old.user, old.next_url)
