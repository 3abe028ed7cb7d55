"""Reports: three different people hide, one where it is grave; what was approved is immune; an appeal goes to staff."""

import pytest

from domain import Invalid, Refused
from domain.events import events, reported
from domain.events.carriers import covers
from domain.events.programme import sessions
from domain.lists import rows
from domain.moderation import desk, reports, subjects
from models import ModerationItem, ModerationReport, Outgoing
from tests.fixtures.events import make_tier
from tests.fixtures.flyers import corners, saved
from tests.fixtures.threads import write


def page(event):
    return subjects.find("event", event.slug)


def say(event, *people, reason="spam", **form):
    for one in people:
        reports.report(page(event), {"reason": reason} | form, by=one)


def is_hidden(event):
    return reports.is_hidden("event", event.id)


def only():
    (found,) = ModerationItem.select()
    return found


def test_flyer_case_29_three_different_people_hide_and_nobody_twice(night):
    say(night, "a", "b", "b", "a", "b")
    assert not is_hidden(night)
    assert len(reports.standing(only())) == 2
    reports.withdraw(page(night), by="a")
    say(night, "c")
    assert not is_hidden(night)  # a's was withdrawn
    say(night, "d")
    assert is_hidden(night)
    with pytest.raises(reports.Hidden):
        reported.open_page(night.slug)
    assert only().is_urgent is False
    for again in range(3):  # flag and unflag raise nothing
        reports.withdraw(page(night), by="d")
        assert not is_hidden(night), again
        say(night, "d")
    assert ModerationReport.select().count() == 4


def test_flyer_case_29_one_network_counts_once_whatever_its_browsers_call_themselves(night, cast):
    one = [reports.reporter(None, "2001:db8:1:2::/64", browser) for browser in ("Firefox", "Safari", "Chrome")]
    say(night, *one, reports.reporter(cast.bob, "2001:db8:1:2::/64", ""))
    assert (is_hidden(night), len(reports.standing(only()))) == (False, 4)
    say(night, reports.reporter(None, "192.0.2.7", "Firefox"))
    assert is_hidden(night)


@pytest.mark.parametrize("reason", reports.GRAVE)
def test_what_is_said_to_show_somebody_stands_first_and_ends_no_sale_by_one_word(night, reason, cast):
    def told():
        return {row.key for row in Outgoing.select() if "admin.report" in str(row.__data__)}

    say(night, "a")
    first = len(told())
    say(night, "b", reason=reason)
    assert (is_hidden(night), only().is_urgent, only().reason) == (False, True, reason)
    assert len(told()) == 2 * first, "that it is urgent now is news"
    say(night, "c")
    assert is_hidden(night)


def test_who_reports_is_an_account_or_a_network_and_a_browser(night, cast):
    at_home = reports.reporter(None, "2001:db8:1:2::/64", "Firefox")
    assert at_home == reports.reporter(None, "2001:db8:1:2::/64", "Firefox")
    assert at_home != reports.reporter(None, "2001:db8:1:3::/64", "Firefox")
    assert at_home != reports.reporter(None, "2001:db8:1:2::/64", "Safari")
    assert reports.reporter(cast.bob, "192.0.2.1", "Safari") == f"account:{cast.bob.id}"


def test_what_was_approved_is_immune_until_it_says_something_else(night, at, cast):
    say(night, "a", "b", "c")
    desk.approve(only().id, by=cast.stella)
    assert not is_hidden(night)
    say(night, "d", "e", "f", "g", reason="child")
    assert not is_hidden(night)
    assert ModerationItem.select().where(ModerationItem.state == "open", ModerationItem.is_urgent).count() == 1
    rows.change(events.rules, night.id, {"about": "Something else altogether."}, by=at("alice"))
    say(night, "h")
    assert is_hidden(night)


@pytest.mark.parametrize("shown", ["picture", "ticket", "programme", "policy"])
def test_what_was_approved_is_so_with_all_that_its_page_shows(night, at, cast, shown):
    by = at("alice")
    say(night, "a", "b", "c")
    desk.approve(only().id, by=cast.stella)
    if shown == "picture":
        covers.put(night.id, saved(corners()), "poster.jpg", by=by)
    elif shown == "ticket":
        make_tier(night, by, name="Buy at another site")
    elif shown == "programme":
        about = {"title": "An insult", "starts_at": "2026-07-03T19:00:00Z", "ends_at": "2026-07-03T20:00:00Z"}
        rows.create(sessions.rules, about, by=by, parent=night.id)
    else:
        rows.change(events.rules, night.id, {"refund_policy": "Never."}, by=by)
    say(night, "d", "e", "f")
    assert is_hidden(night)


def test_a_removed_page_is_reported_no_more_and_appealed_once(night, at, cast):
    say(night, "a", "b", "c")
    first = only()
    desk.remove(first.id, by=cast.stella)
    assert is_hidden(night)
    with pytest.raises(reports.Hidden):
        say(night, "d")
    alice = at("alice")
    with pytest.raises(Invalid):
        desk.ask_again(first.id, " ", by=alice)
    desk.ask_again(first.id, "It was a joke.", by=alice)
    again = ModerationItem.get(ModerationItem.source == "appeal")
    assert (again.state, again.is_hidden, again.is_urgent, again.is_for_platform) == ("open", True, True, True)
    with pytest.raises(Refused):
        desk.ask_again(first.id, "Please.", by=alice)
    desk.remove(again.id, by=cast.stella)
    with pytest.raises(Refused):
        desk.ask_again(again.id, "Please.", by=alice)
    assert is_hidden(night)
    desk.approve(again.id, by=cast.stella)  # staff may think better of it
    assert not is_hidden(night)


def test_a_review_may_be_asked_for_while_it_is_only_hidden(night, at, cast):
    say(night, "a", "b", "c", reason="shows_me")
    desk.ask_again(only().id, "That is a statue.", by=at("alice"))
    assert (only().appeal, only().is_urgent) == ("That is a statue.", True)
    desk.approve(only().id, by=cast.stella)
    assert not is_hidden(night)


@pytest.mark.parametrize("form", [{}, {"reason": "nonsense"}, {"reason": "spam", "reply_to": "nobody"}])
def test_a_report_must_be_whole(night, form):
    with pytest.raises(Invalid):
        reports.report(page(night), form, by="a")
    assert ModerationItem.select().count() == 0


def test_unreported_things_are_put_in_line_once(night):
    write(lambda: reports.put_in_line(page(night), "other", hides=True))
    write(lambda: reports.put_in_line(page(night), "other"))
    assert (only().source, is_hidden(night)) == ("auto", True)
    say(night, "a")
    assert is_hidden(night)  # it was held for another reason than this report
