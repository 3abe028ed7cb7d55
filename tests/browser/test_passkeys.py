"""A passkey from a virtual authenticator: added, signed in with, used as second factor and in the dialog that asks again.

WebAuthn wants a secure context, which http://localhost is and http://127.0.0.1 isn't.
"""

import re

import pyotp
import pytest
from playwright.sync_api import expect

from tests.browser.server import LocalServer
from tests.browser.test_axe import violations

EMAIL, PASSWORD = "alice@example.org", "Quiet orchard bell 1!"


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    with LocalServer(tmp_path_factory.mktemp("local"), "demo") as server:
        yield server
    assert "Traceback" not in server.log, server.log[-4000:]


@pytest.fixture
def signed_in(local, page_of):
    """`signed_in("bob")`: a page of theirs on a device that can make passkeys."""

    def open_page(who):
        page = page_of(who, url=local.url)
        page.authenticator = authenticator(page)
        return page

    return open_page


def authenticator(page):
    """A device with a fingerprint reader; returns how to talk to it."""
    wire = page.context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    id = wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def verified(yes):
        wire.send("WebAuthn.setUserVerified", {"authenticatorId": id, "isUserVerified": yes})

    return verified


def confirm(page):
    """Answer the dialog that asks again who one is."""
    page.locator("#dialog").get_by_label("Your password", exact=True).fill(PASSWORD)
    page.locator("#dialog").get_by_role("button", name="Confirm").click()


def add(page, name="My laptop"):
    page.goto("/settings/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()
    confirm(page)
    expect(page.locator("#passkeys")).to_contain_text(name)


def sign_out(page):
    page.locator("header.topbar details.menu summary").last.click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def sign_in(page):
    page.goto("/sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).not_to_have_url(re.compile("/sign-in"))


def test_a_passkey_is_added_and_signs_in_again(signed_in, page_of):
    page_of.expect(403)  # that is how the dialog is asked for
    page = signed_in("bob")
    add(page)
    expect(page.locator("#passkeys")).to_contain_text("Not used yet")
    sign_out(page)
    sign_in(page)
    page.goto("/settings/security")
    expect(page.locator("#passkeys")).to_contain_text("Last used")
    page.goto("/settings/security/sessions")
    expect(page.locator("#list_rows")).to_contain_text("Passkey")
    page.goto("/settings/security")

    page.get_by_label("Rename My laptop").click()
    page.get_by_label("Name", exact=True).fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#passkeys")).to_contain_text("Old laptop")


def test_it_answers_the_dialog_that_asks_again(signed_in, page_of):
    page_of.expect(403)  # that is how the dialog is asked for
    page = signed_in("vera")
    add(page)
    page.get_by_role("button", name="Remove My laptop").click()
    page.locator("#confirm_yes").click()
    dialog = page.locator("#dialog")
    expect(dialog).to_contain_text("Confirm that it is you")
    dialog.get_by_role("button", name="Use the passkey").click()
    expect(page.get_by_text("The passkey is removed")).to_be_visible()
    expect(page.locator("#passkeys")).not_to_contain_text("My laptop")


def test_who_cancels_is_told_so_and_may_try_again(signed_in, page_of):
    page_of.expect(403)  # that is how the dialog is asked for
    page = signed_in("dora")
    add(page)
    sign_out(page)
    page.authenticator(False)  # the finger isn't theirs
    page.goto("/sign-in")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("cancelled or took too long")
    page.authenticator(True)
    sign_in(page)


def test_a_device_makes_one_passkey_for_an_account(signed_in, page_of):
    page_of.expect(403)  # that is how the dialog is asked for
    page = signed_in("charlie")
    add(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("has a passkey for your account already")


def test_the_second_factor_is_set_up_and_asked_for_and_the_passkey_is_enough(signed_in, page_of):
    page_of.expect(422, 403)
    page = signed_in("alice")
    page.goto("/settings/security")
    page.get_by_role("button", name="Set it up").click()
    confirm(page)
    expect(page.get_by_alt_text("A QR code")).to_be_visible()
    secret = page.locator("#totp_secret").inner_text().replace(" ", "")
    page.get_by_label("Six-digit code").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("#code_error")).to_be_visible()
    page.get_by_label("Six-digit code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", name="Backup codes")).to_be_visible()
    codes = page.locator("#backup_codes").inner_text().split()
    assert len(codes) == 10
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().split() == codes
    page.get_by_role("link", name="Done").click()
    expect(page.locator("#second_factor")).to_contain_text("10 are left")

    add(page)
    assert violations(page) == []
    sign_out(page)
    _password(page)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Use a backup code").click()
    page.get_by_label("Backup code").fill("wrong-wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#code_error")).to_contain_text("4 tries left")
    page.get_by_label("Backup code").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#sidebar")).to_be_visible()

    sign_out(page)
    _password(page)
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use the passkey").click()
    expect(page.locator("#sidebar")).to_be_visible()

    sign_out(page)
    sign_in(page)  # alone, it is both factors
    expect(page.locator("#sidebar")).to_be_visible()


def _password(page):
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
