"""The gate of the admin side, and the list behind it (A4.6, A0.2).

Who passes is computed at every request and never stored on the user. Whom SUPER_ADMIN_EMAILS names may do
everything; a row on the list without a role may do all but choose admins; roles narrow a row to what they
have (B.0-5).
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from database.clock import now
from database.compiled import Compiled
from database.locks import lock
from database.parameters import parameter
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound, Refused, existing
from domain.base import audit, configuration, outgoing, stepup
from domain.base.roles import PLATFORM, STAFF, UNNARROWED
from domain.fields.email import address, normalized
from domain.fields.kinds import clean
from domain.fields.number import counted
from models import Admin, StaffRole, User

NOTE = 200  # characters
EVERYTHING = frozenset(PLATFORM)


# --- the gate ---------------------------------------------------------------------------------------------


def gate(user):
    """The first reason that shuts the gate, in its order, or «ok»."""
    if user is None:
        return "not_authenticated"
    if user.status != "active":
        return "missing_user"
    if user.email_verified_at is None:
        return "email_not_verified"
    if not is_listed(user):
        return "not_allow_listed"
    if configuration.active.super_admin_require_2fa and user.second_factor_at is None:
        return "two_factor_required"
    return "ok"


# On every page: `list_1m_vs_jinja_page`.
_listed = Compiled(lambda: Admin.select(Admin.id).where(Admin.email_norm == parameter("email")))


def is_listed(user):
    """On the allow-list by a row or by the environment; an empty list is nobody."""
    return is_named(user.email_norm) or bool(_listed(email=user.email_norm))


def is_named(email_norm):
    """Whether SUPER_ADMIN_EMAILS has this address."""
    return email_norm in configuration.active.super_admin_emails


def capabilities(user):
    """The platform capabilities of whoever passes the gate; nobody else has any."""
    return _behind_the_gate(user) if gate(user) == "ok" else frozenset()


def _behind_the_gate(user):
    """What somebody on the list has once they pass the gate."""
    if is_named(user.email_norm):
        return EVERYTHING
    roles = _role_names(user)
    if not roles:
        return UNNARROWED
    return frozenset().union(*(STAFF[role][1] for role in roles))


@dataclass(frozen=True)
class Staff:
    """Somebody of the platform's staff who asks for one of its lists."""

    user: User
    capabilities: frozenset
    organization: None = None

    def may(self, capability):
        return capability in self.capabilities

    def require(self, capability):
        """Refuses with Forbidden."""
        if not self.may(capability):
            raise Forbidden("Your role on this site doesn't include that.")


def staff(user):
    """The user as who asks for a list of the platform."""
    return Staff(user, capabilities(user))


def oneself(user):
    """The user as who asks for a list of their own things, which are theirs as they are."""
    return Staff(user, frozenset({"own"}))


SIDES = {"platform": staff, "own": oneself}


def may(user, capability):
    """Whether the user passes the gate with this platform capability."""
    return capability in capabilities(user)


def people():
    """Everybody on the allow-list who has an account that is open."""
    listed = Admin.select(Admin.email_norm)
    named = User.email_norm.in_(configuration.active.super_admin_emails or ("",))
    return list(User.select().where(User.email_norm.in_(listed) | named, User.status == "active").order_by(User.id))


@writes
def tell_of_letters():
    """Tell admins, once a day, that letters can't be delivered or the server takes none; returns how many are told.
    They are told by notice: a letter is what doesn't work."""
    count, error = outgoing.trouble(now() - timedelta(hours=1))
    if not error:
        return 0
    title = f"{counted(count, 'letter')} couldn't be delivered" if count else "The mail server takes no letters"
    told = people()
    for admin in told:
        outgoing.notify(admin, "admin.letters", f"letters:{now():%Y-%m-%d}", title, body=error[:300], link="/admin")
    return len(told)


# --- the list -----------------------------------------------------------------------------------------------


class LastAdmin(Refused):
    """Without this person nobody could look after the site, or nobody could choose who does."""


