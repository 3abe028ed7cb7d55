"""Answering with a page, one block of it, or several pieces; and what every page's frame needs."""

import functools
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

from flask import Response, current_app, flash, g, redirect, render_template, send_file
from flask_login import current_user
from htmx_flask import request
from jinja2 import nodes
from jinja2.runtime import Context
from jinja2_fragments.flask import render_block
from werkzeug.urls import iri_to_uri

from database.columns import public_id
from database.scope import inside
from domain import Invalid
from domain.base import changes, configuration, settings
from domain.base.flags import flags
from domain.entitlements import grants
from domain.events import reported
from domain.files import made_files
from domain.money import dunning
from domain.operations import alerts
from domain.organizations import organizations
from domain.people import admins, people
from views import access

VARY = "HX-Request, HX-Target, Cookie"


# Macros that are functions of their arguments alone: the same icon or button is drawn once. `typed`, here and
# wherever HTML is kept: Markup equals the same text as a str, but the one is trusted and the other must be escaped.
PURE = ("icon", "avatar", "badge", "button", "kbd", "link_button", "mark", "priority_mark", "theme_switch", "time")


OF_THE_FRAME = ("plan_badge", "billing_banner")  # parts of layout.html that are drawn again alone


class later:
    """A value of a page that is asked for, once, when what is drawn uses it; other blocks don't pay for it."""

    def __init__(self, ask, *args):
        self._ask = partial(ask, *args)

    @cached_property
    def value(self):
        return self._ask()


class _Context(Context):
    def resolve_or_missing(self, key):
        found = super().resolve_or_missing(key)
        return found.value if type(found) is later else found


def init_app(app):
    """`ui` as a global: a block rendered alone sees no imports."""
    app.jinja_env.context_class = _Context
    ui = app.jinja_env.get_template("ui.html").module
    for name in PURE:
        setattr(ui, name, lru_cache(maxsize=4000, typed=True)(getattr(ui, name)))
    app.jinja_env.globals["ui"] = ui
    app.jinja_env.tests["flagged"] = lambda organization, name: flags.is_on(name, organization)
    app.jinja_env.globals["organizer"], app.jinja_env.globals["is_marked"] = reported.organizer, reported.is_marked
    app.jinja_env.globals["fresh_key"] = public_id  # of a form: however often it is sent, it makes one row
    nav = app.jinja_env.get_template("nav.html").module
    for name in ("sidebar", "bottom", "keys"):
        setattr(nav, name, lru_cache(maxsize=1000, typed=True)(getattr(nav, name)))
    app.jinja_env.globals["nav"] = nav


@lru_cache(maxsize=500, typed=True)
def _home_of(environment, template, block):
    """The template that has the block: this one, or the nearest that it extends; None when it is only the frame's."""
    if not block or block in environment.get_template("layout.html").blocks:
        return None
    while template and template != "layout.html":
        if block in environment.get_template(template).blocks:
            return template
        source = environment.loader.get_source(environment, template)[0]
        parent = next(environment.parse(source).find_all(nodes.Extends), None)
        template = parent and parent.template.value
    return None


def page(template, status=200, around=None, **context):
    """The whole page, or only the block that the htmx request is aimed at (its id is the block's name).
    What is said as `later(ask)` is asked for only if that block uses it. `around` maps a block that has nothing more
    to poll for to the one around it, which is drawn in its place."""
    aimed = _aimed_at()
    target = (around or {}).get(aimed, aimed)
    environment = current_app.jinja_env
    home = _home_of(environment, template, target)
    if home:
        text = render_block(home, target, **_standing() | context)
    elif target in OF_THE_FRAME and access.me():
        text = render_block("layout.html", target, **frame())
    else:
        text = render_template(template, **frame() | context)
    response = _answer(text, status)
    if target != aimed:
        response.headers["HX-Retarget"] = f"#{target}"
    if target == "dialog" and "<!doctype" in text[:40]:  # refused after the step-up dialog: its page takes over
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML"
    return response


def in_dialog(dialog, template, status=200, **context):
    """What a dialog asks for, as a fragment; a browser without one gets the page."""
    if request.htmx and request.htmx.target == "dialog":
        return fragment(dialog, status=status, **context)
    return page(template, status, **context)


def again(form, refusals=Invalid, **more):
    """A refusal of what was sent to the view is answered by `form(refusal=…)`, which has it still."""

    def wrap(view):
        @functools.wraps(view)
        def call(**parts):
            try:
                return view(**parts)
            except refusals as refusal:
                return form(refusal=refusal, **parts, **more)

        return call

    return wrap


def instead(template, path, **context):
    """A whole page in answer to a POST, for what is shown this once: a secret doesn't travel in a cookie.
    With htmx it takes the place of the present page, under the address `path`."""
    response = _answer(render_template(template, **frame() | context), 200)
    response.headers["Cache-Control"] = "no-store"
    if request.htmx:
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "body", "innerHTML"
        response.headers["HX-Push-Url"] = path
    return response


