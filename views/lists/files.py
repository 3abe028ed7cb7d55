"""Files on a row's page: put there, sent as downloads, taken off and put back."""

import contextlib
import re
from urllib.parse import quote

from flask import Response
from htmx_flask import request
from werkzeug.http import dump_options_header

from domain import Invalid, Refused
from domain.imports import file_links
from domain.lists import attachments, rows
from views import pages
from views.lists import row_page
from views.safety.marks import takes

# What a browser may know the type of; it is a download all the same.
TOLD = re.compile(r"(image/(png|jpeg|gif|webp)|audio/\w+|video/\w+|application/(pdf|zip)|text/plain)")


@takes(attachments.MOST + 250_000)
def upload(mounted, parts):
    place, id = mounted.place(parts), parts["id"]
    row = rows.get(place.rules, id, place.by, place.ask.parent)
    sent = [file for file in request.files.getlist("file") if file.filename]
    try:
        added = _add(place, id, sent, request.form.get("field", ""))
    except Refused as refusal:
        if refusal.status in (403, 404, 413):
            raise
        errors = [*refusal.fields.values()] or [refusal.sentence]
        about = {"file_errors": errors, "file_field": request.form.get("field", "")}
        return row_page.draw(mounted, place, row, status=refusal.status, **about)
    done = f"“{added[0].name}” is here." if len(added) == 1 else f"{len(added)} files are here."
    if not request.htmx:
        return pages.go(f"{place.url}/{id}#row_files", done)
    return pages.answer(row_page.draw(mounted, place, row), pages.notice("good", done))


def _add(place, id, sent, field):
    if not sent:
        raise Invalid({"file": "Choose a file first."})
    added = []
    for file in sent:
        with contextlib.closing(file):
            by, parent = place.by, place.ask.parent
            where = {"parent": parent, "field": field}
            added.append(attachments.add(place.rules, id, file.stream, file.filename, by=by, **where))
    return added


def download(mounted, parts):
    place = mounted.place(parts)
    file = attachments.get(place.rules, parts["id"], parts["file"], place.by, place.ask.parent)
    return sent(file)


def sent(file, parts=None):
    """A file as a download that no browser runs or looks into; `parts` are its bytes, where it is no row's."""
    answer = Response(
        attachments.content(file) if parts is None else parts,
        content_type=file.type if TOLD.fullmatch(file.type) else None,
    )
    if not TOLD.fullmatch(file.type):
        answer.content_type = "application/octet-stream"
    answer.headers["Content-Length"] = str(file.size)
    plain = file.name.encode("ascii", "replace").decode().replace("?", "_")
    told = {"filename": plain} | ({} if plain == file.name else {"filename*": f"UTF-8''{quote(file.name)}"})
    answer.headers["Content-Disposition"] = dump_options_header("attachment", told)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def share(mounted, parts):
    """Make a link to a file for whoever has no account; it is shown this once."""
    place, id = mounted.place(parts), parts["id"]
    link, file, until = file_links.make(place.rules, id, parts["file"], by=place.by, parent=place.ask.parent)
    about = {"place": place, "listing": place.listing, "id": id, "link": link, "file": file, "until": until}
    return pages.page("lists/file_link.html", here=mounted.nav, **about)


def thumbnail(mounted, parts):
    place = mounted.place(parts)
    file = attachments.get(place.rules, parts["id"], parts["file"], place.by, place.ask.parent)
    answer = Response(b"".join(attachments.content(file, small=True)), content_type="image/webp")
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def remove_file(mounted, parts):
    place, id = mounted.place(parts), parts["id"]
    file = attachments.remove(place.rules, id, parts["file"], by=place.by, parent=place.ask.parent)
    return pages.go(
        f"{place.url}/{id}", f"“{file.name}” is removed.", undo=f"{place.url}/{id}/files/{file.id}/restoration"
    )


def put_back(mounted, parts):
    place, id = mounted.place(parts), parts["id"]
    attachments.put_back(place.rules, id, parts["file"], by=place.by, parent=place.ask.parent)
    return pages.go(f"{place.url}/{id}", "The file is here again.")
