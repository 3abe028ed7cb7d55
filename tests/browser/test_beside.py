"""A row beside its list: opened by key and click, its address copied, closed by Back and Escape."""

from playwright.sync_api import expect

from tests.browser.conftest import TEAM


def test_a_row_opens_beside_its_list_and_closes_again(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/records/equipment")
    rows = page.locator("#list_rows > [data-row]")
    title = rows.nth(1).locator("[data-open]")
    name = title.inner_text()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    panel = page.locator("#panel")
    expect(panel.get_by_role("heading", level=1)).to_have_text(name)
    assert "open=" in page.url
    copied = page.url
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(title).to_be_focused()
    assert "open=" not in page.url
    rows.nth(0).hover()
    rows.nth(0).locator("[data-beside-list]").click()
    expect(panel.get_by_role("heading", level=1)).to_have_text(rows.nth(0).locator("[data-open]").inner_text())
    page.go_back()
    expect(panel).to_be_hidden()
    rows.nth(0).hover()
    rows.nth(0).locator("[data-beside-list]").click()
    notes = panel.get_by_role("textbox", name="Notes")
    panel.locator("summary", has_text="Edit notes").click()
    notes.fill("Half a thought")
    page.go_back()  # over words that aren't saved: it is asked, and the panel stands
    ask = page.locator("#confirm")
    expect(ask).to_contain_text("Leave without saving")
    ask.get_by_role("button", name="Cancel").click()
    expect(notes).to_have_value("Half a thought")
    assert "open=" in page.url
    page.go_back()
    ask.get_by_role("button", name="Leave").click()
    expect(panel).to_be_hidden()
    page.goto(copied)
    expect(panel.get_by_role("heading", level=1)).to_have_text(name)
    comment = panel.get_by_label("Comment")
    comment.fill("Half a comment")  # is kept as a draft, so nothing is asked
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.goto(copied)
    expect(comment).to_have_value("Half a comment")
    comment.fill("Seen beside the list")
    panel.get_by_role("button", name="Comment").click()
    expect(panel.get_by_role("paragraph").filter(has_text="Seen beside the list")).to_be_visible()
    panel.get_by_role("link", name="Close (Esc)").click()
    expect(panel).to_be_hidden()
