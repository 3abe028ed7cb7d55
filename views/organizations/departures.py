"""All of an organization as one file: its owner has it made, sees how far it is, and fetches it."""

from flask import Blueprint, g, send_file

from domain.operations.moving import departures
from views import access, pages

blueprint = Blueprint("departures", __name__)
HERE = "/<organization>/export"


@blueprint.get(HERE)
@access.member("organization.export")
def show():
    job = departures.newest(g.by)
    running = bool(job and job.is_open)
    return pages.page(
        "organizations/export.html",
        around=None if running else {"export_progress": "export_area"},
        job=job,
        size=_size(job),
        running=running,
        here="export",
    )


def _size(job):
    """How large the file is, or None where there is none (any more)."""
    try:
        return departures.path(job).stat().st_size if job else None
    except departures.NotFound:
        return None


@blueprint.post(HERE)
@access.member("organization.export")
def make():
    departures.ask(by=g.by)
    return pages.go(f"/{g.by.organization.slug}/export")


@blueprint.get(HERE + "/newest.zip")
@access.member("organization.export")
def download():
    job = departures.newest(g.by)
    if job is None:
        raise departures.NotFound("There is no file here.")
    slug, made_at = g.by.organization.slug, job.finished_at or job.created_at
    called = f"guildhall-org-{slug}-{made_at:%Y%m%dT%H%M%SZ}.zip"
    answer = send_file(departures.path(job), "application/zip", as_attachment=True, download_name=called)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer
