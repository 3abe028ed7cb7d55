"""What keeps two places alike: several rows at once, rows by a unique field, and what changed since."""

import contextlib
import threading

import pytest
from werkzeug.datastructures import MultiDict

from database.connections import database
from database.scope import inside
from domain import Stale
from domain.base import configuration
from domain.base.allowances import limiter
from domain.files import stores
from domain.lists import attachments, rows
from domain.lists.programs import writing
from domain.records import collections, field_changes, listings, rules
from domain.tasks import tasks
from models import Record, StoredFile
from tests.fixtures.keys import Program, a_key, pay
from tests.fixtures.threads import together
from tests.views.api.test_listings_views import problem

FIELDS = (("Name", "text"), ("Mail", "email"), ("Region", "choice", ("North", "South")), ("Salary", "number"))


@pytest.fixture
def table(cast, at):
    pay(cast.acme)
    with inside(cast.acme):
        made = collections.make("People", by=at("alice"), fields=FIELDS)
        field_changes.rule("people", 2, by=at("alice"), is_required=False, is_unique=True)
    return made


@pytest.fixture
def program(web, table, at):
    def made(by="alice", scopes="records.read records.write tasks.read tasks.write"):
        return Program(web, a_key(at(by), scopes)[1], "/api/v1/acme")

    return made


def live(acme):
    with inside(acme):
        return Record.select().where(Record.archived_at.is_null()).count()


# --- several at once ------------------------------------------------------------------------------------------------


def test_a_batch_is_done_whole_or_not_at_all(program, cast):
    app = program()
    good = {"do": "create", "row": {"name": "Ada", "mail": "ada@example.org"}}
    bad = {"do": "create", "row": {"name": "Ben", "salary": "much"}}
    wrong = problem(app.post("/people/batch", {"rows": [good, bad, {"do": "change", "id": 99, "row": {}}]}), 422)
    assert list(wrong) == ["rows[1].salary", "rows[2]"]
    assert live(cast.acme) == 0
    done = app.post(
        "/people/batch", {"rows": [good, {"do": "upsert", "by": {"mail": "ada@example.org"}, "row": {"salary": "1"}}]}
    )
    assert [one["status"] for one in done.json["results"]] == [201, 200]
    assert (done.json["results"][1]["row"]["salary"], live(cast.acme)) == ("1", 1)


def test_each_step_of_a_batch_may_stand_for_itself(program, cast):
    app = program()
    id = app.post("/people", {"name": "Ada"}).json["id"]
    steps = [
        {"do": "create", "row": {"name": "Ben"}},
        {"do": "create", "row": {"nothing": 1}},
        {"do": "change", "id": id, "row": {"name": "Eve"}, "version": '"old"'},
        {"do": "remove", "id": id},
    ]
    once = {"Idempotency_Key": "b1"}
    limiter.enabled = True
    first = app.ask("POST", "/people/batch", {"rows": steps, "all": False}, **once)
    assert [one["status"] for one in first.json["results"]] == [201, 422, 412, 204]
    assert first.json["results"][1]["problem"]["errors"][0]["field"] == "nothing"
    again = app.ask("POST", "/people/batch", {"rows": steps, "all": False}, **once)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert live(cast.acme) == 1
    assert int(first.headers["RateLimit"].split("r=")[1].split(";")[0]) <= 30000 - 10 - 4


STEPS = [
    *([], ["x"], [{"do": "burn"}], [{"do": ["create"]}], [{"do": "create"}], [{"do": "create", "row": []}]),
    *([{"do": "change", "id": "1", "row": {}}], [{"do": "remove", "id": 10**30}], [{"do": "remove", "id": True}]),
    *([{"do": "upsert", "by": {}, "row": {}}], [{"do": "upsert", "by": {"mail": []}, "row": {}}]),
    *([{"do": "upsert", "by": {"name": "x"}, "row": {}}], [{"do": "remove", "id": 1, "row": {}}]),
    [{"do": "create", "row": {}}] * 101,
]


def test_what_is_no_batch_is_refused(program, cast):
    for steps in STEPS:
        assert problem(program().post("/people/batch", {"rows": steps}), 422), steps
        assert live(cast.acme) == 0, steps


# --- by a unique field ----------------------------------------------------------------------------------------------


