"""From an empty install to a paid plan: the first admin, a stranger who signs up, and a month of billing."""

import re

from playwright.sync_api import expect

PASSWORD = "Correct horse 1!"


def test_the_first_account_is_made_by_the_link_and_only_once(empty, page_of):
    page_of.expect(404, 409, 410, 422)
    page = page_of()
    page.goto(empty.setup_link)
    page.get_by_label("E-mail").fill("stella@example.org")
    page.get_by_label("Your name").fill("Stella Ortiz")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_role("button", name="Create the first account").click()
    expect(page.locator("#password_error")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_value("stella@example.org")
    expect(page.get_by_label("Your name")).to_have_value("Stella Ortiz")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the first account").click()
    admin = page.get_by_role("navigation", name="Main").get_by_role("link", name="Overview")
    expect(admin).to_be_visible()
    admin.click()
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()

    second = page_of()
    assert second.goto(empty.setup_link).status in (404, 409, 410)
    expect(second.get_by_label("Password", exact=True)).to_have_count(0)

    page.get_by_title("Stella Ortiz").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.goto("/account")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_stranger_signs_up_works_and_pays(empty, page_of):
    page_of.expect(403)  # ending the plan asks again who one is
    page = page_of()
    _sign_up(page, empty.letter)
    _work(page)
    home = re.match(r"https?://[^/]+(/[^/]+)", page.url)[1]

    # Two more tabs of the same browser stand open: neither is reloaded by hand.
    tasks, waiting = page.context.new_page(), page.context.new_page()
    tasks.goto(f"{home}/tasks")
    expect(tasks.locator("#plan_badge")).to_contain_text("Free")
    tasks.evaluate("window.unreloaded = true")
    waiting.goto(f"{home}/billing/return")
    expect(waiting.get_by_role("heading", name="Your payment is being processed")).to_be_visible()

    page.get_by_role("navigation", name="Main").get_by_role("link", name="Plan").click()
    page.get_by_role("button", name="Choose Pro, monthly").click()
    expect(page).to_have_url(re.compile("/sandbox/checkout/"))
    page.get_by_role("button", name="Pay").click()
    expect(page.get_by_role("heading", name="Pro is active")).to_be_visible()
    expect(waiting.get_by_role("heading", name="Pro is active")).to_be_visible()
    expect(tasks.locator("#plan_badge")).to_contain_text("Pro")
    assert tasks.evaluate("window.unreloaded") is True
    waiting.close()

    # It goes on to the plan by itself.
    expect(page).to_have_url(re.compile(f"{home}/billing$"))
    expect(page.get_by_role("heading", name="Plan", level=1)).to_be_visible()
    expect(page.locator(".plan-now")).to_contain_text("Active")
    assert page.locator("#bell").count() == 1
    tasks.close()
    _a_year_at_the_desk(page, home)


def _sign_up(page, letter):
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Create an account").click()
    page.get_by_label("E-mail").fill("noor@example.org")
    page.get_by_label("Your name").fill("Noor Haddad")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    expect(page.locator("[data-policy] .met")).to_have_count(5)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    page.get_by_label("Six-digit code").fill(letter("noor@example.org", r"\b\d{6}\b"))
    page.get_by_role("button", name="Confirm e-mail").click()
    expect(page.get_by_title("Noor Haddad")).to_be_visible()


def _work(page):
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Tasks").click()
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="New task").click()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Title").fill("Rent the chairs")
    dialog.get_by_role("button", name="Create task").click()
    row = page.locator("[data-row]", has_text="Rent the chairs")
    expect(row).to_be_visible()
    expect(dialog).to_be_hidden()
    row.get_by_title("Change the status").click()
    row.get_by_role("option", name="Completed").click()
    expect(row).to_contain_text("Completed")
    expect(page.locator("#notice")).to_contain_text("Status: Completed.")


def _a_year_at_the_desk(page, home):
    """Renewal, a failed payment, and an end that is taken back; the plan's page follows in another tab."""
    desk = page.context.new_page()
    desk.goto("/sandbox")
    desk.get_by_role("button", name="Renew now").click()
    expect(desk.locator("#notice")).to_contain_text("Renewed")
    desk.get_by_role("button", name="Fail next payment").click()
    banner = page.get_by_text("The last payment did not go through.")
    expect(banner).to_be_visible()
    expect(page.locator(".plan-now")).to_contain_text("Past due")
    expect(page.locator("#plan_badge")).to_contain_text("Pro")
    desk.goto("/sandbox")
    desk.get_by_role("button", name="Renew now").click()
    expect(banner).to_be_hidden()
    expect(page.locator(".plan-now")).to_contain_text("Active")
    desk.close()

    page.goto(f"{home}/billing")
    page.get_by_role("button", name="Cancel plan").click()
    page.locator("#confirm").get_by_role("button", name="End Pro").click()
    page.locator("#dialog").get_by_label("Your password", exact=True).fill(PASSWORD)
    page.locator("#dialog").get_by_role("button", name="Confirm").click()
    expect(page.locator(".plan-now")).to_contain_text("Cancelled")
    page.get_by_role("button", name="Keep the plan").click()
    expect(page.locator(".plan-now")).to_contain_text("Active")
    expect(page.get_by_role("button", name="Cancel plan")).to_be_visible()
