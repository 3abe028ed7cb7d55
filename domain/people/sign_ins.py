"""Ways in: a password, a code or a link by mail, the second factor after them, and back in without the password."""

import secrets
from datetime import timedelta

from database.clock import now
from database.transactions import writes
from domain import Refused
from domain.base import allowances, audit, configuration, outgoing, settings, tokens
from domain.base.letters import suppressions
from domain.fields.email import address, normalized
from domain.fields.kinds import clean
from domain.people import accounts, codes, passwords, sessions
from models import AuditEvent, AuthToken, User


class NoAccount(Refused):
    """There is no account to sign in to: `details["elsewhere"]` is where to make one."""

    code, status = "NOT_FOUND", 404


class WrongCredentials(Refused):
    code, status = "UNAUTHENTICATED", 401


class NotVerified(Refused):
    """The password was right, the address isn't proven: `details["token"]` can be sent again."""

    code, status = "EMAIL_NOT_VERIFIED", 403


def sign_in(email, password):
    """The user whose password this is. One answer for every other case: nobody learns who has an account."""
    email, password = normalized(clean(email)), password or ""
    user = accounts.by_email(email)
    waiting = user is None and AuthToken.one(
        AuthToken.purpose == "verify_email", AuthToken.email_norm == email, AuthToken.consumed_at.is_null()
    )
    password_hash = user.password_hash if user else waiting.payload.get("password_hash") if waiting else None
    fits = passwords.fits(password, password_hash)  # once for everybody: the time it takes tells nothing either
    if fits and waiting:
        raise NotVerified("Prove your address first: we mail you a new code.", token=waiting.public_id)
    if fits and user.status == "active":
        if anew := passwords.hashed_anew(password, password_hash):
            _rehash(user, anew)
        return user
    if user is not None:
        _note_failure(user, "A wrong password, or a suspended account")
    raise WrongCredentials("The e-mail address or the password isn't right.")


@writes
def _rehash(user, password_hash):
    User.update(password_hash=password_hash).where(User.id == user.id).execute()


# --- in by mail: a code or a link -------------------------------------------------------------------------


@writes
def ask_code(email, next_url=None):
    """Mail a code to sign in with; returns the token's public id for the browser to keep.
    Refuses with NoAccount or Suspended, unless messages are neutral: then nobody is mailed and nobody told."""
    email = _reachable(email)
    return codes.mail("sign_in", email, user=_to_be_mailed(email), next_url=next_url)


@writes
def ask_link(email, next_url=None):
    """Mail a link that signs in once, within ten minutes. Refuses as `ask_code` does."""
    email = _reachable(email)
    user = _to_be_mailed(email)
    secret = secrets.token_urlsafe(32)
    token, _ = tokens.new("magic_link", email, {}, user, next_url, secret)
    if user:
        link = f"{configuration.active.site_url}/sign-in/link/{token.public_id}.{secret}"
        about = {"name": user.name, "link": link, "good_until": token.expires_at}
        outgoing.letter("magic_link", user.email, f"magic:{token.id}", **about)
    else:
        allowances.spend_letter(email)


def _reachable(email):
    """The address, where a letter can reach it. Refuses with Invalid."""
    email = address(email)
    suppressions.must_be_reachable(email)
    return email


def ask_code_too(email, password, next_url=None):
    """Mail a code to sign in with to whoever knows the password; returns a token's public id, alike for the others.
    Theirs belongs to no address, so that it voids nobody's code."""
    try:
        user = sign_in(email, password)
        return _mail_code_too(user, next_url)
    except Refused:
        return _pretend(email, next_url)


@writes
def _mail_code_too(user, next_url):
    return codes.mail("sign_in", user.email, user=user, next_url=next_url)


@writes
def _pretend(email, next_url):
    token, _ = tokens.new("sign_in", secrets.token_hex(16), {"email": clean(email)[:254]}, None, next_url)
    return token.public_id


def _to_be_mailed(email):
    user = accounts.by_email(email)
    if user is not None and user.status == "active":
        return user
    if settings.get("auth_neutral_messages"):
        return None
    if user is None:
        raise NoAccount("There is no account with this address.", elsewhere="/sign-up/code")
    return accounts.must_be_active(user)


