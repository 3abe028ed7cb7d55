"""The backend of mobile apps: events, tickets, passes, the door and tasks, for programs with a key.

A list of routes to functions of our own, each named here; whatever else is asked for below isn't there.
"""

import contextlib

from flask import Blueprint, g

from domain import Forbidden, Invalid, NotFound
from domain.events import events, tiers
from domain.events.afterwards import attendees
from domain.events.door import checkpoints, programs, scans
from domain.tasks import tasks
from models import Pass
from views import access
from views.api import listings
from views.machines import rest, schemas
from views.machines.operations import Answer, Described, declared, operation, sent_object
from views.machines.schemas import BOOLEAN, INTEGER, MOMENT, STRING, Named, obj, or_null
from views.safety.marks import unlimited

blueprint = Blueprint("mobile", __name__)
AT = "/api/mobile/backend"
TIER = tiers.rules_in("EUR").listing
CODE = "A pass's code, or its serial, whichever was scanned or typed."


def _route(method, path, scope, described):
    return operation(blueprint, method, AT + path, scope, described)


@blueprint.get(AT + "/health")
@unlimited
@declared(Described("Whether the gateway answers", obj({"ok": BOOLEAN})))
@access.public
def health():
    return {"ok": True}


ME = Named(
    "Me",
    lambda: obj(
        {
            "organization": obj({"slug": STRING, "name": STRING}),
            "person": obj({"id": INTEGER, "name": STRING, "role": STRING}),
            "key": obj(
                {"name": STRING, "prefix": STRING, "scopes": {"type": "array", "items": STRING}}
                | {"expires_at": or_null(MOMENT)}
            ),
        }
    ),
)


@_route("GET", "/me", "", Described("What this key is, and whose", ME))
def show_me():
    by, key = g.by, g.by.api_key
    about = {"name": key.name, "prefix": key.prefix, "scopes": [name for name in key.scopes.split() if by.may(name)]}
    about["expires_at"] = f"{key.expires_at:%Y-%m-%dT%H:%M:%SZ}" if key.expires_at else None
    organization = {"slug": by.organization.slug, "name": by.organization.name}
    person = {"id": by.user.id, "name": by.user.name, "role": by.role}
    return Answer({"organization": organization, "person": person, "key": about})


# --- events ---------------------------------------------------------------------------------------------------------


@_route("GET", "/events", "events.read", schemas.listed(events.listing, "Event", "Events"))
def list_events():
    return rest.index(listings.found("events"))


@_route("GET", "/events/<id:id>", "events.read", schemas.shown(events.listing, "Event"))
def show_event(id):
    return rest.show(listings.found("events"), id)


@_route("GET", "/events/<id:parent>/tiers", "events.read", schemas.listed(TIER, "Tier", "Tickets of an event"))
def list_tiers(parent):
    return rest.index(listings.found("tiers", parent), parent)


@_route("GET", "/events/<id:parent>/passes", "orders.read", schemas.listed(attendees.listing, "Pass", "Passes"))
def list_passes(parent):
    return rest.index(listings.found("passes", parent), parent)


@_route("GET", "/passes/<serial>", "orders.read", schemas.shown(attendees.listing, "Pass"))
def show_pass(serial):
    found = Pass.one(Pass.serial == serial[:40].lower())
    with contextlib.suppress(NotFound):  # one that isn't the key's is as one that isn't there
        if found is not None:
            return rest.show(listings.found("passes", found.event_id), found.id, found.event_id)
    raise NotFound("There is no such pass here.")


# --- the door -------------------------------------------------------------------------------------------------------

