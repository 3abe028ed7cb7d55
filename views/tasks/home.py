"""An organization's first page: what needs doing, and how things stand."""

from datetime import timedelta

from flask import Blueprint, g, request

from database.clock import now
from domain.base import notices
from domain.entitlements import credit_standings, grants
from domain.money import billing
from domain.operations import alerts
from domain.organizations import organizations, permissions
from domain.tasks import figures
from models import Event, Organization
from views import access, pages
from views.charts import dashboards

blueprint = Blueprint("home", __name__)

YOUNG = timedelta(days=14)  # so long an organization's keepers see what is left to begin with


def _whose(by):
    """((key, label) of the sets one may look at, whether everybody's is looked at): one's own first, for who works."""
    if by.organization.is_personal or not by.may("tasks.read_all"):
        return (("mine", "Mine"),), False
    chosen = request.args.get("tab") or ("mine" if by.may("tasks.write") else "all")
    return (("mine", "Mine"), ("all", "Everybody's")), chosen == "all"


def _steps(by):
    """(what to do, whether it is done, where) for whoever begins here."""
    base = f"/{by.organization.slug}"
    founded = by.organization.is_personal or by.role == "owner"
    found = [("Make a place for your work" if founded else f"Join {by.organization.name}", True, base)]
    if not by.organization.is_personal and by.may("invitations.read"):
        found.append(("Invite the people you work with", permissions.taken(by.organization) > 1, f"{base}/members"))
    if by.may("tasks.write"):
        found.append(("Write down the first task", not figures.is_empty(by, True), f"{base}/tasks/new"))
    if by.may("organization.update"):
        found.append(("Say in which time zone your days are", by.organization.timezone != "UTC", f"{base}/settings"))
    return found


def _is_young(organization):
    return Organization.get_by_id(organization).created_at > now() - YOUNG


def _coming():
    """The next events, and those that run."""
    ahead = Event.ends_at > now(), Event.state << ("draft", "published")
    return list(Event.select().where(*ahead).order_by(Event.starts_at, Event.id).limit(5))


@blueprint.get("/<organization>")
@access.member("organization.read")
def show():
    by = g.by
    if by.organization.status != "active":
        return pages.page(
            "tasks/home/suspended.html", reason=organizations.suspended_reason(by.organization), here="home"
        )
    whose, everybody = _whose(by)
    finished = pages.later(figures.done, by, everybody)
    left = pages.later(credit_standings.balance, by.organization)  # the plan badge is drawn again from here, alone
    return pages.page(
        "tasks/home/show.html",
        whose=whose,
        everybody=everybody,
        is_empty=pages.later(figures.is_empty, by, everybody),
        others=pages.later(figures.is_empty, by, not everybody) if len(whose) > 1 else True,
        steps=pages.later(_steps, by),
        is_young=by.may("organization.update") and pages.later(_is_young, by.organization.id),
        stats=pages.later(lambda: figures.standing(by, everybody, finished.value)),
        per_day=pages.later(lambda: figures.per_day(finished.value)),
        per_person=pages.later(figures.per_person) if everybody and not by.organization.is_personal else None,
        agenda=pages.later(figures.agenda, by, everybody),
        undated=pages.later(figures.undated, by, everybody),
        activity=pages.later(figures.activity, by, everybody),
        coming=pages.later(_coming) if by.may("events.read") else (),
        charts=pages.later(dashboards.on_home, by),
        alerts=pages.later(alerts.active),
        newest=pages.later(notices.newest, by.user, 5),
        current=pages.later(grants.plan),
        balance=pages.later(lambda: left.value[0]),
        allowance=pages.later(lambda: left.value[1]),
        subscription=pages.later(billing.subscription) if by.may("billing.read") else None,
        here="home",
    )
