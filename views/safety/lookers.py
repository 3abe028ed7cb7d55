"""Staff that looks on as somebody changes nothing, wherever a view may stand, and sees no secrets."""

from flask import request
from flask_login import current_user

from domain import Forbidden
from views.safety.marks import is_marked
from views.safety.origin import SAFE

# What is the person's alone: addresses, browsers, passkeys, codes.
THEIRS = ("account", "settings", "step-up", "auth")


def only_looks():
    """Refuses with Forbidden."""
    if not current_user.is_authenticated or not current_user.only_looks:
        return
    if request.method not in SAFE and not is_marked("for_lookers"):
        raise Forbidden("You are looking on as somebody else, so nothing can be changed.")
    if request.path.split("/")[1] in THEIRS:
        raise Forbidden("This page is theirs alone: whoever looks on doesn't see it.")
