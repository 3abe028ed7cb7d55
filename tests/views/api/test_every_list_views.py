"""What tables that people made can, other lists can by their declaration: batches, what changed, unique fields, files.

What a list has not is answered as at an address that nobody knows, and no document names it.
"""

from datetime import timedelta

import pytest

from database.clock import now
from database.scope import inside
from domain.events import events, orders
from domain.lists import rows
from domain.lists.programs import offered
from domain.organizations import members
from domain.people import accounts
from domain.records import collections
from domain.tasks import tasks
from models import Membership, Pass, Profile, Stock, Subscription, Task, TicketOrder, Tier, Voucher
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.keys import Program, a_key, pay
from tests.fixtures.threads import write
from tests.views.api.test_listings_views import problem
from views.api.listings import HOUSE, OF_EVENTS


@pytest.fixture
def program(web, cast, at):
    pay(cast.acme)

    def made(by="alice", *scopes, **more):
        given = [" ".join(scopes)] if scopes else []
        return Program(web, a_key(at(by), *given, **more)[1], "/api/v1/acme")

    return made


def test_tasks_are_written_several_at_once(program, cast):
    app = program()
    id = app.post("/tasks", {"title": "Order paper"}).json["id"]
    steps = [
        {"do": "create", "row": {"title": "Call the printer"}},
        {"do": "change", "id": id, "row": {"status": "completed"}},
        {"do": "create", "row": {"colour": "red"}},
    ]
    assert list(problem(app.post("/tasks/batch", {"rows": steps}), 422)) == ["rows[2].colour"]
    with inside(cast.acme):
        assert [task.status for task in Task.select()] == ["pending"]
    done = app.post("/tasks/batch", {"rows": steps, "all": False})
    assert [one["status"] for one in done.json["results"]] == [201, 200, 422]
    upsert = {"do": "upsert", "by": {"title": "Order paper"}, "row": {}}
    assert list(problem(app.post("/tasks/batch", {"rows": [upsert]}), 422)) == ["rows[0].title"]


def test_what_changed_in_tasks_is_told_once_in_order_with_what_is_gone(program, cast, at):
    app = program()
    with inside(cast.acme):
        gone, kept = (rows.create(tasks.rules, {"title": title}, by=at("alice")).id for title in ("Gone", "Kept"))
    place = app.get("/tasks/changes").json["since"]
    with inside(cast.acme):
        rows.change(tasks.rules, gone, {"title": "Soon gone"}, by=at("alice"))
        rows.change(tasks.rules, kept, {"title": "Kept on"}, by=at("alice"))
        rows.remove(tasks.rules, gone, by=at("alice"))
        made = rows.create(tasks.rules, {"title": "New"}, by=at("bob")).id
    first = app.get(f"/tasks/changes?since={place}&limit=2").json
    told, page = first["items"], app.get(f"/tasks/changes?since={first['since']}").json
    told += page["items"]
    assert [(one["id"], one.get("row", {}).get("title")) for one in told][:2] == [(kept, "Kept on"), (gone, None)]
    assert {one["id"]: one.get("row", {}).get("title") for one in told} == {gone: None, kept: "Kept on", made: "New"}
    assert (first["more"], page["more"], page["reread"]) == (True, False, False)
    assert app.get(f"/tasks/changes?since={page['since']}").json["items"] == []


def test_events_are_changed_and_made_in_one_batch(program, cast):
    """Also where the first step takes locks that come after those of the next."""
    app, times = program(), {"starts_at": "2027-01-01T10:00:00Z", "ends_at": "2027-01-02T10:00:00Z"}
    event = app.post("/events", {"title": "Fest", **times}).json["id"]
    steps = [{"do": "change", "id": event, "row": {"about": "Music"}}]
    steps += [{"do": "create", "row": {"title": "Fest", **times}} for _ in range(2)]
    told = app.post("/events/batch", {"rows": steps}).json["results"]
    assert [one["row"]["slug"] for one in told] == ["fest", "fest-2", "fest-3"]


def test_who_sees_their_own_tasks_alone_hears_of_no_other(program, cast, at):
    """With a key that doesn't include everybody's: neither that there was one, nor that it went."""
    app = program("alice", "tasks.read", "tasks.write")
    with inside(cast.acme):
        others = rows.create(tasks.rules, {"title": "Bob's"}, by=at("bob")).id
        mine = rows.create(tasks.rules, {"title": "Mine", "assigned_to": str(cast.alice.id)}, by=at("bob")).id
    place = app.get("/tasks/changes").json["since"]
    with inside(cast.acme):
        rows.change(tasks.rules, others, {"title": "Still Bob's"}, by=at("bob"))
        rows.change(tasks.rules, mine, {"assigned_to": str(cast.bob.id)}, by=at("bob"))
        rows.remove(tasks.rules, others, by=at("bob"))
    told = app.get(f"/tasks/changes?since={place}").json["items"]
    assert told == [{"id": mine, "deleted": True}]
    wider = program().get(f"/tasks/changes?since={place}").json
    assert wider["reread"], "who sees more from now on reads all of it"


