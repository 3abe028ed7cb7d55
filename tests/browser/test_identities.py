"""Sign-in with a real OpenID Connect issuer beside the house: a peer in a process of its own, on loopback."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.browser.server import KEPT, LocalServer, free_port
from tests.browser.test_axe import violations

PROVEN, UNPROVEN, SECOND = "nina@example.org", "otto@example.org", "bob@second.example"


class Issuer:
    """oidc-provider-mock; its own warnings stay in its own process."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        users = [
            f'{{"sub": "{email}", "email": "{email}", "email_verified": {verified}, "name": "{name}"}}'
            for email, verified, name in (
                (PROVEN, "true", "Nina Simone"),
                (UNPROVEN, "false", "Otto Dix"),
                (SECOND, "true", "Bob Elsewhere"),
            )
        ]
        claims = [part for user in users for part in ("--user-claims", user)]
        environment = {k: v for k, v in os.environ.items() if k in KEPT} | {"AUTHLIB_INSECURE_TRANSPORT": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(self.port), *claims],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None, "the issuer did not start"
            assert time.monotonic() < until, "the issuer does not answer"
            time.sleep(0.1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.url}/.well-known/openid-configuration", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def issuer():
    with Issuer() as found:
        yield found


@pytest.fixture(scope="module")
def hall(tmp_path_factory, issuer):
    about = {"AUTH_OIDC_ISSUER": issuer.url, "AUTH_OIDC_ID": "hall", "AUTH_OIDC_SECRET": "s", "AUTH_OIDC_LABEL": "Hall"}
    with LocalServer(tmp_path_factory.mktemp("hall"), "demo", **about) as server:
        yield server
    assert "Traceback" not in server.log, server.log[-4000:]


@pytest.fixture
def at_hall(hall, page_of):
    """`at_hall("bob")`: a page on this house; the issuer's own pages get no style from afar."""

    def open_page(who=None):
        page = page_of(who, url=hall.url)
        page.context.route(re.compile("^https://"), lambda route: route.fulfill(body="", content_type="text/css"))
        return page

    return open_page


def there(page, start="/sign-in"):
    page.goto(start)
    page.get_by_role("button", name="Continue with Hall").click()
    expect(page.get_by_role("heading", name="Authorize Client")).to_be_visible()


def come(page, who, start="/sign-in"):
    there(page, start)
    page.get_by_role("button", name=who).first.click()


def heading(page, name):
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def test_somebody_signs_up_and_in_again_without_a_letter(at_hall):
    page = at_hall()
    come(page, PROVEN, "/sign-up")
    expect(page).to_have_url(re.compile("/nina-simone$"))
    page.goto("/settings/security")
    expect(page.locator("#identities")).to_contain_text(PROVEN)

    again = at_hall()
    come(again, PROVEN, "/sign-in?next=/notifications")
    expect(again).to_have_url(re.compile("/notifications$"))


def test_who_denies_and_whose_state_is_wrong_are_told_on_the_sign_in_page(at_hall):
    page = at_hall()
    there(page)
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("You cancelled at Hall, so nothing was changed.")).to_be_visible()
    heading(page, "Sign in")

    there(page)
    # Somebody puts an answer of their own sign-in before another browser.
    other = at_hall()
    answered = page.context.request.post(page.url, form={"sub": PROVEN}, max_redirects=0)
    other.goto(answered.headers["location"])
    expect(other.get_by_text("That sign-in was begun in another browser or too long ago.")).to_be_visible()
    other.goto("/account")
    expect(other).to_have_url(re.compile("/sign-in"))


def test_an_address_that_nobody_vouches_for_is_proven_by_a_code(at_hall, page_of, hall):
    page_of.expect(422)
    page = at_hall()
    come(page, UNPROVEN)
    heading(page, "Prove your address")
    assert violations(page) == []
    expect(page.get_by_text("spam folder")).to_be_visible()
    page.get_by_label("Six-digit code").fill("000000")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#code_error")).to_contain_text("4 tries left")
    page.get_by_label("Six-digit code").fill(hall.letter(UNPROVEN, r"\b\d{6}\b"))
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(re.compile("/otto-dix$"))


def confirm(page):
    """Answer what asks again who one is: a dialog, or a page where the form was a plain one."""
    page.get_by_label("Your password", exact=True).fill("Quiet orchard bell 1!")
    page.get_by_role("button", name="Confirm").click()


def test_who_is_signed_in_connects_it_and_disconnects_it_after_proving_who_they_are(at_hall, page_of):
    page_of.expect(403)
    page = at_hall("bob")
    page.goto("/settings/security")
    page.get_by_role("button", name="Connect Hall").click()
    confirm(page)
    page.get_by_role("button", name=SECOND).first.click()
    expect(page.get_by_text("Hall is connected.")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name=f"Disconnect Hall, {SECOND}").click()
    page.locator("#confirm_yes").click()
    confirm(page)
    expect(page.get_by_text("Hall is disconnected.")).to_be_visible()
    expect(page.locator("#identities")).to_contain_text("Not connected")


def test_without_scripts_one_is_led_there_and_back_too(page_of, hall):
    page = page_of(url=hall.url, java_script_enabled=False)
    page.context.route(re.compile("^https://"), lambda route: route.fulfill(body="", content_type="text/css"))
    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    come(page, PROVEN)
    expect(page).to_have_url(re.compile("/nina-simone$"))
