"""Flyers in a real browser: a stranger makes one on a phone, with keys alone, without scripts, and without a network."""

import io
import re

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations
from tests.browser.test_phone import OVER, PHONE

CAMPAIGN = "/flyers/lantern-festival"
SAVED = re.compile(r"Saved until \d+ \w+ \d{4}")


@pytest.fixture(scope="module")
def photo():
    """A photo of somebody, from a camera that was held upright."""
    image = Image.new("RGB", (1500, 2000), "#7fa7c9")
    pen = ImageDraw.Draw(image)
    pen.ellipse((500, 500, 1000, 1150), "#e8c39e")
    pen.ellipse((250, 1250, 1250, 2500), "#703f3a")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def ready(page, address=CAMPAIGN):
    page.goto(address)
    page.wait_for_selector("#maker[data-ready]")
    return page


def picture(download):
    with Image.open(download.path()) as image:
        return image.convert("RGB")


def test_a_stranger_on_a_phone_makes_one_and_deletes_it(page_of, photo):
    page_of.expect(404)
    page = ready(page_of(None, **PHONE))
    assert page.evaluate(OVER) == []
    assert violations(page) == []
    page.get_by_role("button", name="Download", exact=True).tap()
    expect(page.get_by_text("Fill in “Your name” first.")).to_be_visible()
    page.get_by_label("Choose a photo").set_input_files(photo)
    expect(page.get_by_text("Drag the photo into place")).to_be_visible()
    page.get_by_label("Your name").fill("Zoë \U00016a00")
    expect(page.get_by_text("We can’t draw \U00016a00 here")).to_be_visible()
    page.get_by_label("Your name").fill("Amara Okonkwo")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download", exact=True).tap()
    assert picture(taken.value).size == (1080, 1350)
    expect(page.get_by_text("nothing was sent")).to_be_visible()
    with page.expect_download():
        page.get_by_role("button", name="Download and make a link").tap()
    expect(page.get_by_text(SAVED)).to_be_visible()
    assert page.evaluate(OVER) == []
    assert violations(page) == []
    link, manage = page.get_by_label("Your link").input_value(), page.get_by_role("link", name="Keep it longer")
    manage = manage.get_attribute("href")
    other = page_of(None, **PHONE)
    other.goto(link)
    expect(other.get_by_role("heading", name="Amara Okonkwo is going to Lantern Festival")).to_be_visible()
    assert other.evaluate(OVER) == []
    assert violations(other) == []
    shown = other.get_by_role("img").get_attribute("src")
    other.goto(manage)  # in another browser: by the secret in its fragment
    other.get_by_role("button", name="Keep it 30 days longer").tap()
    expect(other.get_by_text("It is kept longer.")).to_be_visible()
    other.goto(manage)
    other.get_by_role("button", name="Delete it").tap()
    expect(other.get_by_text("Deleted: the picture")).to_be_visible()
    assert other.request.get(shown).status == 404
    other.goto(link)
    expect(other.get_by_text("This flyer was removed.")).to_be_visible()


def test_with_keys_alone(page_of, photo):
    page = ready(page_of(None))
    page.get_by_label("Your name").press_sequentially("Ines")
    page.get_by_label("Choose a photo").set_input_files(photo)
    expect(page.locator("[data-hold]")).to_be_visible()
    page.locator("[data-hold]").focus()
    before = page.locator("[name=x]").input_value(), page.locator("[name=turn]").input_value()
    for key in ("+", "+", "ArrowRight", "Shift+ArrowDown", "]", "]"):
        page.keyboard.press(key)
    assert float(page.locator("[name=zoom]").input_value()) > 1.1
    assert (page.locator("[name=x]").input_value(), page.locator("[name=turn]").input_value()) != before
    page.keyboard.press("0")
    assert page.locator("[name=turn]").input_value() == "0"
    page.get_by_role("button", name="Download", exact=True).focus()
    with page.expect_download():
        page.keyboard.press("Enter")


