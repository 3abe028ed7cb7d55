"""Writing to whoever runs the site, with an account or without; and the staff's list of what was written."""

from flask import Blueprint, request

from domain import Refused
from domain.lists import rows
from domain.support import feedback
from views import access, pages
from views.lists import routes
from views.safety import limits

blueprint = Blueprint("feedback", __name__)
TRAP = "website"  # a field that people don't see

routes.add(blueprint, rows.Rules(feedback.listing), "/admin/feedback", side="platform", prefix="desk_")


def _draw(refusal=None, done=False):
    user = access.me()
    return pages.page(
        "support/feedback.html",
        refusal.status if refusal else 200,
        fields=(*feedback.FORM, *(() if user else (feedback.EMAIL,))),
        values={} if done else request.form,
        errors=refusal.beside() if refusal else {},
        done=done,
        mine=feedback.of(user) if user else [],
        states=feedback.STATUS,
        trap=TRAP,
        here="feedback",
    )


@blueprint.get("/feedback")
@access.public
def show():
    return _draw(done="sent" in request.args)


@blueprint.post("/feedback")
@access.public
@limits.limited("feedback")
def send():
    if not request.form.get(TRAP):
        try:
            feedback.write(request.form, by=access.me(), key=pages.form_key())
        except Refused as refusal:
            return _draw(refusal)
    return pages.go("/feedback?sent=1")
