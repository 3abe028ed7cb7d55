"""Beacons of flyers over the wire: people are counted, and nobody hears how."""

import json

import pytest
from limits import parse

from domain.base import allowances
from domain.flyers import funnel
from models import FlyerEvent
from tests.fixtures import flyer_pages
from tests.fixtures.funnels import a_campaign

PEOPLE = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
DEEP = b"[" * 900 + b"]" * 900
ROBOTS = (
    "WhatsApp/2.23",
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "Slackbot 1.0",
    "Googlebot/2.1",
    "LinkedInBot/1.0",
)


@pytest.fixture
def beacon(clock, inside_acme, browse, monkeypatch):
    monkeypatch.setattr(funnel.Buffer, "_live", lambda self: None)
    campaign, version = a_campaign()
    funnel._place_of.cache_clear()
    hour = int(funnel.now().timestamp() // 3600)
    token = funnel.keys.keyed("flyer page", f"{campaign.id} {hour}")[:32]
    about = {"campaign": campaign.id, "version": version.id, "token": token, "events": [{"kind": "view"}]}

    def send(who=None, agent=PEOPLE, body=None, place="192.0.2.1", headers=None, **more):
        data = json.dumps(about | more) if body is None else body
        answer = browse(who).post(
            "/flyers/e",
            data=data,
            content_type="application/json",
            headers={"User-Agent": agent} | (headers or {}),
            environ_base={"REMOTE_ADDR": place},
        )
        assert (answer.status_code, answer.data) == (204, b"")
        return funnel.buffer.flush()

    return send


def test_people_are_counted_and_everybody_is_answered_alike(beacon):
    assert beacon() == 1
    assert beacon() == 0  # the same person on the same day
    assert beacon(agent=PEOPLE + " Other") == 1
    assert beacon(place="192.0.2.2") == 1
    assert beacon(place="2001:db8:1:2::1") == 1
    assert beacon(place="2001:db8:1:2::ffff") == 0  # one network
    assert beacon(token="made up") == 0
    for body in (b"", b"{", b"x" * 5000, b"\xff", b"[" * 2000, b"[]", b'{"token":' + DEEP + b',"events":[]}'):
        assert beacon(body=body) == 0


@pytest.mark.parametrize("odd", ["\ud800", "é", "\0", 10**30, -1, True, 1.5, [], {}, None])
def test_what_no_page_of_ours_tells_is_answered_alike(beacon, odd):
    assert beacon(campaign=odd, version=odd, token=odd, via=odd) == 0
    share = {"kind": "share", "attempt": "a" * 20}
    assert beacon(events=[odd, *(share | {name: odd} for name in ("kind", "attempt", "channel"))]) == 1
    assert beacon(events=odd) == 0


@pytest.mark.parametrize("agent", ROBOTS)
def test_flyer_case_24_robots_count_nothing(beacon, agent):
    assert beacon(agent=agent) == 0


def test_flyer_case_24_what_is_only_got_counts_nothing(beacon, browse, inside_acme):
    page = f"/flyers/{flyer_pages.a_campaign(flyer_pages.a_version()).slug}"
    for agent in (*ROBOTS, PEOPLE):
        for verb in ("get", "head"):
            for place in ("/flyers/e", page, f"{page}?via=abcdefgh"):
                answer = getattr(browse(None), verb)(place, headers={"User-Agent": agent})
                assert answer.status_code == (404 if place == "/flyers/e" else 200)
    assert funnel.buffer.flush() == 0
    assert beacon(headers={"Sec-Purpose": "prefetch"}) == 0
    assert FlyerEvent.select().count() == 0


def test_who_belongs_to_the_organization_is_not_counted(beacon):
    assert beacon("alice") == 0
    assert beacon("charlie") == 1  # of another one


def test_flyer_case_28_a_hall_behind_one_address_is_counted_whole(beacon, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    assert allowances.SPENT["beacons"].amount >= 200 * 3  # each opens, makes, and shares
    assert sum(beacon(agent=f"{PEOPLE} {n}") for n in range(200)) == 200


def test_who_tells_without_end_is_answered_as_always_and_not_counted(beacon, monkeypatch):
    monkeypatch.setattr(allowances.limiter, "enabled", True)
    monkeypatch.setitem(allowances.SPENT, "beacons", parse("3/minute"))
    assert [beacon(agent=f"{PEOPLE} {n}") for n in range(5)] == [1, 1, 1, 0, 0]
    assert beacon(place="192.0.2.9") == 1
