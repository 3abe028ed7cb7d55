"""Pages of public links as strangers may report them: the platform's staff decides."""

import json

from peewee import fn

from database.scope import everywhere, inside
from domain import NotFound
from domain.moderation import subjects
from domain.records.public import links
from models import Change, Organization, PublicLink


def _seen(where, is_shown=lambda link: True):
    with everywhere("what is reported names no organization"):
        link = PublicLink.one(where)
    if link is None or not is_shown(link):
        return None
    words = "\n".join([link.name, json.dumps(link.settings, sort_keys=True), *_shown(link)])
    whose = {"kind": links.KIND, "id": link.id, "organization": link.organization_id}
    return subjects.Seen(
        **whose, title=link.name, name=link.public_id, path=f"/admin/public-links/{link.public_id}", words=words
    )


def _is_open(link):
    return not link.stopped_at and Organization.get_by_id(link.organization_id).status == "active"


def address(link):
    """Where it is reported."""
    return f"/report/{links.KIND}/{link.public_id}"


def found(name):
    """(link, its organization) by its name in reports. Refuses with NotFound."""
    with everywhere("what is reported names no organization"):
        link = PublicLink.one(PublicLink.public_id == name)
    if link is None:
        raise NotFound(links.GONE)
    return link, Organization.get_by_id(link.organization_id)


def _shown(link):
    """What stands there of its table: its shape, and of what shows rows the last change of one."""
    with inside(link.organization_id):
        if link.purpose == "form":
            return [str(link.collection.shape)]
        last = Change.select(fn.MAX(Change.id)).where(Change.table == f"record:{link.collection_id}")
        return [str(link.collection.shape), str(last.scalar())]


subjects.declare(
    subjects.Subject(
        links.KIND,
        "this page",
        lambda name: _seen(PublicLink.public_id == name, _is_open),
        lambda id: _seen(PublicLink.id == id),
    )
)
