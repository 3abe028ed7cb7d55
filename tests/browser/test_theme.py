"""Light, dark, or as the system: from the first paint on; and nothing moves for those who asked for that."""

from playwright.sync_api import expect

from tests.browser.conftest import TEAM

# Runs before any script of the page: notes the theme at each frame that is painted, from the first.
WATCH = """
  window.seen = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.seen.push([one.name, document.documentElement.dataset.bsTheme]);
  }).observe({ type: "paint", buffered: true });
  const look = () => { if (document.body) window.seen.push(["frame", document.documentElement.dataset.bsTheme, getComputedStyle(document.body).backgroundColor]); if (window.seen.length < 30) requestAnimationFrame(look); };
  requestAnimationFrame(look);
"""
DARK, LIGHT = "rgb(21, 23, 26)", "rgb(250, 248, 244)"


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_dark_stays_dark_without_a_flash(page_of):
    page = page_of("alice", color_scheme="light")
    page.goto("/account")
    assert ground(page) == LIGHT
    page.get_by_role("main").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert ground(page) == DARK
    expect(page.get_by_role("main").get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")

    page.add_init_script(WATCH)
    for place in ("/account", f"{TEAM}/tasks"):
        page.goto(place)
        page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        seen = page.evaluate("window.seen")
        assert {one[1] for one in seen} == {"dark"}, seen
        assert {one[2] for one in seen if one[0] == "frame"} <= {DARK}, seen


def test_the_choice_reaches_the_other_tabs(page_of):
    page = page_of("alice", color_scheme="light")
    page.goto("/account")
    other = page.context.new_page()
    other.goto(TEAM)
    page.get_by_role("main").get_by_role("button", name="Dark").click()
    expect(other.locator("html")).to_have_attribute("data-bs-theme", "dark")
    page.get_by_role("main").get_by_role("button", name="As the system").click()
    expect(other.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_without_a_choice_the_system_decides_also_later(page_of):
    page = page_of(None, color_scheme="dark")
    page.goto("/")
    assert ground(page) == DARK
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    assert ground(page) == LIGHT


def test_without_scripts_the_system_decides(page_of):
    page = page_of(None, color_scheme="dark", java_script_enabled=False)
    page.goto("/")
    expect(page.locator("body")).to_have_css("background-color", DARK)


def test_a_folded_sidebar_stays_folded(page_of):
    page = page_of("alice")
    page.goto(TEAM)
    wide = page.locator("#sidebar").bounding_box()["width"]
    page.get_by_role("button", name="Fold the sidebar").click()
    page.reload()
    assert page.locator("#sidebar").bounding_box()["width"] < wide / 2
    page.get_by_role("button", name="Unfold the sidebar").click()
    assert page.locator("#sidebar").bounding_box()["width"] == wide


def test_nothing_moves_for_those_who_want_that(page_of):
    page = page_of("alice", reduced_motion="reduce")
    page.goto(f"{TEAM}/tasks")
    page.keyboard.press("c")
    expect(page.locator("#dialog")).to_be_visible()
    longest = page.evaluate("""() => Math.max(...[...document.querySelectorAll("*")].flatMap((one) => {
        const style = getComputedStyle(one);
        return (style.animationDuration + "," + style.transitionDuration).split(",").map(parseFloat);
      }))""")
    assert longest <= 0.001


def test_times_are_told_in_the_readers_zone(page_of):
    page = page_of("alice", timezone_id="Asia/Tokyo")
    page.goto(TEAM)
    moment = page.locator("time[data-form=auto]").first
    assert "UTC" not in moment.inner_text()
    assert "Japan" in moment.get_attribute("title") or "GMT+9" in moment.get_attribute("title")


def test_a_welcome_comes_with_the_page_and_goes_once_it_was_read(page_of):
    page = page_of("alice")
    page.goto(TEAM)
    welcome = page.locator("[data-once]")
    welcome.get_by_role("button", name="Got it").click()
    expect(welcome).to_have_count(0)
    page.reload(wait_until="commit")
    page.locator("#home_area").wait_for()
    expect(welcome).to_be_hidden()
