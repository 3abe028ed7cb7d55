"""An account's life: sign-up, changes, deletion, and the first admin. The ways into it are sign_ins.py.

A code belongs to the browser that asked for it: somebody else's later sign-up with the same address can't
slip a password under it.
"""

import secrets
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Any

import peewee

from database.clock import now, reader_zone
from database.locks import lock
from database.scope import everywhere
from database.transactions import wake, writes
from domain import Invalid, NotFound, Refused
from domain.backers import backers
from domain.base import audit, outgoing, settings, stepup, tokens
from domain.base.letters import subscribers, suppressions
from domain.entitlements import credits
from domain.fields.choice import TIME_ZONE, Choice
from domain.fields.email import EMAIL, address, normalized
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, Unfit, clean
from domain.fields.text import Name, Text
from domain.organizations import invitation_links, invitations, organizations, permissions
from domain.people import admins, codes, passwords, sessions
from models import (
    Admin,
    Assignment,
    AuthToken,
    BackupCode,
    CalendarFeed,
    Challenge,
    Digest,
    Erasure,
    Feedback,
    Identity,
    Membership,
    Notification,
    Organization,
    Passkey,
    Preference,
    Profile,
    Proof,
    Session,
    StaffRole,
    User,
)

SETUP_LIFE = timedelta(days=7)


@dataclass(frozen=True)
class PersonName(Name):
    """What a person is called: one sentence says all that is asked of it."""

    most: int = 100

    def read(self, text):
        try:
            return super().read(text)
        except Unfit:
            raise Unfit(_NAME) from None


_NAME = "Write your name, in up to 100 characters and without links."
NAME = Field("name", "Your name", PersonName(), True, missing=_NAME)
BIO = Field("bio", "About you", Text(300, long=True))
OWN = ("timezone", "country", "currency")  # fields of the profile that are the user's, not the profile's


def by_email(email):
    return User.one(User.email_norm == normalized(email))


class Suspended(Refused):
    code, status = "FORBIDDEN", 403


def must_be_active(user):
    """Refuse with Suspended whom the platform has shut out."""
    if user.status != "active":
        raise Suspended("This account can't sign in now. Ask the people who run this site.")


# --- sign-up ----------------------------------------------------------------------------------------


class AlreadyRegistered(Refused):
    """There is an account already: `details["elsewhere"]` is where to sign in to it."""


def sign_up(email, name, password, next_url=None, *, backer=None):
    """Mail a code for a new account; returns the token's public id for the browser to keep.

    `backer` is the Claim that the browser carries: needed while a campaign runs, and kept with the mailed code.
    With a password the answer is the same for an address that has an account: its owner gets a letter that
    says so. Without one (`password` None) they are told, unless messages are neutral.
    Refuses with Invalid, with AlreadyRegistered, and with a backers.NotClaimed.
    """
    must_be_open(email)
    backers.must_have(backer, normalized(clean(email)))  # before a password is hashed for nothing
    email, name, password_hash = _checked(email, name, password)
    strict = password is None and not settings.get("auth_neutral_messages")
    return _begin_sign_up(email, name, password_hash, next_url, strict, backer)


def must_be_open(email):
    """Refuse while this site takes no new accounts, but of whom an open invitation waits for."""
    if not settings.get("sign_up_open") and not invitations.waits_for(normalized(clean(email))):
        raise Refused("Sign-up is closed here. Ask an admin of this site for a way in.", "FORBIDDEN", 403)


def _checked(email, name, password):
    """The form in order: (address, name, password hash or None). Refuses with Invalid."""
    fields = (EMAIL, NAME) if password is None else (EMAIL, NAME, passwords.PASSWORD)
    read = read_whole(fields, {"email": email, "name": name, "password": password})
    if password is None:
        return read["email"], read["name"], None
    passwords.must_be_uncommon(read["password"], read["email"], read["name"])
    return read["email"], read["name"], passwords.hashed(read["password"])


@writes
def _begin_sign_up(email, name, password_hash, next_url, strict=False, backer=None):
    suppressions.must_be_reachable(email)
    known = by_email(email)
    if known and strict:
        raise AlreadyRegistered("This address has an account already.", elsewhere="/sign-in/code")
    payload = {"email": email, "name": name, "password_hash": password_hash, "known": bool(known)}
    return codes.mail("verify_email", email, payload | ({"backer": backer.kept} if backer else {}), None, next_url)


