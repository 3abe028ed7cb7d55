"""The overview of the staff's side: what needs a decision, figures over time, setting up, what happened lately."""

from flask import Blueprint
from peewee import fn

import jobs
from database.clock import now
from domain.base import audit, configuration, outgoing
from domain.money import reconciliations, subscriptions
from domain.operations import attention, overview
from domain.organizations import organization_desk
from domain.people import admins, people
from models import Organization, Outgoing, Session, User, WebhookEvent
from views import access, pages

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("")
@access.platform("admin.read")
def index():
    staff, runs = admins.staff(access.me()), jobs.last_runs()
    can, failed = staff.capabilities, sum(bool(run and not run.ok) for run in runs.values())

    def count(table, *conditions):
        return table.select(fn.count(table.id)).where(*conditions).scalar()

    return pages.page(
        "admin/index.html",
        needs=attention.needs(staff, failed),
        figures=overview.figures() if "subscriptions.read" in can else [],
        steps=overview.steps(access.me()) if "settings.write" in can else [],
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
        runs=runs,
        failed=failed,
        here="admin",
    )


@blueprint.post("/setup/letter")
@access.platform("settings.write")
def send_letter():
    overview.send_test_letter(by=access.me())
    return pages.go("/admin", f"A test letter is on its way to {access.me().email}.")


@blueprint.post("/setup/payment")
@access.platform("settings.write")
def pay():
    return pages.go(overview.try_payment(by=access.me()))
