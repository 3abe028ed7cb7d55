"""Letters for the staff: the log, one of them, the addresses that aren't written to, and how each kind looks."""

from flask import Blueprint, Response, request

from domain.base.letters import suppressions
from domain.lists import rows
from domain.operations.mail import catalogue, letter_desk
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("mail", __name__)
PATH = "/admin/mail"
TABS = (
    ("letters", "Letters", PATH),
    ("suppressions", "Not written to", f"{PATH}/suppressions"),
    ("templates", "Templates", f"{PATH}/templates"),
)
# A letter styles itself; it runs nothing, loads nothing, and is shown within our page alone.
FRAMED = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "X-Frame-Options": "sameorigin",
}

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
        title=dict(catalogue.TITLES).get(letter.template, letter.template),
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


# --- how letters look ------------------------------------------------------------------------------------------------

routes.add(
    blueprint,
    rows.Rules(catalogue.listing),
    f"{PATH}/templates",
    side="platform",
    nav="mail",
    template="admin/mail/templates.html",
    context=lambda place: {"mail_tabs": TABS},
    prefix="templates_",
)


@blueprint.get(f"{PATH}/templates/<letter>")
@access.platform("mail.read")
def show_template(letter):
    subject, text, _ = catalogue.parts(letter, access.me().email)
    return pages.page(
        "admin/mail/template.html",
        letter=catalogue.one(letter),
        subject=subject,
        text=text,
        narrow=request.args.get("width") == "narrow",
        here="mail",
    )


@blueprint.get(f"{PATH}/templates/<letter>/html")
@access.platform("mail.read")
def template_html(letter):
    """The letter itself, for the frame in its page."""
    _, _, html = catalogue.parts(letter, access.me().email)
    return Response(html, content_type="text/html; charset=utf-8", headers=FRAMED)


@blueprint.post(f"{PATH}/templates/<letter>/letter")
@access.platform("mail.read")
def send_template(letter):
    catalogue.send_sample(letter, by=access.me())
    return pages.go(f"{PATH}/templates/{letter}", f"It is on its way to {access.me().email}.")
