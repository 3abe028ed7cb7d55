"""Nobody here has a mouse."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

FOCUS = "document.activeElement"
RING = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 || style.boxShadow !== "none";
}"""


@pytest.fixture
def page(page_of):
    made = page_of("alice")
    made.goto(f"{TEAM}/tasks")
    expect(made.locator("#list_rows")).to_be_visible()
    return made


def test_signing_in(page_of):
    page = page_of()
    page.goto("/sign-in")
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("alice@example.org")
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate(f"{FOCUS}.id") == "password":
            break
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.keyboard.type("Quiet orchard bell 1!")
    page.keyboard.press("Enter")
    expect(page.get_by_title("Alice Moreau")).to_be_visible()


def test_the_skip_link_is_first_and_works(page):
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_the_focus_is_seen_wherever_it_is(page):
    page.goto(f"{TEAM}/tasks")
    hidden = []
    for _ in range(25):
        page.keyboard.press("Tab")
        if not page.evaluate(RING):
            hidden.append(page.evaluate(f"{FOCUS}.outerHTML.slice(0, 120)"))
    assert hidden == []


def test_the_list_of_keys_opens_and_gives_the_focus_back(page):
    search = page.locator("[data-palette]")
    search.focus()
    page.keyboard.press("?")
    keys = page.locator("#keys")
    expect(keys).to_be_visible()
    expect(keys).to_contain_text("Move down and up")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    expect(search).to_be_focused()


def test_keys_are_letters_while_one_types(page):
    page.keyboard.press("/")
    expect(page.locator("#list_q")).to_be_focused()
    page.keyboard.type("c?jx")
    expect(page.locator("#list_q")).to_have_value("c?jx")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_the_palette_goes_to_pages_and_to_things(page, new_task):
    new_task(page, "Polish the brass knocker")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette_input")).to_be_focused()
    page.keyboard.type("notif")
    expect(page.locator("#palette_results [aria-selected=true]")).to_contain_text("Notifications")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/notifications$"))

    page.keyboard.press("Control+k")
    page.keyboard.type("brass kno")
    expect(page.locator("#palette_results [aria-selected=true]")).to_contain_text("Polish the brass knocker")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Polish the brass knocker")).to_be_visible()

    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.locator("#palette_input").dispatch_event("keydown", {"key": "?"})  # on a busy machine the focus is there still
    expect(page.locator("#keys")).to_be_visible()


def test_typing_on_replaces_the_search_that_is_under_way(page):
    held = []

    def slow(route):
        if held:
            route.continue_()
        else:
            held.append(route)  # the first is never answered

    page.route("**/palette?*", slow)
    page.keyboard.press("Control+k")
    expect(page.locator("#palette_input")).to_be_focused()
    with page.expect_request("**/palette?*"):
        page.keyboard.type("no")
    page.keyboard.type("tif")
    expect(page.locator("#palette_results [aria-selected=true]")).to_contain_text("Notifications")
    assert len(held) == 1


def test_g_and_a_letter_goes_to_a_place(page):
    page.keyboard.press("g")
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile(f"{TEAM}/billing$"))


def test_a_task_is_created_with_c_and_enter(page):
    page.keyboard.press("c")
    dialog = page.locator("#dialog")
    expect(dialog.get_by_label("Title")).to_be_focused()
    page.keyboard.type("Wind the tower clock")
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("[data-row]", has_text="Wind the tower clock")).to_be_visible()


def test_use_k2_a_dialog_keeps_the_focus_inside_and_gives_it_back(page):
    button = page.locator(".page-actions").get_by_role("link", name="New task")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog").get_by_label("Title")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        # The browser's own bars are part of the round; then the body has the focus.
        assert page.evaluate(f"{FOCUS} === document.body || Boolean({FOCUS}.closest('#dialog'))")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog").get_by_label("Title")).to_be_focused()
    page.evaluate("""() => new Promise((heard) => {
        dialog.addEventListener("close", () => setTimeout(heard));
        dialog.close();
        document.querySelector("[data-search]").focus();  // somebody goes on before the page hears of it
    })""")
    expect(page.locator("[data-search]")).to_be_focused()


def test_what_is_typed_before_the_form_has_come_is_no_command(page):
    waiting = []
    page.route("**/tasks/new", lambda route: waiting.append(route))
    page.keyboard.press("j")
    with page.expect_request("**/tasks/new"):
        page.keyboard.press("c")
    page.keyboard.type("Fox jumps")  # x ticks, o opens
    waiting[0].continue_()
    expect(page.locator("#dialog").get_by_label("Title")).to_be_focused()
    expect(page.locator(".row-check:checked")).to_have_count(0)


