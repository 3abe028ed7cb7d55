"""SECRET_KEY and the keys before it (SECRET_KEY_FALLBACKS): what is made is made with the newest, what is shown
may be of any. A key that is withdrawn ends what only it has made.

Text at rest is sealed by AES-256-GCM under a key derived by HKDF; what was sealed up to 0.4 is Fernet's.
"""

import base64
import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.base import configuration

_FORM, _NONCE = "2.", 12  # how a sealed text begins; bytes


def every():
    """All keys of the site, the newest first."""
    return configuration.active.secret_key, *configuration.active.secret_key_fallbacks


def mac(text, key=None):
    """A hash (hex) of the text under SECRET_KEY itself, or under `key`."""
    return hmac.new(
        (key or configuration.active.secret_key).encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


@lru_cache(maxsize=64)
def _derived_key(secret, purpose):
    return hmac.new(secret.encode(), f"guildhall {purpose} 1".encode(), hashlib.sha256).digest()


def keyed(purpose, text, key=None):
    """A hash (hex), always the same under one key, that nobody without it can make or try out."""
    derived = _derived_key(key or configuration.active.secret_key, purpose)
    return hmac.new(derived, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def keyed_by_each(purpose, text):
    """The same under every key, the newest first: one of them is what was kept."""
    return [keyed(purpose, text, key) for key in every()]


# --- text in addresses --------------------------------------------------------------------------------------


def veiled(purpose, text):
    """Text as an address has it, always the same for the same (AES-SIV): who has it reads nothing of it and can make no
    other."""
    sealed = AESSIV(_derived_key(configuration.active.secret_key, purpose)).encrypt(text.encode(), None)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unveiled(purpose, veiled):
    """What was veiled for this purpose under any of the keys; empty where nothing was."""
    try:
        sealed = base64.b64decode(veiled + "=" * (-len(veiled) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return ""
    for key in every():
        try:
            return AESSIV(_derived_key(key, purpose)).decrypt(sealed, None).decode()
        except (InvalidTag, ValueError):
            continue
    return ""


# --- text at rest -------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _derived(key, info):
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key.encode())


def seal(text):
    """Encrypted under the newest key, so that it may be kept in a row or travel in a cookie."""
    nonce, cipher = os.urandom(_NONCE), AESGCM(_derived(configuration.active.secret_key, b"guildhall sealed 2"))
    return _FORM + base64.urlsafe_b64encode(nonce + cipher.encrypt(nonce, text.encode(), None)).decode()


def unseal(sealed):
    """What was sealed under any of the keys; empty when it was under none of them."""
    return next((text for key in every() if (text := _opened(sealed, key))), "")


def is_newest(sealed):
    """Whether the newest key sealed it, as texts are sealed now."""
    return sealed.startswith(_FORM) and bool(_opened(sealed, configuration.active.secret_key))


def _opened(sealed, key):
    try:
        if not sealed.startswith(_FORM):
            fernet = Fernet(base64.urlsafe_b64encode(_derived(key, b"guildhall totp")))
            return fernet.decrypt(sealed.encode()).decode()
        packed = base64.urlsafe_b64decode(sealed.removeprefix(_FORM))
        return AESGCM(_derived(key, b"guildhall sealed 2")).decrypt(packed[:_NONCE], packed[_NONCE:], None).decode()
    except (InvalidToken, InvalidTag, ValueError):
        return ""
