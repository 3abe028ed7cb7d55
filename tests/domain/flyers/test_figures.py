"""Charts of a campaign and a template: sums of hours, in its own zone, with what is missing and what was ordered."""

from datetime import timedelta

import pytest

from database.scope import inside
from domain import NotFound
from domain.events import payments
from domain.events.referring import vias
from domain.flyers import figures
from models import FlyerCampaign, FlyerCount, FlyerGap, FlyerPhase
from tests.domain.events.referring.test_referrals import come
from tests.fixtures.events import make_event
from tests.fixtures.funnels import a_campaign
from tests.fixtures.threads import write


@pytest.fixture
def jazz(clock, inside_acme, at):
    """A campaign of an event, in Berlin, and its free tier."""
    event, (tier,) = make_event(at("alice"))
    campaign, _ = a_campaign(event=event)
    write(lambda: FlyerCampaign.update(zone="Europe/Berlin").where(FlyerCampaign.id == campaign.id).execute())
    return figures.campaign(campaign.id), tier


def count(campaign, hours=0, scope="campaign", **kinds):
    hour = figures.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
    id = campaign.id if scope == "campaign" else campaign.template_id
    for kind, n in kinds.items():
        write(FlyerCount.create, scope=scope, scope_id=id, kind=kind, hour=hour, n=n)


def sums(found, key):
    told = next(one for one in found.figures if one.key == key)
    return {group: int(n) for (group, _), n in told.tally.totals.items()}


def test_a_campaign_is_told_as_funnel_by_day_by_hour_and_by_phase(jazz):
    campaign, _ = jazz  # it is noon, 14:00 in Berlin
    count(campaign, view=10, open=7, generate=5)
    count(campaign, hours=9, generate=2)  # 23:00
    count(campaign, hours=10, generate=4, share=1)  # the next day there, the same one in UTC
    span = {"starts_at": figures.now() - timedelta(hours=1), "ends_at": figures.now() + timedelta(hours=10)}
    write(FlyerPhase.create, campaign=campaign, key="teaser", template=campaign.template, **span)
    found = figures.of_campaign(campaign)
    assert sums(found, "funnel") == {"view": 10, "open": 7, "generate": 11, "share": 1}
    assert sums(found, "days") == {"2026-06-15": 7, "2026-06-16": 4}
    assert sums(found, "hours") == {"14": 5, "23": 2, "00": 4}
    assert sums(found, "phases") == {"teaser": 7, "outside": 4}
    assert sums(figures.of_campaign(campaign, "share"), "days") == {"2026-06-16": 1}


def test_a_template_is_told_over_all_its_campaigns(jazz):
    campaign, _ = jazz
    count(campaign, scope="template", generate=3)
    found = figures.of_template(figures.template(campaign.template_id))
    assert (sums(found, "funnel"), found.brought) == ({"generate": 3}, None)
    assert [one.key for one in found.figures] == ["funnel", "days", "hours"]


def test_days_with_counts_missing_are_named(jazz):
    campaign, _ = jazz
    write(FlyerGap.create, from_at=figures.now(), until_at=figures.now() + timedelta(hours=11), lost=40)
    found = figures.of_campaign(campaign)
    assert (sorted(found.gaps), found.lost) == (["2026-06-15", "2026-06-16"], 40)


def test_what_was_ordered_stands_apart(jazz):
    campaign, tier = jazz
    assert tuple(figures.of_campaign(campaign).brought) == (0, 0, 0)
    via = vias.of(campaign.event, email="ada@example.org")
    payments.take_free(come(campaign.event, tier, via, 2).id)
    assert tuple(figures.of_campaign(campaign).brought) == (1, 2, 0)


def test_what_is_another_organizations_is_not_there(jazz, cast):
    campaign, _ = jazz
    with inside(cast.globex), pytest.raises(NotFound):
        figures.campaign(campaign.id)
    with inside(cast.globex), pytest.raises(NotFound):
        figures.template(campaign.template_id)
