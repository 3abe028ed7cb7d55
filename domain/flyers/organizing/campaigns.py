"""Campaigns: an address at which flyers are made for a while, and which template one gets there at this moment.

draft → scheduled → active ↔ paused → ended, and scheduled → draft. Which of them it is, and which phase runs, is the
clock's answer whenever somebody asks; a job only writes it down.
"""

from database.clock import now, written_day
from database.locks import lock
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, NotFound, existing
from domain.base import history
from domain.events import events
from domain.fields.choice import ZONES, Choice
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.switch import Switch
from domain.fields.text import Name, Text
from domain.flyers.organizing import templates
from domain.lists import rows
from domain.lists.listing import Act, Listing, Sort, both
from domain.organizations import organizations
from models import FlyerCampaign, FlyerPhase, FlyerTemplate, Organization

STATE = Choice(
    (
        ("draft", "Draft", "quiet"),
        ("scheduled", "Scheduled", "info"),
        ("active", "Active", "good"),
        ("paused", "Paused", "warn"),
        ("ended", "Ended", "off"),
    )
)
VISIBILITY = Choice(
    (("public", "Public", "good"), ("link", "By link", "quiet")),
    about=(("public", "It stands on the page of all flyers"), ("link", "Whoever has the address finds it")),
)
PHASE = Choice(
    (
        ("teaser", "Teaser", "quiet"),
        ("main", "Main", "info"),
        ("last_call", "Last call", "warn"),
        ("thank_you", "Thank you", "good"),
    )
)


BESIDE = {"e", "spec"}  # addresses that stand where campaigns do


def one(id):
    """The campaign with this id. Refuses with NotFound."""
    return existing(FlyerCampaign.one(FlyerCampaign.id == (id or 0)), "There is no such campaign here.")


# --- at this moment ----------------------------------------------------------------------------------------------


def state_of(campaign):
    """What it is by the clock, whatever was written down last."""
    if campaign.state in ("scheduled", "active"):
        at = now()
        return "ended" if at >= campaign.ends_at else "active" if at >= campaign.starts_at else "scheduled"
    return campaign.state


def phase_of(campaign):
    """The phase that runs at this moment, or None."""
    at = now()
    runs = FlyerPhase.campaign == campaign.id, FlyerPhase.starts_at <= at, FlyerPhase.ends_at > at
    return FlyerPhase.one(*runs)


def now_at(campaign):
    """(before, open, thanks, paused or over; the FlyerVersion that is made there now, or None for none)."""
    state = state_of(campaign)
    if state == "paused":
        return "paused", None
    phase = phase_of(campaign)
    if phase and phase.key == "thank_you" and state in ("active", "ended"):
        version = _shown(phase.template)
        return ("thanks", version) if version else ("over", None)
    if state != "active":
        return ("over" if state == "ended" else "before"), None
    return "open", _shown(phase.template if phase else campaign.template)


def _shown(template):
    version = templates.live(template)
    return version if version and templates.may_be_seen(version) else None


def follow_clock(limit):
    """Write down which campaigns began and ended; returns how many."""
    at = now()
    with everywhere("campaigns of every organization follow one clock"):
        begun = (FlyerCampaign.state == "scheduled") & (FlyerCampaign.starts_at <= at)
        over = FlyerCampaign.state.in_(("scheduled", "active")) & (FlyerCampaign.ends_at <= at)
        due = list(FlyerCampaign.select().where(begun | over).order_by(FlyerCampaign.id).limit(limit))
    for campaign in due:
        with inside(campaign.organization_id):
            _follow(campaign.id, campaign.state, state_of(campaign))
    return len(due)


@writes
def _follow(id, old, new):
    FlyerCampaign.update(state=new).where(FlyerCampaign.id == id, FlyerCampaign.state == old).execute()


# --- its states --------------------------------------------------------------------------------------------------


def _step(id, old, new, by, **values):
    by.require("flyers.publish")
    campaign = one(id)
    state = state_of(campaign)
    written = FlyerCampaign.state.in_(("scheduled", "active")) if state in ("scheduled", "active") else True
    same = (FlyerCampaign.state == campaign.state) & written
    moves = FlyerCampaign.update(state=new, **values).where(FlyerCampaign.id == id, same)
    if state not in old or not moves.execute():
        raise templates.InvalidTransition(f"{campaign.name} is {STATE.plain(state).lower()}, so this isn't possible.")
    facts = {"field": "state", "before": campaign.state, "after": new}
    history.note(f"flyer_campaign.{new}", f"{campaign.name} is {new}", campaign, by=by, **facts)
    return campaign


@writes
def schedule(id, *, by):
    """Let it begin at its time: its address can be found then. Refuses with Invalid without a published template."""
    by.require("flyers.publish")
    campaign = one(id)
    shown = [campaign.template, *(phase.template for phase in phases_of(campaign))]
    if not all(templates.live(template) for template in shown if template) or not any(shown):
        raise Invalid({"publish": "Choose a template that is published, for it and for each of its phases."})
    if campaign.ends_at <= now():
        raise Invalid({"publish": "Its end lies in the past."})
    _step(id, ("draft",), "scheduled", by)
    return f"{campaign.name} is at /flyers/{campaign.slug} from {written_day(campaign.starts_at, campaign.zone)} on."


