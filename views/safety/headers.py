"""What the browser may do with an answer: the policy of content, TLS, frames, what is kept; and names of cookies."""

import functools

from flask import g, request, session

from domain.base import configuration

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
TICKETS = " https://checkout.stripe.com https://checkout.paystack.com https://checkout.flutterwave.com"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
# What only a page can heed; on our files it is weight (`page_cold_seconds`).
OF_PAGES = {
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


SEEING = OF_PAGES["Permissions-Policy"].replace("camera=()", "camera=(self)")


def is_https():
    """Whether people come by TLS: cookies and headers follow from it."""
    return configuration.active.site_url.startswith("https://")


def cookie_name(name):
    """With TLS a cookie's name binds it to this very host (RFC 6265bis, «__Host-»)."""
    return f"__Host-{name}" if is_https() else name


@functools.lru_cache
def protecting(provider, https, is_file=False):
    """The headers of every answer, with a provider of payments, by TLS or not; of one of our files."""
    always = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if https else {}
    always |= {} if is_file else OF_PAGES
    return HEADERS | {"Content-Security-Policy": CSP.format(beyond=BEYOND.get(provider, ""))} | always


def payable(response):
    """The same answer, from whose forms the browser may go on to the pages where tickets are paid."""
    response.headers["Content-Security-Policy"] = CSP.format(beyond=TICKETS)
    return response


def seeing(response):
    """The same answer, whose page may use the camera."""
    response.headers["Permissions-Policy"] = SEEING
    return response


def vary(response, *names):
    """Say that the answer depends on these heads of the request."""
    said = [one.strip() for one in response.headers.get("Vary", "").split(",") if one.strip()]
    known = {one.lower() for one in said}
    response.headers["Vary"] = ", ".join([*said, *(name for name in names if name.lower() not in known)])


def protect(response):
    """The answer with its headers."""
    is_file = request.endpoint == "static" and response.status_code < 400
    headers = protecting(configuration.active.billing_provider, is_https(), is_file)
    if response.headers.get("Content-Security-Policy", "").partition("frame-ancestors ")[2] not in ("", "'none'"):
        headers = {k: v for k, v in headers.items() if k != "X-Frame-Options"}  # it can't name the pages that may
    present = {name.lower() for name, _ in response.headers}  # asked one by one, each that is missing is an exception
    response.headers.extend({k: v for k, v in headers.items() if k.lower() not in present})
    if response.mimetype == "text/html":
        vary(response, "HX-Request", "HX-Target")
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if "cache-control" not in present:
        response.headers["Cache-Control"] = "no-store" if "_user_id" in session else "no-cache"
    return response
