"""A key for a program: made with a proof, copied the one time, used by curl, revoked."""

import json
import subprocess

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations
from tests.browser.test_stepup import PASSWORD


def asked(demo, key, path="/me"):
    """(status, the answer) of curl with a key."""
    head = ["curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {key}"]
    told = subprocess.run([*head, f"{demo.url}/api/mobile/backend{path}"], capture_output=True, text=True, timeout=30)
    body, _, status = told.stdout.rpartition("\n")
    return int(status), json.loads(body)


def on_pro(page):
    """The demo's payment is read a moment after it began; keys come with it."""
    page.goto(f"{TEAM}/tasks")
    expect(page.locator("#plan_badge")).to_contain_text("Pro")


def test_rows_that_a_key_sees_are_bounded_with_the_keyboard_alone(page_of):
    alice = page_of("alice")
    on_pro(alice)
    alice.goto(f"{TEAM}/keys/new")
    expect(alice.get_by_role("textbox", name="Name", exact=True)).to_be_focused()
    alice.keyboard.type("Stock")
    alice.get_by_text("Bound it further").focus()
    alice.keyboard.press("Enter")
    choose(alice, "A table", "Equipment")
    expect(alice.get_by_label("Equipment", exact=True)).to_be_visible()
    expect(alice.get_by_role("combobox", name="One more table")).to_be_focused()
    choose(alice, "Only rows that meet a condition, about", "Equipment: Thing")
    alice.get_by_role("textbox", name="Compared with").focus()
    alice.keyboard.type("Tent")
    assert violations(alice) == []
    alice.get_by_role("button", name="Add condition").focus()
    alice.keyboard.press("Enter")
    bound = alice.get_by_role("list", name="Only these rows of Equipment")
    expect(bound).to_contain_text("where Thing is Tent")
    assert violations(alice) == []
    bound.get_by_role("button", name="Remove condition").focus()
    alice.keyboard.press("Enter")
    expect(bound).to_have_count(0)
    expect(alice.get_by_role("textbox", name="Name", exact=True)).to_have_value("Stock")


def choose(page, label, option):
    """Choose by typing what it is called; what is drawn anew for it is so once Enter decides."""
    page.get_by_role("combobox", name=label).focus()
    page.keyboard.type(option)
    page.keyboard.press("Enter")


def test_a_key_is_made_copied_once_used_and_revoked(page_of, demo):
    page_of.expect(403, 422)
    alice = page_of("alice")
    on_pro(alice)
    alice.goto(f"{TEAM}/settings")
    alice.get_by_role("link", name="Keys").click()
    alice.get_by_role("link", name="New key").click()
    alice.get_by_role("textbox", name="Name", exact=True).fill("Monthly report")
    alice.get_by_role("button", name="Make key").click()
    expect(alice.get_by_text("Choose at least one.").last).to_be_visible()
    expect(alice.get_by_label("See own and assigned tasks")).to_be_focused()
    alice.get_by_label("See own and assigned tasks").check()
    alice.get_by_role("button", name="Make key").click()
    dialog = alice.get_by_role("dialog")
    expect(dialog).to_contain_text("To make a key for programs.")
    dialog.get_by_label("Your password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Confirm").click()
    expect(alice.get_by_role("heading", name="Copy it now: it is shown this once")).to_be_visible()
    key = alice.get_by_label("Monthly report").input_value()
    status, me = asked(demo, key)
    assert (status, me["person"]["name"].split()[0], me["key"]["scopes"]) == (200, "Alice", ["tasks.read"])
    assert asked(demo, key, "/events")[0] == 403
    alice.get_by_role("link", name="I have copied it").click()
    row = alice.locator("#list_rows tr", has_text="Monthly report")
    expect(row).to_contain_text("Good")
    assert key.rpartition("_")[2] not in alice.content()
    row.get_by_role("button", name="Revoke").click()
    alice.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(alice.locator("#notice")).to_contain_text("The key Monthly report is revoked")
    expect(row).to_contain_text("Revoked")
    status, problem = asked(demo, key)
    assert (status, problem["code"]) == (401, "UNAUTHENTICATED")
