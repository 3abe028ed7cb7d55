"""Letters for the staff: the log, one of them, and the addresses that aren't written to."""

from flask import Blueprint, request

from domain.base.letters import suppressions
from domain.lists import rows
from domain.operations.mail import letter_desk
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("mail", __name__)
PATH = "/admin/mail"
TABS = (("letters", "Letters", PATH), ("suppressions", "Not written to", f"{PATH}/suppressions"))

routes.add(
    blueprint,
    rows.Rules(letter_desk.listing),
    PATH,
    side="platform",
    template="admin/mail/index.html",
    context=lambda place: {"mail_tabs": TABS},
)


def _suppression_forms(place):
    causes = letter_desk.causes() if place.by.may("mail.write") else []
    return {"mail_tabs": TABS, "causes": causes, "may_write": place.by.may("mail.write")}


suppressed = routes.add(
    blueprint,
    rows.Rules(letter_desk.suppressed),
    f"{PATH}/suppressions",
    side="platform",
    nav="mail",
    template="admin/mail/suppressions.html",
    context=_suppression_forms,
    prefix="suppressions_",
)


@blueprint.get(f"{PATH}/<id:id>")
@access.platform("mail.read")
def show(id):
    letter = letter_desk.one(id)
    return pages.page(
        "admin/mail/show.html",
        letter=letter,
        told=letter_desk.history(letter),
        blocked=letter_desk.blocked_by(letter),
        next_try=letter_desk.next_try(letter),
        STATUS=letter_desk.STATUS,
        ABOUT=letter_desk.ABOUT,
        can=admins.capabilities(access.me()),
        here="mail",
    )


@blueprint.post(f"{PATH}/suppressions")
@access.platform("mail.write")
@pages.again(suppressed.again)
def suppress():
    email = request.form.get("email", "")
    suppressions.block(email, request.form.get("reason", ""), by=access.me())
    return pages.go(f"{PATH}/suppressions", f"{email.strip()} isn’t written to any more.")


@blueprint.post(f"{PATH}/suppressions/causes")
@access.platform("mail.write")
@pages.again(suppressed.again)
def lift_all():
    form = request.form
    count = letter_desk.lift_all(form.get("template", ""), form.get("reason", ""), by=access.me())
    return pages.go(f"{PATH}/suppressions", f"{count} addresses are written to again.")