@dataclass(frozen=True)
class Listed:
    """One line of the list: its row (None: the environment names them), its account if there is one, its roles."""

    email: str
    row: Admin | None
    user: User | None
    roles: tuple
    named: bool
    waits_for: str  # what `gate` says of the account; «no_account» without one


def everybody():
    """The whole list, those from the environment first."""
    rows = {row.email_norm: row for row in Admin.select().order_by(Admin.id)}
    names = list(dict.fromkeys((*configuration.active.super_admin_emails, *rows)))
    users = {user.email_norm: user for user in User.select().where(User.email_norm.in_(names or [""]))}
    held = {}
    for one in StaffRole.select().where(StaffRole.user.in_([user.id for user in users.values()])):
        held.setdefault(one.user_id, []).append(one.role)
    return [
        Listed(
            rows[name].email if name in rows else name,
            rows.get(name),
            users.get(name),
            tuple(sorted(held.get(users[name].id, ()))) if name in users else (),
            is_named(name),
            gate(users[name]) if name in users else "no_account",
        )
        for name in names
    ]


def target_of(email_norm):
    """What a step-up for this address is bound to: the address, or its hash where it is too long to be kept."""
    return email_norm if len(email_norm) <= 80 else hashlib.sha256(email_norm.encode()).hexdigest()


