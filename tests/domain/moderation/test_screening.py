"""Screening by a real peer: it finds things, and where it doesn't answer nobody waits for it."""

import base64

import pytest

from domain.base import settings
from domain.flyers import flyers, lane, reported
from domain.moderation import reports, screening
from domain.operations import attention
from domain.people import admins
from models import ModerationItem
from tests.fixtures.flyer_pages import a_campaign, a_version
from tests.peers import ai

PATH = "/v1/moderations"


@pytest.fixture
def peer(clock, inside_acme, cast):
    settings.change("flyer_screening", True, by=cast.stella)
    with ai.running() as running:
        yield running


@pytest.fixture
def make(peer):
    version = a_version()
    campaign = a_campaign(version)

    def made(name="Ada"):
        one, *_ = flyers.make(campaign, version, {"f_name": name}, b"", attempt=name, place="x")
        lane.work()
        return flyers.find(one.public_id)

    return made


def line():
    return [(item.reason, item.source, item.is_hidden) for item in ModerationItem.select().order_by(ModerationItem.id)]


def test_what_is_fine_is_shown_also_where_all_is_held_that_nothing_screened(peer, make, cast):
    settings.change("moderation_mode", "block", by=cast.stella)
    flyer = make()
    assert (flyers.state_of(flyer), line(), flyer.is_unscreened) == ("ready", [], False)
    ((path, body),) = peer.asked
    picture, words = body["input"]
    sent = base64.b64decode(picture["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    assert (path, words, sent[:2]) == (PATH, {"type": "text", "text": "Ada"}, b"\xff\xd8")


@pytest.mark.parametrize(("mode", "state"), [("warn", "ready"), ("block", "flagged")])
def test_what_it_finds_stands_in_line_and_is_held_where_that_is_set(peer, make, cast, mode, state):
    settings.change("moderation_mode", mode, by=cast.stella)
    peer.answers[PATH] = (200, ai.moderation(flagged=True))
    flyer = make()
    assert (flyers.state_of(flyer), line()) == (state, [(reports.SCREENED, "auto", mode == "block")])


@pytest.mark.parametrize("mode", ["warn", "block"])
@pytest.mark.parametrize("said", [(503, {}), (200, {}), (200, {"results": []}), (200, {"results": [{"flagged": 1}]})])
def test_an_outage_shows_it_marks_it_and_holds_nothing(peer, make, cast, caplog, mode, said):
    settings.change("moderation_mode", mode, by=cast.stella)
    peer.answers[PATH] = said
    flyer = make("Ada Secret")
    assert (flyers.state_of(flyer), flyer.is_unscreened, line()) == ("ready", True, [(reports.UNSEEN, "auto", False)])
    assert reported.unscreened_lately() == 1
    assert "wasn't screened" in caplog.text
    assert not {"Secret", ai.KEY, "base64"} & set(caplog.text.replace(",", " ").split())


def test_who_looks_after_the_site_hears_of_an_outage_until_it_is_over_or_screening_is_off(peer, make, cast, clock):
    def alarms():
        return [one.words for one in attention.needs(admins.staff(cast.stella), 0) if "AI_URL" in one.words]

    peer.answers[PATH] = (503, {})
    make()
    assert alarms() == ["The service of AI_URL didn’t answer: 1 flyer of the last hour went unscreened."]
    settings.change("flyer_screening", False, by=cast.stella)
    assert alarms() == []
    settings.change("flyer_screening", True, by=cast.stella)
    clock.forward(minutes=61)
    assert alarms() == []


def test_one_that_is_slow_isnt_waited_for(peer, make, monkeypatch):
    monkeypatch.setattr(screening, "WITHIN", 0.2)
    peer.gate.clear()
    assert flyers.state_of(make()) == "ready"


def test_after_three_failures_it_isnt_asked_for_half_a_minute(peer, monkeypatch):
    moment = [1000.0]
    monkeypatch.setattr(screening, "clock", lambda: moment[0])
    peer.answers[PATH] = (500, {})
    verdicts = [screening.look(b"x", "Ada") for _ in range(5)]
    assert (verdicts, len(peer.asked)) == ([screening.UNSCREENED] * 5, 3)
    peer.answers[PATH] = (200, ai.moderation())
    moment[0] += screening.RESTS - 1
    assert screening.look(b"x", "Ada") == screening.UNSCREENED
    moment[0] += 2
    assert screening.look(b"x", "Ada") == screening.OK


def test_switched_off_or_without_an_endpoint_nothing_is_asked(peer, make, cast):
    settings.change("flyer_screening", False, by=cast.stella)
    assert (flyers.state_of(make()), peer.asked, line()) == ("ready", [], [])
