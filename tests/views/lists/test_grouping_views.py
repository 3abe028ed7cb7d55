"""Lists in groups, and boards by another field: of tasks and of people's tables alike."""

import re

import pytest

from database.scope import inside
from domain.lists import asks, rows
from domain.records import collections, field_changes, kind_changes, listings
from domain.tasks import tasks
from views.lists import grouping

HEAD = re.compile(r'<tr class="group-head">.*?</tr>', re.S)


def heads(page):
    """(words, count) of each group's head."""
    found = []
    for head in HEAD.findall(page):
        words = re.sub(r"<[^>]+>", " ", head)
        found.append(" ".join(words.split()))
    return found


@pytest.fixture
def repairs(cast, at):
    """Three rows of a table with a choice, a price, a person, a day and yes or no."""
    with inside(cast.acme):
        by = at("alice")
        fields = (
            *(("Name", "text"), ("State", "choice", ("New", "Done")), ("Price", "number")),
            *(("Who", "person"), ("On", "day"), ("Paid", "yes_no")),
        )
        table = collections.make("Repairs", by=by, fields=fields)
        rules = listings.of(table, by)
        names = [f.name for f in rules.listing.fields[:6]]
        new, done = rules.listing.by_name[names[1]].kind.words
        me = str(by.user.id)
        for cells in (
            ("Lamp", new, "5", me, "2026-03-01", "yes"),
            ("Kettle", new, "7", "", "2026-03-02", "no"),
            ("Radio", "", "1", me, "", ""),
        ):
            rows.create(rules, dict(zip(names, map(str, cells), strict=True)), by=by)
        table.names, table.words = names, (new, done)
        return table


def test_a_table_is_drawn_in_groups_with_counts_and_sums(browse, repairs):
    page = browse("alice").get(f"/acme/records/repairs?group={repairs.names[1]}").text
    assert heads(page) == ["New 2 Price 12", "Without State 1 Price 1"]
    assert page.index("Kettle") < page.index("Without State") < page.index("Radio")


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (3, ["Alice 2 Price 6", "Without Who 1 Price 7"]),
        (4, ["1 Mar 2026 1 Price 5", "2 Mar 2026 1 Price 7", "Without On 1 Price 1"]),
        (5, ["Yes 1 Price 5", "No 1 Price 7", "Without Paid 1 Price 1"]),
    ],
)
def test_groups_of_people_days_and_yes_or_no(browse, repairs, field, found):
    page = browse("alice").get(f"/acme/records/repairs?group={repairs.names[field]}").text
    said = heads(page)
    assert [re.sub(r"^Alice\S*( [A-Z]\w+)? ", "Alice ", one) for one in said] == found
    assert all(page.count(f">{name}</a>") == 1 for name in ("Lamp", "Kettle", "Radio"))


def test_tasks_are_grouped_too_also_those_without_a_value(browse, cast, at):
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Sweep", "priority": "high", "due_at": "2026-03-02"}, by=at("alice"))
        rows.create(tasks.rules, {"title": "Paint", "priority": "low"}, by=at("alice"))
    alice = browse("alice")
    for field in ("status", "priority", "assigned_to", "due_at", "category"):
        page = alice.get(f"/acme/tasks?group={field}").text
        assert heads(page), field
        assert page.count(">Sweep</a>") == page.count(">Paint</a>") == 1, field


def test_a_long_group_goes_on_and_many_groups_are_several_pages(browse, cast, at, monkeypatch):
    monkeypatch.setattr(grouping, "ROWS", 2)
    monkeypatch.setattr(grouping, "GROUPS", 1)
    with inside(cast.acme):
        for number in range(3):
            rows.create(tasks.rules, {"title": f"Sweep {number}", "priority": "high"}, by=at("alice"))
        rows.create(tasks.rules, {"title": "Paint", "priority": "low"}, by=at("alice"))
    alice = browse("alice")
    page = alice.get("/acme/tasks?group=priority&sort=oldest").text
    assert "More groups" in page
    assert page.count(">Sweep") + page.count(">Paint") < 4
    wide = alice.get("/acme/tasks?group=priority&sort=oldest&group_at=1").text
    assert "Groups before" in wide
    page = page if "Sweep 1" in page else wide
    assert "Sweep 2" not in page
    more = re.search(r'hx-get="([^"]*group_key[^"]*)"', page)[1].replace("&amp;", "&")
    rest = alice.get(more, headers={"HX-Request": "true"}).text
    assert "Sweep 2" in rest
    assert "Sweep 1" not in rest
    assert "<html" not in rest


def test_a_day_that_no_calendar_has_is_no_group(browse):
    part = browse("alice").get("/acme/tasks?group=due_at&group_key=9999-12-31", headers={"HX-Request": "true"})
    assert part.status_code == 200


