"""Keys that are good for some rows of a list of the house: the others are as if they weren't there, to the last byte."""

import re

import pytest

from database.scope import inside
from domain.events import orders
from domain.fields.kinds import Unfit
from domain.fields.records import operators
from domain.lists import conditions, lists, rows
from domain.lists.programs import bounds
from domain.tasks import labels, tasks
from models import Event, Membership, Pass, Task, TicketOrder
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.keys import AT, Program, a_key, pay
from tests.fixtures.threads import write
from views.api.listings import HOUSE, OF_EVENTS

OCTETS = {"Content_Type": "application/octet-stream"}
LISTS = {
    "tasks": ["and~priority~any_of~high"],
    "labels": ["and~tone~any_of~info"],
    "events": ["and~venue~is~Hall"],
    "members": ["and~role~any_of~owner"],
    "tiers": ["and~name~is~Standard"],
    "orders": ["and~state~any_of~paid", "or~name~is~Ada"],
    "passes": ["and~ticket~is~Standard", "and~holder~is~Ada"],
}
TASK = {"title": "Seen", "priority": "high"}


@pytest.fixture
def world(cast, at):
    """Of each list a row that is the key's (the first) and one that isn't (the second)."""
    pay(cast.acme)
    with inside(cast.acme):
        alice = at("alice")
        for title, priority in (("Seen", "high"), ("Unseen", "low")):
            rows.create(tasks.rules, {"title": title, "priority": priority}, by=alice)
        for label, tone in (("Seen", "info"), ("Unseen", "bad")):
            rows.create(labels.rules, {"label": label, "tone": tone}, by=alice)
        event, _ = an_event(venue="Hall"), an_event("Other", venue="Yard")
        passes_of(event, ["Ada", "Ben"])
        passes_of(event, ["Cleo"], "Backstage")
        write(TicketOrder.update(state="cancelled").where(TicketOrder.id > 1).execute)
    return cast.acme


@pytest.fixture
def program(web, world, at):
    def made(start="/api/v1/acme", **bound):
        return Program(web, a_key(at("alice"), lists=bound or LISTS)[1], start)

    return made


def stripped(answer):
    return answer.status_code, re.sub(r'"request_id": "\w+"', "", answer.text)


AMONG = ("/tasks", "/labels", "/events", "/members", "/events/1/tiers", "/events/1/orders", "/events/1/passes")


@pytest.mark.parametrize("path", AMONG)
def test_a_row_outside_of_a_keys_condition_is_as_if_it_were_not_there(program, world, path):
    app, whole = program(), program(tasks=[])
    (mine,) = app.get(f"{path}?count=true").json["items"]
    everything = {row["id"] for row in whole.get(path).json["items"]}
    other = max(everything - {mine["id"]})
    assert app.get(f"{path}?count=true").json["count"] == 1
    assert app.get(f"{path}/{mine['id']}").json == mine
    assert app.post(f"{path}/query", {"count": True}).json["items"] == [mine]
    acts = {"tasks": "taking", "labels": "archiving", "events": "publication", "members": "role", "tiers": "code"}
    act = acts.get(path.rpartition("/")[2], "letter")
    for ask in (
        lambda id: app.get(f"{path}/{id}"),
        lambda id: app.patch(f"{path}/{id}", {}),
        lambda id: app.ask("DELETE", f"{path}/{id}"),
        lambda id: app.post(f"{path}/{id}/restore", {}),
        lambda id: app.post(f"{path}/{id}/{act}", {"value": "x"}),
        lambda id: app.get(f"{path}/{id}/files"),
        lambda id: app.get(f"{path}/{id}/files/1"),
        lambda id: app.ask("POST", f"{path}/{id}/files?name=a.txt", b"words", **OCTETS),
        lambda id: app.get(f"{path}/{id}/labels"),
        lambda id: app.post(f"{path}/batch", {"rows": [{"do": "change", "id": id, "row": {}}]}),
        lambda id: app.post(f"{path}/batch", {"rows": [{"do": "remove", "id": id}], "all": False}),
    ):
        assert stripped(ask(other)) == stripped(ask(99))
    assert {row["id"] for row in whole.get(path).json["items"]} == everything, "nothing came of what was refused"


def asked(app, mobile):
    """All that can be asked without changing anything; what is written is refused."""
    for path in AMONG:
        yield from (app.get(f"{path}{more}") for more in ("?count=true", "/shape", "?limit=1", "?q=e"))
        for sort in app.get(f"{path}/shape").json["sorts"]:
            yield app.get(f"{path}?sort={sort}&limit=1")
        for id in range(1, 6):
            yield from (app.get(f"{path}/{id}{more}") for more in ("", "/files", "/files/1"))
            yield from (app.patch(f"{path}/{id}", {"nothing": 1}), app.post(f"{path}/{id}/restore", {}))
        for name in sorted(app.get(f"{path}?limit=1").json["items"][0].keys() - {"id"}):
            for suffix in ("", ".any", ".contains", ".ne", ".empty"):
                yield app.get(f"{path}?{name}{suffix}=Unseen")
    yield from (app.get(f"/tasks?labels{suffix}=2") for suffix in ("", ".any"))
    yield from (app.patch("/tasks/1", {"labels": [word]}) for word in ("Unseen", "Changed", "2"))
    yield from (app.get(path) for path in ("/events/2/tiers", "/events/2/orders?count=true", "/openapi.json"))
    yield app.ask("PUT", "/labels/by/label/Nobody", {"nothing": 1})
    for path in ("/tasks?count=true", "/tasks/2", "/events", "/events/2", "/events/2/tiers", "/events/1/passes?q=b"):
        yield mobile.get(path)
    yield from (mobile.post(f"/events/{id}/check-ins", {"nonce": "n", "code": "x"}) for id in (1, 2, 99))


