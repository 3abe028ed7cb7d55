"""How often: pages by person and place, tries by place and address. What was right uses nothing up."""

import functools
import time

from flask import g, request, session
from flask_limiter import Limiter
from flask_login import current_user
from limits import RateLimitItemPerMinute, parse
from limits.storage import MemoryStorage

from domain.base import allowances, configuration
from domain.base.allowances import hit
from domain.fields.email import normalized
from domain.people import sessions
from views import cookies, places
from views.safety.headers import cookie_name
from views.safety.marks import is_marked, view_of


def address():
    """Where the request comes from, or «unknown»."""
    return g.get("place") or places.parsed(request.remote_addr)


def _place():
    return places.network(address())


def _who_or_where():
    return current_user.get_id() if current_user.is_authenticated else _place()


def _browser_and_place():
    """A browser that keeps cookies is known by the one for flyers; one that keeps none is its tab alone."""
    return f"{session.get(cookies.FLYERS, {}).get('browser') or request.form.get('form_key', '')[:40]}|{_place()}"


def _mail_and_place():
    return f"{normalized(request.form.get('email', ''))[:254]}|{_place()}"


# Wrong tries alone count; a limit on the address alone would let strangers lock people
# out, so the narrow one pairs it with the place it comes from.
LIMITS = {
    "sign_in": ((parse("20/minute"), _place), (parse("10/15 minutes"), _mail_and_place)),
    "sign_up": ((parse("10/hour"), _place),),
    "code_verify": ((parse("5/minute"), _place),),
    "code_send": ((parse("30/hour"), _place),),
    "identity": ((parse("20/minute"), _place),),
    "passkey": ((parse("20/minute"), _place),),
    "backer": ((parse("30/minute"), _place),),
    "newsletter": ((parse("5/hour"), _place),),
    "feedback": ((parse("5/hour"), _place),),
    "report": ((parse("60/hour"), _place),),
    # A hall full of people has one address: it may keep many copies, a browser few.
    "flyer": (
        *((parse("5/minute"), _browser_and_place), (parse("10/hour"), _browser_and_place)),
        (parse("120/hour"), _place),
    ),
}
OTHERWISE = {"sign_in": ", or sign in with a code by mail"}


def _page_for():
    """Whose page it is. One that draws itself again, because it was told to, uses up nothing of the person's own."""
    return _who_or_where() + ("|redraw" if request.method == "GET" and "X-Redraw" in request.headers else "")


class Memory(MemoryStorage):
    """Counts in this process. What has run out is let go of now and then: limits' own looks through all of it, in a
    thread made for that, after each request, and in a hot sale that is an address of every buyer."""

    STORAGE_SCHEME = ["memory"]  # type: ignore[misc]
    EVERY = 10  # seconds
    _looked = 0.0

    def _MemoryStorage__schedule_expiry(self):
        if time.monotonic() - self._looked > self.EVERY:
            self._looked = time.monotonic()
            super()._MemoryStorage__schedule_expiry()  # type: ignore[misc]


class Pages(Limiter):
    """How many pages a person or a place may ask for: one limit for all views. Flask-Limiter's own look through those
    that it could have takes a tenth of a short request."""

    def init_app(self, app):
        """It only asks before a request. Of answers it has nothing to say, which it would say of each."""
        app.extensions.setdefault("limiter", set()).add(self)
        super().init_app(app)
        app.before_request(self._check_request_limit)

    def _check_request_limit(self, callable_name=None, in_middleware=True):
        if not allowances.limiter.enabled or view_of() is None or is_marked("unlimited"):
            return
        limit, key = RateLimitItemPerMinute(configuration.active.pages_per_minute), ("pages", _page_for())
        if not self.limiter.hit(limit, *key):
            ends = self.limiter.get_window_stats(limit, *key).reset_time
            raise allowances.TooOften(max(1, int(ends - time.time()) + 1), "pages")


# What is spent and tried (allowances) is counted in its storage too.
limiter = Pages(key_func=_page_for, strategy="pages", storage_options=allowances.PROMPT, headers_enabled=False)


def limited(name):
    """Count POSTs to a view under the named limits, before it does anything; see `forgive`."""

    def wrap(view):
        @functools.wraps(view)
        def call(**kwargs):
            recognise(request.form.get("email", "")[:254])
            count(name)
            return view(**kwargs)

        return call

    return wrap


def count(name):
    """Count this request under the named limits. Refuses with TooOften."""
    counted = g.setdefault("counted", [])
    apart = ("known",) if allowances.known.get() else ()
    for limit, key in LIMITS[name]:
        at = (limit, f"{name}:{key.__name__}", key(), *apart)
        hit(*at, otherwise=OTHERWISE.get(name, ""))
        counted.append(at)


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
