"""The second factor at sign-in: an authenticator app, with backup codes for the day the phone is lost.

TOTP is RFC 6238 by pyotp; each step is taken once. The shared secret is kept encrypted (domain/base/keys.py),
backup codes only as hashes.
"""

import base64
import hmac
import re
import secrets

from peewee import fn

from database.clock import now
from database.late import Late
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import audit, keys, outgoing, settings, stepup
from domain.fields.kinds import clean, code_digits, comparable
from domain.people import passwords
from models import BackupCode, Passkey, User

pyotp = Late("pyotp")
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read as something else


def is_on(user):
    """Whether signing in asks this user for a second factor."""
    return user.second_factor_at is not None


def methods(user):
    """What the user can answer with at sign-in, the usual first: totp, passkey, backup."""
    user = User.get_by_id(user.id)
    held = [
        ("totp", user.totp_secret and not is_lost(user)),
        ("passkey", Passkey.one(Passkey.user == user)),
        ("backup", codes_left(user)),
    ]
    return [name for name, has in held if has]


def is_lost(user):
    """Whether the app's secret can't be read any more: the key it was encrypted under was withdrawn."""
    secret = User.get_by_id(user.id).totp_secret
    return bool(secret) and not keys.unseal(secret)


def summary(user):
    """What the user's own page shows: since when it is on (or None), backup codes left, whether the app is lost."""
    user = User.get_by_id(user.id)
    return {"since": user.second_factor_at, "codes_left": codes_left(user), "lost": is_lost(user)}


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
    made = _new_codes()
    _enrol(user, keys.seal(secret), step, made)
    return list(made)


@writes
def _enrol(user, secret, step, made):
    stepup.demand("security.enable_2fa")
    User.update(totp_secret=secret, totp_step=step, second_factor_at=now()).where(User.id == user.id).execute()
    audit.record("security.2fa_enabled", "Turned on the second factor with an app", by=user, target=user)
    outgoing.letter(
        "second_factor_changed", user.email, f"2fa_on:{user.id}:{now().timestamp()}", name=user.name, on=True
    )
    _keep_codes(user, made)


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
    secret = keys.unseal(user.totp_secret)
    if not secret:  # its key was withdrawn: the app has to be set up anew
        return False
    step = _step_of(secret, code_digits(code))
    return step is not None and _use_step(user, step)


@writes
def _use_step(user, step):
    fresh = User.totp_step.is_null() | (User.totp_step < step)
    return bool(User.update(totp_step=step).where(User.id == user.id, fresh).execute())


def _step_of(secret, code):
    """The 30-second step the code belongs to: the present one, or the one just over (RFC 6238, 5.2)."""
    totp, present = pyotp.TOTP(secret), int(now().timestamp()) // 30
    for step in (present, present - 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            return step
    return None


# --- backup codes ------------------------------------------------------------------------------------------
#
# They are kept by Argon2id, those of one set under one salt, so that a try costs one hash. Up to 0.4 they were
# kept under SECRET_KEY: those are good as long as their key stands in the configuration.

SALT, LENGTH = 12, 30  # bytes


def renew_codes(user):
    """Ten new backup codes, shown once; the old ones are void. Step-up L3 comes first."""
    made = _new_codes()
    _renew_codes(user, made)
    return list(made)


@writes
def _renew_codes(user, made):
    stepup.demand("security.backup_codes")
    if not is_on(User.get_by_id(user.id)):
        raise Refused("Turn on the second factor first.")
    audit.record("security.backup_codes_renewed", "Made new backup codes", by=user, target=user)
    _keep_codes(user, made)


def _new_codes():
    """Code → how it is kept. Takes a quarter of a second: never inside a transaction."""
    salt = secrets.token_bytes(SALT)
    made = ["-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    return {code: _kept(_plain(code), salt) for code in made}


def _keep_codes(user, made):
    BackupCode.delete().where(BackupCode.user == user).execute()
    for kept in made.values():
        BackupCode.create(user=user, code_hash=kept)


def _unused(user):
    return BackupCode.select().where(BackupCode.user == user, BackupCode.used_at.is_null())


def codes_left(user):
    """How many backup codes are still good."""
    return _unused(user).count()


def use_code(user, code):
    """Whether it is an unused backup code; it is used by this."""
    plain, kept = _plain(code), [row.code_hash for row in _unused(user)]
    salts = {_salt(one) for one in kept if not _is_of_a_key(one)}
    fitting = [_kept(plain, salt) for salt in salts] if plain else []
    if any(map(_is_of_a_key, kept)):
        fitting += [keys.mac(f"backup:{plain}", key) for key in keys.every()]
    return _use_code(user, fitting) if fitting else False


@writes
def _use_code(user, fitting):
    mine = (BackupCode.user == user) & BackupCode.code_hash.in_(fitting)
    used = BackupCode.update(used_at=now()).where(mine, BackupCode.used_at.is_null()).execute()
    if used:
        audit.record("security.backup_code_used", "Signed in with a backup code", by=user, target=user)
    return bool(used)


def _plain(code):
    return re.sub(r"[^a-z0-9]", "", comparable(clean(code)[:40]))


def _kept(plain, salt):
    return base64.urlsafe_b64encode(salt + passwords.stretched(plain, salt, LENGTH)).decode()


def _salt(kept):
    return base64.urlsafe_b64decode(kept)[:SALT]


def _is_of_a_key(kept):
    return len(kept) == 64  # hexadecimal digits


# --- a new SECRET_KEY --------------------------------------------------------------------------------------


def seal_anew():
    """Encrypt all secrets of apps under the newest key; returns (how many, addresses whose secret no key opens)."""
    done, lost, after = 0, [], 0
    while rows := list(_sealed().where(User.id > after).order_by(User.id).limit(500)):
        for user in rows:
            after = user.id
            if keys.is_newest(user.totp_secret):
                continue
            secret = keys.unseal(user.totp_secret)
            if secret:
                done += _reseal(user, keys.seal(secret))
            else:
                lost.append(user.email)
    return done, lost


def _sealed():
    return User.select(User.id, User.email, User.totp_secret).where(User.totp_secret.is_null(False))


@writes
def _reseal(user, sealed):
    unchanged = (User.id == user.id) & (User.totp_secret == user.totp_secret)  # else a new app came meanwhile
    return User.update(totp_secret=sealed).where(unchanged).execute()


def codes_of_a_key():
    """How many unused backup codes are kept under a SECRET_KEY, from up to 0.4: they end with it."""
    return BackupCode.select().where(BackupCode.used_at.is_null(), fn.length(BackupCode.code_hash) == 64).count()
