"""A key for a program: made with a proof, copied the one time, used by curl, revoked."""

import json
import subprocess

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_stepup import PASSWORD


def asked(demo, key, path="/me"):
    """(status, the answer) of curl with a key."""
    head = ["curl", "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {key}"]
    told = subprocess.run([*head, f"{demo.url}/api/mobile/backend{path}"], capture_output=True, text=True, timeout=30)
    body, _, status = told.stdout.rpartition("\n")
    return int(status), json.loads(body)


def test_a_key_is_made_copied_once_used_and_revoked(page_of, demo):
    page_of.expect(403, 422)
    alice = page_of("alice")
    alice.goto(f"{TEAM}/settings")
    alice.get_by_role("link", name="Keys").click()
    alice.get_by_role("link", name="New key").click()
    alice.get_by_role("textbox", name="Name", exact=True).fill("Monthly report")
    alice.get_by_role("button", name="Make key").click()
    expect(alice.get_by_text("Choose at least one.").last).to_be_visible()
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
