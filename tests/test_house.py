"""The rules about our own code. Where one is broken on purpose, the place is listed here with its reason."""

import ast
import functools
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from jinja2.nodes import Block, Name

from bench.lines import prose
from database.connections import database
from domain.base.variables import VARIABLES
from domain.flyers.organizing import campaigns
from domain.organizations import organizations, workspaces
from domain.records import collections
from tests import configuration_pages
from tests.conftest import application
from tests.test_access import ROUTES

pytestmark = pytest.mark.one_worker  # the code is parsed once, by one worker
TOP = Path(__file__).resolve().parent.parent
ROOMS = ("database", "domain", "views", "jobs")


def files(*rooms):
    found = [TOP / f"{room}.py" for room in rooms if (TOP / f"{room}.py").is_file()]
    return found + [f for room in rooms for f in sorted((TOP / room).rglob("*.py"))]


def name(path):
    return path.relative_to(TOP).as_posix()


@functools.cache
def tree(path):
    return ast.parse(path.read_text("utf-8"), path.name)


@functools.cache
def nodes(path):
    return tuple(ast.walk(tree(path)))


def imports(path):
    """(module, line) of everything imported, also within functions; `from a import b` gives a and a.b."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name(path)}:{node.lineno} imports by dots; say whose it is"
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def calls(path):
    """(called name, node): the last part of what is called."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            called = node.func
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", ""), node


OURS = ("app", "bench", "database", "domain", "jobs", "models", "tests", "views")
MAY = {
    "database": ("database",),
    "models": ("database",),
    "domain": ("database", "models", "domain"),
    "views": ("database", "models", "domain", "views", "jobs"),
    "jobs": ("database", "models", "domain", "jobs"),
    "app": ("database", "models", "domain", "views", "jobs"),
}
WEB = ("flask", "flask_login", "werkzeug", "htmx_flask", "jinja2_fragments", "gunicorn")


@pytest.mark.parametrize("room", MAY)
def test_imports_only_go_left(room):
    wrong = []
    for path in files(room):
        for module, line in imports(path):
            first = module.partition(".")[0]
            if first in OURS and first not in MAY[room]:
                wrong.append(f"{name(path)}:{line} imports {module}")
            if first in WEB and room not in ("views", "app"):
                wrong.append(f"{name(path)}:{line} knows the web: {module}")
    assert wrong == []


STANDS_ON = {"flask", "htmx_flask", "peewee", "flask_login", "flask_limiter", "stripe", "apscheduler", "jinja2"}


def test_the_libraries_that_the_house_was_to_stand_on_are_used():
    used = {module.partition(".")[0] for path in files(*ROOMS, "models", "app") for module, _ in imports(path)}
    assert STANDS_ON - used == set()


def test_what_the_house_needs_is_pinned():
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    locked = re.findall(r"^([a-z0-9-]+)(?:\[.*\])?==", (TOP / "requirements.lock").read_text(), re.M)
    assert {re.split(r"[\[=<>;]", one)[0] for one in project["dependencies"]} - set(locked) == set(), "make lock"


DOMAIN_ROOMS = (
    "fields",
    "base",
    "files",
    "lists",
    "entitlements",
    "organizations",
    "imports",
    "charts",
    "backers",
    "people",
    "moderation",
    "money",
    "tasks",
    "records",
    "events",
    "automations",
    "flyers",
    "operations",
    "content",
    "support",
)


def test_a_room_of_the_domain_imports_only_rooms_above_it():
    wrong = []
    for path in files("domain"):
        room = path.relative_to(TOP).parts[1]
        if room == "__init__.py":
            continue
        for module, line in imports(path):
            parts = module.split(".")
            theirs = parts[1] if parts[0] == "domain" and len(parts) > 1 else room
            if theirs in DOMAIN_ROOMS and DOMAIN_ROOMS.index(theirs) > DOMAIN_ROOMS.index(room):
                wrong.append(f"{name(path)}:{line} imports {module}")
    assert wrong == []


MOST_FILES, MOST_LINES = 16, 450  # the size at which a reader still sees the whole


def test_rooms_and_files_stay_small():
    migrations = TOP / "database" / "migrations"  # in the order of their numbers, and none ever goes
    for folder in {path.parent for path in files("database", "domain", "views", "jobs")} - {migrations}:
        here = [p for p in folder.glob("*.py") if p.name != "__init__.py"]
        # A kind of field is a file, found by its name: that room may have more of them.
        most = 40 if folder == TOP / "domain" / "fields" else MOST_FILES
        assert len(here) <= most, f"{folder.relative_to(TOP)} has {len(here)} files"
    long = {name(p): p.read_text().count("\n") for p in files("database", "domain", "views", "jobs")}
    assert {p: n for p, n in long.items() if n > MOST_LINES} == {}


MOST_OF_A_FUNCTION = 60


def test_functions_stay_short():
    long = {
        f"{name(path)} {node.name}": node.end_lineno - node.lineno + 1
        for path in files("models", *ROOMS, "app")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= MOST_OF_A_FUNCTION
    }
    assert long == {}


# A package's file that says something, and why it can't be in a file of its own.
SPEAKING = {
    "database/migrations/__init__.py": "the runner: `migrations.migrate`",
    "domain/__init__.py": "the refusals",
    "domain/events/providers/__init__.py": "the registry of providers of ticket payments",
    "domain/money/providers/__init__.py": "the registry of providers",
    "domain/money/providers/lemon_squeezy/__init__.py": "the adapter: what the house asks of Lemon Squeezy",
    "domain/money/providers/polar/__init__.py": "the adapter: what the house asks of Polar",
    "domain/money/providers/stripe/__init__.py": "the adapter: what the house asks of Stripe",
    "domain/money/providers/sandbox/__init__.py": "the sandbox as the house asks it",
    "domain/money/providers/sandbox/stripe/__init__.py": "the sandbox's Stripe: the door of its API",
    "jobs/__init__.py": "the calendar",
    "views/__init__.py": "a docstring",
}


