"""The calendar by mouse and by keyboard: a row dragged and taken back, days walked, a new row on a day."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

MONTH = f"{TEAM}/tasks?tab=made&view=calendar&cal_day=2033-05-10"


def on(page, day):
    return page.locator(f"[data-day='{day}']")


@pytest.fixture
def page(page_of):
    made = page_of("alice")
    made.goto(f"{TEAM}/tasks")
    made.request.post(f"{TEAM}/tasks", form={"title": "Hang the bunting", "due_at": "2033-05-10"}, max_redirects=0)
    made.goto(MONTH)
    return made


def test_a_row_is_dragged_taken_back_and_moved_by_keys(page):
    page.get_by_text("Hang the bunting").drag_to(on(page, "2033-05-19").locator(".cal-number"))
    expect(on(page, "2033-05-19")).to_contain_text("Hang the bunting")
    page.get_by_role("button", name="Undo").click()
    expect(on(page, "2033-05-10")).to_contain_text("Hang the bunting")
    page.locator(".cal-entry").focus()
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(on(page, "2033-05-12")).to_contain_text("Hang the bunting")
    page.wait_for_load_state("networkidle")  # it stands there before it is saved
    page.reload()
    expect(on(page, "2033-05-12")).to_contain_text("Hang the bunting")
    # Days by the arrows, also beyond the month, and a new row on one of them.
    page.locator("#day_2033-05-12").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#day_2033-05-13")).to_be_focused()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    expect(page.locator("#day_2033-06-10")).to_be_focused()
    expect(page.get_by_role("heading", name="June 2033")).to_be_visible()
    page.keyboard.press("n")
    page.locator("#dialog").get_by_label("Title").fill("Take the lamps down")
    page.keyboard.press("Control+Enter")
    expect(on(page, "2033-06-10")).to_contain_text("Take the lamps down")
    page.locator("#day_2033-06-10").press("Enter")
    expect(page.get_by_role("heading", name="Friday, 10 June 2033")).to_be_visible()


def test_a_phone_shows_the_days_below_each_other(page_of, page):
    phone = page_of("alice", viewport={"width": 390, "height": 800})
    phone.goto(MONTH)
    expect(on(phone, "2033-05-10").get_by_text("Hang the bunting").first).to_be_visible()
    expect(on(phone, "2033-05-09")).to_be_hidden()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
