"""What people do with flyers: an act is one row however often it is told, and the sums are those of the rows."""

import json
import os
from collections import Counter
from threading import Thread

import pytest

from domain.events.referring import vias
from domain.flyers import funnel
from domain.moderation import salts
from models import FlyerCount, FlyerEvent, FlyerGap, FlyerSalt, FlyerTemplate
from tests.fixtures.events import make_event
from tests.fixtures.funnels import a_campaign, a_flyer
from tests.fixtures.threads import write

ATTEMPT = "a" * 24
PEOPLE = int(os.environ.get("PEOPLE", "20"))  # at once, in the storm: `make funnel` has 200


@pytest.fixture
def still(monkeypatch):
    """Nothing is written but by `flush`."""
    monkeypatch.setattr(funnel.Buffer, "_live", lambda self: None)
    funnel.buffer.forget()
    funnel._place_of.cache_clear()
    funnel._place_of_code.cache_clear()


@pytest.fixture
def jazz(clock, inside_acme, still):
    return a_campaign()


@pytest.fixture
def night(inside_acme, at):
    return make_event(at("alice"))[0]


def tell(jazz, *acts, visitor="ada", code=""):
    campaign, version = jazz
    acts = [(kind, ATTEMPT, "other") if isinstance(kind, str) else kind for kind in acts]
    return funnel.take(campaign.id, version.id, code, acts, visitor=visitor)


def sums(scope="campaign"):
    found = Counter()
    for row in FlyerCount.select().where(FlyerCount.scope == scope):
        found[row.kind] += row.n
    return found


def rows():
    return Counter(row.kind for row in FlyerEvent.select())


def test_an_act_is_one_row_however_often_it_is_told(jazz):
    for _ in range(3):
        tell(jazz, "view", "open", "upload", "generate", "download", "share")
        tell(jazz, ("share", ATTEMPT, "whatsapp"))
    assert funnel.buffer.flush() == 7
    funnel.buffer.forget()  # another process has another memory
    assert tell(jazz, "view", "share") == 2
    assert funnel.buffer.flush() == 0
    assert rows() == sums() == sums("template")
    assert rows() == {"view": 1, "open": 1, "upload": 1, "generate": 1, "download": 1, "share": 2}


def test_people_are_counted_by_the_day_and_pictures_by_the_attempt(jazz, clock):
    for visitor in ("ada", "bo", "ada"):
        tell(jazz, "view", ("generate", visitor * 8, ""), visitor=visitor)
    clock.forward(days=1)
    tell(jazz, "view", ("generate", "ada" * 8, ""), visitor="ada tomorrow")
    funnel.buffer.flush()
    assert rows() == {"view": 3, "generate": 2}
    assert {row.day for row in FlyerEvent.select()} == {"2026-06-15", "2026-06-16"}


def test_who_came_yesterday_cannot_be_told(house, clock):
    there = ("192.0.2.1", "Firefox")
    first = funnel.visitor_of_day(*there)
    assert first == funnel.visitor_of_day(*there) != funnel.visitor_of_day("192.0.2.1", "Safari")
    clock.forward(days=1)
    assert funnel.visitor_of_day(*there) != first
    salts.destroy()
    assert [row.day for row in FlyerSalt.select()] == [salts.day()]


def test_who_arrives_by_a_flyer_is_counted_with_it(jazz, night):
    campaign, version = jazz
    via = vias.of(night, email="ada@example.org")
    assert tell((campaign, version), "arrive", code=via.code) == 0  # no flyer has this code
    a_flyer(campaign, version, via=via)
    funnel._place_of_code.cache_clear()
    assert [tell(jazz, "arrive", code=via.code, visitor=name) for name in ("bo", "cy", "bo")] == [1, 1, 0]
    funnel.buffer.flush()
    assert sums() == {"arrive": 2}


def test_what_the_server_drew_is_the_same_act_as_its_page_tells(jazz):
    campaign, version = jazz
    flyer = a_flyer(campaign, version, attempt=ATTEMPT)
    assert funnel.count_made(flyer)
    assert tell(jazz, "generate") == 0
    assert funnel.count_made(flyer, "download")
    funnel.buffer.flush()
    assert {(row.kind, row.source) for row in FlyerEvent.select()} == {("generate", "server"), ("download", "server")}


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b'{"events": 1}',
        b"x" * 3000,
        b"\xff\xfe",
        json.dumps({"events": [{"kind": "view"}] * 200 + ["x" * 1000]}).encode(),
    ],
)
def test_what_no_page_of_ours_sends_is_nothing(told):
    assert funnel.read(told) is None


def test_a_beacon_is_read_and_bounded():
    acts = [{"kind": "view"}, {"kind": "share", "attempt": ATTEMPT, "channel": "pigeon"}, {"kind": "upload"}, 7, {}]
    acts += [{"kind": "sandwich"}, {"kind": "generate", "attempt": "short"}, {"kind": "arrive"}]
    told = funnel.read(json.dumps({"campaign": 1, "version": True, "token": "t", "via": "nonsense", "events": acts}))
    assert told == (1, 0, "t", "", [("view", "", "other"), ("share", ATTEMPT, "other"), ("arrive", "", "other")])
    assert len(funnel.read(json.dumps({"events": [{"kind": "view"}] * 40}))[-1]) == funnel.MOST_TOLD


