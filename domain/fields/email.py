"""E-mail addresses: what is one, when two are the same, and how one is written for a mail server.

One strict reader for every door, `email-validator` without a question to DNS: nothing that another program
could take for several addresses, a name with an address, or an encoded word.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import email_validator
import idna

from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit, compatible
from domain.fields.text import Text

_WHOLE = "Write a whole e-mail address, like ada@example.org."
_NEVER = (".invalid", ".localhost", ".onion", ".arpa")  # RFC 6761, 7686: no mail goes there


@dataclass(frozen=True)
class Email(Text):
    """An e-mail address, as it is known."""

    name = "email"
    most: int = 254
    control = "email"


@dataclass(frozen=True)
class Usable(Email):
    """An address that letters can go to; `in_small` writes its domain in small letters."""

    in_small: bool = False

    def read(self, text):
        # Compatible letters become one: the Kelvin sign compares as a k, and must not be mailed elsewhere than a k.
        typed = compatible(text[:1000]).strip()
        local, _, domain = typed.rpartition("@")
        if len(typed) <= self.most and len(local) <= 64 and _LOCAL.fullmatch(local) and _is_usual(domain):
            return f"{local}@{domain.lower()}" if self.in_small else typed
        found = parsed(typed)
        if found is None or len(found.normalized) > self.most or not _is_on_the_net(found.ascii_domain):
            raise Unfit(_WHOLE)
        # Browsers write a domain in letters as DNS has it; people read letters.
        written = typed if typed.isascii() and "xn--" not in typed.lower() else found.normalized
        local, _, domain = written.rpartition("@")
        return f"{local}@{domain.lower()}" if self.in_small else written


EMAIL = Field("email", "E-mail", Usable(), True, missing=_WHOLE)


def parsed(text):
    """The parts of an address (RFC 5321, 6531), or None; one without a dot, such as root@mail, has them too."""
    if "=?" in text:  # RFC 2047: a header's reader would decode it
        return None
    try:
        return email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, test_environment=True, strict=True
        )
    except email_validator.EmailNotValidError:
        return None


_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")  # RFC 5321: a dot-string


@lru_cache(maxsize=1000)  # a file has many addresses at few domains
def _is_usual(domain):
    """Whether what stands behind the @ is a domain in ASCII that mail goes to, and nothing else."""
    found = parsed(f"x@{domain}") if domain.isascii() and "xn--" not in domain.lower() else None
    return found is not None and found.local_part == "x" and _is_on_the_net(found.ascii_domain)


def _is_on_the_net(domain):
    last = domain.rpartition(".")
    return bool(last[0]) and not last[2].isdigit() and not domain.endswith(_NEVER)


def normalized(email):
    """The form in which addresses are compared: NFKC, without case and outer space, the domain as DNS has it.
    Without case means lower case: casefolding would take «straße» for «strasse», two mailboxes whose owners
    would then get into one account."""
    local, at, domain = compatible(email).strip().rpartition("@")
    return f"{compatible(local.lower())}{at}{_in_dns(domain.lower())}"


def mailable(email):
    """(local part, domain) as a mail server without SMTPUTF8 takes them, where the local part allows it."""
    local, _, domain = email.rpartition("@")
    return local, _in_dns(domain)


def _in_dns(domain):
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def address(email):
    """A usable address as typed, in NFKC. Refuses with Invalid."""
    return read_whole((EMAIL,), {"email": email})["email"]
