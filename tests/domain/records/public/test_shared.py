"""Public views: chosen fields, a fixed filter, and two worlds that differ in what isn't shown answered alike."""

import io
import re

import pytest
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import attachments, rows
from domain.records import collections, field_changes, listings
from models import PublicLink, Record
from tests.fixtures.public import opened, option, repairs, token_of
from tests.fixtures.threads import write

FIELDS = (
    ("Name", "text"),
    ("State", "choice", ("New", "Open", "Done")),
    ("On", "day"),
    ("Photo", "files"),
    ("Secret", "text"),
    ("Way", "choice", ("Bring", "Fetch")),
)


def view_of(known, *shown, **more):
    """The form texts of a public view of these fields."""
    form = {"name": "What is open", "look": "list", "search": "1"} | {f"use_{known[label][1:]}": "1" for label in shown}
    return MultiDict(form | more)


@pytest.fixture
def world(cast, at):
    """Six repairs, of which a view shows those that are Open, without Secret and Way."""
    with inside(cast.acme):
        alice = at("alice")
        table, known = repairs(alice, fields=FIELDS)
        rules = listings.find("repairs", alice)
        ids = []
        for number in range(6):
            form = {known["Name"]: f"Repair {number}", known["Secret"]: f"hidden {number}"}
            form |= {known["State"]: str(option("Done" if number % 2 else "Open")), known["On"]: f"2026-06-1{number}"}
            form |= {known["Way"]: str(option("Bring"))}
            ids.append(rows.create(rules, form, by=alice).id)
        attachments.add(rules, ids[0], io.BytesIO(b"plan"), "Plan.txt", by=alice, field=known["Photo"])
        where = f"and~{known['State'][1:]}~any_of~{option('Open')}"
        made = {}
        for look in ("list", "board", "calendar", "gallery"):
            form = view_of(known, "Name", "State", "On", "Photo", look=look, where=where)
            form |= MultiDict({"by": known["State"][1:], "on": known["On"][1:]})
            made[look] = opened("repairs", form, by=alice, purpose="view")
        return made, known, ids, table


def test_every_look_shows_what_was_chosen_and_nothing_else(world, browse):
    made, *_ = world
    client = browse()
    for look, link in made.items():
        page = client.get(f"/p/{token_of(link)}?month=2026-06")
        assert (page.status_code, "Set-Cookie" in page.headers) == (200, False), look
        assert [number for number in range(6) if f"Repair {number}" in page.text] == [0, 2, 4], look
        for hidden in ("hidden 0", "Secret", "Way", "Bring", "alice"):
            assert hidden not in page.text, (look, hidden)


def asked(known, ids):
    """Addresses with what is hidden in every place where something can be named."""
    names = [*known.values(), "id", "created_by", "changed_at", "f999"]
    said = ("hidden", "elsewise", "Repair", "Zebra", "Bring", "Plan", "!!")
    queries = ["", "month=2026-06", "in=list", *(f"q={text}" for text in said)]
    for name in names:
        queries += [f"sort={name}", f"sort={name}-down", f"{name}=1", f"{name}=5", f"{name}_from=2026-01-01"]
        queries += [f"where=and~{name}~contains~hidden", f"c_field={name}&c_op=contains&c_value=hidden", f"in={name}"]
        queries += [f"view=board&board={name}", f"cal_on={name}&view=calendar", f"fields={name}", f"open={ids[1]}"]
    return queries


NOISE = re.compile(r'(request[-_]id)="?[^"\\s>]*"?')


def test_records_33_34_two_worlds_are_answered_with_the_same_bytes(world, cast, at, browse):
    made, known, ids, _ = world

    def told():
        client = browse()
        return {
            (look, query): (answer.status_code, answer.data)
            for look, link in made.items()
            for query in asked(known, ids)[:: 1 if look == "list" else 7]
            for answer in [client.get(f"/p/{token_of(link)}?{query}")]
        }

    first = told()
    with inside(cast.acme):
        alice = at("alice")
        rules = listings.find("repairs", alice)
        for number, id in enumerate(ids):
            change = {known["Secret"]: f"elsewise {9 - number}", known["Way"]: str(option("Fetch"))}
            if number % 2:  # not shown: all of it is another
                change |= {known["Name"]: f"Zebra {number}", known["On"]: "2026-01-01", known["State"]: ""}
            rows.change(rules, id, change, by=alice)
    second = told()
    assert {key for key in first if first[key] != second[key]} == set()
    assert {status for status, _ in first.values()} == {200}
    hidden, gone = (first["list", f"sort={name}"] for name in (known["Secret"], "f999"))
    assert hidden == gone


