"""What a form to get in line bears, and from which network it came."""

import base64
import hmac
import ipaddress
import secrets
import time
from functools import lru_cache

from domain import Invalid
from domain.base import keys

YOUNGEST, OLDEST = 1.5, 2 * 3600  # seconds that a form may be old while there is a rush


def fresh_token(age=0):
    """What a form bears: when it was made (`age` seconds ago), and that we made it. It makes one place, however often
    it is sent."""
    text = f"{int((time.time() - age) * 10):x}-{secrets.token_hex(4)}"
    return f"{text}-{_signed(text)}"


def _signed(text):
    return keys.keyed("line form", text)[:12]


def check(token):
    """Refuse with Invalid a form that we didn't make, or that was made too lately for a person or too long ago."""
    text, _, signature = token.rpartition("-")
    if not text or not hmac.compare_digest(_signed(text).encode(), signature.encode()):
        raise Invalid({"tickets": "This page is an old one. Please choose again."})
    age = time.time() - int(text.partition("-")[0], 16) / 10
    if age > OLDEST:
        raise Invalid({"tickets": "This page was open for very long. Please choose again."})
    if age < YOUNGEST:
        raise Invalid({"tickets": "That was faster than people are. Please press once more."})


@lru_cache(maxsize=50_000)
def block_of(address):
    """A hash of the network that an address is of (/24, /64); None for addresses that aren't of the outside."""
    try:
        there = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    if not there.is_global:
        return None
    free = 8 if there.version == 4 else 64  # bits; an ip_network takes as long as all of the rest: `holds_per_second`
    network = f"{type(there)(int(there) >> free << free)}/{there.max_prefixlen - free}"
    return base64.urlsafe_b64encode(bytes.fromhex(keys.keyed("network", network)[:32])).decode()
