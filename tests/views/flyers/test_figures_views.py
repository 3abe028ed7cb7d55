"""Figures of flyers as members see them: charts with their tables, and a file."""

from datetime import timedelta

import pytest

from domain.flyers import figures
from models import FlyerCount, FlyerGap
from tests.fixtures.funnels import a_campaign
from tests.fixtures.threads import write


@pytest.fixture
def jazz(clock, inside_acme):
    campaign, _ = a_campaign()
    hour = figures.now() - timedelta(hours=3)
    for scope, id in (("campaign", campaign.id), ("template", campaign.template_id)):
        for kind, n in (("view", 1240), ("generate", 310)):
            write(FlyerCount.create, scope=scope, scope_id=id, kind=kind, hour=hour, n=n)
    return campaign


def test_members_see_charts_with_their_numbers_and_what_is_missing(jazz, browse):
    alice, base = browse("alice"), "/acme/flyers/figures"
    assert "Jazz" in alice.get(base).text
    for path in (f"{base}/{jazz.id}", f"{base}/templates/{jazz.template_id}"):
        page = alice.get(path).text
        assert "1,240" in page
        assert "Finished a picture, by day" in page
        assert "chart-gap" not in page
        assert alice.get(f"{path}?of=nonsense").status_code == 200
        lines = alice.get(f"{path}/figures.csv?of=view").text.splitlines()
        assert lines[:2] == ["Chart,Group,Count", "How far people came,Saw the page,1240"]
        assert "Saw the page, by day" in "".join(lines)
    write(FlyerGap.create, from_at=figures.now(), until_at=figures.now(), lost=1234)
    page = alice.get(f"{base}/{jazz.id}").text
    assert page.count('class="chart-gap"') == 1
    assert "1,234 acts at least" in page
    assert browse("vera").get(f"{base}/{jazz.id}").status_code == 200
    assert browse("charlie").get(f"{base}/{jazz.id}").status_code == 404
    assert alice.get(f"{base}/999").status_code == 404


def test_a_campaign_without_acts_says_so(clock, inside_acme, browse):
    campaign, _ = a_campaign("new")
    assert "Nothing to count" in browse("alice").get(f"/acme/flyers/figures/{campaign.id}").text