def test_a_room_is_an_empty_package():
    speaking = {
        name(p) for p in files("database", "domain", "views", "jobs") if p.name == "__init__.py" and p.read_text()
    }
    assert speaking == set(SPEAKING)


# (file, module) imported within a function, and why
LATE = {
    ("domain/files/thumbnails.py", "PIL"): "it takes memory, and only the job that draws pictures needs it",
    ("domain/imports/workbooks.py", "openpyxl"): "it takes 20 MB, and only a workbook needs it",
    ("domain/people/feeds.py", "icalendar"): "it takes 9 MB, and only who reads a calendar needs it",
    ("app.py", "views"): "the process that looks after the workers needs none of it",
    ("domain/people/passwords.py", "zxcvbn"): "its lists take 14 MB, and only a chosen password needs them",
}


def test_what_a_cookie_keeps_is_named_in_one_place():
    """views/cookies.py; `session["word"]` anywhere else would be a second place."""
    bare = []
    for path in files("views"):
        for node in nodes(path):
            key = None
            if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "session":
                key = node.slice
            elif isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") == "session":
                key = node.args[0] if node.args else None
            if isinstance(key, ast.Constant) and not key.value.startswith("_"):  # Flask-Login's own begin so
                bare.append(f"{name(path)}:{node.lineno} {key.value}")
    assert bare == []


def test_imports_stand_at_the_top():
    late = set()
    for path in files("models", *ROOMS, "app"):
        for function in nodes(path):
            if isinstance(function, ast.FunctionDef):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        late.add((name(path), node.module))
                    elif isinstance(node, ast.Import):
                        late |= {(name(path), alias.name) for alias in node.names}
    assert late == set(LATE)


SAYS_NOTHING = {"_told", "_said", "_held", "_found", "_one", "_tell", "_key"}


def test_private_functions_are_named_for_what_they_return():
    assert [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in files("models", *ROOMS, "app")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef) and node.name in SAYS_NOTHING
    ] == []


def test_the_formatter_is_obeyed():
    every = [p for room in ("app", "models", *ROOMS, "bench", "tests", "static") for p in files(room)]
    switch = "# fmt" + ":"
    assert [name(p) for p in every if re.search(switch + r" *(skip|off)", p.read_text())] == []


def test_there_is_more_code_than_talk_of_it():
    """Docstrings and comments are an eighth of the code at most."""
    told, written = (
        sum(counts) for counts in zip(*(prose(p.read_text()) for p in files("models", *ROOMS, "app")), strict=True)
    )
    assert told / written < 0.13


CITED = re.compile(r"\((?:[AB]\d\.[\d.-]+|case \d+|system \d)\)")


def test_comments_cite_only_what_a_reader_can_open():
    assert [name(p) for p in files("models", *ROOMS, "app") if CITED.search(p.read_text())] == []


def test_only_views_that_run_jobs_know_them():
    users = {name(path) for path in files("views") if any(m.partition(".")[0] == "jobs" for m, _ in imports(path))}
    assert users == {"views/admin/jobs.py", "views/admin/overview.py", "views/base/cron.py", "views/factory.py"}


