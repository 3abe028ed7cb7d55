"""The plan, from buying it to a card that is declined: each story in the space of somebody who had none before."""

import os
import re

import pytest
from playwright.sync_api import expect

PASSWORD = "Quiet orchard bell 1!"


def choose_and_pay(page, home):
    """Buy Pro, monthly, as a person does; ends on the page one comes back to."""
    page.goto(f"{home}/billing")
    page.get_by_role("button", name="Choose Pro, monthly").click()
    expect(page).to_have_url(re.compile("/sandbox/checkout/"))
    page.get_by_role("button", name="Pay", exact=True).click()


@pytest.fixture
def subscriber(page_of):
    """`subscriber("vera", "/vera-uczak")` is a page of somebody who has Pro, monthly, on the plan's page."""

    def have(who, home, **options):
        page = page_of(who, **options)
        form = {"plan": "pro_monthly"}
        asked = page.request.post(f"{home}/billing/checkout", form=form, max_redirects=0)
        assert asked.status == 303, asked.text()
        page.request.post(asked.headers["location"] + "/payment", form={"card": "ok"}, max_redirects=0)
        page.request.post(f"{home}/billing/confirmation")
        page.goto(f"{home}/billing")
        expect(page.locator(".plan-now")).to_contain_text("Active")
        return page

    return have


def at_the_desk(page, act):
    """Have the sandbox do something to the newest subscription, which is this story's."""
    page.goto("/sandbox")
    page.get_by_role("button", name=act).first.click()
    expect(page.locator("#notice")).to_be_visible()


def test_a_plan_is_bought_and_the_way_back_waits_for_its_reader(page_of):
    page = page_of("bob")
    choose_and_pay(page, "/bob-adeyemi")
    expect(page.get_by_role("heading", name="Pro is active")).to_be_visible()
    assert page.url.endswith("/bob-adeyemi/billing/return")  # the provider was asked; nothing is in the address
    page.get_by_role("button", name="Pause").click()
    stood = page.locator("[data-seconds]").inner_text()
    page.wait_for_timeout(2500)
    assert page.locator("[data-seconds]").inner_text() == stood
    page.get_by_role("button", name="Go on").click()
    page.locator("[data-palette]").first.focus()  # busy elsewhere: nobody is pulled away
    page.wait_for_timeout(2500)
    assert int(page.locator("[data-seconds]").inner_text()) >= int(stood) - 1
    page.locator("#main").focus()
    expect(page).to_have_url(re.compile("/bob-adeyemi/billing$"))
    expect(page.locator(".plan-now")).to_contain_text("Active")
    expect(page.locator("#plan_badge")).to_contain_text("Pro")
    expect(page.locator(".payments")).to_contain_text("$12.00")


def test_where_less_motion_is_wanted_nobody_is_moved(page_of):
    page = page_of("alice", reduced_motion="reduce")
    page.goto("/acme-festival/billing/return")  # the demo's team has Pro
    expect(page.get_by_role("heading", name="Pro is active")).to_be_visible()
    expect(page.get_by_role("link", name="Go to the plan")).to_be_visible()
    page.wait_for_timeout(6500)
    assert page.url.endswith("/billing/return")
    expect(page.locator("[data-countdown]")).to_be_hidden()


def test_a_change_shows_what_it_costs_before_it_is_made(subscriber):
    page = subscriber("vera", "/vera-uczak")
    page.get_by_role("button", name="Change to Pro, yearly").click()
    dialog = page.locator("#dialog")
    expect(dialog.get_by_role("heading", name="Change to Pro, yearly")).to_be_visible()
    expect(dialog.locator(".change-lines")).to_contain_text("−$12.00")
    expect(dialog.locator(".total")).to_contain_text("$108.00")
    expect(dialog).to_contain_text("Pro, yearly costs $120.00 every year")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(page.locator(".plan-now + .facts")).to_contain_text("$12.00 a month")
    page.get_by_role("button", name="Change to Pro, yearly").click()
    dialog.get_by_role("button", name="Change and pay $108.00").click()
    expect(page.locator("#notice")).to_contain_text("The plan is Pro, yearly now.")
    expect(page.locator(".plan-now + .facts")).to_contain_text("$120.00 a year")
    expect(page.locator(".payments")).to_contain_text("$108.00")