@codes.letter("verify_email")
def _mail_verification(token, code):
    made = token.payload
    if made["known"]:
        return _say_registered(token)
    return outgoing.letter(
        "verify_email", made["email"], f"verify:{token.id}", **codes.values(token, made["name"], code)
    )


def _say_registered(token):
    """No code for an address that has an account: its owner is told so, once an hour, and whoever asked is not."""
    known = by_email(token.email_norm)
    return known and outgoing.letter("already_registered", known.email, f"already:{known.id}:{now():%Y-%m-%dT%H}")


@writes(keep=tokens.NotTheCode)
def verify(token_id, code, backer=None):
    """The right code makes the account. Returns (user, next url); refuses with WrongCode or CodeExpired.
    `backer` is the Claim that the browser carries now, if any, before the one it signed up with. Refuses
    with a backers.NotClaimed too; the code stays good then."""
    token = codes.pending(token_id, "verify_email")
    tokens.check(token, code)
    if by_email(token.email_norm):
        raise tokens.CodeExpired("This address has an account by now. Sign in instead.")
    made = token.payload
    try:
        claim = backer or backers.kept(made.get("backer"))
        user = create(made["email"], made["name"], made["password_hash"], backer=claim)
    except peewee.IntegrityError:  # another browser was faster
        raise tokens.CodeExpired("This address has an account by now. Sign in instead.") from None
    return user, token.next_url


@writes
def create(email, name, password_hash, *, verified=True, backer=None, first=False):
    """A user with profile, personal organization and credit account: all of it or nothing.
    Their time zone, and that of the organization, begins as the one they are read in: what their browser says.
    Every way to an account ends here. While a campaign runs it refuses with a backers.NotClaimed without a
    good Claim (`backer`); only the account that sets the site up (`first`) needs none."""
    user = User.create(
        email=email,
        email_norm=normalized(email),
        password_hash=password_hash,
        email_verified_at=now() if verified else None,
        timezone=reader_zone(),
    )
    Profile.create(user=user, full_name=name)
    organization = organizations.create_personal(user, name)
    credits.open_account(organization)
    if not first:
        backers.admit(user, organization, backer)
    audit.record("auth.user.created", f"{name} made an account", by=user, target=user)
    return user


# --- a new password, a new address -------------------------------------------------------------------------


def has_password(user):
    """Whether a password is one of the user's ways in."""
    return User.get_by_id(user.id).password_hash is not None


def change_password(user, password):
    """Choose a new password, or the first; every other browser is signed out. Step-up L3 comes first.
    Refuses with Invalid."""
    return _change_password(user, passwords.chosen(password, user.email, user.name))


@writes
def _change_password(user, password_hash):
    stepup.demand("account.change_password")
    set_password(user, password_hash)
    ended = sessions.end_all(user, "password_changed", by=user, but=stepup.present.get().session)
    audit.record("security.password_changed", "Chose a new password", by=user, target=user)
    outgoing.letter("password_changed", user.email, f"password:{user.id}:{now().timestamp()}", name=user.name)
    return ended


def set_password(user, password_hash):
    """Within a write. Whoever got past the old one, and stands before the second factor, must begin again."""
    User.update(password_hash=password_hash).where(User.id == user.id).execute()
    AuthToken.delete().where(AuthToken.user == user, AuthToken.purpose == "second_factor").execute()


@writes
def ask_new_address(user, email):
    """Mail a code to the address the account is to have; returns the token's public id. Step-up L3 comes first.
    Refuses with Invalid, and for an address on the admin list: it would be lost with the old address."""
    email = address(email)
    if normalized(email) == user.email_norm:
        raise Invalid({"email": "That is your address already."})
    suppressions.must_be_reachable(email)
    stepup.demand("account.change_email")
    if Admin.one(Admin.email_norm == user.email_norm):
        raise Refused("Your address is on the admin list. Put the new one there first, and take the old one off.")
    taken = by_email(email)
    if taken and not settings.get("auth_neutral_messages"):
        raise Invalid({"email": "This address belongs to another account."})
    return codes.mail("change_email", email, user=user)


@codes.letter("change_email")
def _mail_new_address(token, code):
    user = token.user
    if user.status != "active" or by_email(token.email_norm):
        return _say_registered(token)
    to, key = codes.recipient(token), f"address:{token.id}"
    return outgoing.letter("confirm_address", to, key, **codes.values(token, user.name, code))


