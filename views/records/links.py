"""Rows of other tables for a link: looked for while somebody types, and made where they aren't there yet."""

from flask import Blueprint, g
from htmx_flask import request

from domain import NotFound
from domain.fields.records.many_options import quoted, split
from domain.lists import asks, lists, rows
from domain.records import listings
from views import access, pages
from views.lists import routes
from views.records.tables import HERE, mounted

blueprint = Blueprint("record_links", __name__)
OFFERED = 20


def _kind(table, name):
    """The kind of a link, if it is one that they see. Refuses with NotFound."""
    field = listings.find(table, g.by).listing.by_name.get(name)
    if field is None or not field.kind.pointing or field.kind.reader is None:
        raise NotFound("There is no such link.")
    return field.kind


@blueprint.get(HERE + "/<table>/linked/<name>")
@access.member("records.read")
def offered(table, name):
    """The rows that what was typed may mean, as options; of several, behind those that stand there already."""
    kind, text = _kind(table, name), request.args.get(name, "")
    words = split(text, ";") if kind.takes_many else [text.strip()]
    before = [] if not kind.takes_many else words[:-1] if not text.rstrip().endswith(";") else words
    typed = "" if before == words else words[-1] if words else ""
    listing = listings.find(kind.reader.slug, g.by).listing
    ask = asks.understand(listing, {"q": typed, "rows": str(OFFERED)})
    refs = kind.reader.refs([row.id for row in lists.read(listing, ask, g.by).rows]).values()
    said = [quoted(one.title) if kind.takes_many else one.title for one in refs]
    return pages.fragment("records/_offered.html", offered=["; ".join([*map(quoted, before), one]) for one in said])


@blueprint.post(HERE + "/<table>/linked/<name>")
@access.member("records.write")
def make(table, name):
    """Make the rows that a form names and that aren't there; then take the form as it is."""
    kind, form = _kind(table, name), request.form
    other = listings.find(kind.reader.slug, g.by)
    for title in kind.makes(form.get(name, "")):
        rows.create(other, {other.listing.first: title}, by=g.by)
    parts = {"table": table}
    if id := form.get("row", type=int):
        return routes.update(mounted, parts | {"id": id})
    return routes.create(mounted, parts)
