"""The newsletter for its readers: the form, the page behind the link to confirm, and the one that ends it."""

from flask import Blueprint
from htmx_flask import request

from domain.base import settings
from domain.base.letters import subscribers
from views import access, pages
from views.safety.limits import limited
from views.safety.marks import from_anywhere, unlimited

blueprint = Blueprint("newsletter", __name__)


@blueprint.record_once
def _globals(state):
    state.app.jinja_env.globals["newsletter_words"] = lambda: settings.get("newsletter_open") and subscribers.text()


@blueprint.get("/newsletter")
@access.public
def show():
    subscribers.must_be_open()
    return _form()


def _form(refusal=None):
    errors, values = (refusal.beside("email"), request.form) if refusal else ({}, {})
    return pages.page(
        "operations/newsletter/show.html", refusal.status if refusal else 200, errors=errors, values=values
    )


@blueprint.post("/newsletter")
@limited("newsletter")
@access.public
@pages.again(_form)
def subscribe():
    """The same answer for every address, and for who fills in what people don't see."""
    if request.form.get("website"):
        subscribers.must_be_open()
    else:
        subscribers.ask(request.form.get("email", ""))
    return pages.go("/newsletter/sent")


@blueprint.get("/newsletter/sent")
@access.public
def sent():
    return pages.page("operations/newsletter/sent.html")


@blueprint.get("/newsletter/confirm/<token>")
@access.holder
def ask_to_confirm(token):
    """A page with one button: programs that look at links in letters confirm nothing."""
    return _confirming(subscribers.asked_by(token))


@blueprint.post("/newsletter/confirm/<token>")
@access.holder
def confirm(token):
    subscribers.confirm(token)
    return _confirming(subscribers.asked_by(token))


def _confirming(row):
    return pages.page("operations/newsletter/confirm.html", reader=row, words=subscribers.text())


@blueprint.get("/newsletter/preferences/<token>")
@access.holder
def ask_to_leave(token):
    return _leaving(subscribers.reader(token)[0])


@blueprint.post("/newsletter/preferences/<token>")
@access.holder
@from_anywhere
@unlimited
def leave(token):
    """The button, or the one click of a mail program (RFC 8058): without a cookie, from anywhere, as often as it comes.
    Those of one mail service come from few addresses, so that no limit of a place may count them."""
    if request.form.get("List-Unsubscribe") == "One-Click":
        subscribers.leave(token)
        return ""
    return _leaving(subscribers.come_back(token) if "again" in request.form else subscribers.leave(token))


def _leaving(row):
    return pages.page("operations/newsletter/leave.html", reader=row)
