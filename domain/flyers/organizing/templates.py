"""Templates of flyers: drawn in a draft, published as versions that never change, archived after their day.

A version keeps the words that it took from its event. When the event moves, nothing that somebody shared changes by
itself: the template says how many flyers show the old date, and a corrected version is published.
"""

import threading
from contextlib import contextmanager

from database.clock import now
from database.locks import lock
from database.scope import scope
from database.transactions import writes
from domain import Invalid, Refused, Stale, existing
from domain.base import configuration, history
from domain.events import events, reported
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.number import Number
from domain.fields.text import Name
from domain.files.worker_process import Overloaded
from domain.flyers import composing, designs, keeping, lettering, plans
from domain.flyers.organizing import drafts, legibility
from domain.lists import rows
from domain.lists.listing import Act, Listing, both
from models import Event, EventSlug, Flyer, FlyerPicture, FlyerTemplate, FlyerVersion

STATE = Choice((("draft", "Draft", "quiet"), ("published", "Published", "good"), ("archived", "Archived", "off")))
LOOK = Choice(tuple((name, label, "") for name, (label, *_) in designs.PRESETS.items()))
FIRST = "portrait_circle"
SAMPLE = "Amara Okonkwo"
# What a draft is tried with: short, as long as may be, and in several scripts.
TRIED = {
    "usual": ("A usual name", SAMPLE),
    "short": ("A short one", "Li"),
    "longest": ("The longest allowed", "Wilhelmina Montgomery-Wolfeschlegel " * 6),
    "arabic": ("Arabic with Latin", "مُحَمَّد Smith (DJ)"),
    "devanagari": ("Devanagari", "क्षत्रिय श्रीकृष्ण"),
    "chinese": ("Chinese", "王秀英"),
    "emoji": ("With an emoji", "Zoë 🎉"),
}
SHOWN = ("event.title", "event.when", "event.where")
_drawing = threading.BoundedSemaphore(1)


class InvalidTransition(Refused):
    code = "INVALID_TRANSITION"


def one(id):
    """The template with this id. Refuses with NotFound."""
    return existing(FlyerTemplate.one(FlyerTemplate.id == (id or 0)), "There is no such template here.")


def published():
    """The templates that flyers can be made of, by name."""
    return list(FlyerTemplate.select().where(FlyerTemplate.state == "published").order_by(FlyerTemplate.name))


def live(template):
    """The newest version of a published template; None for another."""
    if template is None or template.state != "published":
        return None
    return FlyerVersion.one(FlyerVersion.template == template.id, FlyerVersion.number == template.live_version)


def may_be_seen(version):
    """Whether strangers may be told what a version says of its event: not while that is a draft, private or hidden,
    whatever it was when this was published."""
    if not (link := (version.spec.get("bound") or {}).get("event.url")):
        return True
    known = EventSlug.one(EventSlug.slug == link.rpartition("/")[2])
    event = known.event if known else version.template.event
    return event is None or reported.is_shown(event)


def bound(event):
    """What a version takes from its event, in words."""
    if event is None:
        return {}
    link = f"{configuration.active.site_url}/e/{event.slug}"
    return {"event.title": event.title, "event.when": event.when, "event.where": event.where, "event.url": link}


def words(event):
    """The same for who draws: where there is no event yet, what will stand there."""
    stand_in = {"event.title": "The event's title", "event.when": "When it is", "event.where": "Where it is"}
    return bound(event) or stand_in


# --- the draft ---------------------------------------------------------------------------------------------------


@writes
def save(id, design, *, by, seen=None):
    """Put another design into its draft. Refuses with Invalid, by place, while it is archived, and with
    Stale where it isn't as `seen` (drafts.mark) any more."""
    by.require("flyers.write")
    lock("flyer template", id)
    template, design = one(id), designs.read(design)
    if seen and seen != drafts.mark(template.draft) and design != template.draft:
        raise Stale(f"Somebody else changed {template.name} since you opened it.")
    _demand_pictures(design)
    kept = FlyerTemplate.update(draft=design).where(FlyerTemplate.id == id, FlyerTemplate.state != "archived")
    if not kept.execute():
        raise InvalidTransition(f"{template.name} is archived. Take it up again first.")
    if design != template.draft:
        history.note("flyer_template.updated", f"{template.name} has another design", template, by=by, field="draft")
    return design


@writes
def put_picture(id, part, picture, *, by):
    """Use a picture that was put here: behind all («background») or over the photo («overlay»). Whatever else of the
    draft somebody changed meanwhile stays."""
    lock("flyer template", id)
    draft = one(id).draft
    save(id, draft | {part: (draft[part] or {}) | {"file": picture.sha256}}, by=by)


def _demand_pictures(design):
    named = set(designs.files(design))
    here = {picture.sha256 for picture in FlyerPicture.select().where(FlyerPicture.sha256.in_(list(named)))}
    if named - here:
        raise Invalid({"background.file": "One of its pictures isn't here any more. Put it here again."})


