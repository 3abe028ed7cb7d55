"""All that names me, as a file: asked for, made, fetched."""

from flask import Blueprint

from domain.files import made_files
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
        at=HERE,
        job=job,
        size=made_files.size(job),
        running=running,
        here="account",
    )


@blueprint.post(HERE)
@access.signed_in
def make():
    personal_files.ask(access.me())
    return pages.go(HERE)


@blueprint.get(HERE + "/newest.zip")
@access.signed_in
def download():
    return pages.made_file(personal_files.newest(access.me()), "my-data-{:%Y-%m-%d}.zip")