EVERYWHERE = {
    "domain/operations/moving/addresses.py": 1,  # an event's address is one of the whole site
    "domain/flyers/campaign_pages.py": 2,  # a campaign's page is found by its address alone, and so is a design
    "domain/flyers/flyers.py": 2,  # so is a flyer's, and their ends are told for all alike
    "jobs/__init__.py": 1,  # a job is due whoever's work it is
    "domain/automations/clocks.py": 1,  # clocks of all organizations strike
    "domain/automations/running.py": 1,  # what is due of all is done
    "domain/automations/runs.py": 1,  # old runs go for all alike
    "domain/automations/webhooks/deliveries.py": 2,  # messages of all are delivered, and old ones go
    "domain/automations/webhooks/endpoints.py": 1,  # secrets of all are sealed anew
    "domain/flyers/hub.py": 1,  # one page shows campaigns of all
    "domain/flyers/reported.py": 3,  # what is reported names no organization
    "domain/records/kind_changes.py": 1,
    "domain/records/public/links.py": 1,  # an address of the public names no organization
    "domain/records/public/quarantine.py": 1,  # what is let go of goes for all alike
    "domain/records/public/reported.py": 2,  # what is reported names no organization
    "domain/charts/saved_charts.py": 1,  # removed ones end for all alike
    "domain/lists/trash.py": 1,  # it is emptied for all alike
    "domain/lists/attachments.py": 2,  # pictures are drawn, and removed files go, for all alike
    "domain/operations/moving/personal_files.py": 1,  # what names a person may be anybody's
    "domain/operations/moving/findings.py": 2,  # what came once, and what may be once on a site, is anybody's
    "domain/operations/overview.py": 1,  # the platform's revenue is of all organizations
    "domain/operations/attention.py": 1,  # keys of all organizations that end soon
    "database/migrations/__init__.py": 2,  # a migration changes the rows of all
    "database/migrations/0006_normal_forms.py": 1,  # stored text gets its form, whoever's it is
    "domain/lists/lists.py": 1,  # the platform\'s lists show all organizations
    "domain/base/changes.py": 3,  # old history goes for all alike; one look serves all open pages
    "domain/entitlements/plans.py": 2,  # how many organizations a change of a plan would touch
    "domain/entitlements/grants.py": 2,  # a changed plan reaches all of its subscribers; what was given ends for all
    "domain/people/accounts.py": 1,  # whoever deletes the account leaves every organization
    "domain/money/owners.py": 1,  # an event names its organization only inside
    "domain/money/placements.py": 1,  # an admin moves a subscription to another organization
    "domain/money/billing.py": 2,  # one trial for each person; which of two subscriptions is ended
    "domain/money/dunning.py": 1,  # letters about open payments go out for all
    "domain/money/replays.py": 1,  # staff looks into an event
    "domain/money/reconciliations.py": 1,  # everything that runs is compared with the provider
    "domain/money/comparisons.py": 4,  # what our rows say of what the provider says
    "domain/money/silences.py": 2,  # renewals that didn't come are asked for
    "domain/money/subscriptions.py": 7,  # staff sees all subscriptions
    "domain/events/door/devices.py": 2,  # an event's door is found by its address alone, and doors of several
    "domain/events/codes.py": 2,  # private keys of all are encrypted anew
    "domain/imports/imports.py": 1,  # old ones go for all alike
    "domain/imports/kept_files.py": 1,  # a file may be needed by several
    "domain/events/referring/referrals.py": 1,  # conditions made at import: what they are asked of is in scope
    "domain/events/reported.py": 1,  # what is reported names no organization
    "domain/flyers/funnel.py": 3,  # a beacon names no organization, and acts of all are written together
    "domain/flyers/trending.py": 3,  # the hub shows campaigns of all
    "domain/moderation/reports.py": 1,  # what is hidden is hidden from all who come by
    "domain/moderation/desk.py": 2,  # the platform's staff decides about all
    "domain/tasks/tasks.py": 1,  # reminders go out for all
    "domain/organizations/invitations.py": 3,  # a link or an address names no organization; they lapse for all alike
    "domain/entitlements/credits.py": 2,  # the month begins for all; holds and buckets end for all
    "domain/organizations/invitation_links.py": 1,  # a link names no organization
    "domain/organizations/api_keys.py": 2,  # a key names no organization; they end for all alike
    "domain/organizations/api_answers.py": 1,  # old ones go for all alike
    "domain/organizations/transfers.py": 1,  # offers lapse for all alike
    "domain/records/computed/dependents.py": 1,  # what is to be worked out anew is worked off for all
    "domain/flyers/keeping.py": 6,  # flyers end for all alike
    "domain/flyers/lane.py": 1,  # and are drawn for all
    "domain/flyers/batches/batches.py": 1,  # batches that nobody began go for all alike
    "domain/flyers/batches/drawing.py": 1,  # batches wait for visitors of all
    "domain/flyers/organizing/campaigns.py": 2,  # a campaign's address is the only one of its kind; one clock for all
    "domain/events/events.py": 2,  # an address of an event names no organization, and is the only one of its kind
    "domain/events/holds.py": 2,  # neither does an order's; holds lapse for all alike
    "domain/events/books/sent_on.py": 1,  # the staff sees what is owed to all
    "domain/events/line/calls.py": 2,  # lines are called for all alike
    "domain/events/line/polls.py": 3,  # a place's address names no organization; polls serve all
    "domain/events/orders.py": 2,  # cancelled events are worked off for all; what somebody bought is of many
    "domain/events/passes.py": 1,  # nor a pass's
    "domain/events/afterwards/reminders.py": 1,  # and of events that begin soon
    "domain/events/afterwards/sales_news.py": 1,  # what was sold is told of for all
    "domain/events/afterwards/moves.py": 1,  # moved events are told of for all
    "domain/events/afterwards/pass_transfers.py": 2,  # nor that of one that is offered; offers lapse for all alike
    "domain/events/providers/accounts.py": 3,  # the address of an account's webhooks names no organization; keys of all
    "domain/events/providers/attempts.py": 4,  # nor does an event; open payments of all are asked about
    "domain/events/books/payouts.py": 1,  # accounts of all organizations are asked what they paid out
    "domain/events/providers/refunding.py": 1,  # refunds that failed are tried again for all
    "domain/events/payments.py": 1,  # money that is owed back is looked after for all
}


def test_the_scope_is_left_only_where_it_is_listed_and_with_a_reason():
    found = {}
    for path in files("models", *ROOMS, "app"):
        for called, node in calls(path):
            if called == "everywhere":
                found[name(path)] = found.get(name(path), 0) + 1
                assert isinstance(node.args[0], ast.Constant), f"{name(path)}:{node.lineno} has no reason"
                assert len(node.args[0].value.split()) > 3, f"{name(path)}:{node.lineno} has no real reason"
    assert found == EVERYWHERE


WRITING = {"create", "insert", "update", "delete", "save", "insert_many", "delete_instance"}


def test_event_case_07_stock_has_one_writer():
    """Whoever else moved a figure would sell what isn't there."""
    wrong = [
        f"{name(path)}:{node.lineno}"
        for path in files("domain", "views", "jobs", "app")
        if name(path) != "domain/events/stock.py"
        for called, node in calls(path)
        if called in WRITING and getattr(getattr(node.func, "value", None), "id", "") in ("Stock", "StockMove")
    ]
    assert wrong == []
    assert [called for called, _ in calls(TOP / "domain/events/stock.py") if called == "update"], "it reads nothing"


