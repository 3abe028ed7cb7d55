"""An organization's first page: what needs doing, and how things stand."""

from flask import Blueprint, g

from domain.base import alerts, notices
from domain.entitlements import credit_standings, grants
from domain.lists import lists
from domain.money import billing
from domain.organizations import organizations
from domain.tasks import tasks
from views import access, pages

blueprint = Blueprint("home", __name__)


@blueprint.get("/<organization>")
@access.member("organization.read")
def show():
    by = g.by
    if by.organization.status != "active":
        return pages.page(
            "tasks/home/suspended.html", reason=organizations.suspended_reason(by.organization), here="home"
        )
    left = pages.later(credit_standings.balance, by.organization)  # the plan badge is drawn again from here, alone
    return pages.page(
        "tasks/home/show.html",
        counts=pages.later(lists.counts, tasks.listing, lists.Ask(tab="mine"), by),
        upcoming=pages.later(tasks.upcoming, by),
        alerts=pages.later(alerts.active),
        newest=pages.later(notices.newest, by.user, 5),
        current=pages.later(grants.plan),
        balance=pages.later(lambda: left.value[0]),
        allowance=pages.later(lambda: left.value[1]),
        subscription=pages.later(billing.subscription) if by.may("billing.read") else None,
        here="home",
    )
