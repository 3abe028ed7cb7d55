import itertools

import pytest

from domain import accounts


@pytest.fixture
def codes(monkeypatch):
    """The codes that will be mailed, in order: 000001, 000002, …"""
    numbers = itertools.count(1)
    monkeypatch.setattr(accounts.secrets, "randbelow", lambda _: next(numbers))


@pytest.fixture
def password():
    return "Correct horse 1!"


@pytest.fixture
def quick(monkeypatch):
    """Passwords hashed without the work, where a test makes many of them."""
    import hashlib

    from domain import passwords

    def hashed(text):
        return "quick:" + hashlib.sha256(text.encode()).hexdigest()

    monkeypatch.setattr(passwords, "hashed", hashed)
    monkeypatch.setattr(passwords, "fits", lambda text, known: known is not None and hashed(text) == known)