@writes(keep=tokens.NotTheCode)
def change_address(user, token_id, code):
    """The right code moves the account to its new address; both are told. Refuses with WrongCode or CodeExpired."""
    token = codes.pending(token_id, "change_email")
    tokens.check(token if token and token.user_id == user.id else None, code)
    lock("account", token.email_norm)
    if by_email(token.email_norm):
        raise tokens.CodeExpired("This address has an account by now.")
    old, new = user.email, codes.recipient(token)
    User.update(email=new, email_norm=token.email_norm, email_verified_at=now()).where(User.id == user.id).execute()
    Profile.update(updated_at=now()).where(Profile.user == user.id).execute()  # by which lists of members hear of both
    AuthToken.delete().where(AuthToken.email_norm == normalized(old)).execute()
    audit.record("security.email_changed", "Changed the e-mail address", by=user, target=user, before=old, after=new)
    for to in (old, new):
        outgoing.letter("email_changed", to, f"email_changed:{token.id}:{to}", name=user.name, old=old, new=new)
    outgoing.notify(user, "security.email_changed", f"email_changed:{token.id}", "Your e-mail address was changed")
    return new


@writes
def change_profile(user, name, timezone, bio="", country="", currency=""):
    """What others call the user and read of them, the zone their days are in, and what new phone fields and
    organizations of theirs begin with. Refuses with Invalid."""
    form = {"name": name, "timezone": timezone, "bio": bio, "country": country, "currency": currency}
    after, held = read_whole(_profile_fields(), form), User.get_by_id(user.id)
    before, bio = {"name": held.name} | {name: getattr(held, name) for name in OWN}, after.pop("bio")
    if (before, held.profile.bio) != (after, bio):
        Profile.update(full_name=after["name"], bio=bio).where(Profile.user == user.id).execute()
        User.update({name: after[name] for name in OWN}).where(User.id == user.id).execute()
        audit.record("auth.user.updated", "Changed the profile", by=user, target=user, before=before, after=after)


