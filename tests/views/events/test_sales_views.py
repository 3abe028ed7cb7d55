"""How an event sells, as a chart on its page and in the lists within it."""

import re

import pytest

from domain.charts import figures
from tests.domain.events.test_stock import bought
from tests.fixtures.events import make_event, make_tier

WORDS = "Tickets sold and not given back, by day"


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


@pytest.fixture
def night(clock, inside_acme, at):
    event, (tier,) = make_event(at("alice"))
    return event, tier


def test_its_page_shows_the_tickets_that_were_sold_by_day_with_their_numbers(night, browse, clock):
    event, tier = night
    url = f"/acme/events/{event.id}"
    page = browse("alice").get(url).text
    assert ("Once tickets are sold" in page, WORDS in page) == (True, False)
    bought(event, tier, 2)
    clock.forward(days=2)
    bought(event, tier, 1, "grace@example.org")
    page = browse("bob").get(url).text
    assert WORDS in page
    assert "3 in all" in page
    said = words(page)
    for day in ("15 Jun 2026 2", "16 Jun 2026 0", "17 Jun 2026 1"):
        assert day in said
    leads = re.search(r'href="([^"]*)" title="15 Jun 2026"', page)[1].replace("&amp;", "&")
    listed = words(browse("bob").get(leads).text)
    assert "1 sale " in listed
    assert "Ada Lovelace" in listed


def test_its_page_shows_no_chart_to_who_may_not_see_orders(night, browse):
    event, tier = night
    bought(event, tier, 2)
    page = browse("vera").get(f"/acme/events/{event.id}").text
    assert "2 sold of 5" in page
    assert "sold_by_day" not in page
    for part in ("sales", "orders", "passes", "scans"):
        for below in ("", "?view=chart", "/charts"):
            assert browse("vera").get(f"/acme/events/{event.id}/{part}{below}").status_code == 403
            assert browse("charlie").get(f"/acme/events/{event.id}/{part}{below}").status_code == 404


def test_of_a_hot_sale_it_follows_by_itself(night, browse, hx, clock, monkeypatch):
    monkeypatch.setattr(figures, "FEW", 0)
    event, tier = night
    alice, url = browse("alice"), f"/acme/events/{event.id}"
    bought(event, tier)
    assert "every 15s" not in alice.get(url).text
    bought(event, tier, 1, "grace@example.org")
    page = alice.get(url).text
    assert "rows have changed since" in page
    assert f'hx-get="{url}" hx-trigger="every 15s"' in page
    clock.forward(seconds=31)
    part = alice.get(url, headers=hx("sold_by_day")).text
    assert part.lstrip().startswith('<div id="sold_by_day"')
    assert ("2 in all" in part, "every 15s" in part) == (True, False)


@pytest.mark.parametrize(
    ("part", "query", "found"),
    [
        ("orders", "chart_by=state", "Number of orders by State"),
        ("orders", "chart_by=created_at&chart_per=day&chart_of=total_cents", "Sum of Total by Ordered, by day"),
        ("passes", "chart_by=ticket", "Number of passes by Ticket"),
        ("sales", "chart_by=ticket&chart_of=cents", "Sum of Price by Ticket"),
        ("sales", "chart_as=number&chart_of=standing", "Sum of Tickets"),
        ("scans", "chart_by=scanned_at&chart_per=hour", "Number of scans by When, by hour"),
    ],
)
def test_the_lists_within_it_are_drawn_as_charts_of_its_own_rows(night, browse, at, part, query, found):
    event, tier = night
    other, (free,) = make_event(at("alice"), title="Other")
    make_tier(event, at("alice"), name="Gold")
    bought(event, tier, 2)
    bought(other, free, 4)
    alice, base = browse("alice"), f"/acme/events/{event.id}/{part}"
    page = alice.get(f"{base}?view=chart&{query}")
    assert page.status_code == 200
    assert found in words(page.text)
    assert 'value="hour"' in page.text if "chart_per" in query else True
    assert "Parts of Jazz Night" in page.text
    for address in set(re.findall(rf'href="({base}\?[^"]*)"', page.text)):
        assert alice.get(address.replace("&amp;", "&")).status_code == 200


def test_a_chart_of_it_is_saved_and_says_on_the_dashboard_of_which_event(night, browse):
    event, tier = night
    bought(event, tier, 2)
    alice, base = browse("alice"), f"/acme/events/{event.id}/orders"
    assert f"{base}/charts?" in alice.get(f"{base}?view=chart").text
    saved = alice.post(f"{base}/charts", data={"name": "How it stands", "query": "chart_by=state", "shared": "1"})
    assert saved.headers["Location"] == "/acme/dashboard#chart_1"
    page = browse("bob").get("/acme/dashboard").text
    assert "<bdi>Jazz Night</bdi> · Number of orders by State" in page
    assert f"{base}?view=chart" in page
    assert "How it stands" not in browse("vera").get("/acme/dashboard").text
    assert browse("vera").post(f"{base}/charts", data={"name": "Mine", "query": ""}).status_code == 403


def test_lists_that_sales_move_have_no_groups(night, browse):
    event, tier = night
    bought(event, tier)
    page = browse("alice").get(f"/acme/events/{event.id}/orders?group=state").text
    assert 'class="group-head"' not in page
    assert "Ada Lovelace" in page
