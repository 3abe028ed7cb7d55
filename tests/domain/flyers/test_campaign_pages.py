"""What stands at a campaign's address is asked of the clock, so that no job can be late."""

from datetime import timedelta

import pytest

from database.clock import now
from domain.flyers import campaign_pages
from domain.moderation import reports, subjects
from models import FlyerCampaign, FlyerPhase, FlyerTemplate, ModerationItem
from tests.fixtures.events import make_event
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.threads import write


def state(slug="sea"):
    found = campaign_pages.find(slug)
    return found and (found.state, found.version and found.version.number)


def change(campaign, **values):
    write(FlyerCampaign.update(**values).where(FlyerCampaign.id == campaign.id).execute)


def test_it_opens_and_ends_at_its_moments(clock, inside_acme):
    version = a_version()
    campaign = a_campaign(version, starts_at=now() + timedelta(hours=1), state="scheduled")
    assert state() == ("before", None)
    assert campaign_pages.find("SEA").opens == "Monday, 15 June 2026, 15:00 (Berlin time)"
    clock.forward(hours=1)
    assert state() == ("open", 1)
    change(campaign, state="paused", paused_why="The picture is mended.")
    assert state() == ("paused", None)
    change(campaign, state="active")
    clock.forward(days=9)
    assert state() == ("over", None)
    change(campaign, state="ended", ends_at=now() + timedelta(days=9))
    assert state() == ("over", None)


def test_a_phase_has_its_own_picture_also_after_the_end(clock, inside_acme):
    version, thanks = a_version(), a_version(number=7)
    campaign = a_campaign(version)
    times = {"starts_at": now() + timedelta(days=9), "ends_at": now() + timedelta(days=12)}
    write(lambda: FlyerPhase.create(campaign=campaign, key="thank_you", template=thanks.template, **times))
    assert state() == ("open", 1)
    clock.forward(days=9)
    assert state() == ("thanks", 7)
    clock.forward(days=3)
    assert state() == ("over", None)


def test_strangers_see_no_draft_and_nothing_that_is_hidden(clock, inside_acme):
    version = a_version()
    campaign = a_campaign(version)
    write(FlyerTemplate.update(state="archived").execute)
    assert state() == ("open", None)  # no new ones of a template that was put away
    change(campaign, state="draft")
    assert state() is None
    assert state("nothing") is None
    change(campaign, state="active")
    hide("campaign", campaign.id, inside_acme)
    with pytest.raises(reports.Hidden):
        campaign_pages.find("sea")


def test_its_event_is_named_while_its_page_is_open(clock, inside_acme, at):
    event, _ = make_event(at("alice"))
    a_campaign(a_version(event=event))
    assert campaign_pages.find("sea").event == event
    hide("event", event.id, inside_acme)
    hide("organization", inside_acme.id, inside_acme)
    found = campaign_pages.find("sea")
    assert (found.event, found.organizer) == (None, "The organizer")


def hide(kind, id, organization):
    seen = subjects.Seen(kind, id, organization.id, "It", "it")
    reports.put_in_line(seen, "spam", hides=True)
    assert ModerationItem.select().where(ModerationItem.is_hidden).count()
