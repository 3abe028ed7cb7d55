from datetime import UTC, datetime

import pytest

import jobs
from domain.base import notices, outgoing, preferences
from domain.operations import digests
from models import Digest, Membership, Notification, Outgoing, User
from tests.fixtures.threads import write

EVENING = datetime(2026, 6, 15, 18, 0, tzinfo=UTC)


def tell(user, key, type="comment", **more):
    write(outgoing.notify, user, type, key, f"News {key}", **more)
    outgoing.send_due()


def letters():
    return list(Outgoing.select().where(Outgoing.kind == "mail", Outgoing.key.startswith("digest:")))


@pytest.fixture
def bob(cast, clock):
    """Bob has comments and who comes and goes in a daily digest at eight; it is the evening before."""
    clock.moment = EVENING
    for kind in ("comments", "people"):
        preferences.choose(cast.bob, kind, {"letter": "daily"})
    return cast.bob


def test_use_r11_a_digest_comes_once_with_all_that_waited(bob, clock, cast):
    tell(bob, "a", organization=cast.acme, link="/acme/tasks/1")
    tell(bob, "b")
    assert digests.send_due() == 0
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)
    assert (digests.send_due(), digests.send_due()) == (1, 0)
    (letter,) = letters()
    values = letter.payload["values"]
    assert (letter.recipient, values["count"], values["period"]) == ("bob@example.org", 2, "daily")
    assert [(g["name"], [e["title"] for e in g["entries"]]) for g in values["groups"]] == [
        ("Acme", ["News a"]),
        ("You", ["News b"]),
    ]
    assert values["groups"][0]["entries"][0]["link"].endswith("/acme/tasks/1")
    clock.forward(days=1)
    assert digests.send_due() == 0  # without news there is no letter


def test_use_r11_a_digest_that_was_late_comes_once_with_the_days_that_were_missed(bob, clock):
    tell(bob, "a")
    clock.forward(days=2)
    tell(bob, "b")
    clock.moment = datetime(2026, 6, 19, 15, 0, tzinfo=UTC)
    tell(bob, "c")  # after this day's turn: tomorrow's
    assert digests.send_due() == 1
    assert letters()[0].payload["values"]["count"] == 2
    assert Notification.select().where(Notification.digest.is_null(False)).count() == 1


def test_use_r11_a_digest_that_died_on_the_way_leaves_all_or_nothing(bob, clock, monkeypatch):
    tell(bob, "a")
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)

    def die(*args):
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(outgoing, "post_digest", die)
        with pytest.raises(RuntimeError):
            digests.send_due()
    assert (letters(), Digest.select().count()) == ([], 0)
    assert digests.send_due() == 1


def test_use_r11_another_zone_on_the_same_day_brings_no_second_digest(bob, clock):
    tell(bob, "a")
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)
    digests.send_due()
    tell(bob, "b")
    write(User.update(timezone="America/New_York").where(User.id == bob.id).execute)
    clock.moment = datetime(2026, 6, 16, 12, 1, tzinfo=UTC)  # eight o'clock there, on the same day
    assert digests.send_due() == 0
    clock.forward(days=1)
    assert digests.send_due() == 1


def test_use_r11_what_was_read_or_is_not_wanted_any_more_stays_out(bob, clock, cast):
    tell(bob, "read")
    tell(bob, "off", "member.joined")
    tell(bob, "left", organization=cast.acme)
    tell(bob, "news")
    notices.mark_read(bob, Notification.get(Notification.title == "News read").id)
    preferences.choose(bob, "people", {"letter": "off"})
    write(Membership.delete().where(Membership.user == bob, Membership.organization == cast.acme).execute)
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)
    digests.send_due()
    (group,) = letters()[0].payload["values"]["groups"]
    assert [entry["title"] for entry in group["entries"]] == ["News news"]


def test_use_r11_what_is_not_in_the_bell_still_comes_by_digest(bob, clock):
    preferences.choose(bob, "comments", {"in_bell": "off"})
    tell(bob, "a")
    assert (notices.unread(bob), notices.newest(bob)) == (0, [])
    clock.forward(days=200)
    notices.prune(100)
    assert digests.send_due() == 1


def test_use_r11_a_weekly_digest_waits_for_its_day(bob, clock):
    preferences.choose(bob, "comments", {"letter": "weekly"})
    tell(bob, "a")  # on a Monday evening
    clock.moment = datetime(2026, 6, 21, 23, 0, tzinfo=UTC)
    assert digests.send_due() == 0
    clock.moment = datetime(2026, 6, 22, 8, 0, tzinfo=UTC)
    assert digests.send_due() == 1
    assert letters()[0].payload["stop"] == [bob.public_id, "weekly"]


def test_use_r11_a_long_digest_counts_what_it_does_not_say(bob, clock):
    for number in range(digests.MOST + 3):
        write(outgoing.notify, bob, "comment", f"{number}", f"News {number}")
    outgoing.send_due()
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)
    digests.send_due()
    values = letters()[0].payload["values"]
    assert (values["count"], values["more"], len(values["groups"][0]["entries"])) == (digests.MOST + 3, 3, digests.MOST)


def test_use_r11_the_letter_of_a_digest_is_whole(bob, clock, cast):
    tell(bob, "a", organization=cast.acme, link="/acme/tasks/1", body="<b>Is it done?</b>")
    clock.moment = datetime(2026, 6, 16, 8, 1, tzinfo=UTC)
    digests.send_due()
    jobs.work_off()
    row = letters()[0]
    assert (row.status, row.error) == ("sent", None)