def _aimed_at():
    htmx = request.htmx
    if not htmx or htmx.boosted or htmx.history_restore_request:
        return None
    return htmx.target


def fragment(template, block=None, status=200, **context):
    """One known piece: a block of a page, or an _underscored file."""
    return _answer(block_of(template, block, **context), status)


def block_of(template, block=None, **context):
    """Its HTML."""
    home = block and _home_of(current_app.jinja_env, template, block)
    context = _standing() | context
    return render_block(home, block, **context) if home else render_template(template, **context)


def _standing():
    """Who asks, and where they stand: what is drawn without the frame knows it too."""
    by = g.get("by")
    return {"by": by, "organization": by.organization} if by else {}


def notice(tone, text, undo=None, link=None):
    """A toast for the notice area, out of band, to go with a fragment."""
    return render_template("lists/_notice.html", tone=tone, text=text, undo=undo, link=link)


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


def go(target, message=None, tone="good", undo=None):
    """After a POST: on to a page, with a word on it and a way to take it back. htmx goes there as a whole page."""
    if message:
        flash(message, f"{tone} {undo}" if undo else tone)
    if request.htmx:
        response = Response("", 204)
        response.headers["HX-Redirect"] = iri_to_uri(target)
        return response
    return redirect(target, 303)


def was():
    """What the page of a sent form showed: field name → text (ui.was writes them)."""
    return {name.removeprefix("was_"): text for name, text in request.form.items() if name.startswith("was_")}


PRESSED = ("another", "do")  # buttons, which are no words of a form