def test_a_finger_drags_and_what_is_pasted_is_taken(page_of, photo):
    page = ready(page_of(None))
    page.evaluate(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "pasted.jpg", { type: "image/jpeg" }));
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
        }""",
        list(photo["buffer"]),
    )
    hold = page.locator("[data-hold]")
    expect(hold).to_be_visible()
    page.get_by_label("Size").fill("2")
    box = hold.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 130, box["y"] + 60, steps=3)
    page.mouse.up()
    assert float(page.locator("[name=x]").input_value()) < 0.5 < float(page.locator("[name=y]").input_value())


def test_without_scripts_the_server_makes_it(page_of, photo):
    page_of.expect(422)
    page = page_of(None, **PHONE, java_script_enabled=False)
    page.goto(CAMPAIGN)
    page.get_by_role("button", name="Make my flyer").tap()
    expect(page.get_by_text("“Your name” is needed for the picture.")).to_be_visible()
    page.get_by_label("Your name").fill("Grace Hopper")
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_role("button", name="Make my flyer").tap()
    expect(page.get_by_role("heading", name="Your flyer")).to_be_visible()
    for _ in range(200):  # the page says «look again» until the picture is there
        if page.get_by_role("link", name="Download").count():
            break
        page.wait_for_timeout(50)
        page.reload()
    with page.expect_download() as taken:
        page.get_by_role("link", name="Download").tap()
    assert picture(taken.value).size == (1080, 1350)
    page.get_by_role("button", name="Delete it").tap()
    expect(page.get_by_text("Deleted: the picture")).to_be_visible()


def test_offline_after_loading_and_when_the_network_comes_back(page_of, photo):
    page_of.expect("ERR_INTERNET_DISCONNECTED")
    page = ready(page_of(None))
    page.context.set_offline(True)
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("Omar Haddad")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download", exact=True).click()
    assert picture(taken.value).size == (1080, 1350)
    with page.expect_download():
        page.get_by_role("button", name="Download and make a link").click()
    expect(page.get_by_text("(try 2)")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text(SAVED)).to_be_visible()


BLOCKED = """const blank = HTMLCanvasElement.prototype.toBlob;
HTMLCanvasElement.prototype.toBlob = function (done) { const other = document.createElement("canvas"); blank.call(other, done); };"""


def test_on_a_slow_network_it_says_what_it_does_and_impatience_makes_no_second_one(page_of, photo):
    page = page_of(None, **PHONE)
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 400, "downloadThroughput": 60_000, "uploadThroughput": 30_000}
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", slow)  # bytes a second: a crowded hall
    ready(page)
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" and CAMPAIGN in asked.url else 0)
    page.get_by_label("Choose a photo").set_input_files(photo)
    expect(page.get_by_text("Drag the photo into place")).to_be_visible()
    page.get_by_label("Your name").fill("Slow Ada")
    both = page.get_by_role("button", name="Download and make a link")
    with page.expect_download() as taken:
        both.tap()
    assert picture(taken.value).size == (1080, 1350)
    expect(page.get_by_text("Saving a copy for your link…")).to_be_visible()  # what was downloaded is there already
    for _ in range(3):
        both.tap()
    expect(page.get_by_text(SAVED)).to_be_visible(timeout=60_000)
    link = page.get_by_label("Your link").input_value()
    with page.expect_download() as again:
        both.tap()  # and once more: the same is the same
    assert picture(again.value).tobytes() == picture(taken.value).tobytes(), "the first had its fonts already"
    expect(page.get_by_text("Saving a copy for your link…")).to_be_visible()
    expect(page.get_by_text(SAVED)).to_be_visible(timeout=60_000)
    assert (page.get_by_label("Your link").input_value(), len(sent)) == (link, 2)


def test_where_the_canvas_gives_nothing_back_the_server_makes_it_and_the_page_says_so(page_of, photo):
    page = page_of(None)
    page.add_init_script(BLOCKED)
    ready(page)
    expect(page.get_by_text("we make yours on our side")).to_be_visible()
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("Tove Lindqvist")
    page.get_by_role("button", name="Make it on our side").click()
    expect(page.get_by_text(SAVED)).to_be_visible()
    with page.expect_download():
        page.get_by_role("link", name="Get the file").click()


def test_the_phone_and_the_server_draw_the_same(page_of, photo):
    """Width within a pixel, and 1.5 of 255 over the whole picture."""
    page = ready(page_of(None))
    page.get_by_label("Choose a photo").set_input_files(photo)
    link = ""
    for name in ("Amara Okonkwo", "مُحَمَّد Smith (DJ)"):
        page.get_by_label("Your name").fill(name)
        with page.expect_download() as taken:
            page.get_by_role("button", name="Download and make a link").click()
        expect(page.get_by_label("Your link")).not_to_have_value(link)
        link = page.get_by_label("Your link").input_value()
        theirs = page.request.get(f"{link}.jpg")
        with Image.open(io.BytesIO(theirs.body())) as image:
            there = image.convert("RGB")
        here = picture(taken.value)
        apart = ImageStat.Stat(ImageChops.difference(here, there)).mean
        assert sum(apart) / 3 <= 1.5, name
        ink = [ImageChops.difference(one, Image.new("RGB", one.size, one.getpixel((5, 5)))) for one in (here, there)]
        boxes = [one.crop((0, 700, 1080, 1350)).convert("L").point(lambda v: 255 * (v > 60)).getbbox() for one in ink]
        assert all(abs(a - b) <= 1 for a, b in zip(*boxes, strict=True)), (name, boxes)


INSTAGRAM = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/22F76 Instagram 385.0.0"


def test_flyer_case_18_in_an_app_that_saves_nothing_the_picture_is_held_and_there_is_a_file(page_of, photo):
    page = ready(page_of(None, **PHONE | {"user_agent": INSTAGRAM}))
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("Amara")
    page.get_by_role("button", name="Download", exact=True).tap()
    expect(page.get_by_text("Hold the picture below to save it.")).to_be_visible()
    assert page.locator("[data-result]").get_attribute("src").startswith("data:image/jpeg;base64,")
    page.get_by_role("button", name="Download and make a link").tap()
    expect(page.get_by_text(SAVED)).to_be_visible()
    file = page.get_by_role("link", name="Get the file").get_attribute("href")
    assert page.request.get(file).headers["content-disposition"].startswith("attachment")


SHARES = """window.shared = []; navigator.canShare = () => true;
navigator.share = (about) => { shared.push([navigator.userActivation.isActive, about.files.length]);
  return Promise.reject(new DOMException("No", window.refusal)); };"""


def test_flyer_case_19_sharing_begins_in_the_tap_and_who_thinks_better_of_it_is_told_nothing(page_of, photo):
    page = page_of(None)
    page.add_init_script(SHARES)
    ready(page)
    told = []
    page.on("request", lambda asked: told.append(asked.post_data or "") if asked.url.endswith("/flyers/e") else None)
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("Amara")
    with page.expect_download():
        page.get_by_role("button", name="Download", exact=True).click()
    for refusal, said in (("AbortError", False), ("NotAllowedError", True)):
        page.evaluate("(name) => { window.refusal = name; }", refusal)
        page.get_by_role("button", name="Share").click()
        page.wait_for_function("shared.length === " + str(1 + said))
        expect(page.get_by_text("Sharing didn’t work here.")).to_be_visible(visible=said)
    assert page.evaluate("shared") == [[True, 1]] * 2
    assert not any('"share"' in one for one in told)


def test_a_batch_that_is_drawn_leaves_its_reader_where_they_are(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/flyers/batches/new")
    names = "\n".join(["Your name", *(f"Guest {n}" for n in range(60))])
    page.get_by_label("Table of names").set_input_files(
        {"name": "guests.csv", "mimeType": "text/csv", "buffer": names.encode()}
    )
    page.get_by_role("button", name="Look at them").click()
    page.get_by_role("button", name="Draw them").click()
    rows = page.locator("#batch_progress details")
    rows.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("60 of 60 pictures are there.")).to_be_visible(timeout=60_000)
    expect(rows.locator("summary")).to_be_focused()
    expect(rows).to_have_attribute("open", "")
    expect(rows.get_by_text("Drawn")).to_have_count(60)


def test_who_orders_by_a_flyer_is_brought_until_the_money_goes_back(page_of):
    ada = ready(page_of(None, **PHONE))
    ada.get_by_label("Your name").fill("Ada Brings")
    with ada.expect_download():
        ada.get_by_role("button", name="Download and make a link").tap()
    expect(ada.get_by_text(SAVED)).to_be_visible()
    link = ada.get_by_label("Your link").input_value()
    buyer = page_of(None, **PHONE)
    buyer.goto(link)
    buyer.locator("main a[href*='/e/lantern-festival']").first.tap()
    expect(buyer).to_have_url(re.compile("via=[a-z]{8}"))
    code = buyer.url.partition("via=")[2][:8]
    buyer.get_by_label("Saturday").select_option("1")
    buyer.get_by_role("button", name="Get tickets").tap()
    buyer.get_by_label("Your name").fill("Bo Li")
    buyer.get_by_label("Your e-mail address").fill("bo.brought@example.org")
    buyer.get_by_role("button", name="with Sandbox").tap()
    buyer.get_by_role("button", name="Pay", exact=True).tap()
    expect(buyer.get_by_role("heading", name="Your tickets")).to_be_visible()
    organizer = page_of("alice")
    organizer.goto(f"{TEAM}/events/2/bringers")
    row = organizer.locator("#list_rows [data-row]", has_text=code)
    expect(row.get_by_role("cell", name="1", exact=True)).to_have_count(2)  # people and tickets
    organizer.goto(f"{TEAM}/events/2/orders?q=bo.brought%40example.org")
    organizer.locator("#list_rows a").first.click()
    organizer.get_by_role("checkbox").last.check()
    organizer.get_by_role("button", name="Take back the chosen ones").click()
    organizer.get_by_label("Why").fill("Bo is ill")
    organizer.get_by_role("button", name="Take back and send the money").click()
    expect(organizer.get_by_text("Sent back: Bo is ill")).to_be_visible()
    organizer.goto(f"{TEAM}/events/2/bringers")
    expect(row.get_by_role("cell", name="0", exact=True)).to_have_count(2)  # people and tickets


def test_what_was_chosen_and_typed_a_moment_ago_is_in_the_picture(page_of, photo):
    page, held = page_of(None), []
    page.route("**/NotoSansArabic*", lambda route: held.append(route))
    ready(page)
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("مُحَمَّد")
    button = page.get_by_role("button", name="Download", exact=True)
    with page.expect_download() as taken:
        button.click()
        page.wait_for_timeout(500)  # long enough for a picture without these letters
        held.pop(0).continue_()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your name").fill("مُحَمَّد")
    with page.expect_download() as later:
        button.click()
    assert picture(taken.value).tobytes() == picture(later.value).tobytes()


def test_a_text_whose_letters_cannot_be_fetched_is_no_picture_without_them(page_of, photo):
    page_of.expect("net::ERR_FAILED")
    page, saved = page_of(None), []
    page.on("download", lambda one: saved.append(one))
    page.route("**/NotoSansArabic*", lambda route: route.abort())
    ready(page)
    page.get_by_label("Choose a photo").set_input_files(photo)
    page.get_by_label("Your name").fill("مُحَمَّد")
    for button in ("Download", "Download and make a link"):
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.get_by_text("The letters for this text can’t be fetched")).to_be_visible()
    page.unroute("**/NotoSansArabic*")
    with page.expect_download():
        page.get_by_role("button", name="Download", exact=True).click()
    assert len(saved) == 1, "and none before"
