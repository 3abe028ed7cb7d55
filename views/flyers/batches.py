"""Batches of flyers: a table and a ZIP are brought, their rows looked at, begun, watched, and fetched as a ZIP."""

import shutil
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid
from domain.base.allowances import spend
from domain.fields.kinds import whole
from domain.files import made_files
from domain.flyers.batches import batches, bringing
from domain.flyers.organizing import templates
from views import access, pages
from views.flyers import managing
from views.lists import routes
from views.safety.marks import takes

blueprint = Blueprint("flyer_batches", __name__)
HERE = "/<organization>/flyers/batches"


def _about(place, row):
    return managing.tabs("batches") | _state(batches.one(row.id))


def _state(batch):
    job = batches.job_of(batch)
    return {
        "batch": batch,
        "job": job,
        "size": made_files.size(job) if batch.state == "done" else None,
        "until": job and job.finished_at and job.finished_at + made_files.KEPT,
        "lines": batches.rows_of(batch),
        "price": batches.price(batch),
        "may_draw": g.by.may("flyers.publish"),
        "at": f"/{g.by.organization.slug}/flyers/batches/{batch.id}",
    }


LIST = managing.LIST | {"template": "flyers/batches.html"}
routes.add(
    blueprint,
    batches.rules,
    "/flyers/batches",
    context=lambda place: managing.tabs("batches"),
    row_template="flyers/batch.html",
    row_context=_about,
    heads_with_acts=True,
    **LIST,
)


@blueprint.get(HERE + "/new")
@access.member("flyers.write")
def new():
    return _form()


def _form(refusal=None):
    return pages.page(
        "flyers/batch_new.html",
        refusal.status if refusal else 200,
        templates=[(str(one.id), one.name) for one in templates.published()],
        most=bringing.MOST,
        values=request.form,
        errors=refusal.beside("file") if refusal else {},
        here="flyers",
        **managing.tabs("batches"),
    )


@blueprint.post(HERE + "/new")
@takes(bringing.TABLE + bringing.PHOTOS + 1_000_000)
@access.member("flyers.write")
def bring():
    spend("imports", g.by.user)
    try:
        batch = _brought()
    except Invalid as refusal:
        return _form(refusal)
    return pages.go(f"/{g.by.organization.slug}/flyers/batches/{batch.id}")


def _brought():
    table, photos = request.files.get("file"), request.files.get("photos")
    with ExitStack() as open_files:
        for sent in (table, photos):
            if sent:
                open_files.enter_context(closing(sent))
        if not table or not table.filename:
            raise Invalid({"file": "Choose a table first."})
        path = None
        if photos and photos.filename:
            kept = open_files.enter_context(tempfile.NamedTemporaryFile())
            shutil.copyfileobj(photos.stream, kept)
            kept.flush()
            path = Path(kept.name)
            if path.stat().st_size > bringing.PHOTOS:
                raise Invalid({"photos": f"The ZIP can have at most {bringing.PHOTOS // 1_000_000} MB."})
        template = whole(request.form.get("template", ""))
        if template is None:
            raise Invalid({"template": "Choose a template."})
        return batches.take(template, table.stream, table.filename, path, by=g.by)


@blueprint.get(HERE + "/<id:id>/progress")
@access.member("flyers.write")
def progress(id):
    return pages.fragment("flyers/_batch.html", **_state(batches.one(id)))


@blueprint.get(HERE + "/<id:id>/flyers.zip")
@access.member("flyers.write")
def download(id):
    batch = batches.one(id)
    return pages.made_file(batches.job_of(batch) if batch.state == "done" else None, "flyers-{:%Y-%m-%d}.zip")
