"""Charts through their pages."""

import re

import pytest

from database.scope import inside
from domain.charts import figures
from domain.lists import rows
from domain.records import collections, listings
from domain.tasks import tasks


@pytest.fixture
def some(cast, at):
    with inside(cast.acme):
        for title, due in (("A", "2026-03-02"), ("B", "2026-03-09"), ("C", "")):
            rows.create(tasks.rules, {"title": title, "due_at": due}, by=at("alice"))


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text))


def test_a_list_is_drawn_as_a_chart_with_its_numbers_as_a_table(browse, some):
    alice = browse("alice")
    assert "view=chart" in alice.get("/acme/tasks?tab=all").text
    page = alice.get("/acme/tasks?tab=all&view=chart").text
    assert "Number of tasks by Status" in words(page)
    assert re.search(
        r'href="/acme/tasks\?tab=all&amp;status=pending" title="Pending">Pending</a></th>.*?<td class="num">3</td>',
        page,
    )
    assert 'name="view" value="chart"' in page  # the filters above stay with it
    page = alice.get("/acme/tasks?tab=all&view=chart&chart_by=due_at&chart_per=week&chart_as=line").text
    assert "Week of 2 Mar 2026 1" in words(page)
    assert "<polyline" in page
    leads = re.search(r'href="(/acme/tasks\?[^"]*)" title="Week of 2 Mar', page)[1].replace("&amp;", "&")
    listed = alice.get(leads).text
    assert [title in listed for title in (">A</a>", ">B</a>")] == [True, False]
    assert "3" in words(alice.get("/acme/tasks?tab=all&view=chart&chart_as=number").text)
    part = {"HX-Request": "true", "HX-Target": "list_area", "HX-Trigger": "chart_tools"}
    answer = alice.get("/acme/tasks?tab=all&view=chart&chart_by=priority&chart_of=", headers=part)
    assert answer.headers["HX-Push-Url"] == "/acme/tasks?view=chart&tab=all&chart_by=priority&chart_as=bars"


def test_the_chart_of_nothing_says_so(browse):
    for query in ("", "chart_by=due_at", "chart_as=number", "chart_by=nonsense&chart_of=x&chart_per=y&chart_as=z"):
        assert "Nothing to count" in browse("alice").get(f"/acme/tasks?view=chart&{query}").text


def test_a_chart_of_many_rows_follows_by_itself(browse, some, cast, monkeypatch):
    monkeypatch.setattr(figures, "AT_ONCE", 2)
    address = "/acme/tasks?tab=all&view=chart"
    page = browse("alice").get(address).text
    assert "counted apart" in page
    assert 'hx-trigger="every 1s"' in page
    figures.work()
    page = browse("alice").get(address).text
    assert "Pending" in page
    assert "every 1s" not in page


def test_a_series_for_each_currency(browse, cast, at):
    with inside(cast.acme):
        fields = (("Name", "text"), ("State", "choice", ("New",)), ("Worth", "money"))
        table = collections.make("Offers", by=at("alice"), fields=fields)
        found = listings.of(table, at("alice"))
        name, _, worth = (f.name for f in found.listing.fields[:3])
        for amount in ("1250.50 EUR", "-500 JPY"):
            rows.create(found, {name: "<b>A</b>", worth: amount}, by=at("alice"))
    page = browse("alice").get(f"/acme/records/offers?view=chart&chart_of={worth}").text
    assert "€1,250.50" in page
    assert "−¥500" in page
    assert page.count('class="chart-series"') == 2