def test_a_declined_renewal_is_said_everywhere_until_it_is_paid(subscriber):
    page = subscriber("dora", "/dora-nwosu")
    tasks, desk = page.context.new_page(), page.context.new_page()
    tasks.goto("/dora-nwosu/tasks")
    banner = tasks.locator("#billing_banner")
    expect(banner.get_by_text("Pay now")).to_have_count(0)
    at_the_desk(desk, "Fail next payment")
    expect(banner).to_contain_text("The last payment did not go through. Pro goes on until")  # without a reload
    expect(page.locator(".plan-now")).to_contain_text("Past due")
    with page.context.expect_page() as opened:
        banner.get_by_role("link", name="Pay now").click()
    opened.value.get_by_role("button", name="Pay", exact=True).click()
    expect(opened.value.get_by_role("heading", name="This is paid")).to_be_visible()
    expect(banner.get_by_text("Pay now")).to_have_count(0)
    expect(page.locator(".plan-now")).to_contain_text("Active")


def test_a_plan_is_cancelled_and_kept_paused_and_taken_up_again(subscriber, page_of):
    page_of.expect(403)  # ending the plan asks again who one is
    page = subscriber("charlie", "/charlie-ng")
    now = page.locator(".plan-now")
    page.get_by_role("button", name="Cancel plan").click()
    dialog = page.get_by_role("dialog", name="End Pro for")
    expect(dialog).to_contain_text("credits a month end with it")
    dialog.get_by_role("button", name="Keep Pro").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel plan").click()
    if os.environ.get("SHOTS"):
        page.screenshot(path=os.environ["SHOTS"])
    dialog.get_by_role("button", name="End Pro").click()
    page.locator("#dialog").get_by_label("Your password", exact=True).fill(PASSWORD)
    page.locator("#dialog").get_by_role("button", name="Confirm").click()
    expect(now).to_contain_text("Cancelled")
    page.get_by_role("button", name="Keep the plan").click()
    expect(now).to_contain_text("Active")
    page.locator(".pause-menu summary").click()
    page.get_by_role("button", name="For two months").click()
    expect(now).to_contain_text("Paused")
    expect(page.locator(".plan-now + .facts")).to_contain_text("Resumes on")
    page.get_by_role("button", name="Go on now").click()
    expect(now).to_contain_text("Active")


def test_a_plan_is_changed_by_keyboard_alone(subscriber):
    page = subscriber("stella", "/stella-ortiz")
    button = page.get_by_role("button", name="Change to Pro, yearly")
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    pay = page.locator("#dialog").get_by_role("button", name="Change and pay")
    expect(pay).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(pay).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("The plan is Pro, yearly now.")


def test_with_scripts_off_everything_is_a_form(page_of):
    page_of.expect(403)
    page = page_of("alice", java_script_enabled=False)
    home = "/alice-moreau"
    choose_and_pay(page, home)
    expect(
        page.get_by_role("heading", name="Pro is active").or_(page.get_by_role("button", name="Ask again"))
    ).to_be_visible()
    if page.get_by_role("button", name="Ask again").count():  # the webhook wasn't quicker
        page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("heading", name="Pro is active")).to_be_visible()
    page.get_by_role("link", name="Go to the plan").click()
    now = page.locator(".plan-now")
    expect(now).to_contain_text("Active")

    page.locator(".pause-menu summary").click()
    page.get_by_role("button", name="For one month").click()
    expect(now).to_contain_text("Paused")
    page.get_by_role("button", name="Go on now").click()
    expect(now).to_contain_text("Active")

    page.get_by_role("button", name="Change to Pro, yearly").click()
    expect(page.get_by_role("heading", name="Change to Pro, yearly", level=1)).to_be_visible()
    expect(page.locator(".total")).to_contain_text("$108.00")
    page.get_by_role("button", name="Change and pay $108.00").click()
    expect(page.locator("#notice")).to_contain_text("The plan is Pro, yearly now.")

    page.get_by_role("button", name="Cancel plan").click()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(now).to_contain_text("Cancelled")
    page.get_by_role("button", name="Keep the plan").click()
    expect(now).to_contain_text("Active")

    page.get_by_role("button", name="Cards and invoices").click()
    expect(page).to_have_url(re.compile("/sandbox/portal/"))
