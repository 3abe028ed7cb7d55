"""How somebody proves again who they are: password, mailed code, passkey or authenticator app (A4.5-7 to 11).

A proof is kept for one session, action and target: domain/base/stepup.py asks for it. Wrong tries are counted
in a transaction of their own, so that a refusal doesn't take the count back with it.
"""

import math
import re
import secrets
from datetime import timedelta

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Refused
from domain.base import audit, outgoing, stepup, tokens
from domain.fields.kinds import clean
from domain.people import factors, passkeys, passwords
from models import Challenge, Proof, User

PROOF_LIFE = timedelta(minutes=10)
CODE_LIFE = timedelta(minutes=10)
TRIES = 5
WRONG_FOR = timedelta(minutes=15)  # that many wrong passwords or app codes in this time, and one waits
SENDS, SENDS_FOR, RESEND_AFTER = 3, timedelta(minutes=10), timedelta(seconds=60)
# For all actions together: a stolen session must not try as many times as there are actions, nor fill a mailbox.
TRIES_IN_ALL, SENDS_IN_ALL = 20, 10


class WrongAnswer(Refused):
    code, status = "INVALID_INPUT", 422


class StepUpExpired(Refused):
    code, status = "STEP_UP_EXPIRED", 403


class TooOften(Refused):
    code, status = "RATE_LIMITED", 429


# --- the mailed code ----------------------------------------------------------------------------------------


@writes
def send_code(action, target=""):
    """Mail the present user a code for this action and target; the one before is void.

    Refuses with TooOften: three in ten minutes for an action (ten for all), and one a minute.
    """
    who, target = _who(), _told(target)
    _known(action)
    lock("proofs", who.user.id)
    every = list(
        Challenge.select()
        .where(
            Challenge.user == who.user,
            Challenge.method == "email",
            Challenge.created_at > now() - SENDS_FOR,
        )
        .order_by(Challenge.id.desc())
    )
    recent = [one for one in every if one.action == action]
    if recent and now() - recent[0].created_at < RESEND_AFTER:
        raise _too_often(recent[0].created_at + RESEND_AFTER, "A code is on its way already.")
    if len(recent) >= SENDS:
        raise _too_often(recent[-1].created_at + SENDS_FOR, "Too many codes.")
    if len(every) >= SENDS_IN_ALL:
        raise _too_often(every[-1].created_at + SENDS_FOR, "Too many codes.")
    Challenge.update(consumed_at=now()).where(
        Challenge.user == who.user,
        Challenge.action == action,
        Challenge.method == "email",
        Challenge.consumed_at.is_null(),
    ).execute()
    code, salt = tokens.six_digits(), secrets.token_hex(16)
    challenge = Challenge.create(
        user=who.user,
        action=action,
        target=target,
        method="email",
        salt=salt,
        secret_hash=tokens.hashed(code, salt),
        expires_at=now() + CODE_LIFE,
    )
    says = stepup.ACTIONS[action].says
    outgoing.letter("stepup_code", who.user.email, f"stepup:{challenge.id}", name=who.user.name, code=code, says=says)
    audit.record("security.stepup_requested", f"Asked for a code to {says}", by=who.user, target=(action, target))


# --- the proof ----------------------------------------------------------------------------------------------


def prove(action, target, level, method, answer, *, challenge=None):
    """Check the answer and keep the proof for the present session. `challenge` is the passkey's.

    Refuses with WrongAnswer, StepUpExpired or TooOften; a wrong try is counted whatever happens then.
    """
    who, target = _who(), _told(target)
    _known(action)
    if method == "email":
        outcome = _try_code(who, action, target, answer)
    elif method in ("password", "totp", "passkey") and method in stepup.methods(who.user):
        outcome = _try_secret(who, action, target, method, answer, challenge)
    else:
        outcome = WrongAnswer("Choose one of the ways that are shown.")
    if isinstance(outcome, Refused):
        raise outcome
    _keep(who, action, target, max(min(level, stepup.SINGLE_USE), stepup.ACTIONS[action].level), method)


