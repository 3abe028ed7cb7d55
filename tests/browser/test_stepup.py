"""A new password, with the old one asked again: by mouse, by keyboard alone, and with scripts off."""

import re

import pytest
from playwright.sync_api import expect

PASSWORD = "Quiet orchard bell 1!"
NEW = "Better horse 2?"
PATH = "/settings/security/password"


@pytest.fixture
def put_back(page_of):
    """The demo's passwords are as they were, also after a story that failed half-way."""
    held = []

    def remember(page):
        held.append(page)
        return page

    yield remember
    for page in held:
        proof = {
            "proof_action": "account.change_password",
            "proof_target": "",
            "proof_method": "password",
            "password": PASSWORD,
        }
        for known in (PASSWORD, NEW):
            page.request.post(PATH, form=proof | {"proof_answer": known}, max_redirects=0)


def works(page_of, who, password):
    answer = page_of().request.post(
        "/sign-in", form={"email": f"{who}@example.org", "password": password}, max_redirects=0
    )
    return answer.status == 303


def test_a_wrong_answer_then_the_right_one_and_the_request_goes_through_once(page_of, put_back):
    page_of.expect(403, 422)
    dora = put_back(page_of("dora"))
    posts = []
    dora.on("request", lambda request: request.method == "POST" and posts.append(request.url.rpartition("/")[2]))
    dora.goto(PATH)
    dora.get_by_label("New password", exact=True).fill(NEW)
    dora.get_by_role("button", name="Save").click()
    dialog = dora.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    expect(dialog).to_contain_text("To choose a new password.")
    answer = dialog.get_by_label("Your password", exact=True)
    expect(answer).to_be_focused()
    answer.fill("Wrong horse 1!")
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_contain_text("That isn't your password. You have 4 tries left.")
    expect(dora).to_have_url(re.compile(f"{PATH}$"))
    dialog.get_by_label("Your password", exact=True).fill(PASSWORD)
    dialog.get_by_role("button", name="Confirm").click()
    expect(dora).to_have_url(re.compile("/settings/security$"))
    expect(dora.locator("#notice")).to_contain_text("Your password is changed.")
    assert posts == ["password"] * 3
    assert works(page_of, "dora", NEW)
    # Within ten minutes it isn't asked a second time.
    dora.goto(PATH)
    dora.get_by_label("New password", exact=True).fill(PASSWORD)
    dora.get_by_role("button", name="Save").click()
    expect(dora).to_have_url(re.compile("/settings/security$"))
    assert works(page_of, "dora", PASSWORD)


def test_a_dialog_that_is_closed_has_changed_nothing_and_what_was_typed_stays(page_of):
    page_of.expect(403)
    dora = page_of("dora")
    dora.goto(PATH)
    dora.get_by_label("New password", exact=True).fill(NEW)
    dora.get_by_role("button", name="Save").click()
    expect(dora.get_by_role("dialog")).to_be_visible()
    dora.keyboard.press("Escape")
    expect(dora.get_by_role("dialog")).to_be_hidden()
    expect(dora.get_by_label("New password", exact=True)).to_have_value(NEW)
    assert works(page_of, "dora", PASSWORD)


def test_with_the_keyboard_alone(page_of, put_back):
    page_of.expect(403, 422)
    vera = put_back(page_of("vera"))
    vera.goto(PATH)
    field = vera.get_by_label("New password", exact=True)
    expect(field).to_be_focused()
    vera.keyboard.type(NEW)
    vera.keyboard.press("Enter")
    answer = vera.get_by_role("dialog").get_by_label("Your password", exact=True)
    expect(answer).to_be_focused()
    vera.keyboard.type("Wrong horse 1!")
    vera.keyboard.press("Enter")
    expect(vera.get_by_role("dialog")).to_contain_text("4 tries left")
    expect(answer).to_be_focused()
    expect(answer).to_have_value("")
    vera.keyboard.type(PASSWORD)
    vera.keyboard.press("Enter")
    expect(vera).to_have_url(re.compile("/settings/security$"))
    assert works(page_of, "vera", NEW)


def test_another_way_is_a_code_by_mail(page_of, put_back, demo):
    page_of.expect(403, 422, 429)
    bob = put_back(page_of("bob"))
    bob.goto(PATH)
    bob.get_by_label("New password", exact=True).fill(NEW)
    bob.get_by_role("button", name="Save").click()
    dialog = bob.get_by_role("dialog")
    dialog.get_by_role("button", name="a code by mail").click()
    expect(dialog).to_contain_text("bob@example.org")
    expect(dialog).to_contain_text(re.compile("spam", re.I))
    code = dialog.get_by_label("Six-digit code")
    expect(code).to_be_focused()
    dialog.get_by_role("button", name="Send a new code").click()
    expect(dialog).to_contain_text(re.compile(r"Wait \d+ seconds"))
    code.fill(demo.letter("bob@example.org", r"\b\d{6}\b"))
    dialog.get_by_role("button", name="Confirm").click()
    expect(bob).to_have_url(re.compile("/settings/security$"))
    assert works(page_of, "bob", NEW)


def test_with_scripts_off_a_page_asks_and_the_form_goes_on(page_of, put_back):
    page_of.expect(403, 422)
    page = put_back(page_of("dora", java_script_enabled=False))
    page.goto(PATH)
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Your password", exact=True).fill("Wrong horse 1!")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(re.compile(r"You have \d tries left"))).to_be_visible()
    page.get_by_label("Your password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page).to_have_url(re.compile("/settings/security$"))
    expect(page.locator("body")).to_contain_text("Your password is changed.")
    assert works(page_of, "dora", NEW)
