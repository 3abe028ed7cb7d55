"""Doors: every view has exactly one, and the app refuses to start when a view has none.

public · signed_in · member(capability) · keeper (of an event's door) · platform(capability) ·
holder (a token in the link) ·
provider (a signature) · machine (a token in a header) · program(capability) (a machine with a key of an organization)
What one can't reach is 404; what one reaches but may not do is 403; who isn't signed in is sent to
sign in, and back.
"""

import functools
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import flash, g, session
from flask_login import LoginManager, current_user
from htmx_flask import request
from werkzeug.urls import iri_to_uri

from database.clock import read_in
from database.scope import inside
from domain import Forbidden, NotFound, Refused, existing
from domain.base import audit, changes, roles, stepup
from domain.events.door import devices
from domain.organizations import api_keys, organizations
from domain.people import admins, people, sessions
from views import cookies, places
from views.safety.marks import is_marked


class Login(LoginManager):
    """Who asks, by the session's cookie. That it is used where it was given our own session rows watch, and more."""

    session_protection = None

    def _session_protection_failed(self):
        return False  # else it hashes who asks and from where first, at each request


login = Login()


@login.user_loader
def _load(token):
    """Who asks; also for the domain, which wants to know it before a sensitive act."""
    if not isinstance(token, str) or len(token) > 100:
        return None
    found = sessions.find(token)
    if found is not None and found.only_looks and not people.still_may(found):
        people.stop(found.session.id, "revoked")
        found = None
    if found is None and cookies.STAFF in session:
        found = yourself_again()
    if found is None:
        g.session_over = sessions.why_over(token)
    stepup.present.set(found)
    if found:
        read_in(found.user.timezone)
    return found


def yourself_again():
    """Bring back the session of whoever looked on, if it is still good; else None, and they sign in again."""
    own = session.pop(cookies.STAFF, "")
    found = sessions.find(own)
    session.clear()
    if found is not None:
        session["_user_id"], session["_fresh"] = own, True
        flash("You see the site with your own eyes again.", "info")
    return found


@dataclass(frozen=True)
class Door:
    kind: str
    capability: str = ""


class Unauthenticated(Refused):
    code, status = "UNAUTHENTICATED", 401


class SessionReplaced(Refused):
    """The account was signed in to somewhere else, and one session is the rule here."""

    code, status = "SESSION_REPLACED", 401


class Hidden(NotFound):
    """A denial that looks as if nothing were there; what was tried is in the audit log."""


def _with_door(view, door, enter):
    @functools.wraps(view)
    def call(**kwargs):
        return enter(view, kwargs)

    call.door = door  # type: ignore[attr-defined]
    return call


def public(view):
    """Anybody."""
    return _with_door(view, Door("public"), lambda view, kwargs: view(**kwargs))


def signed_in(view):
    """Anybody with a session."""

    def enter(view, kwargs):
        _who()
        return view(**kwargs)

    return _with_door(view, Door("signed_in"), enter)


def member(capability, unless=None):
    """A member of the organization in the address, whose role has the capability; stands inside it.

    `unless` (by, what else the address names) is who comes in without it.
    """
    roles.known(capability)

    def door(view):
        def enter(view, kwargs):
            by = existing(organizations.reach(_who(), kwargs.pop("organization")))
            g.by = by = _previewed(by, capability)
            with inside(by.organization):
                if unless is None or not unless(by, **kwargs):
                    by.require(capability)
                if _is_opened():
                    g.mark = changes.mark(me())
                return view(**kwargs)

        return _with_door(view, Door("member", capability), enter)

    return door


def _is_opened():
    """Whether a page may be opened. How far the log goes is then asked before its rows are: what is written while it is
    drawn would never be told to it."""
    return request.method == "GET" and "HX-Request" not in request.headers and not is_marked("unlimited")


def _previewed(by, capability):
    """The member as the lesser role through whose eyes they want to look; then they only read.

    Of somebody's eyes it are their tables that one sees; everywhere else it are those of their role.
    """
    organization, role, person = (*(session.get(cookies.VIEW_AS) or ()), None, None, None)[:3]
    if organization != by.organization.id or role not in roles.below(by.role):
        return by
    other = by.colleague(person) if person else None
    if person and (other is None or other.role not in roles.below(by.role) or not by.may("records.build")):
        del session[cookies.VIEW_AS]
        raise Forbidden("You can't look through their eyes any more. You see everything with your own again.")
    if request.method not in ("GET", "HEAD"):
        raise _looking_as(by.looking_as(other) if other else by.seen_as(role))
    if other is None or not capability.startswith("records."):
        return by.seen_as(other.role if other else role)
    read_in(other.user.timezone)
    return by.looking_as(other)


