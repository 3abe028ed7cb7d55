"""What a maker's page fetches: only what strangers see on a campaign's page, by a name that nobody counts up to."""

import pytest

from domain.flyers import campaign_pages, keeping
from domain.moderation import reports, subjects
from models import FlyerCampaign, Organization
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.flyers import corners, saved
from tests.fixtures.threads import write


def test_only_pictures_that_a_version_names_are_given(clock, inside_acme, at, browse):
    named, other = (keeping.add_picture(saved(corners(size)), by=at("alice")) for size in ((800, 600), (400, 400)))
    version = a_version(background={"file": named.sha256, "colour": "#ffffff"})
    a_campaign(version)
    stranger = browse(None)
    there = f"/flyers/spec/{campaign_pages.name_of(version)}"
    given = stranger.get(f"{there}/{named.sha256}")
    assert (given.status_code, given.mimetype) == (200, "image/jpeg")
    assert given.headers["Cache-Control"].endswith("immutable")
    assert stranger.get(f"{there}.json").json["v"] == 1
    for missing in (f"{there}/{other.sha256}", f"{there}/sample.png", "/flyers/spec/999.json", f"{there}/{'0' * 64}"):
        assert stranger.get(missing).status_code == 404, missing
    sample = stranger.get(f"{there}/sample.jpg")
    assert (sample.status_code, sample.mimetype, sample.data[:2]) == (200, "image/jpeg", b"\xff\xd8")


def test_designs_are_found_by_nobody_who_counts(clock, inside_acme, browse):
    version = a_version()
    a_campaign(version)
    name, stranger = campaign_pages.name_of(version), browse(None)
    assert stranger.get(f"/flyers/spec/{name}.json").status_code == 200
    odd = ("", "-", "-é", f"-{name.partition('-')[2][:7]}", f"-{'0' * 8}", f"{name.partition('-')[2]}-")
    for mark in odd:
        assert stranger.get(f"/flyers/spec/{version.id}{mark}.json").status_code == 404, mark
    for id in ("²", "9" * 400, "0", "x"):
        assert stranger.get(f"/flyers/spec/{id}-{name.partition('-')[2]}.json").status_code == 404, id


@pytest.mark.parametrize("way", ["draft", "hidden", "suspended", "unused"])
def test_what_strangers_dont_see_is_no_design_of_theirs(clock, inside_acme, browse, cast, way):
    version = a_version()
    a_campaign(version)
    there = f"/flyers/spec/{campaign_pages.name_of(version)}"
    assert browse(None).get(f"{there}.json").status_code == 200
    if way == "hidden":
        reports.put_in_line(subjects.find("campaign", "sea"), "spam", hides=True)
    elif way == "suspended":
        write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    else:
        state = {"state": "draft"} if way == "draft" else {"template": a_version().template}
        write(FlyerCampaign.update(**state).execute)
    for part in (".json", "/sample.jpg"):
        assert browse(None).get(there + part).status_code == 404, part
