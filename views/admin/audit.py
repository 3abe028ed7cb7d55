"""The audit log: an organization's own for those who look after it, and all of it for the platform."""

from flask import Blueprint, g

from domain import NotFound, existing
from domain.base import audit
from domain.lists import rows
from domain.people import audit_logs
from models import AuditEvent
from views import access, pages
from views.lists import routes

blueprint = Blueprint("audit", __name__)

routes.add(blueprint, rows.Rules(audit_logs.own), "/audit", nav="organization", template="admin/audit/own.html")
routes.add(
    blueprint,
    rows.Rules(audit_logs.everywhere),
    "/admin/audit",
    side="platform",
    template="admin/audit/all.html",
    prefix="all_",
)


@blueprint.get("/<organization>/audit/<id:id>")
@access.member("audit.read")
def show(id):
    event = existing(AuditEvent.one(AuditEvent.id == id, AuditEvent.organization == g.by.organization))
    return _show(event, f"/{g.by.organization.slug}/audit", is_platforms=False, here="organization")


@blueprint.get("/admin/audit/<id:id>")
@access.platform("audit.read_all")
def show_any(id):
    event = AuditEvent.one(AuditEvent.id == id)
    if event is None:
        raise NotFound("That event isn't in the log; it may have been too old to be kept.")
    return _show(event, "/admin/audit", is_platforms=True, here="audit_all")


def _show(event, base, **context):
    return pages.page(
        "admin/audit/show.html",
        base=base,
        event=event,
        changed=audit.changed(event),
        facts=audit.facts(event),
        named=audit.organizations_named([event]),
        **context,
    )
