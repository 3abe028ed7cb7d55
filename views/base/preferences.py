"""What one wants to hear of, and how; and the link in a letter that ends letters like it."""

from flask import Blueprint
from htmx_flask import request

from domain import Invalid
from domain.base import preferences
from domain.people import admins
from views import access, pages
from views.safety.marks import from_anywhere, unlimited

blueprint = Blueprint("preferences", __name__)
PAGE = "/settings/notifications"


@blueprint.get(PAGE)
@access.signed_in
def show():
    return _page()


def _page(status=200, **wrong):
    user = access.me()
    kinds = preferences.of(user)
    site = "admin.read" in admins.capabilities(user)
    return pages.page(
        "people/accounts/notifications.html",
        status,
        kinds=[kind for kind in kinds if not kind.why],
        necessary=[kind for kind in kinds if kind.why and kind.types and (site or kind.name != "site")],
        letters=preferences.LETTERS.choices,
        times=preferences.times(user),
        weekdays=preferences.WEEKDAY.choices,
        hours=[(hour, f"{hour:02}:00") for hour in range(24)],
        here="account",
        **wrong,
    )


@blueprint.post(f"{PAGE}/times")
@access.signed_in
def times():
    try:
        preferences.choose_times(access.me(), request.form)
    except Invalid as refusal:
        if request.htmx:
            raise  # it is said in the notice: the choices stand where they are
        return _page(422, errors=refusal.beside("form"), values=request.form)
    return _kept("Digests come at that time from now on.")


@blueprint.post(f"{PAGE}/<kind>")
@access.signed_in
def choose(kind):
    held = preferences.choose(access.me(), kind, request.form)
    return _kept(f"{held.label}: kept.")


def _kept(words):
    if not request.htmx:
        return pages.go(PAGE, words)
    return pages.answer(pages.notice("good", words))


@blueprint.get("/unsubscribe/<token>")
@access.holder
def ask_to_stop(token):
    """A page with one button: programs that look at links in letters end nothing."""
    return _asked(*preferences.behind(token))


@blueprint.post("/unsubscribe/<token>")
@access.holder
@from_anywhere
@unlimited
def stop(token):
    """The button, or the one click of a mail program (RFC 8058), which has no cookie and comes from anywhere: those of
    one mail service from few addresses, so that no limit of a place may count them."""
    user, name = preferences.behind(token)
    preferences.stop(user, name)
    return "" if request.form.get("List-Unsubscribe") == "One-Click" else _asked(user, name)


def _asked(user, name):
    over = preferences.stopped(user, name)
    return pages.page("people/accounts/unsubscribe.html", label=preferences.label(name), over=over, email=user.email)