def test_a_dialog_that_refuses_puts_the_focus_where_the_mistake_is(page, page_of):
    page_of.expect(422)
    page.keyboard.press("c")
    title = page.locator("#dialog").get_by_label("Title")
    expect(title).to_be_focused()
    page.keyboard.press("Enter")  # at once, however soon after it opened
    expect(page.locator("#dialog #title_error")).to_be_visible()
    expect(title).to_be_focused()


def test_use_k1_k5_rows_are_walked_ticked_and_opened(page):
    rows = page.locator("#list_rows [data-row]")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()
    assert page.evaluate(RING)
    page.keyboard.press("x")
    expect(rows.nth(0).locator(".row-check")).to_be_checked()
    expect(page.locator(".bulk-bar")).to_contain_text("1 selected")
    page.keyboard.press("x")
    expect(page.locator(".bulk-bar")).to_be_hidden()
    title = rows.nth(0).locator(".row-title").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=title)).to_be_visible()


def test_a_cell_is_chosen_with_arrows_and_enter(page, new_task):
    id = new_task(page, "Oil the hinges")
    row = page.locator(f"#row_{id}")
    expect(row).to_be_visible()
    row.focus()
    page.keyboard.press("s")
    expect(page.locator(f"#edit_{id}_status")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(row.locator("[data-cell=status]")).to_have_text("Completed")
    # Two arrows are one decision, not two changes.
    page.goto(f"{TEAM}/tasks/{id}")
    expect(page.locator(".timeline")).to_contain_text("Status: Pending → Completed")


def test_escape_puts_a_cell_back_and_the_focus_on_it(page, new_task):
    id = new_task(page, "Mend the bell rope", category="tower")
    row = page.locator(f"#row_{id}")
    row.locator("[data-cell=category]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#edit_{id}_category")).to_be_focused()
    page.keyboard.type("cellar")
    page.keyboard.press("Escape")
    cell = row.locator("[data-cell=category]")
    expect(cell).to_have_text("tower")
    expect(cell).to_be_focused()


def test_a_saved_cell_keeps_the_focus(page, new_task):
    id = new_task(page, "Ring in the feast", category="tower")
    row = page.locator(f"#row_{id}")
    row.locator("[data-cell=category]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#edit_{id}_category")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("feast")
    page.keyboard.press("Enter")
    expect(row.locator("[data-cell=category]")).to_have_text("feast")
    expect(page.locator(f"#row_{id}:focus, #row_{id} :focus")).to_have_count(1)


@pytest.fixture
def card(page, new_task):
    """A fresh card, the first of its column, with the focus on it."""
    id = new_task(page, "Gild the weather vane")
    page.goto(f"{TEAM}/tasks?view=board")
    page.keyboard.press("j")
    found = page.locator(f"#card_{id}")
    expect(found).to_be_focused()
    return found


def column(page, word):
    return page.locator(f"[data-column='{word}']")


def test_a_card_moves_with_brackets_and_keeps_the_focus(page, card):
    id = card.get_attribute("id")
    for key, word in (("]", "in progress"), ("]", "completed"), ("[", "in progress")):
        page.keyboard.press(key)
        expect(column(page, word).locator(f"#{id}[data-value='{word}']")).to_be_focused()
    expect(page.locator("#live")).to_contain_text("Moved Gild the weather vane to In progress.")
    page.reload()
    expect(column(page, "in progress").locator(f"#{id}")).to_be_visible()


def test_two_quick_brackets_move_a_card_two_columns(page, card):
    id = card.get_attribute("id")
    page.keyboard.press("]")
    page.keyboard.press("]")
    expect(column(page, "completed").locator(f"#{id}[data-value='completed']")).to_be_focused()
    page.reload()
    expect(column(page, "completed").locator(f"#{id}")).to_be_visible()


def test_use_t5_a_digit_chooses_a_cell_and_the_row_keeps_its_height(page, new_task):
    row = page.locator(f"#row_{new_task(page, 'Wax the ballroom')}")
    row.focus()
    height = row.bounding_box()["height"]
    page.keyboard.press("s")
    expect(row.get_by_role("listbox", name="Status")).to_be_focused()
    assert row.bounding_box()["height"] == height
    page.keyboard.press("2")
    expect(row.locator("[data-cell=status]")).to_have_text("In progress")
    row.focus()
    page.keyboard.press("e")
    expect(row.get_by_label("Title", exact=True)).to_be_focused()
    assert row.bounding_box()["height"] == height
    page.keyboard.type("Wax the dance floor")
    page.keyboard.press("Enter")
    expect(row.locator(".row-title")).to_have_text("Wax the dance floor")


