"""The gate of the admin side: computed at every request, never stored on the user (A4.6, A0.2)."""

from domain import configuration
from domain.roles import PLATFORM
from models import Admin, Compiled, User, slot


def gate(user):
    """The first reason that shuts the gate, in its order, or «ok»."""
    if user is None:
        return "not_authenticated"
    if user.email_verified_at is None:
        return "email_not_verified"
    if not is_listed(user):
        return "not_allow_listed"
    return "ok"


_listed = Compiled(lambda: Admin.select(Admin.id).where(Admin.email_norm == slot("email")))


def is_listed(user):
    """On the allow-list by a row or by the environment; an empty list is nobody."""
    if user.email_norm in configuration.active.super_admin_emails:
        return True
    return bool(_listed(email=user.email_norm))


def people():
    """Everybody on the allow-list who has an account."""
    listed = Admin.select(Admin.email_norm)
    named = User.email_norm.in_(configuration.active.super_admin_emails or ("",))
    return list(User.select().where(User.email_norm.in_(listed) | named, User.status == "active"))


def may(user, capability):
    """Whether the user passes the gate with this platform capability."""
    return capability in PLATFORM and gate(user) == "ok"
