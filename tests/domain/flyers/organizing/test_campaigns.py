from datetime import timedelta

import pytest

from database.clock import now
from domain import Forbidden, Invalid
from domain.flyers.organizing import campaigns, templates
from domain.lists import rows
from models import FlyerCampaign, FlyerTemplate
from tests.fixtures.threads import write

TIMES = {"starts_at": "2026-06-20T12:00:00Z", "ends_at": "2026-07-20T12:00:00Z"}


@pytest.fixture
def shown(clock, inside_acme, at):
    """Two templates that are published."""
    made = [rows.create(templates.rules, {"name": name}, by=at("bob")) for name in ("Main", "Thanks")]
    for one in made:
        templates.publish(one.id, by=at("alice"))
    return [FlyerTemplate.get_by_id(one.id) for one in made]


@pytest.fixture
def campaign(shown, at):
    """A campaign from the 20th of June, noon, for thirty days; it is the 15th."""
    made = rows.create(campaigns.rules, {"name": "Jazz Night", **TIMES}, by=at("bob"))
    campaigns.choose_template(made.id, str(shown[0].id), by=at("bob"))
    campaigns.schedule(made.id, by=at("alice"))
    return fresh(made)


def fresh(campaign):
    return FlyerCampaign.get_by_id(campaign.id)


def stands(campaign):
    state, version = campaigns.now_at(fresh(campaign))
    return state, version and version.template.name


def phase(campaign, at, key, start, end):
    form = {"key": key, "starts_at": f"2026-{start}T12:00:00Z", "ends_at": f"2026-{end}T12:00:00Z"}
    return rows.create(campaigns.phases, form, by=at("bob"), parent=campaign.id)


def test_what_it_is_is_the_clocks_answer_whatever_was_written_down(campaign, clock):
    assert stands(campaign) == ("before", None)
    clock.forward(days=5)
    assert (fresh(campaign).state, stands(campaign)) == ("scheduled", ("open", "Main"))
    clock.forward(days=30)
    assert (fresh(campaign).state, stands(campaign)) == ("scheduled", ("over", None))


def test_the_job_writes_down_what_the_clock_says_once(campaign, clock):
    assert campaigns.follow_clock(10) == 0
    clock.forward(days=6)
    assert (campaigns.follow_clock(10), fresh(campaign).state, campaigns.follow_clock(10)) == (1, "active", 0)
    clock.forward(days=30)
    assert (campaigns.follow_clock(10), fresh(campaign).state) == (1, "ended")


def test_a_phase_begins_and_ends_to_the_second_without_any_job(campaign, shown, clock, at):
    late = phase(campaign, at, "last_call", "07-01", "07-05")
    campaigns.choose_phase_template(late.id, str(shown[1].id), by=at("bob"))
    clock.forward(days=16, seconds=-1)
    assert stands(campaign) == ("open", "Main")
    clock.forward(seconds=1)
    assert stands(campaign) == ("open", "Thanks")
    clock.forward(days=4)
    assert stands(campaign) == ("open", "Main")


def test_a_thank_you_phase_outlives_its_campaign(campaign, shown, clock, at):
    thanks = phase(campaign, at, "thank_you", "07-20", "07-25")
    campaigns.choose_phase_template(thanks.id, str(shown[1].id), by=at("bob"))
    clock.forward(days=36)
    assert stands(campaign) == ("thanks", "Thanks")
    clock.forward(days=5)
    assert stands(campaign) == ("over", None)


def test_phases_do_not_overlap_and_each_is_there_once(campaign, at):
    phase(campaign, at, "main", "06-20", "06-25")
    phase(campaign, at, "last_call", "06-25", "06-30")
    for key, start, end, where in (
        ("teaser", "06-24", "06-26", "starts_at"),
        ("teaser", "06-19", "07-30", "starts_at"),
        ("main", "07-01", "07-02", "key"),
        ("teaser", "06-12", "06-12", "ends_at"),
    ):
        with pytest.raises(Invalid) as refusal:
            phase(campaign, at, key, start, end)
        assert where in refusal.value.fields
    last = campaigns.phases_of(campaign)[-1]
    with pytest.raises(Invalid):
        rows.change(campaigns.phases, last.id, {"starts_at": "2026-06-24T00:00:00Z"}, by=at("bob"), parent=campaign.id)
    assert [one.key for one in campaigns.phases_of(campaign)] == ["main", "last_call"]