def test_what_a_key_may_not_see_changes_no_byte_of_any_answer(program, world, at):
    app, mobile = program(), program(AT)
    place = {path: app.get(f"{path}/changes").json["since"] for path in ("/tasks", "/labels", "/events")}
    assert mobile.get("/me").status_code == 200
    with inside(world):
        unseen = Pass.get(Pass.holder == "Cleo").serial
    no_pass = stripped(mobile.get(f"/passes/{unseen}"))
    before = [stripped(one) for one in asked(app, mobile)]
    with inside(world):
        alice = at("alice")
        rows.change(tasks.rules, 2, {"title": "Changed", "priority": "medium"}, by=alice)
        rows.create(tasks.rules, {"title": "New", "priority": "low"}, by=alice)
        rows.remove(tasks.rules, 2, by=alice)
        rows.change(labels.rules, 2, {"label": "Changed"}, by=alice)
        write(Pass.update(holder="Dora").where(Pass.holder == "Cleo").execute)
        write(TicketOrder.update(email="new@example.org").where(TicketOrder.state == "cancelled").execute)
        write(Event.update(title="Elsewhere").where(Event.id == 2).execute)
        bob = Membership.user == at("bob").user.id, Membership.organization == world
        write(Membership.update(role="viewer").where(*bob).execute)
    assert [stripped(one) for one in asked(app, mobile)] == before
    assert len(before) > 200
    assert no_pass == stripped(mobile.get("/passes/nothing"))
    assert no_pass[0] == 404
    for path, since in place.items():
        page = app.get(f"{path}/changes?since={since}").json
        assert (page["items"], page["reread"]) == ([], False), path


def test_what_comes_among_its_rows_and_leaves_them_is_told(program, world, at):
    app = program()
    place = app.get("/tasks/changes").json["since"]
    with inside(world):
        alice = at("alice")
        for id, priority in ((1, "low"), (2, "high")):
            rows.change(tasks.rules, id, {"priority": priority}, by=alice)
        made = rows.create(tasks.rules, TASK, by=alice).id
        gone = rows.create(tasks.rules, TASK, by=alice).id
        rows.remove(tasks.rules, gone, by=alice)
    told = {one["id"]: one["deleted"] for one in app.get(f"/tasks/changes?since={place}").json["items"]}
    assert told == {1: True, 2: False, made: False}
    assert program(tasks=["and~priority~any_of~low"]).get(f"/tasks/changes?since={place}").json["reread"]


def test_a_list_that_no_log_tells_of_is_not_followed_by_some_rows(program, world):
    """Which rows met the conditions before is noted nowhere: neither offered nor there."""
    app = program()
    for path in ("/members", "/events/1/orders", "/events/1/passes", "/events/1/tiers"):
        assert app.get(f"{path}/changes").status_code == 404
        assert program(tasks=LISTS["tasks"]).get(f"{path}/changes").status_code == 200
    paths = app.get("/openapi.json").json["paths"]
    assert "/api/v1/acme/tasks/changes" in paths
    assert "/api/v1/acme/members/changes" not in paths


def test_nothing_is_written_to_where_a_key_does_not_see(program, world):
    app = program()
    assert app.post("/tasks", {"title": "New", "priority": "low"}).status_code == 403
    assert app.patch("/tasks/1", {"priority": "low"}).status_code == 403
    assert app.patch("/tasks/1", {"title": "Still"}).status_code == 200
    assert app.ask("PUT", "/labels/by/label/New", {"tone": "bad"}).status_code == 403
    steps = {"rows": [{"do": "create", "row": {"title": "New"}}, {"do": "create", "row": TASK}], "all": False}
    assert [one["status"] for one in app.post("/tasks/batch", steps).json["results"]] == [403, 201]
    with inside(world):
        assert sorted(task.title for task in Task.select()) == ["Seen", "Still", "Unseen"]


def test_a_key_for_some_passes_lets_nobody_in(program, world):
    sent = {"nonce": "n", "code": "x"}
    assert program(AT).post("/events/1/check-ins", sent).status_code == 403
    assert program(AT, tasks=LISTS["tasks"]).post("/events/1/check-ins", sent).status_code == 200
    some = program(AT, events=LISTS["events"])
    assert [some.post(f"/events/{id}/check-ins", sent).status_code for id in (1, 2)] == [200, 404]


