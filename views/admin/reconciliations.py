"""Whether our rows say what the payment provider says: the last comparisons, what differed, and mending it."""

from flask import Blueprint
from htmx_flask import request

from domain.base import configuration, settings
from domain.money import providers, reconciliations
from views import access, pages

blueprint = Blueprint("reconciliations", __name__, url_prefix="/admin/reconciliation")

STEPS = {
    "events": "Fetching webhooks that never came",
    "subscriptions": "Comparing subscriptions",
    "unlisted": "Asking about those that were not listed",
    "payments": "Comparing payments",
}


@blueprint.get("")
@access.platform("subscriptions.sync")
def index():
    state = _state()
    running = state["runs"] and state["runs"][0].is_open
    around = None if running else {"comparison": "reconciliation_area"}
    return pages.page("admin/reconciliations/index.html", around=around, **state, here="reconciliation")


def _state():
    runs = reconciliations.runs()
    over = [run for run in runs if not run.is_open]
    return {
        "runs": runs,
        "last": over[0] if over else None,
        "open": reconciliations.open_differences(over[0]) if over else 0,
        "configured": configuration.active.has_billing,
        "label": providers.active().LABEL if configuration.active.has_billing else "",
        "heals": settings.get("billing_heals"),
        "silent_since": pages.later(reconciliations.silent_since),
        "STEPS": STEPS,
    }


@blueprint.post("")
@access.platform("subscriptions.sync")
def compare():
    """Begin a comparison; with `mend` it mends what differs, whatever the setting."""
    reconciliations.ask(by=access.me(), heals=True if request.form.get("mend") else None)
    if request.htmx:
        return pages.fragment("admin/reconciliations/index.html", "comparison", **_state())
    return pages.go("/admin/reconciliation", "The comparison begins. This page shows how far it is.", "info")


@blueprint.post("/<id:id>/differences/<int:number>")
@access.platform("subscriptions.sync")
def mend(id, number):
    why = reconciliations.mend(id, number, by=access.me())
    if why:
        return pages.go("/admin/reconciliation", f"It can't be mended: {why}", "warn")
    return pages.go("/admin/reconciliation", "Mended: our rows say what the provider says.")