ROWS_OF_TABLES = ("Record", "RecordKey", "RecordUnique", "RecordLink")
DOORS = {
    "domain/records/sight.py": "the door: what of one table one person may see",
    "domain/records/questions.py": "the door's questions",
    "domain/records/batches.py": "the door's rows by many",
    "domain/records/links.py": "what is seen of linked rows, by the rights of who looks",
    "domain/records/stored_rows.py": "a row as it was read; asks nothing",
    "domain/records/documents.py": "what stands beside a row that is written; reads no cell",
    "domain/records/kind_changes.py": "who builds sees all cells; its job shows them to nobody",
    "domain/records/hanging/doubles.py": "a builder's rule, and numbers of rows alone",
    "domain/records/rows/numbers.py": "the job that numbers rows shows them to nobody",
    "domain/records/rules.py": "the job that moves words shows them to nobody",
    "domain/records/computed/working.py": "what formulas give; who sees it is said by rights.py, field by field",
    "domain/records/computed/dependents.py": "what follows from a write is worked out and shown to nobody",
    "domain/records/rows/explanations.py": "who builds asks whether there is a row of this number",
    "domain/records/archives/leaving.py": "a builder's whole tables as a ZIP",
    "domain/records/archives/returning.py": "and back, into tables of their own",
    "domain/operations/moving/references.py": "rows that come from another site, in their organization; reads none",
    "domain/operations/moving/arrivals.py": "and puts them there; shows them to nobody",
    "domain/operations/moving/carried.py": "tells that keys beside them stay; reads none",
}


def reaches_rows(path):
    """What a file takes of the stored rows of people's tables: names of models, or of their tables."""
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module == "models":
            yield from (alias.name for alias in node.names if alias.name in (*ROWS_OF_TABLES, "*"))
        elif isinstance(node, ast.Attribute) and node.attr in ROWS_OF_TABLES:
            yield node.attr
        elif isinstance(node, ast.Constant) and node.value in ("record_key", "record_unique", "record_link"):
            yield node.value


def test_a_sight_is_the_only_door_to_the_rows_of_peoples_tables(tmp_path):
    """Whoever asked them past it would show what somebody may not see; each exception shows rows to who builds alone."""
    found = {name(path) for path in files("domain", "views", "jobs", "app") if any(reaches_rows(path))}
    assert found == set(DOORS)
    bad = tmp_path / "bad.py"
    bad.write_text("from models import Record\nimport models\nmodels.RecordKey\n'record_link'\n")
    assert set(reaches_rows(bad)) == {"Record", "RecordKey", "record_link"}


def pauses(path):
    """Lines on which a generator yields while it stands inside an organization, or everywhere."""
    for function in nodes(path):
        if isinstance(function, ast.FunctionDef) and not any(
            "contextmanager" in ast.dump(d) for d in function.decorator_list
        ):
            for block in ast.walk(function):
                entered = {ast.unparse(one.context_expr).partition("(")[0] for one in getattr(block, "items", ())}
                if isinstance(block, ast.With) and entered & {"inside", "everywhere", "standing", "_scope"}:
                    yield from (node.lineno for node in ast.walk(block) if isinstance(node, ast.Yield | ast.YieldFrom))


def test_nobody_pauses_within_a_scope(tmp_path):
    """Whoever stops asking such a generator leaves the thread inside, and the next request with it."""
    assert [f"{name(path)}:{line}" for path in files("models", *ROOMS, "app") for line in pauses(path)] == []
    bad = tmp_path / "bad.py"
    bad.write_text("def rows():\n    with inside(acme):\n        yield 1\n")
    assert list(pauses(bad)) == [3]


def test_nobody_reaches_round_the_scope():
    """`_scope`, `_standing` and EVERYWHERE are the seam's own."""
    wrong = [
        f"{name(path)}:{node.lineno}"
        for path in files("models", "domain", "views", "jobs", "app")
        for node in nodes(path)
        if (isinstance(node, ast.Attribute) and node.attr in ("_scope", "_standing", "EVERYWHERE"))
        or (isinstance(node, ast.alias) and node.name in ("_scope", "_standing", "EVERYWHERE"))
    ]
    assert wrong == []


RAW = {
    "domain/operations/copies/dumps.py": "tables and databases by their own names",
    "database/columns.py": "the id columns, partial indexes",
    "database/compiled.py": "queries built once",
    "database/connections.py": "the search, the scope told to PostgreSQL",
    "database/opening.py": "SQLite looks through its file",
    "database/moving/copying.py": "PostgreSQL's tables by their own names",
    "database/statements.py": "plain statements built once",
    "database/tables.py": "the one of count(1) and select 1",
    "database/scope.py": "the plus before the organization",
    "database/locks.py": "advisory locks",
    "domain/base/audit.py": "a free chain of the log, and its end",
    "domain/lists/lists.py": "the limit as a slot, and count(*)",
    "domain/lists/totals.py": "count(*)",
    "domain/records/questions.py": "the limit as a slot, count(*), and the plus before a column",
}


def test_there_is_no_raw_sql_but_where_it_is_listed():
    found = set()
    for path in [p for p in files("models", *ROOMS, "app") if "migrations" not in p.parts]:
        for called, node in calls(path):
            if called in ("execute_sql", "SQL", "raw", "executescript", "RawQuery"):
                found.add(name(path))
                text = node.args[0] if node.args else None
                built = isinstance(text, ast.JoinedStr) or (
                    isinstance(text, ast.BinOp) and isinstance(text.op, ast.Add | ast.Mod)
                )
                assert not built, f"{name(path)}:{node.lineno} puts SQL together from parts"
    assert found == set(RAW)