def _looking_as(by):
    who = by.user.name if by.real_user else f"{'an' if by.role[0] in 'aeiou' else 'a'} {by.role}"
    return Forbidden(f"You are looking as {who}. Stop that first, then you can change things again.")


def refuse_who_only_looks():
    """Refuse a form before anything is typed into it, where it would be refused when it is sent."""
    if "by" in g and g.by.real_role:
        raise _looking_as(g.by)
    if current_user.only_looks:
        raise Forbidden("You are looking on as somebody else, so nothing can be changed.")


def keeper(view):
    """Whoever works at the door of the event in the address; stands inside its organization."""

    def enter(view, kwargs):
        g.keeper = found = devices.reach(_who(), kwargs.pop("event"))
        if found is None:
            raise NotFound("There is no door of yours here.")
        if found.member:
            _previewed(found.member, "events.read")  # whoever looks as somebody lesser lets nobody in meanwhile
        with inside(found.organization):
            return view(**kwargs)

    return _with_door(view, Door("keeper"), enter)


def platform(capability):
    """Platform staff. To everybody else, signed in or not, there is nothing here."""
    roles.known(capability)

    def door(view):
        def enter(view, kwargs):
            user = me()
            if user is None and g.get("session_over") == "replaced":
                _who()  # refuses: whose session was replaced is told so here too, whoever they are
            if user is None or not admins.may(user, capability):
                raise Hidden()
            return view(**kwargs)

        return _with_door(view, Door("platform", capability), enter)

    return door


def holder(view):
    """Whoever has the link: the view checks the token in it before anything else."""
    return _with_door(view, Door("holder"), lambda view, kwargs: view(**kwargs))


def provider(view):
    """A provider's signature, which the view checks before anything else."""
    return _with_door(view, Door("provider"), lambda view, kwargs: view(**kwargs))


def machine(view):
    """A token in a header, which the view checks before anything else."""
    return _with_door(view, Door("machine"), lambda view, kwargs: view(**kwargs))


def program(capability=""):
    """A program with a key that has the capability, as its maker has now; stands inside the key's organization."""
    if capability:
        roles.known(capability)

    def door(view):
        def enter(view, kwargs):
            place = g.get("place") or places.UNKNOWN
            g.by = by = api_keys.enter(_sent_key(), place, places.network(place), request.path)
            if kwargs.pop("organization", by.organization.slug) != by.organization.slug:
                raise NotFound()
            audit.origin.set(audit.origin.get() | {"program": f"{by.api_key.name} (ghk_{by.api_key.prefix})"})
            with inside(by.organization):
                if capability:
                    by.require(capability)
                return view(**kwargs)

        return _with_door(view, Door("machine", capability), enter)

    return door


def _sent_key():
    """The key that was sent: as RFC 6750 has it, or in the header of the mobile apps that there were before."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        return key.strip()[:200]
    return request.headers.get("X-Mobile-Api-Key", "").strip()[:200]


def me():
    """The signed-in user, or None."""
    return current_user.user if current_user.is_authenticated else None


def _who():
    user = me()
    if user is not None:
        return user
    if g.get("session_over") == "replaced":
        raise SessionReplaced("You signed in somewhere else, and only one session is allowed here.")
    raise Unauthenticated("Please sign in first.")


def sign_in_address():
    """Where to sign in, and where to come back to."""
    return f"/sign-in?{urlencode({'next': _here()})}"


def set_up_address(organization):
    """Where a second factor is set up that the organization (its slug) asks for, and where to come back to."""
    return f"/settings/security/factor/required?{urlencode({'organization': organization, 'next': _here()})}"


def _here():
    """The page that a refused request stands on."""
    target = request.headers.get("HX-Current-URL") if request.htmx else request.full_path.rstrip("?")
    if request.method != "GET" and not request.htmx:
        target = request.referrer  # the form, where what was typed waits
    return same_site(target) or "/app"


def same_site(target):
    """A path of this very site, or None: «next» must not lead strangers elsewhere."""
    if not target:
        return None
    try:
        parts = urlsplit(iri_to_uri(target.strip()))
    except ValueError:
        return None
    if parts.netloc and parts.netloc != request.host:
        return None
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if not path.startswith("/") or path.startswith(("//", "/\\")) or any(ord(c) < 32 for c in path):
        return None
    return path


def check_doors(app):
    """Refuse to start when a route has no door."""
    bare = sorted(
        {
            f"{rule.rule} → {rule.endpoint}"
            for rule in app.url_map.iter_rules()
            if not hasattr(app.view_functions[rule.endpoint], "door")
        }
    )
    if bare:
        raise RuntimeError("These routes have no door:\n  " + "\n  ".join(bare))
