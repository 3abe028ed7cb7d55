"""The codes of backers: how they are written, read, and kept.

A code is kept only as a keyed hash of name and code, always the same for the same two, so that it can be
looked up and never read. Why: docs/decisions/backers.md
"""

import re
import unicodedata
from dataclasses import dataclass

from domain.base import keys
from domain.fields.kinds import Field, Unfit, comparable, compatible
from domain.fields.text import Text

NAME = 80  # characters
CODE = (4, 80)  # characters
ALPHABET = "ABCDEFGHJKMNPQRSTVWXYZ23456789"  # what nobody reads as something else


def hashed(username, code):
    """Under what a code is kept: the same for the same name in any case and normal form, and the exact code."""
    return keys.keyed("backer code", f"{lower(username)}\0{compatible(code)}")


def hashed_as_kept(username, code, is_kept):
    """As `hashed`, or under an older key of the site where `is_kept(hash)` of that one."""
    text = f"{lower(username)}\0{compatible(code)}"
    newest, *older = keys.keyed_by_each("backer code", text)
    return next((one for one in older if is_kept(one)), newest)


def hashes(username, code):
    """Under what it may be kept, by any key of the site: as `hashed` says, or as it was typed, up to 0.4."""
    typed = f"{username.strip().lower()}\0{code}"
    forms = {f"{lower(username)}\0{compatible(code)}", typed}
    forms |= {unicodedata.normalize("NFC", typed), unicodedata.normalize("NFD", typed)}
    return [one for form in forms for one in keys.keyed_by_each("backer code", form)]


def lower(username):
    """A username as it is compared."""
    return comparable(username)


def spelled(number):
    """A code of sixteen letters and digits out of a great number."""
    letters = []
    for _ in range(16):
        number, place = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[place])
    return "-".join("".join(letters[i : i + 4]) for i in range(0, 16, 4))


@dataclass(frozen=True)
class Username(Text):
    """A backer's name; it must fit also as it is compared."""

    def read(self, text):
        name = " ".join(text.split())
        if max(len(name), len(lower(name))) > NAME:
            raise Unfit(_NAME)
        return name


@dataclass(frozen=True)
class PledgeCode(Text):
    """A code as it is: only the space around it goes."""

    def read(self, text):
        code, (least, most) = text.strip(), CODE
        if not least <= len(code) <= most or re.search(r"\s", code):
            raise Unfit(f"A code has {least} to {most} characters and no spaces.")
        return code


_NAME = f"Write a name of up to {NAME} characters."
USERNAME = Field("username", "Username", Username(), True, missing=_NAME)
PLEDGE_CODE = Field("code", "Code", PledgeCode())