def test_pages_go_on_by_sealed_places(world, cast, at, browse):
    made, known, _, _ = world
    with inside(cast.acme):
        alice = at("alice")
        rules = listings.find("repairs", alice)
        for number in range(60):
            form = {known["Name"]: f"More {number:02}", known["State"]: str(option("Open"))}
            rows.create(rules, form, by=alice)
    client, address = browse(), f"/p/{token_of(made['list'])}"
    page = client.get(f"{address}?sort={known['Name']}").text
    more = re.search(r'href="(/p/[^"]+after=[^"]+)"', page)[1].replace("&amp;", "&")
    second = client.get(more).text
    both = re.findall(r"(?:More|Repair) \d+", page + second)
    assert (len(both), len(set(both)), both == sorted(both)) == (63, 63, True)
    place = more.partition("after=")[2].partition("&")[0]
    for wrong in ("1", "1~2", place[:-2], f"{place}AA", "é", "x" * 900):
        assert client.get(address, query_string={"after": wrong}).status_code == 422, wrong
    other = f"/p/{token_of(made['gallery'])}"
    assert client.get(other, query_string={"after": place}).status_code == 422  # it is of one link


def test_a_file_is_got_while_its_row_and_field_are_shown(world, cast, at, browse):
    made, known, ids, _ = world
    client = browse()
    page = client.get(f"/p/{token_of(made['list'])}").text
    path = re.search(r'href="(/p/[^"]+/kept/[^"]+)"', page)[1]
    answer = client.get(path)
    assert (answer.data, answer.headers["Content-Disposition"]) == (b"plan", "attachment; filename=Plan.txt")
    assert client.get(path.replace(token_of(made["list"]), token_of(made["board"]))).status_code == 404
    assert client.get(path[:-1]).status_code == 404
    with inside(cast.acme):
        alice = at("alice")
        rows.change(listings.find("repairs", alice), ids[0], {known["State"]: str(option("Done"))}, by=alice)
    assert client.get(path).status_code == 404


def test_a_condition_whose_field_is_gone_closes_it(world, cast, at, browse):
    made, known, _, _ = world
    client, address = browse(), f"/p/{token_of(made['list'])}"
    with inside(cast.acme):
        field_changes.put_away("repairs", int(known["State"][1:]), by=at("alice"))
    closed = client.get(address)
    assert (closed.status_code, "Repair" in closed.text) == (410, False)


def test_a_view_is_built_and_refused_by_the_pages(cast, at, browse):
    alice = browse("alice")
    with inside(cast.acme):
        _, known = repairs(at("alice"), fields=(*FIELDS, ("Who", "person")))
        said = f"{known['State'][1:]}~any_of~{option('Open')}"
    at_ = "/acme/records/repairs/sharing/view"
    assert "Who" in alice.get(at_).text.partition("Not offered:")[2]
    for wrong in (view_of(known), view_of(known, "Name", look="board"), view_of(known, "Name", look="calendar")):
        assert alice.post(at_, data=wrong).status_code == 422
    assert alice.post(at_, data=view_of(known, "Name", c_said="999~any_of~1")).status_code == 422
    made = alice.post(at_, data=view_of(known, "Name", c_said=said, where=""))
    if made.status_code == 422:
        made = alice.post(at_, data=view_of(known, "Name", c_said=said))
    assert made.status_code == 303
    page = alice.get(made.location).text
    assert "State is" in page
    with inside(cast.acme):
        link = PublicLink.get()
        assert [one["texts"] for one in link.settings["where"]] == [[str(option("Open"))]]
        assert (Record.select().count(), collections.found("repairs").name) == (0, "Repairs")
    assert browse().get(f"/p/{token_of(link)}").status_code == 200


def test_search_engines_are_kept_out_unless_they_are_let_in(world, cast, browse):
    made, *_ = world
    client, link = browse(), made["list"]
    assert client.get(f"/p/{token_of(link)}").headers["X-Robots-Tag"] == "noindex, nofollow"
    with inside(cast.acme):
        settings = link.settings | {"indexed": True}
        write(PublicLink.update(settings=settings).where(PublicLink.id == link.id).execute)
    page = client.get(f"/p/{token_of(link)}")
    assert ("X-Robots-Tag" in page.headers, "noindex" in page.text) == (False, False)
