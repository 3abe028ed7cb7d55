"""Crowdfunding backers: a code is shown to be one's own, then claimed by the account that is made with it.

While the campaign runs (`crowdfunding_active`) every new account needs a claim, whichever way it is made:
`admit` stands inside accounts.create. Verifying gives a claim good for ten minutes; a later one voids it.
Codes are kept only as a keyed hash of name and code, always the same for the same two, so that they can be
looked up and never read. Why: docs/decisions/backers.md
"""

import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from database.clock import months_after, now
from database.locks import lock
from database.scope import inside
from database.transactions import writes
from domain import NotFound, Refused
from domain.backers import backer_codes, tiers
from domain.base import audit, changes, keys, outgoing, stepup
from domain.entitlements import credits, grants, plans
from domain.fields.choice import Choice
from domain.fields.forms import read_whole
from domain.fields.kinds import Field, clean
from domain.organizations import invitations
from models import Backer, BackerTier, Organization, Setting, User

LIFE = timedelta(minutes=10)


class NotClaimed(Refused):
    """No account without a claim; the kinds below say what is wrong with it."""


class BackerNeeded(NotClaimed):
    """There is no claim at all."""

    code = "BACKER_INVALID"


class BackerInvalid(NotClaimed):
    code = "BACKER_INVALID"


class BackerAlreadyUsed(NotClaimed):
    code = "BACKER_ALREADY_USED"


class ClaimExpired(NotClaimed):
    code = "BACKER_CLAIM_EXPIRED"


class ClaimMismatch(NotClaimed):
    code = "BACKER_CLAIM_MISMATCH"


class AlreadyThere(Refused):
    """This name has this code already (or, when one was to be made, has a code)."""


@dataclass(frozen=True)
class Claim:
    """What a browser got for a good code: whose, and the hash of its token."""

    backer: int
    mark: str

    @property
    def kept(self):
        """As a mailed code's row keeps it, until the code comes back."""
        return [self.backer, self.mark]


# --- the gate ---------------------------------------------------------------------------------------------


def is_on():
    """Whether the campaign runs, as the database says now: who may have an account isn't left to a cache."""
    return _switch("crowdfunding_active")


def _switch(name):
    row = Setting.one(Setting.key == name)
    return bool(row and row.value)


def is_invited(email_norm):
    """Whether an open invitation stands in for a code, where the site allows that."""
    return _switch("crowdfunding_invite_bypass") and invitations.waits_for(email_norm)


def verify(username, code, *, allow=lambda name: None):
    """Show that a code is one's own: (the backer, a token for the browser to keep for ten minutes).

    `allow(name)` is asked before anything is looked up; it may refuse. The token voids an earlier one.
    Refuses with BackerInvalid, BackerAlreadyUsed, and NotFound while no campaign runs.
    """
    username, code = clean(username)[:500].strip(), clean(code)[:500].strip()
    if not is_on():
        raise NotFound("There is no campaign at the moment: an account needs no code.")
    allow(backer_codes.lower(username)[: backer_codes.NAME])
    token = str(uuid.uuid4())
    return _verify(username, code, backer_codes.hashes(username, code), token), token


@writes
def _verify(username, code, hashes, token):
    backer = _by_code(username, hashes) if username and code else None
    if backer is None:
        raise BackerInvalid("This name and code don't belong together. Check both: the code must match exactly.")
    if backer.used_at is not None:
        raise _used()
    if backer.username_lower is None:  # a row from before there was a second column
        Backer.update(username=backer.username.strip(), username_lower=backer_codes.lower(username)).where(
            Backer.id == backer.id
        ).execute()
    pending = {"claim_hash": keys.keyed("backer claim", token), "claim_expires_at": now() + LIFE}
    if not Backer.update(**pending).where(Backer.id == backer.id, Backer.used_at.is_null()).execute():
        raise _used()
    return Backer.get_by_id(backer.id)


def _by_code(username, hashes):
    """By the name in lower case, by the name as it was typed, then among the legacy rows."""
    same = Backer.code_hash.in_(hashes)
    found = Backer.one(Backer.username_lower == backer_codes.lower(username), same)
    found = found or Backer.one(Backer.username == username, same)
    if found is None:
        legacy = Backer.select().where(Backer.username_lower.is_null(), same).order_by(Backer.id)
        found = next((row for row in legacy if backer_codes.lower(row.username) == backer_codes.lower(username)), None)
    return found


def _used():
    return BackerAlreadyUsed("This code has made an account already. Sign in to it, or ask whoever runs this site.")


