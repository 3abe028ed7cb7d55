"""What one does oneself shows at once, also where no stream and no question brings it."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TEAM

TOP = {"x": 40, "y": 10}  # of a column, in sight: where the browser scrolled under the pointer, it took another card


@pytest.fixture
def page(page_of):
    """alice's, who hears nothing of what others do."""
    page = page_of("alice")
    page.route(re.compile(r"/acme-festival/live"), lambda route: route.fulfill(status=204))
    quiet = json.dumps({"mark": "0", "stale": []})
    page.route(
        re.compile(r"/acme-festival/news"),
        lambda route: route.fulfill(status=200, content_type="application/json", body=quiet),
    )
    return page


def test_what_one_creates_is_in_the_list_at_once(page):
    page.goto(f"{TEAM}/tasks")
    page.get_by_role("link", name="New task").click()
    page.locator("#dialog").get_by_label("Title").fill("Oil the locks")
    page.locator("#dialog").get_by_label("Title").press("Enter")
    expect(page.locator("#list_rows [data-row]", has_text="Oil the locks")).to_be_visible()


def test_a_refused_card_goes_where_it_belongs(page, page_of, new_task):
    page_of.expect(409, 404)
    changed, gone = new_task(page, "Mend the gate"), new_task(page, "Paint the porch")
    page.goto(f"{TEAM}/tasks?view=board")
    other, begun = page_of("alice").request, page.locator("[data-column='in progress'] .board-cards")

    other.post(f"{TEAM}/tasks/{changed}/cells/status", form={"status": "completed"}, max_redirects=0)
    page.locator(f"#card_{changed}").drag_to(begun, target_position=TOP)
    expect(page.locator("#notice .tone-bad")).to_be_visible()
    expect(page.locator(f"[data-column=completed] #card_{changed}")).to_have_count(1)  # a column that starts folded

    other.post(f"{TEAM}/tasks/{gone}/removal", max_redirects=0)
    page.locator(f"#card_{gone}").drag_to(begun, target_position=TOP)
    expect(page.locator(f"#card_{gone}")).to_have_count(0)
