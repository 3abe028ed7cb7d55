"""A stranger makes a flyer: by the page's script, by a plain form, and within limits that let a hall through."""

import io
import json
import re

import pytest

from domain.base import allowances
from domain.files import gate, stores
from domain.flyers import flyers, lane
from models import Flyer
from tests.conftest import application
from tests.fixtures.flyer_pages import a_campaign, a_version, form
from tests.fixtures.flyers import portrait, saved

JSON = {"Accept": "application/json"}
PHOTO = saved(portrait((600, 500)))


@pytest.fixture
def sea(clock, inside_acme):
    version = a_version()
    return a_campaign(version), version


def send(client, sea, photo=PHOTO, headers=JSON, **more):
    data = form(flyers.page_token(sea[0]), sea[1], **more)
    if photo:
        data["photo"] = (io.BytesIO(photo), "me.jpg")
    return client.post("/flyers/sea", data=data, headers=headers)


def test_the_hub_names_campaigns_and_their_page_has_all_that_the_maker_needs(sea, browse):
    stranger = browse(None)
    hub = stranger.get("/flyers")
    assert ("Summit of the Sea" in hub.text, hub.headers["Cache-Control"]) == (True, "public, max-age=60")
    page = stranger.get("/flyers/sea")
    assert page.status_code == 200
    given = json.loads(re.search(r"data-given='([^']*)'", page.text)[1])
    design = stranger.get(given["spec"])
    assert design.json["slots"] == sea[1].spec["slots"]
    assert design.headers["Cache-Control"].endswith("immutable")
    assert given["fonts"].startswith("/static/vendor/fonts.json?v=")
    rows = given["codes"]["share.url"]
    assert len(rows) == len(rows[0])
    assert stranger.get("/flyers/nothing").status_code == 404


def test_what_a_script_sends_is_taken_and_drawn_and_sent_again_is_the_same(sea, browse):
    stranger = browse(None)
    answer = send(stranger, sea)
    assert (answer.status_code, answer.json["state"]) == (202, "pending")
    again = send(browse(None), sea)
    assert (again.json["url"], again.json["manage"]) == (answer.json["url"], answer.json["manage"])
    assert Flyer.select().count() == 1
    lane.work()
    told = stranger.get(answer.json["state_url"])
    assert (told.json["state"], told.json["until"]) == ("ready", "15 July 2026")


def test_where_the_disk_is_full_it_is_said_and_sent_again_it_is_kept(sea, browse, monkeypatch):
    stranger, keep = browse(None), stores.Folder.put

    def full(self, key, file):
        raise stores.StoreFull

    monkeypatch.setattr(stores.Folder, "put", full)
    for headers in ({"Accept": "application/json"}, {}):
        answer = send(stranger, sea, headers=headers)
        assert (answer.status_code, "disk of this site is full" in answer.text) == (503, True)
    monkeypatch.setattr(stores.Folder, "put", keep)
    assert (send(stranger, sea).status_code, Flyer.select().count(), lane.work()) == (202, 1, 1)


def test_a_plain_form_comes_back_with_what_is_wrong_and_else_ends_at_the_flyer(sea, browse):
    stranger = browse(None)
    wrong = send(stranger, sea, photo=b"GIF89a" + bytes(300), headers={}, f_name="Zoë \U00016a00", turn="9")
    assert wrong.status_code == 422
    assert "We can&#39;t draw \U00016a00 here" in wrong.text
    assert 'value="Zoë' in wrong.text  # nothing that was typed is lost
    no_photo = send(stranger, sea, photo=b"GIF89a" + bytes(300), headers={})
    assert "Only JPEG, PNG and WebP photos" in no_photo.text
    made = send(stranger, sea, headers={})
    assert (made.status_code, made.location) == (303, made.location)
    there, _, secret = made.location.partition("#")
    assert re.fullmatch(r"http://localhost/f/[0-9a-f]{24}/mine", there)
    assert len(secret) == 32
    assert stranger.get(there).text.count('name="secret"') == 0  # this browser made it: it needs none
    assert "It is being drawn" in stranger.get(there).text


def test_a_page_that_is_old_or_a_form_that_no_person_filled_is_refused(sea, browse, clock):
    stranger, token = browse(None), flyers.page_token(sea[0])
    assert send(stranger, sea, website="http://spam.example").status_code == 409
    assert send(stranger, sea, version="999").json["code"] == "PREVIEW_OLD"
    clock.forward(hours=3)
    old = stranger.post("/flyers/sea", data=form(token, sea[1]), headers=JSON)
    assert (old.status_code, old.json["code"]) == (409, "PREVIEW_OLD")
    assert (Flyer.select().count(), (stores.active().folder / "flyers").exists()) == (0, False)


def test_hard_case_28_a_hall_with_one_address_gets_through_and_one_browser_does_not(sea, browse, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    allowances.limiter.reset()
    one = browse(None)
    statuses = [send(one, sea, photo=b"", form_key=f"tab-{i}").status_code for i in range(7)]
    assert statuses == [202] * 6 + [429]  # the first made it known, then five a minute
    assert [send(one, sea, photo=b"", f_name="\U00016a00").status_code for _ in range(3)] == [429] * 3
    for i in range(114):  # each phone its own
        assert send(browse(None), sea, photo=b"", form_key=f"phone-{i}").status_code == 202, i
    refused = send(browse(None), sea, photo=b"", form_key="one-more")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert browse(None).get("/flyers/sea").status_code == 200  # making and downloading goes on
    allowances.limiter.reset()


def test_a_photo_may_be_larger_than_other_forms_and_no_larger_than_the_limit(sea, browse, monkeypatch):
    assert application().view_functions["flyers_making.make"].takes > gate.MOST_BYTES
    monkeypatch.setattr(gate, "MOST_BYTES", len(PHOTO) - 1)
    refused = send(browse(None), sea)
    assert (refused.status_code, list(refused.json["fields"])) == (413, ["photo"])


def test_what_is_not_open_says_when_or_why(sea, browse, clock):
    version = sea[1]
    a_campaign(version, slug="later", starts_at=clock.forward(hours=0).replace(day=20))
    a_campaign(version, slug="paused", state="paused", paused_why="The picture is mended.")
    stranger = browse(None)
    assert "From Saturday, 20 June 2026" in stranger.get("/flyers/later").text
    assert "The picture is mended." in stranger.get("/flyers/paused").text
    clock.forward(days=20)
    page = stranger.get("/flyers/sea")
    assert ("This campaign is over." in page.text, "Make my flyer" in page.text) == (True, False)
    assert send(stranger, sea).json["message"].startswith("Nothing is made here at the moment")
