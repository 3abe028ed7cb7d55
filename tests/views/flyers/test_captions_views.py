"""The page that suggests a caption for a campaign."""

import pytest

from tests.fixtures.credits import give
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.peers import ai


@pytest.fixture
def campaign(clock, inside_acme):
    return a_campaign(a_version())


def test_its_page_is_there_only_where_somebody_writes_it(campaign, browse, cast):
    bob, row = browse("bob"), f"/acme/flyers/campaigns/{campaign.id}"
    assert "Suggest a caption" not in bob.get(row).text
    assert bob.get(f"{row}/caption").status_code == 404
    give(cast.acme, 1)
    with ai.running():
        assert "Suggest a caption" in bob.get(row).text
        assert "costs 1 credit" in bob.get(f"{row}/caption").text
        page = bob.post(f"{row}/caption", data={"form_key": "f" * 32}).text
        assert "Join us by the sea." in page
        assert browse("vera").get(f"{row}/caption").status_code == 403
        assert "Suggest a caption" not in browse("vera").get(row).text
        assert browse("charlie").get(f"{row}/caption").status_code == 404
