"""The audit log: an organization's own for those who look after it, and all of it for the platform."""

import csv
import io
import json
from urllib.parse import urlencode

from flask import Blueprint, Response, g
from htmx_flask import request

from database.clock import now
from database.connections import database
from domain import NotFound
from domain.base import audit
from domain.fields.kinds import clean, whole
from domain.organizations import organization_desk
from domain.people import accounts
from models import AuditEvent
from views import access, pages
from views.lists.export import inert

blueprint = Blueprint("audit", __name__)

CHUNK = 1000  # rows of an export that are read at once


class Place:
    """One of the two logs: where it stands, what it is narrowed to, and what was asked of it."""

    def __init__(self, base, organization=None):
        self.base, self.organization = base, organization
        args = request.args
        self.asked = {name: " ".join(clean(args.get(name, "")).split())[:254] for name in ("action", "actor")}
        self.asked["category"] = args.get("category", "") if args.get("category") in audit.CATEGORIES else ""
        self.asked["result"] = args.get("result", "") if args.get("result") in audit.RESULTS else ""
        if organization is None:
            self.asked["organization"] = clean(args.get("organization", "")).strip().lower()[:80]

    @property
    def is_platforms(self):
        return self.organization is None

    @property
    def is_narrowed(self):
        return any(self.asked.values())

    def address(self, path="", **more):
        query = urlencode({k: v for k, v in (self.asked | more).items() if v})
        return f"{self.base}{path}" + (f"?{query}" if query else "")

    def read(self, after=None, limit=audit.PAGE):
        """The events, the newest first; none for an organization or a person that isn't."""
        organization = self.organization
        if self.asked.get("organization"):
            organization = organization_desk.by_slug(self.asked["organization"])
            if organization is None:
                return []
        return audit.search(
            organization=organization,
            actor_email=self._actor(),
            action=self.asked["action"],
            category=self.asked["category"],
            result=self.asked["result"],
            after=after,
            limit=limit,
        )

    def _actor(self):
        """The address as the log has it: as it was typed when the account was made."""
        typed = self.asked["actor"]
        known = accounts.by_email(typed) if typed else None
        return known.email if known else typed


def _index(place, **context):
    found = place.read(whole(request.args.get("after", ""), 2**31), audit.PAGE + 1)
    events = found[: audit.PAGE]
    return pages.page(
        "admin/audit/index.html",
        place=place,
        events=events,
        more=events[-1].id if len(found) > audit.PAGE else None,
        started=bool(request.args.get("after")),
        named=audit.organizations_named(events) if place.is_platforms else {},
        CATEGORIES=[(name, name.capitalize()) for name in audit.CATEGORIES],
        RESULTS=[(name, name.capitalize()) for name in audit.RESULTS],
        **context,
    )


def _show(place, event, **context):
    return pages.page(
        "admin/audit/show.html",
        place=place,
        event=event,
        changed=audit.changed(event),
        facts=audit.facts(event),
        named=audit.organizations_named([event]),
        **context,
    )


@blueprint.get("/<organization>/audit")
@access.member("audit.read")
def index():
    return _index(_here(), here="organization")


@blueprint.get("/<organization>/audit/<id:id>")
@access.member("audit.read")
def show(id):
    event = AuditEvent.one(AuditEvent.id == id, AuditEvent.organization == g.by.organization)
    if event is None:
        raise NotFound()
    return _show(_here(), event, here="organization")


@blueprint.get("/<organization>/audit/export.csv")
@access.member("audit.read")
def export():
    return _file(_here(), f"{g.by.organization.slug}-audit")


def _here():
    return Place(f"/{g.by.organization.slug}/audit", g.by.organization)


@blueprint.get("/admin/audit")
@access.platform("audit.read_all")
def all_events():
    return _index(Place("/admin/audit"), here="audit_all")


@blueprint.get("/admin/audit/<id:id>")
@access.platform("audit.read_all")
def show_any(id):
    event = AuditEvent.one(AuditEvent.id == id)
    if event is None:
        raise NotFound("That event isn't in the log; it may have been too old to be kept.")
    return _show(Place("/admin/audit"), event, here="audit_all")


@blueprint.get("/admin/audit/export.csv")
@access.platform("audit.read_all")
def export_all():
    return _file(Place("/admin/audit"), "audit")


# --- export -----------------------------------------------------------------------------------------------


def _file(place, name):
    answer = Response(_csv(place), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"'
    return answer


def _csv(place):
    """Lines of CSV, chunk by chunk, each read when the one before has left."""
    out, after = io.StringIO(), None
    write = csv.writer(out)
    wide = ["Organization", "IP", "Request"] if place.is_platforms else []
    write.writerow(["Id", "At", "Category", "Action", "Result", "Who", "Target", "What", "Facts", *wide])
    while events := place.read(after, CHUNK):
        named = audit.organizations_named(events) if place.is_platforms else {}
        for event in events:
            write.writerow([event.id, *(inert(str(text or "")) for text in _cells(event, named, place))])
        after = events[-1].id
        database.close()  # between chunks the connection is somebody else's
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _cells(event, named, place):
    target = f"{event.target_type} {event.target_id}" if event.target_type else ""
    facts = json.dumps(event.metadata, ensure_ascii=False) if event.metadata else ""
    wide = (named.get(event.organization_id), event.ip, event.request_id) if place.is_platforms else ()
    return (
        f"{event.at:%Y-%m-%dT%H:%M:%SZ}",
        event.category,
        event.action,
        event.result,
        event.actor_email,
        target,
        event.summary,
        facts,
        *wide,
    )
