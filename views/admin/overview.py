"""The overview of the staff's side."""

from flask import Blueprint
from peewee import fn

import jobs
from database.clock import now
from domain.base import audit, configuration, outgoing
from domain.money import pricing, reconciliations, subscriptions
from domain.organizations import organization_desk
from domain.people import admins, people
from models import Organization, Outgoing, Session, User, WebhookEvent
from views import access, pages

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
