"""What stands on a row for hands: a button that an automation waits for, and the row on paper."""

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations


def row(page, name):
    page.goto(f"{TEAM}/records/volunteers")
    page.get_by_role("link", name=name, exact=True).first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_a_button_on_a_row_sets_off_what_waits_for_it(page_of):
    bob = page_of("bob")
    row(bob, "Fatou Sarr")
    bob.get_by_role("button", name="Put on the list").click()
    expect(bob.locator("#notice")).to_contain_text("“Put on the list” is set off.")
    expect(bob.get_by_label("State", exact=True)).to_have_value(
        bob.get_by_label("State", exact=True).locator("option", has_text="On the list").get_attribute("value")
    )
    expect(bob.get_by_role("main")).to_contain_text("Talking → On the list")
    assert violations(bob) == []


def test_a_row_and_labels_are_printed(page_of):
    """What the buttons of a row and of a list lead to is a PDF."""
    bob = page_of("bob")
    row(bob, "Bram de Wit")
    paper = bob.get_by_role("link", name="Print").get_attribute("href")
    bob.goto(f"{TEAM}/records/volunteers/labels?q=Bram")
    expect(bob.get_by_role("status").first).to_contain_text("1 label")
    assert violations(bob) == []
    bob.get_by_label("Kind of code").select_option(index=0)
    form = bob.locator("form[action$='labels.pdf']")
    label = form.evaluate("form => form.action + '?' + new URLSearchParams(new FormData(form))")
    for address in (paper, label):
        answer = bob.request.get(address)
        assert answer.status == 200, address
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.body().startswith(b"%PDF-")
