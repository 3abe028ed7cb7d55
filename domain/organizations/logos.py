"""The logo of an organization: drawn anew from a picture, whole and on white, and shown wherever its name stands."""

import io

from database.transactions import writes
from domain import NotFound
from domain.base import configuration, history
from domain.files import gate
from domain.lists import attachments
from models import Organization

TABLE = "organization"
ITSELF = 0  # as the row on which the file is: its number is another one on another site
SIZE = 256, 256
MOST = 24_000  # bytes


def sha256():
    """The hash of the logo that the organization one stands in has, or None."""
    found = attachments.picture(TABLE, ITSELF)
    return found and found.sha256


def content(organization):
    """(hash, bytes as WebP) of its logo, standing in it. Refuses with NotFound."""
    found = attachments.picture(TABLE, ITSELF)
    if found is None:
        raise NotFound(f"{organization.name} has no logo.")
    return found.sha256, b"".join(attachments.content(found))


def in_letters(organization):
    """The same as PNG, which every mail program draws."""
    sha256, data = content(organization)
    out = io.BytesIO()
    with gate.drawing, gate.Image.open(io.BytesIO(data), formats=("WEBP",)) as picture:
        picture.resize((128, 128)).save(out, "PNG")
    return sha256, out.getvalue()


def emblem(organization, name=""):
    """Its logo as a letter shows it: an address that whoever has the letter may ask, and whose it is; None where it has
    none, or where mail programs couldn't fetch it: they take no address but one by HTTPS."""
    site = configuration.active.site_url
    if not organization.logo or not site.startswith("https:"):
        return None
    src = f"{site}/organizations/{organization.public_id}/logo.png?{organization.logo[:12]}"
    return {"src": src, "name": name or organization.name}


def put(data, name, *, by):
    """Make a picture (bytes) the logo of the organization of `by`, instead of the one it had. Refuses with Forbidden,
    and as attachments.bring_picture."""
    by.require("organization.update")
    _note(attachments.bring_picture(TABLE, ITSELF, data, name, SIZE, MOST, is_whole=True, by=by), by)


@writes
def _note(facts, by):
    attachments.note_picture(TABLE, ITSELF, [facts], by)
    _set(facts["sha256"], "It has a logo", by)


@writes
def remove(*, by):
    """Let go of it. Refuses with NotFound or Forbidden."""
    by.require("organization.update")
    if not attachments.put_picture_away(TABLE, ITSELF, by):
        raise NotFound(f"{by.organization.name} has no logo.")
    _set(None, "It has no logo any more", by)


def _set(sha256, words, by):
    Organization.update(logo=sha256).where(Organization.id == by.organization.id).execute()
    history.note("organization.pictured", words, by.organization, by=by, verb="updated")
