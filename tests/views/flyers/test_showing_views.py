"""A flyer's page, its pictures, and what its maker does with it: links are only looked at, forms change."""

import io
import re

import pytest
from PIL import Image

from domain.events.carriers import covers
from domain.events.referring import referrals
from domain.flyers import flyers, lane
from domain.moderation import reports, subjects
from models import Event, Flyer, FlyerCampaign, ModerationItem, Organization, Outgoing
from tests.fixtures.events import make_event
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.fixtures.flyers import portrait, saved
from tests.fixtures.threads import write


@pytest.fixture
def made(clock, inside_acme, at):
    """(a flyer that is drawn, its secret) at a campaign for an event."""
    version = a_version(event=make_event(at("alice"))[0])
    about = {"f_name": "Amara Okonkwo", "in_hub": "on"}
    photo = saved(portrait((600, 500)))
    flyer, secret, _ = flyers.make(a_campaign(version), version, about, photo, attempt="one", place="x")
    lane.work()
    return flyers.find(flyer.public_id), secret


def meta(page):
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page.text))


def test_hard_cases_20_and_21_a_chat_finds_a_picture_by_an_address_of_its_own(made, browse):
    flyer, _ = made
    page = browse(None).get(f"/f/{flyer.public_id}")
    said = meta(page)
    assert (said["robots"], page.headers["Cache-Control"]) == ("noindex", "no-store")
    assert said["og:title"] == "Amara Okonkwo is going to Annual Summit of Friends of the Sea"
    assert said["og:image"] == f"http://localhost/f/{flyer.public_id}/{flyer.og[:8]}.og.jpg"
    assert (said["og:image:width"], said["og:image:height"], said["og:image:type"]) == ("1200", "630", "image/jpeg")
    assert "@" not in " ".join(said.values())
    data = browse(None).get(said["og:image"].removeprefix("http://localhost")).data
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.format, len(data) <= 250_000) == ((1200, 630), "JPEG", True)
    assert re.search(r'href="/e/jazz-night\?via=[a-z]{8}">Get a ticket', page.text)


def test_pictures_are_kept_for_minutes_told_unchanged_and_downloaded(made, browse):
    flyer, _ = made
    stranger, address = browse(None), f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"
    first = stranger.get(address)
    assert (first.status_code, first.mimetype) == (200, "image/jpeg")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    known = {"If-None-Match": first.headers["ETag"]}
    assert stranger.get(address, headers=known).status_code == 304
    saving = stranger.get(f"{address}?dl=1")
    assert saving.headers["Content-Disposition"] == f'attachment; filename="flyer-{flyer.public_id}.jpg"'
    assert stranger.get(f"/f/{flyer.public_id}.jpg?dl=1").location == f"{address}?dl=1"
    assert stranger.get(f"/f/{flyer.public_id}/{flyer.thumb[:8]}.s.webp").mimetype == "image/webp"
    for other in ("00000000.jpg", f"{flyer.file[:8]}.png", f"{flyer.photo}.jpg", "..%2f..%2fx"):
        assert stranger.get(f"/f/{flyer.public_id}/{other}").status_code == 404


def test_hard_case_22_deleted_is_404_also_for_who_has_it(made, browse, at):
    flyer, secret = made
    stranger, address = browse(None), f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"
    known = {"If-None-Match": stranger.get(address).headers["ETag"]}
    assert stranger.get(f"/f/{flyer.public_id}/mine").status_code == 200  # a link is only looked at
    assert stranger.post(f"/f/{flyer.public_id}/mine", data={"act": "deletion", "secret": "0" * 32}).status_code == 403
    assert stranger.get(address).status_code == 200
    gone = stranger.post(f"/f/{flyer.public_id}/mine", data={"act": "deletion", "secret": secret})
    assert ("Deleted: the picture" in gone.text, gone.headers["Cache-Control"]) == (True, "no-store")
    for kept in (address, f"/f/{flyer.public_id}/{flyer.og[:8]}.og.jpg", f"/f/{flyer.public_id}.jpg"):
        answer = stranger.get(kept, headers=known)
        assert answer.status_code == 404
    assert stranger.get(address, headers=known).headers["Cache-Control"] == "no-store"
    page = stranger.get(f"/f/{flyer.public_id}")
    assert (page.status_code, "Amara" in page.text) == (404, False)
    shown = meta(page)
    assert (shown["og:image"], shown["og:image:type"]) == ("http://localhost/e/jazz-night/share.png", "image/png")
    event = Event.get(Event.slug == "jazz-night")
    covers.put(event.id, saved(portrait()), "hall.jpg", by=at("alice"))
    assert meta(stranger.get(f"/f/{flyer.public_id}"))["og:image:type"] == "image/jpeg"
    again = stranger.post(f"/f/{flyer.public_id}/mine", data={"act": "deletion", "secret": secret})
    assert again.status_code == 200


