from dataclasses import replace

import pytest

from database.scope import inside
from domain import Refused
from domain.base import configuration
from domain.base.stepup import VerificationRequired
from domain.events import codes
from jobs import verifications
from models import OrganizationKey

SERIAL = "3f9a11c022de9b01"


@pytest.fixture
def acme(cast):
    with inside(cast.acme):
        yield cast.acme


def test_a_code_says_what_it_was_made_of_and_fits_a_small_qr(acme):
    made = codes.code(70_000, 66_000, SERIAL)
    assert len(made) == 131
    assert made == made.upper() == codes.code(70_000, 66_000, SERIAL)
    said = codes.verified(made)
    assert (said.event, said.tier, said.serial) == (70_000, 66_000 % codes.TIERS, SERIAL)


@pytest.mark.parametrize("typed", [str.lower, lambda code: f" {code[:50]}\n{code[50:]} "])
def test_a_code_is_read_as_people_paste_it(acme, typed):
    assert codes.verified(typed(codes.code(1, 2, SERIAL))).serial == SERIAL


@pytest.mark.parametrize(
    "text", ["", "GH1:", "GH1:????", "https://example.org", "GH1:" + "A" * 127, "GH1:" + "A" * 9000, "\0", "ß" * 131]
)
def test_what_is_no_code_is_refused_with_a_sentence(acme, text):
    with pytest.raises(codes.Unreadable):
        codes.verified(text)


def test_a_changed_sign_is_noticed_wherever_it_is(acme):
    made = codes.code(1, 2, SERIAL)
    for place in range(4, len(made) - 1):
        forged = made[:place] + ("A" if made[place] != "A" else "B") + made[place + 1 :]
        with pytest.raises(codes.Unreadable):
            codes.verified(forged)


def test_another_organization_signs_with_another_key(cast):
    with inside(cast.globex):
        foreign = codes.code(1, 2, SERIAL)
    with inside(cast.acme):
        codes.code(1, 2, SERIAL)
        with pytest.raises(codes.Unreadable):
            codes.verified(foreign)


def test_codes_from_before_a_new_key_are_read_as_well(acme, at, proven):
    old = codes.code(1, 2, SERIAL)
    with pytest.raises(VerificationRequired):
        codes.renew(by=at("alice"))
    proven("alice", "events.renew_key", acme.id, 3)
    codes.renew(by=at("alice"))
    new = codes.code(1, 2, SERIAL)
    assert new != old
    assert codes.verified(old).serial == codes.verified(new).serial == SERIAL
    assert len(codes.public_keys()) == 2


def test_earlier_keys_are_ended_and_what_they_signed_is_told_from_what_is_forged(acme, at, proven):
    old = codes.code(1, 2, SERIAL)
    with pytest.raises(VerificationRequired):
        codes.end_earlier(by=at("alice"))
    proven("alice", "events.renew_key", acme.id, 3)
    with pytest.raises(Refused):  # there is none yet
        codes.end_earlier(by=at("alice"))
    codes.renew(by=at("alice"))
    assert codes.has_earlier()
    codes.end_earlier(by=at("alice"))
    assert codes.verified(codes.code(1, 2, SERIAL)).serial == SERIAL
    with pytest.raises(codes.Outdated):
        codes.verified(old)
    assert (len(codes.public_keys()), len(codes.public_keys(ended=True)), codes.has_earlier()) == (1, 1, False)


def test_who_may_not_renews_or_ends_no_key(acme, at):
    for act in (codes.renew, codes.end_earlier):
        with pytest.raises(Refused):
            act(by=at("bob"))


def test_the_private_half_is_kept_encrypted_and_follows_a_new_secret_key(acme):
    made = codes.code(1, 2, SERIAL)
    before = OrganizationKey.get().sealed
    present = configuration.active
    configuration.use(replace(present, secret_key="n" * 40, secret_key_fallbacks=(present.secret_key,)))
    said, whole = verifications.rekey()
    assert whole
    assert "1 key of tickets" in " ".join(said)
    assert OrganizationKey.get().sealed != before
    configuration.use(replace(present, secret_key="n" * 40))
    assert codes.code(1, 2, SERIAL) == made


def test_a_key_that_cannot_be_opened_is_said_and_a_door_reads_on(acme):
    made = codes.code(1, 2, SERIAL)
    configuration.use(replace(configuration.active, secret_key="z" * 40))
    codes._private.cache_clear()
    with pytest.raises(Refused, match="SECRET_KEY"):
        codes.code(1, 2, SERIAL)
    assert codes.verified(made).serial == SERIAL
