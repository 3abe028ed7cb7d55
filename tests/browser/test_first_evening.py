"""The first evening of whoever runs a site: letters leave, a copy is made and proven, and a restore is rehearsed."""

import re
import subprocess
import sys

from playwright.sync_api import expect

from tests.browser.server import TOP

PASSWORD = "Correct horse 1!"
A_COPY = 240_000  # milliseconds: made, opened, booted, beside others


def test_an_operators_first_evening(empty, page_of):
    page = page_of()
    page.goto(empty.setup_link)
    page.get_by_label("E-mail").fill("stella@example.org")
    page.get_by_label("Your name").fill("Stella Ortiz")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the first account").click()
    expect(page.get_by_role("link", name="Overview")).to_be_visible()

    # Do letters arrive?
    page.goto("/admin/mail/templates/reset_password")
    page.get_by_role("button", name="Send me this").click()
    assert empty.letter("stella@example.org", "password")
    page.goto("/admin/mail")
    expect(page.get_by_role("cell", name="Code for a new password")).to_be_visible()

    # Is there a copy that can be trusted?
    page.goto("/admin/backups")
    expect(page.get_by_text("No copy of the database was ever proven.")).to_be_visible()
    page.get_by_role("button", name="Make a copy now").click()
    expect(page.get_by_text("The newest proven copy is of this hour.")).to_be_visible(timeout=A_COPY)
    page.get_by_role("link", name=re.compile("guildhall-")).first.click()
    expect(page.get_by_text("the audit log is whole")).to_be_visible()

    # And does it come back? Rehearsed beside the running server.
    command = [sys.executable, "-m", "jobs.restore", "latest", "--check"]
    done = subprocess.run(command, cwd=TOP, env=empty.environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "NO " not in done.stdout
    assert "Runs: " in done.stdout
    page.goto("/health")
    expect(page.get_by_text("true")).to_be_visible()
