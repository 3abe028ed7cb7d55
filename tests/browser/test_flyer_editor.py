"""The editor of a flyer's template in a real browser: by keys alone, by a finger, undone, refused, and without scripts."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations
from tests.browser.test_phone import OVER, PHONE

NEW = f"{TEAM}/flyers/templates"


@pytest.fixture
def draft(page_of):
    """The address of the editor of a new template."""

    def make(page, name):
        page.goto(NEW)
        assert page.request.post(NEW, form={"name": name}).ok
        page.goto(NEW)
        return page.get_by_role("link", name=name).first.get_attribute("href") + "/edit"

    return make


def ready(page, address):
    page.goto(address)
    page.wait_for_selector("#editor[data-ready]")


def box(page, called):
    return page.locator(f".editor-box[role=group][aria-label^='{called},']")


def saved(page):
    expect(page.locator("[data-says]")).to_have_text("Saved as a draft.")


def test_an_organizer_makes_and_publishes_one_with_keys_alone(page_of, draft):
    page = page_of("alice")
    address = draft(page, "By keys")
    ready(page, address)
    assert violations(page) == []
    name = box(page, "Your name")
    name.focus()
    left, wide = (page.locator(f"[name='slots.2.box.{i}']") for i in (0, 2))
    before = int(left.input_value()), int(wide.input_value())
    for key in ("ArrowRight", "Shift+ArrowRight", "Alt+ArrowLeft", "Alt+Shift+ArrowLeft"):
        page.keyboard.press(key)
    assert (int(left.input_value()), int(wide.input_value())) == (before[0] + 11, before[1] - 11)
    moved = before[0] + 11
    saved(page)
    page.keyboard.press("Delete")
    expect(box(page, "Your name")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(box(page, "Your name")).to_have_count(1)
    expect(page.locator("[name='slots.2.box.0']")).to_have_value(str(moved))
    add = page.get_by_role("button", name="Add code")
    add.focus()
    page.keyboard.press("Enter")
    expect(box(page, "Code")).to_have_count(1)
    box(page, "Code").focus()
    page.keyboard.press("[")
    expect(page.locator("[data-slot]").nth(5)).to_contain_text("Code")
    ready(page, address)  # the draft has it
    expect(box(page, "Code")).to_have_count(1)
    page.get_by_role("button", name="Publish").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("By keys is published, version 1.")).to_be_visible()


def test_a_finger_moves_a_slot_and_the_middle_holds_it(page_of, draft):
    page = page_of("alice", **PHONE)
    ready(page, draft(page, "By hand"))
    assert page.evaluate(OVER) == []
    assert violations(page) == []
    photo = box(page, "Photo")
    photo.scroll_into_view_if_needed()
    at = photo.bounding_box()
    page.mouse.move(at["x"] + 20, at["y"] + 20)
    page.mouse.down()
    page.mouse.move(at["x"] + 60, at["y"] + 40, steps=4)
    page.mouse.move(at["x"] + 21, at["y"] + 40, steps=4)
    page.mouse.up()
    expect(page.locator("[name='slots.0.box.0']")).to_have_value("290")  # in the middle again, by a hair's breadth
    assert int(page.locator("[name='slots.0.box.1']").input_value()) > 200
    saved(page)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[name='slots.0.box.1']")).to_have_value("170")


def test_one_step_back_is_one_step_and_nothing_typed_meanwhile_is_lost(page_of, draft):
    page_of.expect(422)
    page = page_of("alice")
    ready(page, draft(page, "Steps"))
    left, colour = page.locator("[name='slots.2.box.1']"), page.locator("[name='background.colour']")
    box(page, "Your name").focus()
    page.keyboard.press("Shift+ArrowDown")
    moved = left.input_value()
    saved(page)
    page.wait_for_timeout(1100)  # what goes on within a second is one step
    colour.fill("#222222")
    page.locator("[name='alt']").evaluate("one => one.dispatchEvent(new Event('change', {bubbles: true}))")
    page.get_by_role("button", name="Undo").click()
    expect(colour).not_to_have_value("#222222")
    expect(left).to_have_value(moved)
    posts = []
    page.on("request", lambda one: posts.append(one.url) if one.method == "POST" else None)
    page.locator("[name='slots.2.box.2']").evaluate(
        "one => { one.value = 5000; one.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.get_by_label("Put a picture here").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"x"})
    page.get_by_role("button", name="Use it behind all").click()
    expect(page.get_by_text("Not saved: This box isn't within the picture")).to_be_visible()
    page.wait_for_timeout(800)
    assert len(posts) <= 3  # it doesn't go round and round


def test_what_is_hard_to_read_is_said_and_mended_by_a_button(page_of, draft):
    page = page_of("alice")
    ready(page, draft(page, "Contrast"))
    page.locator("[name='background.colour']").fill("#f0f0f0")
    mend = page.get_by_role("button", name="Add a panel to Your name")
    expect(mend).to_be_visible()
    mend.click()
    expect(mend).to_have_count(0)
    expect(page.get_by_role("button", name="Add a shadow to Line")).to_be_visible()
    saved(page)
    page.get_by_role("link", name="Arabic with Latin").click()
    expect(page.get_by_role("link", name="Arabic with Latin")).to_have_attribute("aria-current", "")


def test_what_cannot_be_saved_is_said_beside_its_field_and_somebody_elses_change_too(page_of, draft):
    page_of.expect(422, 409)
    page = page_of("alice")
    address = draft(page, "Refused")
    ready(page, address)
    page.get_by_text("Your name", exact=True).click()
    width = page.locator("[name='slots.2.box.2']")
    width.fill("5000")
    expect(page.get_by_text("Not saved: This box isn't within the picture")).to_be_visible()
    expect(page.locator("[name='slots.2.box.0']")).to_have_attribute("aria-invalid", "true")
    width.fill("500")
    saved(page)
    other = page_of("bob")
    ready(other, address)
    other.locator("[name='background.colour']").fill("#123456")
    saved(other)
    width.fill("510")
    expect(page.get_by_text("Somebody else changed Refused since you opened it.").first).to_be_visible()
    page.get_by_role("button", name="Save mine over it").click()
    saved(page)
    page.goto(address)
    expect(page.locator("[name='slots.2.box.2']")).to_have_value("510")


def test_without_a_script_the_fields_and_the_servers_picture_do(page_of, draft):
    with_script = page_of("alice")
    address = draft(with_script, "Plain")
    page = page_of("alice", java_script_enabled=False)
    page.goto(address)
    first = page.get_by_role("img", name="The draft").get_attribute("src")
    page.locator("summary", has_text="Your name").click()
    page.locator("[name='slots.2.colour']").fill("#ffcc00")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert page.get_by_role("img", name="The draft").get_attribute("src") != first
    page.get_by_role("link", name="Chinese").click()
    expect(page.get_by_role("img", name="The draft")).to_be_visible()
    design = json.loads(page.locator("#editor").get_attribute("data-given"))
    assert set(design["codes"]) == {"share.url", "event.url"}
