"""The second factor at sign-in: an authenticator app, with backup codes for the day the phone is lost.

TOTP is RFC 6238 by pyotp; each step is taken once. The shared secret is kept encrypted (Fernet, a key
derived from SECRET_KEY), backup codes only as hashes.
"""

import base64
import hashlib
import hmac
import re
import secrets

import pyotp
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from database.clock import now
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import audit, configuration, outgoing, settings, stepup
from domain.fields.kinds import clean, code_digits, comparable
from models import BackupCode, Passkey, User

CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else


def is_on(user):
    """Whether signing in asks this user for a second factor."""
    return user.second_factor_at is not None


def methods(user):
    """What the user can answer with at sign-in, the usual first: totp, passkey, backup."""
    user = User.get_by_id(user.id)
    held = [("totp", user.totp_secret), ("passkey", Passkey.one(Passkey.user == user)), ("backup", codes_left(user))]
    return [name for name, has in held if has]


def summary(user):
    """What the user's own page shows: since when it is on (or None), and how many backup codes are left."""
    user = User.get_by_id(user.id)
    return {"since": user.second_factor_at, "codes_left": codes_left(user)}


# --- the authenticator app ------------------------------------------------------------------------------


def new_secret():
    """A fresh shared secret, to be shown and then confirmed by `enrol`."""
    return pyotp.random_base32()


@writes
def begin():
    """Before a set-up: refuses with VerificationRequired, so that nobody is asked while the app's code grows old."""
    stepup.demand("security.enable_2fa")


def address(user, secret):
    """What the QR code holds: an otpauth:// address that authenticator apps read."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=settings.get("site_name"))


def enrol(user, secret, code):
    """Turn the second factor on once the app shows the right code; returns the backup codes, shown once.

    Refuses with Invalid for a wrong code, and with VerificationRequired before anything.
    """
    code = code_digits(code)
    if not re.fullmatch(r"[A-Z2-7]{32}", secret or ""):
        raise Invalid({"code": "This set-up is too old. Start again."})
    step = _step_of(secret, code)
    if step is None:
        raise Invalid({"code": "That isn't the code the app shows now. Is the clock of the phone right?"})
    return _enrol(user, seal(secret), step)


@writes
def _enrol(user, secret, step):
    stepup.demand("security.enable_2fa")
    User.update(totp_secret=secret, totp_step=step, second_factor_at=now()).where(User.id == user.id).execute()
    audit.record("security.2fa_enabled", "Turned on the second factor with an app", by=user, target=user)
    outgoing.letter(
        "second_factor_changed", user.email, f"2fa_on:{user.id}:{now().timestamp()}", name=user.name, on=True
    )
    return _make_codes(user)


@writes
def turn_off(user):
    """No second factor any more; its secret and backup codes are forgotten. Step-up L3 comes first."""
    stepup.demand("security.disable_2fa")
    User.update(totp_secret=None, totp_step=None, second_factor_at=None).where(User.id == user.id).execute()
    BackupCode.delete().where(BackupCode.user == user).execute()
    audit.record("security.2fa_disabled", "Turned off the second factor", by=user, target=user)
    outgoing.letter(
        "second_factor_changed", user.email, f"2fa_off:{user.id}:{now().timestamp()}", name=user.name, on=False
    )


def fits_totp(user, code):
    """Whether it is the app's present code, and not one that was used before."""
    user = User.get_by_id(user.id)
    if not user.totp_secret:
        return False
    secret = unseal(user.totp_secret)
    if not secret:  # SECRET_KEY was changed: the app has to be set up anew
        return False
    step = _step_of(secret, code_digits(code))
    return step is not None and _use_step(user, step)


@writes
def _use_step(user, step):
    fresh = User.totp_step.is_null() | (User.totp_step < step)
    return bool(User.update(totp_step=step).where(User.id == user.id, fresh).execute())


def _step_of(secret, code):
    """The 30-second step the code belongs to, one to either side of now allowed (RFC 6238, 5.2)."""
    totp, present = pyotp.TOTP(secret), int(now().timestamp()) // 30
    for step in (present, present - 1, present + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            return step
    return None


# --- backup codes ------------------------------------------------------------------------------------------


@writes
def renew_codes(user):
    """Ten new backup codes, shown once; the old ones are void. Step-up L3 comes first."""
    stepup.demand("security.backup_codes")
    if not is_on(User.get_by_id(user.id)):
        raise Refused("Turn on the second factor first.")
    audit.record("security.backup_codes_renewed", "Made new backup codes", by=user, target=user)
    return _make_codes(user)


def _make_codes(user):
    BackupCode.delete().where(BackupCode.user == user).execute()
    made = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    for code in made:
        BackupCode.create(user=user, code_hash=_code_hash(code))
    return made


def codes_left(user):
    """How many backup codes are still good."""
    return BackupCode.select().where(BackupCode.user == user, BackupCode.used_at.is_null()).count()


@writes
def use_code(user, code):
    """Whether it is an unused backup code; it is used by this."""
    used = (
        BackupCode.update(used_at=now())
        .where(BackupCode.user == user, BackupCode.code_hash == _code_hash(code), BackupCode.used_at.is_null())
        .execute()
    )
    if used:
        audit.record("security.backup_code_used", "Signed in with a backup code", by=user, target=user)
    return bool(used)


def _code_hash(code):
    plain = re.sub(r"[^a-z0-9]", "", comparable(clean(code)[:40]))
    return hmac.new(configuration.active.secret_key.encode(), f"backup:{plain}".encode(), hashlib.sha256).hexdigest()


# --- the secret at rest ------------------------------------------------------------------------------------


def _fernet():
    key = HKDF(SHA256(), 32, salt=None, info=b"guildhall totp").derive(configuration.active.secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def seal(text):
    """Encrypted, so that it may be kept in a row or travel in a cookie."""
    return _fernet().encrypt(text.encode()).decode()


def unseal(sealed):
    """What was sealed; empty when it wasn't by this house's present SECRET_KEY."""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except (InvalidToken, ValueError):
        return ""
