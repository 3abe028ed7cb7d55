"""What the site owes organizations of the money for tickets, and what it sent on to them."""

from flask import Blueprint, request

from domain.events.books import sent_on
from views import access, pages
from views.lists import routes

PATH = "/admin/payouts"
blueprint = Blueprint("sent_on", __name__)


def _owed(place):
    return {"owed": sent_on.owed(), "may_note": place.by.may("payouts.write")}


listed = routes.add(
    blueprint,
    sent_on.rules,
    PATH,
    side="platform",
    template="events/sent_on.html",
    context=_owed,
)


@blueprint.post(PATH)
@access.platform("payouts.write")
@pages.again(listed.again)
def note():
    return pages.go(PATH, sent_on.note(request.form, by=access.me()))
