"""The list: found, ordered, shown in parts, changed many at once, taken back, taken along."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

GLOBEX = "/globex"  # charlie's own organization: nobody else writes there
LIST = f"{GLOBEX}/tasks"


def rows(page):
    return page.locator("#list_rows [data-row]")


@pytest.fixture(scope="module")
def filled(demo, browser):
    """120 tasks of charlie's; the first story of this file has seen the list empty."""
    context = browser.new_context(base_url=demo.url)
    assert context.request.post("/dev/sign-in/5").ok
    for number in range(120):
        task = {"title": f"Crate {number:03}", "priority": "high" if number % 3 == 0 else "low"}
        task["due_at"] = f"2031-01-{1 + (number * 7) % 28:02}" if number % 2 else ""
        assert context.request.post(LIST, form=task, max_redirects=0).status == 303
    context.close()


@pytest.fixture
def page(filled, page_of):
    made = page_of("charlie")
    made.goto(LIST)
    expect(rows(made)).to_have_count(50)
    return made


def test_an_empty_list_says_what_it_is_for(page_of):
    page = page_of("charlie")
    page.goto(LIST)
    expect(page.get_by_text("No tasks yet")).to_be_visible()
    page.locator(".empty").get_by_role("link", name="New task").click()
    expect(page.locator("#dialog").get_by_label("Title")).to_be_focused()
    page.locator("#dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("#dialog")).to_be_hidden()


def test_the_first_row_made_from_an_empty_list_has_the_focus(page_of):
    page = page_of("charlie")
    page.goto("/globex/tasks/labels")
    page.locator(".empty").get_by_role("link", name="New label").click()
    page.locator("#dialog").get_by_label("Label").fill("Blue")
    page.keyboard.press("Enter")
    expect(page.locator("[data-row]", has_text="Blue")).to_be_focused()


def test_more_is_shown_until_all_is(page):
    page.get_by_role("link", name="Show more").click()
    expect(rows(page)).to_have_count(100)
    page.get_by_role("link", name="Show more").click()
    expect(rows(page)).to_have_count(120)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    titles = page.locator("#list_rows .row-title").all_inner_texts()
    assert len(set(titles)) == 120
    assert titles == sorted(titles, reverse=True)


def test_search_follows_the_typing_and_its_address_can_be_shared(page, page_of):
    page.locator("#list_q").press_sequentially("crate 04", delay=20)
    expect(rows(page)).to_have_count(10)
    expect(page).to_have_url(re.compile(r"q=crate\+04"))
    expect(page.locator("#list_q")).to_be_focused()
    expect(page.locator("#list_q")).to_have_value("crate 04")
    page.reload()
    expect(rows(page)).to_have_count(10)
    expect(page.locator("#list_q")).to_have_value("crate 04")
    other = page_of("charlie")
    other.goto(page.url)
    expect(rows(other)).to_have_count(10)


def test_back_leads_to_the_list_as_it_was(page):
    page.locator("#filter_priority").select_option("high")
    expect(rows(page)).to_have_count(40)
    page.locator("#list_rows .row-title").first.click()
    expect(page.locator("#row_detail")).to_be_visible()
    page.go_back()
    expect(rows(page)).to_have_count(40)
    expect(page.locator("#filter_priority")).to_have_value("high")
    page.go_back()
    expect(rows(page)).to_have_count(50)
    expect(page.locator("#filter_priority")).to_have_value("")


def test_filters_add_up_and_are_cleared(page):
    page.locator("#filter_priority").select_option("high")
    expect(rows(page)).to_have_count(40)
    page.locator("#filter_due").select_option("none")
    expect(rows(page)).to_have_count(20)
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(rows(page)).to_have_count(50)
    expect(page).to_have_url(re.compile(f"{LIST}$"))


def test_chips_of_the_status_filter(page):
    chips = page.get_by_role("navigation", name="Status")
    chips.get_by_role("link", name=re.compile("^Cancelled")).click()
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    chips.get_by_role("link", name=re.compile("^Cancelled")).click()
    expect(rows(page)).to_have_count(50)


def test_the_order_is_chosen(page):
    page.locator("#list_sort").select_option("oldest")
    expect(rows(page).first).to_contain_text("Crate 000")
    expect(page).to_have_url(re.compile("sort=oldest"))
    page.locator("#list_sort").select_option("due")
    expect(rows(page).first).to_contain_text("Crate 001")


def test_nothing_fits_says_so_and_shows_all_again(page):
    page.locator("#list_q").fill("zebra")
    expect(page.get_by_text("Nothing fits")).to_be_visible()
    page.get_by_role("link", name="Show all tasks").click()
    expect(rows(page)).to_have_count(50)
    expect(page.locator("#list_q")).to_have_value("")


def test_all_that_is_shown_is_changed_at_once_and_taken_back(page):
    page.get_by_label("Select all shown").check()
    bar = page.get_by_role("region", name="Selected tasks")
    expect(bar).to_contain_text("50 selected")
    bar.get_by_label("Status").select_option("completed")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("50 tasks changed.")
    expect(bar).to_be_hidden()
    expect(page.locator("#list_rows .done")).to_have_count(50)
    notice.get_by_role("button", name="Undo").click()
    expect(notice).to_contain_text("Put back 50 tasks.")
    expect(page.locator("#list_rows .done")).to_have_count(0)


def test_some_are_deleted_and_come_back(page):
    for number in range(3):
        rows(page).nth(number).locator(".row-check").check()
    bar = page.get_by_role("region", name="Selected tasks")
    bar.get_by_role("button", name="Delete").click()
    if page.locator("#confirm").is_visible():
        page.locator("#confirm_yes").click()
    notice = page.locator("#notice")
    expect(notice).to_contain_text("3 tasks deleted.")
    expect(rows(page).first).to_contain_text("Crate 116")
    notice.get_by_role("button", name="Undo").click()
    expect(rows(page).first).to_contain_text("Crate 119")


def test_one_change_in_place_can_be_taken_back(page):
    row = rows(page).nth(4)
    row.get_by_title("Change the priority").click()
    row.get_by_role("option", name="Medium").click()
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Priority: Medium.")
    notice.get_by_role("button", name="Undo").click()
    expect(notice).to_contain_text("Put back 1 task.")
    expect(rows(page).nth(4).get_by_title("Change the priority")).not_to_have_text("Medium")


def test_a_refused_cell_says_why_and_keeps_what_was_typed(page, page_of):
    page_of.expect(422)
    row = rows(page).nth(6)
    row.get_by_title("Change the category").click()
    typing = row.get_by_label("Category")
    typing.fill("x" * 61)
    typing.press("Enter")
    expect(row.locator(".field-error")).to_be_visible()
    expect(typing).to_have_value("x" * 61)
    expect(typing).to_be_focused()
    typing.press("Escape")
    expect(row.get_by_title("Change the category")).to_have_text("general")


def test_what_is_exported_is_what_is_shown(page):
    """After a filter was chosen in place, Export and Board ask for the same."""
    page.locator("#filter_priority").select_option("high")
    expect(page).to_have_url(re.compile("priority=high"))
    expect(rows(page)).to_have_count(40)
    page.get_by_title("Export").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV, for a spreadsheet").first.click()
    assert len(started.value.path().read_text("utf-8-sig").splitlines()) == 41


def test_every_row_has_a_cell_under_every_heading(page_of):
    """Also the rows of others, which one may see but not tick."""
    for who, tab in (("alice", "all"), ("bob", "assigned"), ("vera", "mine")):
        page = page_of(who)
        page.goto(f"{TEAM}/tasks?tab={tab}")
        if who != "vera":
            expect(rows(page).first).to_be_visible()
        heads = page.locator("#list_table thead th").count()
        cells = page.locator("#list_rows [data-row]").evaluate_all("(all) => all.map((one) => one.cells.length)")
        assert set(cells) <= {heads}, who


def test_a_board_shows_every_column_and_a_card_can_be_dragged(page):
    page.get_by_role("link", name="Board", exact=True).click()
    expect(page.locator("[data-column]")).to_have_count(4)
    card = page.locator("[data-column=pending] .board-card").first
    id = card.get_attribute("id")
    card.drag_to(page.locator("[data-column='in progress'] .board-cards"), target_position={"x": 40, "y": 10})
    moved = page.locator(f"[data-column='in progress'] #{id}[data-value='in progress']")
    expect(moved).to_be_visible()
    page.reload()
    expect(page.locator(f"[data-column='in progress'] #{id}")).to_be_visible()
    page.request.post(f"{LIST}/{id.split('_')[1]}/cells/status", form={"status": "pending"})


def test_a_moment_is_typed_in_the_readers_zone(page_of, new_task):
    page = page_of("charlie", timezone_id="America/New_York")
    id = new_task(page, "Meet the train", team=GLOBEX)
    page.goto(f"{LIST}/{id}")
    page.locator("#due_at").fill("2031-06-01")
    page.locator("#due_at_time").fill("18:00")
    expect(page.locator("#notice")).to_contain_text("Due saved.")
    expect(page.locator(".timeline")).to_contain_text("22:00 UTC")
    expect(page.locator("#due_at_time")).to_have_value("18:00")
    elsewhere = page_of("charlie", timezone_id="Europe/Paris")
    elsewhere.goto(f"{LIST}/{id}")
    expect(elsewhere.locator("#due_at")).to_have_value("2031-06-02")
    expect(elsewhere.locator("#due_at_time")).to_have_value("00:00")
    for one in (page, elsewhere):
        one.close()
    assert page_of("charlie").request.post(f"{LIST}/{id}/removal", max_redirects=0).status == 303


def test_report_12_what_was_not_touched_is_sent_as_it_came(page_of, new_task):
    """Half past two of this night is there twice in Berlin; this is the second."""
    page = page_of("charlie", timezone_id="Europe/Berlin")
    id = new_task(page, "Turn the clocks", team=GLOBEX, due_at="2027-10-31T01:30:00+00:00")
    page.goto(f"{LIST}/{id}")
    expect(page.locator("#due_at_time")).to_have_value("02:30")
    page.locator("#title").fill("Turn all clocks")
    page.locator("#title").press("Enter")
    expect(page.locator("#notice")).to_contain_text("Title saved.")
    assert page.locator("[data-due] [type=text]").get_attribute("value") == "2027-10-31T01:30:00+00:00"
    page.close()
    assert page_of("charlie").request.post(f"{LIST}/{id}/removal", max_redirects=0).status == 303


def test_report_02_half_a_date_is_refused_beside_its_field_and_nothing_is_lost(page):
    page.goto(f"{LIST}/new")
    page.locator("#title").fill("Half a date")
    page.locator("#due_at").press_sequentially("12")
    page.get_by_role("button", name="Create task").click()
    expect(page.locator("[data-due] .field-error")).to_have_text("Finish this date, or clear it.")
    expect(page.locator("#due_at")).to_be_focused()
    expect(page.locator("#title")).to_have_value("Half a date")
    page.goto(LIST)
    row = page.locator("[data-row]", has_text="Crate 118")
    row.locator("[data-cell=due_at]").click()
    row.locator("[type=time]").fill("18:00")
    row.locator("[data-pick]").click()
    expect(row.locator(".field-error")).to_have_text("Choose the day too.")
    row.locator("[type=date]").press_sequentially("1")
    row.locator("[data-pick]").click()
    expect(row.locator(".field-error")).to_have_text("Finish this date, or clear it.")


def test_use_t6_due_is_a_day_chosen_by_a_digit(page):
    row = rows(page).nth(8)
    row.locator("[data-cell=due_at]").click()
    expect(row.get_by_role("listbox")).to_be_focused()
    page.keyboard.press("2")
    expect(row.locator("[data-cell=due_at]")).to_have_text("Tomorrow")
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(row.locator("[data-cell=due_at]")).not_to_have_text("Tomorrow")


def test_report_19_back_keeps_the_filter_the_length_the_ticks_and_the_scroll(page):
    page.goto(f"{LIST}?sort=oldest")
    page.get_by_role("link", name="Show more").click()
    expect(rows(page)).to_have_count(100)
    page.locator("[data-row]", has_text="Crate 080").locator(".row-check").check()
    page.locator("[data-row]", has_text="Crate 085").locator(".row-title").click()
    for leave in (lambda: page.go_back(), lambda: page.locator("[data-back]").click()):
        expect(page.locator("#row_detail")).to_be_visible()
        leave()
        expect(page).to_have_url(re.compile("sort=oldest"))
        expect(rows(page)).to_have_count(100)
        expect(page.locator("[data-row]", has_text="Crate 080").locator(".row-check")).to_be_checked()
        expect(page.locator(".bulk-bar")).to_contain_text("1 selected")
        expect(page.locator("[data-row]", has_text="Crate 085")).to_be_in_viewport()
        page.locator("[data-row]", has_text="Crate 085").locator(".row-title").click()


def test_report_20_what_was_typed_survives_escape_and_leaving_asks(page):
    page.keyboard.press("c")
    dialog = page.locator("#dialog")
    dialog.get_by_label("Title").fill("Half a thought")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("c")
    expect(dialog.get_by_label("Title")).to_have_value("Half a thought")
    assert dialog.bounding_box()["height"] < 600
    dialog.get_by_label("Create another").check()
    dialog.get_by_label("Title").press("Control+Enter")
    expect(page.locator("#notice")).to_contain_text("Created “Half a thought”.")
    expect(dialog.get_by_label("Title")).to_have_value("")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#notice").get_by_role("link", name="Open")).to_be_visible()

    rows(page).first.locator(".row-title").click()
    page.locator(".edit-text summary").click()
    page.locator("#description").fill("Look at https://example.org/<b>")
    page.locator("[data-back]").click()
    expect(page.locator("#confirm")).to_contain_text("Leave without saving")
    page.locator("#confirm").get_by_role("button", name="Cancel").click()
    expect(page.locator("#description")).to_have_value("Look at https://example.org/<b>")
    page.locator("#description").press("Control+Enter")
    expect(page.get_by_role("link", name="https://example.org/")).to_have_attribute("rel", "nofollow noopener")
    page.locator("[data-back]").click()
    expect(page).to_have_url(re.compile(f"{LIST}$"))


def test_a_table_that_is_wider_than_its_place_scrolls_in_it_and_the_page_never(page_of):
    page = page_of("alice", viewport={"width": 1280, "height": 800})
    assert page.request.post(f"{TEAM}/records", form={"name": "Wide ones"}).ok
    for n in range(8):
        form = {"label": f"A column with a long name {n}", "kind": "text", "shape": str(n + 1)}
        assert page.request.post(f"{TEAM}/records/wide-ones/fields", form=form).ok
    page.goto(f"{TEAM}/records/wide-ones/new")
    name = page.locator("#new_form input[type=text]").first.get_attribute("name")
    for n in range(25):
        assert page.request.post(f"{TEAM}/records/wide-ones", form={name: f"Row {n}"}).ok
    page.goto(f"{TEAM}/records/wide-ones")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    wide = page.locator(".table-wrap.is-wide")
    assert wide.evaluate("one => one.scrollWidth > one.clientWidth")
    above = "one => one.querySelector('th').getBoundingClientRect().top - one.getBoundingClientRect().top"
    assert wide.evaluate(f"one => {{ one.scrollTop = 300; return ({above})(one); }}") < 2  # its head stays in sight
    page.get_by_role("link", name="Row 5", exact=True).click()
    expect(page.locator("#row_detail")).to_be_visible()
    page.go_back()
    expect(wide).to_be_visible()
    page.wait_for_function("() => document.querySelector('.table-wrap').scrollTop === 300")
    page.goto(f"{TEAM}/tasks")
    expect(page.locator(".table-wrap")).to_be_visible()
    expect(page.locator(".table-wrap.is-wide")).to_have_count(0)  # its head stays with the page's


def test_the_menu_of_a_row_lies_over_a_table_that_scrolls_in_its_card(page_of):
    page = page_of("alice", viewport={"width": 1000, "height": 800})
    page.goto(f"{TEAM}/events/2/tiers")
    expect(page.locator(".table-wrap.is-wide")).to_be_visible()
    menu = page.locator("#list_rows .row-acts .menu").last
    expect(menu.locator("summary")).to_be_in_viewport(ratio=1)  # though its table goes on beyond the edge
    menu.locator("summary").focus()
    assert page.locator(".table-wrap").evaluate("one => one.scrollLeft") == 0
    menu.locator("summary").click()
    lowest = "one => { const at = one.getBoundingClientRect(); return [at.x + 9, at.bottom - 9]; }"
    on_top = f"one => one.contains(document.elementFromPoint(...({lowest})(one)))"
    page.wait_for_function(on_top, arg=menu.locator(".menu-panel").element_handle())
