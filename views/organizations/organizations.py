"""Founding a team, opening one, and its settings: name, zone, handing it over, leaving, deleting."""

from flask import Blueprint, g, redirect, request
from flask_login import current_user

from database.clock import time_zones
from database.scope import inside
from domain import Invalid, Stale, existing
from domain.base import settings
from domain.events import codes
from domain.organizations import members, organizations, own_settings, permissions, transfers, workspaces
from models import Organization
from views import access, pages

blueprint = Blueprint("organizations", __name__)
INVITE = "Invite the people you work with."


@blueprint.app_template_global()
def sections(by):
    """The tabs of an organization's settings, as far as this member may see them: (key, label, address)."""
    base = f"/{by.organization.slug}"
    found = [("settings", "General", f"{base}/settings")]
    sees = by.may("workspaces.manage") or (by.may("workspaces.read") and workspaces.are_shown())
    if sees and not by.organization.is_personal:
        found.append(("workspaces", "Workspaces", f"{base}/workspaces"))
    if by.may("permissions.read"):
        found.append(("permissions", "Permissions", f"{base}/permissions"))
    if by.may("keys.manage"):
        found.append(("keys", "Keys", f"{base}/keys"))
    if by.may("audit.read"):
        found.append(("audit", "Audit log", f"{base}/audit"))
    if by.may("organization.export"):
        found.append(("export", "Export", f"{base}/export"))
    if by.may("organization.verify"):
        found.append(("verification", "Mark", f"{base}/verification"))
    if by.may("flyers.moderate"):
        found.append(("reports", "Reports", f"{base}/reports"))
    return found


@blueprint.get("/organizations/new")
@access.signed_in
def new():
    return _new()


def _new(refusal=None):
    off = permissions.teams_are_on(None, None)
    errors = refusal.fields if refusal else {}
    return pages.page(
        "organizations/new.html", 422 if refusal else 200, off=off, values=request.form, errors=errors, here="new"
    )


@blueprint.post("/organizations")
@access.signed_in
@pages.again(_new)
def create():
    made = organizations.create(request.form.get("name", ""), by=access.me(), key=pages.form_key())
    organizations.switch(access.me(), made, current_user.session)
    with inside(made):
        closed = permissions.judge(organizations.reach(access.me(), made.slug), "members.invite")
    next = f"You can invite people once the plan includes it. {closed.sentence}" if closed else INVITE
    return pages.go(f"/{made.slug}", f"{made.name} is yours. {next}")


@blueprint.post("/organizations/<slug>/opening")
@access.signed_in
def open(slug):
    """Work in this one from here on: the person and this browser move together."""
    by = existing(organizations.reach(access.me(), slug))
    if by.organization.status == "active":
        organizations.switch(by.user, by.organization, current_user.session)
    return pages.go(f"/{slug}")


# --- one organization's settings --------------------------------------------------------------------------


@blueprint.get("/<organization>/settings")
@access.member("organization.read")
def show():
    if g.by.organization.status != "active":
        return redirect(f"/{g.by.organization.slug}")
    return _show()


def _show(refusal=None):
    by, offered = g.by, transfers.pending()
    return pages.page(
        "organizations/settings.html",
        refusal.status if refusal else 200,
        shown=Organization.get_by_id(by.organization.id),
        values=request.form if refusal else {},
        errors=(refusal.fields or {"form": refusal.sentence}) if refusal else {},
        zones=time_zones(),
        terms=own_settings.TERMS,
        lacking=pages.later(own_settings.lacking, by.organization),
        currencies=organizations.CURRENCIES,
        ticket_key=codes.newest() if by.may("events.keys") else None,
        has_earlier_keys=pages.later(codes.has_earlier),
        offered=offered,
        others=_others(by),
        alone=bool(permissions.not_the_last_owner(by, by)),
        teams=settings.get("organization_mode") == "team",
        here="organization",
    )


def _others(by):
    """(membership id, name) of whom it could be handed over to."""
    if not by.may("organization.transfer"):
        return []
    rows = members.of(by.organization)
    return [(one.id, one.user.name) for one in rows if one.user_id != by.user.id and one.user.status == "active"]


@blueprint.post("/<organization>/settings/own-tasks")
@access.member("organization.update")
def own_tasks():
    on = request.form.get("own_tasks_only") == "1"
    own_settings.show_own_tasks_only(on, by=g.by)
    return _settings("Members see only their own tasks now." if on else "Members see everybody's tasks now.")


@blueprint.post("/<organization>/settings/trash")
@access.member("organization.update")
def keep_trash():
    own_settings.keep_trash(request.form.get("trash_days", ""), by=g.by)
    return _settings("Saved.")


@blueprint.post("/<organization>/settings/second-factor")
@access.member("organization.require_factor")
def require_factor():
    on = request.form.get("second_factor") == "1"
    own_settings.require(on, request.form.get("days", "0"), by=g.by)
    return _settings("Everybody needs a second factor." if on else "Nobody needs a second factor any more.")


@blueprint.post("/<organization>/settings/ticket-key")
@access.member("events.keys")
def renew_ticket_key():
    codes.renew(by=g.by)
    return _settings("A new key signs tickets. Those that are out stay good.")


@blueprint.post("/<organization>/settings/ticket-key/end")
@access.member("events.keys")
def end_ticket_keys():
    codes.end_earlier(by=g.by)
    return _settings("Codes signed by earlier keys aren't taken any more.")


@blueprint.post("/<organization>/settings")
@access.member("organization.update")
@pages.again(_show, (Invalid, Stale))
def update():
    form = request.form
    own_settings.update(
        form.get("name", ""), form.get("timezone", ""), form.get("currency", ""), by=g.by, was=pages.was()
    )
    return pages.go(f"/{g.by.organization.slug}/settings", "Saved.")


@blueprint.post("/<organization>/deletion")
@access.member("organization.delete")
def delete():
    organizations.delete(by=g.by)
    return pages.go("/app", f"{g.by.organization.name} is deleted.")


# --- handing it over ---------------------------------------------------------------------------------------


@blueprint.post("/<organization>/transfer")
@access.member("organization.transfer")
def offer():
    made = transfers.offer(request.form.get("to", ""), by=g.by)
    return _settings(f"{made.to_user.name} was asked by letter. The offer holds for a week.")


@blueprint.post("/<organization>/transfer/cancellation")
@access.member("organization.transfer")
def take_back():
    transfers.take_back(by=g.by)
    return _settings("The offer is taken back.", "info")


@blueprint.post("/<organization>/transfer/acceptance")
@access.member("members.read")
def accept():
    transfers.accept(by=g.by)
    return _settings(f"{g.by.organization.name} is yours now.")


@blueprint.post("/<organization>/transfer/refusal")
@access.member("members.read")
def decline():
    transfers.decline(by=g.by)
    return _settings("You declined. Nothing was changed.", "info")


def _settings(words, tone="good"):
    return pages.go(f"/{g.by.organization.slug}/settings", words, tone)
