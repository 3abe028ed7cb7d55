"""The cast, the clock and a house of one's own for every test, on SQLite or (`--on postgres`) PostgreSQL."""

import functools
import gc
import importlib
import os
import shutil
import tempfile
import types
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import pytest
from argon2 import PasswordHasher

import jobs
import models
from database import clock as clocks
from database import locks, transactions
from database.clock import now, set_clock
from database.scope import inside
from database.waking import wakes
from domain.base import audit, configuration, stepup
from domain.base.allowances import limiter
from domain.base.configuration import Configuration
from domain.base.letters import resend
from domain.entitlements import plans
from domain.events.line import forecasts
from domain.money import inbox, providers
from domain.money.providers import sandbox
from domain.organizations import organizations
from domain.people import accounts, passwords, sessions
from tests.fixtures.covering import Noting, covering
from tests.fixtures.houses import opened
from tests.fixtures.threads import write
from tests.peers import resend as resend_peer
from views import kept_pages
from views.factory import create_app

ONCE = ('scope="module"', "mark.one_worker")  # a file that says one of these
MEMORY, ROOM = Path("/dev/shm"), 4 << 30  # houses stand where no disk makes them wait, if there is room
PASSWORD = "Correct horse 1!"
CAST = ("alice", "bob", "vera", "dora", "charlie", "stella")


def pytest_addoption(parser):
    parser.addoption("--on", choices=("sqlite", "postgres"), default="sqlite", help="which database to run on")
    engines = ("chromium", "firefox", "webkit")
    said = (
        "on SQLite: a file for what each test says to the database; on PostgreSQL: the fewest tests that say it again"
    )
    parser.addoption("--statements", metavar="FILE", help=said)
    parser.addoption("--engine", choices=engines, default="chromium", help="which browser the stories are told in")


def pytest_configure(config):
    gc.disable()  # until all is loaded
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)
    if (path := config.getoption("--statements")) and config.getoption("--on") == "sqlite":
        config.pluginmanager.register(Noting(config, path))


def pytest_sessionstart(session):
    """Each worker begins with a share of the files of its own: in a fresh clone each of them would compile them all."""
    if told := getattr(session.config, "workerinput", None):
        root = session.config.rootpath
        files = sorted(path for asked in session.config.args for path in (root / asked).glob("**/test_*.py"))
        for path in files[int(told["workerid"].removeprefix("gw")) :: told["workercount"]]:
            if not pytest_ignore_collect(path, session.config):
                importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """What a file makes once, one worker makes. xdist's own groups would say so by a name that pytest has given up."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            name = nodeid.partition("::")[0]
            return name if _makes_once(config.rootpath / name) else nodeid

    return ByFile(config, log)


@functools.cache
def _makes_once(path):
    places = (path, path.with_name("conftest.py"))
    return any(words in place.read_text() for place in places if place.exists() for words in ONCE)


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--on") == "postgres" and "browser" in collection_path.parts:
        return True
    return None


def pytest_collection_modifyitems(config, items):
    """What asks for no house touches no database of the test's, so it runs once: on SQLite. So does what is decided
    before any SQL that could differ, and is marked so. What only one database has is asked of that one alone, by the
    fixture of its name: a skip says that something could not be tried here, and nothing else. What is long begins
    first, or one worker is at it when the others have done all."""
    on = config.getoption("--on")
    here = [i for i in items if on in i.fixturenames or not {"sqlite", "postgres"} & set(i.fixturenames)]
    if on == "postgres":
        here = [i for i in here if "houses" in i.fixturenames and not i.get_closest_marker("above_sql")]
        if path := config.getoption("--statements"):
            here = covering(here, path)
    config.hook.pytest_deselected(items=list(set(items) - set(here)))
    items[:] = sorted(here, key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish(session):
    """What is loaded by now stays: looking through it for rings took a tenth of the time."""
    gc.enable()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_terminal_summary(terminalreporter):
    """Stories told twice, since a failure is one though its second telling passed. And the ten slowest files, where
    there are more: the suite is a budget, this says who spends it."""
    if twice := terminalreporter.stats.get("rerun"):
        terminalreporter.section("told twice: mend the cause")
        for report in twice:
            terminalreporter.write_line(report.nodeid)
            terminalreporter.write_line(str(report.longrepr)[-2000:])
    seconds = Counter()
    for report in chain(*terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    if len(seconds) > 10:
        terminalreporter.section("slowest files")
        for name, spent in seconds.most_common(10):
            terminalreporter.write_line(f"{spent:6.1f} s  {name}")


@pytest.fixture(scope="session", autouse=True)
def _quick_hashes():
    """Hashes take long on purpose and tests make many: a test that looks at the slow ones asks for `slow_hashes`."""
    slow, passwords._hasher = passwords._hasher, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield slow
    passwords._hasher = slow


@pytest.fixture
def slow_hashes(_quick_hashes, monkeypatch):
    """Passwords and codes are hashed as in the product."""
    monkeypatch.setattr(passwords, "_hasher", _quick_hashes)
    monkeypatch.setattr(passwords, "_nobody", None)


@pytest.fixture(scope="session")
def password_hash():
    return passwords.hashed(PASSWORD)


@pytest.fixture
def sqlite():
    """What asks for this is about SQLite alone: its one writer, its files, its plans."""


@pytest.fixture
def postgres():
    """The same for PostgreSQL."""


@pytest.fixture(scope="session")
def houses(request, tmp_path_factory):
    """Migrated databases for the tests, of the kind that `--on` names."""
    with opened(tmp_path_factory.mktemp("houses"), request.config.getoption("--on")) as found:
        yield found


def chosen(folder, url):
    """How a test's house is configured."""
    return Configuration(
        env="test",
        data=folder,
        database_url=url,
        secret_key="k" * 40,
        site_url="http://localhost",
        billing_provider="sandbox",
        mail_from="hall@example.org",
    )


