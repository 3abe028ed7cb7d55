"""The admin side: overview, settings edited in place, alerts and jobs."""

from flask import Blueprint
from htmx_flask import request
from peewee import fn

import jobs
from database.clock import now
from domain import Invalid, NotFound, Refused
from domain.base import alerts, audit, configuration, outgoing, settings
from domain.money import pricing, reconciliations, subscriptions
from domain.organizations import organization_desk
from domain.people import admins, people
from models import Organization, Outgoing, Session, User, WebhookEvent
from views import access, pages
from views.safety import spend

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("")
@access.platform("admin.read")
def index():
    can = admins.capabilities(access.me())

    def count(table, *conditions):
        return table.select(fn.count(table.id)).where(*conditions).scalar()

    return pages.page(
        "admin/index.html",
        users=count(User, User.status == "active"),
        teams=count(Organization, Organization.status == "active"),
        sessions=count(Session, Session.ended_at.is_null(), Session.expires_at > now()),
        buried=count(WebhookEvent, WebhookEvent.status == "buried"),
        unsent=count(Outgoing, Outgoing.status == "buried", Outgoing.kind.not_in(outgoing.KEPT)),
        newest=people.newest(10) if "users.read" in can else [],
        founded=organization_desk.newest(10) if "organizations.read" in can else [],
        events=audit.newest(10) if "audit.read_all" in can else [],
        can=can,
        billed=configuration.active.has_billing,
        money=reconciliations.overview(),
        subscribed=subscriptions.counts(),
        given_up=len(subscriptions.given_up()) if "subscriptions.read" in can else 0,
        price_doubts=pricing.doubts() if "pricing.sync" in can else {},
        runs=jobs.last_runs(),
        CALENDAR=jobs.CALENDAR,
        here="admin",
    )


# --- settings ----------------------------------------------------------------------------------------


def _setting(name, **extra):
    field = settings.REGISTRY.get(name)
    if field is None:
        raise NotFound("There is no such setting.")
    row = settings.rows().get(name)
    last = settings.history(name, 1).first()
    return {"field": field, "value": settings.get(name), "row": row, "last": last, "error": None} | extra


@blueprint.get("/settings")
@access.platform("settings.write")
def all_settings():
    settings.forget()
    rows = settings.rows()
    groups = {
        label: [
            {
                "field": field,
                "value": settings.get(field.name),
                "row": rows.get(field.name),
                "last": settings.history(field.name, 1).first() if field.name in rows else None,
                "error": None,
            }
            for field in fields
        ]
        for label, fields in settings.GROUPS.items()
    }
    return pages.page("admin/settings.html", groups=groups, here="settings")


@blueprint.get("/settings/<name>")
@access.platform("settings.write")
def setting(name):
    """One setting: to be edited, with its history; `?show` as it stands."""
    settings.forget()
    editing = "show" not in request.args
    history = list(settings.history(name))
    if not request.htmx:
        return pages.page("admin/setting.html", item=_setting(name), history=history, here="settings")
    return pages.fragment("admin/_setting.html", item=_setting(name), editing=editing, history=history)


@blueprint.post("/settings/<name>")
@access.platform("settings.write")
def change_setting(name):
    text = request.form.get("value", "")
    if name in settings.STATES:
        spend("states", access.me())
    try:
        settings.change(name, text, by=access.me())
    except Invalid as refusal:
        item = _setting(name, error=refusal.fields[name])
        if not request.htmx:
            return pages.page("admin/setting.html", 422, item=item, text=text, history=[], here="settings")
        return pages.fragment("admin/_setting.html", status=422, item=item, editing=True, text=text, history=[])
    return _changed(name)


@blueprint.post("/settings/<name>/return/<id:id>")
@access.platform("settings.write")
def put_back(name, id):
    if name in settings.STATES:
        spend("states", access.me())
    settings.put_back(name, id, by=access.me())
    return _changed(name)


def _changed(name):
    settings.forget()
    item = _setting(name)
    said = f"{item['field'].label}: {item['field'].kind.plain(item['value']) or 'empty'}."
    if not request.htmx:
        return pages.go("/admin/settings", said)
    piece = pages.fragment("admin/_setting.html", item=item, editing=False, history=[])
    return pages.answer(piece, pages.notice("good", said))


# --- alerts --------------------------------------------------------------------------------------------


@blueprint.get("/alerts")
@access.platform("alerts.write")
def all_alerts():
    return _alerts()


def _alerts(status=200, **context):
    return pages.page("admin/alerts.html", status, alerts=alerts.active(), most=alerts.MOST, here="alerts", **context)


@blueprint.post("/alerts")
@access.platform("alerts.write")
def create_alert():
    try:
        alerts.broadcast(request.form.get("message", ""), by=access.me())
    except Invalid as refusal:
        return _alerts(422, errors=refusal.fields, values=request.form)
    return pages.go("/admin/alerts", "Everybody sees it for the next 24 hours.")


@blueprint.post("/alerts/<id:id>/retraction")
@access.platform("alerts.write")
def retract_alert(id):
    alerts.retract(id, by=access.me())
    return pages.go("/admin/alerts", "The alert was taken back.", "info")


# --- jobs ------------------------------------------------------------------------------------------------


@blueprint.get("/jobs")
@access.platform("jobs.run")
def all_jobs():
    return pages.page("admin/jobs.html", CALENDAR=jobs.CALENDAR, runs=jobs.last_runs(), here="jobs")


@blueprint.post("/jobs/<name>/run")
@access.platform("jobs.run")
def run_job(name):
    done = jobs.run_now(name, by=access.me())
    if done is None:
        raise Refused("That job is running already.")
    return pages.go("/admin/jobs", f"{jobs.BY_NAME[name].label}: {done} done.")