def test_its_maker_keeps_it_longer_once_and_hides_it(made, browse):
    flyer, secret = made
    there, stranger = f"/f/{flyer.public_id}/mine", browse(None)
    said = [stranger.post(there, data={"act": act, "secret": secret}).status_code for act in ("extension", "extension")]
    assert said == [200, 409]
    assert "14 August 2026" in stranger.get(there).text
    stranger.post(there, data={"act": "hiding", "secret": secret})
    assert not Flyer.get_by_id(flyer.id).in_hub
    assert stranger.post(there, data={"act": "nonsense", "secret": secret}).status_code == 404
    assert stranger.get("/f/nothing/mine").status_code == 404


def test_one_that_was_reported_is_hidden_and_its_maker_asks_for_a_review(made, browse):
    flyer, secret = made
    stranger = browse(None)
    address = f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"
    assert "Report this picture" in stranger.get(f"/f/{flyer.public_id}").text
    reports.report(subjects.find("flyer", flyer.public_id), {"reason": "shows_me"}, by="account:9")
    assert stranger.get(address).status_code == 404
    hidden = stranger.get(f"/f/{flyer.public_id}")
    assert (hidden.status_code, "hidden until somebody has looked" in hidden.text) == (404, True)
    there = f"/f/{flyer.public_id}/mine"
    assert "Ask for a review" in stranger.get(there).text
    asked = stranger.post(there, data={"act": "appeal", "appeal": "It is my own face.", "secret": secret})
    assert asked.status_code == 200
    assert "Ask for a review" not in stranger.get(there).text


def test_what_is_hidden_beside_it_shows_neither_its_name_nor_a_way_there(made, browse):
    flyer, secret = made
    here, stranger = f"/f/{flyer.public_id}", browse(None)
    page = stranger.get(here).text
    assert ("Acme" in page, "/e/jazz-night" in page, "/flyers/sea" in page) == (True, True, True)
    for kind, name in (("event", "jazz-night"), ("campaign", "sea"), ("organization", flyer.organization.public_id)):
        reports.put_in_line(subjects.find(kind, name), "spam", hides=True)
    page = stranger.get(here).text
    assert ("Acme" in page, "/e/jazz-night" in page, "/flyers/sea" in page) == (False, False, False)
    assert "The organizer" in page
    stranger.post(f"{here}/mine", data={"act": "deletion", "secret": secret})
    assert "jazz-night" not in stranger.get(here).text  # no preview of it either


@pytest.mark.parametrize("how", ["draft", "private", "hidden"])
def test_of_an_event_that_strangers_dont_see_nothing_is_told(made, browse, how):
    """Neither when and where it is nor its title, though they stand in a version that was published before."""
    flyer, _ = made
    stranger, told = browse(None), ("12 June 2027", "Town hall", "Annual Summit")
    design = re.search(r"/flyers/spec/[0-9a-f-]+", stranger.get("/flyers/sea").text)[0]
    places = "/flyers/sea", f"{design}.json", f"/f/{flyer.public_id}", "/flyers"
    assert all(told[0] in stranger.get(place).text for place in places)
    assert stranger.get(f"{design}/sample.jpg").status_code == 200
    if how == "hidden":
        reports.put_in_line(subjects.find("event", "jazz-night"), "spam", hides=True)
    else:
        write(Event.update({"draft": {"state": "draft"}, "private": {"visibility": "private"}}[how]).execute)
    for place in places:
        page = stranger.get(place, headers={"Cache-Control": "no-cache"}).text
        assert not [words for words in told if words in page], place
    assert stranger.get(f"{design}/sample.jpg").status_code == 404
    assert "There is no picture to fill yet" in stranger.get("/flyers/sea").text
    for picture in (f"{flyer.file[:8]}.jpg", f"{flyer.og[:8]}.og.jpg", f"{flyer.thumb[:8]}.s.webp"):
        assert stranger.get(f"/f/{flyer.public_id}/{picture}").status_code == 404, "it shows them too"
    assert (f"/f/{flyer.public_id}" in stranger.get("/flyers").text, stranger.get(places[2]).status_code) == (
        False,
        404,
    )