@writes
def _try_code(who, action, target, answer):
    """None when the code is right, else the refusal: returned, so that the counted try stays."""
    challenge = Challenge.one(
        Challenge.user == who.user,
        Challenge.action == action,
        Challenge.target == target,
        Challenge.method == "email",
        Challenge.consumed_at.is_null(),
    )
    gone = StepUpExpired("This code is no longer good. Ask for a new one.")
    if challenge is None or challenge.expires_at < now():
        return gone
    counted = (
        Challenge.update(attempts=Challenge.attempts + 1)
        .where(Challenge.id == challenge.id, Challenge.attempts < TRIES, Challenge.consumed_at.is_null())
        .execute()
    )
    if not counted:
        return gone
    code = re.sub(r"\D", "", clean(answer)[:40])
    if not tokens.fits(challenge, code):
        return _wrong(who, action, target, TRIES - challenge.attempts - 1, "That isn't the code.") or gone
    unused = Challenge.consumed_at.is_null()
    done = Challenge.update(consumed_at=now()).where(Challenge.id == challenge.id, unused).execute()
    return None if done else gone


def _try_secret(who, action, target, method, answer, challenge):
    held = _count(who, action, method)
    if isinstance(held, Refused):
        return held
    counted, left = held
    if method == "password":
        fits = passwords.fits(answer or "", User.get_by_id(who.user.id).password_hash)
        sentence = "That isn't your password."
    elif method == "totp":
        fits, sentence = factors.fits_totp(who.user, answer or ""), "That isn't the code the app shows now."
    else:
        fits, sentence = _passkey_fits(who.user, answer, challenge), "That passkey wasn't recognised."
    if fits:
        return _forget(counted)
    return _note_wrong(who, action, target, left, sentence)


def _passkey_fits(user, answer, challenge):
    try:
        return bool(passkeys.answered_by(answer, challenge, user))
    except passkeys.NotRecognised:
        return False


@writes
def _count(who, action, method):
    """Count a try before it is checked, so that many at once are counted too: (row, tries left) or TooOften."""
    lock("proofs", who.user.id)  # two first tries at once must not begin two counts
    mine = (Challenge.user == who.user) & (Challenge.method == method)
    every = list(Challenge.select().where(mine, Challenge.consumed_at.is_null(), Challenge.expires_at > now()))
    if sum(one.attempts for one in every) >= TRIES_IN_ALL:
        return _too_often(min(one.expires_at for one in every), "Too many wrong answers.")
    held = next((one for one in every if one.action == action), None)
    if held is None:
        held = Challenge.create(user=who.user, action=action, method=method, expires_at=now() + WRONG_FOR)
    counted = (
        Challenge.update(attempts=Challenge.attempts + 1)
        .where(Challenge.id == held.id, Challenge.attempts < TRIES)
        .execute()
    )
    if not counted:
        return _too_often(held.expires_at, "Too many wrong answers.")
    return held.id, TRIES - held.attempts - 1


@writes
def _forget(counted):
    Challenge.update(consumed_at=now()).where(Challenge.id == counted).execute()


@writes
def _note_wrong(who, action, target, left, sentence):
    return _wrong(who, action, target, left, sentence) or WrongAnswer(f"{sentence} Wait a while, or use another way.")


def _wrong(who, action, target, left, sentence):
    says = stepup.ACTIONS[action].says
    audit.record(
        "security.stepup_failed", f"A wrong answer to {says}", by=who.user, target=(action, target), result="failure"
    )
    tries = "one try" if left == 1 else f"{left} tries"
    return WrongAnswer(f"{sentence} You have {tries} left.") if left else None


@writes
def _keep(who, action, target, level, method):
    Proof.create(
        user=who.user,
        session=who.session,
        action=action,
        target=target,
        level=level,
        single_use=level >= stepup.SINGLE_USE,
        expires_at=now() + PROOF_LIFE,
    )
    says = stepup.ACTIONS[action].says
    audit.record(
        "security.stepup_verified", f"Proved who they are to {says}", by=who.user, target=(action, target), way=method
    )


def _who():
    who = stepup.present.get()
    if who is None:
        raise Refused("Please sign in first.", "UNAUTHENTICATED", 401)
    return who


def _known(action):
    if action not in stepup.ACTIONS:
        raise WrongAnswer("There is nothing to confirm by that name.")


def _told(target):
    """The target as a browser says it, in what its column can hold."""
    return clean(target)[:80]


def _too_often(until, sentence):
    seconds = max(1, math.ceil((until - now()).total_seconds()))
    return TooOften(f"{sentence} Wait {seconds} seconds, then try again.", retry_after=seconds)


@writes
def prune(limit):
    """Remove what has expired, a batch at a time."""
    before = now() - WRONG_FOR
    gone = 0
    for table in (Challenge, Proof):
        old = table.select(table.id).where(table.expires_at < before).limit(limit)
        gone += table.delete().where(table.id.in_(old)).execute()
    return gone
