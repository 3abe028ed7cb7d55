"""The editor of a template: one picture, one list of slots, number fields that are the truth. Without scripts it is a
form, and the server draws the picture."""

from contextlib import closing

from flask import Blueprint, Response, flash, g, jsonify, redirect, request

from domain import Invalid, NotFound, Refused, Stale
from domain.base import configuration
from domain.events.carriers import covers
from domain.files import qr
from domain.flyers import designs, keeping
from domain.flyers.organizing import drafts, templates
from views import access, pages
from views.assets import asset
from views.flyers.managing import tabs
from views.safety.marks import takes

blueprint = Blueprint("flyers_editing", __name__)
PICTURE = 5 * 1024**2  # bytes
AT = "/<organization>/flyers/templates/<id:id>"


def _url(id, part="edit"):
    return f"/{g.by.organization.slug}/flyers/templates/{id}/{part}"


@blueprint.get(f"{AT}/edit")
@access.member("flyers.write")
def edit(id):
    template = templates.one(id)
    return _draw(template, template.draft)


def _draw(template, design, *, values=None, refusal=None, seen=None):
    values = values or drafts.filled(design)
    errors = drafts.beside(refusal.fields or {"form": refusal.sentence}, values) if refusal else {}
    base, bound = configuration.active.site_url, templates.words(template.event)
    links = {"share.url": f"{base}/flyers/{template.id}", "event.url": bound.get("event.url") or f"{base}/e/event"}
    return pages.page(
        "flyers/edit.html",
        refusal.status if refusal else 200,
        edited=template,
        here="flyers",
        values=values,
        errors=errors,
        slots=[(i, slot, drafts.parts_of(slot["kind"])) for i, slot in _slots(values)],
        seen=seen or drafts.mark(template.draft),
        drafts=drafts,
        looks=[(name, label) for name, (label, *_) in designs.PRESETS.items()],
        tried=[(key, label) for key, (label, _) in templates.TRIED.items()],
        trying=request.args.get("try", "usual"),
        pictures=keeping.pictures(),
        cover=covers.of(template.event_id),
        advice=templates.advice(template),
        faint=() if refusal else templates.hard_to_read(template),
        url=_url(template.id),
        back=_url(template.id, "").rstrip("/"),
        may_publish=g.by.may("flyers.publish"),
        is_clash=isinstance(refusal, Stale),
        given={
            "fonts": asset("vendor/fonts.json"),
            "bound": bound,
            "codes": {name: qr.rows(link) for name, link in links.items()},
            "pictures": f"/{g.by.organization.slug}/flyers/pictures/",
            "tried": {key: name for key, (_, name) in templates.TRIED.items()},
        },
        **tabs("templates"),
    )


def _slots(values):
    """Kind and key of each slot of a form."""
    known, found = dict(drafts.KINDS), []
    for i in range(designs.MOST_SLOTS + 1):
        kind = values.get(f"slots.{i}.kind")
        if kind in known:
            found.append((i, {"kind": kind, "key": values.get(f"slots.{i}.key", "")}))
    return found


@blueprint.post(f"{AT}/edit")
@access.member("flyers.write")
def update(id):
    """Save what the form says, and do its act: with a slot, or publish it."""
    template, act, form = templates.one(id), request.form.get("act", ""), request.form
    seen = None if act == "over" else form.get("seen", "")[:40]
    try:
        design = designs.read(form["design"] if "design" in form else drafts.sent(form))
        if act and act not in ("over", "publish"):
            design = designs.read(drafts.after(design, act))
        templates.save(id, design, seen=seen, by=g.by)
        message = templates.publish(id, by=g.by) if act == "publish" else "Saved."
    except (Invalid, Stale) as refusal:
        if pages.wants_json() or "design" in form:
            raise
        # What the form says stands there again, with its refusals beside it.
        return _draw(template, template.draft, values=form.to_dict(), refusal=refusal, seen=seen)
    template = templates.one(id)
    if pages.wants_json():
        told = {"seen": drafts.mark(template.draft), "message": message}
        return jsonify(told | {"advice": [[stops, words] for stops, words in templates.advice(template)]})
    if request.headers.get("HX-Request"):
        return _draw(template, template.draft)
    flash(message, "good")
    return redirect(_url(id, "").rstrip("/") if act == "publish" else _url(id), 303)


@blueprint.post(f"{AT}/pictures")
@access.member("flyers.write")
@takes(PICTURE + 100_000)
def add_picture(id):
    """Put a picture here and use it, behind all or over the photo; or that of its event («cover»), behind all."""
    template, part = templates.one(id), request.form.get("part", "")
    try:
        if part not in ("background", "overlay", "cover"):
            raise Refused("Say where the picture goes.")
        data = covers.content(template.event_id, large=True)[1] if part == "cover" else _sent()
        picture = keeping.add_picture(data, by=g.by)
        templates.put_picture(id, "overlay" if part == "overlay" else "background", picture, by=g.by)
    except Refused as refusal:
        if pages.wants_json():
            raise
        return _draw(template, template.draft, refusal=Invalid({"picture": refusal.sentence}))
    return redirect(_url(id), 303)


def _sent():
    if file := request.files.get("picture"):
        with closing(file):
            return file.read(PICTURE + 1)
    raise Refused("Choose a picture first.")


@blueprint.get("/<organization>/flyers/pictures/<sha256>")
@access.member("flyers.read")
def picture(sha256):
    """A picture of the organization's templates, by its hash."""
    found = next((one for one in keeping.pictures() if one.sha256 == sha256), None)
    data = found and keeping.picture(g.by.organization.id, sha256)
    if not found or not data:
        raise NotFound("There is no such picture here.")
    response = Response(data, content_type=found.type)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
