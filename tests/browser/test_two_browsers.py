"""Two people at once: what one does, the other sees without touching anything, and nothing typed is lost."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

SOON = 12  # seconds, however busy the machine is; it is a fraction of one as a rule
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def alice(page_of):
    page = page_of("alice")
    page.goto(f"{TEAM}/tasks?tab=all")
    expect(page.locator("#list_rows")).to_be_visible()
    return page


@pytest.fixture
def bob(page_of):
    return page_of("bob")


def row(page, title):
    return page.locator("#list_rows [data-row]", has_text=title)


def test_what_one_creates_and_changes_the_other_sees_within_seconds(alice, bob, new_task):
    id = new_task(bob, "Hang the lanterns")
    began = time.monotonic()
    expect(row(alice, "Hang the lanterns")).to_be_visible()
    took = time.monotonic() - began
    assert took < SOON

    bob.goto(f"{TEAM}/tasks/{id}")
    bob.get_by_label("Title").fill("Hang the paper lanterns")
    bob.get_by_label("Title").press("Enter")
    began = time.monotonic()
    expect(row(alice, "Hang the paper lanterns")).to_be_visible()
    assert time.monotonic() - began < SOON
    expect(bob.locator("#notice")).to_contain_text("Title saved.")


def test_a_deleted_task_leaves_the_other_list(alice, bob, new_task):
    id = new_task(bob, "Borrow a ladder twice")
    row(alice, "Borrow a ladder twice").focus()
    form = {"priority": "high"}  # a row that has the focus follows too
    assert bob.request.post(f"{TEAM}/tasks/{id}/cells/priority", form=form, max_redirects=0).status == 303
    expect(row(alice, "Borrow a ladder twice")).to_contain_text("High")
    assert bob.request.post(f"{TEAM}/tasks/{id}/removal", max_redirects=0).status == 303
    expect(row(alice, "Borrow a ladder twice")).to_have_count(0)


def test_a_cell_that_is_being_edited_keeps_what_was_typed(alice, bob, new_task):
    id = new_task(alice, "Count the benches", category="hall")
    cell = alice.locator(f"#row_{id} [data-cell=category]")
    cell.click()
    typing = alice.locator(f"#edit_{id}_category")
    expect(typing).to_be_focused()
    typing.fill("half typed")
    new_task(bob, "Sweep the stage")
    expect(row(alice, "Sweep the stage")).to_be_visible()
    expect(typing).to_have_value("half typed")
    expect(typing).to_be_focused()
    typing.press("Enter")
    expect(alice.locator(f"#row_{id}")).to_contain_text("half typed")


def test_ticked_rows_stay_ticked_when_the_list_is_drawn_again(alice, bob, new_task):
    id = new_task(alice, "Find the fuse box")
    alice.locator(f"#row_{id} .row-check").check()
    new_task(bob, "Buy fuses")
    expect(row(alice, "Buy fuses")).to_be_visible()
    expect(alice.locator(f"#row_{id} .row-check")).to_be_checked()
    expect(alice.locator(".bulk-bar [data-ticked]")).to_have_text("1 selected")


def test_a_page_that_was_hidden_catches_up_when_it_is_seen_again(alice, bob, new_task):
    alice.evaluate(HIDE, True)
    new_task(bob, "Write to the neighbours")
    new_task(bob, "Ask for the late licence")
    assert row(alice, "Write to the neighbours").count() == 0
    alice.evaluate(HIDE, False)
    expect(row(alice, "Write to the neighbours")).to_be_visible()
    expect(row(alice, "Ask for the late licence")).to_be_visible()


def test_use_r1_a_lost_network_has_a_page_of_its_own_and_takes_nothing(page_of):
    page_of.expect(
        "ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_CHANGED", "ERR_FAILED", "htmx:afterRequest", "htmx:sendError"
    )
    page = page_of("alice", service_workers="allow")
    page.goto(f"{TEAM}/settings")
    page.evaluate("navigator.serviceWorker.ready.then(() => {})")
    name = page.get_by_label("Name", exact=True)
    name.fill("Acme Festival of Lanterns")
    page.context.set_offline(True)
    page.locator(f'form[action="{TEAM}/settings"]').get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("could not be reached")
    expect(name).to_have_value("Acme Festival of Lanterns")
    # The browser doesn't always know that it is offline: then the form is gone, and comes back with its words.
    page.evaluate("Object.defineProperty(Navigator.prototype, 'onLine', { get: () => true })")
    page.locator(f'form[action="{TEAM}/settings"]').get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    kept = page.evaluate(
        "caches.keys().then(async (all) => (await (await caches.open(all[0])).keys()).map((one) => one.url))"
    )
    assert [url for url in kept if "/static/" not in url] == [page.url.split(TEAM)[0] + "/offline"]
    page.context.set_offline(False)
    expect(page.get_by_label("Name", exact=True)).to_have_value("Acme Festival of Lanterns")
    page.get_by_role("button", name="Start afresh").click()


def test_the_bell_rings_for_the_one_who_is_given_a_task(alice, bob, new_task):
    bob.goto("/notifications")
    expect(bob.locator("#bell_summary")).to_be_visible()
    before = int(bob.locator(".bell-count").inner_text() if bob.locator(".bell-count").count() else 0)
    id = new_task(alice, "Carry the piano", assigned_to="2")
    expect(bob.locator(".bell-count")).to_have_text(str(before + 1))
    expect(bob.locator("#notice_area")).to_contain_text("Carry the piano")
    bob.locator("#bell_summary").click()
    bob.locator("#bell_panel").get_by_role("button", name="Unread: Alice Moreau gave you a task").first.click()
    expect(bob).to_have_url(re.compile(f"/tasks/{id}$"))
    expect(bob.locator("#bell_summary")).to_contain_text("Notifications")


def test_an_open_bell_stays_open_when_it_rings(alice, bob, new_task):
    bob.goto(f"{TEAM}/tasks")
    bob.locator("#bell_summary").click()
    expect(bob.locator("#bell_panel").get_by_text("See all notifications")).to_be_visible()
    new_task(alice, "Tune the piano", assigned_to="2")
    expect(bob.locator("#bell_panel .bell-list")).to_contain_text("Alice Moreau gave you a task")
    expect(bob.locator("#bell_panel")).to_be_visible()


def test_home_follows(alice, bob, new_task):
    alice.goto(TEAM)
    overdue = alice.locator("#home_area .stat").first
    count = int(overdue.locator(".stat-value").inner_text())
    new_task(alice, "Return the keys", due_at="2020-01-01")
    expect(overdue.locator(".stat-value")).to_have_text(str(count + 1))


def test_unsaved_words_are_kept_and_a_stale_field_is_refused_beside_it(page_of, alice, bob, new_task):
    id = new_task(alice, "Paint the gate", assigned_to="2")
    alice.goto(f"{TEAM}/tasks/{id}")
    alice.get_by_label("Title").fill("Paint the old gate")
    answer = bob.request.post(f"{TEAM}/tasks/{id}/cells/status", form={"status": "in progress"}, max_redirects=0)
    assert answer.status == 303
    expect(alice.get_by_text("Somebody changed this meanwhile")).to_be_visible()
    expect(alice.get_by_label("Title")).to_have_value("Paint the old gate")

    # Another browser of hers gives it another title; now the one being typed is stale.
    answer = alice.request.post(f"{TEAM}/tasks/{id}/cells/title", form={"title": "Paint the fence"}, max_redirects=0)
    assert answer.status == 303
    page_of.expect(409)
    alice.get_by_label("Title").press("Enter")
    expect(alice.locator("#title_error")).to_be_visible()
    expect(alice.locator("#title_error")).to_contain_text("Paint the fence")
    expect(alice.get_by_label("Title")).to_have_value("Paint the old gate")
    # Having been told, she may save it.
    alice.get_by_label("Title").press("Enter")
    expect(alice.locator("#notice")).to_contain_text("Title saved.")
    expect(alice.locator("h1")).to_have_text("Paint the old gate")


def test_a_page_of_a_deleted_task_says_so_once(page_of, alice, bob, new_task):
    page_of.expect(404)
    id = new_task(bob, "Roll up the carpet")
    alice.goto(f"{TEAM}/tasks/{id}")
    expect(alice.get_by_role("heading", name="Roll up the carpet")).to_be_visible()
    with alice.expect_response(lambda answer: answer.status == 404):
        bob.request.post(f"{TEAM}/tasks/{id}/removal", max_redirects=0)
    expect(alice.locator("[data-toast], .note[data-behind]")).to_have_count(1)
    watcher = bob.context.new_page()
    watcher.goto(f"{TEAM}/tasks")
    for title in ("Beat the carpet", "Sell the carpet"):
        new_task(bob, title)
        expect(row(watcher, title)).to_be_visible()
    expect(alice.locator("[data-toast], .note[data-behind]")).to_have_count(1)


def test_report_03_what_is_told_within_a_second_is_drawn_together(alice, bob, new_task):
    drawn = []
    alice.on("request", lambda request: drawn.append(request.url) if "x-redraw" in request.headers else None)
    for number in range(12):
        new_task(bob, f"Gong {number}")
    expect(row(alice, "Gong 11")).to_be_visible()
    assert row(alice, "Gong").count() == 12
    assert 1 <= len(drawn) <= 4  # the first at once, then one a second


def test_report_17_an_open_list_asks_again_when_a_time_comes(page_of, new_task):
    page = page_of("bob")
    page.clock.install()
    soon = datetime.now(UTC) + timedelta(hours=1)
    page.goto("/health")
    id = new_task(page, "Open the doors", due_at=soon.isoformat(timespec="seconds"), assigned_to="2")
    page.goto(f"{TEAM}/tasks")
    due = page.locator(f"#row_{id} .due")
    expect(due).not_to_contain_text("late")
    with page.expect_request(lambda request: "x-redraw" in request.headers):
        page.clock.fast_forward("01:00:05")
    expect(due).to_contain_text("late")
    with page.expect_request(lambda request: "x-redraw" in request.headers):
        page.clock.fast_forward("24:00:00")  # another day
    expect(due).to_contain_text("1 day late")


def test_report_17_a_day_that_began_behind_a_shut_lid_is_not_missed(page_of):
    """Timers that are late come all at once, and one of them may set the clock of the others anew."""
    page = page_of("bob")
    page.clock.install()
    page.goto(f"{TEAM}/tasks")
    page.evaluate(
        """() => {
          const settles = () => htmx.trigger(document.body, "htmx:afterSettle", {elt: document.body});
          setTimeout(settles, 1000);
          settles();
        }"""
    )
    with page.expect_request(lambda request: "x-redraw" in request.headers):
        page.clock.fast_forward("24:00:00")
