"""Days that people have: somebody only looks, somebody sets up the site, a session ends, the network goes, a
sentence is composed."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

GLOBEX = "/globex"  # charlie's own: nobody else writes there
PASSWORD = "Quiet orchard bell 1!"


def notice(page):
    return page.locator("#notice")


def test_who_only_looks_sees_everything_is_told_why_and_is_never_invited_to_write(page_of):
    vera = page_of("vera")
    for place in (TEAM, f"{TEAM}/tasks?tab=all", f"{TEAM}/tasks?tab=all&view=board", f"{TEAM}/tasks"):
        vera.goto(place)
        for invitation in ("New task", "Press c", "Write down"):
            expect(vera.get_by_text(invitation)).to_have_count(0)
    expect(vera.get_by_role("link", name=re.compile("tasks under “Everybody's”"))).to_be_visible()
    vera.get_by_role("link", name=re.compile("tasks under “Everybody's”")).click()
    row = vera.locator("#list_rows [data-row]").first
    expect(row.locator("input, button[data-cell]")).to_have_count(0)
    row.focus()
    for key in ("x", "e", "s", "c"):
        vera.keyboard.press(key)
        expect(notice(vera)).to_contain_text("your role is viewer")
    expect(notice(vera).locator("[data-toast]")).to_have_count(1)  # said once, however often
    row.locator("a.row-title").click()
    expect(vera.get_by_text("You can look at tasks here, but not change them: your role is viewer.")).to_be_visible()
    expect(vera.locator("#main form")).to_have_count(0)


def test_whoever_runs_the_site_follows_the_checklist(demo, page_of):
    stella = page_of("stella")
    stella.goto("/admin")
    steps = stella.locator("details", has_text="Set up this site")
    expect(steps).to_contain_text("0 of 6 done")
    steps.get_by_role("button", name="Send a test letter").click()
    expect(notice(stella)).to_contain_text("A test letter is on its way to stella@example.org.")
    assert demo.letter("stella@example.org", "A test letter")
    steps.get_by_role("link", name="Settings").click()
    setting = stella.locator("#setting_site_name")
    setting.get_by_role("link", name="Edit Name").click()
    setting.locator("[name=value]").fill("Lantern Hall")
    setting.locator("[name=value]").press("Enter")
    expect(stella.locator("#site_brand")).to_have_text("Lantern Hall")
    stella.goto("/admin")
    expect(steps).to_contain_text("1 of 6 done")
    stella.goto("/organizations/new")  # a place of hers that has no plan yet, whatever was bought before
    stella.get_by_label("Name").fill("Lantern works")
    stella.get_by_role("button", name="Create organization").click()
    expect(stella).to_have_url(re.compile("/lantern-works"))
    stella.goto("/admin")
    steps.get_by_role("button", name="Make a test payment").click()
    stella.get_by_role("button", name="Pay", exact=True).click()
    expect(stella.get_by_role("heading", name="Pro is active")).to_be_visible()


def _sign_in(page, email):
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_report_13_a_session_that_ends_in_a_form_loses_nothing(page_of):
    charlie = page_of("charlie")
    page_of.expect(401)
    charlie.goto(f"{GLOBEX}/tasks")
    charlie.get_by_role("link", name="New task").click()
    title = charlie.locator("#dialog").get_by_label("Title")
    title.fill("Written before the end")
    charlie.context.clear_cookies()
    title.press("Control+Enter")
    _sign_in(charlie, "charlie@example.org")
    expect(title).to_have_value("Written before the end")  # the dialog is open again
    title.press("Control+Enter")
    expect(notice(charlie)).to_contain_text("Created “Written before the end”.")

    charlie.goto("/account")  # a plain form
    name = charlie.get_by_label("Name")
    name.fill("Charlie N.")
    charlie.context.clear_cookies()
    name.press("Enter")
    _sign_in(charlie, "charlie@example.org")
    expect(name).to_have_value("Charlie N.")
    name.press("Enter")
    expect(notice(charlie)).to_contain_text("Your profile is saved.")
    charlie.goto("/account")
    expect(charlie.get_by_text("What you typed before")).to_have_count(0)


@pytest.fixture
def cut(page_of):
    """`cut(page)` takes its network away, `cut(page, False)` gives it back."""
    page_of.expect("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "htmx:afterRequest", "htmx:sendError")

    def cut(page, away=True):
        page.context.set_offline(away)
        expect(page.locator("#offline")).to_be_visible(visible=away)

    return cut


UNREACHED = "The server could not be reached. Nothing was lost; try again in a moment."


def test_use_r1_forms_that_are_sent_without_a_network_keep_what_was_typed(page_of, new_task, cut):
    bob = page_of("bob")
    bob.goto("/account")
    bob.get_by_label("Name").fill("Bob A.")
    cut(bob)
    for _ in range(2):
        bob.get_by_role("button", name="Save").first.click()
        expect(notice(bob).locator("[data-toast]")).to_have_text([UNREACHED])
    expect(bob.get_by_label("Name")).to_have_value("Bob A.")
    cut(bob, False)
    expect(notice(bob)).not_to_contain_text(UNREACHED)
    bob.get_by_label("Name").press("Enter")
    expect(notice(bob)).to_contain_text("Your profile is saved.")
    bob.reload()
    bob.get_by_label("Name").fill("Bob Adeyemi")  # as others' stories know him
    bob.get_by_label("Name").press("Enter")
    expect(notice(bob)).to_contain_text("Your profile is saved.")

    bob.goto(f"{TEAM}/tasks/{new_task(bob, 'Oil the winch')}")
    cut(bob)
    bob.get_by_label("Status").select_option("in progress")
    expect(notice(bob)).to_contain_text(UNREACHED)
    cut(bob, False)
    expect(notice(bob)).to_contain_text("Status saved.")  # it was sent as soon as it could be


def test_cells_cards_and_acts_without_a_network_stay_as_they_were_and_go_on_afterwards(page_of, new_task, cut):
    bob = page_of("bob")
    id = new_task(bob, "Grease the pulley", assigned_to="2")
    bob.goto(f"{TEAM}/tasks")
    row, bulk = bob.locator(f"#row_{id}"), bob.locator(".bulk-bar").get_by_label("Status")
    row.locator("[data-cell=status]").click()
    expect(row.get_by_role("listbox")).to_be_focused()
    cut(bob)
    bob.keyboard.press("3")
    expect(notice(bob)).to_contain_text(UNREACHED)
    cut(bob, False)
    bob.keyboard.press("3")
    expect(row.get_by_title("Change the status")).to_have_text("Completed")
    row.locator(".row-check").check()
    cut(bob)
    bulk.select_option("pending")
    expect(bulk).to_have_value("")
    cut(bob, False)
    bulk.select_option("pending")
    expect(row.get_by_title("Change the status")).to_have_text("Pending")

    bob.goto(f"{TEAM}/tasks?view=board")
    card = bob.locator(f"#card_{id}")
    expect(card).to_be_visible()
    card.focus()
    cut(bob)
    bob.keyboard.press("]")
    expect(notice(bob)).to_contain_text(UNREACHED)
    expect(bob.locator("[data-column=pending]").locator(card)).to_be_visible()
    cut(bob, False)
    bob.keyboard.press("]")
    expect(bob.locator(f"[data-column='in progress'] #card_{id}[data-value='in progress']")).to_be_visible()


COMPOSE = """(field, [text, key]) => {
  field.focus();
  field.dispatchEvent(new CompositionEvent("compositionstart", { bubbles: true }));
  field.value = text;
  field.dispatchEvent(new CompositionEvent("compositionupdate", { data: text, bubbles: true }));
  field.dispatchEvent(new InputEvent("input", { data: text, isComposing: true, bubbles: true }));
  const kept = field.dispatchEvent(new KeyboardEvent("keydown", { key, isComposing: true, keyCode: 229, bubbles: true, cancelable: true }));
  field.dispatchEvent(new CompositionEvent("compositionend", { data: text, bubbles: true }));
  field.dispatchEvent(new KeyboardEvent("keydown", { key, keyCode: 229, bubbles: true, cancelable: true }));
  return kept;
}"""


def test_report_10_an_enter_that_ends_a_composition_is_the_input_methods_own(page_of, new_task):
    """The second keydown is Safari's: it comes after the composition's end, and only its code tells."""
    charlie = page_of("charlie")
    id = new_task(charlie, "Call the brewer", team=GLOBEX)
    sent = []
    charlie.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    def composes(field, key="Enter"):
        assert field.evaluate(COMPOSE, ["にほん", key])
        expect(field).to_have_value("にほん")
        expect(field).to_be_focused()

    charlie.goto(f"{GLOBEX}/tasks")
    charlie.keyboard.press("Control+k")
    composes(charlie.locator("#palette_input"))
    charlie.keyboard.press("Escape")
    expect(charlie.locator("#palette")).to_be_hidden()
    charlie.keyboard.press("c")
    title = charlie.locator("#dialog").get_by_label("Title")
    expect(title).to_be_focused()
    composes(title)
    composes(title, "Escape")
    expect(charlie.locator("#dialog")).to_be_visible()
    charlie.keyboard.press("Escape")
    expect(charlie.locator("[data-create]:focus")).to_be_visible()
    row = charlie.locator(f"#row_{id}")
    row.focus()
    charlie.keyboard.press("e")
    cell = row.get_by_label("Title", exact=True)
    expect(cell).to_be_focused()
    composes(cell)
    composes(cell, "Escape")
    charlie.keyboard.press("Escape")
    charlie.goto(f"{GLOBEX}/tasks/{id}")
    composes(charlie.get_by_label("Title"))
    assert sent == []
    charlie.keyboard.press("Enter")
    expect(notice(charlie)).to_contain_text("Title saved.")
