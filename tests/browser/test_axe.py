"""axe finds nothing on any page, in both themes, nor on what opens over a page."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

PUBLIC = (
    "/",
    "/pricing",
    "/faq",
    "/newsletter",
    "/newsletter/sent",
    "/sign-in",
    "/sign-up",
    "/forgot-password",
    "/session-ended",
    "/dev/mail",
    "/dev/patterns",
    "/dev/cast",
    "/e/lantern-festival",
    "/e/lantern-workshop",
    "/nowhere/at/all",
)
EVENT = f"{TEAM}/events/2"  # the festival's
# Pages of a table that people made; FIELD and ROW are one of its.
TABLE = (
    f"{TEAM}/records",
    f"{TEAM}/records/equipment",
    f"{TEAM}/records/equipment?view=board",
    f"{TEAM}/records/equipment?view=calendar",
    f"{TEAM}/records/equipment?view=chart",
    f"{TEAM}/records/equipment/fields",
    f"{TEAM}/records/equipment/rules?who=role:member&sees=some&c_field=made",
    f"{TEAM}/records/equipment/imports",
    f"{TEAM}/records/archives",
    f"{TEAM}/dashboard",
    "FIELD",
    "ROW",
)
DONE_BY_ITSELF = (
    f"{TEAM}/automations",
    f"{TEAM}/automations/1",
    f"{TEAM}/automations/new?sample=follow_up",
    f"{TEAM}/automations/new?sample=sold",
    f"{TEAM}/automations/new?sample=monday",
    f"{TEAM}/automations/runs",
    f"{TEAM}/automations/webhooks",
    f"{TEAM}/automations/webhooks/new",
    f"{TEAM}/automations/deliveries",
)
MEMBER = (
    TEAM,
    f"{TEAM}/tasks",
    f"{TEAM}/tasks?tab=all&view=board",
    f"{TEAM}/tasks?tab=all&status=completed",
    f"{TEAM}/tasks?tab=all&view=calendar",
    f"{TEAM}/tasks?tab=all&view=calendar&cal=agenda",
    f"{TEAM}/tasks/labels",
    f"{TEAM}/tasks?q=nothingfitsthis",
    f"{TEAM}/tasks/new",
    "TASK",
    f"{TEAM}/events",
    f"{TEAM}/events/new",
    *(f"{EVENT}{part}" for part in ("", "?part=when", "/tiers", "/sessions", "/orders", "/passes", "/ledger")),
    f"{EVENT}/sales?view=chart",
    f"{EVENT}/vouchers/1",
    f"{TEAM}/events/4/checkpoints",
    f"{TEAM}/keys",
    f"{TEAM}/flyers/batches",
    f"{TEAM}/refunds",
    "/door",
    f"{TEAM}/billing",
    f"{TEAM}/billing/return",
    f"{TEAM}/credits",
    f"{TEAM}/members",
    f"{TEAM}/settings",
    f"{TEAM}/workspaces",
    f"{TEAM}/workspaces/main-stage",
    "/organizations/new",
    "/notifications",
    "/account",
    "/settings/security",
    "/settings/security/sessions",
    f"{TEAM}/billing/licences",
    "/settings/security/passkeys/new",
    "/settings/security/factor/new",
    "/settings/security/factor/codes",
    "/sandbox",
    "/nowhere/at/all",
)
ADMIN = (
    "/admin",
    "/admin/settings",
    "/admin/settings/site_name",
    "/admin/alerts",
    "/admin/jobs",
    "/admin/backups",
    "/admin/mail",
    "/admin/campaigns",
    "/admin/campaigns/1",
    "/admin/campaigns/1/recipients",
    "/admin/subscribers",
    "/admin/subscribers/1",
    "/admin/subscribers/imports",
    "/admin/mail/1",
    "/admin/mail/suppressions",
    "/admin/mail/templates",
    "/admin/mail/templates/event_moved",
    "CHECKOUT",
    "/admin/organizations/7/credits",
    "/admin/pricing",
    "/admin/plans",
    "/admin/plans/pro_monthly",
    "/admin/backers",
    "/admin/backers/tiers",
    "/admin/backers/imports",
    "/admin/users",
    "/admin/users/1/sessions",
    "/admin/audit",
    "/admin/releases",
    "/admin/payouts",
)
# What a theme changes is its colours; the rest is asked once.
THEMES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}
# Selectors take a quarter of the time; only what is wrong needs them.
ASKED = """async (options) => {
  const { violations } = await axe.run(document, { ...options, selectors: false });
  return violations.length ? (await axe.run(document, options)).violations : [];
}"""
# A frame is drawn, and whatever glides from one colour to the other has arrived.
SETTLED = """async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const finite = document.getAnimations().filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime));
  const arrived = Promise.all(finite.map((one) => one.finished.catch(() => null)));
  await Promise.race([arrived, new Promise((enough) => setTimeout(enough, 80))]); // some are held
}"""


def violations(page):
    """In both themes; (theme, rule, where) of each."""
    found = []
    for theme, rules in THEMES.items():
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        if page.locator("[data-bs-theme]").count():  # an event's page takes what the system says
            expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
        page.evaluate(SETTLED)
        for one in _told(page, rules):
            for node in one["nodes"]:
                why = (node["any"] + node["all"] + node["none"] + [{"message": ""}])[0]["message"]
                found.append(f"{theme} {one['id']}: {' '.join(map(str, node['target']))}: {why}"[:300])
    return found


def _told(page, rules):
    """What axe has against the page; its text is heavy and goes there once, and what it has nothing against stays."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    return page.evaluate(ASKED, {"resultTypes": ["violations"], "preload": False, **rules})


