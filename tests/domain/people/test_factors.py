import base64
import dataclasses
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain import Invalid, Refused
from domain.base import configuration, keys, settings, stepup, tokens
from domain.people import factors, passkeys, passwords, sign_ins
from models import AuditEvent, AuthToken, BackupCode, Outgoing, User
from tests.fixtures.authenticator import Authenticator
from tests.fixtures.threads import refused, together, write


def succeed(keep_old=True):
    """The site has a new SECRET_KEY from here on, and the one before where it is kept."""
    old = configuration.active
    fallbacks = (old.secret_key,) if keep_old else ()
    configuration.use(dataclasses.replace(old, secret_key="z" * 40, secret_key_fallbacks=fallbacks))


def code(secret, clock, **delta):
    return pyotp.TOTP(secret).at(clock.moment + timedelta(**delta))


@pytest.fixture
def bobs(cast, clock, proven):
    """bob has turned it on: (secret, backup codes). A minute has passed since."""
    proven("bob", "security.enable_2fa")
    secret = factors.new_secret()
    codes = factors.enrol(cast.bob, secret, code(secret, clock))
    clock.forward(minutes=1)
    return secret, codes


def actions():
    return [event.action for event in AuditEvent.select().order_by(AuditEvent.id) if "2fa" in event.action]


# --- turning it on ------------------------------------------------------------------------------------------


def test_it_is_on_once_the_app_has_shown_a_right_code(cast, clock, proven):
    proven("bob", "security.enable_2fa")
    secret = factors.new_secret()
    assert not factors.is_on(cast.bob)
    with pytest.raises(Invalid, match="isn't the code"):
        factors.enrol(cast.bob, secret, "000000" if code(secret, clock) != "000000" else "000001")
    assert not factors.is_on(User.get_by_id(cast.bob.id))
    codes = factors.enrol(cast.bob, secret, code(secret, clock))
    bob = User.get_by_id(cast.bob.id)
    assert factors.is_on(bob)
    assert len(set(codes)) == 10
    assert factors.summary(bob) == {"since": clock.moment, "codes_left": 10, "lost": False}
    assert factors.methods(bob) == ["totp", "backup"]
    assert actions() == ["security.2fa_enabled"]
    letters = [row.payload for row in Outgoing.select().where(Outgoing.kind == "mail")]
    assert [(one["template"], one["values"]["on"]) for one in letters] == [("second_factor_changed", True)]


def test_the_address_in_the_picture_names_site_account_and_secret(cast):
    settings.change("site_name", "Gildehuis & Co", by=cast.stella)
    settings.forget()
    parts = urlsplit(factors.address(cast.bob, "A" * 32))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Gildehuis & Co:bob@example.org"
    assert parse_qs(parts.query)["secret"] == ["A" * 32]


@pytest.mark.parametrize("secret", ["", None, "short", "a" * 32, "1" * 32, "A" * 33])
def test_a_secret_that_is_none_of_ours_is_refused(cast, proven, secret):
    proven("bob", "security.enable_2fa")
    with pytest.raises(Invalid, match="too old"):
        factors.enrol(cast.bob, secret, "123456")


def test_the_secret_and_the_codes_are_not_in_the_database_as_they_are(cast, bobs, house):
    secret, codes = bobs
    bob = User.get_by_id(cast.bob.id)
    assert secret not in bob.totp_secret
    assert keys.unseal(bob.totp_secret) == secret
    kept = {row.code_hash for row in BackupCode.select()}
    assert len(kept) == 10
    assert not kept & {*codes, *(one.replace("-", "") for one in codes)}
    for row in AuditEvent.select():
        assert secret not in str(row.metadata)
    for row in Outgoing.select():
        assert secret not in str(row.payload)


def test_a_key_that_is_withdrawn_takes_the_app_and_leaves_the_backup_codes(cast, clock, bobs):
    succeed(keep_old=False)
    assert not factors.fits_totp(cast.bob, code(bobs[0], clock))
    assert factors.methods(cast.bob) == ["backup"]  # and isn't offered
    assert factors.use_code(cast.bob, bobs[1][0])
    assert factors.seal_anew() == (0, ["bob@example.org"])


def test_with_a_new_key_nothing_ends_and_the_secret_is_encrypted_anew(cast, clock, bobs):
    sealed = User.get_by_id(cast.bob.id).totp_secret
    succeed()
    assert factors.fits_totp(cast.bob, code(bobs[0], clock))
    assert factors.seal_anew() == (1, [])
    assert factors.seal_anew() == (0, [])
    assert User.get_by_id(cast.bob.id).totp_secret != sealed
    configuration.use(dataclasses.replace(configuration.active, secret_key_fallbacks=()))
    clock.forward(minutes=1)
    assert factors.fits_totp(cast.bob, code(bobs[0], clock))


