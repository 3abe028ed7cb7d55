"""The page of all flyers shows what is public and runs, and pictures of those who said so."""

from domain.flyers import flyers, hub, lane
from domain.moderation import reports, subjects
from models import Flyer, FlyerCampaign
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.threads import write


def test_it_shows_what_is_public_and_open_and_pages_on(clock, inside_acme, monkeypatch):
    version = a_version()
    for slug, more in (
        ("one", {}),
        ("linked", {"visibility": "link"}),
        ("paused", {"state": "paused"}),
        ("two", {}),
        ("later", {"starts_at": clock.forward(hours=0).replace(day=16)}),
        ("three", {}),
    ):
        a_campaign(version, slug=slug, **more)
    monkeypatch.setattr(hub, "PAGE", 2)
    first = hub.shown()
    assert [one.campaign.slug for one in first.campaigns] == ["three", "two"]
    rest = hub.shown(str(first.more))
    assert ([one.campaign.slug for one in rest.campaigns], rest.more) == (["one"], None)


def test_the_popular_stand_first_and_what_was_hidden_not_at_all(clock, inside_acme):
    version = a_version()
    made = {slug: a_campaign(version, slug=slug) for slug in ("one", "two", "three")}
    for slug, popularity in (("one", 7), ("three", 9)):
        write(FlyerCampaign.update(popularity=popularity, made=1247).where(FlyerCampaign.slug == slug).execute)
    found = hub.shown()
    assert [one.campaign.slug for one in found.popular] == ["three", "one"]
    assert [one.people for one in found.popular] == ["1,200", "1,200"]
    reports.put_in_line(subjects.find("campaign", "three"), "spam", hides=True)
    found = hub.shown()
    assert [one.campaign.slug for one in found.popular] == ["one"]
    assert [one.campaign.slug for one in found.campaigns] == ["two", "one"]
    assert made["two"].made == 0


def test_pictures_go_with_their_campaign_and_where_it_shows_none_any_more(clock, inside_acme):
    version = a_version()
    for slug in ("sea", "lake"):
        asked = {"f_name": slug, "in_hub": "on"}
        flyers.make(a_campaign(version, slug=slug), version, asked, b"", attempt=slug, place="x")
    lane.work()
    assert [words.partition(" ")[0] for _, words in hub.shown().flyers] == ["lake", "sea"]
    reports.put_in_line(subjects.find("campaign", "lake"), "spam", hides=True)
    assert [words.partition(" ")[0] for _, words in hub.shown().flyers] == ["sea"]
    write(FlyerCampaign.update(hub_ok=False).where(FlyerCampaign.slug == "sea").execute)
    assert hub.shown().flyers == []


def test_people_are_shown_only_where_they_and_the_campaign_say_so(clock, inside_acme):
    version = a_version()
    sea, shy = a_campaign(version), a_campaign(version, slug="shy", hub_ok=False)
    for campaign, name, more in (
        (sea, "Ada", {"in_hub": "on"}),
        (sea, "Bea", {}),
        (shy, "Cleo", {"in_hub": "on"}),
        (sea, "Dan", {"in_hub": "on"}),
    ):
        flyers.make(campaign, version, {"f_name": name} | more, b"", attempt=name, place="x")
    assert hub.shown().flyers == []  # none is drawn yet
    lane.work()
    assert [words.partition(" ")[0] for _, words in hub.shown().flyers] == ["Dan", "Ada"]
    write(Flyer.update(state="flagged").where(Flyer.fields.cast("TEXT").contains("Dan")).execute)
    assert [words.partition(" ")[0] for _, words in hub.shown().flyers] == ["Ada"]
