"""The document of the API is whole and true; the client that is made of it compiles and works."""

import inspect
import json
import os
import re
import subprocess
import textwrap
import threading
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from werkzeug.serving import WSGIRequestHandler, make_server

from database.scope import inside
from domain.lists import rows
from domain.records import collections
from domain.tasks import tasks
from models import Task
from static.build import MODULES, node
from tests.conftest import application
from tests.fixtures.doors import an_event
from tests.fixtures.keys import a_key, pay
from tests.test_access import ROUTES
from views.machines import openapi, typescript

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
            assert method.lower() in document["paths"][re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)], rule
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


class Silent(WSGIRequestHandler):
    def log(self, *args):
        pass


@pytest.fixture
def served(web):
    """The address of a running server."""
    made = make_server("127.0.0.1", 0, web, threaded=True, request_handler=Silent)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()
    thread.join()


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


# --- the written page -----------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
EXAMPLES = re.findall(r"^    # (\w+)\n((?:    (?!# ).*\n|\n(?=    (?!# )))+)", PAGE.read_text("utf-8"), re.M)
CURL = 'curl() { command curl -s -o /dev/null -w "%{http_code}" "$@"; }\n'


def test_every_example_of_the_page_does_what_it_says(document, tmp_path, served, cast, at):
    pay(cast.acme)
    _, key = a_key(at("alice"))
    with inside(cast.acme):
        task = rows.create(tasks.rules, {"title": "Call the printer"}, by=at("alice")).id
        collections.make("Offers", by=at("alice"))
        known = {"ORG": "acme", "SITE": served, "KEY": key, "TASK": str(task), "EVENT": str(an_event().id)}
    told = [
        subprocess.run(["bash", "-c", CURL + said], env=known | {"PATH": os.environ["PATH"]}, capture_output=True)
        for status, said in EXAMPLES
        if status != "ts"
    ]
    assert [one.stdout.decode() for one in told] == [status for status, _ in EXAMPLES if status != "ts"]
    assert len(told) == PAGE.read_text("utf-8").count("    curl ") > 7
    ((_, story),) = [one for one in EXAMPLES if one[0] == "ts"]
    assert compiled(tmp_path, document, textwrap.dedent(story)).stdout == ""