@writes
def withdraw(id, *, by):
    """Make it a draft again, before it begins."""
    _step(id, ("scheduled",), "draft", by)


@writes
def pause(id, why, *, by):
    """Make no flyers there for a while; visitors read why. What there is stays."""
    _step(id, ("active",), "paused", by, paused_why=why)


@writes
def resume(id, *, by):
    """Go on."""
    _step(id, ("paused",), "active", by, paused_why=None)


@writes
def end(id, *, by):
    """End it before its time. Its flyers live on."""
    _step(id, ("active", "paused"), "ended", by)


# --- what it is about --------------------------------------------------------------------------------------------


@writes
def choose_template(id, template, *, by):
    """Use a published template while no phase runs; none: nothing can be made then."""
    by.require("flyers.write")
    campaign, chosen = one(id), _template(template)
    FlyerCampaign.update(template=chosen).where(FlyerCampaign.id == id).execute()
    history.note("flyer_campaign.updated", f"{campaign.name} has another template", campaign, by=by, field="template")
    return f"It uses {chosen.name}." if chosen else "It has no template of its own."


def _template(id):
    chosen = templates.one(int(id)) if id else None
    if chosen and chosen.state != "published":
        raise Invalid({"template": f"{chosen.name} isn't published."})
    return chosen


@writes
def bind(id, event, *, by):
    """Lead from it to an event; none: to nothing."""
    by.require("flyers.write")
    campaign = one(id)
    chosen = events.one(int(event)) if event else None
    FlyerCampaign.update(event=chosen).where(FlyerCampaign.id == id).execute()
    history.note("flyer_campaign.bound", f"{campaign.name} has another event", campaign, by=by, field="event")
    return f"It leads to {chosen.title}." if chosen else "It leads to no event."


def _free_slug(name):
    base = organizations.slugged(name, "flyer")
    with everywhere("a campaign's address is one of the whole site"):
        same = (FlyerCampaign.slug == base) | FlyerCampaign.slug.startswith(base + "-")
        taken = {slug for (slug,) in FlyerCampaign.select(FlyerCampaign.slug).where(same).tuples()}
    slug, number = base, 2
    while slug in taken | BESIDE:
        slug, number = f"{base}-{number}", number + 1
    return slug


# --- its phases --------------------------------------------------------------------------------------------------


def phases_of(campaign):
    """Its phases, the first to begin first."""
    return list(FlyerPhase.select().where(FlyerPhase.campaign == campaign.id).order_by(FlyerPhase.starts_at))


def _in_order(row, values):
    start, end = (values.get(name, row and getattr(row, name)) for name in ("starts_at", "ends_at"))
    if start and end and start >= end:
        raise Invalid({"ends_at": "It must end after it begins."})


def _of_phase(phase, values):
    _in_order(phase, values)
    campaign = phase.campaign if phase else one(getattr(values["campaign"], "id", values["campaign"]))
    lock("flyer phases", campaign.id)
    key = values.get("key", phase and phase.key)
    if FlyerPhase.one(*_beside(campaign.id, phase), FlyerPhase.key == key):
        raise Invalid({"key": f"There is a phase “{PHASE.plain(key)}” already."})
    if phase is not None:
        return {}
    if campaign.template_id is None:
        raise Invalid({"key": "Choose a template for the campaign first: its phases begin with it."})
    return {"template": campaign.template}


def _beside(campaign_id, phase):
    return FlyerPhase.campaign == campaign_id, FlyerPhase.id != (phase.id if phase else 0)


def _after_phase(phase, before, change, by):
    others = _beside(phase.campaign_id, phase)
    other = FlyerPhase.one(*others, FlyerPhase.starts_at < phase.ends_at, FlyerPhase.ends_at > phase.starts_at)
    if other:
        raise Invalid({"starts_at": f"It would run at the same time as “{PHASE.plain(other.key)}”."})


@writes
def choose_phase_template(id, template, *, by):
    """Use another published template in a phase."""
    by.require("flyers.write")
    phase, chosen = FlyerPhase.one(FlyerPhase.id == id), _template(template)
    if phase is None:
        raise NotFound("There is no such phase here.")
    FlyerPhase.update(template=chosen).where(FlyerPhase.id == id).execute()
    facts = {"field": "template", "before": phase.template.name, "after": chosen.name}
    history.note("flyer_phase.updated", f"A phase shows {chosen.name}", phase, by=by, **facts)
    return f"It shows {chosen.name}."


# --- as lists ----------------------------------------------------------------------------------------------------


def _templates_field(required):
    def field(row, by):
        options = tuple((str(one.id), one.name, "quiet") for one in templates.published())
        return Field("template", "Template", Choice(options), required)

    return field


def _derive(campaign, values):
    _in_order(campaign, values)
    if campaign is None:
        lock("flyer slugs")
        return {"slug": _free_slug(values["name"])}
    return {}