def of_a_table(page):
    """The pages of one of its fields and of one of its rows."""
    page.goto(f"{TEAM}/records/equipment/fields")
    field = page.get_by_role("link", name="Kind, rules and place of").first.get_attribute("href")
    page.goto(f"{TEAM}/records/equipment")
    return {"FIELD": field, "ROW": page.locator("#list_rows [data-row] a").first.get_attribute("href")}


@pytest.mark.parametrize(
    ("who", "places"),
    [(None, PUBLIC), ("alice", MEMBER), ("alice", TABLE), ("alice", DONE_BY_ITSELF), ("stella", ADMIN)],
)
def test_every_page(page_of, new_task, who, places):
    page_of.expect(404)
    page = page_of(who)
    special = {}
    if places is TABLE:
        special |= of_a_table(page)
    elif who == "alice":
        special["TASK"] = f"{TEAM}/tasks/{new_task(page, 'Weigh the flour', due_at='2031-01-01', assigned_to='2')}"
    if who == "stella":
        page.goto("/app")
        asked = page.request.post(f"{page.url}/billing/checkout", form={"plan": "pro_monthly"}, max_redirects=0)
        special["CHECKOUT"] = asked.headers["location"]
    wrong = {}
    for place in places:
        page.goto(special.get(place, place))
        if found := violations(page):
            wrong[place] = found
    assert wrong == {}


@pytest.fixture
def alice(page_of, new_task):
    page = page_of("alice")
    new_task(page, "Sift the flour", assigned_to="2")
    page.goto(f"{TEAM}/tasks")
    expect(page.locator("#list_rows")).to_be_visible()
    return page


def test_an_open_dialog(alice, page_of):
    page_of.expect(422)
    alice.keyboard.press("c")
    expect(alice.locator("#dialog")).to_be_visible()
    assert violations(alice) == []
    alice.locator("#dialog").get_by_role("button", name="Create task").click()
    expect(alice.locator("#dialog #title_error")).to_be_visible()
    assert violations(alice) == []


def test_a_members_role_and_an_invitation(page_of, demo):
    page = page_of("alice")
    page.goto(f"{TEAM}/members")
    page.get_by_label("Change role: Bob Adeyemi").click()
    expect(page.locator("#dialog").get_by_label("Viewer")).to_be_visible()
    assert violations(page) == []
    page.request.post(f"{TEAM}/invitations", form={"email": "noor@example.org", "role": "viewer"}, max_redirects=0)
    link = demo.letter("noor@example.org", r"http\S+invitationId=\S+")
    for visitor in (page, page_of()):  # the wrong account, and nobody
        visitor.goto(link)
        expect(visitor.get_by_role("heading", level=1)).to_contain_text("invites you to")
        assert violations(visitor) == []


