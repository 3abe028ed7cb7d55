"""Codes of a table in real browsers: drawn in its cells, read by the camera for its search and at a kiosk."""

import base64
import json
import re

import pytest
import segno
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_door import CAMERA


@pytest.fixture
def page(page_of, demo):
    """A page of alice, who has a table with a QR code and a bar code in each row, and a kiosk that finds by the bars."""
    page = page_of("alice", permissions=["camera"])

    def send(at, **form):
        answer = page.request.post(at, form=form, headers={"Origin": demo.url})
        assert answer.ok, answer.text()[-2000:]
        return answer

    page.send, page.keys = send, send(f"{TEAM}/records", name="Keys").url
    for label, kind in (("Tag", "qrcode"), ("Shelf", "barcode"), ("State", "text")):
        send(f"{page.keys}/fields", label=label, kind=kind)
    page.goto(f"{page.keys}/new")
    names = [page.get_by_label(label).get_attribute("name") for label in ("Name", "Tag", "Shelf", "State")]
    for number in (1, 2):
        send(page.keys, **dict(zip(names, (f"Key {number}", f"Schlüssel {number}", f"A-{number}"), strict=False)))
    page.ids = [name[1:] for name in names]
    return page


def sees(page, picture):
    """From the next page on, the camera is held before a picture (an address)."""
    page.add_init_script(f"const seen = {json.dumps(picture)};" + CAMERA)


def picture_in(page, name):
    svg = page.get_by_role("img", name=name).locator("svg").evaluate("(one) => one.outerHTML")
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def test_the_camera_finds_the_row_of_a_code_and_opens_the_address_of_one(page, demo):
    page.goto(page.keys)
    sees(page, picture_in(page, "QR code of Schlüssel 2"))
    page.goto(page.keys)
    page.get_by_role("button", name="Scan a code").click()
    expect(page.locator("#list_q")).to_have_value("Schlüssel 2", timeout=30_000)
    expect(page.locator("#list_rows")).not_to_contain_text("Key 1")
    expect(page.locator("#list_rows")).to_contain_text("Key 2")
    row = page.locator("#list_rows a", has_text="Key 2").get_attribute("href")
    sees(page, segno.make(demo.url + row, error="m").png_data_uri(scale=6, border=4))
    page.goto(page.keys)
    page.get_by_role("button", name="Scan a code").click()
    page.wait_for_url(f"**{row}", timeout=30_000)
    expect(page.get_by_label("Name").first).to_have_value("Key 2")


def test_a_camera_that_isnt_to_be_had_says_why_and_the_dialog_closes(page):
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotFoundError'))"
    )
    page.goto(page.keys)
    scan = page.get_by_role("button", name="Scan a code")
    scan.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Scan a code")).to_contain_text("has no camera")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Scan a code")).to_have_count(0)
    expect(scan).to_be_focused()


def test_a_kiosk_reads_a_bar_code_by_its_camera(page):
    first, _, shelf, state = page.ids
    page.send(f"{page.keys}/buttons", label="Give back", does="set", field_0=state, value_0="back")
    page.goto(page.keys)
    sees(page, picture_in(page, "Bar code of A-2"))
    page.goto(f"{page.keys}/sharing/kiosk")
    button = page.get_by_label("The button").locator("option", has_text="Give back").get_attribute("value")
    about = {"name": "Counter", "find": shelf, "button": button, f"show_{first}": "1"}
    made = page.send(f"{page.keys}/sharing/kiosk", **about).text()
    page.goto(re.search(r"/p/[\w-]+", made)[0])
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator(".kiosk-row")).to_contain_text("Key 2", timeout=30_000)
    expect(page.get_by_role("button", name="Give back")).to_be_visible()