def test_an_act_reaches_no_row_outside_of_the_condition(program, world):
    """A label is merged into one that the key has: the others aren't even named."""
    app = program()
    wrong = [app.post("/labels/1/merging", {"value": value}) for value in ("2", "99")]
    assert stripped(wrong[0]) == stripped(wrong[1])
    assert (wrong[0].status_code, "Unseen" in wrong[0].text) == (422, False)
    other = app.post("/labels", {"label": "Mine", "tone": "info"}).json["id"]
    assert app.post("/labels/1/merging", {"value": str(other)}).status_code == 200


def test_a_removed_row_outside_of_the_condition_is_put_back_by_nobody(program, world, at):
    """And is refused like one that never was."""
    with inside(world):
        rows.remove(tasks.rules, 1, by=at("alice"))
        rows.remove(tasks.rules, 2, by=at("alice"))
    app = program()
    assert stripped(app.post("/tasks/2/restore", {})) == stripped(app.post("/tasks/99/restore", {}))
    assert app.post("/tasks/1/restore", {}).json["title"] == "Seen"


@pytest.mark.parametrize(
    "text",
    [
        *("and~due_at~before~2027-01-10", "and~due_at~after~2027-01-10", "and~due_at~on~2027-01-10"),
        *("and~due_at~empty", "and~due_at~not_empty", "and~due_at~within~2027-01-09~2027-01-10"),
        *("and~due_at~next_days~30", "and~created_at~today", "and~created_at~before~2020-01-01"),
        *("and~priority~none_of~high", "and~status~any_of~pending~completed", "and~assigned_to~none_of~1"),
        *("and~assigned_to~any_of~1", "and~assigned_to~empty", "and~category~is~general", "and~title~is~b"),
    ],
)
def test_a_condition_means_the_same_in_the_database_as_in_every_list(cast, at, text):
    with inside(cast.acme):
        alice = at("alice")
        for title, due, more in (
            ("a", "2027-01-10", {"assigned_to": str(cast.alice.id)}),
            ("b", "2027-01-10T00:00:00Z", {"priority": "high"}),
            ("c", "2027-01-09T23:59:00Z", {"category": "paper"}),
            ("d", "", {"assigned_to": str(cast.bob.id)}),
        ):
            rows.create(tasks.rules, {"title": title, "due_at": due} | more, by=alice)
        text = text.replace("~1", f"~{cast.alice.id}") if "assigned" in text else text
        rules = bounds.narrowed(tasks.rules, bounds.read(tasks.listing, [text]))
        ask = lists.Ask(tab="all")
        told = {row.id for row in lists.read(rules.listing, ask, alice).rows}
        everything = lists.read(tasks.listing.whole, ask, alice).rows
        assert told == {row.id for row in everything if rules.bound.met(row._asdict())}
        if "~is~" not in text:
            test = conditions.tests(tasks.listing.whole, [conditions.parsed(text)], getattr)[0]
            assert told == {row.id for row in everything if test(row)}


def test_what_a_database_does_not_tell_is_no_condition_of_a_key(cast, inside_acme):
    for text in ("and~title~contains~a", "and~nothing~is~a", "and~state~any_of~nothing", "and~email~is~", "broken"):
        with pytest.raises(Unfit):
            bounds.read(orders.listing, [text])
    with pytest.raises(Unfit):
        bounds.read(orders.listing, ["and~state~any_of~paid"] * 11)


def test_a_condition_that_is_not_understood_any_more_opens_nothing(program, world):
    assert program(tasks=["and~gone~any_of~high"]).get("/tasks").status_code == 404


def _text(about, operator):
    """A condition with something to compare with."""
    days = ("2027-01-01", "2027-02-01")
    word = next(iter(getattr(about.kind, "words", None) or ()), "1")
    texts = {"nothing": (), "days": ("3",), "two": days, "several": (str(word),)}
    given = texts.get(operator.takes, days[:1] if operator in operators.DATE else ("x",))
    return conditions.Condition(about.key, operator.key, given).written()


@pytest.mark.parametrize("name", [*HOUSE, *OF_EVENTS])
def test_every_list_is_asked_for_all_that_is_offered_of_it(world, at, name):
    """As a page, one by one, and by what follows it; and what it says of itself is words."""
    with inside(world):
        alice, parent = at("alice"), 1 if name in OF_EVENTS else None
        rules = OF_EVENTS[name]("EUR") if parent else HOUSE[name](alice)
        asked = [(about, one) for about in bounds.offered(rules.listing) for one in about.operators]
        assert asked
        for about, operator in asked:
            text = _text(about, operator)
            some = bounds.narrowed(rules, bounds.read(rules.listing, [text]))
            tab = rules.listing.readings[-1].key
            shown = lists.read(some.listing.whole, lists.Ask(tab=tab, parent=parent), alice).rows
            assert all(some.bound.met(row._asdict()) for row in shown), text
            for row in shown:
                assert rows.get(some, row.id, alice, parent).id == row.id
            assert bounds.said(rules.listing, text, {}).startswith(about.label), text
