"""Where a request comes from and by which name it asks: forms of other sites and foreign names are refused."""

from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import redirect, request
from werkzeug.exceptions import BadRequest

from domain import Forbidden
from domain.base import configuration
from views.safety.headers import is_https
from views.safety.marks import is_marked, view_of

SAFE = ("GET", "HEAD", "OPTIONS")


def by_our_name():
    """Refuse what is asked of a name that isn't ours: a foreign page that has its own name lead here would be of the
    same origin (DNS rebinding), and letters must not get links to it. Machines that watch ask by number."""
    name = _name_in(f"//{request.host}").rstrip(".")
    if _is_number_of_localhost(name) and _our_name() == "localhost" and _is_opened():
        return redirect(configuration.active.site_url + request.full_path.rstrip("?"))
    if name != _our_name() and not is_marked("by_any_name") and not _is_local(name):
        raise BadRequest("This site isn't known by that name. Use the address that whoever runs it gave you.")


def _is_number_of_localhost(name):
    return name in ("127.0.0.1", "::1") and not configuration.active.production


def _is_opened():
    """Whether a browser opens a page: passkeys and cookies belong to the name it is opened by."""
    return request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate"


def _our_name():
    return _name_in(configuration.active.site_url)


@lru_cache(maxsize=1000, typed=True)
def _name_in(address):
    return urlsplit(address).hostname or ""


def _is_local(name):
    """While developing it may be asked as localhost and by number, which no foreign page can call its own."""
    return not configuration.active.production and _is_of_this_machine(name)


@lru_cache(maxsize=1000, typed=True)
def _is_of_this_machine(name):
    try:
        return name == "localhost" or name.endswith(".localhost") or bool(ip_address(name))
    except ValueError:
        return False


class ForeignForm(Forbidden):
    """A form that another site made a browser send."""


def from_this_site():
    """Refuse writes that a foreign page makes a browser send: Fetch Metadata, or Origin where it's missing.
    Tokens in forms aren't needed then; see docs/decisions/cross-origin.md."""
    if request.method in SAFE:
        return
    view = view_of()
    if view is None or view.door.kind in ("provider", "machine") or is_marked("from_anywhere"):
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
