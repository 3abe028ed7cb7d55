"""The newsletter for the staff: its issues, written, tried, scheduled and followed, and its readers."""

from types import SimpleNamespace

from flask import Blueprint, Response, request
from markupsafe import Markup

from database.clock import local, now
from domain import Invalid
from domain.lists import rows
from domain.operations.news import bringing, campaigns, news_desk, writing
from domain.people import admins
from views import access, pages
from views.admin.mail import FRAMED
from views.lists import routes

blueprint = Blueprint("news", __name__)
PATH, READERS = "/admin/campaigns", "/admin/subscribers"
LEADS = {"waiting": "state=waiting", "skipped": "state=skipped"}
TABS = (("issues", "Issues", PATH), ("readers", "Readers", READERS))


def _tabs(place):
    return {"news_tabs": TABS, "may_write": place.by.may("newsletter.write")}


issues = routes.add(
    blueprint,
    rows.Rules(news_desk.issues),
    PATH,
    side="platform",
    nav="newsletter",
    template="admin/newsletter/index.html",
    context=_tabs,
)

routes.add(
    blueprint,
    rows.Rules(news_desk.recipients),
    f"{PATH}/<id:parent>/recipients",
    side="platform",
    nav="newsletter",
    template="admin/newsletter/recipients.html",
    prefix="recipients_",
    context=lambda place: {"issue": campaigns.one(place.ask.parent)},
)

readers = routes.add(
    blueprint,
    rows.Rules(news_desk.readers),
    READERS,
    side="platform",
    nav="newsletter",
    template="admin/newsletter/readers.html",
    prefix="readers_",
    context=_tabs,
)


# --- one issue -------------------------------------------------------------------------------------------------------


@blueprint.post(PATH)
@access.platform("newsletter.write")
def create():
    return pages.go(f"{PATH}/{campaigns.begin(by=access.me()).id}")


@blueprint.get(f"{PATH}/<id:id>")
@access.platform("newsletter.read")
def show(id):
    return _issue(id)


def _issue(id, refusal=None):
    issue = campaigns.one(id)
    is_begun = issue.status not in ("draft", "scheduled")
    errors, values = (refusal.beside(), request.form) if refusal else ({}, {})
    is_timing = "now" in values or "at" in values
    return pages.page(
        "admin/newsletter/show.html",
        refusal.status if refusal else 200,
        issue=issue,
        errors=errors,
        values=values if values and not is_timing else {"subject": issue.subject, "body": issue.body},
        at=values.get("at", ""),
        zone=str(local(now()).tzinfo),
        readers=campaigns.readers(),
        figures=campaigns.figures(issue) if is_begun else None,
        words=_words(values.get("body", issue.body)),
        chart=_chart(issue),
        held_up=campaigns.held_up(),
        STATUS=news_desk.STATUS,
        may_write="newsletter.write" in admins.capabilities(access.me()),
        here="newsletter",
    )


def _words(text):
    return Markup(writing.previewed(text))  # noqa: S704  sanitized


def _chart(issue):
    """How many of its recipients stand how, as bars that lead to them."""

    def drawn():
        found = campaigns.figures(issue)
        most = max(*(found[word] for word, _, _ in campaigns.OUTCOMES), 1)
        for word, label, _ in campaigns.OUTCOMES:
            href = f"{PATH}/{issue.id}/recipients?{LEADS.get(word, f'status={word}')}"
            group = SimpleNamespace(label=label, total=found[word], words=f"{found[word]:,}", href=href)
            yield group, None, round(found[word] * 100 / most, 1)

    return pages.later(lambda: SimpleNamespace(name="", by=SimpleNamespace(label="Letters"), bars=list(drawn())))


def _refused(id, refusal):
    return _issue(id, refusal)


@blueprint.post(f"{PATH}/<id:id>")
@access.platform("newsletter.write")
@pages.again(_refused)
def update(id):
    campaigns.change(id, request.form, by=access.me(), was=pages.was())
    return pages.go(f"{PATH}/{id}", "Kept. Nothing was sent.")