def test_foreign_campaigns_and_versions_are_nothing(jazz, cast):
    campaign, version = jazz
    assert funnel.take(999, version.id, "", [("view", "", "")], visitor="ada") == 0
    assert funnel.take(campaign.id, 999, "", [("view", "", "")], visitor="ada") == 0
    assert funnel.take(0, 0, "", [("view", "", "")], visitor="ada") == 0


def test_what_went_meanwhile_takes_nothing_else_with_it(jazz):
    _, version = jazz
    other = a_campaign("other")
    tell(jazz, "view")
    tell(other, "view")
    write(lambda: FlyerTemplate.delete().where(FlyerTemplate.id == version.template_id).execute())
    assert funnel.buffer.flush() == 1
    assert rows() == {"view": 1}


def test_what_there_is_no_room_for_is_counted_as_lost(jazz, monkeypatch):
    monkeypatch.setattr(funnel, "ROOM", 5)
    assert sum(tell(jazz, "view", visitor=str(n)) for n in range(8)) == 5
    assert funnel.buffer.flush() == 5
    (gap,) = FlyerGap.select()
    assert gap.lost == 3
    assert funnel.buffer.flush() == 0
    assert FlyerGap.select().count() == 1


def test_what_cannot_be_written_now_waits(jazz, monkeypatch):
    tell(jazz, "view", "open")
    with monkeypatch.context() as down:
        down.setattr(funnel, "_write", _down)
        assert funnel.buffer.flush() == 0
    assert funnel.buffer.flush() == 2


def _down(batch):
    raise funnel.Unavailable("The disk is full.")


def test_a_stop_writes_what_waits(jazz):
    tell(jazz, "view")
    funnel.buffer.end()
    assert rows() == {"view": 1}


def test_old_rows_go_a_few_at_a_time_and_their_sums_stay(jazz, clock):
    for n in range(7):
        tell(jazz, "view", visitor=str(n))
    funnel.buffer.flush()
    clock.forward(days=91)
    tell(jazz, "view", visitor="new")
    funnel.buffer.flush()
    assert [funnel.prune(3) for _ in range(4)] == [3, 3, 1, 0]
    assert (rows(), sums()) == ({"view": 1}, {"view": 8})


def test_a_page_token_is_good_for_hours_and_of_one_campaign(house, clock):
    hour = int(funnel.now().timestamp() // 3600)
    made = funnel.keys.keyed("flyer page", f"7 {hour}")[:32]
    assert funnel.is_of_page(7, made)
    assert not funnel.is_of_page(8, made)
    clock.forward(hours=2)
    assert funnel.is_of_page(7, made)
    clock.forward(hours=2)
    assert not funnel.is_of_page(7, made)


@pytest.mark.parametrize(
    "browser",
    [
        "",
        "WhatsApp/2.23",
        "facebookexternalhit/1.1",
        "Twitterbot/1.0",
        "curl/8.5",
        "Googlebot/2.1",
        "Slackbot-LinkExpanding 1.0",
    ],
)
def test_robots_are_no_people(browser):
    assert not funnel.is_people(browser)


def test_people_are_people_unless_it_is_fetched_ahead():
    assert funnel.is_people("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Instagram 300")
    assert not funnel.is_people("Mozilla/5.0 Firefox/140", "prefetch;prerender")


# --- the acceptance, in a small share; `make funnel` has 200 people --------------------------------------------------


def storm(jazz, people, visitors):
    """So many people at once tell of the same visitors."""

    def one():
        for n in range(visitors):
            tell(jazz, "view", ("generate", f"{n:0>24}", ""), ("share", f"{n:0>24}", "copy"), visitor=str(n))

    threads = [Thread(target=one) for _ in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_many_at_once_tell_of_the_same_people_and_each_act_is_one_row(clock, inside_acme, monkeypatch):
    funnel.buffer.forget()
    monkeypatch.setattr(funnel, "REMEMBERED", 20)  # memory helps little: the table decides
    jazz = a_campaign()
    storm(jazz, PEOPLE, 50)
    funnel.buffer.end()
    assert rows() == sums() == sums("template") == {"view": 50, "generate": 50, "share": 50}


def test_a_campaign_that_is_flooded_drops_no_acts_of_others(jazz, monkeypatch):
    monkeypatch.setattr(funnel, "SHARE", 3)
    other = a_campaign("lake")
    for n in range(8):
        tell(jazz, "view", visitor=f"v{n}")
    assert tell(other, "view") == 1
    assert (funnel.buffer.flush(), FlyerGap.get().lost) == (4, 5)
    assert tell(jazz, "view", visitor="late") == 1  # what was written makes room