def test_paused_nothing_is_made_and_it_can_go_on(campaign, clock, at):
    with pytest.raises(templates.InvalidTransition):
        campaigns.pause(campaign.id, "Wait.", by=at("alice"))
    clock.forward(days=6)
    campaigns.pause(campaign.id, "We mend a picture.", by=at("alice"))
    assert (stands(campaign), fresh(campaign).paused_why) == (("paused", None), "We mend a picture.")
    campaigns.resume(campaign.id, by=at("alice"))
    assert (stands(campaign), fresh(campaign).paused_why) == (("open", "Main"), None)
    campaigns.end(campaign.id, by=at("alice"))
    assert stands(campaign) == ("over", None)
    for act in (campaigns.resume, campaigns.end, campaigns.schedule, campaigns.withdraw):
        with pytest.raises(templates.InvalidTransition):
            act(campaign.id, by=at("alice"))


def test_before_it_begins_it_can_be_a_draft_again(campaign, clock, at):
    campaigns.withdraw(campaign.id, by=at("alice"))
    assert (fresh(campaign).state, stands(campaign)) == ("draft", ("before", None))
    campaigns.schedule(campaign.id, by=at("alice"))
    clock.forward(days=6)
    with pytest.raises(templates.InvalidTransition):
        campaigns.withdraw(campaign.id, by=at("alice"))


def test_it_is_not_scheduled_without_a_published_template_nor_after_its_end(shown, clock, at):
    made = rows.create(campaigns.rules, {"name": "Jazz Night", **TIMES}, by=at("bob"))
    with pytest.raises(Invalid, match="Choose a template"):
        campaigns.schedule(made.id, by=at("alice"))
    campaigns.choose_template(made.id, str(shown[0].id), by=at("bob"))
    with pytest.raises(Forbidden):
        campaigns.schedule(made.id, by=at("bob"))
    clock.forward(days=60)
    with pytest.raises(Invalid, match="past"):
        campaigns.schedule(made.id, by=at("alice"))


def test_an_archived_template_stops_it_until_there_is_another(campaign, shown, clock, at):
    clock.forward(days=6)
    templates.archive(shown[0].id, by=at("alice"))
    assert stands(campaign) == ("open", None)
    with pytest.raises(Invalid):
        campaigns.choose_template(campaign.id, str(shown[0].id), by=at("bob"))
    campaigns.choose_template(campaign.id, str(shown[1].id), by=at("bob"))
    assert stands(campaign) == ("open", "Thanks")


def test_two_of_one_name_have_two_addresses(campaign, at):
    other = rows.create(campaigns.rules, {"name": "Jazz Night", **TIMES}, by=at("bob"))
    assert [campaign.slug, other.slug] == ["jazz-night", "jazz-night-2"]
    with pytest.raises(Invalid):
        rows.create(campaigns.rules, {"name": "X", **TIMES, "ends_at": TIMES["starts_at"]}, by=at("bob"))


def test_nothing_is_written_down_of_one_that_was_paused_meanwhile(campaign, clock):
    clock.forward(days=40)
    write(FlyerCampaign.update(state="paused").where(FlyerCampaign.id == campaign.id).execute)
    assert campaigns.follow_clock(10) == 0
    assert now() > campaign.ends_at
    assert fresh(campaign).ends_at - campaign.starts_at == timedelta(days=30)


def test_a_campaign_stands_where_no_address_of_ours_does(inside_acme, at):
    made = rows.create(campaigns.rules, {"name": "É!", **TIMES}, by=at("bob"))
    assert fresh(made).slug == "e-2"
