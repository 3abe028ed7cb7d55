"""The door of an event: a phone, a code, one big answer. Its pages alone get the camera and WebAssembly, and work
without a network once they were opened; without scripts a code is typed and sent."""

import json
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, g, redirect, request, session

from database.clock import now
from database.columns import public_id
from domain import Invalid, NotFound, Refused
from domain.events import events
from domain.events.door import checkpoints, devices, scans
from domain.fields.kinds import clean, whole
from views import access, pages
from views.assets import STATIC, asset
from views.machines.operations import Described, declared
from views.machines.schemas import INTEGER, obj
from views.safety import headers
from views.safety.marks import unlimited

blueprint = Blueprint("door", __name__)

FILES = (
    *("vendor/base.css", "css/guildhall.css", "css/door.css", "vendor/icons.svg", "js/theme.js", "js/door.js"),
    *("js/door-rules.json", "js/door-store.js", "js/door-codes.js", "js/door-decisions.js", "js/door-camera.js"),
    *("vendor/zxing-reader.js", "vendor/zxing-reader.wasm", "vendor/ed25519.js"),
)
# What every page has beside them: a network that never answers would keep the door waiting for it.
COMMON = (
    *("vendor/htmx.min.js", "js/ui.js", "js/passkeys.js", "js/keys.js", "js/forms.js", "js/live.js", "favicon.svg"),
    *("vendor/inter-latin-wght-normal.woff2", "vendor/inter-latin-ext-wght-normal.woff2"),
    *("vendor/source-serif-4-latin-600-normal.woff2", "vendor/source-serif-4-latin-ext-600-normal.woff2"),
)
CSP = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
OBJECTS = {"type": "array", "items": {"type": "object"}}
PHONES = "door"  # in the session: event's public id → the phone's token
KEPT = 5  # doors that a browser keeps open


@blueprint.after_request
def _rights(response):
    """What a door may do beyond other pages: see, and read codes."""
    response.headers["Content-Security-Policy"] = CSP
    return headers.seeing(response)


@blueprint.get("/door")
@access.signed_in
def index():
    return pages.page("events/doors.html", events=devices.open_to(access.me()))


@blueprint.get("/door/<event>")
@access.keeper
def show():
    phone = _phone()
    if phone is None:
        return _choosing()
    return _at_work(phone)


def _choosing(refusal=None, status=200):
    gates = pages.later(checkpoints.of, g.keeper.event)
    return pages.page("events/door_gate.html", status, keeper=g.keeper, gates=gates, refusal=refusal)


def _at_work(phone, said=None, words=""):
    event, first = g.keeper.event, (said or {}).get("first")
    return pages.page(
        "events/door.html",
        keeper=g.keeper,
        phone=phone,
        gate=phone.checkpoint,
        gates=pages.later(checkpoints.of, event),
        said=said,
        first_at=f"{events.local(event, datetime.fromisoformat(first['at'])):%H:%M}" if first else "",
        words=words,
        found=pages.later(scans.found, g.keeper, words),
        counts=pages.later(scans.counters, event),
        results=checkpoints.RESULTS,
        fresh=public_id(),
        files={name.rpartition("/")[2]: asset(name) for name in FILES},
        token=session[PHONES][event.public_id],
    )


def _phone(token=None):
    """The phone of this browser at this event's door; None where no gate was chosen yet."""
    token = token or session.get(PHONES, {}).get(g.keeper.event.public_id)
    try:
        return devices.known(g.keeper, token)
    except NotFound:
        return None


@blueprint.post("/door/<event>/phone")
@access.keeper
def open_door():
    """Choose a gate: this browser becomes a phone of the door, or goes to another gate."""
    gate = whole(request.form.get("gate", "")) or 0
    try:
        if phone := _phone():
            devices.go_to(phone, gate)
        else:
            _, token = devices.open_door(g.keeper, request.form.get("name", ""), gate)
            doors = session.get(PHONES, {}) | {g.keeper.event.public_id: token}
            session[PHONES] = dict(list(doors.items())[-KEPT:])
    except Refused as refusal:
        return _choosing(refusal, refusal.status)
    return redirect(_here(), 303)


@blueprint.post("/door/<event>/phone/removal")
@access.keeper
def close_door():
    """This browser leaves the door."""
    session[PHONES] = {id: token for id, token in session.get(PHONES, {}).items() if id != g.keeper.event.public_id}
    return pages.go("/door", "This phone has left the door.")


def _here():
    return f"/door/{g.keeper.event.public_id}"


# --- scans ---------------------------------------------------------------------------------------------------------