@blueprint.post(f"{PATH}/<id:id>/preview")
@access.platform("newsletter.write")
def preview(id):
    """What is typed, as readers will see it, while it is typed."""
    campaigns.one(id)
    text = request.form.get("body", "")[: campaigns.MOST]
    return pages.fragment("admin/newsletter/show.html", "preview_words", words=_words(text))


@blueprint.get(f"{PATH}/<id:id>/html")
@access.platform("newsletter.read")
def html(id):
    """The letter itself, for the frame in its page."""
    return Response(writing.shown(campaigns.one(id)), content_type="text/html; charset=utf-8", headers=FRAMED)


@blueprint.post(f"{PATH}/<id:id>/test")
@access.platform("newsletter.write")
@pages.again(_refused)
def test(id):
    campaigns.test(id, by=access.me())
    return pages.go(f"{PATH}/{id}", f"It is on its way to {access.me().email}.")


@blueprint.post(f"{PATH}/<id:id>/copies")
@access.platform("newsletter.write")
def copy(id):
    return pages.go(f"{PATH}/{campaigns.copy(id, by=access.me()).id}", "This is the copy. It is a draft.")


@blueprint.post(f"{PATH}/<id:id>/removal")
@access.platform("newsletter.write")
def remove(id):
    campaigns.remove(id, by=access.me())
    return pages.go(PATH, "The draft is thrown away.")


@blueprint.post(f"{PATH}/<id:id>/schedule")
@access.platform("newsletter.write")
@pages.again(_refused)
def schedule(id):
    campaigns.schedule(id, request.form, by=access.me())
    return pages.go(f"{PATH}/{id}", undo=f"{PATH}/{id}/draft")


@blueprint.post(f"{PATH}/<id:id>/draft")
@access.platform("newsletter.write")
def take_back(id):
    campaigns.take_back(id, by=access.me())
    return pages.go(f"{PATH}/{id}", "It is a draft again.")


@blueprint.post(f"{PATH}/<id:id>/pause")
@access.platform("newsletter.write")
def pause(id):
    campaigns.pause(id, by=access.me())
    return pages.go(f"{PATH}/{id}", "It is paused. Who has it has it; nobody else gets it now.")


@blueprint.post(f"{PATH}/<id:id>/resumption")
@access.platform("newsletter.write")
def resume(id):
    campaigns.resume(id, by=access.me())
    return pages.go(f"{PATH}/{id}", "It goes on.")


@blueprint.post(f"{PATH}/<id:id>/stop")
@access.platform("newsletter.write")
def stop(id):
    campaigns.stop(id, by=access.me())
    return pages.go(f"{PATH}/{id}", "It is stopped.")


# --- readers ---------------------------------------------------------------------------------------------------------


@blueprint.get(f"{READERS}/<id:id>")
@access.platform("newsletter.read")
def show_reader(id):
    row, said = news_desk.reader(id)
    return pages.page(
        "admin/newsletter/reader.html",
        reader=row,
        said=said,
        ACTS=news_desk.ACTS,
        STANDS_AS=news_desk.STANDS_AS,
        may_write="newsletter.write" in admins.capabilities(access.me()),
        here="newsletter",
    )


@blueprint.get(f"{READERS}/imports")
@access.platform("newsletter.write")
def ask_for_file():
    return _bringing()


def _bringing(status=200, **more):
    about = {"errors": {}, "values": {}, "told": None} | more
    return pages.page("admin/newsletter/bring.html", status, here="newsletter", most=bringing.MOST, **about)


@blueprint.post(f"{READERS}/imports")
@access.platform("newsletter.write")
def bring():
    sent, pasted = request.files.get("file"), request.form.get("lines", "")
    data = sent.read(bringing.SIZE + 1) if sent and sent.filename else pasted.encode()
    try:
        told = bringing.bring(data, request.form, by=access.me())
    except Invalid as refusal:
        return _bringing(refusal.status, errors=refusal.fields, values=request.form)
    return _bringing(told=told)