BROAD = {
    "domain/automations/clocks.py": 1,  # a clock that fails is put off, and the others strike
    "domain/automations/running.py": 1,  # so is a run
    "domain/automations/webhooks/deliveries.py": 1,  # whatever a stranger's server does is a try that failed
    "domain/flyers/funnel.py": 1,  # what wasn't written is logged, and the thread goes on
    "domain/money/trials.py": 1,  # what an event caused is recorded on it
    "domain/base/outgoing.py": 1,  # so is what a letter caused
    "domain/events/payments.py": 1,  # one order that fails is logged, and the others looked after
    "domain/flyers/lane.py": 1,  # so is a flyer that can't be drawn
    "domain/flyers/batches/drawing.py": 1,  # and a row of a batch
    "domain/events/providers/refunding.py": 1,  # so is one refund
    "domain/events/books/payouts.py": 1,  # and one account that can't be read
    "domain/events/providers/attempts.py": 1,  # and one that is asked about
    "database/transactions.py": 6,
    "database/waking/wakes.py": 1,  # the writer hands each failure to whoever waits for it, and tries alone what failed together
    "domain/records/archives/returning.py": 2,  # whatever a stranger's ZIP goes wrong with, it is refused and put away
    "domain/operations/attention.py": 1,  # a check that fails is a line of what it was asked for
    "domain/records/computed/dependents.py": 1,  # a mark that fails goes behind the others, and raises on
    "database/waking/listening.py": 1,  # it is logged, and listened again
    "jobs/running.py": 2,  # a job's failure is its record
    "views/errors.py": 1,  # the page about a failure must not fail
    "views/money/webhooks.py": 1,  # the route raises it, where errors are answered
    "views/base/health.py": 1,  # whatever it is, the answer is «not well»
    "views/live.py": 1,  # a failed look is logged, and looked again
    "views/polls.py": 2,  # so is a line that didn’t go on, or wasn’t read
}


def test_everything_is_caught_only_where_it_is_listed():
    found = {}
    for path in files("models", *ROOMS, "app"):
        for node in nodes(path):
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{name(path)}:{node.lineno} is a bare except"
                caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
                if {getattr(c, "id", "") for c in caught} & {"Exception", "BaseException"}:
                    found[name(path)] = found.get(name(path), 0) + 1
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "suppress":
                assert not {getattr(a, "id", "") for a in node.args} & {"Exception", "BaseException"}, name(path)
    assert found == BROAD


def test_modules_are_named_for_the_business():
    vague = {
        "utils",
        "util",
        "helpers",
        "helper",
        "services",
        "service",
        "managers",
        "manager",
        "common",
        "misc",
        "core",
    }
    everything = [p for p in files("models", *ROOMS, "app", "tests", "bench") if "var" not in p.parts]
    assert [name(p) for p in everything if {p.stem, *p.relative_to(TOP).parts[:-1]} & vague] == []
    assert not (TOP / "models").exists(), "a folder models/ would shadow models.py"


def test_every_public_function_of_the_domain_says_what_it_does():
    """What a module offers has a docstring; the few words of an interface that are all in its name don't need one."""
    silent = []
    for path in files("domain"):
        module = tree(path)
        if not module.body:
            continue
        if not ast.get_docstring(module) and "fields" not in path.parts:
            silent.append(name(path))
        for node in module.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{name(path)}: {node.name}")
    assert sorted(silent) == sorted(SELF_EXPLAINING)


SELF_EXPLAINING = {
    "domain/people/accounts.py: by_email",
    "domain/base/configuration.py: use",
    "domain/operations/demo.py: is_furnished",
    "domain/base/mail.py: outbox",
    "domain/base/roles.py: label",
}


def test_only_the_seam_opens_transactions():
    wrong = [
        f"{name(path)}:{node.lineno}"
        for path in files("domain", "views", "jobs", "app")
        for called, node in calls(path)
        if called in ("atomic", "transaction", "savepoint", "begin_immediate", "commit", "rollback")
    ]
    assert wrong == []


DOMAIN = {path.stem for path in files("domain")}


def test_views_write_no_rows():
    """Views ask the domain; only health writes, to see whether one can."""
    wrong = [
        f"{name(path)}:{node.lineno} {called}"
        for path in files("views")
        if path.name != "health.py"
        for called, node in calls(path)
        if called in ("save", "delete_instance", "insert", "execute", "create_table", "writes", "delete")
        and getattr(getattr(node.func, "value", None), "id", "") not in DOMAIN  # `organizations.delete(by=…)` asks
    ]
    assert wrong == []


def test_no_view_changes_a_refusal_that_it_caught():
    wrong = [
        f"{name(path)}:{node.lineno}"
        for path in files("views")
        for node in nodes(path)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and getattr(target.value, "id", "") in ("refusal", "error")
    ]
    assert wrong == []


def test_templates_and_the_domain_ask_the_one_clock():
    wrong = []
    for path in files("domain", "views", "jobs"):
        for called, node in calls(path):
            if called in ("utcnow", "today") or (
                called == "now"
                and isinstance(node.func, ast.Attribute)
                and getattr(node.func.value, "id", "") == "datetime"
            ):
                wrong.append(f"{name(path)}:{node.lineno}")
    assert wrong == []


# --- every file has its tests ----------------------------------------------------------------------------------

