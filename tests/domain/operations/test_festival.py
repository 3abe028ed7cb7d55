"""The demo's events are typed as people type them, so a form that changed its meaning stops the demo here first."""

import random

from database.scope import inside
from domain.flyers import figures, lane
from domain.flyers.organizing import campaigns
from domain.operations import festival
from models import Event, Flyer, FlyerCampaign, Voucher


def test_the_demos_events_can_be_made_and_mean_what_they_say(cast, at):
    with inside(cast.acme):
        festival.make(at("alice"), at("bob"), random.Random(7))
        assert Event.select().count() == 4
        assert Event.one(Event.title == "Lantern Festival").tax_bps == 600
        assert Voucher.one(Voucher.code == "Friends2026").value == 1500
        (campaign,) = FlyerCampaign.select()
        assert campaigns.now_at(campaign)[0] == "open"
        while lane.work():
            pass
        assert [flyer.state for flyer in Flyer.select()] == ["ready"] * 12
        funnel, days, *_ = figures.of_campaign(campaign, "view").figures
        reached = [int(funnel.tally.totals[kind, ""]) for kind in ("view", "open", "upload", "arrive")]
        assert len(days.tally.totals) == 29
        assert reached == sorted(reached, reverse=True)
        assert reached[-1]