@pytest.fixture
def unhoused(tmp_path):
    """Configured as a house is, without a database: what asks for this alone runs once and not on both."""
    kept_pages.SECONDS = forecasts.SECONDS = 0  # a test sees what it has just done
    inbox.HELD_BACK = 0  # and nobody posts while it works that off
    limiter.enabled = False
    limiter.reset()
    stepup.present.set(None)  # a request of the test before left who asked, from where, and the clock they read
    audit.origin.set(None)
    clocks.read_in("UTC")
    sandbox.speak(sandbox.stripe)  # as in the product; tests of the other providers have it speak their words
    return configuration.use(chosen(tmp_path, ""))


@pytest.fixture
def house(request, houses, unhoused, tmp_path):
    """An open house; what a domain test stands in. It is empty, but for the cast where the test asks for it."""
    configuration.use(replace(configuration.active, database_url=houses.url(tmp_path)))
    houses.open(tmp_path, _cast_of() if "cast" in request.fixturenames else None)
    locks.be_strict()
    listeners = {topic: list(who) for topic, who in wakes._listeners.items()}
    yield tmp_path
    jobs.end()
    transactions.writer.stop()
    wakes._listeners = listeners
    set_clock(None)
    houses.leave()


@pytest.fixture
def cast(house, houses, password_hash):
    """alice owns Acme, bob is a member, vera only views, dora works the door, charlie owns another
    organization and must never see Acme, stella is platform staff."""
    usual = configuration.active == chosen(house, houses.url(house))
    word, untouched = _cast_of() if usual else None, houses.is_untouched()
    if untouched and word:
        if houses.word not in (None, word):  # opened with the cast of another moment, before the clock was held
            houses.reopen(house)
        houses.fill(house, word, lambda: _move_in(password_hash))
    elif untouched or houses.word is None:
        if houses.word:
            houses.reopen(house)
        _move_in(password_hash)
    else:
        assert word, "The cast moved in already: have it before what writes, or configure before you ask for a house."
    found = {user.email.partition("@")[0]: user for user in models.User.select()}
    founded = models.Organization.select().where(models.Organization.slug << ("acme", "globex"))
    return types.SimpleNamespace(**found, **{organization.slug: organization for organization in founded})


def _cast_of():
    """The name under which the cast is kept at the moment the clock stands at, or None."""
    return {None: "today", Clock.NOON: "at_noon"}.get(held_moment())


def held_moment():
    """When the clock stands, if it does."""
    return getattr(clocks._clock, "moment", None)


