"""One session for each account, and one tab for each session, while an admin has switched them on."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM


@pytest.fixture
def rule(page_of):
    """`rule("single_active_session")` is on until the story is over."""
    stella, changed = page_of("stella"), []

    def switch(name, value="on"):
        answer = stella.request.post(f"/admin/settings/{name}", form={"value": value}, max_redirects=0)
        assert answer.status in (200, 303), answer.text()
        changed.append(name)

    yield switch
    for name in changed:
        switch(name, "off")
        changed.remove(name)


def test_who_signs_in_elsewhere_is_told_so_at_the_next_click_here(page_of, rule):
    page_of.expect(401)
    rule("single_active_session")
    first = page_of("bob")
    first.goto(f"{TEAM}/tasks")
    expect(first.locator("#list_rows")).to_be_visible()
    second = page_of("bob")
    second.goto(f"{TEAM}/tasks")
    first.locator("#list_q").fill("lantern")  # htmx asks for a piece of the page
    expect(first).to_have_url(re.compile("/session-ended$"))
    expect(first.get_by_role("heading", name="Your session ended")).to_be_visible()
    expect(first.get_by_role("complementary", name="Sidebar")).to_have_count(0)
    second.locator("#list_q").fill("lantern")
    expect(second).to_have_url(re.compile("q=lantern"))
    first.get_by_role("link", name="Sign in again").click()
    expect(first.get_by_label("E-mail")).to_be_visible()


def test_a_page_left_open_leads_to_the_notice_when_it_is_loaded_again(page_of, rule):
    page_of.expect(401)
    first = page_of("vera")
    first.goto(TEAM)
    expect(first.get_by_role("complementary", name="Sidebar")).to_be_visible()
    page_of("vera")
    rule("single_active_session")
    first.reload()
    expect(first).to_have_url(re.compile("/session-ended$"))


def test_the_later_of_two_tabs_yields_and_the_first_stays_also_when_loaded_again(page_of, rule):
    rule("one_tab_per_session")
    first = page_of("bob")
    first.goto(f"{TEAM}/tasks")
    expect(first.locator("#list_rows")).to_be_visible()
    later = first.context.new_page()
    later.goto(TEAM)
    expect(later).to_have_url(re.compile("/session-elsewhere$"))
    expect(later.get_by_role("heading", name="Open in another tab")).to_be_visible()
    expect(later.get_by_role("complementary", name="Sidebar")).to_have_count(0)  # the app isn't loaded
    asked = []
    later.on("request", lambda request: asked.append(request.url))
    later.wait_for_timeout(1000)
    assert asked == []  # the notice rests
    for _ in range(2):
        first.reload()
        first.wait_for_timeout(400)
        expect(first).to_have_url(re.compile(f"{TEAM}/tasks$"))
    first.goto("/account")  # on to another page of the same tab
    first.wait_for_timeout(400)
    expect(first).to_have_url(re.compile("/account$"))
    later.get_by_role("link", name="Try again here").click()
    expect(later).to_have_url(re.compile("/session-elsewhere$"))
    first.close()
    later.get_by_role("link", name="Try again here").click()
    expect(later.get_by_role("navigation", name="Main")).to_be_visible()
    later.wait_for_timeout(400)
    assert "/session-elsewhere" not in later.url


def test_another_browser_is_no_other_tab(page_of, rule):
    rule("one_tab_per_session")
    first, second = page_of("bob"), page_of("bob")
    for page in (first, second):
        page.goto(f"{TEAM}/tasks")
    first.wait_for_timeout(500)
    for page in (first, second):
        expect(page).to_have_url(re.compile(f"{TEAM}/tasks$"))


def test_without_the_rule_two_tabs_are_two_tabs(page_of):
    first = page_of("bob")
    first.goto(f"{TEAM}/tasks")
    later = first.context.new_page()
    later.goto(f"{TEAM}/tasks")
    later.wait_for_timeout(500)
    for page in (first, later):
        expect(page).to_have_url(re.compile(f"{TEAM}/tasks$"))
