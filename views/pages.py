"""Answering with a page, one block of it, or several pieces; and what every page's frame needs."""

import json
from functools import lru_cache

from flask import Response, current_app, flash, g, redirect, render_template
from htmx_flask import request
from jinja2_fragments.flask import render_block
from werkzeug.urls import iri_to_uri

from domain import alerts, billing, changes, configuration, notices, organizations, settings
from views import access

VARY = "HX-Request, HX-Target, Cookie"


# Macros that are functions of their arguments alone: the same icon or button is drawn once.
PURE = ("icon", "avatar", "badge", "button", "kbd", "link_button", "mark", "priority_mark", "theme_switch", "time")


OF_THE_FRAME = ("plan_badge",)  # parts of layout.html that are drawn again alone


def init_app(app):
    """`ui` as a global: a block rendered alone sees no imports."""
    ui = app.jinja_env.get_template("ui.html").module
    for name in PURE:
        setattr(ui, name, lru_cache(maxsize=4000)(getattr(ui, name)))
    app.jinja_env.globals["ui"] = ui


@lru_cache(maxsize=500)
def _blocks(environment, template):
    return frozenset(environment.get_template(template).blocks)


def page(template, status=200, **context):
    """The whole page, or only the block that the htmx request is aimed at (its id is the block's name)."""
    target = _aimed_at()
    environment = current_app.jinja_env
    if target in _blocks(environment, template) - _blocks(environment, "layout.html"):
        text = render_block(template, target, **context)
    elif target in OF_THE_FRAME and access.me():
        text = render_block("layout.html", target, **frame())
    else:
        text = render_template(template, **frame() | context)
    return _answer(text, status)


def _aimed_at():
    htmx = request.htmx
    if not htmx or htmx.boosted or htmx.history_restore_request:
        return None
    return htmx.target


def fragment(template, block=None, status=200, **context):
    """One known piece: a block of a page, or an _underscored file."""
    text = render_block(template, block, **context) if block else render_template(template, **context)
    return _answer(text, status)


def notice(tone, text, undo=None):
    """A toast for the notice area, out of band, to go with a fragment."""
    return render_template("lists/_notice.html", tone=tone, text=text, undo=undo)


def answer(*pieces, status=200, trigger=None):
    """Several pieces that are rendered already."""
    response = _answer("\n".join(str(p.get_data(True) if isinstance(p, Response) else p) for p in pieces), status)
    if trigger:
        response.headers["HX-Trigger"] = json.dumps(trigger)
    return response


def _answer(text, status):
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers["Vary"] = VARY
    return response


def go(target, message=None, tone="good"):
    """After a POST: on to a page, with a word on it. htmx is told to go there as a whole page."""
    if message:
        flash(message, tone)
    if request.htmx:
        response = Response("", 204)
        response.headers["HX-Redirect"] = iri_to_uri(target)
        return response
    return redirect(target, 303)


def home_of(user):
    return f"/{organizations.home(user).slug}"


# --- what the frame of every page shows ---------------------------------------------------------------

OFTEN = {"home", "tasks", "notifications", "billing"}


def places(by, is_admin):
    """The navigation: groups of places one can go to, with the key that goes there."""
    groups = []
    if by:
        base = f"/{by.organization.slug}"
        items = [
            _place("home", "Home", base, "home", "h"),
            _place("tasks", "Tasks", f"{base}/tasks", "checklist", "t"),
        ]
        if by.may("billing.read") and configuration.active.billing_provider != "none":
            items.append(_place("billing", "Plan", f"{base}/billing", "credit-card", "b"))
        groups.append({"label": "", "items": items})
    groups.append({
        "label": "You",
        "items": [
            _place("notifications", "Notifications", "/notifications", "bell", "n"),
            _place("account", "Account", "/account", "user", "a"),
        ],
    })  # fmt: skip
    if is_admin:
        items = [
            _place("admin", "Overview", "/admin", "building-bank", "o"),
            _place("settings", "Settings", "/admin/settings", "settings", "s"),
            _place("alerts", "Alerts", "/admin/alerts", "speakerphone", "l"),
            _place("jobs", "Jobs and webhooks", "/admin/jobs", "clock", "j"),
        ]
        groups.append({"label": "Admin", "items": items})
    return groups


def _place(name, label, href, icon, key):
    return {"name": name, "label": label, "href": href, "icon": icon, "key": key, "often": name in OFTEN}


def where(user):
    """The Member in whose organization the frame stands: the address's, or the active one."""
    if "by" in g:
        return g.by
    return user and organizations.reach(user, organizations.home(user).slug)


def frame():
    """What layout.html needs; asked for whole pages only."""
    chosen = configuration.active
    about = {
        "site": {"name": settings.get("site_name"), "description": settings.get("site_description")},
        "request_id": g.get("request_id"),
        "dev": not chosen.production,
        "demo": chosen.env == "demo",
        "me": None,
    }
    user = access.me()
    if user is None:
        return about
    by = where(user)
    from domain import admins
    from models import inside

    with inside(by.organization):
        plan, mark = billing.plan(), changes.mark(user)
    is_admin = admins.gate(user) == "ok"
    return about | {
        "me": user,
        "by": by,
        "organization": by.organization,
        "organizations": organizations.of(user),
        "plan": plan,
        "bell": notices.unread(user),
        "alerts_unread": alerts.unread(user),
        "is_admin": is_admin,
        "places": places(by, is_admin),
        "mark": mark,
    }
