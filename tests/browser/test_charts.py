"""Charts: drawn from a list, kept on the dashboard, put in order by key and by hand, removed and taken back."""

from playwright.sync_api import expect

from tests.browser.conftest import TEAM


def order(page):
    return page.locator("[data-charts]").last.locator("[data-chart] .card-title").all_inner_texts()


def test_charts_are_drawn_saved_moved_and_removed(page_of, new_task):
    page = page_of("dora")
    new_task(page, "Order the flour", priority="high")  # other stories may have changed those of the demo
    for name, field in (("By priority", "priority"), ("By person", "assigned_to")):
        page.goto(f"{TEAM}/tasks?tab=all")
        page.get_by_role("link", name="Chart", exact=True).click()
        page.locator("#chart_by").select_option(field)
        page.get_by_role("link", name="Save chart").click()
        page.locator("#dialog").get_by_label("Save what is shown as").fill(name)
        page.locator("#dialog").get_by_role("button", name="Save chart").click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert order(page) == ["By priority", "By person"]
    card = page.locator("[data-chart]", has_text="By priority")
    card.focus()
    page.keyboard.press("]")
    expect(page.locator("[data-charts]").last.locator("[data-chart]").last).to_contain_text("By priority")
    expect(card).to_be_focused()
    card.locator(".card-header").drag_to(page.locator("[data-chart]", has_text="By person").locator(".card-header"))
    expect(page.locator("[data-charts]").last.locator("[data-chart]").last).to_contain_text("By person")
    card.locator("summary").first.click()
    card.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(card).to_be_visible()
    card.get_by_role("link", name="High", exact=True).click()
    expect(page).to_have_url(f"{page.url.partition('?')[0]}?tab=all&priority=high")