def claim(told):
    """The Claim that a browser's (backer's id, token) stands for; None when it carries none."""
    if not isinstance(told, (list, tuple)) or len(told) != 2 or not isinstance(told[0], int):
        return None
    newest, *older = keys.keyed_by_each("backer claim", str(told[1])[:100])
    made_before = older and Backer.one(Backer.id == told[0], Backer.claim_hash.in_(older))
    return Claim(told[0], made_before.claim_hash if made_before else newest)


def kept(told):
    """The Claim that a mailed code's row kept (`Claim.kept`), or None."""
    return Claim(*told) if told else None


def held(claim):
    """The backer (with tier) that a claim is still good for, or None."""
    if claim is None:
        return None
    backer = Backer.select(Backer, BackerTier).join(BackerTier).where(Backer.id == claim.backer).first()
    return None if backer is None or _fault(backer, claim) else backer


def must_have(claim, email_norm):
    """Before a letter goes for a new account: refuse with a NotClaimed whom `admit` would refuse."""
    if is_on() and not is_invited(email_norm):
        if claim is None:
            raise _needed()
        if fault := _fault(Backer.one(Backer.id == claim.backer), claim):
            raise fault


def _needed():
    return BackerNeeded("New accounts are for backers now. Enter your username and the code from your pledge first.")


def _fault(backer, claim):
    """What is wrong with the claim, or None."""
    if backer is None:
        return BackerInvalid("This code isn't known any more. Enter your name and code again.")
    if backer.used_at is not None:
        return _used()
    if backer.claim_hash is None or not hmac.compare_digest(backer.claim_hash, claim.mark):
        return ClaimMismatch("Your code was entered somewhere else since. Enter your name and code again here.")
    if backer.claim_expires_at <= now():
        return ClaimExpired("It took longer than ten minutes. Enter your name and code again, then go on.")
    return None


def admit(user, organization, claim):
    """In the transaction that makes an account: use the claim up and give what its tier gives.

    Refuses with BackerNeeded, BackerInvalid, BackerAlreadyUsed, ClaimExpired or ClaimMismatch while the
    campaign runs, unless the user is invited and that is enough here. Without a campaign nothing is refused.
    """
    fault = _claim(user, organization, claim) if claim is not None else _needed()
    if fault is not None and is_on() and not is_invited(user.email_norm):
        raise fault


def _claim(user, organization, claim):
    """None, or what is wrong; then nothing was changed."""
    moment = now()
    backer = Backer.select(Backer, BackerTier).join(BackerTier).where(Backer.id == claim.backer).first()
    if fault := _fault(backer, claim):
        return fault
    tier = backer.tier
    until = months_after(moment, tier.months) if tier.months else None
    done = Backer.update(
        used_by=user,
        used_at=moment,
        claim_hash=None,
        claim_expires_at=None,
        access_granted_at=moment,
        access_until=until,
    ).where(
        Backer.id == backer.id,
        Backer.used_at.is_null(),
        Backer.claim_hash == claim.mark,
        Backer.claim_expires_at > moment,
    )
    if not done.execute():
        return _fault(Backer.get_by_id(backer.id), claim) or _used()
    User.update(backer_id=backer.id, backer_access_granted_at=moment, backer_access_until=until).where(
        User.id == user.id
    ).execute()
    _give(backer, user, organization, until)
    ends = f"until {until:%Y-%m-%d}" if until else "for life"
    audit.record(
        "backer.claimed",
        f"Claimed the code of {backer.username}: {tier.name}, {ends}",
        by=user,
        target=backer,
        category="billing",
        username=backer.username,
        tier=tier.name,
        plan=tier.plan_key,
        credits=tier.credits,
        until=until and f"{until:%Y-%m-%dT%H:%M:%SZ}",
    )
    return None


def _give(backer, user, organization, until):
    tier, mark = backer.tier, f"backer:{backer.id}:{user.id}"
    if tier.plan_key:
        plan = plans.stored(tier.plan_key)
        with inside(organization):
            grants.include(source_of(backer), plan, provider=None, expires_at=until, source_type="one_time")
            credits.follow(organization)
            changes.record(organization, "subscription", None, "updated", by=user)
    if tier.credits:
        credits.give(organization, tier.credits, key=mark, reason=f"Backer reward: {tier.name}")


def source_of(backer):
    """What a backer's grants name as their source."""
    return f"backer:{backer.id}"


# --- the admin's side -------------------------------------------------------------------------------------


def one(id):
    """One backer with the tier. Refuses with NotFound."""
    backer = Backer.select(Backer, BackerTier).join(BackerTier).where(Backer.id == id).first()
    if backer is None:
        raise NotFound("There is no such backer.")
    return backer