def test_the_palette(alice):
    alice.keyboard.press("Control+k")
    expect(alice.locator("#palette_results [aria-selected=true]")).to_be_visible()
    assert violations(alice) == []
    alice.locator("#palette_input").fill("nothingfitsthis")
    expect(alice.locator("#palette_results")).to_contain_text("Nothing found")
    assert violations(alice) == []


def test_the_keys_and_a_question(alice):
    alice.keyboard.press("?")
    expect(alice.locator("#keys")).to_be_visible()
    assert violations(alice) == []
    alice.keyboard.press("Escape")
    alice.locator("#list_rows .row-title").first.click()
    expect(alice.locator("#row_detail")).to_be_visible()
    assert violations(alice) == []
    alice.get_by_title("More", exact=True).click()
    alice.get_by_role("button", name="Delete task").click()
    expect(alice.locator("#confirm")).to_be_visible()
    assert violations(alice) == []


def test_the_bell_and_the_menus(alice):
    alice.locator("#bell_summary").click()
    expect(alice.locator("#bell_panel").get_by_text("Mark all as read")).to_be_visible()
    assert violations(alice) == []
    alice.get_by_title("Alice Moreau").click()
    expect(alice.get_by_role("button", name="Sign out")).to_be_visible()
    assert violations(alice) == []
    alice.locator(".switcher summary").click()
    expect(alice.locator(".switcher .menu-panel")).to_be_visible()
    assert violations(alice) == []


def test_ticked_rows_a_toast_and_a_cell(alice):
    alice.locator(".row-check").first.check()
    expect(alice.locator(".bulk-bar")).to_be_visible()
    assert violations(alice) == []
    alice.locator("[data-unselect]").click()
    cell = alice.locator("#list_rows [data-row]").first
    cell.get_by_title("Change the status").click()
    expect(cell.get_by_role("listbox", name="Status")).to_be_focused()
    assert violations(alice) == []
    cell.get_by_role("option", name="In progress").click()
    expect(alice.locator("[data-toast]").last).to_be_visible()
    assert violations(alice) == []


def test_a_folded_sidebar_and_a_phone(alice):
    alice.get_by_role("button", name="Fold the sidebar").click()
    assert violations(alice) == []
    alice.set_viewport_size({"width": 390, "height": 844})
    assert violations(alice) == []
    alice.get_by_role("link", name="Menu", exact=True).click()
    expect(alice.locator("#sidebar")).to_be_visible()
    assert violations(alice) == []


def test_a_setting_being_edited(page_of):
    page_of.expect(422)
    page = page_of("stella")
    page.goto("/admin/settings")
    for label in ("Name", "Description", "Mode", "Pro plan"):
        page.get_by_role("link", name=f"Edit {label}").click()
        expect(page.get_by_role("link", name=f"Edit {label}")).to_have_count(0)
        expect(page.locator(f".setting[aria-label='{label}'] :focus")).to_have_count(1)
    name = page.locator("#setting_site_name")
    name.get_by_label("Name").fill("")
    name.get_by_role("button", name="Save").click()
    expect(name.locator(".field-error")).to_be_visible()
    assert violations(page) == []


def test_refused_forms_of_strangers(page_of):
    page_of.expect(422)
    page = page_of()
    for place, button in (("/sign-in", "Sign in"), ("/sign-up", "Create account"), ("/forgot-password", "Send code")):
        page.goto(place)
        page.get_by_role("button", name=button).click()
        page.wait_for_load_state()
        assert violations(page) == [], place


def test_these_stories_can_fail(page_of):
    page = page_of()
    page.goto("/health")
    page.set_content("<img src='data:,'>")
    assert "image-alt" in {one["id"] for one in _told(page, {})}
