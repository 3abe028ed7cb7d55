"""The document of the API is whole and true; the client that is made of it compiles and works."""

import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from werkzeug.datastructures import MultiDict

from database.scope import inside
from domain.lists import rows
from domain.records import collections, field_changes, listings, rules
from domain.tasks import tasks
from models import Task
from static.build import MODULES, node
from tests.conftest import application
from tests.fixtures.doors import an_event
from tests.fixtures.keys import a_key, pay
from tests.fixtures.serving import served
from tests.test_access import ROUTES
from views.machines import openapi, python, typescript

__all__ = ["served"]  # the fixture

SANDBOX = "sandbox.api"  # speaks the words of the provider that it stands in for
NOT_JSON = {SANDBOX}


@pytest.fixture(scope="module")
def document():
    return openapi.document(application(), "http://localhost")


def speaks_json(view):
    """Whether the function behind the doors makes JSON itself."""
    source = inspect.getsource(inspect.unwrap(view))
    return bool(re.search(r"application/json|return \{", source))


def test_the_document_is_openapi_3_1(document):
    validate(document)
    assert document["openapi"] == "3.1.0"
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)) > 20


def test_everything_that_is_json_is_in_it(document):
    known = {endpoint for *_, endpoint, _ in ROUTES}
    described = {name for name in known if hasattr(application().view_functions[name], "described")}
    views = {name: application().view_functions[name] for name in known - described - NOT_JSON}
    assert [name for name, view in views.items() if speaks_json(view)] == []
    for method, rule, endpoint, _ in ROUTES:
        if endpoint in described:
            assert method.lower() in document["paths"][openapi.PART.sub(r"{\2}", rule)], rule
    programs = [route for route in ROUTES if route[3].kind == "machine" and route[1].startswith("/api/")]
    assert programs
    assert all(endpoint in described for *_, endpoint, _ in programs)
    assert speaks_json(application().view_functions[SANDBOX]), "a rule that finds nothing would hold for ever"


def test_it_is_served_with_the_fields_of_lists(web, document):
    served = web.test_client().get("/api/openapi.json")
    assert (served.status_code, served.json["info"]) == (200, document["info"])
    schemas = served.json["components"]["schemas"]
    task = schemas["Task"]["properties"]
    assert {f.name for f in tasks.listing.fields} < task.keys()
    assert task["priority"]["enum"] == ["low", "medium", "high"]
    assert task["due_at"]["type"] == ["string", "null"]
    assert schemas["NewTask"]["required"] == ["title"]
    assert "created_at" not in schemas["NewTask"]["properties"]
    asked = served.json["paths"]["/api/mobile/backend/tasks"]["get"]
    assert {"limit", "after", "fields", "sort", "q", "status"} <= {one["name"] for one in asked["parameters"]}
    assert asked["security"] == [{"key": ["tasks.read"]}]
    again = web.test_client().get("/api/openapi.json", headers={"If-None-Match": served.headers["ETag"]})
    assert again.status_code == 304


# --- the client -----------------------------------------------------------------------------------------------------

STORY = """
import { Client, Refused, type Task, type NewTask } from "./client.ts";

const [site, key, event] = process.argv.slice(2);
const client = new Client({ site: site!, key: key! });
const sent: NewTask = { title: "From afar", priority: "high" };
const made: Task = await client.createTask(sent);
const read = await client.showTask(made.id);
const changed = await client.changeTask(made.id, { status: "completed" }, read.etag);
let refusal = "";
try {
  await client.changeTask(made.id, { title: "Late" }, read.etag);
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  refusal = error.problem.code;
}
const titles: string[] = [];
for await (const task of client.all(client.listTasks({ limit: 2, sort: "oldest" }))) titles.push(task.title);
const scan = await client.checkIn(Number(event), { nonce: "n1", code: "GH1:nothing" });
const me = await client.showMe();
console.log(JSON.stringify({ done: changed.completed_at !== null, refusal, titles, scan: scan.admits, me: me.person.name }));
"""
WRONG = """
import { Client } from "./client.ts";
const client = new Client({ site: "http://localhost", key: "k" });
await client.createTask({ priority: "utmost" });
const made = await client.showTask("7");
"""
STRICT = {
    "strict": True,
    "noEmit": True,
    "exactOptionalPropertyTypes": True,
    "noUncheckedIndexedAccess": True,
    "allowImportingTsExtensions": True,
    "verbatimModuleSyntax": True,
    "erasableSyntaxOnly": False,
    "target": "es2022",
    "lib": ["es2023", "dom", "dom.iterable"],
    "module": "nodenext",
    "moduleResolution": "nodenext",
    "skipLibCheck": False,
    "types": [],
}