def test_report_09_one_arrow_key_decides_nothing_in_the_bulk_bar(page, new_task):
    row = page.locator(f"#row_{new_task(page, 'Count the chairs')}")
    row.focus()
    page.keyboard.press("x")
    page.keyboard.press("b")
    choice = page.locator(".bulk-bar").get_by_label("Status")
    expect(choice).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(choice).to_have_value("in progress")
    page.wait_for_timeout(300)  # nothing is sent meanwhile
    expect(row.locator("[data-cell=status]")).to_have_text("Pending")
    expect(row.locator(".row-check")).to_be_checked()
    page.keyboard.press("Enter")
    expect(row.locator("[data-cell=status]")).to_have_text("In progress")
    expect(row).to_be_focused()  # the bar is gone


def test_report_09_one_arrow_key_moves_no_card(page, card):
    move = card.locator("[data-move]")
    move.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    expect(column(page, "pending").locator(f"#{card.get_attribute('id')}")).to_be_visible()
    page.keyboard.press("Enter")
    expect(
        column(page, "in progress").locator(f"#{card.get_attribute('id')}[data-value='in progress']")
    ).to_be_visible()


def test_use_k4_arrows_walk_through_a_menu(page):
    page.get_by_title("Alice Moreau").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Account", exact=True).last).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="Sign out")).to_be_focused()


def test_a_menu_closes_with_escape_and_gives_the_focus_back(page):
    summary = page.get_by_title("Alice Moreau")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(summary).to_be_focused()
    page.goto(f"{TEAM}/events")
    of_a_row = page.locator("#list_rows .row-acts summary").first
    of_a_row.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#list_rows .menu[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#list_rows .menu[open]")).to_have_count(0)
    expect(of_a_row).to_be_focused()


def test_a_question_is_answered_with_the_keyboard(page, page_of, new_task):
    page_of.expect(404)  # the page may hear of its own deletion before it leaves
    id = new_task(page, "Burn the old programmes")
    page.goto(f"{TEAM}/tasks/{id}")
    page.get_by_title("More", exact=True).focus()
    page.keyboard.press("ArrowDown")
    remove = page.get_by_role("button", name="Delete task")
    remove.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm")).to_contain_text("Burn the old programmes")
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    expect(page.get_by_title("More", exact=True)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(remove).to_be_focused()
    page.keyboard.press("Enter")
    page.locator("#confirm_yes").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("Task deleted.")


def test_use_p_from_a_task_to_the_next_in_its_list_and_back(page, new_task):
    made = {new_task(page, f"Lantern {n}"): f"Lantern {n}" for n in (1, 2, 3)}
    first, second, third = reversed(made)  # newest first
    page.goto(f"{TEAM}/tasks?q=lantern")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/tasks/{first}$"))
    expect(page.locator("[data-beside]")).to_contain_text("1 of 3")
    expect(page.get_by_role("link", name="Previous task")).to_have_attribute("aria-disabled", "true")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(rf"/tasks/{second}$"))
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(rf"/tasks/{third}$"))
    page.keyboard.press("k")
    expect(page.locator("[data-beside]")).to_contain_text("2 of 3")
    page.locator("[data-back]").click()
    expect(page).to_have_url(re.compile("q=lantern"))
    expect(page.locator(f"#row_{second}")).to_be_focused()
    page.goto(f"{TEAM}/tasks/{second}")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette_results [role=group]").first).to_contain_text("Recent")
    expect(page.locator("#palette_recent_0")).to_have_text("Tasks")
    page.locator("#palette_input").fill("dark")
    expect(page.locator("#palette_results [aria-selected=true]")).to_contain_text("Theme: dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page).to_have_url(re.compile(rf"/tasks/{second}$"))


def test_a_member_is_mentioned_and_a_comment_is_sent_with_keys_alone(page, new_task):
    page.goto(f"{TEAM}/tasks/{new_task(page, 'Trim the wicks')}")
    page.get_by_label("Comment").focus()
    page.keyboard.type("Done, @bo")
    expect(page.get_by_role("listbox").get_by_role("option", name="Bob")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.type("?")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".comment .mention")).to_contain_text("@Bob")
    expect(page.locator("#comment_text")).to_have_value("")
    expect(page.locator("#comment_text")).to_be_focused()


def held_back(page, script):
    """The script of this name comes to a page that never had it only once the returned function is called."""
    waiting, free = [], []
    page.route(re.compile(rf"/js/{script}\b"), lambda route: route.continue_() if free else waiting.append(route))

    def go_on():
        free.append(True)
        for route in waiting:
            route.continue_()

    return go_on


def until(page, it_is_so):
    page.evaluate(f"() => new Promise(function ask(done) {{ {it_is_so} ? done() : setTimeout(ask, 10, done); }})")


def drawn(page):
    """Until a page is drawn first the browser hears no key (Chromium)."""
    until(page, "performance.getEntriesByName('first-contentful-paint').length")


