"""Answers to a public form as who builds its table sees them: what waits is let in or thrown away, with its files."""

from flask import Blueprint, g

from domain import Refused
from domain.lists import rows
from domain.records import listings
from domain.records.public import answers, desk, forms, links, quarantine, spam
from views import access, pages
from views.lists import files, routes

blueprint = Blueprint("public_answers", __name__)
HERE = "/<organization>/public-links/<id:parent>/answers"
FILE = HERE + "/<id:id>/kept/<id:file>"


def _of_list(place):
    link, *_ = links.found(place.ask.parent, place.by)
    return {"link": link}


routes.add(
    blueprint,
    rows.Rules(desk.answers_listing),
    "/public-links/<id:parent>/answers",
    nav="records",
    template="records/public/answers.html",
    context=_of_list,
)


def _answer(parent, id):
    answer, link, collection, *_ = answers.found(id, g.by)
    if link.id != parent:
        raise answers.gone()
    return answer, link, collection


@blueprint.get(HERE + "/<id:id>")
@access.member("records.publish")
def show(parent, id):
    """An answer, whole: what was written, why it waits, and its files."""
    answer, link, collection = _answer(parent, id)
    url = f"/{g.by.organization.slug}/public-links/{link.id}/answers"
    return pages.page(
        "records/public/answer.html",
        link=link,
        answer=answer,
        said=_answered(answer, link),
        why=[spam.REASONS.get(reason, reason) for reason in answer.reasons.split()] if answer.state == "held" else (),
        state=desk.STATE.plain(answer.state),
        tone=desk.STATE.tone(answer.state),
        files=[(file, f"{file.size / 1000:,.0f} kB") for file in quarantine.of(answer)],
        row=answer.record_id and f"/{g.by.organization.slug}/records/{collection.slug}/{answer.record_id}",
        url=url,
        here="records",
    )


def _answered(answer, link):
    """(question, what was written) of an answer that waits."""
    try:
        asked = {one.name: one for one in forms.questions(links.opened(link, is_reviewed=True))}
    except Refused:
        asked = {}
    words = answers.words_of(answer)
    gone = "A field that isn’t asked any more"
    return [
        (asked[name].field.label, answers.plain(asked[name], words[name])) if name in asked else (gone, words[name])
        for name in words
        if words[name]
    ]


@blueprint.get(FILE)
@access.member("records.publish")
def download(parent, id, file):
    """A file that waits, as a download that no browser runs."""
    found = quarantine.get(_answer(parent, id)[0], file)
    return files.sent(found, quarantine.content(found))


@blueprint.post(FILE + "/admission")
@access.member("records.publish")
def admit(parent, id, file):
    """Put a file into its cell."""
    answer, _, collection = _answer(parent, id)
    name = quarantine.let_in(listings.of(collection, g.by), answer, file, by=g.by)
    return pages.go(_at(answer), f"{name} stands in its row.")


@blueprint.post(FILE + "/removal")
@access.member("records.publish")
def remove(parent, id, file):
    """Throw a file away."""
    answer, *_ = _answer(parent, id)
    found = quarantine.get(answer, file)
    quarantine.throw_away(answer, found.id)
    return pages.go(_at(answer), f"{found.name} is thrown away.")


def _at(answer):
    return f"/{g.by.organization.slug}/public-links/{answer.link_id}/answers/{answer.id}"