def form_key():
    """What the sent form is known by, so that it is taken once however often it is pressed; "" for what has no key of
    ours. With other words (somebody went back and wrote something else) it is another form."""
    key = changes.form_key(request.form.get("form_key", ""))
    words = request.form.items(multi=True)
    said = [(name, text) for name, text in words if name not in PRESSED and not name.startswith("proof_")]
    return key and hashlib.sha256(repr((key, said)).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def wants_json():
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and not request.htmx


def home_of(user):
    return f"/{organizations.home(user).slug}"


# --- what the frame of every page shows ---------------------------------------------------------------

OFTEN = {"home", "tasks", "events", "notifications"}


@dataclass(frozen=True, eq=False)  # themselves alone: nav.html's macros are kept by them
class Place:
    name: str
    label: str
    href: str
    icon: str
    key: str

    @property
    def often(self):
        return self.name in OFTEN


@dataclass(frozen=True, eq=False)
class Group:
    label: str
    items: tuple
    icon: str = ""  # of one that folds


# The admin side, in groups that fold: who has the capability sees the place.
STAFFED = (
    ("Admin", "", (("admin.read", Place("admin", "Overview", "/admin", "building-bank", "o")),)),
    (
        *("People", "users"),
        (
            ("users.read", Place("people", "People", "/admin/users", "user-search", "p")),
            (
                "organizations.read",
                Place("organizations", "Organizations", "/admin/organizations", "building", "r"),
            ),
            ("keys.revoke", Place("all_keys", "Keys", "/admin/keys", "key", "")),
            ("organizations.import", Place("arrivals", "Imports", "/admin/imports", "file-import", "")),
            ("demo.remove", Place("demo", "Demo data", "/admin/demo", "trash", "")),
            ("admins.write", Place("admins", "Admins", "/admin/admins", "shield-lock", "d")),
            ("moderation.review", Place("moderation", "Reports", "/admin/reports", "flag", "g")),
            ("support.write", Place("feedback", "What people write", "/admin/feedback", "message", "")),
            (
                "support.write",
                Place("verifications", "Names to look at", "/admin/verifications", "rosette-discount-check", ""),
            ),
        ),
    ),
    (
        *("Money", "credit-card"),
        (
            ("plans.write", Place("plans", "Plans", "/admin/plans", "stack-2", "y")),
            ("pricing.sync", Place("pricing", "Prices", "/admin/pricing", "tag", "i")),
            ("subscriptions.read", Place("subscriptions", "Subscriptions", "/admin/subscriptions", "credit-card", "x")),
            ("subscriptions.sync", Place("reconciliation", "Reconciliation", "/admin/reconciliation", "checks", "f")),
            ("subscriptions.read", Place("sent_on", "Payouts", "/admin/payouts", "credit-card", "")),
            ("jobs.run", Place("webhooks", "Webhooks", "/admin/webhooks", "inbox", "w")),
        ),
    ),
    (
        *("Campaign", "heart-handshake"),
        (("backers.write", Place("backers", "Backers", "/admin/backers", "heart-handshake", "k")),),
    ),
    (
        *("Site", "settings"),
        (
            ("settings.write", Place("settings", "Site settings", "/admin/settings", "settings", "s")),
            ("mail.read", Place("mail", "Mail", "/admin/mail", "mail", "")),
            ("newsletter.read", Place("newsletter", "Newsletter", "/admin/campaigns", "news", "")),
            ("content.write", Place("blog", "Blog", "/admin/blog", "pencil", "")),
            ("content.write", Place("legal", "Legal pages", "/admin/legal", "scale", "")),
            ("alerts.write", Place("alerts", "Alerts", "/admin/alerts", "speakerphone", "l")),
            ("jobs.run", Place("jobs", "Jobs", "/admin/jobs", "clock", "j")),
            ("releases.read", Place("releases", "Releases", "/admin/releases", "rocket", "")),
            ("outages.write", Place("outages", "Outages", "/admin/outages", "alert-triangle", "")),
            ("backups.run", Place("backups", "Copies", "/admin/backups", "database-export", "z")),
            ("audit.read_all", Place("audit_all", "Audit log", "/admin/audit", "list-search", "u")),
        ),
    ),
)


def places(by, capabilities):
    """The navigation: groups of places one can go to, with the key that goes there."""
    paid = configuration.active.has_billing
    team = bool(by and not by.organization.is_personal)
    billed, automates = bool(by and paid and by.may("billing.read")), bool(by and by.may("automations.write"))
    return _places(by and by.organization.slug, billed, capabilities, team, automates)


@lru_cache(maxsize=500, typed=True)
def _places(slug, billed, capabilities, team=False, automates=False):
    groups = []
    if slug:
        items = [
            Place("home", "Home", f"/{slug}", "home", "h"),
            Place("tasks", "Tasks", f"/{slug}/tasks", "checklist", "t"),
            Place("events", "Events", f"/{slug}/events", "ticket", "c"),
            Place("flyers", "Flyers", f"/{slug}/flyers/campaigns", "photo", "y"),
            Place("records", "Records", f"/{slug}/records", "table", "q"),
            Place("dashboards", "Dashboard", f"/{slug}/dashboard", "chart-bar", "v"),
        ]
        if automates:
            items.append(Place("automations", "Automations", f"/{slug}/automations", "bolt", ""))
        if billed:
            items.append(Place("billing", "Plan", f"/{slug}/billing", "credit-card", "b"))
        if team:
            items.append(Place("members", "Members", f"/{slug}/members", "users", "m"))
        items.append(Place("organization", "Settings", f"/{slug}/settings", "adjustments", "e"))
        groups.append(Group("", tuple(items)))
    yours = (
        Place("notifications", "Notifications", "/notifications", "bell", "n"),
        Place("account", "Account", "/account", "user", "a"),
    )
    groups.append(Group("You", yours))
    for label, icon, staffed in STAFFED:
        if seen := tuple(place for capability, place in staffed if capability in capabilities):
            groups.append(Group(label, seen, icon))
    return tuple(groups)


ICONS = (
    "home",
    "history",
    "checklist",
    "credit-card",
    "users",
    "adjustments",
    "bell",
    "user",
    "building-bank",
    "user-search",
    "building",
    "list-search",
    "settings",
    "speakerphone",
    "clock",
    "shield-lock",
    "stack-2",
    "tag",
    "heart-handshake",
    "checks",
    "inbox",
    "table",
    "chart-bar",
    "ticket",
    "bolt",
    "news",
)


def where(user, mine=None):
    """The Member in whose organization the frame stands: the address's, or the active one (of `mine`, if known)."""
    if "by" in g:
        return g.by
    return user and organizations.reach(user, organizations.home(user, mine and mine.value).slug)


def frame():
    """What layout.html needs; asked for whole pages and for the blocks OF_THE_FRAME."""
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
    mine, capabilities = later(organizations.of, user), admins.capabilities(user)
    by = where(user, mine)
    within = partial(_within, by.organization)
    plan, mark = later(within, grants.plan), later(lambda: g.get("mark") or within(changes.mark, user))
    return about | {
        "me": user,
        "by": by,
        "organization": by.organization,
        "organizations": mine,
        "switcher": later(lambda: len(mine.value) > 1 or settings.get("organization_switcher") == "always"),
        "teams": settings.get("organization_mode") == "team",
        "plan": plan,
        "matter": later(within, lambda: dunning.open_matter() if plan.value and by.may("billing.read") else None),
        "bell": later(lambda: changes.unread(mark.value)),
        "alerts_unread": later(alerts.unread, user),
        "is_admin": "admin.read" in capabilities,
        "looking": people.look(current_user) if current_user.only_looks else None,
        "one_tab": settings.get("one_tab_per_session"),
        "places": places(by, capabilities),
        "mark": mark,
    }


def _within(organization, ask, *args):
    with inside(organization):
        return ask(*args)


def made_file(job, called):
    """The file that a long job made, to be saved as `called` with the moment in it. Refuses with NotFound."""
    path = made_files.path(job)
    answer = send_file(path, "application/zip", as_attachment=True, download_name=called.format(job.finished_at))
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def picture(sha256, data, *, keeps, kind="webp"):
    """A picture of ours, which browsers keep for as long as `keeps` says."""
    response = Response(data, mimetype=f"image/{kind}", headers={"Cache-Control": keeps})
    response.set_etag(sha256)
    return response.make_conditional(request)
