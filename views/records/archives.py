"""Whole tables as a ZIP, and a ZIP as tables."""

from contextlib import closing

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid
from domain.base.allowances import spend
from domain.files import made_files
from domain.records import collections
from domain.records.archives import leaving, returning
from views import access, pages
from views.safety.marks import takes

blueprint = Blueprint("archives", __name__)
HERE = "/<organization>/records/archives"
SIZE = 100_000_000


@blueprint.get(HERE)
@access.member("records.build")
def all_archives():
    return _all({})


def _all(errors, status=200):
    made, back = leaving.newest(g.by), returning.newest(g.by)
    running = any(job and job.is_open for job in (made, back))
    return pages.page(
        "records/archives.html",
        status,
        around=None if running else {"archive_progress": "archives_area"},
        at=_at(),
        tables=collections.present(g.by),
        made=made,
        back=back,
        size=made_files.size(made),
        running=running,
        errors=errors,
        here="records",
    )


def _at():
    return f"/{g.by.organization.slug}/records/archives"


@blueprint.post(HERE)
@access.member("records.build")
def make():
    spend("imports", g.by.user)
    try:
        leaving.ask(request.form.getlist("table"), by=g.by)
    except Invalid as refusal:
        return _all(refusal.beside("tables"), refusal.status)
    return pages.go(_at())


@blueprint.get(HERE + "/newest.zip")
@access.member("records.build")
def download():
    return pages.made_file(leaving.newest(g.by), "tables-{:%Y-%m-%d}.zip")


@blueprint.post(HERE + "/imports")
@takes(SIZE + 1_000_000)
@access.member("records.build")
def restore():
    spend("imports", g.by.user)
    sent = request.files.get("file")
    try:
        if not sent or not sent.filename:
            raise Invalid({"file": "Choose a ZIP first."})
        with closing(sent):
            returning.take(sent.stream, by=g.by)
    except Invalid as refusal:
        return _all(refusal.beside("file"), refusal.status)
    return pages.go(_at())