@cache
def countries():
    """(code, name) of every country, by name, as the time zones' data has them; read when they are first asked for."""
    lines = (resources.files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    found = [tuple(line.split("\t")) for line in lines if not line.startswith("#")]
    return tuple(sorted(found, key=lambda pair: pair[1]))


def _profile_fields():
    known = Choice(tuple((code, name, "") for code, name in countries()))
    currency = replace(organizations.CURRENCY, required=False)
    return NAME, TIME_ZONE, BIO, Field("country", "Country", known), currency


# What goes with an account, each by its user.
OF_A_PERSON: Any = (
    *(CalendarFeed, Membership, Identity, Passkey, BackupCode, StaffRole, Challenge, Proof, Assignment),
    *(Preference, Digest, Session, Feedback),
)


# --- leaving for good --------------------------------------------------------------------------------------


def ties(user):
    """The team organizations that would be left without an owner: they are handed over or deleted first."""
    return [
        one.organization
        for one in Membership.select(Membership, Organization)
        .join(Organization)
        .where(
            Membership.user == user,
            Membership.role == "owner",
            Organization.status != "deleted",
            Organization.is_personal == False,  # noqa: E712
        )
        if permissions.owners(one.organization) < 2
    ]


@writes
def delete(user):
    """Close the account for good: what names the person goes, what others need stays. Step-up L4 first. Returns the
    receipt: table → how many rows were removed, or rid of them. Refuses with LastOwner while an organization has no
    other owner, for the last admin, and while people have tickets for an event of their own space."""
    stepup.demand("account.delete", user.id)
    theirs = Membership.select(Membership.organization).where(Membership.user == user)
    for (organization,) in theirs.order_by(Membership.organization).tuples():
        lock("owners", organization)
    if held := ties(user):
        names = passwords.joined([organization.name for organization in held])
        raise permissions.LastOwner(f"You are the only owner of {names}. Hand over or delete that first.")
    admins.must_not_be_last(user)
    if own := Organization.one(Organization.owner == user, Organization.is_personal):
        organizations.keep_what_is_awaited(own)
    email, name, formerly = user.email, user.name, _former_addresses(user)
    counts = _erase(user)
    about = {"name": name, "receipt": receipt(counts), "formerly": formerly}
    outgoing.letter("account_deleted", email, f"deleted:{user.id}", **about)
    return counts


def receipt(counts):
    """What was removed, in words: how many rows of which tables."""
    return ", ".join(f"{table.replace('_', ' ')}: {count}" for table, count in sorted(counts.items()))


@writes
def erase_again(user):
    """Close an account that was closed for good after a copy that is in use now was made. Returns the names of the
    organizations that would be without an owner: there it stays the owner, as somebody without a name."""
    held = ties(user)
    _erase(user, stays=[organization.id for organization in held])
    return [organization.name for organization in held]


def _former_addresses(user):
    """Those that an account had before its present one, of which the audit log knows; none that is another's by now."""
    found = {event.metadata.get("before"): None for event in audit.changes(user, "security.email_changed")}
    return [email for email in found if email and email != user.email and (by_email(email) or user).id == user.id]


def _erase(user, stays=()):
    Erasure.insert(user_id=user.id).on_conflict_ignore().execute()
    wake("erasure")
    wake("personal_export")
    own = Organization.owner == user, Organization.is_personal, Organization.status != "deleted"
    for organization in Organization.select().where(*own):
        organizations.close(organization, by=user)
    sessions.end_all(user, "revoked", by=user)
    sums: Counter[str] = Counter()
    for email in (user.email, *_former_addresses(user)):
        sums.update(outgoing.forget(email))
        sums.update(subscribers.forget(normalized(email)))
    counts = dict(sums)
    whose: dict[Any, Any] = {table: table.user == user for table in OF_A_PERSON}
    whose |= {Admin: Admin.email_norm == user.email_norm, Notification: Notification.recipient == user}
    whose[AuthToken] = (AuthToken.user == user) | (AuthToken.email_norm == user.email_norm)
    if stays:
        whose[Membership] &= Membership.organization.not_in(stays)
    with everywhere("the account leaves every organization at once"):
        invitation_links.end_of(user)
        for table, theirs in whose.items():
            counts[table._meta.table_name] = table.delete().where(theirs).execute()
    counts |= {"user": 1, "profile": 1}
    counts = {table: count for table, count in counts.items() if count}
    audit.record("auth.user.deleted", "Deleted the account", by=user, target=user, removed=counts)
    Erasure.update(counts=counts).where(Erasure.user_id == user.id).execute()
    gone = f"deleted-{user.id}@deleted.invalid"  # RFC 2606: mail to it goes nowhere
    User.update(
        email=gone,
        email_norm=gone,
        password_hash=None,
        totp_secret=None,
        second_factor_at=None,
        email_verified_at=None,
        country=None,
        currency=None,
        status="deleted",
        deleted_at=now(),
        active_session_id=None,
    ).where(User.id == user.id).execute()
    Profile.update(full_name="Somebody who left", avatar_url=None, bio=None).where(Profile.user == user).execute()
    return counts


# --- the first admin -------------------------------------------------------------------------------------


@writes
def setup_secret():
    """On an empty install: a secret for the one-time set-up link; None once there is an account."""
    if User.select(User.id).first():
        return None
    secret = secrets.token_urlsafe(24)
    tokens.new("setup", "setup", secret=secret, life=SETUP_LIFE)
    return secret


def setup_open(secret):
    """Whether this set-up link may still be used. Refuses with NotFound."""
    token = AuthToken.one(AuthToken.purpose == "setup", AuthToken.consumed_at.is_null())
    fits = token and tokens.fits(token, secret)
    if not fits or token.expires_at < now() or User.select(User.id).first():
        raise NotFound(
            "This set-up link was used already or is too old. A restart prints a new one "
            "as long as there is no account."
        )
    return token


def set_up(secret, email, name, password):
    """Make the first account and put it on the admin allow-list. Refuses with NotFound or Invalid."""
    setup_open(secret)
    return _set_up(secret, *_checked(email, name, password))


@writes
def _set_up(secret, email, name, password_hash):
    token = setup_open(secret)
    if not tokens.consume(token):
        raise NotFound("This set-up link was used at this very moment.")
    user = create(email, name, password_hash, first=True)
    Admin.create(email=email, email_norm=normalized(email), note="Set up this site", added_by=user)
    StaffRole.create(user=user, role="super_admin")  # or nobody could choose further admins
    audit.record("admin.granted", f"{name} set up this site", by=user, target=user, role="super_admin")
    return user
