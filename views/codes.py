"""The page that waits for a mailed code: one flow for everything that mails one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import redirect, request, session

from database.clock import now
from domain import Invalid
from domain.backers import backers
from domain.base.tokens import NotTheCode
from domain.people import codes
from views import access, entrance, pages
from views.backers.backers import to_the_gate
from views.safety.limits import forgive, limited

WATCHED = timedelta(minutes=2)  # the page looks for so long whether the letter was refused


@dataclass(frozen=True)
class CodeFlow:
    """A code was mailed, and this browser keeps the token's id; `finish(token, code)` answers for the right one.
    The page stands at `path`, and a new code is asked for at `again`. Without a token one is sent back to
    `begin`. `words(token)` is what the page says: templates/people/auth/code.html."""

    purpose: str
    key: str
    path: str
    again: str
    begin: str
    finish: Callable
    words: Callable[[Any], dict]
    too_old: str = "That is too old. Please ask for a new code."
    template: str = "people/auth/code.html"
    asked: str = "code_send"  # under which limit the letter was asked for
    door: Callable = field(default=access.public)

    @property
    def token(self):
        """What this browser waits with, or None."""
        return codes.pending(session.get(self.key), self.purpose)

    def wait(self, token_id):
        """Keep the token's id in this browser, and go to the page."""
        session[self.key] = token_id
        return pages.go(self.path)

    def end(self):
        session.pop(self.key, None)

    def serve(self, blueprint):
        """The three views, as routes of this blueprint."""

        @blueprint.get(self.path, endpoint="code")
        @self.door
        def show():
            token = self.token
            return self._page(token) if token else redirect(self.begin)

        @blueprint.post(self.path, endpoint="check_code")
        @limited("code_verify")
        @self.door
        def check():
            token = self.token
            if not token:
                return pages.go(self.begin, self.too_old, "warn")
            try:
                done = self.finish(token, request.form.get("code", ""))
                forgive(self.asked)
                return done
            except backers.NotClaimed as refusal:
                return to_the_gate(refusal, self.path)
            except (NotTheCode, Invalid) as refusal:
                return self._page(token, refusal)

        @blueprint.post(self.again, endpoint="send_code_again")
        @limited("code_send")
        @self.door
        def send_again():
            token = self.token
            if not token:
                return pages.go(self.begin, self.too_old, "warn")
            self.mail_again(token)
            return pages.go(self.path, "A new code is on its way. The old one is no longer good.", "info")

    def mail_again(self, token):
        session[self.key] = codes.send_again(token.public_id, self.purpose)

    def _page(self, token, refusal=None):
        about = {"email": codes.recipient(token), "flow": self, "refused": codes.was_refused(token)} | self.words(token)
        about["watches"] = now() - token.created_at < WATCHED and not about["refused"]
        return entrance.form(self.template, refusal, beside="code", **about)
