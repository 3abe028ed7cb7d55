"""The inspector of webhooks: what came, what it means, what it would change, and working it again."""

from datetime import datetime

from flask import Blueprint, Response
from htmx_flask import request

from domain import Invalid
from domain.entitlements import plans
from domain.lists import rows
from domain.money import inbox, replays, silences, subscriptions
from domain.people import admins
from views import access, pages
from views.lists import routes

blueprint = Blueprint("inbox", __name__)

SHOWN = 100_000  # characters of a body


def _state(place):
    work, counts = replays.last_replays(), inbox.counts()
    return {
        "running": "admin/inbox/_replays.html",
        "work": work,
        "failed": counts["failed"] + counts["buried"],
        "days": pages.later(inbox.days),
        "silent_since": pages.later(silences.silent_since),
    }


routes.add(
    blueprint,
    rows.Rules(replays.listing),
    "/admin/webhooks",
    side="platform",
    template="admin/inbox/index.html",
    context=_state,
)


@blueprint.get("/admin/webhooks/<id:id>")
@access.platform("jobs.run")
def show(id):
    return _event(inbox.one(id))


def _event(event, look=None, status=200, errors=None):
    text = replays.body(event)
    return pages.page(
        "admin/inbox/show.html",
        status,
        event=event,
        body=text[:SHOWN],
        cut=len(text) > SHOWN,
        size=len(event.payload),
        named=replays.named(event),
        unknown=subscriptions.unknown_prices(event),
        choices=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        moment=datetime.fromisoformat,
        can=admins.capabilities(access.me()),
        look=look,
        errors=errors or {},
        fetched=inbox.FETCHED in event.headers,
        here="webhooks",
    )


@blueprint.get("/admin/webhooks/<id:id>/body")
@access.platform("jobs.run")
def body(id):
    """The body byte for byte as it came, to be saved and never shown by the browser."""
    event = inbox.one(id)
    response = Response(bytes(event.payload), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="webhook-{event.id}.json"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@blueprint.post("/admin/webhooks/<id:id>/trial")
@access.platform("jobs.run")
def trial(id):
    look = replays.try_out(id, by=access.me())
    return _event(inbox.one(id), look)


@blueprint.post("/admin/webhooks/<id:id>/replay")
@access.platform("jobs.run")
def replay(id):
    return _replayed(id)


def _replayed(id, before=""):
    event, sentence = replays.replay(id, by=access.me())
    if sentence:
        return pages.go(f"/admin/webhooks/{id}", f"{before}It failed: {sentence}", "bad")
    if event.status == "ignored":
        return pages.go(f"/admin/webhooks/{id}", before + (event.error or "It means nothing to this site."), "warn")
    return pages.go(f"/admin/webhooks/{id}", f"{before}Worked: everything is as the provider says.")


@blueprint.post("/admin/webhooks/<id:id>/price")
@access.platform("subscriptions.sync")
def name_price(id):
    """Say which plan the unknown price of an event is, and work the event with that."""
    event, form = inbox.one(id), request.form
    try:
        subscriptions.name_price(form.get("provider", ""), form.get("price", ""), form.get("plan", ""), by=access.me())
    except Invalid as refusal:
        return _event(event, status=422, errors=refusal.fields)
    return _replayed(id, "The price is known now. ")


@blueprint.post("/admin/webhooks/replays")
@access.platform("jobs.run")
def replay_failed():
    """Work all that failed again."""
    replays.replay_many(None, by=access.me())
    return pages.go("/admin/webhooks", "They are replayed one after the other. This page shows how far it is.", "info")
