"""The code that a pass shows: who holds the organization's private key alone can make one, and any phone can read it.

`GH1:` and base32 of a version, the event (4 bytes), its tier (2), the pass's serial (8) and an Ed25519 signature of
them (RFC 8032): 131 characters of QR's alphanumeric mode. No name, no address and no end are in it: times and what
was given back come with the door's snapshot. So a door works without a network, and a lost phone makes no tickets.
"""

import base64
import secrets
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from database.clock import now
from database.compiled import CompiledRows
from database.locks import lock
from database.scope import everywhere, scope
from database.transactions import writes
from domain import Refused
from domain.base import history, keys, stepup
from models import OrganizationKey

PREFIX, VERSION = "GH1:", 1
BODY = struct.Struct(">BIH8s")
TIERS = 1 << 16  # a tier is said by the last two bytes of its id
LONGEST = 200  # characters that are looked at


class Unreadable(Refused):
    """It is no code of a pass, or not one that this site made."""

    code, status = "INVALID_INPUT", 422


class Outdated(Unreadable):
    """It was made by us, and signed by a key that was ended since."""


@dataclass(frozen=True)
class Code:
    event: int
    tier: int  # the last two bytes of the tier's id
    serial: str  # 16 hexadecimal digits
    body: bytes
    signature: bytes


def serial():
    """A new serial of a pass: 64 random bits as hexadecimal digits."""
    return secrets.token_hex(8)


def code(event, tier, serial):
    """The text of a pass's code, signed by the organization that one stands in; always the same under one key."""
    body = BODY.pack(VERSION, event, tier % TIERS, bytes.fromhex(serial))
    return PREFIX + base64.b32encode(body + _private(_signing().sealed).sign(body)).decode().rstrip("=")


def read(text):
    """What a scanned or typed code says, signed or not; refuses with Unreadable."""
    said = "".join(str(text)[:LONGEST].split()).upper()
    try:
        if not said.startswith(PREFIX):
            raise ValueError
        packed = said.removeprefix(PREFIX)
        raw = base64.b32decode(packed + "=" * (-len(packed) % 8))
        body, signature = raw[: BODY.size], raw[BODY.size :]
        version, event, tier, of_pass = BODY.unpack(body)
    except (ValueError, struct.error):
        raise Unreadable("This is no ticket of ours.") from None
    if version != VERSION or len(signature) != 64:
        raise Unreadable("This ticket is of another kind than this door reads.")
    return Code(event, tier, of_pass.hex(), body, signature)


def verified(text):
    """What a code says once a key of the organization that one stands in has signed it; refuses with Unreadable, and
    with Outdated where the key was ended."""
    found = read(text)
    for key in _every():
        if not _has_signed(key, found):
            continue
        if key.ended_at:
            raise Outdated("This code is older than the key of tickets. The ticket's page shows the one that is good.")
        return found
    raise Unreadable("This ticket wasn't made by us.")


def _has_signed(key, found):
    """The present key signs once more, which comes out the same (RFC 8032, 5.1.6) and takes a third of verifying:
    `check_in_vs_pretix`. What doesn't, and what another one is to have signed, is verified."""
    if key.retired_at is None:
        with suppress(Refused):  # its private half can't be opened
            if compare_digest(_private(key.sealed).sign(found.body), found.signature):
                return True
    try:
        _public(key.public).verify(found.signature, found.body)
    except InvalidSignature:
        return False
    return True


def public_keys(ended=False):
    """What a door verifies with: raw keys in base64url, the newest first, those before it as well; or those `ended`."""
    return [key.public for key in _every() if bool(key.ended_at) is ended]


# --- keys ---------------------------------------------------------------------------------------------------


@writes
def renew(*, by):
    """A new pair of keys: codes made from here on are signed by it, those made before are read as well as ever. Nothing
    takes it back. Refuses with Forbidden and VerificationRequired.

    For when the private half may be known to others: see `end_earlier`, too.
    """
    by.require("events.keys")
    stepup.demand("events.renew_key", by.organization.id)
    lock("signing_key", by.organization.id)
    OrganizationKey.update(retired_at=now()).where(OrganizationKey.retired_at.is_null()).execute()
    made = _made()
    history.note("events.key_renewed", "A new key signs tickets", made, by=by, verb="created")
    return made


@writes
def end_earlier(*, by):
    """Have no door take what keys before the present one signed: whoever has such a code has a new one at the page of
    their ticket. Nothing takes it back. Refuses with Forbidden, VerificationRequired, and where there is none."""
    by.require("events.keys")
    stepup.demand("events.renew_key", by.organization.id)
    earlier = OrganizationKey.update(ended_at=now()).where(*_earlier())
    if not (count := earlier.execute()):
        raise Refused("No earlier key is good any more.", "INVALID_TRANSITION")
    summary = "Codes signed by earlier keys aren't taken any more"
    history.note("events.keys_ended", summary, newest(), by=by, count=count)


def has_earlier():
    """Whether keys before the present one are still good."""
    return OrganizationKey.select().where(*_earlier()).exists()


def _earlier():
    return OrganizationKey.retired_at.is_null(False), OrganizationKey.ended_at.is_null()


def newest():
    """The key that signs at the moment, or None where no ticket was made yet."""
    return OrganizationKey.one(OrganizationKey.retired_at.is_null())


def prepare():
    """Have a key, before the first code is shown: whoever looks at a pass changes nothing."""
    _signing()


def _signing():
    return newest() or _first()


@writes
def _first():
    lock("signing_key", scope())
    return newest() or _made()


def _made():
    private = Ed25519PrivateKey.generate()
    public = base64.urlsafe_b64encode(private.public_key().public_bytes_raw()).decode()
    return OrganizationKey.create(public=public, sealed=keys.seal(private.private_bytes_raw().hex()))


# At each scan: `check_in_vs_pretix`.
_every = CompiledRows(OrganizationKey, lambda: OrganizationKey.select().order_by(OrganizationKey.id.desc()))


@lru_cache(maxsize=100)
def _public(text):
    return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text))


@lru_cache(maxsize=100)
def _private(sealed):
    opened = keys.unseal(sealed)
    if not opened:
        raise Refused(
            "The key that signs tickets can't be opened with this SECRET_KEY. Renew it, or bring the old one back.",
            "NOT_CONFIGURED",
            503,
        )
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(opened))


def seal_anew():
    """Encrypt the private halves under the newest SECRET_KEY: (how many, names of organizations whose no key opens)."""
    done, lost = 0, []
    with everywhere("every private key is sealed anew"):
        for key in OrganizationKey.select():
            if keys.is_newest(key.sealed):
                continue
            if opened := keys.unseal(key.sealed):
                done += _resealed(key, keys.seal(opened))
            else:
                lost.append(key.organization.name)
    return done, lost


@writes
def _resealed(key, sealed):
    with everywhere("a private key is sealed anew"):
        unchanged = (OrganizationKey.id == key.id) & (OrganizationKey.sealed == key.sealed)
        return OrganizationKey.update(sealed=sealed).where(unchanged).execute()