UNTESTED_BY_NAME = {
    "domain/lists/asks.py",  # test_lists
    "domain/base/flags/rollouts.py",  # test_flags
    "domain/lists/tables.py",  # test_rows, which asks rows.py
    "domain/events/providers/facts.py",  # test_payments
    "domain/events/afterwards/order_money.py",  # test_returns
    *(f"domain/events/rehearsals/{part}.py" for part in ("crowd", "report", "stage")),  # test_rehearsals
    "domain/records/shape_changes.py",  # test_field_changes
    *(
        f"domain/records/{one}.py" for one in ("documents", "listings", "questions", "rights", "shapes", "stored_rows")
    ),  # test_sight
    "domain/entitlements/credit_ledger.py",  # test_credits
    *(
        f"domain/imports/{part}.py" for part in ("doing", "kept_files", "mappings", "targets", "verdicts")
    ),  # test_imports
    "domain/operations/alert_desk.py",  # test_alerts_views
    "domain/operations/copies/backup_desk.py",  # test_backups_views
    "domain/operations/news/news_desk.py",  # test_news_views
    "domain/people/admin_desk.py",  # test_admins_views
    "domain/money/silences.py",  # test_reconciliations
    "domain/money/findings.py",  # test_reconciliations_views
    "domain/fields/derived.py",  # seen in the ledger
    "domain/money/providers/provider.py",  # test_providers
    *(f"domain/money/providers/sandbox/{part}.py" for part in ("selling", "invoicing", "subscribing")),  # test_engine
    "domain/backers/backer_desk.py",  # test_backers
    *(f"domain/lists/{part}.py" for part in ("listing", "columns", "searches")),  # test_lists
    *(
        f"domain/fields/{k}.py"
        for k in (
            "kinds",
            "forms",
            "code",
            "day",
            "link",
            "record",
            "choice",
            "moment",
            "number",
            "person",
            "switch",
            "text",
        )
    ),  # test_fields
    *(f"domain/fields/records/{k}.py" for k in ("amount", "duration", "exact", "many_options", "operators", "people")),
    *(f"domain/fields/records/{k}.py" for k in ("percent", "phone", "rating", "url", "yes_no")),  # test_kinds_of_tables
    *(f"domain/fields/formulas/{part}.py" for part in ("functions", "linked_rows", "names", "types")),  # test_meaning
    *(f"domain/records/computed/{part}.py" for part in ("scopes", "working")),  # test_formulas, test_dependents
    *(f"domain/base/{part}.py" for part in ("configuration", "variables")),  # tests/test_config.py
    "domain/operations/festival.py",  # the same
    "domain/operations/flyer_samples.py",  # test_festival
    *(f"domain/lists/programs/{part}.py" for part in ("asking", "batches", "changes")),  # tests/views/api
    *(f"domain/lists/programs/{part}.py" for part in ("offered", "reading", "uniques", "writing")),  # the same
    *(f"domain/records/programs/{part}.py" for part in ("changes", "old_names", "pins")),  # the same
    "domain/events/door/programs.py",  # the same
    *(f"domain/automations/{part}.py" for part in ("noting", "steps", "texts", "runs")),  # test_running
    *(f"domain/automations/{part}.py" for part in ("bodies", "trials")),  # test_automations
    *(f"domain/automations/webhooks/{part}.py" for part in ("endpoints", "deliveries")),  # test_messages
    "domain/operations/demo.py",  # made by `make demo`; the browser tests walk through it
}


PROVIDERS = ("domain/money/providers/__init__.py", "domain/money/providers/sandbox/__init__.py")
ADAPTERS = ("lemon_squeezy", "polar", "stripe")  # a package with one test for its parts: they are asked through it


def test_every_domain_file_has_its_tests():
    wanted = {}
    for path in files("domain"):
        if name(path) in UNTESTED_BY_NAME or (path.name == "__init__.py" and name(path) not in PROVIDERS):
            continue
        whole = path.name == "__init__.py" or path.parent.name in ADAPTERS
        stem = path.parent.name if whole else path.stem
        wanted[name(path)] = f"test_{stem}"
    have = {f.stem for f in (TOP / "tests" / "domain").rglob("test_*.py")}
    assert {path: test for path, test in wanted.items() if test not in have} == {}


VIEWS_ELSEWHERE = {
    "cookies",  # test_house
    "factory",  # every page
    "gathering",  # test_worker_views
    *("bearers", "headers", "limits", "lookers", "marks", "origin", "requests"),  # test_safety_views
    "entrance",  # the ways in
    "routes",
    "many",
    "place",
    "board",
    "filtering",
    "drawing",
    "workbook",
    "pages",
    "errors",
    "access",
    "assets",
    "held",
    "tasks",
    *("edge", "operations", "problems", "rest"),  # test_mobile_views
    *("openapi", "python", "schemas", "tables", "typescript"),  # test_documents_views
}  # seen through every page; test_access; lists


def test_every_view_file_has_its_tests():
    have = {f.stem for f in (TOP / "tests" / "views").rglob("test_*.py")}
    views = {p.stem for p in files("views")} - VIEWS_ELSEWHERE - {"__init__"}
    assert {v for v in views if f"test_{v}_views" not in have} == set()


# --- addresses ---------------------------------------------------------------------------------------------------

# Reserved for rooms that don't stand yet.
PLANNED = """
    backers dp events new
"""
OTHERS = {
    "live",
    "guildhall",
    "www",
    "billing",
    "home",
    "help",
    "security",
    "sitemap",
    "support",
}  # no route begins so, but they would mislead


def test_the_first_words_of_our_addresses_are_reserved():
    first = {rule.split("/")[1] for _, rule, *_ in ROUTES} - {""}
    ours = {word for word in first if not word.startswith("<")}
    assert ours - organizations.RESERVED == set()
    assert organizations.RESERVED - ours - set(PLANNED.split()) - OTHERS == set()
    assert set(PLANNED.split()) & ours == set()


