"""A new SECRET_KEY: nothing ends while the one before stands beside it, and all of it ends with a withdrawn key."""

import dataclasses

import pytest

from domain.backers import backers
from domain.base import audit, configuration, keys, tokens
from tests.fixtures.threads import write

NEW, NEWER = "n" * 40, "m" * 40


def succeed(*fallbacks, key=NEW):
    """The site has a new key from here on, with these before it."""
    configuration.use(dataclasses.replace(configuration.active, secret_key=key, secret_key_fallbacks=fallbacks))


@pytest.fixture
def old(unhoused):
    return configuration.active.secret_key


def test_what_is_sealed_opens_under_any_key_and_not_without_its_own(old):
    sealed = keys.seal("Grüße")
    assert keys.unseal(sealed) == "Grüße"
    succeed(old)
    assert keys.unseal(sealed) == "Grüße"
    assert not keys.is_newest(sealed)
    assert keys.is_newest(keys.seal("x"))
    succeed(NEW, old, key=NEWER)
    assert keys.unseal(sealed) == "Grüße"
    succeed()
    assert keys.unseal(sealed) == ""


def test_one_text_is_sealed_differently_each_time(old):
    assert keys.seal("x") != keys.seal("x")


@pytest.mark.parametrize("nonsense", ["", "2.", "2.!!!", "2.AAAA", "gAAAAA", "2." + "A" * 80, "\0", "é", "2.é"])
def test_what_was_never_sealed_opens_to_nothing(old, nonsense):
    assert keys.unseal(nonsense) == ""
    assert not keys.is_newest(nonsense)


def test_a_changed_letter_opens_to_nothing(old):
    sealed = keys.seal("secrets")
    for place in range(2, len(sealed) - 2):
        other = "A" if sealed[place] != "A" else "B"
        assert keys.unseal(sealed[:place] + other + sealed[place + 1 :]) == ""


def test_a_mailed_code_and_a_link_hold_until_their_key_is_withdrawn(house, old):
    token, code = tokens.new("reset", "ada@example.org")
    succeed(old)
    assert tokens.fits(token, code)
    succeed()
    assert not tokens.fits(token, code)


@pytest.fixture
def logged(house, old):
    """Three events under the old key, and two under the new one."""
    for _ in range(3):
        write(audit.record, "auth.x", "x")
    succeed(old)
    for _ in range(2):
        write(audit.record, "auth.x", "x")


def test_the_audit_log_is_whole_over_a_change_of_the_key(logged):
    told = audit.verify()
    assert told.is_whole
    assert told.of_older_keys == 3
    audit.seal(told.ends)
    assert audit.verify().is_whole


def test_with_its_key_withdrawn_the_older_part_of_the_log_says_which_key_is_missing(logged):
    succeed()
    told = audit.verify().findings
    assert told[0].startswith("Up to event 3 no hash fits")
    assert "SECRET_KEY_FALLBACKS" in told[0]
    assert len(told) == 4


def test_a_backers_claim_holds_over_a_change_of_the_key(house, old):
    assert backers.claim([1, "token"]).mark == keys.keyed("backer claim", "token", old)
    succeed(old)
    assert backers.claim([1, "token"]).mark == keys.keyed("backer claim", "token", NEW)
