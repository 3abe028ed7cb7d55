"""A stranger fills in a form that Alice opened: on a phone with a double tap, and without scripts; and reads a view."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations

PHONE = {"viewport": {"width": 390, "height": 844}}


def made(page, purpose, name, *fields):
    """Open the demo's table of equipment to the public by these fields; returns the address."""
    page.goto(f"{TEAM}/records/equipment/sharing")
    page.get_by_role("link", name=f"Public {purpose}").click()
    page.locator("#name").fill(name)
    for field in fields:
        page.get_by_role("checkbox", name=field, exact=True).first.check()
    assert violations(page) == []
    page.get_by_role("button", name="Open to the public").click()
    address = page.get_by_role("textbox", name="Address").input_value()
    assert violations(page) == []
    return address


def labels(page):
    """The first two fields of the table, by what they are called."""
    page.goto(f"{TEAM}/records/equipment/sharing/form")
    found = page.locator(".asked-field > .field .form-check-label").all_inner_texts()
    return found[0].strip(), found[1].strip()


def test_a_stranger_with_a_phone_sends_a_form_twice_and_one_without_scripts_gets_through(page_of):
    alice = page_of("alice")
    first, second = labels(alice)
    address = made(alice, "form", "Bring something", first, second)
    page = page_of(None, **PHONE)
    page.goto(address)
    assert violations(page) == []
    page.get_by_label(first).first.fill("A ladder of ours")
    page.wait_for_timeout(3100)  # a person takes longer than a machine
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_role("status")).to_contain_text("Your answer has arrived")
    assert violations(page) == []
    alice.goto(f"{TEAM}/records/equipment?q=ladder+of+ours")
    expect(alice.get_by_text("A ladder of ours")).to_have_count(1)

    plain = page_of(None, java_script_enabled=False)
    plain.goto(address)
    plain.get_by_label(first).first.fill("A bench without scripts")
    plain.get_by_role("button", name="Send").click()
    expect(plain.get_by_role("status")).to_contain_text("Your answer has arrived")
    alice.goto(f"{TEAM}/records/equipment/sharing")
    alice.get_by_role("link", name=re.compile("Waiting answers to Bring something")).click()
    expect(alice.get_by_role("main")).to_contain_text("A bench without scripts")
    assert violations(alice) == []
    alice.get_by_role("link", name=re.compile("A bench without scripts")).first.click()
    assert violations(alice) == []
    alice.get_by_role("button", name="Let in").click()
    alice.goto(f"{TEAM}/records/equipment?q=bench+without")
    expect(alice.get_by_text("A bench without scripts")).to_have_count(1)


def test_a_question_is_asked_by_the_choice_before_it(page_of):
    alice, page = page_of("alice"), page_of()
    alice.goto(f"{TEAM}/records/volunteers/sharing")
    alice.get_by_role("link", name="Lend a hand at the festival", exact=True).click()
    page.goto(alice.get_by_role("textbox", name="Address").input_value())
    question = page.get_by_role("group", name="Has run a mixing desk")
    expect(question).to_be_hidden()
    page.get_by_role("radio", name="Stage").check()
    expect(question).to_be_visible()
    page.get_by_role("radio", name="Bar").check()
    expect(question).to_be_hidden()


def test_a_stranger_reads_a_view(page_of):
    alice = page_of("alice")
    first, second = labels(alice)
    address = made(alice, "view", "What there is", first, second)
    for options in (PHONE, {"color_scheme": "dark"}):
        page = page_of(None, **options)
        page.goto(address)
        expect(page.get_by_role("heading", name="What there is")).to_be_visible()
        assert violations(page) == []
    page.get_by_label("Search").fill("nothingfitsthis")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Nothing is found")