def _after(campaign, before, change, by):
    if before is None:
        FlyerCampaign.update(by=by.user).where(FlyerCampaign.id == campaign.id).execute()


def _notes(shown, by):
    found = FlyerCampaign.select().where(FlyerCampaign.id << [row.id for row in shown]) if shown else ()
    notes = {}
    for campaign in found:
        state, version = now_at(campaign)
        phase = phase_of(campaign)
        words = [("info", PHASE.plain(phase.key))] if phase and version else []
        if state == "open" and version is None:
            is_closed = templates.live(phase.template if phase else campaign.template)
            words.append(("bad", "Its event isn't open to all" if is_closed else "No published template"))
        notes[campaign.id] = tuple(words)
    return notes


def _phase_notes(shown, by):
    found = FlyerPhase.select(FlyerPhase, FlyerTemplate).join(FlyerTemplate)
    return {
        phase.id: (("quiet" if templates.live(phase.template) else "bad", phase.template.name),)
        for phase in found.where(FlyerPhase.id << [row.id for row in shown])
    }


def _why(row, by, verb, members):
    return "Only a draft can be removed; this one can be ended."


def _proposed(by):
    return {"zone": Organization.get_by_id(by.organization.id).timezone}


_writes = lambda row, *rest: rest[-1].may("flyers.write")  # noqa: E731

listing = Listing(
    *("flyer_campaigns", "campaign", "campaigns", FlyerCampaign),
    (
        Field("name", "Name", Name(120), required=True),
        Field("state", "State", STATE, acted=True),
        Field("starts_at", "Begins", Moment(), required=True, icon="calendar"),
        Field("ends_at", "Ends", Moment(), required=True),
        Field("zone", "Time zone", ZONES, default="UTC", listed=False),
        Field("visibility", "Who finds it", VISIBILITY, default="public"),
        Field("hub_ok", "People may show their picture to all", Switch(), default=True, listed=False),
        Field("slug", "Address", Text(80), acted=True, listed=False),
    ),
    (
        Sort("begins-down", "Last to begin", "starts_at", descending=True),
        Sort("begins", "First to begin", "starts_at"),
        Sort("newest", "Newest first", descending=True),
    ),
    acts=(
        Act(*("publication", "Schedule", schedule, "flyers.publish"), when=lambda row: row.state == "draft"),
        Act(
            *("withdrawal", "Make a draft again", withdraw, "flyers.publish", "It is a draft again."),
            when=lambda row: row.state == "scheduled",
        ),
        Act(*("template", "Choose template", choose_template, "flyers.write"), asks=_templates_field(False)),
        Act(*("event", "Choose event", bind, "flyers.write"), asks=templates.events_field),
        Act(
            *("pause", "Pause", pause, "flyers.publish", "It is paused."),
            asks=lambda row, by: Field("why", "What visitors read", Text(300, 2, long=True), True),
            when=lambda row: row.state in ("scheduled", "active"),
        ),
        Act(
            *("resumption", "Go on", resume, "flyers.publish", "It goes on."),
            when=lambda row: row.state == "paused",
        ),
        Act(
            *("ending", "End", end, "flyers.publish", "It has ended. Its flyers live on."),
            when=lambda row: row.state in ("scheduled", "active", "paused"),
            confirm="End {name}? No flyers are made there any more.",
            tone="danger",
        ),
    ),
    notes=("Now", _notes),
    has_pages=True,
    beside=False,
    link=True,
    chips="state",
    begins=("name", "starts_at", "ends_at", "zone"),
    also=("slug",),
    reads="flyers.read",
    writes="flyers.write",
    icon="speakerphone",
    title="Campaigns of flyers",
    about="An address at which people make their flyers for a while.",
    empty=(("all", "Give a published template an address: make a campaign.", "No campaigns yet."),),
)
rules = rows.Rules(
    listing,
    may_change=_writes,
    may_remove=lambda row, by: by.may("flyers.write") and row.state == "draft",
    why=_why,
    derive=_derive,
    after=_after,
    proposes=_proposed,
)

phases = rows.Rules(
    Listing(
        *("flyer_phases", "phase", "phases", FlyerPhase),
        (
            Field("key", "Phase", PHASE, required=True, default="main"),
            Field("starts_at", "Begins", Moment(), required=True),
            Field("ends_at", "Ends", Moment(), required=True),
        ),
        both("newest", "Oldest first", "Newest first", column="id"),
        acts=(
            Act(*("template", "Choose template", choose_phase_template, "flyers.write"), asks=_templates_field(True)),
        ),
        notes=("Template", _phase_notes),
        parent=FlyerPhase.campaign,
        stands_in=lambda id, by: one(id),
        reads="flyers.read",
        writes="flyers.write",
        icon="calendar",
        about="Parts of its time with a template of their own. Which one runs is asked at the moment somebody comes.",
        empty=(("all", "Add the first phase, or let the campaign's own template stand all the time.", "No phases."),),
    ),
    may_change=_writes,
    may_remove=_writes,
    derive=_of_phase,
    after=_after_phase,
)
