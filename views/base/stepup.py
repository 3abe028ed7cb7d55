"""The dialog that asks again who one is, over the page one is on; then the original request goes through.

The dialog's form *is* the original request: same address, same fields, and beside them the answer in
fields that begin with `proof_`. `_prove` checks the answer first, so the act runs once, with its own input,
in a browser with scripts, without them, and for a machine that speaks JSON.
"""

import json

from flask import Blueprint, Response, current_app, g, render_template, session
from flask_login import current_user
from htmx_flask import request

from domain import Refused
from domain.base import stepup
from domain.fields.kinds import whole
from domain.people import passkeys, proofs
from views import access, cookies, pages

blueprint = Blueprint("stepup", __name__)

OURS = "proof_"


def init_app(app):
    app.before_request(_prove)


def _prove():
    """An answer came with the request: check it before the view is reached."""
    if request.method != "POST" or request.endpoint == "stepup.show" or not _is_ours():
        return None
    form = request.form
    try:
        action, target, level = _asked(form)
        method, answer = form.get("proof_method", ""), form.get("proof_answer", "")[:20_000]
        proofs.prove(action, target, level, method, answer, challenge=session.pop(cookies.PASSKEY, None))
    except Refused as refusal:
        return _again(refusal)
    return None


def _is_ours():
    view = current_app.view_functions.get(request.endpoint or "")
    door = getattr(view, "door", None)
    if door is None or door.kind in ("holder", "provider", "machine"):
        return False
    is_answered = not request.is_json and "proof_action" in request.form  # JSON has no form to look for
    return is_answered and current_user.is_authenticated and not current_user.only_looks


def _asked(form):
    return form.get("proof_action", ""), form.get("proof_target", "")[:80], whole(form.get("proof_level", ""), 9) or 1


@blueprint.post("/step-up")
@access.signed_in
def show():
    """Another way to answer, or a code by mail; the original fields travel on."""
    method, refusal = request.form.get("proof_switch", ""), None
    action, target, _ = _asked(request.form)
    if action not in stepup.ACTIONS:
        raise Refused("There is nothing to confirm by that name.", "INVALID_INPUT", 422)
    if method == "email":
        try:
            proofs.send_code(action, target)
        except Refused as refused:
            refusal = refused
    return _again(refusal, method)


def ask(refusal):
    """The dialog for a VerificationRequired, in the form that whoever asks can show."""
    about = refusal.details
    passed = _dialog(about, request.full_path.rstrip("?"), _others(), None, None)
    # Not «target»: htmx takes that for the element to trigger the event on.
    trigger = {k: about[k] for k in ("action", "level", "methods")} | {"bound_to": about["target"]}
    return _answer(passed, 403, trigger)


def _again(refusal, method=None):
    """The dialog once more: with another method, or with what was wrong about the answer."""
    form = request.form
    action, target, level = _asked(form)
    if refusal is not None and (action not in stepup.ACTIONS or pages.wants_json()):
        raise refusal
    says = stepup.ACTIONS[action].says
    about = {"action": action, "says": says, "level": level, "target": target, "methods": _methods()}
    path = form.get("proof_for") if request.endpoint == "stepup.show" else request.full_path.rstrip("?")
    chosen = method or form.get("proof_method")
    return _answer(_dialog(about, access.same_site(path) or "/app", _others(), chosen, refusal), _status(refusal))


def _methods():
    return stepup.methods(access.me())


def _status(refusal):
    return refusal.status if refusal else 200


def _others():
    """The original fields, in their order."""
    return [(k, v) for k, values in request.form.lists() if not k.startswith(OURS) for v in values]


def _dialog(about, path, fields, method, refusal):
    method = method if method in about["methods"] else about["methods"][0]
    options = None
    if method == "passkey":
        session[cookies.PASSKEY], options = passkeys.request(access.me())
    error = refusal.sentence if refusal else None
    asked = request.endpoint == "stepup.show" or request.form.get("proof_method") == "email"
    return about | {
        "path": path,
        "fields": fields,
        "method": method,
        "options": options,
        "error": error,
        "sent": method == "email" and asked,
        "email": access.me().email,
        "wait": refusal and _wait(refusal),
    }


def _wait(refusal):
    return refusal.details.get("retry_after")


def _answer(about, status, trigger=None):
    response = _response(about, status, trigger)
    if about["wait"]:
        response.headers["Retry-After"] = str(about["wait"])
    return response


def _response(about, status, trigger):
    if pages.wants_json():
        body = {"code": "SENSITIVE_VERIFICATION_REQUIRED", "message": f"Confirm that it is you to {about['says']}."}
        body |= {k: about[k] for k in ("action", "level", "target", "methods")} | {"request_id": g.get("request_id")}
        return Response(json.dumps(body), status, content_type="application/json")
    if request.htmx:
        response = Response(render_template("base/stepup/_dialog.html", **about), status, mimetype="text/html")
        response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#dialog", "innerHTML"
        if trigger:
            response.headers["HX-Trigger"] = json.dumps({"stepup": trigger})
        return response
    return pages.page("base/stepup/show.html", status, **about)
