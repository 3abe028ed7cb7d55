"""Organizations from other sites: a file is brought, looked at, asked for; and how far those are that were."""

from contextlib import closing

from flask import Blueprint
from htmx_flask import request

from domain import Invalid
from domain.operations.moving import arrivals, brought_files, findings
from views import access, pages
from views.safety.marks import takes

blueprint = Blueprint("arrivals", __name__)
HERE = "/admin/imports"
SIZE = 100_000_000


@blueprint.get(HERE)
@access.platform("organizations.import")
def show():
    return _all({})


def _all(errors, status=200):
    runs = arrivals.newest()
    running = any(job.is_open for job in runs)
    around = None if running else {"import_progress": "imports_area"}
    return pages.page(
        "admin/arrivals/index.html", status, around=around, runs=runs, running=running, errors=errors, here="arrivals"
    )


@blueprint.post(HERE)
@takes(SIZE + 1_000_000)
@access.platform("organizations.import")
def bring():
    sent = request.files.get("file")
    try:
        if not sent or not sent.filename:
            raise Invalid({"file": "Choose a file first."})
        with closing(sent):
            sha256 = brought_files.keep(sent.stream)
    except Invalid as refusal:
        return _all(refusal.beside("file"), refusal.status)
    return pages.go(f"{HERE}/{sha256}")


@blueprint.get(HERE + "/<sha256>")
@access.platform("organizations.import")
def look(sha256):
    return _look(sha256, {})


def _look(sha256, errors, status=200):
    told = findings.look(brought_files.path(sha256), request.form.get("slug", ""))
    return pages.page(
        "admin/arrivals/show.html",
        status,
        told=told,
        sha256=sha256,
        errors=errors,
        values=request.form,
        here="arrivals",
    )


@blueprint.post(HERE + "/<sha256>")
@access.platform("organizations.import")
def ask(sha256):
    try:
        brought_files.ask(sha256, request.form.get("slug", ""), by=access.me())
    except Invalid as refusal:
        return _look(sha256, refusal.beside("slug"), refusal.status)
    return pages.go(HERE, "It is being brought in. This page tells how far it is.")
