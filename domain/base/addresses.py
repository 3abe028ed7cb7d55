"""E-mail addresses: what is one, and when two are the same."""

import re
import unicodedata
from dataclasses import dataclass

from domain.fields.email import Email
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit

_ADDRESS = re.compile(r"[^@\s,;<>\"()\[\]]+@[^@\s,;<>\"()\[\]]+\.[^@\s.,;<>\"()\[\]]+")
_WHOLE = "Write a whole e-mail address, like ada@example.org."


@dataclass(frozen=True)
class Usable(Email):
    """An address that letters can go to."""

    def read(self, text):
        # Compatible letters become one: the Kelvin sign compares as a k, and must not be mailed elsewhere than a k.
        email = unicodedata.normalize("NFKC", text[:1000]).strip()
        if len(email) > self.most or not _ADDRESS.fullmatch(email):
            raise Unfit(_WHOLE)
        return email


EMAIL = Field("email", "E-mail", Usable(), True, missing=_WHOLE)


def normalized(email):
    """The form in which addresses are compared: without case and outer space."""
    return email.strip().lower()


def address(email):
    """A usable address as typed. Refuses with Invalid."""
    return read_whole((EMAIL,), {"email": email})["email"]
