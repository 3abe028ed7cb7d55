"""A campaign from its first tier to the first backer's account, and back to open doors."""

import re

import pytest
from playwright.sync_api import expect

PASSWORD = "Correct horse 1!"


@pytest.fixture
def desk(page_of):
    """Stella's page; whatever happens, the campaign is over afterwards."""
    page = page_of("stella")
    yield page
    page.request.post("/admin/settings/crowdfunding_active", form={"value": "off"})


def test_a_campaign_opens_the_door_to_backers_alone(desk, page_of, demo):
    page_of.expect(409, 403)  # a wrong code, and the proof before a release
    _prepare(desk)
    code = _add_one(desk)
    _import_two(desk)
    desk.goto("/admin/settings")
    desk.get_by_role("switch", name="Backers only").press("Space")
    expect(desk.locator("#notice")).to_contain_text("Backers only")

    visitor = page_of()
    _come_in(visitor, code, demo.letter)
    visitor.goto("/account")
    expect(visitor.get_by_role("main").get_by_text("mira@example.org").first).to_be_visible()

    desk.goto("/admin/backers?status=used")
    desk.get_by_role("link", name="Mira").click()
    expect(desk.locator(".facts")).to_contain_text("mira@example.org")
    desk.get_by_role("button", name="Release code").click()
    desk.locator("#confirm").get_by_role("button", name="Release code").click()
    desk.locator("#dialog").get_by_label("Your password", exact=True).fill("Quiet orchard bell 1!")
    desk.locator("#dialog").get_by_role("button", name="Confirm").click()
    expect(desk.locator(".facts")).to_contain_text("Unused")
    expect(desk.get_by_role("button", name="Release code")).to_have_count(0)


def _prepare(desk):
    desk.goto("/admin/backers")
    expect(desk.get_by_text("Make a tier first")).to_be_visible()
    desk.get_by_role("link", name="Tiers").click()
    desk.locator("#key").fill("early")
    desk.locator("#name").fill("Early bird")
    desk.locator("#plan").select_option("pro_yearly")
    desk.locator("#months").fill("12")
    desk.get_by_role("button", name="Make tier").click()
    expect(desk.get_by_text("Pro for 12 months")).to_be_visible()


def _add_one(desk):
    """The code is shown once, and not again."""
    desk.goto("/admin/backers")
    desk.locator("#username").fill("Mira")
    desk.get_by_role("button", name="Add backer").click()
    code = desk.locator("#backer_code").inner_text()
    assert re.fullmatch(r"[A-Z0-9]{4}(-[A-Z0-9]{4}){3}", code)
    desk.reload()
    expect(desk.locator("#backer_code")).to_have_count(0)
    return code


def _import_two(desk):
    desk.goto("/admin/backers/imports")
    lines = "username;code;tier\r\nNils;Nils-1234;early\r\nOda;;early\r\nPim;x;early\r\n"
    desk.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": lines.encode()})
    desk.get_by_role("button", name="Compare").click()
    expect(desk.get_by_text("2 backers are new.")).to_be_visible()
    expect(desk.get_by_role("row", name=re.compile("Pim"))).to_contain_text("4 to 80 characters")
    desk.get_by_role("button", name="Add 2 backers").click()
    expect(desk.get_by_text("2 backers added.")).to_be_visible()
    desk.get_by_role("button", name="Take the codes").click()
    with desk.expect_download() as taken:
        desk.locator("#confirm").get_by_role("button", name="Take the codes").click()
    assert '"Oda",' in taken.value.path().read_text("utf-8")
    desk.reload()
    expect(desk.get_by_role("button", name="Take the codes")).to_have_count(0)


def _come_in(page, code, letter):
    page.goto("/")
    page.get_by_role("main").get_by_role("link", name="Redeem your code").click()
    expect(page.get_by_label("Password", exact=True)).to_have_count(0)
    page.get_by_label("MakerWorld username").fill("mira")
    page.get_by_label("Access code").fill(code.lower())
    page.keyboard.press("Enter")
    expect(page.locator("#code_error")).to_be_visible()
    expect(page.get_by_label("MakerWorld username")).to_have_value("mira")
    page.get_by_label("Access code").fill(code)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Welcome, Mira.")).to_be_visible()
    page.get_by_label("E-mail").fill("mira@example.org")
    page.get_by_label("Your name").fill("Mira Holt")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    page.get_by_label("Six-digit code").fill(letter("mira@example.org", r"\b\d{6}\b"))
    page.get_by_role("button", name="Confirm e-mail").click()
    expect(page.get_by_title("Mira Holt")).to_be_visible()
    expect(page.locator("#plan_badge")).to_contain_text("Pro")
