import dataclasses

import pytest

from domain.base import configuration, preferences
from domain.base.allowances import limiter
from models import Preference

PAGE = "/settings/notifications"


@pytest.fixture
def bob(cast, browse):
    return browse("bob")


def chosen(user):
    return {kind.name: (kind.in_bell, kind.letter) for kind in preferences.of(user)}


def test_use_r11_the_page_shows_what_holds_and_what_always_comes(bob):
    page = bob.get(PAGE).get_data(True)
    for kind in preferences.CHOOSABLE:
        assert f'action="{PAGE}/{kind.name}"' in page
    assert preferences.MONEY in page
    assert f'action="{PAGE}/payments"' not in page
    assert "What whoever runs this site must know" not in page


def test_use_r11_a_choice_is_kept_at_once_with_and_without_scripts(bob, cast):
    plain = bob.post(f"{PAGE}/comments", data={"in_bell": "off", "letter": "weekly"})
    assert (plain.status_code, plain.location) == (303, PAGE)
    assert chosen(cast.bob)["comments"] == (False, "weekly")
    # A switch that is on sends its word before the hidden one that stands for off.
    form = {"in_bell": ["on", "off"], "letter": "daily"}
    there = bob.post(f"{PAGE}/comments", data=form, headers={"HX-Request": "true"})
    assert "Comments: kept" in there.get_data(True)
    assert chosen(cast.bob)["comments"] == (True, "daily")


def test_use_r11_times_are_kept_or_given_back_with_the_reason(bob, cast):
    assert bob.post(f"{PAGE}/times", data={"hour": "17", "weekday": "4"}).status_code == 303
    refused = bob.post(f"{PAGE}/times", data={"hour": "25", "weekday": "4"})
    assert (refused.status_code, "Choose a number from 0 to 23" in refused.get_data(True)) == (422, True)
    there = bob.post(f"{PAGE}/times", data={"hour": "25"}, headers={"HX-Request": "true"})
    assert (there.status_code, there.headers["HX-Retarget"]) == (422, "#notice")


def test_mail_case_07_08_the_link_of_a_letter_asks_first_and_one_click_does(cast, web):
    link = preferences.stop_link(cast.bob.public_id, "comments").partition("/unsubscribe/")[2]
    program = web.test_client()
    asked = program.get(f"/unsubscribe/{link}").get_data(True)
    assert "Stop these letters" in asked
    assert Preference.select().count() == 0
    form, foreign = (
        {"List-Unsubscribe": "One-Click"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://mail.example"},
    )
    for _ in range(3):  # the link is good for ever, and nothing leads elsewhere
        done = program.post(f"/unsubscribe/{link}", data=form, headers=foreign)
        assert (done.status_code, done.get_data(True)) == (200, "")
    assert "any more" in program.post(f"/unsubscribe/{link}").get_data(True)
    assert chosen(cast.bob)["comments"] == (True, "off")
    assert program.post(f"/unsubscribe/{link[:-1]}", data=form).status_code == 404


def test_mail_case_08_one_click_meets_no_limit_of_pages(cast, web):
    """A mail service posts for many readers from few addresses."""
    configuration.use(dataclasses.replace(configuration.active, pages_per_minute=2))
    link = preferences.stop_link(cast.bob.public_id, "comments").partition("/unsubscribe/")[2]
    limiter.enabled = True
    program, form = web.test_client(), {"List-Unsubscribe": "One-Click"}
    assert [program.post(f"/unsubscribe/{link}", data=form).status_code for _ in range(5)] == [200] * 5
    assert 429 in [program.get(f"/unsubscribe/{link}").status_code for _ in range(5)]
