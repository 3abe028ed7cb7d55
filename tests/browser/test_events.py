"""Events in a real browser: a stranger buys on a phone, and an organizer sells without a mouse."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations
from tests.browser.test_phone import OVER, PHONE

FESTIVAL = "/e/lantern-festival"


def tab_to(page, place):
    """Press Tab until the focus is there."""
    for _ in range(200):  # a full list has many stops
        page.keyboard.press("Tab")
        if page.evaluate("(place) => document.activeElement.matches(place)", place):
            return
    raise AssertionError(f"Tab doesn't come to {place}")


def looks_right(page):
    """Nothing runs over a phone's edge, and axe finds nothing in either theme."""
    assert page.evaluate(OVER) == []
    assert violations(page) == []


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_stranger_buys_on_a_phone_with_and_without_scripts(page_of, demo, has_scripts):
    page = page_of(None, **PHONE, java_script_enabled=has_scripts)
    page.goto(FESTIVAL)
    expect(page.get_by_role("heading", name="Lantern Festival")).to_be_visible()
    page.get_by_label("Neighbours").select_option("2")
    page.get_by_role("button", name="Get tickets").tap()
    expect(page.get_by_role("heading", name="Nearly yours")).to_be_visible()
    expect(page.get_by_text(re.compile(r"\d+:\d\d left"))).to_have_count(1 if has_scripts else 0)
    page.get_by_label("Your name").fill("Ada Lovelace")
    address = f"ada{has_scripts}@example.org".lower()
    page.get_by_label("Your e-mail address").fill(address)
    page.get_by_role("button", name="Get the tickets").tap()
    expect(page.get_by_text(f"is on its way to {address}")).to_be_visible()
    page.get_by_label("Code").fill(demo.letter(address, r"\b\d{6}\b"))
    page.get_by_role("button", name="Get the tickets").tap()
    expect(page.get_by_role("heading", name="Your tickets")).to_be_visible()
    own = page.locator(".passes a")
    expect(own).to_have_count(2)
    own.first.tap()
    code = page.get_by_role("img", name="The code that lets you in")
    expect(code).to_be_visible()
    assert code.bounding_box()["width"] >= 240
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()


def test_what_is_wrong_with_an_order_is_said_on_the_phone(page_of):
    page_of.expect(422)
    page = page_of(None, **PHONE)
    page.goto(FESTIVAL)
    page.get_by_role("button", name="Get tickets").tap()
    expect(page.get_by_role("alert")).to_have_text("Choose how many tickets you want.")
    expect(page.get_by_role("button", name="Get tickets")).to_be_in_viewport(ratio=1)  # however long the list is
    looks_right(page)
    page.get_by_label("Weekend").select_option("1")
    page.get_by_role("button", name="Get tickets").tap()
    expect(page.get_by_role("heading", name="Nearly yours")).to_be_visible()
    looks_right(page)
    page.get_by_text("Change the tickets").tap()
    page.get_by_label("Weekend").fill("2")
    page.get_by_role("button", name="Change", exact=True).tap()
    expect(page.locator(".lines")).to_contain_text("2 × Weekend")
    page.get_by_text("I don’t want them any more").tap()
    page.get_by_role("button", name="Give them up").tap()
    expect(page).to_have_url(re.compile(f"{FESTIVAL}$"))


def test_an_organizer_makes_and_publishes_an_event_with_keys_alone(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/events")
    expect(page.locator("#list_rows")).to_be_visible()
    page.keyboard.press("c")
    expect(page.locator("#new_form [name=title]")).to_be_focused()
    page.keyboard.type("Frost Fair")
    for name, hour in (("starts_at", "10"), ("ends_at", "11")):
        tab_to(page, f"[type=datetime-local][data-for={name}], [type=datetime-local][name={name}]")
        page.keyboard.type("05052031")
        page.keyboard.press("ArrowRight")
        page.keyboard.type(f"{hour}00A")
    tab_to(page, "[name=venue]")
    page.keyboard.type("Old Mill")
    page.keyboard.press("Enter")
    expect(page.locator("#notice a[href*='/events/']")).to_be_visible()
    tab_to(page, "#notice a[href*='/events/']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Before it can be published")).to_be_visible()
    tab_to(page, "#row_detail a[href$='/tiers']")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/tiers$"))
    page.keyboard.press("c")
    expect(page.locator("#new_form [name=name]")).to_be_focused()
    page.keyboard.type("Day ticket")
    page.keyboard.press("Enter")
    expect(page.locator("#list_rows")).to_contain_text("Day ticket")
    tab_to(page, ".tabs a:first-child")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ready to be published")).to_be_visible()
    tab_to(page, "#row_detail form[action$='/publication'] button")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("is published at /e/frost-fair")
    expect(page.locator("main")).to_contain_text("Published")
    page.goto("/e/frost-fair")
    expect(page.get_by_role("heading", name="Frost Fair")).to_be_visible()
    expect(page.get_by_label("Day ticket")).to_be_visible()


def boat_trip(alice, seats):
    """The page of a published event with so many seats."""

    def posts(path, **form):
        answer = alice.request.post(f"{TEAM}/events{path}", form=form, max_redirects=0)
        assert answer.status == 303, answer.text()
        return answer.headers["location"]

    times = {"starts_at": "2031-05-05T10:00:00Z", "ends_at": "2031-05-05T12:00:00Z"}
    number = re.search(r"/events/(\d+)", posts("", title="Boat Trip", venue="Landing stage", **times))[1]
    posts(f"/{number}/tiers", name="Seat", size=str(seats))
    posts(f"/{number}/publication")
    alice.goto(f"{TEAM}/events/{number}")
    return alice.locator("a[href*='/e/boat-trip']").first.get_attribute("href")


def test_a_group_waits_in_line_and_gets_in_together(page_of):
    trip = boat_trip(page_of("alice"), seats=4)
    holders = [page_of(None), page_of(None)]
    for page in holders:
        page.goto(trip)
        page.get_by_label("Seat").select_option("2")
        page.get_by_role("button", name="Get tickets").click()
        expect(page.get_by_role("heading", name="Nearly yours")).to_be_visible()
    group = page_of(None, **PHONE)
    group.goto(trip)
    group.get_by_label("Seat").select_option("3")
    group.locator(".tickets .primary").tap()  # which says what the page of a second ago knew
    expect(group.get_by_role("heading", name="You are in line")).to_be_visible()
    expect(group.get_by_text("Your place: 1")).to_be_visible()
    expect(group.get_by_text("3 × Seat")).to_be_visible()
    looks_right(group)
    holders[0].get_by_text("I don’t want them any more").click()
    holders[0].get_by_role("button", name="Give them up").click()
    expect(holders[0].get_by_role("heading", name="Boat Trip")).to_be_visible()
    group.reload()  # two are free, and they are three: none of them goes in alone
    expect(group.get_by_role("heading", name="You are in line")).to_be_visible()
    holders[1].get_by_text("I don’t want them any more").click()
    holders[1].get_by_role("button", name="Give them up").click()
    expect(group.get_by_role("heading", name="Nearly yours")).to_be_visible(timeout=20_000)  # by itself
    expect(group.locator(".lines")).to_contain_text("3 × Seat")
    group.get_by_label("Your name").fill("Ada Lovelace")
    group.get_by_label("Your e-mail address").fill("group@example.org")
    group.get_by_role("button", name="Get the tickets").tap()
    expect(group.get_by_role("heading", name="Your tickets")).to_be_visible()
    expect(group.locator(".passes a")).to_have_count(3)
    looks_right(group)