def test_a_row_is_put_by_its_unique_field(program, cast):
    app = program()
    made = app.ask("PUT", "/people/by/mail/Ada@Example.org", {"name": "Ada"})
    assert (made.status_code, made.json["mail"]) == (201, "Ada@example.org")
    again = app.ask("PUT", "/people/by/mail/ada@example.org", {"salary": "2"}, If_Match=made.headers["ETag"])
    assert (again.status_code, again.json["name"], again.json["salary"]) == (200, "Ada", "2")
    late = app.ask("PUT", "/people/by/mail/ada@example.org", {"salary": "3"}, If_Match=made.headers["ETag"])
    assert late.status_code == 412
    for path, name in (("name/Ada", "name"), ("nothing/x", "nothing"), ("mail/%20", "mail"), ("mail/none", "mail")):
        assert list(problem(app.ask("PUT", f"/people/by/{path}", {}), 422)) == [name]
    assert problem(app.ask("PUT", "/people/by/mail/ada@example.org", {"mail": "x@example.org"}), 422)
    assert live(cast.acme) == 1


def test_a_row_that_was_read_and_is_gone_is_not_made_again(program, cast):
    app = program()
    made = app.ask("PUT", "/people/by/mail/ada@example.org", {"name": "Ada"})
    app.ask("DELETE", f"/people/{made.json['id']}")
    for version in (made.headers["ETag"], "*"):
        late = app.ask("PUT", "/people/by/mail/ada@example.org", {"name": "Eve"}, If_Match=version)
        assert (late.status_code, late.json["code"]) == (412, "PRECONDITION_FAILED")
    assert live(cast.acme) == 0


@pytest.mark.parametrize("list_", ["people", "tasks"])
def test_nobody_else_writes_between_the_look_at_a_version_and_the_write(program, cast, at, monkeypatch, list_):
    """What a person writes in that moment waits, and is refused or written to what stands then."""
    app = program()
    made = app.post(f"/{list_}", {"name": "Ada"} if list_ == "people" else {"title": "Ada"})
    first, id = ("f1", "title")[list_ == "tasks"], made.json["id"]
    look, waited, person = writing.one, [], []

    def by_hand():
        with inside(cast.acme), contextlib.suppress(Stale):
            alice = at("alice")
            of = tasks.rules if list_ == "tasks" else listings.of(collections.found("people"), alice)
            rows.change(of, id, {first: "By hand"}, by=alice)

    def looked(*args):
        found = look(*args)
        if not person:
            person.append(threading.Thread(target=by_hand))
            person[0].start()
            waited.append(is_kept_waiting(person[0]))
        return found

    monkeypatch.setattr(writing, "one", looked)
    name = "name" if list_ == "people" else "title"
    answer = app.patch(f"/{list_}/{id}", {name: "Eve"}, If_Match=made.headers["ETag"])
    person[0].join()
    assert (waited, answer.status_code) == ([True], 200)


def is_kept_waiting(thread):
    """Whether a thread waits for the present transaction: on SQLite for the writer, on PostgreSQL for a lock."""
    if database.dialect == "sqlite":
        return True
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted"  # unlike pg_stat_activity it isn't kept for a transaction
    while thread.is_alive():
        if database.execute_sql(waits).fetchone():
            return True
    return False


def test_two_that_put_the_same_at_once_make_one_row(program, cast):
    apps = [program(), program()]
    put = [
        lambda app=app: app.ask("PUT", "/people/by/mail/ada@example.org", {"name": "Ada"}).status_code for app in apps
    ]
    assert sorted(together(*put)) == [200, 201]
    assert live(cast.acme) == 1


def test_a_key_may_have_to_name_what_it_changes(web, table, at):
    app = Program(web, a_key(at("alice"), "records.read records.write", needs_version=True)[1], "/api/v1/acme")
    made = app.post("/people", {"name": "Ada"})
    path, read = f"/people/{made.json['id']}", {"If_Match": made.headers["ETag"]}
    for refused in (app.patch(path, {"name": "Eve"}), app.ask("DELETE", path)):
        assert (refused.status_code, refused.json["code"]) == (428, "PRECONDITION_REQUIRED")
    step = {"do": "change", "id": made.json["id"], "row": {"name": "Eve"}}
    each = app.post("/people/batch", {"rows": [step, step | {"version": made.headers["ETag"]}], "all": False})
    assert [one["status"] for one in each.json["results"]] == [428, 200]
    assert app.ask("DELETE", path, **read).status_code == 412


# --- files ----------------------------------------------------------------------------------------------------------

OCTETS = {"Content_Type": "application/octet-stream"}


@pytest.fixture
def papers(table, at, cast):
    with inside(cast.acme):
        collections.add_field("people", "Papers", "files", by=at("alice"))


