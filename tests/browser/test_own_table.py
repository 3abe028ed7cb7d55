"""Somebody who never programmed makes a table, shapes it, and loses nothing: the steps with their seconds."""

import time

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations

WITHIN = 120  # seconds of a person's time, for all steps
FIELDS = (
    ("Mail", ""),
    ("Item", ""),
    ("State", "New, Open, Done"),
    ("Bring on", ""),
    ("Budget", ""),
)
ROWS = "Kettle\tada@example.org\tKettle\tnew\t2026-03-01\t12\nLamp\tbo@example.org\tLamp\tOpen\t\tca. 300\n"


def test_the_story_of_a_table_of_ones_own(page_of, record_property):
    page, steps, began = page_of("alice"), {}, time.monotonic()

    def done(step):
        steps[step] = round(time.monotonic() - began, 1)
        record_property(step, steps[step])

    page.goto(f"{TEAM}/records")
    page.locator("#new_table").get_by_label("Name").fill("Repair café")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Repair café", level=1)).to_be_visible()
    assert not any(word in page.inner_text("main").lower() for word in ("schema", "varchar", "type"))
    here = page.url.partition("?")[0]
    done("1 a table")
    page.get_by_role("main").get_by_label("New field").click()
    for label, words in FIELDS:  # the form stays open for the next one
        page.locator("#new_field_label").fill(label)
        if words:
            page.locator("#new_field_words").fill(words)
        if label == "Budget":  # left as text
            page.locator("#new_field_kind").select_option("text")
        page.locator("#new_field_label").press("Enter")
        expect(page.locator("thead .sort-link, thead th").filter(has_text=label).first).to_be_visible()
    done("2 five fields")
    page.locator("#quick_add input[type=text]").focus()
    page.evaluate(
        """(text) => { const data = new DataTransfer(); data.setData("text/plain", text);
        document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})) }""",
        ROWS,
    )
    page.get_by_role("button", name="Add 2").click()
    expect(page.locator("#list_rows")).to_contain_text("ca. 300")
    done("3 pasted rows")
    page.goto(f"{here}?view=board")
    expect(page.get_by_role("main")).to_contain_text("Lamp")
    done("6 the board")
    page.locator(".board-card", has_text="Kettle").drag_to(
        page.locator("[data-column]", has_text="Done").last, target_position={"x": 40, "y": 10}
    )
    expect(page.locator("[data-column]", has_text="Done").last.locator(".board-card")).to_contain_text("Kettle")
    page.reload()
    expect(page.locator("[data-column]", has_text="Done").last.locator(".board-card")).to_contain_text("Kettle")
    done("7 a card to another column")
    _becomes_money(page, here)
    done("9 another kind")
    page.goto(f"{here}/fields")
    page.get_by_role("button", name="Take back: Budget: kind").first.click()
    expect(page.locator("#notice")).to_contain_text("It was taken back.")
    _reads(page, here, "ca. 300", is_marked=False)
    page.goto(f"{here}/fields")
    page.get_by_role("button", name="Take back: Budget: kind").first.click()
    expect(page.locator("#notice")).to_contain_text("It was taken back.")
    _reads(page, here, "ca. 300", is_marked=True)
    done("10 undo and redo")
    page.goto(f"{here}/fields")
    page.locator("form", has=page.get_by_role("button", name="Save the name of Item")).get_by_label("Text").fill(
        "Thing"
    )
    page.get_by_role("button", name="Save the name of Item").click()
    expect(page.get_by_role("button", name="Save the name of Thing")).to_be_visible()
    page.goto(f"{here}?q=lamp")
    expect(page.locator("thead")).to_contain_text("Thing")
    expect(page.locator("#list_rows")).to_contain_text("Lamp")
    done("11 another name")
    assert steps["11 another name"] < WITHIN
    page.goto(f"{here}?view=board")
    assert violations(page) == []


def _becomes_money(page, here):
    """The very cells that don't fit are shown before; then the field is money, and they are words with a mark."""
    page.goto(f"{here}/fields")
    page.get_by_role("link", name="Kind, rules and place of Budget").click()
    page.get_by_label("Kind", exact=True).select_option("money")
    page.locator("section", has_text="Another kind").get_by_role(
        "button", name="Look what becomes of the cells"
    ).click()
    expect(page.get_by_role("region", name="Cells that don't fit")).to_contain_text("ca. 300")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator("#notice")).to_contain_text("It is becoming money.")
    _reads(page, here, "ca. 300", is_marked=True)


def _reads(page, here, text, is_marked):
    """The list shows words as the cell of a text, or as what is left over in one of another kind."""
    page.goto(here)
    cell = page.locator("#list_rows td", has_text=text)
    expect(cell).to_be_visible()
    expect(cell.get_by_text("Left over", exact=False)).to_have_count(1 if is_marked else 0)


def test_what_is_pressed_while_a_form_is_on_its_way_is_sent_after_it_and_the_same_again_is_not(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/records")
    page.locator("#new_table").get_by_label("Name").fill("Quick hands")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Quick hands", level=1)).to_be_visible()
    held = []
    page.route("**/records/quick-hands/fields", lambda route: held.append(route))
    page.get_by_role("main").get_by_label("New field").click()
    label = page.locator("#new_field_label")
    label.fill("Mail")
    for _ in range(3):
        label.press("Enter")
    label.fill("Item")
    label.press("Enter")
    expect(page.locator("form#new_field[data-sending]")).to_be_attached()
    while held:
        held.pop(0).continue_()
        page.wait_for_timeout(400)
    heads = page.locator("thead th")
    for name in ("Mail", "Item"):
        expect(heads.filter(has_text=name).first).to_be_visible()
    page.reload()
    assert sum("Mail" in text for text in page.locator("thead th:not(.head-more)").all_inner_texts()) == 1