SCAN = Named(
    "NewCheckIn",
    lambda: obj(
        {
            "nonce": {"type": "string", "minLength": 1, "maxLength": 39, "description": "One for each scan."},
            "code": {"type": "string", "minLength": 1, "maxLength": 300, "description": CODE},
            "kind": {"type": "string", "enum": ["entry", "exit"]},
            "gate": INTEGER | {"minimum": 1, "maximum": 2**31 - 1, "description": "Which gate; the first unless said."},
        },
        ["nonce", "code"],
        additionalProperties=False,
    ),
)
CHECK_IN = Named(
    "CheckIn",
    lambda: obj(
        {
            "nonce": STRING,
            "result": {"type": "string", "enum": list(checkpoints.RESULTS)},
            "admits": BOOLEAN,
            "says": STRING,
            "code": {
                "type": "string",
                "enum": sorted({one["code"] for one in checkpoints.RESULTS.values() if "code" in one}),
                "description": "Why nobody came in, where the pass is the reason.",
            },
            "at": MOMENT,
            "scan": INTEGER,
            "name": STRING,
            "tier": STRING,
            "serial": STRING,
            "first": obj({"at": MOMENT, "gate": STRING, "phone": STRING}),
            "other": obj({"title": STRING, "at": MOMENT, "venue": STRING}),
        },
        ["nonce", "result", "admits", "says", "at", "scan"],
    ),
)
ASKED = {"nonce": (str, 39), "code": (str, 300), "kind": (str, 10), "gate": (int, 2**31 - 1)}


@_route(
    "POST",
    "/events/<id:parent>/check-ins",
    "events.check_in",
    Described("Check somebody in, or out; a nonce twice is one scan", CHECK_IN, body=SCAN),
)
def check_in(parent):
    listings.stand_in(parent)
    if g.by.api_key.lists.get("passes"):
        raise Forbidden("This key is good for some passes alone, so it lets nobody in.")
    sent = _scan(sent_object(mends=False))
    is_code = sent["code"].upper().startswith("GH1") or len(sent["code"]) > 40
    typed = {"code" if is_code else "serial": sent["code"]}
    asked = scans.Asked(sent["nonce"], kind=sent.get("kind", "entry"), gate=sent.get("gate", 0), **typed)
    return Answer(programs.check_in(parent, asked, by=g.by))


def _scan(sent):
    """What was sent, as SCAN has it. Refuses with Invalid."""
    wrong = {}
    for name, value in sent.items():
        kind, most = ASKED.get(name, (None, 0))
        size = value if isinstance(value, int) else len(value) if isinstance(value, str) else 0
        if kind is None:
            wrong[name] = "There is no field of this name here."
        elif kind is str and isinstance(value, str) and not value.isprintable():
            wrong[name] = "There are signs in it that no code has."
        elif type(value) is not kind or not 0 < size <= most:
            wrong[name] = f"Send a {'text' if kind is str else 'number'}, of {most} at most."
    wrong |= {name: "It has to be there." for name in ("nonce", "code") if name not in sent}
    if sent.get("kind", "entry") not in ("entry", "exit"):
        wrong["kind"] = "Send entry or exit."
    if wrong:
        raise Invalid(wrong)
    return sent


# --- tasks ----------------------------------------------------------------------------------------------------------


@_route("GET", "/tasks", "tasks.read", schemas.listed(tasks.listing, "Task", "Tasks"))
def list_tasks():
    return rest.index(listings.found("tasks"))


@_route("POST", "/tasks", "tasks.write", schemas.made(tasks.listing, "Task"))
def create_task():
    return rest.create(listings.found("tasks"))


@_route("GET", "/tasks/<id:id>", "tasks.read", schemas.shown(tasks.listing, "Task"))
def show_task(id):
    return rest.show(listings.found("tasks"), id)


@_route("PATCH", "/tasks/<id:id>", "tasks.write", schemas.changed(tasks.listing, "Task"))
def change_task(id):
    return rest.change(listings.found("tasks"), id)


@_route("DELETE", "/tasks/<id:id>", "tasks.write", schemas.removed(tasks.listing))
def remove_task(id):
    return rest.remove(listings.found("tasks"), id)
