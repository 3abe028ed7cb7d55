"""`python -m tests.browser.screenshots` draws docs/screenshots/ and the front page's pictures from the demo."""

import base64
import tempfile

from playwright.sync_api import expect, sync_playwright

from tests.browser import chromium
from tests.browser.server import TOP, Server

FOLDER = TOP / "docs" / "screenshots"
TEAM = "/acme-festival"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
ALICE, DORA, STELLA = 1, 4, 6


def at_the_door(page):
    """Somebody has just come in at the market."""
    page.goto("/door")
    page.get_by_role("link", name="Lantern Market").click()
    page.get_by_label("Gate").select_option(label="Entrance")
    page.get_by_role("button", name="Open the door").click()
    expect(page.locator("[data-ready]")).to_be_attached()
    page.get_by_label("Name").press_sequentially("ines")
    page.get_by_role("button", name="Let in Ines Pereira").click()


def a_rehearsal(page):
    """The sale of the festival is played."""
    page.goto(f"{TEAM}/events/2/rehearsals/new")
    page.get_by_label("Buyers").fill("700")
    page.get_by_role("button", name="Create rehearsal").click()
    page.goto(f"{TEAM}/events/2/rehearsals")
    page.locator("#list_rows a").first.click()
    expect(page.get_by_role("heading", name="What would happen")).to_be_visible(timeout=300_000)


SHOTS = (
    # name, who, address or what leads there, size, what must stand there first
    ("home", ALICE, TEAM, WIDE, "#home_area"),
    ("tasks", ALICE, f"{TEAM}/tasks?tab=all", WIDE, "#list_rows"),
    ("board", ALICE, f"{TEAM}/tasks?tab=all&view=board", WIDE, ".board-card"),
    ("plan", ALICE, f"{TEAM}/billing", WIDE, ".plan-now .tone-good"),
    ("settings", STELLA, "/admin/settings", WIDE, "#setting_site_name"),
    ("table", ALICE, f"{TEAM}/records/equipment", WIDE, "#list_rows"),
    ("table-board", ALICE, f"{TEAM}/records/equipment?view=board", WIDE, ".board-card"),
    ("table-fields", ALICE, f"{TEAM}/records/equipment/fields", WIDE, "main form"),
    ("dashboard", ALICE, f"{TEAM}/dashboard", WIDE, "main svg"),
    ("event", ALICE, "/e/lantern-festival", PHONE, ".tickets"),
    ("event-made", ALICE, f"{TEAM}/events/2", WIDE, "#row_detail"),
    ("event-orders", ALICE, f"{TEAM}/events/2/orders", WIDE, "#list_rows"),
    ("event-rehearsal", ALICE, a_rehearsal, {"width": 1280, "height": 1100}, ".rehearsal-chart"),
    ("door", DORA, at_the_door, PHONE, "#door_answer.good"),
    ("flyer", ALICE, "/flyers/lantern-festival", PHONE, "#maker[data-ready]"),
    ("flyers", ALICE, "/flyers", PHONE, "main img"),
    ("phone", ALICE, f"{TEAM}/tasks", PHONE, "#list_rows"),
)


def draw(browser, url):
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, who, address, size, first in SHOTS:
        phone = size is PHONE
        context = browser.new_context(
            base_url=url,
            viewport=size,
            is_mobile=phone,
            has_touch=phone,
            locale="en-GB",
            timezone_id="Europe/Paris",
            color_scheme="light",
            reduced_motion="reduce",
            device_scale_factor=1,
        )
        context.request.post(f"/dev/sign-in/{who}")
        page = context.new_page()
        address(page) if callable(address) else page.goto(address)
        expect(page.locator(first).first).to_be_visible(timeout=15_000)
        page.evaluate("document.fonts.ready")
        page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")
        context.close()
        print(f"{(FOLDER / name).relative_to(TOP)}.png")


AS_WEBP = """async (png) => {
  const image = new Image(), canvas = document.createElement("canvas");
  image.src = `data:image/png;base64,${png}`;
  await image.decode();
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.7).split(",")[1];
}"""


def draw_front(browser, url):
    for theme in ("light", "dark"):
        look = {"viewport": {"width": 1280, "height": 720}, "color_scheme": theme, "reduced_motion": "reduce"}
        context = browser.new_context(base_url=url, locale="en-GB", timezone_id="Europe/Paris", **look)
        context.request.post(f"/dev/sign-in/{ALICE}")
        page = context.new_page()
        page.goto(f"{TEAM}/tasks?tab=all")
        page.evaluate("document.fonts.ready")
        png = base64.b64encode(page.screenshot(animations="disabled")).decode()
        webp = context.new_page().evaluate(AS_WEBP, png)
        (TOP / "static" / f"front-{theme}.webp").write_bytes(base64.b64decode(webp))
        context.close()


def main():
    with (
        tempfile.TemporaryDirectory() as folder,
        Server(folder, "demo") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium.path(), args=chromium.ARGS)
        draw(browser, server.url)
        draw_front(browser, server.url)
        browser.close()


if __name__ == "__main__":
    main()
