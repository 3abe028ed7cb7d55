"""The page of all flyers: campaigns that are open to everybody, and pictures of people who said they show theirs."""

from dataclasses import dataclass

from database.clock import now
from database.scope import everywhere, inside
from domain.fields.kinds import whole
from domain.flyers import campaign_pages, flyers
from domain.moderation import reports
from models import Flyer, FlyerCampaign, Organization

PAGE, PICTURES, POPULAR = 24, 12, 6


@dataclass(frozen=True)
class Shown:
    """Campaigns as Standings, the newest first, from where the next page begins (None at the end), and (flyer, what it
    shows in words)."""

    campaigns: list
    more: int | None
    flyers: list
    popular: list  # Standings again, this week's most popular first


def shown(before=""):
    """What the hub shows from the campaign `before` (an id, or empty) on."""
    with everywhere("the hub shows campaigns of all"):
        found = _open().order_by(FlyerCampaign.id.desc())
        if start := whole(before):
            found = found.where(FlyerCampaign.id < start)
        found = list(found.limit(PAGE + 1))
        more = found[PAGE - 1].id if len(found) > PAGE else None
        pictures = [] if start else _pictures(found[:PAGE])
        popular = [] if start else list(_open().where(FlyerCampaign.popularity > 0).order_by(*_POPULAR).limit(POPULAR))
    return Shown(_standings(found[:PAGE]), more, pictures, _standings(popular))


_POPULAR = FlyerCampaign.popularity.desc(), FlyerCampaign.id.desc()


def _open():
    """Campaigns that run at this moment, and that everybody may find."""
    moment = now()
    runs = FlyerCampaign.starts_at <= moment, FlyerCampaign.ends_at > moment
    found = FlyerCampaign.select(FlyerCampaign, Organization).join(Organization)
    is_public = FlyerCampaign.visibility == "public", Organization.status == "active"
    return found.where(FlyerCampaign.state << ("scheduled", "active"), *runs, *is_public)


def _standings(campaigns):
    """Those that nobody hid."""
    found = []
    for one in campaigns:
        if not reports.is_hidden("campaign", one.id):
            with inside(one.organization_id):
                found.append(campaign_pages.standing(one))
    return found


def _pictures(campaigns):
    """The newest flyers of those of these campaigns that show some, of makers who show theirs."""
    shown = [one.id for one in campaigns if one.hub_ok and not reports.is_hidden("campaign", one.id)]
    asked = Flyer.campaign << shown, Flyer.state == "ready", Flyer.in_hub
    found = Flyer.select().where(*asked).order_by(Flyer.id.desc()).limit(PICTURES * 2) if shown else ()
    return [(one, flyers.alt(one)) for one in found if flyers.state_of(one) == "ready"][:PICTURES]