def test_what_was_kept_up_to_0_4_holds_and_is_encrypted_anew(cast, clock, bobs):
    """The secret by Fernet, backup codes under SECRET_KEY: as long as their key stands in the configuration."""
    secret, old_key = bobs[0], configuration.active.secret_key
    key = HKDF(SHA256(), 32, salt=None, info=b"guildhall totp").derive(old_key.encode())
    sealed = Fernet(base64.urlsafe_b64encode(key)).encrypt(secret.encode()).decode()
    write(User.update(totp_secret=sealed).where(User.id == cast.bob.id).execute)
    write(BackupCode.delete().execute)
    kept = hmac.new(old_key.encode(), b"backup:abcdeabcde", hashlib.sha256).hexdigest()
    write(BackupCode.create, user=cast.bob, code_hash=kept)
    assert factors.codes_of_a_key() == 1
    succeed()
    assert factors.fits_totp(cast.bob, code(secret, clock))
    assert factors.use_code(cast.bob, "ABCDE-abcde")
    assert not factors.use_code(cast.bob, "ABCDE-abcde")
    assert factors.seal_anew() == (1, [])
    assert keys.is_newest(User.get_by_id(cast.bob.id).totp_secret)


def test_backup_codes_are_kept_by_a_slow_hash_with_a_salt_of_their_set(cast, bobs, slow_hashes):
    kept = [row.code_hash for row in BackupCode.select()]
    assert {len(one) for one in kept} == {56}
    assert len({one[:16] for one in kept}) == 1
    assert len({one[16:] for one in kept}) == 10
    slow = passwords.stretched
    assert slow("abc", b"s" * 12, 30) == slow("abc", b"s" * 12, 30) != slow("abc", b"t" * 12, 30)
    assert len(slow("abc", b"s" * 12, 30)) == 30


def test_it_is_turned_on_only_after_proof_however_fresh_the_session(cast, clock, signed_in_as):
    signed_in_as("bob")
    secret = factors.new_secret()
    with pytest.raises(stepup.VerificationRequired):
        factors.enrol(cast.bob, secret, code(secret, clock))
    assert not BackupCode.select().exists()


def test_a_second_app_takes_the_place_of_the_first_only_after_proof(cast, clock, bobs, proven):
    clock.forward(minutes=11)  # the proof of the first is over
    other = factors.new_secret()
    with pytest.raises(stepup.VerificationRequired) as wanted:
        factors.enrol(cast.bob, other, code(other, clock))
    assert wanted.value.details["level"] == 3
    proven("bob", "security.enable_2fa", level=3)
    codes = factors.enrol(cast.bob, other, code(other, clock))
    clock.forward(minutes=1)
    assert not factors.fits_totp(cast.bob, code(bobs[0], clock))
    assert factors.fits_totp(cast.bob, code(other, clock))
    assert not factors.use_code(cast.bob, bobs[1][0])
    assert factors.use_code(cast.bob, codes[0])


# --- codes of the app ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [{"seconds": -30}, {"seconds": 0}])
def test_a_code_of_now_and_of_the_step_that_is_just_over_fits(cast, clock, bobs, delta):
    clock.forward(minutes=5)
    assert factors.fits_totp(cast.bob, code(bobs[0], clock, **delta))


@pytest.mark.parametrize("delta", [{"seconds": -60}, {"seconds": 30}, {"days": 1}])
def test_a_code_of_another_time_does_not(cast, clock, bobs, delta):
    clock.forward(minutes=5)
    assert not factors.fits_totp(cast.bob, code(bobs[0], clock, **delta))


def test_a_code_is_taken_once_and_so_is_the_one_that_turned_it_on(cast, clock, bobs):
    assert not factors.fits_totp(cast.bob, code(bobs[0], clock, minutes=-1))
    present = code(bobs[0], clock)
    assert factors.fits_totp(cast.bob, f" {present[:3]} {present[3:]} ")
    assert not factors.fits_totp(cast.bob, present)
    assert not factors.fits_totp(cast.bob, code(bobs[0], clock, seconds=-30))  # an older one after it: neither
    clock.forward(seconds=30)
    assert factors.fits_totp(cast.bob, code(bobs[0], clock))


def test_one_code_given_at_once_from_three_places_is_taken_once(cast, clock, bobs):
    present = code(bobs[0], clock)
    assert sorted(together(*[lambda: factors.fits_totp(cast.bob, present)] * 3)) == [False, False, True]


def test_nonsense_is_no_code(cast, bobs):
    for nonsense in ["", None, "abc", "12345", "1234567", "１２３４５６", "\x00"]:
        assert not factors.fits_totp(cast.bob, nonsense), nonsense


def test_who_has_no_app_has_no_code(cast, clock):
    assert not factors.fits_totp(cast.alice, "000000")
    assert factors.methods(cast.alice) == []


# --- backup codes ---------------------------------------------------------------------------------------------


def test_a_backup_code_is_good_once_however_it_is_typed(cast, bobs):
    first, second, *_ = bobs[1]
    assert factors.use_code(cast.bob, f"  {first.upper().replace('-', ' ')} ")
    assert not factors.use_code(cast.bob, first)
    assert factors.use_code(cast.bob, second)
    assert factors.codes_left(cast.bob) == 8
    used = AuditEvent.select().where(AuditEvent.action == "security.backup_code_used")
    assert used.count() == 2