def test_files_on_a_task(program, cast):
    app, octets = program(), {"Content_Type": "application/octet-stream"}
    task = app.post("/tasks", {"title": "Print"}).json["id"]
    put = app.ask("POST", f"/tasks/{task}/files?name=a.txt", b"plain words", Idempotency_Key="f1", **octets)
    assert (put.status_code, put.json["name"]) == (201, "a.txt")
    again = app.ask("POST", f"/tasks/{task}/files?name=a.txt", b"plain words", Idempotency_Key="f1", **octets)
    assert again.json == put.json
    more = app.ask("POST", f"/tasks/{task}/files?name=b.txt", b"more", **octets)
    first = app.get(f"/tasks/{task}/files?limit=1").json
    assert first["items"] == [put.json]
    assert app.get(first["next"].partition("/api/v1/acme")[2]).json == {"items": [more.json], "next": None}
    assert app.get(f"/tasks/{task}/files/{put.json['id']}").data == b"plain words"
    for asked in ("limit=0", "after=99", "colour=1"):
        assert problem(app.get(f"/tasks/{task}/files?{asked}"), 422)
    stranger = program("alice", "tasks.read")
    assert stranger.ask("POST", f"/tasks/{task}/files", b"x", **octets).status_code == 403


def test_lists_of_an_event_are_read_and_written_below_it(program, cast, at):
    app = program()
    with inside(cast.acme):
        event, other = an_event(), an_event("Another")
        passes_of(event, ["Ada", "Ben"])
    at_event = f"/events/{event.id}"
    assert {row["holder"] for row in app.get(f"{at_event}/passes").json["items"]} == {"Ada", "Ben"}
    assert app.get(f"/events/{other.id}/passes").json["items"] == []
    assert app.get(f"{at_event}/orders?state=paid").status_code == 200
    made = app.post(f"{at_event}/speakers", {"name": "Mae"})
    assert made.status_code == 201, made.data
    assert app.get(f"{at_event}/speakers/{made.json['id']}").json["name"] == "Mae"
    assert app.get(f"/events/{other.id}/speakers/{made.json['id']}").status_code == 404
    steps = [{"do": "create", "row": {"name": "Joe"}}, {"do": "remove", "id": made.json["id"]}]
    assert [one["status"] for one in app.post(f"{at_event}/speakers/batch", {"rows": steps}).json["results"]] == [
        201,
        204,
    ]
    first = app.ask("PUT", f"{at_event}/vouchers/by/code/SUMMER", {"discount": "percent", "value": 1000})
    again = app.ask("PUT", f"{at_event}/vouchers/by/code/summer", {"note": "For the choir"})
    assert (first.status_code, again.status_code, again.json["note"]) == (201, 200, "For the choir")
    with inside(cast.acme):
        assert Voucher.select().count() == 1
    for path in ("/events/99/speakers", "/events/99/orders"):
        assert app.get(path).status_code == 404
    assert program("alice", "events.read").get(f"{at_event}/orders").status_code == 403


def test_labels_are_put_by_their_word_and_every_change_of_an_event_is_told(program, cast, at):
    app = program()
    assert app.ask("PUT", "/labels/by/label/Urgent", {"tone": "bad"}).status_code == 201
    assert app.ask("PUT", "/labels/by/label/urgent", {"tone": "warn"}).json["tone"] == "warn"
    with inside(cast.acme):
        event = an_event()
        place = app.get("/events/changes").json["since"]
        events.move(event.id, "elsewhere", by=at("alice"))
    (told,) = app.get(f"/events/changes?since={place}").json["items"]
    assert told["row"]["slug"] == "elsewhere"


