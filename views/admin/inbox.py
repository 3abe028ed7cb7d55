"""The inspector of webhooks: what came, what it means, what it would change, and working it again."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, Response
from htmx_flask import request

from database.clock import now
from domain import Invalid
from domain.entitlements import plans
from domain.fields.kinds import clean, whole
from domain.money import inbox, reconciliations, replays, subscriptions
from domain.people import admins
from views import access, pages

blueprint = Blueprint("inbox", __name__, url_prefix="/admin/webhooks")

SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SHOWN = 100_000  # characters of a body


def _asked():
    """What the list is narrowed to: only what fits a filter is kept."""
    args = request.args
    asked = {name: " ".join(clean(args.get(name, "")).split())[:160] for name in ("q", "type")}
    asked["channel"] = clean(args.get("channel", ""))[:30]
    asked["status"] = args.get("status", "") if args.get("status") in (*inbox.STATUSES, "troubled") else ""
    asked["when"] = args.get("when", "") if args.get("when") in SPANS or _day(args.get("when", "")) else ""
    return asked


def _day(text):
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _span(when):
    if when in SPANS:
        return now() - SPANS[when], None
    day = _day(when)
    return (day, day + timedelta(days=1)) if day else (None, None)


@blueprint.get("")
@access.platform("jobs.run")
def index():
    asked, work = _asked(), replays.last_replays()
    since, until = _span(asked["when"])
    narrowed = {name: asked[name] for name in ("channel", "status", "type", "q")}
    before = whole(request.args.get("before", ""))
    found = pages.later(lambda: inbox.find(**narrowed, since=since, until=until, before=before, limit=inbox.PAGE + 1))

    def address(**more):
        query = urlencode({k: v for k, v in (asked | more).items() if v})
        return "/admin/webhooks" + (f"?{query}" if query else "")

    return pages.page(
        "admin/inbox/index.html",
        around=None if work and work.is_open else {"replay_work": "inbox_area"},
        events=pages.later(lambda: found.value[: inbox.PAGE]),
        more=pages.later(lambda: found.value[inbox.PAGE - 1].id if len(found.value) > inbox.PAGE else None),
        started=bool(before),
        asked=asked,
        address=address,
        counts=pages.later(inbox.counts),
        channels=pages.later(inbox.channels),
        days=pages.later(inbox.days),
        work=work,
        silent_since=pages.later(reconciliations.silent_since),
        here="webhooks",
    )


@blueprint.get("/<id:id>")
@access.platform("jobs.run")
def show(id):
    return _event(inbox.one(id))


def _event(event, look=None, status=200, errors=None):
    text = inbox.body(event)
    return pages.page(
        "admin/inbox/show.html",
        status,
        event=event,
        body=text[:SHOWN],
        cut=len(text) > SHOWN,
        size=len(event.payload),
        named=inbox.named(event),
        unknown=subscriptions.unknown_prices(event),
        choices=[(plan.key, plan.label) for plan in plans.everything() if plan.is_paid],
        moment=datetime.fromisoformat,
        can=admins.capabilities(access.me()),
        look=look,
        errors=errors or {},
        fetched=inbox.FETCHED in event.headers,
        here="webhooks",
    )


@blueprint.get("/<id:id>/body")
@access.platform("jobs.run")
def body(id):
    """The body byte for byte as it came, to be saved and never shown by the browser."""
    event = inbox.one(id)
    response = Response(bytes(event.payload), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="webhook-{event.id}.json"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


@blueprint.post("/<id:id>/trial")
@access.platform("jobs.run")
def trial(id):
    look = replays.try_out(id, by=access.me())
    return _event(inbox.one(id), look)


@blueprint.post("/<id:id>/replay")
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


@blueprint.post("/<id:id>/price")
@access.platform("subscriptions.sync")
def name_price(id):
    """Say which plan the unknown price of an event is, and work the event with that."""
    event, form = inbox.one(id), request.form
    try:
        subscriptions.name_price(form.get("provider", ""), form.get("price", ""), form.get("plan", ""), by=access.me())
    except Invalid as refusal:
        return _event(event, status=422, errors=refusal.fields)
    return _replayed(id, "The price is known now. ")


@blueprint.post("/replays")
@access.platform("jobs.run")
def replay_many():
    """Work the chosen ones again, or all that failed."""
    if request.form.get("all"):
        ids = None
    else:
        ids = [id for id in map(whole, request.form.getlist("ids")[: replays.MOST_CHOSEN]) if id]
    replays.replay_many(ids, by=access.me())
    return pages.go("/admin/webhooks", "They are replayed one after the other. This page shows how far it is.", "info")