def test_files_are_put_into_cells_and_got_by_who_sees_them(program, papers, at, cast):
    app = program()
    row = app.post("/people", {"name": "Ada"}).json["id"]
    put = app.ask("POST", f"/people/{row}/papers/files?name=a.txt", b"plain words", Idempotency_Key="f1", **OCTETS)
    assert (put.status_code, put.json["name"], put.json["size"]) == (201, "a.txt", 11)
    again = app.ask("POST", f"/people/{row}/papers/files?name=a.txt", b"plain words", Idempotency_Key="f1", **OCTETS)
    assert (again.json, again.headers["Idempotent-Replayed"]) == (put.json, "true")
    assert app.get(f"/people/{row}").json["papers"] == [put.json]
    got = app.get(f"/people/{row}/files/{put.json['id']}")
    assert (got.status_code, got.data) == (200, b"plain words")
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    with inside(cast.acme):
        rule = {"sees": "all", "changes": "all", "adds": "1", "others": "change", "field_5": "nothing"}
        rules.change("people", "role:member", MultiDict(rule), by=at("alice"))
    bob = program("bob")
    assert bob.get(f"/people/{row}/files/{put.json['id']}").status_code == 404
    hidden, none = (bob.ask("POST", f"/people/{row}/{name}/files", b"x", **OCTETS) for name in ("papers", "letters"))
    assert problem(hidden, 422).keys() == {"papers"}
    assert [one["message"] for one in hidden.json["errors"]] == [one["message"] for one in none.json["errors"]]
    assert program(scopes="records.read").ask("POST", f"/people/{row}/papers/files", b"x", **OCTETS).status_code == 403


def test_a_file_that_is_too_large_or_nothing_is_refused(program, papers, monkeypatch):
    app = program()
    row = app.post("/people", {"name": "Ada"}).json["id"]
    assert problem(app.ask("POST", f"/people/{row}/papers/files", b"", **OCTETS), 422)
    assert app.ask("POST", f"/people/{row}/papers/files", b"x" * (attachments.MOST + 1), **OCTETS).status_code == 413
    assert app.ask("POST", "/people/99/papers/files", b"x", **OCTETS).status_code == 404
    assert app.get(f"/people/{row}").json["papers"] is None


def test_what_is_refused_leaves_no_bytes_for_ever(program, papers, monkeypatch, clock, cast):
    """Nor what another kill or refusal left: the purge finds it, and what is noted stays."""
    app, files = program(), configuration.active.data / "files"
    row = app.post("/people", {"name": "Ada"}).json["id"]
    path, before = f"/people/{row}/papers/files", {one for one in files.rglob("*") if one.is_file()}
    lying = lambda: len({one for one in files.rglob("*") if one.is_file()} - before)  # noqa: E731
    kept = app.ask("POST", path, b"kept", Idempotency_Key="f1", **OCTETS)
    assert (kept.status_code, lying()) == (201, 1)
    assert app.ask("POST", path, b"other", Idempotency_Key="f1", **OCTETS).status_code == 422
    assert lying() == 2
    with inside(cast.acme):
        assert attachments.used() == len(b"keptother"), "until then it takes room"
    monkeypatch.setattr(attachments, "A_ROW", 1)
    assert app.ask("POST", path, b"one more", **OCTETS).status_code == 409
    assert lying() == 2
    down = stores.StoreDown()
    monkeypatch.setattr(attachments, "A_ROW", 100)
    monkeypatch.setattr(stores.Folder, "put", lambda *_: (_ for _ in ()).throw(down))
    assert app.ask("POST", path, b"much more", **OCTETS).status_code == 503
    with inside(cast.acme):
        assert StoredFile.select().count() == 2, "what never lay there is awaited no more"
    clock.forward(days=200)  # the bytes were put just now by the clock of the disk
    attachments.purge(10)
    assert lying() == 1
    assert [one["name"] for one in app.get(f"/people/{row}").json["papers"]] == [kept.json["name"]]


def test_files_heed_the_version_that_was_read(program, papers, web, at):
    app = program()
    made = app.post("/people", {"name": "Ada"})
    path = f"/people/{made.json['id']}/papers/files"
    heads = OCTETS | {"If_Match": made.headers["ETag"]}
    app.patch(f"/people/{made.json['id']}", {"name": "Eve"})
    assert app.ask("POST", path, b"x", **heads).status_code == 412
    present = app.get(f"/people/{made.json['id']}").headers["ETag"]
    assert app.ask("POST", path, b"x", **OCTETS | {"If_Match": present}).status_code == 201
    bound = Program(web, a_key(at("alice"), "records.read records.write", needs_version=True)[1], "/api/v1/acme")
    assert bound.ask("POST", path, b"x", **OCTETS).status_code == 428


# --- since ----------------------------------------------------------------------------------------------------------


def since(app, place, **more):
    answer = app.get(f"/people/changes?since={place}" + "".join(f"&{name}={value}" for name, value in more.items()))
    assert answer.status_code == 200, answer.data
    return answer.json


