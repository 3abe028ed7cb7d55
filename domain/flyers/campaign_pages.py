"""A campaign as strangers see it at its address: how it stands at this moment, and which picture one gets there now."""

import hmac
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from database.clock import zone_words
from database.scope import everywhere, inside
from domain import NotFound
from domain.base import keys
from domain.events import reported
from domain.fields.kinds import clean, whole
from domain.flyers.organizing import campaigns, templates
from domain.moderation import reports
from models import Event, FlyerCampaign, FlyerPhase, FlyerVersion

FEW = 20


@dataclass(frozen=True)
class Standing:
    """`state` is before, open, thanks (a phase for after the event), paused or over; `version` is None where nothing
    can be made, and `event` where its page isn't open."""

    campaign: FlyerCampaign
    state: str
    version: FlyerVersion | None
    event: Event | None
    organizer: str
    opens: str

    @property
    def people(self):
        """How many flyers were made, in words and rounded down; nothing while they are few."""
        made = self.campaign.made
        return f"{made - made % (10 if made < 1000 else 100):,}" if made >= FEW else ""

    @property
    def bound(self):
        return self.version.spec.get("bound", {}) if self.version else {}

    @property
    def summary(self):
        """When and where, as the picture says it."""
        return " · ".join(text for name in ("event.when", "event.where") if (text := self.bound.get(name)))


def find(slug):
    """The campaign at this address, whoever's it is; None for none that strangers may see."""
    slug = clean(slug)[:80].lower()
    with everywhere("a campaign's page names no organization"):
        campaign = FlyerCampaign.one(FlyerCampaign.slug == slug)
        if campaign is None or campaign.state == "draft" or campaign.organization.status != "active":
            return None
    reports.check_shown("campaign", campaign.id)
    with inside(campaign.organization_id):
        return standing(campaign)


def standing(campaign):
    """How it stands now, in its organization."""
    state, version = campaigns.now_at(campaign)
    event = campaign.event if campaign.event and reported.is_shown(campaign.event) else None
    opens = campaign.starts_at.astimezone(ZoneInfo(campaign.zone))
    when = f"{opens:%A}, {opens.day} {opens:%B %Y, %H:%M} ({zone_words(campaign.zone)})"
    return Standing(campaign, state, version, event, reported.organizer(campaign), when)


# --- its picture -----------------------------------------------------------------------------------------------------


def name_of(version):
    """What a published version is called in addresses: whoever counts ids finds none."""
    return f"{version.id}-{keys.keyed('flyer version', str(version.id))[:8]}"


def version(name):
    """The published version of this name, while a campaign whose page strangers see has a use for its template.
    Refuses with NotFound."""
    id, _, mark = name.partition("-")
    made = keys.keyed_by_each("flyer version", id) if whole(id) else ()
    if any(hmac.compare_digest(one[:8].encode(), mark.encode()) for one in made):
        with everywhere("a design's address names no organization"):
            found = FlyerVersion.one(FlyerVersion.id == whole(id))
            is_open = found and found.organization.status == "active"
            if is_open and _is_in_use(found) and templates.may_be_seen(found):
                return found
    raise NotFound("There is no such picture.")


def _is_in_use(version):
    phases = FlyerPhase.select(FlyerPhase.campaign).where(FlyerPhase.template == version.template_id)
    uses = (FlyerCampaign.template == version.template_id) | (FlyerCampaign.id << phases)
    found = FlyerCampaign.select(FlyerCampaign.id).where(uses, FlyerCampaign.state != "draft").tuples()
    return any(not reports.is_hidden("campaign", id) for (id,) in found)
