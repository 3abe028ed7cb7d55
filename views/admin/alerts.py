"""Alerts to everybody: the list of them, and a new one."""

from flask import Blueprint
from htmx_flask import request

from domain.lists import rows
from domain.operations import alert_desk, alerts
from views import access, pages
from views.lists import routes

blueprint = Blueprint("alerts", __name__)

listed = routes.add(
    blueprint,
    rows.Rules(alert_desk.listing),
    "/admin/alerts",
    side="platform",
    template="admin/alerts.html",
    context=lambda place: {"most": alerts.MOST},
)


@blueprint.post("/admin/alerts")
@access.platform("alerts.write")
@pages.again(listed.again)
def create():
    alerts.broadcast(request.form.get("message", ""), by=access.me())
    return pages.go("/admin/alerts", "Everybody sees it for the next 24 hours.")