def test_a_backup_code_used_at_once_from_three_places_is_used_once(cast, bobs):
    assert sorted(together(*[lambda: factors.use_code(cast.bob, bobs[1][0])] * 3)) == [False, False, True]


def test_somebody_elses_backup_code_is_none(cast, bobs):
    assert not factors.use_code(cast.alice, bobs[1][0])
    assert not factors.use_code(cast.bob, "")
    assert not factors.use_code(cast.bob, None)
    assert factors.codes_left(cast.bob) == 10


def test_new_codes_void_the_old_and_want_a_proof(cast, bobs, signed_in_as, proven):
    signed_in_as("bob")
    with pytest.raises(stepup.VerificationRequired):
        factors.renew_codes(cast.bob)
    proven("bob", "security.backup_codes")
    codes = factors.renew_codes(cast.bob)
    assert len(codes) == factors.codes_left(cast.bob) == 10
    assert not factors.use_code(cast.bob, bobs[1][0])
    assert factors.use_code(cast.bob, codes[0])


def test_who_has_no_second_factor_gets_no_codes(cast, proven):
    proven("alice", "security.backup_codes")
    with pytest.raises(Refused, match="Turn on"):
        factors.renew_codes(cast.alice)


# --- turning it off ---------------------------------------------------------------------------------------------


def test_turning_it_off_wants_a_proof_and_forgets_everything(cast, clock, bobs, signed_in_as, proven):
    signed_in_as("bob")
    with pytest.raises(stepup.VerificationRequired):
        factors.turn_off(cast.bob)
    proven("bob", "security.disable_2fa")
    factors.turn_off(cast.bob)
    bob = User.get_by_id(cast.bob.id)
    assert (bob.totp_secret, bob.totp_step, bob.second_factor_at) == (None, None, None)
    assert not BackupCode.select().exists()
    assert not factors.fits_totp(bob, code(bobs[0], clock))
    assert actions() == ["security.2fa_enabled", "security.2fa_disabled"]


# --- at sign-in -------------------------------------------------------------------------------------------------


def begin(user, way="password", target="/acme"):
    return sign_ins.begin_second_factor(user, way, target)


def test_the_right_code_finishes_the_sign_in_that_was_begun(cast, clock, bobs):
    token = begin(cast.bob)
    present = code(bobs[0], clock)
    assert sign_ins.finish_second_factor(token, present, factors.fits_totp) == (cast.bob, "password", "/acme")
    clock.forward(minutes=1)
    with pytest.raises(tokens.CodeExpired):
        sign_ins.finish_second_factor(token, code(bobs[0], clock), factors.fits_totp)


def test_five_wrong_tries_end_it_also_for_the_right_code(cast, clock, bobs):
    token = begin(cast.bob)
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        with pytest.raises(tokens.WrongCode, match=left):
            sign_ins.finish_second_factor(token, "x", factors.fits_totp)
    with pytest.raises(tokens.CodeExpired):
        sign_ins.finish_second_factor(token, "x", factors.fits_totp)
    with pytest.raises(tokens.CodeExpired):
        sign_ins.finish_second_factor(token, code(bobs[0], clock), factors.fits_totp)
    assert AuthToken.get(AuthToken.public_id == token).attempts == 5


def test_many_tries_at_once_are_all_counted(cast, clock, bobs):
    token = begin(cast.bob)
    outcomes = together(*[lambda: sign_ins.finish_second_factor(token, "x", factors.fits_totp)] * 8)
    assert len(refused(outcomes)) == 8
    assert AuthToken.get(AuthToken.public_id == token).attempts == 5


def test_after_ten_minutes_one_begins_anew(cast, clock, bobs):
    token = begin(cast.bob)
    clock.forward(minutes=11)
    with pytest.raises(tokens.CodeExpired):
        sign_ins.finish_second_factor(token, code(bobs[0], clock), factors.fits_totp)


def test_a_passkey_and_a_backup_code_finish_it_too(cast, clock, bobs, proven):
    assert sign_ins.finish_second_factor(begin(cast.bob), bobs[1][0], factors.use_code)[0] == cast.bob
    phone = Authenticator()
    challenge, options = passkeys.creation(cast.bob)
    with pytest.raises(stepup.VerificationRequired):  # it would go round the second factor
        passkeys.keep(cast.bob, phone.create(options), challenge, "Phone")
    proven("bob", "security.add_passkey", level=3)
    passkeys.keep(cast.bob, phone.create(options), challenge, "Phone")
    assert factors.methods(cast.bob) == ["totp", "passkey", "backup"]
    challenge, options = passkeys.request(cast.bob)
    said = phone.get(options)
    found = sign_ins.finish_second_factor(
        begin(cast.bob), said, lambda user, answer: passkeys.answered_by(answer, challenge, user)
    )
    assert found == (cast.bob, "password", "/acme")