@writes
def begin_from(id, look, *, by):
    """Begin its draft anew from one of designs.PRESETS, in its present colour."""
    template = one(id)
    save(id, designs.preset(look, template.draft["background"]["colour"]), by=by)
    return f"{template.name} begins anew: {LOOK.plain(look).lower()}."


@writes
def bind(id, event, *, by):
    """Take title, date, place and address from an event; none: from nothing."""
    by.require("flyers.write")
    template = one(id)
    chosen = events.one(int(event)) if event else None
    FlyerTemplate.update(event=chosen).where(FlyerTemplate.id == id).execute()
    history.note("flyer_template.bound", f"{template.name} has another event", template, by=by, field="event")
    return f"Its words are those of {chosen.title}." if chosen else "It is about no event."


def advice(template):
    """(whether it stands in the way, sentence) for what should be looked at before it is published."""
    found, needs = designs.advice(template.draft), {slot.get("bind") for slot in template.draft["slots"]}
    if template.event_id and not reported.is_shown(template.event):
        found.append((False, f"Strangers don't see the page of {template.event.title}, so nobody makes a flyer of it."))
    if template.event_id is None and needs & {*SHOWN, "event.url"}:
        found.append((False, "It takes words from an event and has none: their places stay empty."))
    cut = {
        words: key
        for key in ("longest", "usual")
        for words in plans.remarks(_tried(template.draft, template.event, key))
    }
    return found + [
        (False, words if key == "usual" else f"With the longest name: {words}") for words, key in cut.items()
    ]


def preview(design, event=None, tried="usual"):
    """A JPEG of a design with one of the names of TRIED and no photo, drawn here. Refuses with Invalid, and with
    Overloaded while others are being drawn."""
    with _turn(5):
        return composing.jpeg(_drawn(design, _tried(design, event, tried)), 85)


def hard_to_read(template):
    """(what a text is called, its contrast) where the draft's words stand out too little from what lies under them;
    nothing is said while others are being drawn."""
    plan = _tried(template.draft, template.event)
    try:
        with _turn(1):
            return legibility.faint(plan, _drawn(template.draft, [item for item in plan if item["op"] != "text"]))
    except Overloaded:
        return []


def _drawn(design, plan):
    organization = scope()
    return composing.drawn(design["size"], plan, lambda file: keeping.picture(organization, file))


@contextmanager
def _turn(seconds):
    if not _drawing.acquire(timeout=seconds):
        raise Overloaded("Another preview is being drawn. Try again in a moment.")
    try:
        yield
    finally:
        _drawing.release()


def _tried(design, event, tried="usual"):
    """The plan of a design with one of the names of TRIED, without a photo."""
    design = designs.read(design)
    design |= {"bound": words(event)}
    name = lettering.clusters(TRIED.get(tried, TRIED["usual"])[1])
    written = {
        slot["key"]: "".join(name[: slot["max"]]) if i == 0 else ""
        for i, slot in enumerate(designs.own(design["slots"]))
    }
    for slot in design["slots"]:
        if slot["kind"] in ("photo", "text"):
            slot["required"] = False
    return plans.laid_out(design, written, None, f"{configuration.active.site_url}/f/0")


# --- its states --------------------------------------------------------------------------------------------------


@writes
def publish(id, *, by):
    """Freeze its draft as its next version, which flyers are made of from now on. The same once more is no version.
    Refuses with Invalid while something stands in the way, and while it is archived."""
    by.require("flyers.publish")
    lock("flyer template", id)
    template = one(id)
    if template.state == "archived":
        raise InvalidTransition(f"{template.name} is archived. Take it up again first.")
    if stops := [sentence for is_stop, sentence in advice(template) if is_stop]:
        raise Invalid({"publish": " ".join(stops)})
    design = designs.read(template.draft)
    _demand_pictures(design)
    spec = design | {"bound": bound(template.event)}
    before = live(template)
    if before and before.spec == spec and before.renderer == plans.RENDERER:
        return f"{template.name} is published as it is already."
    number = (template.live_version or 0) + 1
    facts = {"spec": spec, "files": designs.files(design), "renderer": plans.RENDERER, "by": by.user}
    FlyerVersion.create(template=template, number=number, **facts)
    FlyerTemplate.update(state="published", live_version=number).where(FlyerTemplate.id == id).execute()
    history.note("flyer_template.published", f"{template.name}: version {number}", template, by=by, field="state")
    return f"{template.name} is published, version {number}. Flyers that were made before stay as they are."


@writes
def archive(id, *, by):
    """Make no more flyers of it; those there are live on."""
    _step(id, ("draft", "published"), "archived", by)


@writes
def take_up(id, *, by):
    """Take it out of the archive, as a draft or as it was published last."""
    template = one(id)
    _step(id, ("archived",), "published" if template.live_version else "draft", by)


def _step(id, old, new, by):
    by.require("flyers.publish")
    template = one(id)
    moved = FlyerTemplate.update(state=new).where(FlyerTemplate.id == id, FlyerTemplate.state << old)
    if not moved.execute():
        raise InvalidTransition(f"{template.name} is {STATE.plain(one(id).state).lower()} already.")
    facts = {"field": "state", "before": template.state, "after": new}
    history.note(f"flyer_template.{new}", f"{template.name} is {new}", template, by=by, **facts)


