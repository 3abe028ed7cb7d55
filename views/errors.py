"""One way to say no: a notice for htmx, the page or a word on the last one for browsers, JSON for machines."""

import json
import logging

from flask import Response, flash, g, redirect, render_template
from htmx_flask import request
from werkzeug.exceptions import HTTPException

from database import troubles
from database.scope import OutOfScope
from database.transactions import GaveUp, WriterDown
from domain import Refused
from domain.base import allowances, audit
from domain.base.stepup import VerificationRequired
from domain.money.providers.provider import ProviderFailed
from domain.organizations.permissions import SecondFactorRequired
from views import access, given_back, pages
from views.base import stepup
from views.machines import problems
from views.safety.origin import SAFE, ForeignForm

log = logging.getLogger("guildhall.errors")

SENTENCES = {
    400: "The request couldn't be understood.",
    404: "There is nothing here, or it isn't yours to see.",
    405: "This address doesn't take that kind of request.",
    413: "That is too much to send at once; the limit is {} MB.",
    415: "This kind of content can't be taken.",
}
CODES = {400: "INVALID_INPUT", 404: "NOT_FOUND", 413: "INVALID_INPUT", 415: "INVALID_INPUT", 405: "INVALID_INPUT"}


def init_app(app):
    app.register_error_handler(Refused, refused)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(ProviderFailed, provider_failed)
    app.register_error_handler(WriterDown, busy)
    app.register_error_handler(GaveUp, busy)
    app.register_error_handler(OutOfScope, bug)
    app.register_error_handler(Exception, bug)


def refused(refusal):
    if isinstance(refusal, access.Unauthenticated):
        return _elsewhere(refusal, access.sign_in_address())
    if isinstance(refusal, access.SessionReplaced):
        return _elsewhere(refusal, "/session-ended")
    if isinstance(refusal, VerificationRequired) and access.me():
        return stepup.ask(refusal)
    if isinstance(refusal, SecondFactorRequired):
        _note_denied(refusal)
        return _elsewhere(refusal, access.set_up_address(refusal.details["organization"]))
    if isinstance(refusal, allowances.TooOften):
        allowances.note(refusal.name, f"Too many tries: {refusal.name.partition(':')[0]}", by=access.me())
    if isinstance(refusal, ForeignForm):
        allowances.note("foreign_form", refusal.sentence, by=access.me())
    _note_denied(refusal)
    if refusal.status == 500:  # not the asker's fault: whoever runs the site must see it
        log.error(
            "refused", extra={"path": request.path, "code": refusal.code, "reason": refusal.details.get("reason")}
        )
    return say_no(
        refusal.code,
        refusal.sentence,
        refusal.status,
        fields=refusal.fields,
        retry_after=refusal.details.get("retry_after"),
        present=refusal.details.get("present"),
    )


def http_error(error):
    if error.code and 300 <= error.code < 400:
        return error.get_response()
    if original := getattr(error, "original_exception", None):
        return bug(original)  # it came while another answer was being made
    status = error.code or 500
    sentence = SENTENCES.get(status, error.description or "That didn't work.")
    if status == 413:
        sentence = sentence.format((request.max_content_length or 0) // 1_000_000 or 1)
    return say_no(CODES.get(status, "INVALID_INPUT"), sentence, status)


def provider_failed(error):
    unknown = error.asked and request.method not in ("GET", "HEAD")
    rest = "We don't know yet whether it was done: look again in a minute, before you try once more."
    rest = rest if unknown else "Nothing was changed; try again in a minute."
    sentence = f"{str(error).rstrip('.')}. {rest}"
    return say_no("PROVIDER_FAILED", sentence, 502)


def busy(error):
    return say_no("BUSY", str(error), 503, retry_after=5)


def bug(error):
    """Nobody expected this: the database's trouble, or a mistake of ours."""
    about = {"path": request.path, "method": request.method}
    if trouble := troubles.of(error):
        log.error("the database is in trouble", exc_info=error, extra=about)
        return unavailable(trouble)
    log.error("unhandled", exc_info=error, extra=about)
    return say_no("INTERNAL", "Something went wrong on our side, and it has been recorded. Try again in a minute.", 500)


def unavailable(trouble):
    if request.method in SAFE:
        then = "Try again in a moment."
    elif trouble.may_be_done:
        then = "We don't know whether your change was made: look in a minute, before you repeat it."
    else:
        then = "Nothing was changed; try again in a moment."
    return say_no("UNAVAILABLE", f"{trouble} {then}", 503, retry_after=10)


def say_no(code, sentence, status, *, fields=None, retry_after=None, present=None):
    """The refusal in the form that whoever asks can show."""
    if problems.is_api():
        response = problems.answer(code, sentence, status, fields=fields, retry_after=retry_after, present=present)
    else:
        response = _no(code, sentence, status, fields, retry_after)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _no(code, sentence, status, fields, retry_after):
    request_id = g.get("request_id")
    if pages.wants_json():
        body = {"code": code, "message": sentence, "request_id": request_id}
        body |= {"fields": fields} if fields else {}
        body |= {"retry_after": retry_after} if retry_after else {}
        return Response(json.dumps(body), status, content_type="application/json")
    about = {"code": code, "sentence": sentence, "status": status, "request_id": request_id}
    if request.htmx:
        response = Response(render_template("errors/_refusal.html", **about), status, mimetype="text/html")
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "none"  # the notice itself comes out of band
        return response
    back = access.same_site(request.referrer)
    if request.method not in SAFE and back and not request.environ.get("guildhall.within"):
        if given := code != "UNAVAILABLE" and given_back.page(back, sentence):
            return Response(given, status, content_type="text/html; charset=utf-8")
        if status < 500 and not given_back.typed():
            flash(sentence, "bad")
            return redirect(back, 303)
    return Response(_page(about | {"typed": given_back.typed()}), status, content_type="text/html; charset=utf-8")


def _page(about):
    """The page about a failure must not fail: it asks for nothing that may have failed, or does without it."""
    if about["code"] != "UNAVAILABLE":
        try:
            return render_template("errors/error.html", **pages.frame() | about)
        except Exception:
            log.exception("no frame for an error")
    return render_template("errors/bare.html", **about)


def _note_denied(refusal):
    """A change that somebody wasn't allowed leaves its trace, though nothing else was changed."""
    denied = isinstance(refusal, access.Hidden) or (refusal.status == 403 and "by" in g)
    who = access.me() or (g.by.user if "by" in g and g.by.api_key else None)
    if not denied or request.method in SAFE or not who:
        return
    tried = f"{request.method} {request.url_rule.rule if request.url_rule else request.path}"
    audit.deny(tried, refusal.code, by=who, organization=g.by.organization if "by" in g else None)


def _elsewhere(refusal, target):
    """Whoever must sign in (again) or set something up is sent there, also from within a fragment."""
    if problems.is_api() or pages.wants_json():
        return say_no(refusal.code, refusal.sentence, refusal.status)
    if request.htmx:
        response = Response("", refusal.status)
        response.headers["HX-Redirect"] = target
        return response
    if access.same_site(request.referrer) and given_back.typed():
        about = {"sentence": refusal.sentence, "target": target, "typed": given_back.typed()}
        return Response(render_template("errors/kept.html", **pages.frame() | about), refusal.status)
    return redirect(target, 303)