def compiled(folder, document, story, emits=False):
    """What `tsc --strict` says of the client and a program that uses it."""
    (folder / "client.ts").write_text(typescript.client(document), "utf-8")
    (folder / "story.ts").write_text("declare const process: { argv: string[] };\n" + story, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    options = STRICT | ({"noEmit": False, "rewriteRelativeImportExtensions": True} if emits else {})
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["story.ts"]}))
    tsc = [*node(), str(MODULES / "typescript" / "bin" / "tsc"), "-p", str(folder)]
    return subprocess.run(tsc, capture_output=True, text=True, timeout=120)


def test_the_client_compiles_strictly_and_knows_what_is_wrong(document, tmp_path):
    said = compiled(tmp_path, document, WRONG).stdout
    assert re.findall(r"(\w+\.ts)\(.*error (TS\d+)", said) == [("story.ts", "TS2322"), ("story.ts", "TS2345")], said


def test_the_client_works_against_a_running_server(document, tmp_path, served, cast, at):
    pay(cast.acme)
    _, key = a_key(at("alice"))
    with inside(cast.acme):
        event = an_event().id
        for number in range(3):
            rows.create(tasks.rules, {"title": f"Task {number}"}, by=at("alice"))
    said = compiled(tmp_path, document, STORY, emits=True)
    assert said.returncode == 0, said.stdout
    story = [*node(), str(tmp_path / "story.js"), served, key, str(event)]
    told = subprocess.run(story, capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "done": True,
        "refusal": "PRECONDITION_FAILED",
        "titles": ["Task 0", "Task 1", "Task 2", "From afar"],
        "scan": False,
        "me": "Alice",
    }
    with inside(cast.acme):
        assert Task.select().count() == 4


PYTHON = """
import json
import sys

from client import Client, NewTask, Refused, version

site, key = sys.argv[1:]
client = Client(site, key)
sent: NewTask = {"title": "From afar", "priority": "high"}
made = client.create_task(sent)
read = client.show_task(made["id"])
changed = client.change_task(made["id"], {"status": "completed"}, if_match=version(read))
refusal = ""
try:
    client.change_task(made["id"], {"title": "Late"}, if_match=version(read))
except Refused as refused:
    refusal = refused.problem["code"]
titles = [task["title"] for task in client.all_tasks({"limit": 2, "sort": "oldest"})]
print(json.dumps([changed["completed_at"] is not None, refusal, titles, client.show_me()["person"]["name"]]))
"""
PYTHON_WRONG = """
from client import Client
client = Client("http://localhost", "k")
client.create_task({"priority": "high"})
client.show_task("7").get("nothing")
"""


def typed(folder, document, story):
    """What `mypy --strict` says of the Python client and a program that uses it."""
    (folder / "client.py").write_text(python.client(document), "utf-8")
    (folder / "story.py").write_text(story, "utf-8")
    strict = ["--strict", "--config-file=", "--cache-dir", str(folder / "cache"), "story.py", "client.py"]
    return subprocess.run(
        [sys.executable, "-m", "mypy", *strict], cwd=folder, capture_output=True, text=True, timeout=300
    )


def test_the_python_client_works_against_a_running_server_and_its_types_hold(tmp_path, document, served, cast, at):
    assert typed(tmp_path, document, PYTHON).stdout.startswith("Success"), typed(tmp_path, document, PYTHON).stdout
    pay(cast.acme)
    with inside(cast.acme):
        for number in range(3):
            rows.create(tasks.rules, {"title": f"Task {number}"}, by=at("alice"))
    told = _run(tmp_path, served, a_key(at("alice"))[1])
    assert json.loads(told) == [True, "PRECONDITION_FAILED", ["Task 0", "Task 1", "Task 2", "From afar"], "Alice"]
    wrong = typed(tmp_path, document, PYTHON_WRONG).stdout
    assert wrong.count("story.py:") == 2 + wrong.count("note:"), wrong


