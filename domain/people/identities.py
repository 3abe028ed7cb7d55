"""Accounts elsewhere that sign one in here: Google, Apple, Microsoft, and any OpenID Connect issuer.

A provider says who has come; whether it vouches for their address decides what happens. An address it
doesn't vouch for is proven by a code that is mailed to it, before anything is connected or made: else
whoever claims an address elsewhere would get into the account that has it here.
"""

import re
from dataclasses import dataclass

import peewee

from database.clock import now
from database.late import Late
from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.backers import backers
from domain.base import audit, configuration, outgoing, settings, stepup, tokens
from domain.fields.email import address, normalized
from domain.fields.kinds import clean
from domain.people import accounts, codes
from models import AuthToken, Identity, Passkey, User

jwt, jwk = Late("joserfc.jwt"), Late("joserfc.jwk")
MOST = 10  # for one user
_TENANT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MICROSOFT = "https://login.microsoftonline.com/"
_TEMPLATE = "{tenantid}"  # stands in the issuer that Microsoft gives for all tenants
_RELAY = "@privaterelay.appleid.com"


class NotConnected(Refused):
    """Who came can't be connected or let in; the sentence says why."""


class LastWay(Refused):
    """Without this one they couldn't come in any more."""


@dataclass(frozen=True)
class Arrival:
    """Who a provider says has come: what it calls them, and whether it vouches for their address."""

    provider: str
    subject: str
    email: str  # empty when it didn't say, or said none that can be one
    verified: bool
    name: str


# --- the providers ------------------------------------------------------------------------------------------


def providers():
    """The issuers that this site is configured with, in the order of their buttons."""
    return configuration.active.identity_providers


def provider(name):
    """The issuer of this name. Refuses with NotFound when it isn't configured."""
    found = next((one for one in providers() if one.name == name), None)
    return existing(found, "This way to sign in isn't set up here.")


def label(name):
    """What people call the provider, also one that is no longer configured."""
    return next((one.label for one in providers() if one.name == name), name.capitalize())


def secret_of(about):
    """The client secret: as configured, or (Apple's) a token signed now, good for five minutes."""
    if not about.private_key:
        return about.client_secret
    moment = int(now().timestamp())
    claims = {
        "iss": about.team_id,
        "iat": moment,
        "exp": moment + 300,
        "aud": "https://appleid.apple.com",
        "sub": about.client_id,
    }
    return jwt.encode({"alg": "ES256", "kid": about.key_id}, claims, jwk.ECKey.import_key(about.private_key))


def is_issuer(about, said):
    """Whether a discovery document that calls its issuer `said` is this provider's own."""
    said = str(said)
    if said.rstrip("/") == about.issuer.rstrip("/"):
        return True
    # Microsoft names a tenant by its number where it was asked for by name, and all of them by a template.
    tenant = rf"{re.escape(_MICROSOFT)}({re.escape(_TEMPLATE)}|{_TENANT})/v2\.0"
    return about.issuer.startswith(_MICROSOFT) and bool(re.fullmatch(tenant, said))


def issued_by(said, claims):
    """Whether these claims come from the issuer that the discovery document calls `said`."""
    said, tenant = str(said), str(claims.get("tid"))
    if _TEMPLATE in said:
        return bool(re.fullmatch(_TENANT, tenant)) and claims.get("iss") == said.replace(_TEMPLATE, tenant)
    return claims.get("iss") == said


