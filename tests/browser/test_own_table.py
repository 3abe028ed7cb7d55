"""Somebody who never programmed makes a table, shapes it, and loses nothing: the steps with their seconds."""

import time

from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import violations
from tests.browser.test_public_forms import PHONE

WITHIN = 120  # seconds of a person's time, for all steps
FIELDS = (
    ("Mail", ""),
    ("Item", ""),
    ("State", "New, Open, Done"),
    ("Bring on", ""),
    ("Budget", ""),
)
ROWS = "Kettle\tada@example.org\tKettle\tnew\t2026-03-01\t12\nLamp\tbo@example.org\tLamp\tOpen\t\t45\n"
STRANGER = {"Name": "Zoë", "Mail": "zoe@example.org", "Item": "Radio", "Budget": "ca. 300"}


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
    expect(page.locator("#list_rows")).to_contain_text("Lamp")
    done("3 pasted rows")
    address = _opens_a_form(page, here)
    done("4 a public form")
    page.goto(f"{here}?view=board")
    expect(page.get_by_role("main")).to_contain_text("Lamp")
    _answers(page_of(None, **PHONE), address)
    done("5 a stranger answers, twice")
    expect(_column(page, "New").locator(".board-card", has_text="Zoë")).to_have_count(1)
    done("6 the card is there by itself")
    _to_done(page, "Kettle")
    page.reload()
    expect(_column(page, "Done").locator(".board-card")).to_contain_text("Kettle")
    done("7 a card to another column")
    _writes_when_done(page)
    page.goto(f"{here}?view=board")
    _to_done(page, "Zoë")
    page.goto(f"{TEAM}/automations/runs")
    page.get_by_role("link", name="Repairs that are done").click()
    expect(page.get_by_role("main")).to_contain_text("Wrote 1 letter.")
    done("8 an automation, tried and seen in its log")
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


def _opens_a_form(page, here):
    """The address of a form for all but State, which is New for whoever sends it."""
    page.goto(f"{here}/sharing")
    page.get_by_role("link", name="Public form").click()
    page.locator("#name").fill("Bring your things")
    for label in ("Name", "Mail", "Item", "Bring on", "Budget"):
        page.get_by_role("checkbox", name=label, exact=True).first.check()
    page.get_by_label("State", exact=True).last.select_option(label="New")
    page.get_by_role("button", name="Open to the public").click()
    return page.get_by_role("textbox", name="Address").input_value()


def _answers(page, address):
    page.goto(address)
    expect(page.get_by_label("State")).to_have_count(0)
    for label, text in STRANGER.items():
        page.get_by_label(label).first.fill(text)
    page.wait_for_timeout(3100)  # a person takes longer than a machine
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_role("status")).to_contain_text("Your answer has arrived")


def _column(page, name):
    return page.get_by_role("region", name=name, exact=True)


def _to_done(page, name):
    page.locator(".board-card", has_text=name).drag_to(_column(page, "Done"), target_position={"x": 40, "y": 10})
    expect(_column(page, "Done").locator(".board-card", has_text=name)).to_be_visible()


def _writes_when_done(page):
    """A letter to the row's own address, looked at before it is turned on."""
    page.goto(f"{TEAM}/automations/new")
    page.get_by_label("Name", exact=True).fill("Repairs that are done")
    page.get_by_label("It runs when").select_option(label="A field changes")
    page.get_by_label("In the list").select_option(label="Repair café")
    page.get_by_role("checkbox", name="State", exact=True).check()
    page.locator("#t_to").fill("Done")
    page.get_by_role("button", name="Write a letter").click()
    page.locator("#s0_to").fill("{Mail}")
    page.locator("#s0_subject").fill("{Item} is done")
    page.locator("#s0_text").fill("Dear {Name}, come and fetch it.")
    page.get_by_role("button", name="Try on the last rows").click()
    tried = page.get_by_role("region", name="What it would do")
    expect(tried).to_contain_text("Subject: Kettle is done")
    expect(tried).to_contain_text("nothing was sent")
    page.get_by_role("button", name="Save and turn on").click()
    expect(page.locator("#notice")).to_contain_text("“Repairs that are done” is on.")


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