@writes
def clear(id, *, by):
    """Remove all flyers that people made of it, with their files, and archive it: it can't be undone."""
    by.require("flyers.publish")
    template = one(id)
    count = keeping.clear_template(template)
    FlyerTemplate.update(state="archived").where(FlyerTemplate.id == id).execute()
    history.note("flyer_template.cleared", f"{template.name}: {count} flyers were removed", template, by=by)
    return f"{count:,} flyers of {template.name} were removed, and it is archived."


@writes
def delete(id, *, by):
    """Remove a template of which nothing was ever published."""
    by.require("flyers.write")
    template = one(id)
    if template.live_version:
        raise InvalidTransition("It was published, so flyers may show it. It can be archived.")
    history.note("flyer_template.deleted", f"{template.name} was deleted", template, by=by, verb="updated")
    template.delete_instance()


def outdated(template):
    """How many flyers show words of their event as they aren't any more: an old date, say."""
    present = bound(template.event)
    if not present:
        return 0
    old = []
    for version in FlyerVersion.select().where(FlyerVersion.template == template.id):
        words = version.spec.get("bound") or {}
        used = {slot.get("bind") for slot in version.spec["slots"]} & set(SHOWN)
        if any(words.get(name) != present[name] for name in used):
            old.append(version.id)
    kept = Flyer.state.in_(Flyer.KEPT), Flyer.expires_at > now()
    return Flyer.select().where(Flyer.version.in_(old), *kept).count() if old else 0


# --- as a list ---------------------------------------------------------------------------------------------------


def _derive(template, values):
    return {} if template else {"draft": designs.preset(FIRST)}


def _after(template, before, change, by):
    if before is None:
        FlyerTemplate.update(by=by.user).where(FlyerTemplate.id == template.id).execute()


def events_field(row, by):
    """The field that asks for one of the events of the organization."""
    there = Event.select().where(Event.state.in_(("draft", "published"))).order_by(Event.starts_at.desc()).limit(200)
    options = tuple((str(event.id), event.title, "quiet") for event in there)
    return Field("event", "Event", Choice(options), help="None: it is about no event.")


def _notes(shown, by):
    found = FlyerTemplate.select().where(FlyerTemplate.id << [row.id for row in shown]) if shown else ()
    notes = {}
    for template in found:
        words = [("quiet", template.event.title)] if template.event_id else []
        if count := outdated(template):
            words.append(("warn", f"{count:,} flyers show the old date"))
        notes[template.id] = tuple(words)
    return notes


listing = Listing(
    *("flyer_templates", "template", "templates", FlyerTemplate),
    (
        Field("name", "Name", Name(120), required=True),
        Field("state", "State", STATE, acted=True),
        Field("live_version", "Version", Number(), acted=True, filters=False),
    ),
    both("newest", "Oldest first", "Newest first", first="down", column="id"),
    acts=(
        Act(
            *("publication", "Publish", publish, "flyers.publish"),
            when=lambda row: row.state != "archived",
        ),
        Act(
            *("event", "Choose event", bind, "flyers.write"),
            asks=events_field,
            when=lambda row: row.state != "archived",
        ),
        Act(
            *("look", "Begin from a look", begin_from, "flyers.write"),
            asks=lambda row, by: Field("look", "Look", LOOK, True, default=FIRST, help="Its slots are laid out anew."),
            when=lambda row: row.state != "archived",
        ),
        Act(
            *("archival", "Archive", archive, "flyers.publish", "It is archived: no new flyers are made of it."),
            when=lambda row: row.state != "archived",
        ),
        Act(
            *("return", "Take up again", take_up, "flyers.publish", "It can be used again."),
            when=lambda row: row.state == "archived",
        ),
        Act(
            *("clearing", "Remove its flyers", clear, "flyers.publish"),
            when=lambda row: row.live_version,
            confirm="Remove all flyers that people made of {name}? Their pictures are gone then, for good.",
            tone="danger",
        ),
        Act(
            *("deletion", "Delete draft", delete, "flyers.write", "The draft is deleted."),
            when=lambda row: not row.live_version,
            confirm="Delete {name}? This can't be undone.",
            tone="danger",
        ),
    ),
    notes=("Event", _notes),
    has_pages=True,
    beside=False,
    link=True,
    chips="state",
    reads="flyers.read",
    writes="flyers.write",
    icon="photo",
    title="Templates of flyers",
    about="A picture that people put their photo and name into. Publish it, and give it an address by a campaign.",
    empty=(("all", "Make your first template: a name is enough to begin.", "No templates yet."),),
)
rules = rows.Rules(
    listing,
    may_change=lambda row, field, by: by.may("flyers.write"),
    why=lambda row, by, verb, members: "A draft is deleted by its own button; what was published is archived.",
    derive=_derive,
    after=_after,
)
