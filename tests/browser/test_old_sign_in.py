"""An act of a list by a sign-in that is old: the dialog comes over the page, and the act goes on with what was typed."""

import re
import sqlite3

import pytest
from playwright.sync_api import expect

from tests.browser.test_stepup import PASSWORD

TIMES = {"starts_at": "2030-07-03T18:00:00Z", "ends_at": "2030-07-03T23:00:00Z"}


@pytest.fixture
def age(demo):
    """Make all sign-ins of the demo older than L2 takes, for one story."""
    file, before = next((demo.folder / "data").glob("*.db")), []

    def write(sql, rows):
        with sqlite3.connect(file, timeout=20) as open_file:
            open_file.executemany(sql, rows)

    def make_old():
        with sqlite3.connect(file, timeout=20) as open_file:
            before.extend(open_file.execute("SELECT created_at, id FROM user_session"))
        write("UPDATE user_session SET created_at = ? WHERE id = ?", [(f"2020{at[4:]}", id) for at, id in before])

    yield make_old
    write("UPDATE user_session SET created_at = ? WHERE id = ?", before)


def test_an_event_is_cancelled_after_a_proof(page_of, age):
    page_of.expect(403)
    alice = page_of("alice")
    made = alice.request.post(
        "/acme-festival/events", form={"title": "Rained off", **TIMES, "venue": "Mill"}, max_redirects=0
    )
    here = made.headers["location"]
    alice.request.post(f"{here}/tiers", form={"name": "Day ticket", "size": "5"})
    alice.request.post(f"{here}/publication")
    age()
    alice.goto(here)
    alice.locator("main summary[aria-label=More]").click()
    alice.locator("main a[href$='/cancellation']").first.click()
    dialog = alice.get_by_role("dialog")
    dialog.get_by_label("What visitors of its page read").fill("It rains.")
    dialog.get_by_role("button", name="Cancel event").click()
    expect(dialog).to_contain_text("To cancel this event for good.")
    dialog.get_by_label("Your password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Confirm").click()
    expect(alice.locator("#notice")).to_contain_text("Rained off is cancelled.")
    expect(alice.get_by_role("dialog")).to_be_hidden()
    expect(alice).to_have_url(re.compile("/events/"))