@pytest.mark.parametrize(
    ("start", "reserved"),
    [
        ("/<organization>/records/", collections.BESIDE),
        ("/<organization>/workspaces/", workspaces.BESIDE),
        ("/flyers/", campaigns.BESIDE),
        ("/e/", set()),
        ("/blog/", set()),
        ("/legal/", set()),
    ],
)
def test_what_people_name_has_an_address_where_no_page_of_ours_stands(start, reserved):
    beside = {rule.removeprefix(start).partition("/")[0] for _, rule, *_ in ROUTES if rule.startswith(start)}
    assert {word for word in beside if re.fullmatch("[a-z0-9-]+", word)} == reserved


def test_paths_are_nouns_in_lower_case():
    for _, rule, *_ in ROUTES:
        if not rule.startswith("/static"):
            bare = re.sub(r"<[^>]+>", "x", rule)
            assert re.fullmatch(r"/|(/[a-z0-9.-]+)+", bare), rule


CODES = """
    UNAUTHENTICATED SESSION_REPLACED EMAIL_NOT_VERIFIED FORBIDDEN CAPABILITY_REQUIRED ORGANIZATION_SUSPENDED
    MEMBER_LIMIT_EXCEEDED LAST_OWNER NOT_FOUND INVALID_INPUT CONFLICT INVALID_TRANSITION RATE_LIMITED
    SECOND_FACTOR_REQUIRED SENSITIVE_VERIFICATION_REQUIRED STEP_UP_EXPIRED NOT_CONFIGURED INSUFFICIENT_CREDITS SOLD_OUT HOLD_EXPIRED
    PASS_ALREADY_USED PASS_VOID PASS_WRONG_EVENT BACKER_INVALID BACKER_ALREADY_USED BACKER_CLAIM_EXPIRED
    BACKER_CLAIM_MISMATCH PRICE_AMBIGUOUS PERSONAL_MODE_DISABLED INTERNAL
    BUSY UNAVAILABLE PROVIDER_FAILED
    HAS_SUBSCRIPTION NOT_SUPPORTED PREVIEW_OLD PRECONDITION_FAILED PRECONDITION_REQUIRED IDEMPOTENCY_KEY_REUSED CHANGES_GONE SHAPE_CHANGED LINKED_ELSEWHERE
"""
NOT_CODES = "CERT_REQUIRED CANCELLED CONFIRMED CONTENT_LENGTH PATH_INFO QUERY_STRING REQUEST_METHOD HTTP_HOST HTTP_COOKIE HTTP_ACCEPT_ENCODING HTTP_HX_REQUEST NFKD NFKC CASCADE RESTRICT MAX_CONTENT_LENGTH MAX_FORM_MEMORY_SIZE STRIPE_ AUTH_ POST HEAD OPTIONS DENY COMMIT ROLLBACK PRO_MONTHLY PRO_YEARLY PRO_LIFETIME PATCH DELETE SAID STEPS JPEG RGBA WEBP ACTIVE INACTIVE UNDER_REVIEW QR_CODE APPLE_PASS GOOGLE_WALLET"


def test_error_codes_are_the_ones_that_are_listed():
    found = set()
    for path in files("domain", "views"):
        for node in nodes(path):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[A-Z][A-Z_]{3,}", node.value)
            ):
                found.add(node.value)
    environment = {variable.name for variable in VARIABLES}
    unknown = found - set(CODES.split()) - set(NOT_CODES.split()) - environment
    assert unknown == set()
    assert {"NOT_FOUND", "FORBIDDEN", "INVALID_INPUT", "RATE_LIMITED", "INTERNAL"} <= found


# --- templates ------------------------------------------------------------------------------------------------------

PAGES = sorted((TOP / "templates").rglob("*.html"))
SAFE = {}  # template → how often; nothing is, today
ROUND = {}  # template → addresses that no route answers, and why they may stand


def texts():
    for path in PAGES:
        yield (
            path.relative_to(TOP / "templates").as_posix(),
            re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.S),
        )


def _outside_of_blocks(node, kind):
    for child in node.iter_child_nodes():
        if isinstance(child, kind):
            yield child
        if not isinstance(child, Block):
            yield from _outside_of_blocks(child, kind)


def test_a_block_uses_nothing_that_was_set_in_the_block_around_it():
    """It isn't there, and an address that begins with it leads nowhere."""
    wrong = []
    for path in PAGES:
        page = application().jinja_env.parse(path.read_text("utf-8"))
        for outer in page.find_all(Block):
            given = {name.name for name in _outside_of_blocks(outer, Name) if name.ctx == "store"}
            for inner in outer.find_all(Block):
                names = list(_outside_of_blocks(inner, Name))
                own = {name.name for name in names if name.ctx == "store"}
                missed = {name.name for name in names if name.ctx == "load"} & (given - own)
                wrong += [(path.name, inner.name, name) for name in missed if not inner.scoped]
    assert wrong == []


def test_templates_hold_no_script_and_no_style():
    wrong = []
    for template, text in texts():
        for found in re.finditer(
            r"<script(?![^>]*\bsrc=)[^>]*>|<style\b|\sstyle=|\son[a-z]+=|javascript:|\bhx-on\b|hx-vals=['\"]js:", text
        ):
            if found[0] == '<script type="application/ld+json">' and "{{ structured | tojson }}</script>" in text:
                continue  # data, which no browser runs; `tojson` leaves nothing in it that ends it
            if template != "ui.html" or "<script" in found[0] or "<style" in found[0]:
                wrong.append((template, found[0].strip()))
    assert wrong == []


