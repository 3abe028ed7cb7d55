import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

import jobs
from domain import Invalid, NotFound
from domain.base import configuration, mail, notices, outgoing, preferences
from models import Notification, Outgoing, Preference, User
from tests.fixtures.threads import write


def tell(user, type="task_due", key="k", title="Due soon", **more):
    return write(outgoing.notify, user, type, key, title, **more)


def letters():
    return [(row.recipient, row.payload["template"]) for row in Outgoing.select().where(Outgoing.kind == "mail")]


def test_use_r11_every_letter_and_every_notice_is_of_a_kind():
    templates = {path.stem for path in mail.Path(mail.__file__).parents[2].glob("templates/mail/*.txt")}
    named = {template for kind in preferences.KINDS for template in kind.templates}
    assert {name for name in templates if not name.startswith("_")} == named | set(preferences.FOR_ANY)
    with pytest.raises(LookupError):
        preferences.kind_of("news.of_something_else")


def test_use_r11_the_longest_beginning_says_the_kind():
    kinds = (
        "billing.payment_failed",
        "billing.payment_refunded",
        "member.joined",
        "member.invited",
        "member.accepted",
        "member.declined",
        "comment_mention",
    )
    found = [preferences.kind_of(type).name for type in kinds]
    assert found == ["payments", "plan", "people", "people", "invited", "invited", "mentions"]


def test_use_r11_by_default_a_notice_shows_and_a_letter_goes_where_the_kind_says_so(cast):
    tell(cast.bob, "task_assigned", organization=cast.acme)
    tell(cast.bob, "task_completed", "c")
    assert letters() == [("bob@example.org", "notice")]
    jobs.work_off()
    assert notices.unread(cast.bob) == 2


@pytest.mark.parametrize("name", ["in_bell", "letter"])
def test_a_choice_that_is_sent_empty_is_refused(cast, name):
    with pytest.raises(Invalid):
        preferences.choose(cast.bob, "comments", {name: "\ufeff"})


@pytest.mark.parametrize("letter", ["now", "daily", "weekly", "off"])
@pytest.mark.parametrize("in_bell", ["on", "off"])
def test_use_r11_each_way_is_chosen_apart(cast, letter, in_bell):
    preferences.choose(cast.bob, "completed", {"in_bell": in_bell, "letter": letter})
    assert tell(cast.bob, "task_completed") is (in_bell == "on" or letter != "off")
    assert bool(letters()) is (letter == "now")
    jobs.work_off()
    assert (notices.unread(cast.bob), len(notices.newest(cast.bob))) == ((1, 1) if in_bell == "on" else (0, 0))
    waits = [one.digest for one in Notification.select()]
    assert [one for one in waits if one] == ([letter] if letter in preferences.DIGESTS else [])


def test_use_r11_what_somebody_chose_is_theirs_alone_and_stays_until_they_choose_again(cast):
    held = preferences.choose(cast.bob, "comments", {"letter": "weekly"})
    assert (held.letter, held.in_bell) == ("weekly", True)
    preferences.choose(cast.bob, "comments", {"in_bell": "off"})
    assert {k.name: (k.in_bell, k.letter) for k in preferences.of(cast.bob)}["comments"] == (False, "weekly")
    assert {k.name: (k.in_bell, k.letter) for k in preferences.of(cast.alice)}["comments"] == (True, "now")
    assert Preference.select().count() == 1


def test_use_r11_what_is_necessary_cannot_be_switched_off(cast):
    for kind in preferences.KINDS:
        if kind.why:
            with pytest.raises(NotFound):
                preferences.choose(cast.bob, kind.name, {"letter": "off", "in_bell": "off"})
    write(lambda: Preference.insert(user=cast.bob, kind="payments", in_bell=False, letter="off").execute())
    tell(cast.bob, "billing.payment_failed")
    jobs.work_off()
    assert notices.unread(cast.bob) == 1


@pytest.mark.parametrize("form", [{"letter": "hourly"}, {"letter": ""}, {"in_bell": "maybe"}])
def test_use_r11_a_choice_that_there_is_not_is_refused(cast, form):
    with pytest.raises(Invalid):
        preferences.choose(cast.bob, "comments", form)
    assert Preference.select().count() == 0


def test_use_r11_a_letter_that_can_be_stopped_goes_by_what_its_reader_wants(house):
    with pytest.raises(LookupError):
        write(outgoing.letter, "comment", "bob@example.org", "k")


# --- the turn of a digest ----------------------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")


def reader(zone="Europe/Berlin", hour=8, weekday=0):
    return User(timezone=zone, digest_hour=hour, digest_weekday=weekday)


