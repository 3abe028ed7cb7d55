"""A flyer that was reported: hidden by one who is in it, decided by its organization, gone with its files."""

import pytest

from domain import Forbidden
from domain.base import settings
from domain.flyers import flyers, keeping, lane, reported
from domain.moderation import desk, reports, subjects
from models import FlyerTemplate, ModerationItem
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.threads import write


@pytest.fixture
def flyer(clock, inside_acme):
    version = a_version()
    made, *_ = flyers.make(a_campaign(version), version, {"f_name": "Ada"}, b"", attempt="one", place="x")
    lane.work()
    return flyers.find(made.public_id)


def test_one_who_is_in_it_hides_it_and_its_organization_removes_it(flyer, at):
    seen = subjects.find("flyer", flyer.public_id)
    assert seen.title == f"Flyer {flyer.public_id}"
    assert reports.report(seen, {"reason": "shows_me"}, by="account:9")
    assert flyers.state_of(flyer) == "flagged"
    desk.remove(ModerationItem.get().id, by=at("alice"))
    gone = flyers.find(flyer.public_id)
    assert (gone.state, gone.why, gone.file) == ("removed", "moderation", None)
    assert keeping.forget_some(10) == 1
    assert subjects.of("flyer").find(flyer.public_id) is None


def test_three_hide_it_and_what_was_approved_stays(flyer, at):
    seen = subjects.find("flyer", flyer.public_id)
    states = []
    for i in range(3):
        reports.report(seen, {"reason": "spam"}, by=f"account:{i}")
        states.append(flyers.state_of(flyer))
    assert states == ["ready", "ready", "flagged"]
    desk.approve(ModerationItem.get().id, by=at("alice"))
    for i in range(5, 9):
        reports.report(subjects.find("flyer", flyer.public_id), {"reason": "spam"}, by=f"account:{i}")
    assert flyers.state_of(flyer) == "ready"


def test_a_campaigns_page_is_the_platforms_to_decide(flyer, at):
    seen = subjects.find("campaign", "sea")
    assert (seen.title, seen.path) == ("Summit of the Sea", "/flyers/sea")
    write(FlyerTemplate.update(live_version=FlyerTemplate.live_version + 1).execute)  # another picture stands there
    assert subjects.find("campaign", "sea").content_hash != seen.content_hash
    reports.report(seen, {"reason": "fraud"}, by="account:9")
    with pytest.raises(Forbidden):
        desk.remove(ModerationItem.get().id, by=at("alice"))
    assert reported.address(flyer) == f"/report/flyer/{flyer.public_id}"


def test_where_all_is_looked_at_first_a_new_one_waits_for_its_organization(clock, inside_acme, at, cast):
    settings.change("moderation_mode", "block", by=cast.stella)
    version = a_version()
    made, *_ = flyers.make(a_campaign(version), version, {"f_name": "Ada"}, b"", attempt="one", place="x")
    lane.work()
    item = ModerationItem.get()
    assert (flyers.state_of(flyers.find(made.public_id)), item.source, item.is_for_platform) == (
        "flagged",
        "auto",
        False,
    )
    desk.approve(item.id, by=at("alice"))
    assert flyers.state_of(flyers.find(made.public_id)) == "ready"
