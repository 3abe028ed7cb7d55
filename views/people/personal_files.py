"""All that names me, as a file: asked for, made, fetched."""

from flask import Blueprint, send_file

from domain import NotFound
from domain.operations.moving import personal_files
from views import access, pages

blueprint = Blueprint("personal_files", __name__)
HERE = "/account/export"


@blueprint.get(HERE)
@access.signed_in
def show():
    job = personal_files.newest(access.me())
    running = bool(job and job.is_open)
    return pages.page(
        "people/accounts/export.html",
        around=None if running else {"export_progress": "export_area"},
        job=job,
        size=_size(job),
        running=running,
        here="account",
    )


def _size(job):
    """How large the file is, or None where there is none (any more)."""
    try:
        return personal_files.path(job).stat().st_size if job else None
    except NotFound:
        return None


@blueprint.post(HERE)
@access.signed_in
def make():
    personal_files.ask(access.me())
    return pages.go(HERE)


@blueprint.get(HERE + "/newest.zip")
@access.signed_in
def download():
    job = personal_files.newest(access.me())
    if job is None:
        raise NotFound("There is no file here.")
    called = f"my-data-{job.finished_at or job.created_at:%Y-%m-%d}.zip"
    answer = send_file(personal_files.path(job), "application/zip", as_attachment=True, download_name=called)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
