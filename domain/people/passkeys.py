"""Passkeys (WebAuthn level 2, by py_webauthn): a way in of their own, a second factor, and a proof.

A passkey signs in without a password and without a second factor: it is asked for with user
verification, so it is both. The browser's challenge is kept by the view, in the signed cookie.
"""

import json
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from database.clock import now
from database.late import Late
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import audit, configuration, outgoing, settings, stepup
from domain.fields.kinds import clean
from models import Passkey, User

webauthn, helpers, structs = Late("webauthn"), Late("webauthn.helpers"), Late("webauthn.helpers.structs")

MOST = 20
ANSWERED_WITHIN = timedelta(minutes=10)


class NotRecognised(Refused):
    code, status = "UNAUTHENTICATED", 401


def _broken():
    """What a made-up answer may cause."""
    return helpers.exceptions.WebAuthnException, ValueError, KeyError, TypeError, RecursionError


def _site():
    return urlsplit(configuration.active.site_url)


def _origin():
    site = _site()
    return f"{site.scheme}://{site.netloc}"


def of(user):
    """The user's passkeys, the newest first."""
    return list(Passkey.select().where(Passkey.user == user).order_by(Passkey.id.desc()))


def _described(passkeys):
    known = {transport.value for transport in structs.AuthenticatorTransport}
    return [
        structs.PublicKeyCredentialDescriptor(
            id=helpers.base64url_to_bytes(one.credential_id),
            transports=[structs.AuthenticatorTransport(t) for t in one.transports if t in known],
        )
        for one in passkeys
    ]


def creation(user):
    """(challenge, options as JSON text) for the browser to make a new passkey with."""
    options = webauthn.generate_registration_options(
        rp_id=_site().hostname or "localhost",
        rp_name=settings.get("site_name"),
        user_id=user.public_id.encode(),
        user_name=user.email,
        user_display_name=user.name,
        exclude_credentials=_described(of(user)),
        authenticator_selection=structs.AuthenticatorSelectionCriteria(
            resident_key=structs.ResidentKeyRequirement.REQUIRED,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        ),
    )
    return helpers.bytes_to_base64url(options.challenge), webauthn.options_to_json(options)


def keep(user, answer, challenge, name):
    """Keep the passkey that the browser made. Refuses with NotRecognised; step-up L3 comes first."""
    try:
        made = webauthn.verify_registration_response(
            credential=answer or "",
            expected_challenge=helpers.base64url_to_bytes(challenge or ""),
            expected_rp_id=_site().hostname or "localhost",
            expected_origin=_origin(),
            require_user_verification=True,
        )
        transports = json.loads(answer)["response"].get("transports") or []
    except _broken():
        raise NotRecognised("The browser's answer couldn't be checked. Please try again.") from None
    name = " ".join(clean(name).split())[:60] or "Passkey"
    return _keep(user, made, [str(t)[:20] for t in transports[:8]], name)


@writes
def _keep(user, made, transports, name):
    stepup.demand("security.add_passkey")
    if len(of(user)) >= MOST:
        raise Refused(f"{MOST} passkeys are enough. Remove one first.")
    credential_id = helpers.bytes_to_base64url(made.credential_id)
    if Passkey.one(Passkey.credential_id == credential_id):
        raise Refused("This passkey is kept already.")
    passkey = Passkey.create(
        user=user,
        credential_id=credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=name,
        transports=transports,
    )
    audit.record("security.passkey_added", f"Added the passkey {name}", by=user, target=passkey)
    outgoing.letter("passkey_added", user.email, f"passkey:{passkey.id}", name=user.name, passkey=name)
    return passkey


@writes
def remove(user, id):
    """Forget one of the user's passkeys. Refuses with NotFound; step-up comes first."""
    stepup.demand("security.remove_passkey", id)
    passkey = existing(Passkey.one(Passkey.id == id, Passkey.user == user), "That passkey is gone already.")
    passkey.delete_instance()
    audit.record("security.passkey_removed", f"Removed the passkey {passkey.name}", by=user, target=passkey)


@writes
def rename(user, id, name):
    """Call one of the user's passkeys something else; returns the name. Refuses with NotFound and Invalid."""
    name = " ".join(clean(name).split())[:60]
    if not name:
        raise Invalid({"name": "Write a name to know the passkey by."})
    passkey = existing(Passkey.one(Passkey.id == id, Passkey.user == user), "That passkey is gone already.")
    Passkey.update(name=name).where(Passkey.id == id).execute()
    facts = {"before": passkey.name, "after": name}
    audit.record("security.passkey_renamed", "Renamed a passkey", by=user, target=passkey, **facts)
    return name


def request(user=None):
    """(challenge, options as JSON text) for the browser to answer with a passkey: anybody's, or this user's.
    The challenge says when it was made: the cookie that keeps it can be sent again, its answer must not be."""
    options = webauthn.generate_authentication_options(
        rp_id=_site().hostname or "localhost",
        allow_credentials=_described(of(user)) if user else [],
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    return f"{helpers.bytes_to_base64url(options.challenge)}.{now().isoformat()}", webauthn.options_to_json(options)


def answered_by(answer, challenge, user=None):
    """The user whose passkey answered the challenge (and it must be `user`, if given). Refuses NotRecognised."""
    gone = NotRecognised("That passkey isn't known here. Use another way to sign in.")
    challenge, _, made_at = (challenge or "").partition(".")
    try:
        made_at = datetime.fromisoformat(made_at)
        if now() - made_at > ANSWERED_WITHIN:
            raise gone
        credential_id = json.loads(answer or "")["id"]
        known = isinstance(credential_id, str) and re.fullmatch(r"[A-Za-z0-9_=-]{1,1400}", credential_id)
        passkey = known and Passkey.one(Passkey.credential_id == credential_id)
        if not passkey or (user is not None and passkey.user_id != user.id):
            raise gone
        owner = User.get_by_id(passkey.user_id)
        handle = json.loads(answer)["response"].get("userHandle")
        if handle and helpers.base64url_to_bytes(handle) != owner.public_id.encode():
            raise gone
        checked = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=helpers.base64url_to_bytes(challenge),
            expected_rp_id=_site().hostname or "localhost",
            expected_origin=_origin(),
            credential_public_key=bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _broken():
        raise gone from None
    if not _used(passkey, checked.new_sign_count, made_at):
        raise gone
    return owner


def fits(user, answer, challenge):
    """Whether it is one of this user's passkeys that answered the challenge."""
    try:
        return bool(answered_by(answer, challenge, user))
    except NotRecognised:
        return False


@writes
def _used(passkey, sign_count, made_at):
    """Take the answer once: a challenge from before the passkey's last use was answered already, or lay about."""
    unused = Passkey.last_used_at.is_null() | (Passkey.last_used_at <= made_at)
    return Passkey.update(sign_count=sign_count, last_used_at=now()).where(Passkey.id == passkey.id, unused).execute()
