"""What a browser keeps, by name: the signed session cookie, and the one that a browser is known again by.

The session cookie is signed, not sealed: whoever has it reads it. So no code, link or secret goes into it,
only what names a row, or belongs to this browser anyway.
"""

import hashlib
from typing import Any

from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature


class Sessions(SecureCookieSessionInterface):
    """The signed cookie. One that an older key signed is signed anew, so that whoever comes by outlives that key."""

    digest_method = staticmethod(hashlib.sha256)

    def __init__(self):
        self._signers = {}

    def get_signing_serializer(self, app):
        """Made once for each key: it costs as much as reading a cookie."""
        name = (app.secret_key, *app.config["SECRET_KEY_FALLBACKS"])
        if name not in self._signers:
            self._signers[name] = super().get_signing_serializer(app)
        return self._signers[name]

    def open_session(self, app, request):
        found = super().open_session(app, request)
        if found and app.config["SECRET_KEY_FALLBACKS"] and not request.path.startswith("/static/"):
            found.modified = not self._is_newest(app, request)
        return found

    def _is_newest(self, app, request):
        signer: Any = super().get_signing_serializer(app)
        signer.secret_keys = signer.secret_keys[-1:]
        try:
            signer.loads(request.cookies[self.get_cookie_name(app)])
        except BadSignature:
            return False
        return True


# Ids of tokens that wait for an answer (models.AuthToken).
SIGN_UP, SIGN_IN, RESET, ADDRESS, IDENTITY = "sign_up", "sign_in", "reset", "address", "identity"
SECOND_FACTOR = "second_factor"
# Challenges for passkeys. A creation has its own: the step-up dialog may come between the making and the keeping.
PASSKEY, PASSKEY_CREATION = "passkey_challenge", "passkey_creation"
APP_SET_UP = "totp_secret"  # what a set-up that isn't finished goes on with: sealed
LINK_SENT = "link_sent"  # the address, for one look
BACKER = "backer"  # (backer's id, the token of the claim)
BACKER_BACK = "backer_back"  # where a code that was mailed already waits
VIEW_AS = "view_as"  # (organization's id, a lesser role[, whose eyes, the page to go back to])
FLYERS = "flyers"  # {"browser": told from others by it, "made": public ids of flyers that this browser made}
HOLDS = "ticket_places"  # event's id → public id of this browser's place in line: with no key, it opens nothing
STAFF = "staff_token"  # while somebody of the platform looks on as another: their own session

ZONE = "guildhall_zone"  # a cookie of its own: the browser's time zone, where nobody is signed in
BROWSER = "guildhall_browser"  # a cookie of its own, which signs nobody in
