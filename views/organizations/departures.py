"""All of an organization as one file: its owner has it made, sees how far it is, and fetches it."""

from flask import Blueprint, g

from domain.files import made_files
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
        at=f"/{g.by.organization.slug}/export",
        job=job,
        size=made_files.size(job),
        running=running,
        here="organization",
    )


@blueprint.post(HERE)
@access.member("organization.export")
def make():
    departures.ask(by=g.by)
    return pages.go(f"/{g.by.organization.slug}/export")


@blueprint.get(HERE + "/newest.zip")
@access.member("organization.export")
def download():
    return pages.made_file(departures.newest(g.by), f"guildhall-org-{g.by.organization.slug}-{{:%Y%m%dT%H%M%SZ}}.zip")
