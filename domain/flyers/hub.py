"""The page of all flyers: campaigns that are open to everybody, and pictures of people who said they show theirs."""

from dataclasses import dataclass

from database.clock import now
from database.scope import everywhere, inside
from domain.fields.kinds import whole
from domain.flyers import campaign_pages, flyers
from models import Flyer, FlyerCampaign, Organization

PAGE, PICTURES = 24, 12


@dataclass(frozen=True)
class Shown:
    """Campaigns as Standings, the newest first, from where the next page begins (None at the end), and (flyer, what it
    shows in words)."""

    campaigns: list
    more: int | None
    flyers: list
    popular: list


def shown(before=""):
    """What the hub shows from the campaign `before` (an id, or empty) on."""
    moment = now()
    with everywhere("the hub shows campaigns of all"):
        found = (
            FlyerCampaign.select(FlyerCampaign, Organization)
            .join(Organization)
            .where(
                FlyerCampaign.state << ("scheduled", "active"),
                FlyerCampaign.visibility == "public",
                FlyerCampaign.starts_at <= moment,
                FlyerCampaign.ends_at > moment,
                Organization.status == "active",
            )
            .order_by(FlyerCampaign.id.desc())
        )
        if start := whole(before):
            found = found.where(FlyerCampaign.id < start)
        found = list(found.limit(PAGE + 1))
        more = found[PAGE - 1].id if len(found) > PAGE else None
        pictures = [] if start else _pictures([one.id for one in found[:PAGE]])
    return Shown([_standing(one) for one in found[:PAGE]], more, pictures, [])


def _standing(campaign):
    with inside(campaign.organization_id):
        return campaign_pages.standing(campaign)


def _pictures(campaigns):
    """The newest flyers of these campaigns whose makers show them."""
    asked = Flyer.campaign << campaigns, Flyer.state == "ready", Flyer.in_hub
    found = Flyer.select().where(*asked).order_by(Flyer.id.desc()).limit(PICTURES * 2) if campaigns else ()
    return [(one, flyers.alt(one)) for one in found if flyers.state_of(one) == "ready"][:PICTURES]