def read(name, claims, posted=None):
    """The Arrival that a provider's claims (checked already) tell of. Refuses with NotConnected without a subject.
    `posted` is the name in two parts that Apple sends beside them, once and unsigned: good for a name only."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255:
        raise NotConnected(f"{label(name)} didn't say who you are. Please use another way.")
    try:
        email = address(str(claims.get("email") or ""))
    except Invalid:
        email = ""
    given, family = posted or (claims.get("given_name"), claims.get("family_name"))
    called = claims.get("name") or " ".join(str(part) for part in (given, family) if part)
    called = " ".join(clean(str(called)).split())[:100] or email.partition("@")[0][:100]
    return Arrival(name, subject, email, bool(email) and _vouches(name, claims, email), called)


def _vouches(name, claims, email):
    if name == "microsoft":  # it sends no email_verified; this one says that the domain's owner was checked
        return _yes(claims.get("xms_edov"))
    verified = _yes(claims.get("email_verified"))
    if name == "google":  # for other people's domains it only knows what once was true
        return verified and (bool(claims.get("hd")) or email.lower().endswith(("@gmail.com", "@googlemail.com")))
    return verified


def _yes(value):
    return value is True or str(value).lower() in ("true", "1")


# --- coming in, and connecting -------------------------------------------------------------------------------


@writes
def may_connect(name):
    """Before one is sent to the provider: refuses with VerificationRequired unless the session may connect."""
    stepup.demand("security.connect", name)


@writes
def arrive(came, user=None, next_url=None, backer=None):
    """Take in who came from a provider: (the user, None), or (None, a token) once a code was mailed.

    `user` is who is signed in and wants to connect it (step-up comes first); otherwise the account it
    belongs to is found, connected when the address is proven on both sides, or made. `backer` is the Claim
    that the browser carries, for one that is made. Refuses with NotConnected, with Suspended, and as
    accounts.must_be_open and accounts.create do.
    """
    if user is not None:
        stepup.demand("security.connect", came.provider)
    _lock(came)
    known = _known(came)
    if known:
        return _met(known, user), None
    if not came.email:
        raise NotConnected(f"{label(came.provider)} didn't tell us your e-mail address, so it can't be used here.")
    if _is_proven(came, user):
        return _settle(came, user, backer), None
    return None, _ask_for_code(came, user, next_url, backer)


def _lock(came):
    """Two at once are one after the other: the second finds what the first has made."""
    lock("identity", f"{came.provider} {came.subject}")
    lock("account", normalized(came.email))


def _known(came):
    return Identity.one(Identity.provider == came.provider, Identity.subject == came.subject)


def _is_proven(came, user):
    own = user is not None and user.email_verified_at and normalized(came.email) == user.email_norm
    return came.verified or bool(own)


def _met(identity, user):
    if user is not None and identity.user_id != user.id:
        raise NotConnected(f"This {label(identity.provider)} account belongs to another account here.")
    accounts.must_be_active(identity.user)
    Identity.update(last_used_at=now()).where(Identity.id == identity.id).execute()
    return identity.user


def _settle(came, user, backer=None):
    """The address is proven: connect it to who is signed in, to the account that has it, or to a new one."""
    found = user or accounts.by_email(came.email)
    if found is None:
        accounts.must_be_open(came.email)
        try:
            made = accounts.create(came.email, came.name, None, backer=backer)
        except peewee.IntegrityError:  # a sign-up by code was faster
            found = accounts.by_email(came.email)
        else:
            return _connect(made, came)
    accounts.must_be_active(found)
    if found.email_verified_at is None:  # somebody else may have made it, and know its password
        raise NotConnected("The account with this address hasn't proven it. Sign in to it another way first.")
    _connect(found, came)
    outgoing.letter(
        "identity_connected",
        found.email,
        f"identity:{came.provider}:{came.subject}:{now().timestamp()}",
        name=found.name,
        provider=label(came.provider),
        address=came.email,
    )
    return found


def _connect(user, came):
    if Identity.select().where(Identity.user == user).count() >= MOST:
        raise NotConnected(f"{MOST} connected accounts are enough. Disconnect one first.")
    identity = Identity.create(
        user=user, provider=came.provider, subject=came.subject, email=came.email, last_used_at=now()
    )
    audit.record(
        "security.identity_connected",
        f"Connected an account at {label(came.provider)}",
        by=user,
        target=identity,
        provider=came.provider,
        address=came.email,
    )
    return user


# --- the code to an address that nobody vouches for -----------------------------------------------------------


def _ask_for_code(came, user, next_url, backer):
    mailed = True
    if user is None:
        try:
            account = accounts.by_email(came.email)
            if account:
                accounts.must_be_active(account)
            else:
                accounts.must_be_open(came.email)
                backers.must_have(backer, normalized(came.email))
        except Refused:
            if not settings.get("auth_neutral_messages"):
                raise
            mailed = False  # and nobody is told
    about = {"provider": came.provider, "subject": came.subject, "name": came.name}
    about |= {"mailed": mailed} | ({"backer": backer.kept} if backer else {})
    return codes.mail("identity", came.email, about, user, next_url)


@codes.letter("identity")
def _mail_code(token, code):
    about = token.payload
    facts = {"provider": label(about["provider"]), "code": code, "good_until": token.expires_at}
    return about["mailed"] and outgoing.letter("identity_code", about["email"], f"identity_code:{token.id}", **facts)


@writes(keep=tokens.NotTheCode)
def confirm(token_id, code, user=None, backer=None):
    """The right code proves the address: (user, next url). `user` is who is signed in, if they connect it.
    `backer` is the Claim that the browser carries now, if any. Refuses with WrongCode or CodeExpired, and as
    `arrive` does."""
    token = codes.pending(token_id, "identity")
    if token is None or token.user_id != (user.id if user else None):
        raise tokens.gone()
    about = token.payload
    if user is not None:
        stepup.demand("security.connect", about["provider"])
    tokens.check(token, code)
    came = Arrival(about["provider"], about["subject"], about["email"], True, about["name"])
    _lock(came)
    known = _known(came)
    claim = backer or backers.kept(about.get("backer"))
    return (_met(known, user) if known else _settle(came, user, claim)), token.next_url


# --- one's own -----------------------------------------------------------------------------------------------------


def of(user):
    """The user's connected accounts, the oldest first."""
    return list(Identity.select().where(Identity.user == user).order_by(Identity.id))


@writes
def disconnect(user, id):
    """Forget one of the user's connected accounts. Step-up L3 comes first.
    A code mailed to the account's own address is a way in too, so only where that address is Apple's relay
    (it dies with the connection) or isn't proven, and nothing else is left, it refuses with LastWay."""
    stepup.demand("security.disconnect", id)
    lock("ways", user.id)
    identity = existing(Identity.one(Identity.id == id, Identity.user == user), "That account is disconnected already.")
    if not _comes_in_without(identity):
        raise LastWay("This is your only way in. Choose a password or add a passkey first.")
    AuthToken.delete().where(AuthToken.purpose == "identity", AuthToken.user == user).execute()
    identity.delete_instance()
    audit.record(
        "security.identity_disconnected",
        f"Disconnected an account at {label(identity.provider)}",
        by=user,
        target=identity,
        provider=identity.provider,
        address=identity.email,
    )
    return identity


def _comes_in_without(identity):
    user = User.get_by_id(identity.user_id)
    by_mail = user.email_verified_at and not (identity.provider == "apple" and user.email_norm.endswith(_RELAY))
    others = Identity.one(Identity.user == user, Identity.id != identity.id)
    return bool(by_mail or user.password_hash or Passkey.one(Passkey.user == user) or others)
