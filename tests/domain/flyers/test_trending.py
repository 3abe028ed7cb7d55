"""What is popular: what is new weighs more, few people don't show, and what was reported waits."""

from domain.flyers import hub, trending
from models import FlyerCampaign, FlyerCount, ModerationItem
from tests.fixtures.funnels import a_campaign
from tests.fixtures.threads import write


def count(campaign, **kinds):
    for kind, n in kinds.items():
        hour = trending.now().replace(minute=0, second=0, microsecond=0)
        write(FlyerCount.create, scope="campaign", scope_id=campaign.id, kind=kind, hour=hour, n=n)


def names():
    trending.refresh()
    return [one.campaign.slug for one in hub.shown().popular]


def test_what_is_popular_is_counted_by_what_it_is_worth_and_how_new_it_is(clock, inside_acme):
    old, new, few, liked = (a_campaign(slug)[0] for slug in ("old", "new", "few", "liked"))
    count(old, view=100, generate=30)
    clock.forward(days=2)
    count(new, view=20, generate=20)  # 60 today, and 45 is what is left of old's 90
    count(few, view=19, generate=500)
    count(liked, view=50, share=6, arrive=5)  # 70
    assert names() == ["liked", "new", "old"]
    assert {one.slug: one.made for one in FlyerCampaign.select()} == {"old": 30, "new": 20, "few": 500, "liked": 0}
    assert trending.refresh() == 0
    clock.forward(days=6)
    assert names() == ["liked", "new"]  # old's week is over


def test_what_was_reported_waits_until_somebody_has_looked(clock, inside_acme):
    (mine, _), (other, _) = a_campaign("mine"), a_campaign("other")
    for one in (mine, other):
        count(one, view=30, generate=30)
    about = {"subject": "template", "subject_id": mine.template_id, "reason": "spam"}
    item = write(ModerationItem.create, **about)
    assert names() == ["other"]
    write(lambda: ModerationItem.update(state="approved").where(ModerationItem.id == item.id).execute())
    assert names() == ["other", "mine"]  # the newest of equals first
