"""Proving again who one is, before an act that would hurt in the wrong hands.

L1, L2  a session younger than thirty minutes will do, counted from the sign-in, never from the last click
L3      a proof for this action and target, ten minutes old at most, however fresh the session
L4      the same, and it is used up by the act, in the act's own transaction

`demand` stands inside the act. Whoever can't meet it is refused with VerificationRequired, proves it
(domain/people/proofs.py) and asks again.
"""

import contextvars
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now
from domain import Refused
from domain.base import keys
from models import Passkey, Proof, User

FRESH = timedelta(minutes=30)
SINGLE_USE = 4  # the level from which a proof is good for one act

# Whose session asks; views fill it in. Without one nothing sensitive is done.
present: contextvars.ContextVar = contextvars.ContextVar("present", default=None)


@dataclass(frozen=True)
class Action:
    """A sensitive act: what it says in the dialog («Confirm that it is you to …»), and its level."""

    says: str
    level: int


ACTIONS = {
    "billing.open_portal": Action("open the customer portal", 1),
    "billing.cancel": Action("cancel the plan", 3),
    "payments.set_key": Action("change where ticket money goes", 3),
    "events.cancel": Action("cancel this event for good", 2),
    "orders.refund": Action("give back money of this event", 2),
    "events.renew_key": Action("renew the key that signs tickets", 3),
    "refunds.give_account": Action("tell where this money goes back to", 3),
    "member.remove": Action("remove this member", 2),
    "member.change_role": Action("change this member's role", 3),
    "organization.delete": Action("delete this organization", 4),
    "organization.export": Action("take all of this organization out", 3),
    "organization.transfer": Action("hand this organization over", 4),
    "organization.require_factor": Action("change who needs a second factor here", 3),
    "records.publish": Action("open a table to the public", 2),
    "keys.make": Action("make a key for programs", 3),
    "security.enable_2fa": Action("turn on the second factor", 3),
    "security.disable_2fa": Action("turn off the second factor", 3),
    "security.backup_codes": Action("make new backup codes", 3),
    "security.add_passkey": Action("add a passkey", 3),
    "security.remove_passkey": Action("remove this passkey", 3),
    "security.connect": Action("connect another way to sign in", 3),
    "security.disconnect": Action("disconnect this way to sign in", 3),
    "account.end_sessions": Action("sign out other browsers", 3),
    "account.change_password": Action("choose a new password", 3),
    "account.change_email": Action("change your e-mail address", 3),
    "account.export": Action("take out all that names you", 3),
    "account.delete": Action("delete your account", 4),
    "admin.suspend_organization": Action("suspend this organization", 4),
    "admin.reactivate_organization": Action("reactivate this organization", 4),
    "admin.suspend_user": Action("suspend this person", 3),
    "admin.reactivate_user": Action("reactivate this person", 3),
    "admin.impersonate": Action("look at the site as this person", 4),
    "admin.release_backer": Action("release this backer's code", 3),
    "admin.remove_demo": Action("remove what the demo made", 4),
    "admin.import_organization": Action("bring this organization in", 3),
    "admin.give_plan": Action("give this organization a plan or seats, or end them", 3),
    "admin.change_whitelist": Action("change who is admin", 4),
}


class VerificationRequired(Refused):
    """`details` name action, says, level, target and the methods that this user has."""

    code, status = "SENSITIVE_VERIFICATION_REQUIRED", 403
    about_form = False


def demand(action, target="", *, level=0):
    """In the act's transaction: refuse with VerificationRequired unless the present session may.

    `target` is the id that the proof must have been given for; `level` raises the action's own. A proof
    of level 4 is consumed here, so it is gone if and only if the act commits.
    """
    who, target = present.get(), str(target or "")
    level = max(ACTIONS[action].level, level)
    if who is not None and level <= 2 and now() - who.session.created_at <= FRESH:
        return
    if who is not None and _proven(who, action, target, level):
        return
    says = ACTIONS[action].says
    raise VerificationRequired(
        f"Confirm that it is you to {says}.",
        action=action,
        says=says,
        level=level,
        target=target,
        methods=methods(who.user) if who else [],
    )


def _proven(who, action, target, level):
    good = (
        (Proof.user == who.user)
        & (Proof.session == who.session)
        & (Proof.action == action)
        & (Proof.target == target)
        & (Proof.level >= level)
        & Proof.consumed_at.is_null()
        & (Proof.expires_at > now())
    )
    for proof in Proof.select().where(good).order_by(Proof.id.desc()):
        if not proof.single_use:
            return True
        unused = Proof.consumed_at.is_null()
        if Proof.update(consumed_at=now()).where(Proof.id == proof.id, unused).execute():
            return True
    return False


def methods(user):
    """How this user can prove it, the easiest first. A mailed code is always one of them."""
    user = User.get_by_id(user.id)
    held = (
        ("passkey", Passkey.one(Passkey.user == user)),
        ("password", user.password_hash),
        ("totp", user.totp_secret and keys.unseal(user.totp_secret)),
    )
    return [name for name, has in held if has] + ["email"]