def test_use_k6_keys_pressed_before_the_scripts_are_there_are_not_lost(page_of):
    page = page_of("alice")
    go_on = held_back(page, "keys")
    page.goto(f"{TEAM}/tasks", wait_until="commit")
    expect(page.locator("#list_rows")).to_be_visible()
    drawn(page)
    for key in "jc":
        page.keyboard.press(key)
    page.keyboard.type("Fox jumps")  # for the form, which isn't there yet: no command any more
    go_on()
    expect(page.locator("#dialog").get_by_label("Title")).to_be_focused()
    expect(page.locator("dialog[open]")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#dialog")).to_be_hidden()
    expect(page.locator(".row-check:checked")).to_have_count(0)


def test_use_k6_a_key_pressed_while_the_last_script_is_awaited_is_taken_once(page_of):
    page = page_of("alice")
    go_on = held_back(page, "lists")
    page.goto(f"{TEAM}/tasks", wait_until="commit")
    until(page, "Object.keys(sessionStorage).some((key) => sessionStorage[key].includes('/tasks'))")  # keys.js has run
    drawn(page)
    page.keyboard.press("Control+k")
    go_on()
    page.wait_for_load_state("load")
    expect(page.locator("#palette_results [aria-selected=true]")).to_be_visible()


def test_use_k6_a_place_is_gone_to_once_the_scripts_are_there(page_of):
    page = page_of("alice")
    go_on = held_back(page, "keys")
    page.goto(f"{TEAM}/tasks", wait_until="commit")
    expect(page.locator("#list_rows")).to_be_visible()
    drawn(page)
    for key in "gh":
        page.keyboard.press(key)
    go_on()
    expect(page).to_have_url(re.compile(f"{TEAM}$"))


def test_use_r7_a_refusal_while_a_dialog_is_open_can_be_read_and_put_away(page, page_of):
    page_of.expect(403)
    page.keyboard.press("c")
    page.locator("#dialog").get_by_label("Title").fill("Never made")
    look = page.context.request.post(f"{TEAM}/permissions/preview", form={"role": "viewer"})
    assert look.ok
    page.locator("#dialog").get_by_role("button", name="Create task").click()
    refusal = page.locator("dialog[open] #notice [data-toast=bad]")
    expect(refusal).to_contain_text("Stop that first")
    refusal.get_by_role("button", name="Dismiss").click()  # nothing lies over it
    expect(refusal).to_have_count(0)
    expect(page.locator("#dialog").get_by_label("Title")).to_have_value("Never made")


def test_an_answer_that_is_not_ours_is_said_and_takes_the_place_of_nothing(page, page_of, new_task):
    page_of.expect(502)
    id = new_task(page, "Ask the porter")
    page.goto(f"{TEAM}/tasks/{id}")
    words = page.get_by_label("Comment", exact=True)
    words.fill("He has the other key.")
    page.route(
        "**/comments", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")
    )
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#notice [data-toast=bad]")).to_contain_text("The server can't answer just now")
    expect(words).to_have_value("He has the other key.")
    expect(page.get_by_text("Bad gateway")).to_have_count(0)
    page.unroute("**/comments")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".comment-text")).to_contain_text("He has the other key.")
    expect(page.locator("#notice [data-toast=bad]")).to_have_count(0)


def test_a_table_is_made_filled_moved_about_and_filtered(page):
    """The head of the page, its board and its side panel, each reached by keys alone."""

    def go(place):
        place.focus()
        page.keyboard.press("Enter")

    page.goto(f"{TEAM}/records")
    page.locator("#new_table").get_by_label("Name").focus()
    page.keyboard.type("Lost keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Lost keys", level=1)).to_be_visible()
    here = page.url.partition("?")[0]
    go(page.get_by_role("main").get_by_label("New field"))
    page.keyboard.press("Tab")
    expect(page.locator("#new_field_label")).to_be_focused()
    page.keyboard.type("State")
    page.locator("#new_field_words").focus()
    page.keyboard.type("Here, Gone")
    page.keyboard.press("Enter")
    expect(page.locator("thead").get_by_text("State").first).to_be_visible()
    page.goto(here)
    for name in ("Cellar", "Attic"):
        page.locator("#quick_add input[type=text]").focus()
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(page.locator("#list_rows [data-row]", has_text=name)).to_be_visible()
    page.goto(f"{here}?view=board")
    page.keyboard.press("j")
    expect(page.locator(".board-card:focus")).to_have_count(1)
    title = page.locator(".board-card:focus .board-title").inner_text()
    page.keyboard.press("[")
    expect(page.get_by_role("region", name="Gone").locator(".board-card", has_text=title)).to_be_visible()
    page.goto(f"{here}?q=attic")
    expect(page.locator("#list_rows [data-row]")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("#panel").get_by_role("heading", level=1)).to_have_text("Attic")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