def test_a_view_keeps_its_groups_and_a_field_that_is_gone_is_said(browse, cast, at, repairs):
    alice, name = browse("alice"), repairs.names[1]
    saved = alice.post("/acme/records/repairs/views", data={"name": "By state", "query": f"group={name}"})
    address = saved.headers["Location"]
    page = alice.get(address).text
    assert len(heads(page)) == 2
    assert "isn’t here any more" not in page
    with inside(cast.acme):
        field_changes.put_away("repairs", int(name[1:]), by=at("alice"))
    page = alice.get(address).text
    assert not heads(page)
    assert "isn’t here any more" in page


def test_records_case_4_the_field_of_the_groups_becomes_another_kind(browse, cast, at, repairs):
    """Where the new kind groups, the groups go on; where it doesn't the view says that they rest."""
    alice, name = browse("alice"), repairs.names[1]
    query = alice.post("/acme/records/repairs/views", data={"name": "By state", "query": f"group={name}"}).headers[
        "Location"
    ]
    with inside(cast.acme):
        kind_changes.begin("repairs", int(name[1:]), "text", by=at("alice"))
    while kind_changes.work():
        pass
    page = alice.get(query).text
    assert not heads(page)
    assert "isn’t here any more" in page
    assert "Kettle" in page


def test_a_hidden_field_groups_nothing(browse, repairs):
    page = browse("alice").get("/acme/records/repairs?group=f999").text
    assert not heads(page)
    assert "Kettle" in page


# --- the board ------------------------------------------------------------------------------------------------------


def columns(page):
    return re.findall(r'data-column="([^"]*)" aria-label="([^"]*)"', page)


def test_the_board_stands_by_another_choice_or_by_people(browse, cast, at, repairs):
    alice = browse("alice")
    new, done = repairs.words
    page = alice.get("/acme/records/repairs?view=board").text
    assert columns(page) == [(str(new), "New"), (str(done), "Done"), ("", "No state")]
    page = alice.get(f"/acme/records/repairs?view=board&board={repairs.names[3]}").text
    me, *_, nobody = columns(page)
    assert me[0] == str(at("alice").user.id)
    assert nobody == ("", "Nobody")
    assert page.index("Lamp") < page.index("Kettle")
    counts = re.findall(r'<span class="count">(\d+)', page)
    assert (counts[0], counts[-1]) == ("2", "1")


def test_a_card_is_moved_to_nobody_and_drawn_as_it_stands_then(browse, cast, repairs):
    alice, name = browse("alice"), repairs.names[3]
    page = alice.get(f"/acme/records/repairs?view=board&board={name}").text
    card = next(part for part in page.split('<li class="board-card')[1:] if "Lamp" in part)
    post = re.search(r'data-post="([^"]*)"', card)[1].replace("&amp;", "&")
    was = re.search(r'data-value="([^"]*)"', card)[1]
    moved = alice.post(post, data={name: "", "was": was}, headers={"HX-Request": "true"})
    assert moved.status_code == 200
    assert 'data-value=""' in moved.text
    again = alice.post(post, data={name: was, "was": ""}, headers={"HX-Request": "true"})
    assert f'data-value="{was}"' in again.text


def test_tasks_stand_by_priority_or_person_and_keep_what_is_due(browse, cast, at):
    with inside(cast.acme):
        rows.create(tasks.rules, {"title": "Sweep", "priority": "high", "due_at": "2020-03-02"}, by=at("alice"))
    alice = browse("alice")
    for field in ("priority", "assigned_to"):
        page = alice.get(f"/acme/tasks?view=board&board={field}&due=overdue").text
        assert "Sweep" in page
        assert f"/cells/{field}?as=card" in page
    assert "pending" in [word for word, _ in columns(alice.get("/acme/tasks?view=board&board=title").text)]


def test_the_columns_of_a_board_and_the_groups_of_a_list_share_one_bound(browse, repairs, monkeypatch):
    spent, price = [], repairs.names[2]
    monkeypatch.setattr(asks.Looks, "spend", lambda looks, count: spent.append(looks))
    for view in (f"view=board&board={repairs.names[3]}", "view=board", f"group={repairs.names[1]}"):
        spent.clear()
        page = browse("alice").get(f"/acme/records/repairs?{view}&where=and~{price}~more~0")
        assert page.status_code == 200
        assert len(spent) > 1
        assert len({*spent}) == 1


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("stella", "/admin/users?group=status"),
        ("stella", "/admin/audit?group=result"),
        ("alice", "/settings/security/sessions?group=status"),
        ("alice", "/acme/invitations?group=status"),
    ],
)
def test_a_list_of_which_no_figures_are_kept_has_no_groups(browse, who, path):
    page = browse(who).get(path)
    assert page.status_code == 200
    assert not heads(page.text)
