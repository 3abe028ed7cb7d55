"""What protects every request alike: where it comes from, how big, how often, and what the answer allows."""

import functools
import logging
import re
import secrets
import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from flask import current_app, g, redirect, request, session
from flask_limiter import Limiter
from flask_login import current_user
from limits import parse
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import BaseConverter, ValidationError

from database.clock import read_in
from domain import Forbidden
from domain.base import allowances, audit, configuration, stepup
from domain.base.addresses import normalized
from domain.base.allowances import hit
from domain.organizations import organizations
from domain.people import sessions
from views import cookies, places

log = logging.getLogger("guildhall.requests")

BODY = 1024 * 1024  # bytes
SAFE = ("GET", "HEAD", "OPTIONS")

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'{beyond}; frame-ancestors 'none'"
)
# A plain form that ends at the provider's checkout or portal is a form-action too, by way of its redirect.
BEYOND = {
    "stripe": " https://checkout.stripe.com https://billing.stripe.com",
    "polar": " https://polar.sh https://buy.polar.sh https://sandbox.polar.sh",
    "lemon_squeezy": " https://*.lemonsqueezy.com",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def is_https():
    """Whether people come by TLS: cookies and headers follow from it."""
    return configuration.active.site_url.startswith("https://")


def cookie_name(name):
    """With TLS a cookie's name binds it to this very host (RFC 6265bis, «__Host-»)."""
    return f"__Host-{name}" if is_https() else name


SECRET_PARTS = {"secret", "link", "token"}  # what a route calls the part of its address that opens something


def secret_links(app):
    """How the addresses begin that end with a secret."""
    return {rule.rule.partition("<")[0] for rule in app.url_map.iter_rules() if rule.arguments & SECRET_PARTS}


def address():
    """Where the request comes from, or «unknown»."""
    return g.get("place") or places.parsed(request.remote_addr)


def _place():
    return places.network(address())


def _who_or_where():
    return current_user.get_id() if current_user.is_authenticated else _place()


def _mail_and_place():
    return f"{normalized(request.form.get('email', ''))[:254]}|{_place()}"


# specification B.10. Wrong tries alone count; a limit on the address alone would let strangers lock people
# out, so the narrow one pairs it with the place it comes from.
LIMITS = {
    "sign_in": ((parse("20/minute"), _place), (parse("10/15 minutes"), _mail_and_place)),
    "sign_up": ((parse("10/hour"), _place),),
    "code_verify": ((parse("5/minute"), _place),),
    "code_send": ((parse("30/hour"), _place),),
    "identity": ((parse("20/minute"), _place),),
    "passkey": ((parse("20/minute"), _place),),
    "backer": ((parse("30/minute"), _place),),
}
OTHERWISE = {"sign_in": ", or sign in with a code by mail"}


def unlimited(view):
    """Not a page: machines and open pages ask it as often as they must."""
    view.unlimited = True
    return view


# What is the person's alone: addresses, browsers, passkeys, codes.
THEIRS = ("account", "settings", "step-up", "auth")


def _only_looks():
    """Staff that looks on as somebody changes nothing, wherever a view may stand, and sees no secrets."""
    if not current_user.is_authenticated or not current_user.only_looks:
        return
    view = _view(request.endpoint) if request.endpoint else None
    if request.method not in SAFE and not getattr(view, "for_lookers", False):
        raise Forbidden("You are looking on as somebody else, so nothing can be changed.")
    if request.path.split("/")[1] in THEIRS:
        raise Forbidden("This page is theirs alone: whoever looks on doesn't see it.")


def for_lookers(view):
    """May be posted to by staff that looks on as somebody: the way out."""
    view.for_lookers = True
    return view


def from_anywhere(view):
    """May be posted to from another site: an answer that is checked by what it holds, not by where it comes from."""
    view.from_anywhere = True
    return view


def _is_unlimited():
    view = _view(request.endpoint) if request.endpoint else None
    return not allowances.limiter.enabled or view is None or getattr(view, "unlimited", False)


def _page_for():
    """Whose page it is. One that draws itself again, because it was told to, uses up nothing of the person's own."""
    return _who_or_where() + ("|redraw" if request.method == "GET" and "X-Redraw" in request.headers else "")


def _too_many_pages(breach):
    raise allowances.TooOften(max(1, int(breach.reset_at - time.time()) + 1), "pages")


# How many pages a person or a place may ask for. What is spent and tried (allowances) is counted in its storage too.
limiter = Limiter(
    key_func=_page_for,
    strategy="fixed-window",
    headers_enabled=False,
    application_limits=[lambda: f"{configuration.active.pages_per_minute}/minute"],
    application_limits_exempt_when=_is_unlimited,
    on_breach=_too_many_pages,
)


def limited(name):
    """Count POSTs to a view under the named limits, before it does anything; see `forgive`."""

    def wrap(view):
        @functools.wraps(view)
        def call(**kwargs):
            counted = g.setdefault("counted", [])
            recognise(request.form.get("email", "")[:254])
            apart = ("known",) if allowances.known.get() else ()
            for limit, key in LIMITS[name]:
                at = (limit, f"{name}:{key.__name__}", key(), *apart)
                hit(*at, otherwise=OTHERWISE.get(name, ""))
                counted.append(at)
            return view(**kwargs)

        return call

    return wrap


def forgive(*names):
    """What was tried in this request was right, and so was what led to it (`names`): it uses up no limit."""
    for at in g.pop("counted", ()):
        allowances.forgive(*at)
    for name, limit, key in ((other, *row) for other in names for row in LIMITS[other]):
        allowances.forgive(limit, f"{name}:{key.__name__}", key())


def recognise(email):
    """Take note whether this browser was signed in to the account of this address before."""
    browser = request.cookies.get(cookie_name(cookies.BROWSER), "")
    allowances.known.set(bool(email and browser) and sessions.knows(normalized(email), browser))


class Id(BaseConverter):
    """A row's number, as both databases can hold it."""

    regex = r"[1-9]\d{0,9}"

    def to_python(self, value):
        if int(value) >= 2**31:
            raise ValidationError()
        return int(value)


def init_app(app):
    app.config["MAX_CONTENT_LENGTH"] = BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = BODY
    app.url_map.converters["id"] = Id
    app.before_request(_begin)
    app.before_request(_by_our_name)
    app.before_request(_from_this_site)
    limiter.init_app(app)
    allowances.limiter.counts_by(limiter.limiter)
    app.before_request(_only_looks)
    app.after_request(_protect)
    app.after_request(_note_request)


def _begin():
    g.began = time.perf_counter()
    g.request_id = secrets.token_hex(8)
    g.place = places.parsed(request.remote_addr)
    allowances.known.set(False)
    stepup.present.set(None)  # a thread serves one after another
    zone = request.cookies.get(cookies.ZONE, "")  # until somebody with a zone of their own turns out to ask
    g.browser_zone = zone if zone in organizations.timezones() else ""
    read_in(g.browser_zone)
    audit.origin.set({"ip": address(), "request_id": g.request_id})
    # NUL ends a string in C and PostgreSQL refuses it: nothing we have is called so.
    if "\0" in request.path or b"%00" in request.query_string:
        raise BadRequest("The address has a character that can't be in one.")
    if request.method == "GET" and request.path.endswith("/") and request.path.strip("/") not in ("", "static"):
        query = request.query_string.decode("ascii", "ignore")
        return redirect("/" + quote(request.path.strip("/")) + (f"?{query}" if query else ""), 308)
    if not re.fullmatch(r"[a-z0-9-]{0,80}", (request.view_args or {}).get("organization", "")):
        raise NotFound()  # no organization is called so, and many paths are asked of every site
    return None


def _by_our_name():
    """Refuse what is asked of a name that isn't ours: a foreign page that has its own name lead here would be of the
    same origin (DNS rebinding), and letters must not get links to it. Machines that watch ask by number."""
    view = _view(request.endpoint) if request.endpoint else None
    name = (urlsplit(f"//{request.host}").hostname or "").rstrip(".")
    if _is_number_of_localhost(name) and _our_name() == "localhost" and _is_opened():
        return redirect(configuration.active.site_url + request.full_path.rstrip("?"))
    if name != _our_name() and not getattr(view, "by_any_name", False) and not _is_local(name):
        raise BadRequest("This site isn't known by that name. Use the address that whoever runs it gave you.")


def _is_number_of_localhost(name):
    return name in ("127.0.0.1", "::1") and not configuration.active.production


def _is_opened():
    """Whether a browser opens a page: passkeys and cookies belong to the name it is opened by."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _our_name():
    return urlsplit(configuration.active.site_url).hostname


def _is_local(name):
    """While developing it may be asked as localhost and by number, which no foreign page can call its own."""
    if configuration.active.production:
        return False
    try:
        return name == "localhost" or name.endswith(".localhost") or bool(ip_address(name))
    except ValueError:
        return False


def by_any_name(view):
    """May be asked under whatever name the site is reached by."""
    view.by_any_name = True
    return view


class ForeignForm(Forbidden):
    """A form that another site made a browser send."""


def _from_this_site():
    """Refuse writes that a foreign page makes a browser send: Fetch Metadata, or Origin where it's missing.

    Tokens in forms aren't needed then; see docs/decisions/cross-origin.md.
    """
    if request.method in SAFE:
        return
    view = _view(request.endpoint) if request.endpoint else None
    if view is None or view.door.kind in ("provider", "machine") or getattr(view, "from_anywhere", False):
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        fine = site in ("same-origin", "none")
    else:
        fine = origin is None or _is_ours(origin)
    if not fine:
        raise ForeignForm("This form was sent from another site, so nothing was changed.")


PORTS = {"http": ":80", "https": ":443"}


def _is_ours(origin):
    """Scheme, host and port are those of this site."""
    try:
        scheme, host = urlsplit(origin)[:2]
    except ValueError:
        return False
    ours = "https" if is_https() else request.scheme
    bare = request.host.removesuffix(PORTS[ours])
    return scheme == ours and host.removesuffix(PORTS[ours]) == bare


def _view(endpoint) -> Any:
    return current_app.view_functions.get(endpoint)


@functools.lru_cache
def protecting(provider, https):
    """The headers of every answer, with a provider of payments, by TLS or not."""
    always = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if https else {}
    return HEADERS | {"Content-Security-Policy": CSP.format(beyond=BEYOND.get(provider, ""))} | always


def _protect(response):
    headers = protecting(configuration.active.billing_provider, is_https())
    response.headers.extend({k: v for k, v in headers.items() if k not in response.headers})
    if response.mimetype == "text/html":
        response.vary.update(("HX-Request", "HX-Target"))
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store" if "_user_id" in session else "no-cache"
    return response


def _note_request(response):
    note(request.method, request.path, response.status_code, g.get("began"), g.get("request_id"))
    return response


def note(method, path, status, began, request_id):
    """A line in the log for a request."""
    if log.isEnabledFor(logging.INFO):
        took = round((time.perf_counter() - (began or time.perf_counter())) * 1000, 1)
        about = {"method": method, "path": path, "status": status, "ms": took, "request_id": request_id}
        log.info("request", extra=about)