@codes.letter("sign_in")
def _mail_code(token, code):
    user = token.user
    return (
        user
        and user.status == "active"
        and outgoing.letter("otp_sign_in", user.email, f"otp:{token.id}", **codes.values(token, user.name, code))
    )


@writes(keep=tokens.NotTheCode)
def sign_in_with_code(token_id, code):
    """(user, next url) for the right code; refuses with WrongCode or CodeExpired."""
    token = codes.pending(token_id, "sign_in")
    try:
        tokens.check(token, code)
    except tokens.NotTheCode:
        if token and token.user:
            _note_failure(token.user, "A wrong sign-in code")
        raise
    if token.user is None:  # nobody's address: somebody guessed a code that was never mailed
        raise tokens.gone()
    return token.user, token.next_url


def link_open(link):
    """The live token of a mailed link, or CodeExpired: asking doesn't use it up, mail programs look ahead."""
    public_id, _, secret = link.partition(".")
    token = AuthToken.one(AuthToken.public_id == public_id[:40], AuthToken.purpose == "magic_link")
    fits = token and tokens.fits(token, secret)
    if not fits or token.consumed_at or token.expires_at < now() or token.user is None:
        raise tokens.CodeExpired("This link was used already or is too old. Ask for a new one.")
    return token


@writes
def sign_in_with_link(link):
    """(user, next url); the link is used up by it. Refuses with CodeExpired."""
    token = link_open(link)
    if not tokens.consume(token):
        raise tokens.CodeExpired("This link was used at this very moment. Ask for a new one.")
    return token.user, token.next_url


@writes
def begin_second_factor(user, way, target=None):
    """The first factor was right; returns the token by which this browser may give the second."""
    token, _ = tokens.new("second_factor", user.email, {"way": way}, user, target)
    return token.public_id


def finish_second_factor(token_id, answer, check):
    """`check(user, answer)` says whether the second factor is right; returns (user, way, next url).
    Five tries in ten minutes, counted before the check. Refuses with WrongCode or CodeExpired."""
    token = codes.pending(token_id, "second_factor")
    if not token or not tokens.count(token):
        raise tokens.gone()
    if not check(token.user, answer):
        _note_failure(token.user, "A wrong second factor")
        raise tokens.wrong(token)
    if not tokens.consume(token):
        raise tokens.gone()
    return token.user, token.payload["way"], token.next_url


@writes
def _note_failure(user, summary):
    """At most one a minute for an account: a flood of guesses must not flood the log."""
    recent = AuditEvent.one(
        AuditEvent.action == "auth.sign_in_failed",
        AuditEvent.target_type == "user",
        AuditEvent.target_id == str(user.id),
        AuditEvent.at > now() - timedelta(minutes=1),
    )
    if recent is None:
        audit.record("auth.sign_in_failed", summary, target=user, result="failure")


# --- a forgotten password ---------------------------------------------------------------------------------


@writes
def forgot(email):
    """Mail a code to choose a new password. Answers alike whether or not there is an account."""
    email = _reachable(email)
    user = accounts.by_email(email)
    return codes.mail("reset", email, user=user if user and user.status == "active" else None)


@codes.letter("reset")
def _mail_reset(token, code):
    user = token.user
    return (
        user
        and user.status == "active"
        and outgoing.letter("reset_password", user.email, f"reset:{token.id}", **codes.values(token, user.name, code))
    )


def reset(token_id, code, password):
    """Set a new password and end all sessions. Refuses with Invalid, WrongCode or CodeExpired."""
    token = codes.pending(token_id, "reset")
    return _reset(token_id, code, passwords.chosen(password, codes.recipient(token) if token else ""))


@writes(keep=tokens.NotTheCode)
def _reset(token_id, code, password_hash):
    token = codes.pending(token_id, "reset")
    tokens.check(token, code)
    user = token.user
    if user is None or user.status != "active":  # nobody's address: somebody guessed a code that was never mailed
        raise tokens.gone()
    accounts.set_password(user, password_hash)
    sessions.end_all(user, "password_changed", by=user)
    outgoing.letter("password_changed", user.email, f"password_changed:{token.id}", name=user.name)
    audit.record("security.password_reset", f"{user.name} chose a new password", by=user, target=user)
    return user
