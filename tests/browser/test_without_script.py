"""Scripts are off, or did not arrive: every form is a form."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

PASSWORD = "Quiet orchard bell 1!"


@pytest.fixture
def page(page_of):
    return page_of(None, java_script_enabled=False)


def sign_in(page, who):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(f"{who}@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_a_wrong_password_is_refused_and_the_address_kept(page, page_of):
    page_of.expect(422)
    page.goto("/sign-in?next=/account")
    page.get_by_label("E-mail").fill("alice@example.org")
    page.get_by_label("Password", exact=True).fill("Wrong horse 1!!")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("alice@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/account$"))


def test_a_task_lives_its_whole_life(page, page_of):
    page_of.expect(422)
    sign_in(page, "alice")
    page.goto(f"{TEAM}/tasks")
    page.get_by_role("link", name="New task").first.click()
    expect(page.get_by_role("heading", name="New task")).to_be_visible()
    page.get_by_label("Description").fill("Kept while the title is missing.")
    page.get_by_role("button", name="Create task").click()
    expect(page.locator("#title_error")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("Kept while the title is missing.")
    page.get_by_label("Title").fill("Light the candles")
    page.locator("[name=due_at]").fill("2031-05-01")
    page.get_by_role("button", name="Create task").click()
    expect(page.get_by_role("heading", name="Light the candles")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("Task created.")

    page.get_by_label("Status").select_option("in progress")
    page.locator("[name=due_at]").fill("the day before yesterday")
    page.get_by_role("button", name="Save task").click()
    expect(page.locator("#due_at_error")).to_be_visible()
    expect(page.locator("[name=due_at]")).to_have_value("the day before yesterday")
    expect(page.get_by_label("Status")).to_have_value("in progress")
    page.locator("[name=due_at]").fill("")
    page.get_by_role("button", name="Save task").click()
    expect(page.locator("#notice")).to_contain_text("Saved.")
    expect(page.locator(".timeline")).to_contain_text("Status: Pending → In progress")

    page.get_by_title("More", exact=True).click()
    page.get_by_role("button", name="Delete task").click()
    expect(page).to_have_url(re.compile(f"{TEAM}/tasks$"))
    expect(page.locator("#notice")).to_contain_text("Task deleted.")
    expect(page.get_by_text("Light the candles")).to_have_count(0)


def test_the_list_is_searched_and_filtered(page):
    sign_in(page, "alice")
    page.goto(f"{TEAM}/tasks?tab=all")
    page.locator("#list_q").fill("venue")
    page.locator("#filter_priority").select_option("high")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(re.compile("q=venue"))
    expect(page).to_have_url(re.compile("priority=high"))
    expect(page).to_have_url(re.compile("tab=all"))


def test_a_card_is_moved_on_the_board(page):
    sign_in(page, "alice")
    page.goto(f"{TEAM}/tasks/new")
    page.get_by_label("Title").fill("Snuff the candles")
    page.get_by_role("button", name="Create task").click()
    expect(page.get_by_text("Task created.")).to_be_visible()
    page.goto(f"{TEAM}/tasks?view=board")
    card = page.locator(".board-card", has_text="Snuff the candles")
    card.get_by_label("Move Snuff the candles to").select_option("completed")
    card.get_by_role("button", name="Move").click()
    expect(page.locator("[data-column=completed]")).to_contain_text("Snuff the candles")
    expect(page).to_have_url(re.compile("view=board"))  # where the card was moved


def test_an_admin_changes_a_setting(page, page_of):
    page_of.expect(422)
    sign_in(page, "stella")
    page.goto("/admin/settings")
    page.get_by_role("link", name="Edit Sender's name").click()
    page.get_by_role("textbox", name="Sender's name").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#value_mail_sender_name_error")).to_be_visible()
    page.get_by_role("textbox", name="Sender's name").fill("The porter")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("/admin/settings$"))
    expect(page.locator("#setting_mail_sender_name")).to_contain_text("The porter")
    page.get_by_role("link", name="Edit Sender's name").click()
    page.get_by_role("button", name="Put back Guildhall").click()
    expect(page.locator("#setting_mail_sender_name .setting-value")).to_contain_text("Guildhall")


def test_a_switch_is_turned_off_and_on(page):
    sign_in(page, "stella")
    for now in ("Off", "On"):
        page.goto("/admin/settings")
        page.get_by_role("switch", name="Open sign-up").set_checked(now == "On")
        page.get_by_role("button", name="Save Open sign-up").click()
        expect(page.get_by_role("switch", name="Open sign-up")).to_be_checked(checked=now == "On")


def test_an_alert_is_sent_and_taken_back(page, page_of):
    page_of.expect(422)
    sign_in(page, "stella")
    page.goto("/admin/alerts")
    page.get_by_role("button", name="Show to everybody").click()
    expect(page.locator("#message_error")).to_be_visible()
    page.get_by_label("Message").fill("The bar closes at ten.")
    page.get_by_role("button", name="Show to everybody").click()
    shown = page.get_by_role("row").filter(has_text="The bar closes at ten.")
    expect(shown).to_contain_text("Showing")
    shown.get_by_role("button", name="Take back").click()
    expect(shown).to_contain_text("Taken back")


def test_signing_out(page):
    sign_in(page, "vera")
    page.goto("/account")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page).not_to_have_url(re.compile("/account$"))
    page.goto("/account")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_use_p16_the_drawer_of_a_phone_opens_and_closes_and_no_button_is_dead(page_of):
    page = page_of(None, java_script_enabled=False, viewport={"width": 390, "height": 844}, has_touch=True)
    assert page.context.request.post("/dev/sign-in/1").ok
    page.goto(f"{TEAM}/tasks")
    side = page.locator("#sidebar")
    expect(side).to_be_hidden()
    page.get_by_role("link", name="Menu", exact=True).tap()
    expect(side.get_by_role("link", name="Close the menu")).to_be_visible()
    side.get_by_role("link", name="Close the menu").tap()
    expect(side).to_be_hidden()
    page.get_by_role("link", name="Menu", exact=True).tap()
    side.get_by_role("link", name="Settings").tap()
    expect(page).to_have_url(re.compile("/settings$"))
    expect(side).to_be_hidden()
    table = f"{TEAM}/records/equipment"
    of_table = (table, *(table + one for one in ("?view=board", "?view=calendar", "/fields", "/rules?who=role:member")))
    for path in (f"{TEAM}", f"{TEAM}/tasks", f"{TEAM}/records", "/account", "/settings/notifications", *of_table):
        page.goto(path)
        assert page.locator("button[type=button]:visible").all_inner_texts() == [], path
    page.goto(f"{TEAM}/tasks")
    page.get_by_title("Change the status").first.tap()
    expect(page).to_have_url(re.compile(r"/tasks/\d+"))
