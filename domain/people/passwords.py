"""Passwords: the policy in words, and Argon2id behind a gate so that sign-ins can't take the machine."""

import re
import string
import threading
import unicodedata
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import hash_secret_raw
from precis_i18n import get_profile

from domain import Invalid
from domain.base import settings
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit
from domain.fields.text import Text

MOST = 200  # characters: bounds the work of one attempt

# OWASP's second profile: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_gate = threading.BoundedSemaphore(2)
_nobody = None
_OPAQUE = get_profile("OpaqueString")
_MEASURED = 72  # characters: what zxcvbn takes
_STRONG = 3  # of zxcvbn's five grades, from 0: more than a hundred million tries
_OTHERS = 6  # letters and digits besides words that are the site's or the person's
_OURS = "guildhall password admin organization"
_COMMON = (
    "This password is one of the first that somebody would try: it is common, or made of names that belong to "
    "you or this site. A few words that have nothing to do with each other are good."
)


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


def opaque(password):
    """A password in its one form, however a keyboard puts it together (RFC 8265, OpaqueString), or None."""
    try:
        return _OPAQUE.enforce(password)
    except (UnicodeError, ValueError):
        return None


@dataclass(frozen=True)
class Chosen(Field):
    """A password that somebody chooses: in its one form, if the policy takes it."""

    def read(self, text):
        password = opaque(text or "")
        if lacks := missing(password or text or ""):
            raise Unfit(f"The password still needs {joined(lacks)}.")
        if password is None:
            raise Unfit("The password has a sign that not every keyboard can write. Choose another sign.")
        return password


PASSWORD = Chosen("password", "Password", Text(MOST))


def chosen(password, *about):
    """The hash of a password that somebody chooses; `about` is what others know of them. Refuses with Invalid."""
    password = read_whole((PASSWORD,), {"password": password})["password"]
    must_be_uncommon(password, *about)
    return hashed(password)


def must_be_uncommon(password, *about):
    """Refuse with Invalid what is tried first: common passwords, and the site's and the person's own words."""
    from zxcvbn import zxcvbn

    words = re.findall(r"\w{3,}", " ".join((_OURS, settings.get("site_name"), *about)).casefold())
    rest = re.sub("|".join(sorted(words, key=len, reverse=True)), "", password.casefold())
    if len(re.findall(r"\w", rest)) < _OTHERS or zxcvbn(password[:_MEASURED], words)["score"] < _STRONG:
        raise Invalid({"password": _COMMON})


def joined(words):
    """Words as a list in a sentence."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def hashed(password):
    """Takes 20-30 ms: never inside a transaction."""
    with _gate:
        return _hasher.hash(password)


def stretched(text, salt, length):
    """So many bytes of the text by the same Argon2id, always the same for one salt: for random codes of ours."""
    with _gate:
        return hash_secret_raw(
            text.encode(), salt, _hasher.time_cost, _hasher.memory_cost, _hasher.parallelism, length, _hasher.type
        )


def hashed_anew(password, password_hash):
    """A new hash of the right password where the kept one is of a lesser profile or another form; else None."""
    wanted = opaque(password) or password
    as_kept = not _hasher.check_needs_rehash(password_hash) and (wanted.isascii() or _verify(wanted, password_hash))
    return None if as_kept else hashed(wanted)


def fits(password, password_hash):
    """Whether it is the password. Takes as long for an account that isn't there (`password_hash` None)."""
    if len(password) > MOST:
        return False
    # Up to 0.4 they were kept as they came, and some keyboards send letter and accent apart.
    forms = dict.fromkeys((opaque(password) or password, password, unicodedata.normalize("NFD", password)))
    return any(_verify(form, password_hash) for form in forms)


def _verify(password, password_hash):
    global _nobody
    with _gate:
        if _nobody is None:
            _nobody = _hasher.hash("nobody has this password")
        try:
            return _hasher.verify(password_hash or _nobody, password) and password_hash is not None
        except (VerificationError, InvalidHashError, UnicodeError):
            return False
