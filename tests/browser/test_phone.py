"""A phone in one hand: nothing runs over the edge, and whatever is touched is large enough."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM
from tests.browser.test_axe import TABLE, of_a_table

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
STRANGER = (
    "/",
    "/sign-in",
    "/sign-up",
    "/forgot-password",
    "/pricing",
    "/faq",
    "/session-ended",
    "/e/lantern-festival/tickets",
    "/dev/mail",
    "/dev/patterns",
    "/dev/cast",
    "/e/lantern-festival",
    "/nowhere/at/all",
)
OWNER = (
    TEAM,
    f"{TEAM}/tasks",
    f"{TEAM}/tasks?tab=all",
    f"{TEAM}/tasks?view=board",
    f"{TEAM}/tasks?q=nothingfitsthis",
    f"{TEAM}/tasks/new",
    f"{TEAM}/billing",
    f"{TEAM}/billing/return",
    f"{TEAM}/members",
    f"{TEAM}/settings",
    f"{TEAM}/workspaces",
    f"{TEAM}/workspaces/main-stage",
    "/organizations/new",
    "/notifications",
    "/account",
    "/settings/security",
    "/sandbox",
    f"{TEAM}/credits",
    f"{TEAM}/events",
    f"{TEAM}/events/new",
    *(f"{TEAM}/events/2{part}" for part in ("", "?part=when", "/address", "/badges", "/cancelling", "/move")),
    *(f"{TEAM}/events/2/{list}" for list in ("tiers", "vouchers", "sessions", "speakers", "orders", "passes", "line")),
    *(f"{TEAM}/events/2/{list}" for list in ("scans", "devices", "incidents", "conflicts", "ledger", "checkpoints")),
    f"{TEAM}/refunds",
    f"{TEAM}/payment-accounts",
    "/door",
    *(f"{TEAM}/{part}" for part in ("audit", "permissions", "invitations", "invitation-links", "billing/payments")),
    *(f"{TEAM}/tasks/{part}" for part in ("labels", "trash", "changes", "views", "paste", "imports", "subscription")),
    *(f"/settings/{part}" for part in ("notifications", "calendars", "security/sessions", "security/factor/new")),
    "/account/deletion",
)
ADMIN = (
    *("/admin", "/admin/settings", "/admin/settings/site_name", "/admin/alerts", "/admin/jobs", "/admin/audit"),
    *("/admin/admins", "/admin/users", "/admin/users/1", "/admin/users/1/permissions", "/admin/organizations"),
    *("/admin/organizations/1", "/admin/plans", "/admin/plans/pro_monthly", "/admin/pricing", "/admin/subscriptions"),
    *("/admin/reconciliation", "/admin/webhooks", "/admin/backers", "/admin/backers/tiers"),
)
LONG = "W" * 200  # a title of one word, as long as a title may be

# What stands over the edge: elements that are wider than the page and that nothing around them cuts off or scrolls.
OVER = """() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= 390) return [];
  const held = (node) => { for (let one = node.parentElement; one && one !== document.body; one = one.parentElement)
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(one).overflowX)) return true; return false; };
  const over = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > 391 && !held(one));
  return [`${wide} px wide`, ...over.slice(0, 4).map((one) => one.outerHTML.slice(0, 100))];
}"""
SMALL = """(places) => [...document.querySelectorAll(places)].filter((one) => one.checkVisibility()).map((one) => {
    const box = one.getBoundingClientRect();
    return [Math.round(box.width), Math.round(box.height), one.outerHTML.slice(0, 90)];
  }).filter(([width, height]) => width && height && (width < 40 || height < 40))"""


@pytest.mark.parametrize(("who", "places"), [(None, STRANGER), ("alice", OWNER), ("alice", TABLE), ("stella", ADMIN)])
def test_no_page_runs_over_the_edge(page_of, new_task, who, places):
    page_of.expect(404)
    page = page_of(who, **PHONE)
    special = of_a_table(page) if places is TABLE else {}
    if who == "alice":
        id = new_task(page, LONG, category="x" * 60, description="y" * 400)
        times = {"starts_at": "2031-05-05T10:00Z", "ends_at": "2031-05-05T11:00Z", "venue": "y" * 90}
        made = page.request.post(f"{TEAM}/events", form={"title": LONG[:120]} | times, max_redirects=0)
        event = f"{TEAM}/events/{made.headers['location'].rpartition('/')[2]}"
        places = (*places, f"{TEAM}/tasks/{id}", event, f"{event}/tiers", f"{event}/address", f"{event}/move")
    wrong = {}
    for place in places:
        page.goto(special.get(place, place), wait_until="domcontentloaded")
        if found := page.evaluate(OVER):
            wrong[place] = found
    if who == "alice":
        page.request.post(f"{TEAM}/tasks/{id}/removal")
    assert wrong == {}


def test_what_is_touched_is_large_enough(page_of):
    page = page_of("alice", **PHONE)
    wrong = {}
    for place in (
        TEAM,
        f"{TEAM}/tasks?tab=all",
        f"{TEAM}/tasks?view=board",
        f"{TEAM}/records/equipment",
        f"{TEAM}/billing",
        "/account",
    ):
        page.goto(place)
        bars = (
            ".topbar a, .topbar button, .topbar summary, .bottombar a, .page-actions .btn, .tabs a, .view-switch .btn"
        )
        if found := page.evaluate(SMALL, bars):
            wrong[place] = found
    assert wrong == {}


def test_the_bottom_bar_goes_to_the_four_places(page_of):
    page = page_of("alice", **PHONE)
    page.goto(TEAM)
    bar = page.get_by_role("navigation", name="Most used")
    expect(bar.get_by_role("link")).to_have_count(4)
    for name, address in (
        ("Tasks", "/tasks"),
        ("Events", "/events"),
        ("Notifications", "/notifications"),
        ("Home", TEAM),
    ):
        bar.get_by_role("link", name=name).tap()
        expect(page).to_have_url(re.compile(f"{address}$"))
        expect(bar.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        cut = bar.locator("span").evaluate_all("(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length")
        assert cut == 0


def test_the_bar_does_not_lie_over_the_end_of_a_page(page_of):
    page = page_of("alice", **PHONE)
    page.goto(f"{TEAM}/tasks/new")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    button = page.get_by_role("button", name="Create task").bounding_box()
    bar = page.locator(".bottombar").bounding_box()
    assert button["y"] + button["height"] <= bar["y"]


def test_the_drawer_opens_leads_on_and_closes(page_of):
    page = page_of("alice", **PHONE)
    page.goto(TEAM)
    menu = page.get_by_role("link", name="Menu", exact=True)
    menu.tap()
    side = page.locator("#sidebar")
    expect(side).to_be_visible()
    expect(menu).to_have_attribute("aria-expanded", "true")
    side.get_by_role("link", name="Account").tap()
    expect(page).to_have_url(re.compile("/account$"))
    expect(side).to_be_hidden()


def test_a_task_is_created_and_its_status_changed_in_place(page_of):
    page = page_of("alice", **PHONE)
    page.goto(f"{TEAM}/tasks")
    page.locator(".page-actions").get_by_role("link", name="New task").tap()
    dialog = page.locator("#dialog")
    dialog.get_by_label("Title").fill("Buy ice on the way")
    dialog.get_by_role("button", name="Create task").tap()
    row = page.locator("[data-row]", has_text="Buy ice on the way")
    expect(row).to_be_visible()
    expect(dialog).to_be_hidden()
    row.get_by_title("Change the status").tap()
    row.get_by_role("option", name="In progress").tap()
    expect(row.get_by_title("Change the status")).to_have_text("In progress")


def test_use_t7_a_task_is_two_lines_and_the_first_stands_above_the_middle(page_of, new_task):
    page = page_of("alice", **PHONE)
    id = new_task(page, "Ask the neighbours whether the late concert may go on until eleven " * 2, assigned_to="1")
    page.goto(f"{TEAM}/tasks")
    cards = page.locator("#list_rows [data-row]:visible, .cards [data-row]:visible")
    expect(cards.first).to_be_visible()
    assert cards.first.bounding_box()["y"] < 844 / 2
    heights = cards.evaluate_all("(all) => all.map((one) => one.getBoundingClientRect().height)")
    assert max(heights) <= 120  # a title of two lines, and one line under it
    filters = page.get_by_role("search").get_by_label("Priority")
    expect(filters).to_be_hidden()
    page.get_by_role("button", name="Filter").tap()
    expect(filters).to_be_visible()
    page.request.post(f"{TEAM}/tasks/{id}/removal")


def test_whatever_can_be_done_to_ticked_rows_is_in_sight(page_of):
    page = page_of("alice", **PHONE | {"viewport": {"width": 360, "height": 740}})
    page.goto(f"{TEAM}/tasks")
    page.locator(".row-check").first.check(force=True)
    for button in page.locator(".bulk-bar button").all():
        expect(button).to_be_in_viewport(ratio=1)


def test_a_card_is_moved_with_its_choice(page_of, new_task):
    page = page_of("alice", **PHONE)
    id = new_task(page, "Fold the napkins")
    page.goto(f"{TEAM}/tasks?view=board")
    choice = page.get_by_label("Move Fold the napkins to")
    expect(choice).to_be_visible()
    choice.select_option("completed")
    expect(page.locator(f"[data-column=completed] #card_{id}[data-value=completed]")).to_be_visible()
    page.reload()
    expect(page.locator(f"[data-column=completed] #card_{id}")).to_be_visible()


def test_the_open_one_of_many_tabs_stands_in_view(page_of):
    page = page_of("alice", **PHONE)
    for place, name in (("settings", "General"), ("export", "Export")):
        page.goto(f"{TEAM}/{place}")
        expect(page.locator(".tabs [aria-current]")).to_have_text(name)
        expect(page.locator(".tabs [aria-current]")).to_be_in_viewport(ratio=1)
