"""Plans, as admins name and fill them. Keys and the provider's ids stand in the code and the environment."""

from flask import Blueprint
from htmx_flask import request

from domain import Invalid, NotFound, Stale
from domain.base import long_jobs, settings
from domain.entitlements import plans
from domain.fields.forms import fingerprint
from domain.lists import rows
from domain.money import pricing
from domain.people import admins
from views import access, pages
from views.admin import settings as settings_view
from views.lists import routes

blueprint = Blueprint("plans", __name__)


routes.add(blueprint, rows.Rules(pricing.plans_listing), "/admin/plans", side="platform")


@blueprint.get("/admin/plans/<name>")
@access.platform("plans.write")
def edit(name):
    return _form(name)


@blueprint.post("/admin/plans/<name>")
@access.platform("plans.write")
def update(name):
    form = request.form.to_dict() | {"capabilities": request.form.getlist("capabilities")}
    try:
        plan = plans.change(name, form, by=access.me(), confirmed=bool(form.get("confirmed")), was=form.get("was", ""))
    except (Invalid, Stale) as refusal:
        return _form(name, refusal.status, errors=refusal.beside(), values=form)
    except plans.Unconfirmed as asks:
        return _form(name, 409, asks=asks, values=form, again=f"/admin/plans/{name}")
    return _done(plan)


@blueprint.post("/admin/plans/<name>/return/<id:id>")
@access.platform("plans.write")
def put_back(name, id):
    try:
        plan = plans.put_back(name, id, by=access.me(), confirmed=bool(request.form.get("confirmed")))
    except plans.Unconfirmed as asks:
        return _form(name, 409, asks=asks, again=f"/admin/plans/{name}/return/{id}")
    return _done(plan)


def _done(plan):
    plans.forget()
    work = long_jobs.newest(plans.RESYNC, plan.key)
    follows = " Its subscribers follow now." if work and work.is_open else ""
    return pages.go(f"/admin/plans/{plan.key}", f"{plan.label} is changed.{follows}")


def _form(name, status=200, **extra):
    plans.forget()
    if name not in plans.PLANS:
        raise NotFound("There is no such plan.")
    plan, field = plans.get(name), settings.REGISTRY[plans.PLANS[name].credits]
    values = extra.pop("values", None)
    if values is None:
        values = plans.facts(plan) | {"gives": "\n".join(plan.gives)}
    row = settings.rows().get(field.name)
    return pages.page(
        "admin/plans/edit.html",
        status,
        chosen=plan,  # `plan` is the frame's: that of whoever looks
        values=values,
        was=fingerprint(plans.facts(plan)),
        work=long_jobs.newest(plans.RESYNC, name),
        subscribers=plans.subscribers(name),
        CAPABILITIES=plans.CAPABILITIES,
        changes=plans.history(name),
        item=settings_view.item(field, row),
        may_settings=admins.may(access.me(), "settings.write"),
        here="plans",
        **extra,
    )
