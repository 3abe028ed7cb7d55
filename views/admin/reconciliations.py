"""Whether our rows say what the payment provider says: the last comparisons, what differed, and mending it."""

from flask import Blueprint
from htmx_flask import request

from domain.base import configuration, settings
from domain.lists import rows
from domain.money import findings, providers, reconciliations, silences
from views import access, pages
from views.lists import routes

blueprint = Blueprint("reconciliations", __name__)

STEPS = {
    "events": "Fetching webhooks that never came",
    "subscriptions": "Comparing subscriptions",
    "unlisted": "Asking about those that were not listed",
    "payments": "Comparing payments",
    "unsettled": "Asking about what isn't settled",
    "customers": "Asking about customers of whom nothing runs",
}


def _state(place):
    runs = reconciliations.runs()
    over = [run for run in runs if not run.is_open]
    return {
        "running": "admin/reconciliations/_comparison.html",
        "runs": runs,
        "last": over[0] if over else None,
        "open": reconciliations.open_differences(over[0]) if over else 0,
        "configured": configuration.active.has_billing,
        "label": providers.label() if configuration.active.has_billing else "",
        "heals": settings.get("billing_heals"),
        "silent_since": pages.later(silences.silent_since),
        "STEPS": STEPS,
    }


routes.add(
    blueprint,
    rows.Rules(findings.listing),
    "/admin/reconciliation",
    side="platform",
    nav="reconciliation",
    template="admin/reconciliations/index.html",
    context=_state,
)


@blueprint.get("/admin/reconciliation/<id>")
@access.platform("subscriptions.sync")
def show(id):
    finding, run = findings.one(id)
    return pages.page(
        "admin/reconciliations/show.html", finding=finding, run=run, id=id, DONE=findings.DONE, here="reconciliation"
    )


@blueprint.post("/admin/reconciliation")
@access.platform("subscriptions.sync")
def compare():
    """Begin a comparison; with `mend` it mends what differs, whatever the setting."""
    reconciliations.ask(by=access.me(), heals=True if request.form.get("mend") else None)
    return pages.go("/admin/reconciliation", "The comparison begins. This page shows how far it is.", "info")