@blueprint.post("/door/<event>/scans")
@unlimited
@declared(Described("Scans of a phone, as JSON or as a form", obj({"answers": OBJECTS, "now": INTEGER})))
@access.keeper
def scan():
    """Scans, one as a form or many as JSON. What a scan is about is never an error: each has its answer."""
    if request.is_json:
        return _many(_sent())
    phone = _phone()
    if phone is None:
        return _choosing(NotFound("Choose a gate first."), 404)
    typed = request.form.get("code", "").strip()[:300]
    kind = request.form.get("kind", "entry")
    is_code = typed.upper().startswith("GH1") or len(typed) > 40
    serial = request.form.get("undo", "")[:40] if kind == "undo" else "" if is_code else typed
    if not (is_code or serial):
        return _at_work(phone)
    asked = scans.Asked(
        nonce=request.form.get("nonce", "")[:40] or public_id(),
        kind=kind if kind in scans.KINDS else "entry",
        gate=phone.checkpoint_id,
        code=typed if is_code else "",
        serial=serial,
    )
    return _at_work(phone, scans.take(g.keeper, phone, [asked])[0])


def _sent():
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):  # refused below, as all that isn't what is due
        return None


def _many(sent):
    if not isinstance(sent, dict) or not isinstance(sent.get("scans"), list):
        raise Invalid({"scans": "Send {token, drift, scans: […]}."})
    phone = devices.known(g.keeper, sent.get("token"))
    drift = _number(sent.get("drift"), 10**12)
    asked = [_asked(one, drift) for one in sent["scans"][: scans.MOST]]
    waiting = min(max(int(_number(sent.get("waiting"), 10**6)), 0), 10**6)
    answers = scans.take(g.keeper, phone, asked, waiting=max(0, waiting - len(asked)))
    return {"answers": answers, **_now()}


def _asked(one, drift):
    if (
        not isinstance(one, dict)
        or not isinstance(one.get("nonce"), str)
        or not one["nonce"]
        or not one["nonce"].isprintable()
    ):
        raise Invalid({"scans": "Each scan has a nonce."})
    texts = {name: clean(one.get(name) or "") for name in ("code", "serial", "kind", "decision")}
    at = _number(one.get("at"), 4_102_444_800_000)  # milliseconds, up to 2100
    return scans.Asked(
        nonce=one["nonce"][:40],
        code=texts["code"][:300],
        serial=texts["serial"][:40],
        kind=texts["kind"] if texts["kind"] in scans.KINDS else "entry",
        gate=int(_number(one.get("gate"), 2**31 - 1)),
        at=datetime.fromtimestamp(at / 1000, UTC) if at > 0 else None,
        drift=timedelta(milliseconds=drift),
        decision=texts["decision"] if texts["decision"] in checkpoints.RESULTS else "",
    )


def _number(value, most):
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most else 0


def _now():
    return {"now": round(now().timestamp() * 1000)}


@blueprint.get("/door/<event>/snapshot")
@unlimited
@declared(Described("What a phone decides by when it is alone", {"type": "object"}))
@access.keeper
def snapshot():
    """What a phone decides by when it is alone; `since` is the cursor of the last one."""
    phone = devices.known(
        g.keeper, request.headers.get("X-Door-Token") or session.get(PHONES, {}).get(g.keeper.event.public_id)
    )
    try:
        since = datetime.fromisoformat(request.args["since"]) if request.args.get("since") else None
        since = since and (since if since.tzinfo else since.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        since = None
    inside, good = scans.counters(g.keeper.event)
    return scans.snapshot(g.keeper, phone, since) | {"counts": inside, "good": good}


@blueprint.get("/door/<event>/people")
@access.keeper
def people():
    """Passes found by a name, each with a button that lets in."""
    phone = _phone()
    return _choosing() if phone is None else _at_work(phone, words=request.args.get("q", "")[:80])


# --- without a network -------------------------------------------------------------------------------------------


@blueprint.get("/door/worker.js")
@unlimited
@access.public
def worker():
    """The door's own service worker: it keeps the page and its files, never an answer."""
    kept = [asset(name) for name in (*FILES, *COMMON)]
    return _script("door-worker.js", f"const KEPT = {json.dumps(kept)};\n")


@blueprint.get("/door/scanner.js")
@unlimited
@access.public
def scanner():
    """The worker that reads codes: it may run WebAssembly, as no other script may."""
    return _script("door-scanner.js")


def _script(name, before=""):
    text = before + (STATIC / "js" / name).read_text("utf-8")
    return Response(text, mimetype="text/javascript", headers={"Cache-Control": "no-cache"})


@blueprint.get("/door/<event>/manifest.webmanifest")
@declared(Described("The door as an app of a phone", {"type": "object"}, media="application/manifest+json"))
@access.keeper
def manifest():
    said = {
        "name": f"Door: {g.keeper.event.title}",
        "short_name": "Door",
        "start_url": _here(),
        "scope": "/door/",
        "display": "standalone",
        "background_color": "#15171a",
        "theme_color": "#15171a",
        "icons": [{"src": asset("favicon.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return Response(json.dumps(said), mimetype="application/manifest+json")