def test_what_is_said_to_be_safe_is_listed():
    found = {}
    for template, text in texts():
        if count := len(re.findall(r"\|\s*safe\b|autoescape\s+false|Markup\(", text)):
            found[template] = count
    assert found == SAFE
    marked = [
        name(p) for p in files("domain", "views", "app") if re.search(r"\bMarkup\(|autoescape=False", p.read_text())
    ]
    # Articles and comments, sanitized; an element around words that are escaped; rows that were rendered with escaping,
    # kept and put together; the newsletter's preview, sanitized.
    shown = [
        *("views/content/articles.py", "views/directions.py", "views/lists/drawing.py", "views/lists/row_page.py"),
        "views/operations/news.py",
    ]
    assert marked == [*shown, "views/records/public.py"]  # what a public form says, sanitized


def _addresses(text):
    """Addresses of this site that a template links to, with every {{…}} as a sample."""
    for found in re.finditer(r"""\b(?:href|action|hx-(?:get|post)|hx_(?:get|post))\s*=\s*(["'])(.*?)\1""", text, re.S):
        address = re.sub(r"\{%.*?%\}", "", re.sub(r"\{\{.*?\}\}", "7", found[2]), flags=re.S)
        if address.startswith("/") and "{{" not in address:
            yield address
    # ui.link_button("Label", "/admin/jobs", …) and the like
    for found in re.finditer(r"""\bui\.\w+\([^)]*?(?<!~ )["'](/[\w/.-]*)["']\s*(~?)""", text):
        if not found[2]:
            yield found[1]


def test_no_template_leads_nowhere(house, request):
    database.close_all()
    web = request.getfixturevalue("web")
    adapter = web.url_map.bind("localhost")
    nowhere = []
    for template, text in texts():
        for address in _addresses(text):
            path = re.split(r"[?#]", address)[0]
            if path in ROUND.get(template, ()):
                continue
            if not any(_leads(adapter, path, method) for method in ("GET", "POST")):
                nowhere.append((template, address))
    assert nowhere == []


def _leads(adapter, path, method):
    from werkzeug.exceptions import HTTPException

    for sample in (path, path.replace("7", "acme", 1), path.replace("/7/", "/acme/", 1)):
        try:
            _endpoint, found = adapter.match(sample, method=method)
        except HTTPException:
            continue
        # «/pricing» would be an organization by that name: what is reserved is none.
        if found.get("organization") not in organizations.RESERVED:
            return True
    return False


def test_forms_that_change_something_are_posts():
    for template, text in texts():
        for found in re.finditer(r"<form\b[^>]*>", text):
            method = re.search(r'method="(\w+)"', found[0])
            assert method, (template, found[0])
            assert method[1] in ("post", "get", "dialog"), (template, found[0])


def test_every_block_with_an_id_bears_the_name_of_that_id():
    """`<ul id="task_list">` sits in `{% block task_list %}`, or a fragment could not be asked for by its target."""
    wrong = []
    for template, text in texts():
        for found in re.finditer(r'\{%-?\s*block (\w+_\w+)\s*-?%\}(?:\s|\{%.*?%\})*<\w+[^>]*?\bid="([\w{} .]+)"', text):
            if found[1] != found[2] and found[1] not in (
                "body_attributes",
                "outside_links",
                "foot_links",
                "page_class",
            ):
                wrong.append((template, found[1], found[2]))
    assert wrong == []


# --- the environment, the readme ---------------------------------------------


def test_the_written_pages_say_what_can_be_set():
    """Written anew by `python -m tests.configuration_pages`."""
    assert configuration_pages.EXAMPLE.read_text("utf-8") == configuration_pages.example()
    assert configuration_pages.table() in configuration_pages.PAGE.read_text("utf-8")
    assert len(configuration_pages.table().splitlines()) > 50


def test_the_environment_is_read_in_one_place():
    read = {
        name(path)
        for path in files("models", *ROOMS, "app")
        for node in nodes(path)
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ("environ", "getenv")
            and getattr(node.value, "id", "") == "os"
        )
    }
    assert read == {"domain/base/configuration.py"}


def test_a_title_belongs_to_one_story():
    """The stories of a browser share a house: one that waits for a task to go must not see another's."""
    made = re.compile(r"""new_task\(\w+, ['"]([^'"]+)|get_by_label\("Title"\)\.fill\("([^"]+)"\)""")
    told = [
        title
        for path in (TOP / "tests/browser").glob("*.py")
        for title in {a or b for a, b in made.findall(path.read_text("utf-8"))}
    ]
    assert len(told) > 20
    assert sorted(title for title, times in Counter(told).items() if times > 1) == []


def test_the_readme_says_how_to_run_and_test_it():
    text = (TOP / "README.md").read_text("utf-8")
    assert "make run" in text
    assert "make test" in text


def test_the_rules_can_fail(tmp_path):
    """A rule that reads nothing would hold for ever."""
    assert len(files("domain")) > 20
    assert len(PAGES) > 20
    bad = tmp_path / "bad.py"
    bad.write_text("import views.pages\nfrom flask import g\ntry:\n    everywhere('x')\nexcept:\n    pass\n")
    assert {m for m, _ in imports(bad)} == {"views.pages", "flask", "flask.g"}
    assert [c for c, _ in calls(bad)] == ["everywhere"]
    assert list(_addresses('<a href="/x/{{ y }}/z?q={{ 1 }}"> ui.link_button("L", "/admin/jobs")')) == [
        "/x/7/z?q=7",
        "/admin/jobs",
    ]