def account(backer):
    """The user who claimed the code, or None; also when the account was deleted since."""
    return User.one(User.id == backer.used_by_id) if backer.used_by_id else None


@writes
def add(username, code, tier_id, *, by):
    """Add one backer: (the row, the code, to be shown this once). An empty `code` has one made.

    Refuses with Invalid, and with AlreadyThere: for this name and code, or for the name alone when a code
    was to be made, so that nobody gets two by mistake.
    """
    choices = Choice(tuple((str(tier.id), tier.name, "") for tier in tiers.everything()))
    fields = (
        backer_codes.USERNAME,
        backer_codes.PLEDGE_CODE,
        Field("tier", "Tier", choices, True, missing="Choose a tier."),
    )
    read = read_whole(fields, {"username": username, "code": code, "tier": tier_id})
    username, code, tier = read["username"], read["code"], BackerTier.get_by_id(int(read["tier"]))
    lock("backer", backer_codes.lower(username))
    if not code and has_code(username):
        raise AlreadyThere(f"{username} has a code already. If it is for a second pledge, write the code yourself.")
    code = code or backer_codes.spelled(secrets.randbits(128))
    code_hash = hashed(username, code)
    if not keep(username, code_hash, tier.id):
        raise AlreadyThere(f"{username} has this code already.")
    backer = Backer.get(Backer.username_lower == backer_codes.lower(username), Backer.code_hash == code_hash)
    audit.record(
        "backer.added",
        f"Added the backer {username}: {tier.name}",
        by=by,
        target=backer,
        category="admin",
        username=username,
        tier=tier.name,
    )
    return backer, code


def unused():
    """How many codes wait for whom they belong to."""
    return Backer.select().where(Backer.used_at.is_null()).count()


def has_code(username):
    """Whether the name has any code."""
    if Backer.one(Backer.username_lower == backer_codes.lower(username)):
        return True
    legacy = Backer.select(Backer.username).where(Backer.username_lower.is_null())
    return any(backer_codes.lower(name) == backer_codes.lower(username) for (name,) in legacy.tuples())


def hashed(username, code):
    """Under what a code is kept; one that is there under an older key of the site stays so."""
    return backer_codes.hashed_as_kept(username, code, lambda one: Backer.one(Backer.code_hash == one))


def keep(username, code_hash, tier_id):
    """In the present transaction: the row of a new code; False when this name has it already."""
    if Backer.one(Backer.username_lower.is_null(), Backer.code_hash == code_hash):
        return False
    row = {
        "username": username,
        "username_lower": backer_codes.lower(username),
        "code_hash": code_hash,
        "tier": tier_id,
    }
    return bool(Backer.insert(**row).on_conflict_ignore().as_rowcount().execute())


@writes
def release(id, *, by):
    """Free a used code, for another account to claim. Step-up L3 comes first.

    What it gave is taken back from the account: the dates and the plan. Credits stay, as they may be spent.
    Refuses with NotFound, or when it isn't used.
    """
    stepup.demand("admin.release_backer", id)
    backer = one(id)
    user = account(backer)
    freed = Backer.update(
        used_by=None, used_at=None, claim_hash=None, claim_expires_at=None, access_granted_at=None, access_until=None
    ).where(Backer.id == id, Backer.used_at.is_null(False))
    if not freed.execute():
        raise Refused("This code isn't used: there is nothing to release.", "INVALID_TRANSITION")
    if user is not None:
        _take_back(backer, user)
    until = backer.access_until
    before = {"used_by": user.email if user else None, "until": until and f"{until:%Y-%m-%dT%H:%M:%SZ}"}
    audit.record(
        "backer.released",
        f"Released the code of {backer.username}",
        by=by,
        target=backer,
        category="admin",
        username=backer.username,
        before=before,
        after={"used_by": None, "until": None},
    )
    return one(id)


def _take_back(backer, user):
    mine = (User.id == user.id) & (User.backer_id == backer.id)
    User.update(backer_id=None, backer_access_granted_at=None, backer_access_until=None).where(mine).execute()
    organization = Organization.one(Organization.owner == user, Organization.is_personal)
    if organization is None:
        return
    with inside(organization):
        if grants.revoke(source_of(backer), "the backer's code was released"):
            changes.record(organization, "subscription", None, "updated")
    if user.status == "active":
        outgoing.notify(
            user,
            "billing.backer_released",
            f"backer_released:{backer.id}:{now().timestamp()}",
            "Your backer code was released",
            body="What it gave has ended. Ask whoever runs this site if that is wrong.",
        )
