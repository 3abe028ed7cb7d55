"""Flyers and campaigns as strangers may report them. A flyer's organization decides about it; about its own campaign's
page the platform's staff does."""

from datetime import timedelta

from database.clock import now
from database.scope import everywhere, inside
from domain.base import settings
from domain.flyers import keeping
from domain.moderation import reports, screening, subjects
from models import Flyer, FlyerCampaign, FlyerPhase


def _seen_flyer(flyer):
    if flyer.state not in Flyer.KEPT:
        return None
    whose = {"kind": "flyer", "id": flyer.id, "organization": flyer.organization_id}
    # Its own words would outlive it in titles, notices and the log.
    called = {"title": f"Flyer {flyer.public_id}", "name": flyer.public_id, "path": f"/f/{flyer.public_id}"}
    return subjects.Seen(**whose, **called, words=flyer.content_hash)


def _flyer(where):
    with everywhere("what is reported names no organization"):
        found = Flyer.one(where)
    return found and _seen_flyer(found)


def _campaign(where):
    with everywhere("what is reported names no organization"):
        found = FlyerCampaign.one(where)
    if found is None or found.state == "draft":
        return None
    whose = {"kind": "campaign", "id": found.id, "organization": found.organization_id}
    words = "\n".join([found.name, *_pictures(found)])
    return subjects.Seen(**whose, title=found.name, name=found.slug, path=f"/flyers/{found.slug}", words=words)


def _pictures(campaign):
    """Which pictures its page has at its times, as they are published."""
    with inside(campaign.organization_id):
        phases = FlyerPhase.select().where(FlyerPhase.campaign == campaign.id).order_by(FlyerPhase.id)
        shown = [campaign.template, *(phase.template for phase in phases)]
        return [f"{one.id} {one.live_version}" for one in shown if one]


def address(flyer):
    """Where it is reported."""
    return f"/report/flyer/{flyer.public_id}"


def picture(item):
    """The JPEG of the flyer that somebody decides about, or None."""
    with inside(item.organization_id):
        flyer = Flyer.one(Flyer.id == item.subject_id) if item.subject == "flyer" else None
        parts = flyer and keeping.read(flyer, flyer.file)
        return b"".join(parts) if parts else None


def place(id, verdict):
    """Put a flyer that was drawn in line, as moderation_mode and what screening said of it (None: it is off) have it;
    in the present transaction. What is held is hidden until somebody of its organization has looked at it; what
    couldn't be screened is shown."""
    is_held = settings.get("moderation_mode") == "block" and verdict in (None, screening.FLAGGED)
    if is_held or verdict in (screening.FLAGGED, screening.UNSCREENED):
        why = reports.SCREENED if verdict == screening.FLAGGED else reports.UNSEEN
        reports.put_in_line(subjects.of("flyer").again(id), why, hides=is_held)


def unscreened_lately():
    """How many flyers of the last hour couldn't be screened, for who looks after the site; none once it is off."""
    if not screening.is_on():
        return 0
    with everywhere("whoever looks after the site is told of all"):
        lately = Flyer.is_unscreened, Flyer.ready_at > now() - timedelta(hours=1)
        return Flyer.select().where(*lately).count()


def _decided(id, is_removed):
    """What was removed goes with its files; they go at once, by the job."""
    if is_removed:
        keeping.remove(Flyer.id == id, "moderation")


subjects.declare(
    subjects.Subject(
        "flyer",
        "this flyer",
        lambda name: _flyer(Flyer.public_id == name),
        lambda id: _flyer(Flyer.id == id),
        for_platform=False,
        decided=_decided,
    )
)
subjects.declare(
    subjects.Subject(
        "campaign",
        "this campaign’s page",
        lambda name: _campaign(FlyerCampaign.slug == name),
        lambda id: _campaign(FlyerCampaign.id == id),
    )
)
