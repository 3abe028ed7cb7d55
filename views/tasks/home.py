"""An organization's first page: what needs doing, and how things stand."""

from flask import Blueprint, g

from domain.base import alerts, notices
from domain.entitlements import credits, grants
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
    counts = lists.counts(tasks.listing, lists.Ask(tab="mine"), by)
    balance, allowance = credits.balance(by.organization)
    return pages.page(
        "tasks/home/show.html",
        counts=counts,
        upcoming=tasks.upcoming(by),
        alerts=alerts.active(),
        newest=notices.newest(by.user, 5),
        current=grants.plan(),
        balance=balance,
        allowance=allowance,
        subscription=billing.subscription() if by.may("billing.read") else None,
        here="home",
    )
