"""Passwords: the policy in words, and Argon2id behind a gate so that sign-ins can't take the machine."""

import string
import threading
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit
from domain.fields.text import Text

MOST = 200  # characters: bounds the work of one attempt

# OWASP's second profile: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_gate = threading.BoundedSemaphore(2)
_nobody = None


def missing(password):
    """What the password lacks, as words for a sentence; empty when it will do."""
    lacks = []
    if len(password) < 12:
        lacks.append("at least 12 characters")
    if not any(c.isupper() for c in password):
        lacks.append("an upper-case letter")
    if not any(c.islower() for c in password):
        lacks.append("a lower-case letter")
    if not any(c.isdigit() for c in password):
        lacks.append("a digit")
    if not any(c in string.punctuation or not c.isalnum() for c in password):
        lacks.append("a special character")
    if len(password) > MOST:
        lacks.append(f"no more than {MOST} characters")
    return lacks


@dataclass(frozen=True)
class Chosen(Field):
    """A password that somebody chooses: taken as it was typed, if the policy takes it."""

    def read(self, text):
        if lacks := missing(text or ""):
            raise Unfit(f"The password still needs {joined(lacks)}.")
        return text


PASSWORD = Chosen("password", "Password", Text(MOST))


def chosen(password):
    """The hash of a password that somebody chooses. Refuses with Invalid."""
    return hashed(read_whole((PASSWORD,), {"password": password})["password"])


def joined(words):
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def hashed(password):
    """Takes 20-30 ms: never inside a transaction."""
    with _gate:
        return _hasher.hash(password)


def is_old(password_hash):
    """Whether it was made with a lesser profile than today's; then it is made anew at the next sign-in."""
    return _hasher.check_needs_rehash(password_hash)


def fits(password, password_hash):
    """Whether it is the password. Takes as long for an account that isn't there (`password_hash` None)."""
    global _nobody
    if len(password) > MOST:
        return False
    with _gate:
        if _nobody is None:
            _nobody = _hasher.hash("nobody has this password")
        try:
            return _hasher.verify(password_hash or _nobody, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False
