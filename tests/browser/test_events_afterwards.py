"""What becomes of tickets after they are bought, in real browsers: one goes back, one is passed on, a group gets in."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_events import FESTIVAL


def bought(page, demo, name, email):
    """Somebody buys two free tickets; the address of their order."""
    page.goto(FESTIVAL)
    page.get_by_label("Neighbours").select_option("2")
    page.get_by_role("button", name="Get tickets").click()
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Your e-mail address").fill(email)
    page.get_by_role("button", name="Get the tickets").click()
    head = page.get_by_role("heading", name=re.compile("^(Your tickets|Type the code)$"))
    expect(head.first).to_be_visible()
    if page.get_by_label("Code", exact=True).count():
        page.get_by_label("Code", exact=True).fill(demo.letter(email, r"\b\d{6}\b"))
        page.get_by_role("button", name="Get the tickets").click()
    expect(page.get_by_role("heading", name="Your tickets")).to_be_visible()
    return page.url


def test_one_ticket_goes_back_and_the_other_is_passed_on(page_of, demo):
    buyer, email = page_of(None), "rosa@example.org"
    order = bought(buyer, demo, "Rosa Parks", email)
    seller = page_of("alice")
    seller.goto(f"{TEAM}/events/2/orders?q=rosa")
    seller.locator("#list_rows a").first.click()
    seller.get_by_label("Rosa Parks").first.check()
    seller.get_by_role("button", name="Take back the chosen ones").click()
    seller.get_by_label("Why").fill("She is ill")
    seller.get_by_role("button", name="Take back").click()
    expect(seller.get_by_text("Taken back", exact=True)).to_be_visible()
    buyer.goto(order)
    own = buyer.locator(".passes li")
    expect(own.first).to_contain_text("Void")
    expect(own.last).not_to_contain_text("Void")
    own.last.get_by_role("link").click()
    expect(buyer.get_by_role("img", name="The code that lets you in")).to_be_visible()
    old = buyer.url
    buyer.get_by_text("Pass it on to somebody else").click()
    buyer.get_by_label("Their e-mail address").fill("mae@example.org")
    buyer.get_by_role("button", name="Offer it").click()
    expect(buyer.get_by_text("You offered this ticket to")).to_be_visible()
    friend = page_of(None)
    friend.goto(demo.letter("mae@example.org", r"/passes/offered/[\w/-]+"))
    friend.get_by_label("Your name").fill("Mae Jemison")
    friend.get_by_role("button", name="Take the ticket").click()
    expect(friend.get_by_role("img", name="The code that lets you in")).to_be_visible()
    buyer.goto(old)
    expect(buyer.get_by_role("img", name="The code that lets you in")).to_have_count(0)
    expect(buyer.get_by_text("passed on")).to_be_visible()
    expect(buyer.get_by_text("Mae Jemison")).to_have_count(0)
