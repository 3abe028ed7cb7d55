"""How somebody proves again who they are: password, mailed code, passkey or authenticator app.

A proof is kept for one session, action and target: domain/base/stepup.py asks for it. Tries are counted as
those of any mailed code are, by domain/base/tokens.py.
"""

import math
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
    Refuses with TooOften: three in ten minutes for an action (ten for all), and one a minute."""
    who, target = _asker(action), _bounded(target)
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
    code, kept = tokens.made()
    about = {"user": who.user, "action": action, "target": target, "method": "email"}
    challenge = Challenge.create(**about, **kept, expires_at=now() + tokens.LIFE)
    says = stepup.ACTIONS[action].says
    about = {"name": who.user.name, "code": code, "says": says, "good_until": challenge.expires_at}
    outgoing.letter("stepup_code", who.user.email, f"stepup:{challenge.id}", **about)
    title = f"A code was asked for to {says}"
    outgoing.notify(who.user, "security.sensitive_action", f"stepup:{challenge.id}", title, link="/settings/security")
    audit.record("security.stepup_requested", f"Asked for a code to {says}", by=who.user, target=(action, target))


# --- the proof ----------------------------------------------------------------------------------------------


def prove(action, target, level, method, answer, *, challenge=None):
    """Check the answer and keep the proof for the present session. `challenge` is the passkey's.
    Refuses with WrongAnswer, StepUpExpired or TooOften; a wrong try is counted whatever happens then."""
    who, target = _asker(action), _bounded(target)
    if method == "email":
        _check_code(who, action, target, answer)
    elif method in ("password", "totp", "passkey") and method in stepup.methods(who.user):
        _check_secret(who, action, target, method, answer, challenge)
    else:
        raise WrongAnswer("Choose one of the ways that are shown.")
    _keep(who, action, target, max(min(level, stepup.SINGLE_USE), stepup.ACTIONS[action].level), method)


@writes(keep=(WrongAnswer, StepUpExpired))
def _check_code(who, action, target, answer):
    challenge = Challenge.one(
        Challenge.user == who.user,
        Challenge.action == action,
        Challenge.target == target,
        Challenge.method == "email",
        Challenge.consumed_at.is_null(),
    )
    try:
        tokens.check(challenge, answer)
    except tokens.WrongCode as wrong:
        _note_failure(who, action, target)
        raise WrongAnswer(wrong.sentence) from None
    except tokens.CodeExpired as gone:
        if isinstance(gone, tokens.OutOfTries):
            _note_failure(who, action, target)
        raise StepUpExpired(gone.sentence) from None


def _check_secret(who, action, target, method, answer, challenge):
    counted = _count(who, action, method)
    if method == "password":
        fits = passwords.fits(answer or "", User.get_by_id(who.user.id).password_hash)
        sentence = "That isn't your password."
    elif method == "totp":
        fits, sentence = factors.fits_totp(who.user, answer or ""), "That isn't the code the app shows now."
    else:
        fits, sentence = passkeys.fits(who.user, answer, challenge), "That passkey wasn't recognised."
    if fits:
        tokens.consume(counted)
        return
    _note_failure(who, action, target)
    left = tokens.TRIES - counted.attempts - 1
    ending = f"You have {tokens.tries(left)} left." if left else "Wait a while, or use another way."
    raise WrongAnswer(f"{sentence} {ending}")


@writes
def _count(who, action, method):
    """Count a try before it is checked, so that many at once are counted too: the row as it was, or TooOften."""
    lock("proofs", who.user.id)  # two first tries at once must not begin two counts
    mine = (Challenge.user == who.user) & (Challenge.method == method)
    every = list(Challenge.select().where(mine, Challenge.consumed_at.is_null(), Challenge.expires_at > now()))
    if sum(one.attempts for one in every) >= TRIES_IN_ALL:
        raise _too_often(min(one.expires_at for one in every), "Too many wrong answers.")
    counted = next((one for one in every if one.action == action), None)
    if counted is None:
        counted = Challenge.create(user=who.user, action=action, method=method, expires_at=now() + WRONG_FOR)
    if not tokens.count(counted):
        raise _too_often(counted.expires_at, "Too many wrong answers.")
    return counted


@writes
def _note_failure(who, action, target):
    says = stepup.ACTIONS[action].says
    summary = f"A wrong answer to {says}"
    audit.record("security.stepup_failed", summary, by=who.user, target=(action, target), result="failure")


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


def _asker(action):
    """Whose session asks. Refuses without one, and for an action that there isn't."""
    who = stepup.present.get()
    if who is None:
        raise Refused("Please sign in first.", "UNAUTHENTICATED", 401)
    if action not in stepup.ACTIONS:
        raise WrongAnswer("There is nothing to confirm by that name.")
    return who


def _bounded(target):
    """The target that a browser names, in what its column can hold."""
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