def test_what_a_list_has_not_is_as_an_address_that_nobody_knows(program, cast):
    """Byte for byte, whatever is sent; and its key's document doesn't name it."""
    app = program()
    with inside(cast.acme):
        event = an_event().id
    strip = lambda answer: {**answer.json, "request_id": ""}  # noqa: E731
    unknown = app.ask("GET", "/tasks/1/nothing/at/all")
    assert unknown.status_code == 404
    for method, path in (
        ("GET", "/tasks/1/labels"),
        ("GET", "/members/1/files"),
        ("GET", "/members/1/files/1"),
        ("POST", "/members/batch"),
        ("POST", "/members"),
        ("PATCH", "/members/1"),
        ("DELETE", "/labels/1"),
        ("POST", "/labels/1/restore"),
        ("PUT", "/tasks/by/title/x"),
        ("POST", "/events/1/files"),
        ("POST", f"/events/{event}/orders"),
        ("POST", f"/events/{event}/orders/batch"),
        ("POST", f"/events/{event}/speakers/1/restore"),
    ):
        answer = app.ask(method, path, None if method == "GET" else {})
        assert (answer.status_code, strip(answer)) == (404, strip(unknown)), (method, path)
    named = {
        (method, path.removeprefix("/api/v1/acme/"))
        for path, one in app.get("/openapi.json").json["paths"].items()
        for method in one
        if path.startswith("/api/v1/acme/")
    }
    assert {("post", "tasks/batch"), ("get", "tasks/changes"), ("post", "events/{parent}/speakers/batch")} <= named
    assert {("get", "tasks/{id}/files"), ("put", "labels/by/label/{value}"), ("get", "workspaces")} <= named
    lacking = [("put", "tasks"), ("post", "members"), ("delete", "labels"), ("post", "events/{parent}/orders")]
    lacking += [("post", "workspaces"), ("patch", "events/{parent}/passes")]
    said = [
        one for one in named for method, start in lacking if one[0] == method and f"{one[1]}/".startswith(f"{start}/")
    ]
    acts = {f"events/{{parent}}/orders/{{id}}/{act.key}" for act in orders.listing.acts}
    asked = {"members/query", "workspaces/query", "events/{parent}/orders/query"}
    assert {path for _, path in said} <= asked | acts
    assert {("get", f"{at}/changes") for at in ("members", "events/{parent}/orders")} <= named


def test_an_organization_s_own_subscriptions_are_read(program, cast, at):
    """By whoever sees its plan, and no other organization's; nothing of them is written."""
    about = {"provider": "stripe", "provider_customer_id": "c", "last_event_at": now(), "plan_key": "pro_monthly"}
    for organization, id in ((cast.acme, "mine"), (cast.globex, "theirs")):
        with inside(organization):
            write(Subscription.create, provider_subscription_id=id, status="active", quantity=3, **about)
    app = program()
    (row,) = app.get("/subscriptions?status=active&count=true").json["items"]
    assert (row["plan_key"], row["quantity"]) == ("pro_monthly", 3)
    assert app.get("/subscriptions?status.none=active").json["items"] == []
    assert app.get(f"/subscriptions/{row['id']}").json == row
    assert not {"provider_customer_id", "provider_subscription_id", "unpaid_url"} & row.keys()
    assert app.post("/subscriptions", {"quantity": 4}).status_code == 404
    place = app.get("/subscriptions/changes").json["since"]
    with inside(cast.acme):
        rest(Subscription)
        write(Subscription.update(status="past_due").execute)
    told, _ = followed(app, "/subscriptions", place)
    assert {id: one["status"] for id, one in told.items()} == {row["id"]: "past_due"}
    assert [program(who).get("/subscriptions").status_code for who in ("bob", "alice")] == [403, 200]
    assert program("alice", "members.read").get("/subscriptions").status_code == 403


def test_a_table_takes_no_name_of_the_house_and_one_that_had_it_keeps_it(program, cast, at):
    assert {*HOUSE} == collections.RESERVED
    app = program()
    with inside(cast.acme):
        made = collections.make("Labels", by=at("alice"))
        assert made.slug == "labels-2"
        write(type(made).update(slug="labels").where(type(made).id == made.id).execute)
    assert app.get("/labels/shape").json["fields"][0]["name"] == "name"
    with inside(cast.acme):
        orders = collections.make("Orders", by=at("alice"))
    paths = app.get("/openapi.json").json["paths"]
    assert {f"/api/v1/acme/{orders.slug}", "/api/v1/acme/events/{parent}/orders"} <= paths.keys()


def test_what_is_followed_is_all_that_a_list_shows(at, cast):
    """No list whose fields come from other tables says that all changes of its rows are noted; and of those that aren't
    followed each table that it shows something of is said to move its rows, but for what follows without being told."""
    with inside(cast.acme):
        found = [make(at("alice")) for make in HOUSE.values()] + [make("EUR") for make in OF_EVENTS.values()]
    lists = [rules.listing for rules in found if "follow" in offered.operations(rules)]
    assert len(lists) == len(found)
    followed = [listing for listing in lists if listing.followed]
    assert {listing.name for listing in followed} == {"tasks", "labels", "events", "event_types"}
    for listing in followed:
        assert {name for name, _, place in listing.elsewhere if place is None} == set()
    moves = {listing.name: {one.model for one in listing.moves} for listing in lists if listing.moves}
    assert moves == {"tiers": {Stock}, "vouchers": {Stock}, "members": {Profile}}