def _run(folder, served, key):
    told = subprocess.run(
        [sys.executable, "story.py", served, key], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    return told.stdout


# --- of one key -----------------------------------------------------------------------------------------------------

KINDS_OF_TABLES = (
    *("text", "long_text", "number", "money", "percent", "yes_no", "choice", "choices", "day", "moment", "duration"),
    *("person", "people", "email", "phone", "url", "qrcode", "barcode", "rating", "files", "autonumber"),
)
OF_A_TABLE = """
import json
import sys

from client import Client, NewOffersRow, Refused

client = Client(sys.argv[1], sys.argv[2])
sent: NewOffersRow = {"text": "From afar", "money": {"amount": "12.34", "currency": "EUR"}, "number": "0.10", "link": None}
made = client.create_offers(sent)
put = client.put_by_email_in_offers("ada@example.org", {"rating": 3})
linked = client.change_offers(made["id"], {"links": {"add": [put["id"]]}})
found = [row["text"] for row in client.all_offers({"number.gte": "0.1", "sort": "text"})]
pages = [page["id"] == put["id"] for page in client.all_links_of_offers(made["id"], {"limit": 1})]
client.change_offers(put["id"], {"link": made["id"]})
try:
    client.change_offers(made["id"], {"link": made["id"]})
except Refused as refused:
    pages.append(refused.problem["code"] == "LINKED_ELSEWHERE")
moved = client.change_offers(made["id"], {"link": {"id": made["id"], "move": True}})["link"]
place = client.follow_tasks()["since"]
done = client.batch_tasks({"rows": [{"do": "create", "row": {"title": "From afar"}}]})["results"]
told = client.follow_tasks({"since": place})["items"]
taken = client.archiving_of_labels(client.create_labels({"label": "Old"})["id"])
pages += [taken["done"] != "", taken["row"] is not None and taken["row"]["label"] == "Old"]
pages += [moved is not None, [one["id"] for one in told] == [one["row"]["id"] for one in done]]
print(json.dumps([made["money"], put["rating"], [one["id"] == put["id"] for one in linked["links"] or []], found, pages]))
"""


@pytest.fixture
def offers(cast, at):
    """A table with a field of every kind that is written, and a key of bob's who doesn't see its number."""
    pay(cast.acme)
    with inside(cast.acme):
        alice = at("alice")
        fields = [
            (kind.replace("_", " ").capitalize(), kind, ("One", "Two") if "choice" in kind else ())
            for kind in KINDS_OF_TABLES
        ]
        made = collections.make("Offers", by=alice, fields=fields)
        for kind in ("link", "links"):
            collections.add_field("offers", kind.capitalize(), kind, by=alice, options={"table": str(made.id)})
        known = {field.api_name: field.id for field in collections.fields(made)}
        for kind in ("email", "link"):
            field_changes.rule("offers", known[kind], by=alice, is_required=False, is_unique=True)
    return known


def of_key(web, key, path="openapi.json"):
    answer = web.test_client().get(f"/api/v1/acme/{path}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.data
    return answer


def test_a_key_has_a_document_and_clients_of_its_own(tmp_path, web, served, offers, at):
    key = a_key(at("alice"))[1]
    document = of_key(web, key).json
    validate(document)
    row = document["components"]["schemas"]["OffersRow"]["properties"]
    assert {*KINDS_OF_TABLES, "link", "links"} < row.keys()
    assert "/api/v1/acme/offers/by/email/{value}" in document["paths"]
    assert of_key(web, key, "client.py").text == python.client(document)
    assert typed(tmp_path, document, OF_A_TABLE).stdout.startswith("Success"), typed(
        tmp_path, document, OF_A_TABLE
    ).stdout
    told = json.loads(_run(tmp_path, served, key))
    assert told == [{"amount": "12.34", "currency": "EUR"}, 3, [True], ["From afar"], [True] * 6]
    assert of_key(web, key, "client.ts").text == typescript.client(document)
    story = """
import { Client } from "./client.ts";
const client = new Client({ site: "http://localhost", key: "k" });
const made = await client.createOffers({ text: "x", money: { amount: "1", currency: "EUR" } });
const said: string | null | undefined = (await client.showOffers(made.id)).text;
for await (const one of client.all(client.listOffers({ "number.gte": "1" }))) console.log(one.links?.length, said);
await client.changeOffers(made.id, { link: { id: 3, move: true } });
for await (const one of client.all(client.listLinksOfOffers(made.id, { limit: 1 }))) console.log(one.id);
const done = await client.batchTasks({ rows: [{ do: "create", row: { title: "x" } }] });
const told = await client.followTasks({ since: "x" });
console.log(done.results[0]?.row?.title, told.items[0]?.row?.status, (await client.listFilesOfTasks(1)).items.length);
for await (const one of client.all(client.listEventsSpeakers(7, {}))) console.log(one.name);
console.log((await client.takingOfTasks(1)).row?.assigned_to?.name, (await client.nameOfEventsPasses(7, 1, { value: "x" })).done);
"""
    assert compiled(tmp_path, document, story).stdout == ""


PAGES = """
import { Client } from "./client.ts";
const shapes: unknown[] = [];
const asks: typeof fetch = (url, sent) => {
  if ("Idempotency-Key" in sent!.headers!) throw sent;
  shapes.push((sent!.headers as Record<string, string>)["Records-Shape"]);
  return fetch(url, sent);
};
const client = new Client({ site: process.argv[2]!, key: process.argv[3]!, fetch: asks });
for await (const one of client.all(client.listOffers({ limit: 1 }))) if (!one.id) throw one;
await client.queryOffers({});
console.log(JSON.stringify(shapes));
"""


def test_all_pages_are_read_by_one_shape_and_questions_under_no_word(tmp_path, web, served, offers, at, cast):
    key = a_key(at("alice"))[1]
    with inside(cast.acme):
        for _ in range(3):
            rows.create(listings.of(collections.found("offers"), at("alice")), {}, by=at("alice"))
    said = compiled(tmp_path, of_key(web, key).json, PAGES, emits=True)
    assert said.returncode == 0, said.stdout
    story = [*node(), str(tmp_path / "story.js"), served, key]
    shapes = json.loads(subprocess.run(story, capture_output=True, text=True, timeout=60).stdout)
    assert len(shapes) == 4
    assert shapes == shapes[:1] * 4
    assert shapes[0].isdigit()


def test_a_document_tells_of_nothing_that_its_key_may_not(web, offers, at, cast):
    """What bob doesn't see is in no byte of it: neither a field, nor a table, nor what his key doesn't open."""
    hidden, rule = offers["number"], {"sees": "all", "changes": "all", "adds": "1", "others": "change"}
    with inside(cast.acme):
        secret = collections.make("Salaries", by=at("alice"))
        rules.change("offers", "role:member", MultiDict(rule | {f"field_{hidden}": "nothing"}), by=at("alice"))
        rules.change(
            secret.slug,
            "role:member",
            MultiDict(rule | {"sees": "none", "changes": "none", "adds": ""}),
            by=at("alice"),
        )
    before = [
        of_key(web, a_key(at("bob"), "records.read")[1], path).data
        for path in ("openapi.json", "client.ts", "client.py")
    ]
    said = json.loads(before[0])
    assert "number" not in said["components"]["schemas"]["OffersRow"]["properties"]
    assert {path.split("/")[4] for path in said["paths"] if path.startswith("/api/v1/acme/")} == {"offers"}
    assert b"salaries" not in b"".join(before).lower()
    assert not [path for path in said["paths"] if "post" in said["paths"][path] and not path.endswith("/query")]
    with inside(cast.acme):  # another world, in what he doesn't see
        collections.rename_field("offers", hidden, "Margin", by=at("alice"))
        collections.rename_for_programs("offers", hidden, by=at("alice"))
        collections.add_field(secret.slug, "Bonus", "number", by=at("alice"))
    after = [
        of_key(web, a_key(at("bob"), "records.read")[1], path).data
        for path in ("openapi.json", "client.ts", "client.py")
    ]
    assert before == after


# --- the written page -----------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
EXAMPLES = re.findall(r"^    # (\w+)\n((?:    (?!# ).*\n|\n(?=    (?!# )))+)", PAGE.read_text("utf-8"), re.M)
CURL = 'curl() { command curl -s -o /dev/null -w "%{http_code}" "$@"; }\n'


def test_every_example_of_the_page_does_what_it_says(document, tmp_path, served, cast, at):
    pay(cast.acme)
    _, key = a_key(at("alice"))
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice")).id
        fields = (("Name", "text"), ("Mail", "email"), ("Amount", "number"), ("Made on", "day"), ("Papers", "files"))
        collections.make("Offers", by=at("alice"), fields=fields)
        field_changes.rule("offers", 2, by=at("alice"), is_required=False, is_unique=True)
        row = rows.create(listings.of(collections.found("offers"), at("alice")), {"f1": "Chairs"}, by=at("alice")).id
        known = {
            "ORG": "acme",
            "SITE": served,
            "KEY": key,
            "TASK": str(task),
            "ROW": str(row),
            "EVENT": str(an_event().id),
        }
    told = [
        subprocess.run(["bash", "-c", CURL + said], env=known | {"PATH": os.environ["PATH"]}, capture_output=True)
        for status, said in EXAMPLES
        if status not in ("ts", "py")
    ]
    assert [one.stdout.decode() for one in told] == [status for status, _ in EXAMPLES if status not in ("ts", "py")]
    assert len(told) == PAGE.read_text("utf-8").count("    curl ") > 7
    ((_, story),) = [one for one in EXAMPLES if one[0] == "ts"]
    assert compiled(tmp_path, document, textwrap.dedent(story)).stdout == ""
    ((_, story),) = [one for one in EXAMPLES if one[0] == "py"]
    assert typed(tmp_path, document, textwrap.dedent(story)).stdout.startswith("Success")
