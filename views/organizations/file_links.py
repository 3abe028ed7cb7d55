"""Links to one file, opened without signing in: made on a row's page (views/lists/files.py)."""

from flask import Blueprint

from database.scope import inside
from domain.base.allowances import spend
from domain.imports import file_links
from views import access
from views.lists import files

blueprint = Blueprint("file_links", __name__)


@blueprint.get("/files/<token>")
@access.holder
def download(token):
    """The file behind a link."""
    file, organization = file_links.behind(token)
    spend("file_links", file)
    with inside(organization):
        answer = files.sent(file)
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.cache_control.private = answer.cache_control.no_store = True
    return answer