def test_what_changed_is_told_once_in_order_with_what_is_gone(program):
    app = program()
    before = app.post("/people", {"name": "Before"}).json["id"]
    begin = app.get("/people/changes").json
    assert (begin["items"], begin["reread"]) == ([], True)
    ids = [app.post("/people", {"name": name}).json["id"] for name in ("Ada", "Ben", "Eve")]
    app.patch(f"/people/{ids[0]}", {"name": "Ada L."})
    app.ask("DELETE", f"/people/{before}")
    told, place = [], begin["since"]
    for _ in range(9):
        page = since(app, place, limit=2)
        told, place = told + page["items"], page["since"]
        if not page["more"]:
            break
    names = {one["id"]: one.get("row", {}).get("name") for one in told}
    assert names == {ids[0]: "Ada L.", ids[1]: "Ben", ids[2]: "Eve", before: None}
    assert (told[-1], page["reread"]) == ({"id": before, "deleted": True}, False)
    assert since(app, place)["items"] == []
    assert app.post(f"/people/{before}/restore", {}).json["name"] == "Before"
    assert [one["row"]["name"] for one in since(app, place)["items"]] == ["Before"]
    assert problem(app.post(f"/people/{before}/restore", {}), 404) == {}


def test_a_place_is_of_one_list_and_of_a_time_that_is_kept(program, at, cast, clock):
    app = program()
    place = app.get("/people/changes").json["since"]
    with inside(cast.acme):
        collections.make("Other", by=at("alice"))
    for path in (f"/other/changes?since={place}", "/people/changes?since=x", f"/people/changes?since={place}&limit=0"):
        assert problem(app.get(path), 422)
    assert problem(app.get(f"/tasks/changes?since={place}"), 422)
    clock.forward(days=365)
    gone = app.get(f"/people/changes?since={place}")
    assert (gone.status_code, gone.json["code"]) == (410, "CHANGES_GONE")


def test_who_reads_on_page_by_page_hears_when_what_is_behind_it_is_gone(program, clock):
    """A place that is still behind the newest is as old as what was heard last of all."""
    app = program()
    place = app.get("/people/changes").json["since"]
    for name in ("Ada", "Ben", "Eve"):
        app.post("/people", {"name": name})
    clock.forward(days=200)
    page = since(app, place, limit=1)
    assert page["more"]
    clock.forward(days=200)
    assert app.get(f"/people/changes?since={page['since']}").status_code == 410
    late = app.get("/people/changes").json["since"]
    clock.forward(days=200)
    caught_up = since(app, late)
    clock.forward(days=200)
    assert since(app, caught_up["since"])["items"] == []


def test_many_rows_at_once_and_another_shape_say_read_anew(program, at, cast):
    app = program()
    place = app.get("/people/changes").json["since"]
    with inside(cast.acme):
        collections.add_field("people", "More", by=at("alice"))
    page = since(app, place)
    assert (page["items"], page["reread"]) == ([], True)
    assert since(app, page["since"])["reread"] is False


def test_rows_beyond_a_rule_are_told_of_only_where_they_were_seen(program, at, cast):
    """Bob sees the North; what happens in the South isn't news to him, and what goes there is gone."""
    rule = MultiDict({"sees": "some", "changes": "none", "others": "see", "field_4": "nothing"})
    rule["where"] = "and~3~any_of~1"
    mine, place = program(), None
    with inside(cast.acme):
        rules.change("people", "role:member", rule, by=at("alice"))
    north, south = (
        mine.post("/people", {"name": name, "region": name.lower()}).json["id"] for name in ("North", "South")
    )
    bob = program("bob")
    assert [row["name"] for row in bob.get("/people").json["items"]] == ["North"]
    place = bob.get("/people/changes").json["since"]
    mine.patch(f"/people/{south}", {"name": "Still South"})
    mine.ask("DELETE", f"/people/{south}")
    new = mine.post("/people", {"name": "New", "region": "south"}).json["id"]
    mine.ask("DELETE", f"/people/{new}")
    page = since(bob, place)
    assert (page["items"], page["reread"]) == ([], False)
    mine.patch(f"/people/{north}", {"region": "south"})
    assert since(bob, page["since"])["items"] == [{"id": north, "deleted": True}]


def test_places_skip_nothing_that_commits_meanwhile(program, cast):
    """Writers and a reader at once: all that was written was told."""
    app, writers, told, written = program(), [program() for _ in range(3)], set(), []
    place = app.get("/people/changes").json["since"]

    def write(writer):
        for number in range(5):
            written.append(writer.post("/people", {"name": str(number)}).json["id"])

    def read():
        nonlocal place
        for _ in range(20):
            page = since(app, place, limit=3)
            told.update(one["id"] for one in page["items"])
            place = page["since"]

    together(*(lambda one=one: write(one) for one in writers), read)
    for _ in range(20):
        page = since(app, place)
        told.update(one["id"] for one in page["items"])
        place = page["since"]
        if not page["more"]:
            break
    assert told == set(written)
    assert len(told) == 15