@writes
def add(email, note, *, by):
    """Put an address on the list, after step-up L4 for it. It counts once an account proves the address.
    Refuses with Invalid for an address that isn't one or is listed already, and with Forbidden."""
    email = address(email)
    note = " ".join(clean(note).split())
    if len(note) > NOTE:
        raise Invalid({"note": f"Keep it to {NOTE} characters."})
    known = normalized(email)
    stepup.demand("admin.change_whitelist", target_of(known))
    _must_be_chooser(by)
    if is_named(known):
        raise Invalid({"email": "SUPER_ADMIN_EMAILS names this address already."})
    made = (
        Admin.insert(email=email, email_norm=known, note=note or None, added_by=by)
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    if not made:
        raise Invalid({"email": "This address is on the list already."})
    row = Admin.get(Admin.email_norm == known)
    audit.record("admin.granted", f"{email} was put on the admin list", by=by, target=row, email=email, note=note)
    _tell_the_others(by, row, f"{email} was put on the admin list")


@writes
def remove(id, *, by):
    """Take a row off the list, with the roles of its account, after step-up L4 for it.
    Refuses with NotFound, and with Forbidden for oneself and for whom the environment names: so whoever
    removes the others stays, and the list is never without somebody who may choose."""
    row = existing(Admin.one(Admin.id == id), "That address isn't on the list any more.")
    stepup.demand("admin.change_whitelist", target_of(row.email_norm))
    _must_be_chooser(by)
    if row.email_norm == by.email_norm:
        raise Forbidden("You can't take yourself off the list. Ask another admin.")
    if is_named(row.email_norm):
        raise Forbidden("SUPER_ADMIN_EMAILS names this address: take it out of there first.")
    user = User.one(User.email_norm == row.email_norm)
    held = []
    if user is not None:
        held = sorted(one.role for one in StaffRole.select().where(StaffRole.user == user))
        StaffRole.delete().where(StaffRole.user == user).execute()
    Admin.delete().where(Admin.id == row.id).execute()
    audit.record(
        "admin.revoked", f"{row.email} was taken off the admin list", by=by, target=row, email=row.email, roles=held
    )
    _tell_the_others(by, row, f"{row.email} was taken off the admin list")


@writes
def grant(user_id, role, *, by):
    """Give somebody on the list a platform role, after step-up L4. Their first one narrows them to what it has.
    Refuses with NotFound, Invalid, and with Forbidden for oneself and for whom the environment names."""
    user = _somebody_else(user_id, role, by)
    before = _role_names(user)
    made = StaffRole.insert(user=user, role=role, granted_by=by).on_conflict_ignore().as_rowcount().execute()
    if not made:
        raise Refused(f"{user.name} has this role already.")
    _note_roles("admin.granted", f"{user.name} was made {STAFF[role][0].lower()}", user, before, by)


@writes
def revoke(user_id, role, *, by):
    """Take a platform role back, after step-up L4. Without any, they may do all but choose admins again.
    Refuses as `grant` does."""
    user = _somebody_else(user_id, role, by)
    before = _role_names(user)
    if not StaffRole.delete().where(StaffRole.user == user, StaffRole.role == role).execute():
        raise NotFound(f"{user.name} hasn't got this role.")
    _note_roles("admin.revoked", f"{user.name} is no longer {STAFF[role][0].lower()}", user, before, by)


def _somebody_else(user_id, role, by):
    user = User.one(User.id == user_id)
    if user is None or not is_listed(user):
        raise NotFound("They aren't on the admin list.")
    if role not in STAFF:
        raise Invalid({"role": "Choose one of the roles."})
    stepup.demand("admin.change_whitelist", f"{user.id}:{role}")
    _must_be_chooser(by)
    if user.id == by.id:
        raise Forbidden("You can't change your own roles. Ask another admin.")
    if is_named(user.email_norm):
        raise Forbidden("SUPER_ADMIN_EMAILS names them: they may do everything.")
    return user


def _role_names(user):
    roles = StaffRole.select(StaffRole.role).where(StaffRole.user == user).order_by(StaffRole.role)
    return [role for (role,) in roles.tuples()]


def _note_roles(action, summary, user, before, by):
    audit.record(action, summary, by=by, target=user, before=before, after=_role_names(user))
    _tell_the_others(by, user, summary)


def _must_be_chooser(by):
    """In the act's own transaction: of two who revoke each other at once, the second has lost the right."""
    lock("admins")
    if not may(User.get_by_id(by.id), "admins.write"):
        raise Forbidden("You may no longer choose admins.")


def must_not_be_last(user):
    """For somebody who leaves: refuse with LastAdmin to lose the last admin, or the last who may choose admins."""
    if not is_listed(user):
        return
    lock("admins")
    others = [one for one in people() if one.id != user.id and one.email_verified_at]
    if not others:
        raise LastAdmin("This is the last admin. Put somebody else on the admin list first.")
    if "admins.write" in _behind_the_gate(user) and not any("admins.write" in _behind_the_gate(one) for one in others):
        raise LastAdmin("Nobody else may choose admins. Make somebody else super admin first.")


def _tell_the_others(by, row, title):
    for one in people():
        if one.id != by.id:
            key = f"admins:{type(row).__name__}:{row.id}:{now().timestamp()}"
            outgoing.notify(one, "security.admins_changed", key, title, body=f"By {by.name}", link="/admin/admins")


# --- the log that isn't as it was written ----------------------------------------------------------------------


@writes
def warn_of_the_log(findings):
    """Note in the audit log that it was tampered with, and tell every admin by letter; the same is told once."""
    summary = f"The audit log was tampered with: {counted(len(findings), 'finding')}"
    _warn("audit_broken", "security", summary, findings, "/admin/audit")


@writes
def warn_of_damage(findings):
    """Note that the database's file is damaged, and tell every admin by letter; the same is told once."""
    summary = f"The database's file is damaged: {counted(len(findings), 'finding')}"
    _warn("file_damaged", "system", summary, findings, "/admin/jobs")


@writes
def warn_of_backup(findings):
    """Note that a copy isn't proven, and tell every admin by letter; the same is told once."""
    _warn("backup_failed", "system", "A copy of the database isn't proven", findings, "/admin/backups")


def _warn(what, category, summary, findings, path):
    audit.record(f"system.{what}", summary, result="failure", findings=findings[:10])
    mark = hashlib.sha256("\n".join(findings).encode()).hexdigest()[:24]
    for user in people():
        outgoing.letter(
            what,
            user.email,
            f"{what}:{mark}:letter:{user.id}",
            name=user.name,
            findings="\n".join(findings[:10]),
            link=f"{configuration.active.site_url}{path}",
        )
        outgoing.notify(user, f"{category}.{what}", f"{what}:{mark}", summary, body=findings[0], link="/admin/jobs")