@pytest.mark.parametrize(
    ("moment", "turn"),
    [
        (datetime(2026, 3, 28, 7, 0, tzinfo=UTC), datetime(2026, 3, 28, 7, 0, tzinfo=UTC)),  # 8:00 in winter
        (datetime(2026, 3, 29, 5, 59, tzinfo=UTC), datetime(2026, 3, 28, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 29, 6, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),  # after the shorter night
        (datetime(2026, 10, 25, 6, 30, tzinfo=UTC), datetime(2026, 10, 24, 6, 0, tzinfo=UTC)),
        (datetime(2026, 10, 25, 7, 0, tzinfo=UTC), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),  # after the longer one
    ],
)
def test_use_r11_a_daily_digest_is_due_by_the_readers_clock(moment, turn):
    assert preferences.latest_turn(reader(), "daily", moment) == turn


@pytest.mark.parametrize("hour", [2, 3])
@pytest.mark.parametrize("day", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)])
def test_use_r11_an_hour_that_is_missing_or_comes_twice_is_one_turn_a_day(day, hour):
    minutes = [datetime.fromtimestamp(day.timestamp() + 600 * n, UTC) for n in range(6 * 72)]
    turns = [preferences.latest_turn(reader(hour=hour), "daily", minute) for minute in minutes]
    assert turns == sorted(turns)
    days = [turn.date() for turn in dict.fromkeys(turns)]
    assert len(days) == len(set(days)) >= 3
    assert all(turn <= minute for turn, minute in zip(turns, minutes, strict=True))


def test_use_r11_a_weekly_digest_is_due_on_its_weekday():
    monday = datetime(2026, 6, 15, 8, 0, tzinfo=BERLIN)
    assert preferences.latest_turn(reader(), "weekly", datetime(2026, 6, 21, 23, 0, tzinfo=BERLIN)) == monday
    assert preferences.latest_turn(reader(), "weekly", datetime(2026, 6, 15, 7, 59, tzinfo=BERLIN)).day == 8
    friday = preferences.latest_turn(reader(weekday=4), "weekly", datetime(2026, 6, 15, 9, 0, tzinfo=BERLIN))
    assert (friday.day, friday.weekday()) == (12, 4)


def test_use_r11_when_digests_come_is_kept_or_refused(cast):
    preferences.choose_times(cast.bob, {"hour": "17", "weekday": "4"})
    kept = User.get_by_id(cast.bob.id)
    assert (kept.digest_hour, kept.digest_weekday) == (17, 4)
    for form in ({"hour": "24"}, {"weekday": "7"}, {"hour": "soon"}):
        with pytest.raises(Invalid):
            preferences.choose_times(kept, form)


# --- the link that ends them ---------------------------------------------------------------------------------------


def token_of(user, name):
    return preferences.stop_link(user.public_id, name).rpartition("/")[2]


def test_use_r11_the_link_in_a_letter_ends_letters_of_its_kind_and_no_other(cast):
    user, name = preferences.behind(token_of(cast.bob, "comments"))
    assert not preferences.stopped(user, name)
    preferences.stop(user, name)
    preferences.stop(user, name)
    assert preferences.stopped(user, name)
    held = {kind.name: (kind.letter, kind.in_bell) for kind in preferences.of(cast.bob)}
    assert (held["comments"], held["mentions"]) == (("off", True), ("now", True))


def test_use_r11_the_link_in_a_digest_ends_what_comes_by_it(cast):
    preferences.choose(cast.bob, "comments", {"letter": "daily"})
    preferences.choose(cast.bob, "people", {"letter": "weekly"})
    preferences.stop(*preferences.behind(token_of(cast.bob, "daily")))
    held = {kind.name: kind.letter for kind in preferences.of(cast.bob)}
    assert (held["comments"], held["due"], held["people"], held["mentions"]) == ("off", "off", "weekly", "now")


def test_use_r11_a_link_that_is_not_whole_ends_nothing(cast):
    good = token_of(cast.bob, "comments")
    about = good.rpartition(".")[0]
    foreign = token_of(cast.alice, "comments").rpartition(".")[2]
    for wrong in (
        "",
        ".",
        about,
        f"{about}.",
        good[:-1],
        f"{about}.é",
        f"{about}.{foreign}",
        good.replace("comments", "mentions"),
    ):
        with pytest.raises(NotFound):
            preferences.behind(wrong)
    for name in ("payments", "security", "hourly"):  # signed, but nothing that may be ended
        with pytest.raises(NotFound):
            preferences.behind(token_of(cast.bob, name))


def test_mail_case_08_a_letter_says_how_it_is_stopped_to_people_and_to_programs(cast):
    about = {"title": "x", "body": "", "link": "y"}
    plain = mail.compose("notice", "bob@example.org", about, stop=("p", "assigned"))
    assert "List-Unsubscribe" not in plain  # programs take an https address alone
    configuration.use(dataclasses.replace(configuration.active, site_url="https://hall.example.org"))
    tell(cast.bob, "task_assigned", organization=cast.acme)
    jobs.work_off()
    (path,) = mail.outbox().glob("*.eml")
    text = path.read_text()
    link = preferences.stop_link(cast.bob.public_id, "assigned")
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in text
    plain = mail.compose("notice", "bob@example.org", {"title": "x", "body": "", "link": "y"}, stop=("p", "assigned"))
    assert plain["List-Unsubscribe"].startswith(f"<{configuration.active.site_url}/unsubscribe/p.assigned.")
    assert f"\nList-Unsubscribe: <{link}>\n" in text  # in one line, as it is
    assert "List-Unsubscribe" not in mail.compose("password_changed", "bob@example.org", {"name": "Bob"})