def test_one_of_a_suspended_organization_is_seen_by_nobody_and_still_its_makers_to_delete(made, browse, cast):
    flyer, secret = made
    stranger, here = browse(None), f"/f/{flyer.public_id}"
    places = here, f"{here}.jpg", f"{here}/{flyer.file[:8]}.jpg", f"{here}/{flyer.og[:8]}.og.jpg", f"{here}/state"
    assert [stranger.get(place).status_code for place in places] == [200, 302, 200, 200, 200]
    write(Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute)
    assert [stranger.get(place).status_code for place in places] == [404] * 5
    gone = stranger.post(f"{here}/mine", data={"act": "deletion", "secret": secret})
    assert (gone.status_code, flyers.find(flyer.public_id).state) == (200, "removed")


def test_its_words_are_said_nowhere_once_it_is_hidden_or_over(made, browse, clock):
    flyer, _ = made
    here, stranger = f"/f/{flyer.public_id}", browse(None)
    assert "og:image:alt" in stranger.get(here).text
    assert "Amara" not in stranger.get(f"/report/flyer/{flyer.public_id}").text
    reports.report(subjects.find("flyer", flyer.public_id), {"reason": "shows_me"}, by="account:9")
    for place in (here, f"/report/flyer/{flyer.public_id}"):
        assert "Amara" not in stranger.get(place).text
    assert "Amara" not in ModerationItem.get().title
    assert "Amara" not in "".join(str(row.__data__) for row in Outgoing.select())
    clock.forward(days=31)
    assert "Amara" not in stranger.get(here).text


def test_its_maker_may_always_hide_it_where_it_stands(made, browse):
    flyer, _ = made
    there, stranger = f"/f/{flyer.public_id}/mine", browse(None)
    write(FlyerCampaign.update(hub_ok=False).execute)
    assert "Hide it there" in stranger.get(there).text


def test_its_holder_sees_how_many_came_through_them_and_names_of_who_lets_them(made, browse, monkeypatch):
    flyer, secret = made
    there, stranger = f"/f/{flyer.public_id}/mine", browse(None)
    assert "Who came through you" not in stranger.get(there).text
    assert stranger.post(there, data={"act": "brought", "secret": "0" * 32}).status_code == 403
    assert "nobody yet" in stranger.post(there, data={"act": "brought", "secret": secret}).text
    brought = {flyer.via_id: referrals.Brought(people=1, passes=1, cents=4200)}
    monkeypatch.setattr(referrals, "brought", lambda via: brought)
    monkeypatch.setattr(referrals, "first_names", lambda via: ["Bo", "<b>Cy"])
    page = stranger.post(there, data={"act": "brought", "secret": secret}).text
    assert re.search(r"Who came through you:</strong> one person with one ticket that is good", page)
    assert "by their leave: <bdi>Bo</bdi>, <bdi>&lt;b&gt;Cy</bdi>." in page
    assert "42" not in re.search(r'<p id="brought".*?</p>', page)[0], "money is the organizer's to see"


def test_its_holder_is_told_by_page_or_by_mail_that_it_ends(made, browse, clock):
    flyer, secret = made
    there, stranger = f"/f/{flyer.public_id}/mine", browse(None)
    assert "It ends soon" not in stranger.get(there).text
    wrong = stranger.post(there, data={"act": "address", "email": "nobody", "secret": secret})
    assert wrong.status_code == 422
    told = stranger.post(there, data={"act": "address", "email": "ada@example.org", "secret": secret})
    assert ("Noted." in told.text, "now ada@example.org" in told.text) == (True, True)
    assert "ada@example.org" not in stranger.get(there).text
    clock.forward(days=28)
    assert "It ends soon" in stranger.get(there).text


def test_who_decides_about_a_hidden_one_sees_it_and_nobody_else(made, browse):
    flyer, _ = made
    here, address = f"/f/{flyer.public_id}", f"/f/{flyer.public_id}/{flyer.file[:8]}.jpg"
    reports.report(subjects.find("flyer", flyer.public_id), {"reason": "shows_me"}, by="account:9")
    alice = browse("alice")
    assert f'href="{here}"' in alice.get("/acme/reports").text
    page, picture = alice.get(here), alice.get(address)
    assert (page.status_code, address in page.text, "see it. <a" in page.text) == (200, True, True)
    assert (picture.status_code, picture.headers["Cache-Control"]) == (200, "private, no-store")
    for who in (None, "bob", "charlie", "stella"):
        assert (browse(who).get(here).status_code, browse(who).get(address).status_code) == (404, 404), who
    item = ModerationItem.get()
    seen = browse("stella").get(f"/admin/reports/{item.id}/picture.jpg")
    assert (seen.status_code, seen.data[:2]) == (200, b"\xff\xd8")
    assert f"/admin/reports/{item.id}/picture.jpg" in browse("stella").get(f"/admin/reports/{item.id}").text
