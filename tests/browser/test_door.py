"""The door of an event in real browsers: typed, seen by the camera, and without a network."""

import json
import os
import re
import subprocess
import sys

import segno
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.server import TOP
from tests.browser.test_events import looks_right
from tests.browser.test_phone import PHONE

SCANS = int(os.environ.get("SCANS", "60"))  # of each phone; `make door` scans a thousand
OVERLAP = max(5, SCANS // 20)

# Runs beside the server, on its data: an event with passes, and their codes.
MAKES = """
import json, sys
from domain.base import configuration
from database import opening, transactions
from database.scope import inside
from models import Organization
chosen = configuration.use(configuration.load())
opening.open_again(chosen.database_url)
from tests.fixtures.doors import an_event, code_of, passes_of
with inside(Organization.get(Organization.slug == "acme-festival")):
    event = an_event(sys.argv[1])
    passes = passes_of(event, [f"Guest {n}" for n in range(int(sys.argv[2]))])
    print(json.dumps({"event": event.public_id, "id": event.id, "codes": [code_of(one) for one in passes], "serials": [one.serial for one in passes]}))
transactions.writer.stop()
"""

# A camera that is held before a picture.
CAMERA = """
const drawn = Object.assign(document.createElement("canvas"), { width: 640, height: 640 }), picture = new Image();
picture.src = seen;
navigator.mediaDevices.getUserMedia = async () => {
  await picture.decode();
  const pen = drawn.getContext("2d");
  const draw = () => { pen.fillStyle = "#ddd"; pen.fillRect(0, 0, 640, 640); pen.drawImage(picture, 120, 120, 400, 400); };
  setInterval(draw, 50);
  draw();
  return drawn.captureStream(20);
};
"""


def made(server, title, count):
    done = subprocess.run(
        [sys.executable, "-c", MAKES, title, str(count)],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=TOP,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def at_the_door(page, night, name):
    page.goto(f"/door/{night['event']}")
    page.get_by_label("What this phone is called").fill(name)
    page.get_by_role("button", name="Open the door").click()
    expect(page.locator("[data-ready]")).to_be_attached()
    return page


def types(page, text):
    page.get_by_label("Code or serial").fill(text)
    page.keyboard.press("Enter")


def test_a_hardware_scanner_types_and_everything_is_answered_and_taken_back(page_of, demo):
    night = made(demo, "Jazz Night", 3)
    page = at_the_door(page_of("bob"), night, "Left door")
    answer = page.locator("#door_answer")
    page.locator("body").click()
    page.keyboard.type(night["codes"][0])  # no field was chosen before
    page.keyboard.press("Enter")
    expect(answer).to_contain_text("Come in")
    expect(answer).to_contain_text("Guest 0")
    answer.get_by_role("button", name="Take back").click()
    expect(answer).to_contain_text("Taken back")
    types(page, "hello")
    expect(answer).to_contain_text("We don't know this ticket")
    types(page, night["codes"][1][:-3] + "AAA")
    expect(answer).to_contain_text("wasn't made by us")
    page.get_by_label("Name").press_sequentially("guest 2")
    page.get_by_role("button", name="Let in Guest 2").click()
    expect(answer).to_contain_text("Come in")
    expect(page.locator("[data-counts]")).to_contain_text("1 in at this gate, 3 good tickets")


def test_on_a_phone_the_answer_comes_into_sight_and_no_code_is_left_behind(page_of, demo):
    night = made(demo, "Crowded Night", 12)
    page = at_the_door(page_of("bob", **PHONE), night, "In a pocket")
    page.get_by_label("Name").press_sequentially("guest")
    page.get_by_role("button", name="Let in Guest 9").tap()
    answer = page.locator("#door_answer h1")
    expect(answer).to_have_text("Come in")
    expect(answer).to_be_in_viewport(ratio=1)
    looks_right(page)
    types(page, night["codes"][0])
    expect(page.locator("#door_answer")).to_contain_text("Guest 0")
    page.reload()
    expect(page.locator("[data-ready]")).to_be_attached()
    expect(page.get_by_label("Code or serial")).to_have_value("")
    page.get_by_role("button", name="Use the camera").tap()
    expect(page.locator("[data-camera-says]")).to_contain_text(re.compile("has no camera|isn't allowed"))
    expect(page.locator("[data-camera] video")).to_be_hidden()


def test_a_phone_that_was_taken_off_or_is_signed_out_says_so_at_the_next_scan(page_of, demo):
    night = made(demo, "Lost Night", 2)
    page, alice = at_the_door(page_of("bob"), night, "Lost"), page_of("alice")
    page_of.expect(401, 403)
    page.context.clear_cookies()
    types(page, night["codes"][0])
    expect(page.locator("#door_answer")).to_contain_text("Come in")  # it decides alone, and keeps the scan
    expect(page.locator("[data-net]")).to_contain_text("You are signed out; scans are kept.")
    page = at_the_door(page_of("bob"), night, "Stolen")
    alice.goto(f"{TEAM}/events/{night['id']}/devices")
    (phone,) = re.findall(r'id="row_(\d+)"(?:(?!</tr>).)*Stolen', alice.content(), re.DOTALL)[-1:]
    alice.request.post(f"{TEAM}/events/{night['id']}/devices/{phone}/revocation")
    types(page, night["codes"][1])
    expect(page.locator("main")).to_contain_text("This phone was taken off the door.")
    expect(page.get_by_label("Code or serial")).to_have_count(0)
    page.get_by_role("link", name="Doors").click()
    expect(page).to_have_url(re.compile("/door$"))


def test_without_scripts_a_code_is_typed_and_sent(page_of, demo):
    night = made(demo, "Quiet Night", 1)
    page = page_of("bob", java_script_enabled=False)
    page.goto(f"/door/{night['event']}")
    page.get_by_role("button", name="Open the door").click()
    types(page, night["codes"][0])
    expect(page.locator("#door_answer")).to_contain_text("Come in")


def test_event_case_43_the_camera_reads_a_code_by_our_own_webassembly(browser, demo, tmp_path, page_of):
    """Chromium on Linux has no BarcodeDetector, so this is zxing's way."""
    night = made(demo, "Bright Night", 1)
    page = page_of("bob", permissions=["camera"])
    picture = segno.make(night["codes"][0], error="m", boost_error=False).png_data_uri(scale=6, border=4)
    page.add_init_script(f"const seen = {json.dumps(picture)};" + CAMERA)
    at_the_door(page, night, "Camera")
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#door_answer")).to_contain_text("Come in", timeout=30_000)


def test_event_case_44_a_camera_that_isnt_to_be_had_says_why_and_a_code_is_typed(page_of, demo):
    night = made(demo, "Dim Night", 1)
    page = page_of("bob")
    page.add_init_script("navigator.storage.persist = () => new Promise(() => {})")  # Firefox asks: no answer either
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => globalThis.why ? Promise.reject(new DOMException('', why)) : new Promise(() => {})"
    )
    at_the_door(page, night, "No camera")
    said, start = page.locator("[data-camera-says]"), page.get_by_role("button", name="Use the camera")
    for why, words in (
        ("NotAllowedError", "isn't allowed here"),
        ("NotReadableError", "Another app uses the camera"),
        ("NotFoundError", "has no camera"),
        ("", "Allow the camera when your browser asks"),  # and it is never answered
    ):
        page.evaluate("(why) => { globalThis.why = why; }", why)
        start.click()
        expect(said).to_contain_text(words)
    types(page, night["codes"][0])
    expect(page.locator("#door_answer")).to_contain_text("Come in")


def test_two_phones_without_a_network_make_exactly_their_overlaps_conflicts(page_of, demo):
    """Each scans its share and some of the other's; what is sent later is one admission each and a list of conflicts."""
    night = made(demo, "Far Night", 2 * SCANS - OVERLAP)
    phones = [at_the_door(page_of("bob", service_workers="allow"), night, f"Phone {n}") for n in (1, 2)]
    shares = (night["codes"][:SCANS], night["codes"][SCANS - OVERLAP :])
    page_of.expect("ERR_INTERNET_DISCONNECTED", "Failed to fetch")
    for phone in phones:
        expect(phone.locator("[data-offline]")).to_be_attached()
        phone.context.set_offline(True)
    for phone, codes in zip(phones, shares, strict=True):
        phone.reload()  # the page and its files are there without a network
        expect(phone.locator("[data-ready]")).to_be_attached()
        for code in codes:
            types(phone, code)
            expect(phone.locator("#door_answer")).to_contain_text("Come in")
            phone.evaluate("document.querySelector('#door_answer h1').textContent = ''")
        phone.get_by_role("button", name="Leave the door").click()
        expect(phone.get_by_text("Until it can, this phone stays here.")).to_be_visible()
        types(phone, codes[0])
        expect(phone.locator("#door_answer")).to_contain_text("Already in")
        expect(phone.locator("[data-queue]")).to_contain_text(f"{SCANS + 1} scans wait")
        expect(phone.locator("[data-counts]")).to_contain_text(f"{SCANS} in at this gate")
    for phone in phones:
        phone.context.set_offline(False)
        expect(phone.locator("[data-queue]")).to_be_hidden(timeout=60_000)
    conflicts = phones[0].request.get(f"/door/{night['event']}/snapshot")
    there = [one for one in conflicts.json()["passes"] if one[4]]
    assert len(there) == 2 * SCANS - OVERLAP
    assert sum(one[4][0][3] - 1 for one in there) == OVERLAP  # entries beyond the first
