"""E-mail addresses: what is one, and when two are the same."""

import re
import unicodedata

from domain import Invalid
from domain.fields.kinds import clean

_ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]]+@[^@\s,;<>\"()\[\]]+\.[^@\s.,;<>\"()\[\]]+")


def normalized(email):
    """The form in which addresses are compared: without case and outer space."""
    return email.strip().lower()


def address(email):
    """A usable address as typed, or Invalid."""
    # Compatible letters become one: the Kelvin sign compares as a k, and must not be mailed elsewhere than a k.
    email = unicodedata.normalize("NFKC", clean(email)[:1000]).strip()
    if len(email) > 254 or not _ADDRESS.fullmatch(email):
        raise Invalid({"email": "Write a whole e-mail address, like ada@example.org."})
    return email