def _move_in(password_hash):
    people = types.SimpleNamespace()
    for name in CAST:
        setattr(people, name, accounts.create(f"{name}@example.org", name.capitalize(), password_hash))
    acme = organizations.create("Acme", by=people.alice)
    organizations.create("Globex", by=people.charlie)
    organizations.add_member(acme, people.bob, "member", by=people.alice)
    organizations.add_member(acme, people.vera, "viewer", by=people.alice)
    organizations.add_member(acme, people.dora, "member", by=people.alice)
    if configuration.active.billing_provider == "sandbox":  # the real one is not to be asked by a test
        write(models.PricingCatalog.create, last_synced_at=now(), **_on_sale())
    write(models.Admin.create, email=people.stella.email, email_norm=people.stella.email_norm)


def _on_sale():
    """What a sync of the sandbox would read: prices are known before the test begins."""
    provider = providers.active()
    kinds = {"products": provider.products(), "prices": provider.all_prices()}
    return {kind: [thing for page in pages for thing in page] for kind, pages in kinds.items()}


@pytest.fixture
def bare_free(monkeypatch, house):
    """A Free plan that includes nothing, as an admin may have edited it: what isn't free, stands out."""
    monkeypatch.setitem(plans.PLANS, "free", replace(plans.FREE, capabilities=()))
    plans.forget()
    yield
    plans.forget()


@pytest.fixture
def at(cast):
    """`at("bob")` is bob as a Member of Acme; `at("charlie", "globex")` of another organization."""

    def member(name, slug="acme"):
        return organizations.reach(getattr(cast, name), slug)

    return member


@pytest.fixture
def inside_acme(cast):
    with inside(cast.acme):
        yield cast.acme


class Clock:
    """Time stands until it is moved."""

    NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

    def __init__(self):
        self.moment = self.NOON

    def __call__(self):
        return self.moment

    def forward(self, **delta):
        self.moment += timedelta(**delta)
        return self.moment


@pytest.fixture
def clock():
    held = Clock()
    set_clock(held)
    yield held
    set_clock(None)


@functools.cache
def application():
    """The one application of this session; each test swaps the database under it."""
    present = configuration.active
    made = create_app(chosen(Path("nowhere"), ""))
    configuration.use(present)
    made.config["PROPAGATE_EXCEPTIONS"] = False  # refusals and errors are answered, as in production
    return made


@pytest.fixture
def web(house):
    """The application on this test's house, with its limits off unless a test turns them on."""
    made = application()
    configured, views = dict(made.config), dict(made.view_functions)
    made.extensions.pop("guildhall_identities", None)  # what issuers said of themselves
    yield made
    made.config.clear()
    made.config.update(configured)
    made.view_functions.clear()
    made.view_functions.update(views)


@pytest.fixture
def browse(web, cast):
    """`browse("bob")` is a browser that bob is signed in with; `browse(None)` a stranger's."""

    def client(name=None):
        made = web.test_client()
        if name:
            token = sessions.start(getattr(cast, name), ip="127.0.0.1", user_agent="Mozilla Chrome/1 Linux")
            signer = web.session_interface.get_signing_serializer(web)
            made.set_cookie(web.config["SESSION_COOKIE_NAME"], signer.dumps({"_user_id": token, "_fresh": True}))
        return made

    return client


HTMX = {"HX-Request": "true"}


@pytest.fixture
def hx():
    """Headers of an htmx request aimed at an element."""

    def headers(target=None, **more):
        return HTMX | ({"HX-Target": target} if target else {}) | more

    return headers


@pytest.fixture
def mailer(house, monkeypatch):
    """Resend on this machine, and the configuration that names it: what it took, and what it tells."""
    peer = resend_peer.Peer()
    monkeypatch.setattr(resend, "BASE", peer.address)
    monkeypatch.setattr(resend, "_free_at", 0.0)
    about = {"resend_api_key": resend_peer.KEY, "resend_webhook_secret": (resend_peer.SECRET,)}
    configuration.use(replace(configuration.active, **about))
    yield peer
    peer.end()


@pytest.fixture
def letters(house):
    """Send what is due and read the letters that came, oldest first: (to, subject, text)."""
    import email
    from email import policy

    from domain.base import mail

    def read():
        jobs.work_off()
        found = []
        for path in sorted(mail.outbox().glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
            found.append((message["to"], message["subject"], message.get_body(("plain",)).get_content()))
        return found

    return read


@pytest.fixture
def listed(cast):
    """`listed(listing, q="acme")` is what stella reads of one of the platform's lists."""
    from domain.lists import asks, lists
    from domain.people import admins

    def read(listing, **asked):
        return lists.read(listing, asks.understand(listing, asked), admins.staff(cast.stella)).rows

    return read
