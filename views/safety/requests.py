"""Every request alike: its name, its size, what protects it, and its line in the log."""

import io
import logging
import re
import secrets
import time
from urllib.parse import quote

from flask import g, redirect, request
from htmx_flask.requests import HtmxAwareRequest
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.formparser import FormDataParser
from werkzeug.routing import BaseConverter, ValidationError

from database.clock import read_in, time_zones
from domain.base import allowances, audit, stepup
from views import cookies, places
from views.safety import headers, limits, lookers, marks, origin, pulse
from views.safety.gathering import BODY, PHOTO

log = logging.getLogger("guildhall.requests")

SECRET_PARTS = {"secret", "link", "token"}  # what a route calls the part of its address that opens something


def secret_links(app):
    """How the addresses begin that end with a secret."""
    return {rule.rule.partition("<")[0] for rule in app.url_map.iter_rules() if rule.arguments & SECRET_PARTS}


class Id(BaseConverter):
    """A row's number, as both databases can hold it."""

    regex = r"[1-9]\d{0,9}"

    def to_python(self, value):
        if int(value) >= 2**31:
            raise ValidationError()
        return int(value)


class Forms(FormDataParser):
    """Reads forms without NUL: it ends a string in C, PostgreSQL refuses it, and nobody types it."""

    def parse(self, *args, **more):
        stream, form, files = super().parse(*args, **more)
        plain = [(name.replace("\0", ""), text.replace("\0", "")) for name, text in form.items(multi=True)]
        return stream, self.cls(plain), files


class Request(HtmxAwareRequest):
    """A photo is read whole as soon as it is found in its form, and lay on the disk once already: no second file holds
    it meanwhile (`flyers_composed_per_second`). A longer file is copied in parts."""

    form_data_parser_class = Forms

    def _get_file_stream(self, total_content_length, content_type, filename=None, content_length=None):
        if (total_content_length or PHOTO + 1) <= PHOTO:
            return io.BytesIO()
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)


def init_app(app):
    app.request_class = Request
    app.config["MAX_CONTENT_LENGTH"] = BODY
    app.config["MAX_FORM_MEMORY_SIZE"] = BODY
    app.url_map.converters["id"] = Id
    app.before_request(_begin)
    app.before_request(origin.by_our_name)
    app.before_request(origin.from_this_site)
    limits.limiter.init_app(app)
    allowances.limiter.counts_in(limits.limiter.storage)
    app.before_request(lookers.only_looks)
    app.after_request(headers.protect)
    app.after_request(_note_request)


def _begin():
    g.began = time.perf_counter()
    if size := getattr(marks.view_of(), "takes", 0):
        request.max_content_length = size
    g.request_id = secrets.token_hex(8)
    g.place = places.parsed(request.remote_addr)
    allowances.known.set(False)
    stepup.present.set(None)  # a thread serves one after another
    zone = request.cookies.get(cookies.ZONE, "")  # until somebody with a zone of their own turns out to ask
    g.browser_zone = zone if zone in time_zones() else ""
    read_in(g.browser_zone)
    audit.origin.set({"ip": limits.address(), "request_id": g.request_id})
    # NUL ends a string in C and PostgreSQL refuses it: nothing we have is called so.
    if "\0" in request.path or b"%00" in request.query_string:
        raise BadRequest("The address has a character that can't be in one.")
    if request.method == "GET" and request.path.endswith("/") and request.path.strip("/") not in ("", "static"):
        query = request.query_string.decode("ascii", "ignore")
        return redirect("/" + quote(request.path.strip("/")) + (f"?{query}" if query else ""), 308)
    if not re.fullmatch(r"[a-z0-9-]{0,80}", (request.view_args or {}).get("organization", "")):
        raise NotFound()  # no organization is called so, and many paths are asked of every site
    return None


def _note_request(response):
    if "began" in g:
        pulse.count(response.status_code, g.began)
    note(request.method, request.path, response.status_code, g.get("began"), g.get("request_id"))
    return response


def note(method, path, status, began, request_id):
    """A line in the log for a request."""
    if log.isEnabledFor(logging.INFO):
        took = round((time.perf_counter() - (began or time.perf_counter())) * 1000, 1)
        about = {"method": method, "path": path, "status": status, "ms": took, "request_id": request_id}
        log.info("request", extra=about)
