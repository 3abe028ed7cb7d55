"""The dashboard: saved from a list, in an order, named, shared, on the home page, removed and restored."""

import re

from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.charts import saved_charts
from domain.lists import rows
from domain.records import collections, listings, rules
from domain.tasks import tasks
from tests.fixtures.threads import write

DIALOG = {"HX-Request": "true", "HX-Target": "dialog"}


def save(person, name, query="tab=all&chart_by=status", **more):
    return person.post("/acme/tasks/charts", data={"name": name, "query": query, **more})


def order(page):
    return re.findall(r'data-chart="(\d+)"', page)


def test_a_chart_is_saved_from_its_list_and_stands_on_the_dashboard(browse, cast, at):
    alice = browse("alice")
    assert "No charts yet" in alice.get("/acme/dashboard").text
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "T"}, by=at("alice"))
    asked = re.search(r'href="(/acme/tasks/charts\?[^"]*)"', alice.get("/acme/tasks?tab=all&view=chart").text)[1]
    form = alice.get(asked.replace("&amp;", "&"), headers=DIALOG).text
    query = re.search(r'name="query" value="([^"]*)"', form)[1].replace("&amp;", "&")
    assert save(alice, "", query).status_code == 422
    answer = save(alice, "<b>How it stands</b>", query, shared="1")
    assert answer.headers["Location"] == "/acme/dashboard#chart_1"
    page = browse("bob").get("/acme/dashboard").text
    assert "&lt;b&gt;How it stands&lt;/b&gt;" in page
    assert 'title="Pending">Pending</a>' in page
    opened = alice.get("/acme/tasks?view=chart&tab=all&chart_by=status&chart=1").text
    assert "chart=1" in re.search(r'href="(/acme/tasks/charts\?[^"]*)"', opened)[1]
    assert 'name="chart" value="1"' in alice.get("/acme/tasks/charts?tab=all&chart=1", headers=DIALOG).text
    save(alice, "Anew", "tab=all&chart_by=priority", chart="1", shared="1")
    assert order(alice.get("/acme/dashboard").text) == ["1"]


def test_it_is_moved_named_pinned_removed_and_restored(browse, cast):
    alice, bob = browse("alice"), browse("bob")
    for name in ("One", "Two"):
        save(alice, name, shared="1")
    block = {"HX-Request": "true", "HX-Target": "dashboard_area"}
    assert order(alice.post("/acme/dashboard/2/place", data={"to": "up"}, headers=block).text) == ["2", "1"]
    assert alice.post("/acme/dashboard/2/place", data={"before": "0"}).status_code == 303
    assert order(alice.get("/acme/dashboard").text) == ["1", "2"]
    assert bob.post("/acme/dashboard/2/place", data={"to": "up"}).status_code == 403
    assert bob.post("/acme/dashboard/2", data={"name": "Mine"}).status_code == 403
    assert 'value="Two"' in alice.get("/acme/dashboard/2", headers=DIALOG).text
    assert alice.post("/acme/dashboard/2", data={"name": "x" * 90, "shared": "1"}).status_code == 422
    assert "Two" not in bob.get("/acme").text
    alice.post("/acme/dashboard/2", data={"name": "Second", "shared": "1", "home": "1"})
    home = bob.get("/acme").text
    assert "Second" in home
    assert home.index(">Plan</h2>") < home.index('id="home_charts"')  # the day comes first
    assert "Restor" not in alice.post("/acme/dashboard/2/removal").text
    assert order(bob.get("/acme/dashboard").text) == ["1"]
    alice.post("/acme/dashboard/2/restoration")
    assert order(bob.get("/acme/dashboard").text) == ["1", "2"]


def test_a_chart_of_what_is_hidden_is_not_there(browse, cast, at):
    with inside(cast.acme):
        alice = at("alice")
        fields = (("Name", "text"), ("State", "choice", ("New",)), ("Margin", "money"))
        table = collections.make("Offers", by=alice, fields=fields)
        found = listings.of(table, alice)
        name, state, margin = (f.name for f in found.listing.fields[:3])
        rows.create(found, {name: "A", margin: "7 EUR"}, by=alice)
        query = f"chart_by={state}&chart_of={margin}"
        saved = saved_charts.save(found.listing, "Margin by state", query, by=alice, shared=True)
        saved_charts.change(saved.id, saved.name, by=alice, shared=True, home=True)
        rule = [("sees", "all"), ("changes", "all"), ("others", "change"), (f"field_{margin[1:]}", "nothing")]
        rules.change(table.slug, "role:member", MultiDict(rule), by=alice)
    for address in ("/acme", "/acme/dashboard"):
        assert "Margin" in browse("alice").get(address).text
        assert "Margin" not in browse("bob").get(address).text
        assert "€7" not in browse("bob").get(address).text

    def away():
        with inside(cast.acme):
            collections.Collection.update(archived_at=found.listing.source.shape.moment).execute()

    write(away)
    page = browse("alice").get("/acme/dashboard").text
    assert "isn’t here any more" in page
    assert "Margin" not in browse("alice").get("/acme").text
