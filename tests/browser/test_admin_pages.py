"""What stella looks after: settings in place, a word to everybody, and the jobs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM


@pytest.fixture
def stella(page_of):
    return page_of("stella")


def test_a_setting_is_changed_in_its_place_and_put_back(stella, page_of):
    page_of.expect(422)
    stella.goto("/admin/settings")
    stella.evaluate("window.unreloaded = true")
    setting = stella.locator("#setting_site_name")
    setting.get_by_role("link", name="Edit Name").click()
    typing = setting.locator("[name=value]")
    expect(typing).to_be_focused()
    typing.fill("")
    setting.get_by_role("button", name="Save").click()
    expect(setting.locator("#value_site_name_error")).to_be_visible()
    expect(typing).to_be_focused()
    typing.fill("The Guild of Acme")
    typing.press("Enter")
    expect(setting.locator(".setting-value")).to_contain_text("The Guild of Acme")
    expect(stella.locator("#notice")).to_contain_text("Name: The Guild of Acme.")
    expect(setting.get_by_role("link", name="Edit Name")).to_be_focused()
    expect(stella.locator("#site_brand")).to_have_text("The Guild of Acme")
    expect(stella).to_have_title("Settings · The Guild of Acme")

    other = page_of("bob")
    other.goto(TEAM)
    expect(other.locator(".brand")).to_contain_text("The Guild of Acme")

    setting.get_by_role("link", name="Edit Name").click()
    setting.get_by_role("button", name="Put back Guildhall").click()
    expect(setting.locator(".setting-value")).to_contain_text("Guildhall")
    assert stella.evaluate("window.unreloaded") is True


def test_a_switch_is_saved_at_once_and_undone_from_the_notice(stella):
    stella.goto("/admin/settings")
    switch = stella.get_by_role("switch", name="Neutral sign-in messages")
    switch.press("Space")
    expect(stella.locator("#notice")).to_contain_text("Neutral sign-in messages: On.")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    stella.get_by_role("button", name="Undo").click()
    expect(stella.locator("#notice")).to_contain_text("Neutral sign-in messages: Off.")
    expect(switch).not_to_be_checked()


def test_a_setting_is_left_as_it_was(stella):
    stella.goto("/admin/settings")
    setting = stella.locator("#setting_credits_pro")
    setting.get_by_role("link", name="Edit Pro plan").click()
    setting.locator("[name=value]").fill("77")
    setting.get_by_role("link", name="Cancel").click()
    expect(setting.locator(".setting-value")).to_contain_text("1,000 credits a month")
    expect(setting.get_by_role("link", name="Edit Pro plan")).to_be_focused()


def test_a_number_out_of_bounds_is_refused(stella, page_of):
    page_of.expect(422)
    stella.goto("/admin/settings")
    setting = stella.locator("#setting_session_idle_days")
    setting.get_by_role("link", name="Edit Idle sign-out").click()
    setting.locator("[name=value]").fill("99999")
    setting.get_by_role("button", name="Save").click()
    expect(setting.locator(".field-error")).to_be_visible()
    expect(setting.locator("[name=value]")).to_have_value("99999")


def test_an_alert_reaches_everybody_and_looking_puts_out_the_dot(stella, page_of):
    bob = page_of("bob")
    bob.goto("/account")  # has seen what there was
    bob.goto(TEAM)
    bell = bob.locator("#bell_summary")
    expect(bell).not_to_contain_text("a new alert")

    stella.goto("/admin/alerts")
    stella.get_by_label("Message").fill("The lift is out of order until noon.")
    stella.get_by_role("button", name="Show to everybody").click()
    expect(stella.locator("#notice")).to_contain_text("Everybody sees it")
    expect(bell).to_contain_text("a new alert")
    expect(bob.locator("#home_area")).to_contain_text("The lift is out of order until noon.")
    bell.click()
    expect(bob.locator("#bell_panel")).to_contain_text("The lift is out of order until noon.")

    bob.goto("/account")
    expect(bob.get_by_role("main")).to_contain_text("The lift is out of order until noon.")
    bob.goto(TEAM)
    expect(bell).not_to_contain_text("a new alert")

    alert = stella.get_by_role("row", name=re.compile("The lift is out of order until noon."))
    alert.get_by_role("button", name="Take back").click()
    stella.locator("#confirm_yes").click()
    expect(alert).to_contain_text("Taken back")
    expect(bob.locator("#home_area")).not_to_contain_text("The lift is out of order until noon.")


def test_the_dot_is_seen_where_no_number_is(stella, page_of):
    """vera has no notifications, so the alert is a dot on her bell."""
    vera = page_of("vera")
    vera.request.post("/notifications/reading", max_redirects=0)
    vera.goto("/account")
    vera.goto(TEAM)
    expect(vera.locator(".bell-dot, .bell-count")).to_have_count(0)
    stella.request.post("/admin/alerts", form={"message": "Keys are with the porter."}, max_redirects=0)
    expect(vera.locator(".bell-dot")).to_be_visible()
    vera.goto("/account")
    expect(vera.locator(".bell-dot")).to_have_count(0)


def test_a_job_is_run_by_hand(stella):
    stella.goto("/admin/jobs")
    job = stella.get_by_role("row", name=re.compile("Remind of tasks"))
    job.get_by_role("button", name=re.compile("^Run now")).click()
    expect(stella.locator("#notice")).to_contain_text("done.")
    expect(stella.get_by_role("row", name=re.compile("Remind of tasks"))).to_contain_text("Stella")


@pytest.mark.parametrize("place", ["/admin", "/admin/settings", "/admin/alerts", "/admin/jobs"])
def test_for_others_there_is_nothing_here(page_of, place):
    page_of.expect(404)
    page = page_of("bob")
    assert page.goto(place).status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    expect(page.get_by_role("link", name="Site settings")).to_have_count(0)
    page.get_by_role("link", name="Go to the start page").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_report_25_a_time_zone_is_found_by_a_part_of_its_name(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/settings")
    search = page.get_by_role("searchbox", name="Search time zone")
    search.fill("new york")
    zones = page.get_by_label("Time zone", exact=True)
    expect(zones.locator("option")).to_have_count(2)  # what is chosen stays among them
    search.press("Enter")
    expect(zones).to_have_value("America/New_York")
    expect(zones).to_be_focused()
    search.fill("")
    assert zones.locator("option").count() > 300
    expect(zones).to_have_value("America/New_York")


def test_a_list_of_the_whole_site_follows_what_others_do(stella):
    stella.clock.install()
    stella.goto("/admin/alerts")
    expect(stella.locator("#list_area")).to_be_visible()
    stella.request.post("/admin/alerts", form={"message": "The lift is being mended."})
    stella.clock.fast_forward(11_000)
    stella.clock.fast_forward(1_100)
    expect(stella.locator("#list_rows")).to_contain_text("The lift is being mended.")


def test_what_was_taken_does_not_come_back_into_its_form(page_of):
    stella = page_of("stella")
    stella.goto("/admin/mail/suppressions")
    stella.get_by_label("E-mail").fill("gone@example.org")
    stella.get_by_label("Why").first.fill("She asked us to.")
    stella.get_by_role("button", name="Write to it no more").click()
    expect(stella.get_by_text("isn’t written to any more")).to_be_visible()
    expect(stella.get_by_label("E-mail")).to_have_value("")
    expect(stella.get_by_text("What you typed before")).to_have_count(0)