def followed(app, path, place, **most):
    """(id → what is told of its row, the next place) of all pages."""
    told, more = {}, True
    while more:
        page = app.get(f"{path}/changes?since={place}" + "".join(f"&limit={n}" for n in most.values())).json
        assert not page["reread"], page
        told |= {one["id"]: one.get("row") for one in page["items"]}
        place, more = page["since"], page["more"]
    return told, place


def rest(*tables):
    """All that stands there was written an hour ago."""
    for table in tables:
        write(table.update(updated_at=now() - timedelta(hours=1)).execute)


def test_orders_passes_and_tickets_are_followed_by_when_they_were_written(program, cast, at):
    app = program()
    with inside(cast.acme):
        event = an_event()
        passes_of(event, ["Ada", "Ben", "Cleo"])
        rest(TicketOrder, Pass, Tier, Stock)
        place, below = {}, f"/events/{event.id}"
        for name in ("orders", "passes", "tiers", "speakers"):
            place[name] = app.get(f"{below}/{name}/changes").json["since"]
            assert followed(app, f"{below}/{name}", place[name])[0] == {}
        ada = Pass.get(Pass.holder == "Ada")
        write(Pass.update(holder="Ada L.").where(Pass.id == ada.id).execute)
        told, after = followed(app, f"{below}/passes", place["passes"])
        assert {id: row["holder"] for id, row in told.items()} == {ada.id: "Ada L."}
        assert followed(app, f"{below}/passes", after)[0] == told, "told again for a moment, and never left out"
        rest(Pass)
        assert followed(app, f"{below}/passes", after)[0] == {}
        write(Stock.create, event=event, kind="tier", thing=ada.tier_id, size=9, sold=1)
        told, _ = followed(app, f"{below}/tiers", place["tiers"])
        assert {id: row["sold"] for id, row in told.items()} == {ada.tier_id: 1}
        write(TicketOrder.update(name="Ada").execute)
        told, _ = followed(app, f"{below}/orders", place["orders"], limit=1)
        assert {id: row["name"] for id, row in told.items()} == {one.id: "Ada" for one in TicketOrder.select()}
        other = an_event("Another")
    assert app.get(f"/events/{other.id}/orders/changes?since={place['tiers']}").status_code == 422


def test_what_was_removed_of_a_list_that_is_followed_by_moments_is_told(program, cast, at):
    app = program()
    with inside(cast.acme):
        event, other = an_event(), an_event("Another")
    below = f"/events/{event.id}/speakers"
    gone, kept = (app.post(below, {"name": name}).json["id"] for name in ("Gone", "Kept"))
    place = app.get(f"{below}/changes").json["since"]
    elsewhere = app.post(f"/events/{other.id}/speakers", {"name": "There"}).json["id"]
    assert app.ask("DELETE", f"{below}/{gone}").status_code == 204
    assert app.ask("DELETE", f"/events/{other.id}/speakers/{elsewhere}").status_code == 204
    made = app.post(below, {"name": "New"}).json["id"]
    told, _ = followed(app, below, place, limit=1)
    assert {id: row and row["name"] for id, row in told.items()} == {gone: None, kept: "Kept", made: "New"}


def test_members_are_followed_with_their_names_and_who_left(program, cast, at):
    app = program()
    place = app.get("/members/changes").json["since"]
    rest(Membership, Profile)
    bob = Membership.get(Membership.user == cast.bob, Membership.organization == cast.acme).id
    accounts.change_profile(cast.bob, "Robert", "UTC")
    told, place = followed(app, "/members", place)
    assert {id: row["name"] for id, row in told.items()} == {bob: "Robert"}
    with inside(cast.acme):
        members.leave(by=at("bob"))
    told, _ = followed(app, "/members", place)
    assert told[bob] is None
    assert set(told) == {bob}


def test_a_page_of_changes_is_read_at_once(program, queries):
    app, ids = program(), []
    place = app.get("/tasks/changes").json["since"]
    looks = []
    for _ in range(2):
        ids += [app.post("/tasks", {"title": "One more"}).json["id"] for _ in range(5)]
        queries.clear()
        assert len(app.get(f"/tasks/changes?since={place}").json["items"]) == len(ids)
        looks.append(len(queries))
    assert looks[1] <= looks[0]
