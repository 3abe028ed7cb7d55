"""A whole site from SQLite to PostgreSQL."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from database import housekeeping, migrations, opening, transactions
from database.connections import database
from database.moving import copying, freezing
from database.scope import everywhere, inside
from domain.base import audit, configuration
from domain.operations import demo
from domain.operations.moving import moving
from models import TABLES, Organization, Setting, Task
from tests.fixtures import deaths
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("sqlite")
TOP = Path(__file__).parents[4]


def rows():
    """Every row of the open database, by its table, as Python reads them."""
    with everywhere("the test compares all that there is"):
        return {
            table.__name__: sorted(
                (row.__data__ for row in table.select()), key=lambda row: json.dumps(row, default=str)
            )
            for table in TABLES
        }


def opened(url):
    opening.open_again(url)
    return rows()


def home():
    return configuration.active.database_url


def test_operations_case_34_a_demo_arrives_row_by_row_and_goes_on(house, new):
    demo.furnish()
    with inside(Organization.get(Organization.slug == "acme-festival")) as _:
        last = write(lambda: Task.create(user=1, title="Gone"))
        write(last.delete_instance)
    write(lambda: Setting.create(key="odd", value={"b": 1e2, "a": [1.5, "Ł\u2028", True, None], "big": 2**60}))
    before, said = rows(), []
    report = moving.move(new, say=said.append)
    assert report.findings == []
    assert report.rows == sum(map(len, before.values()))
    assert "are the same" in said[-2]
    assert freezing.mark_of(house / "guildhall.db").exists()
    assert opened(new) == before
    # The guards stand: row security binds the role, and a changed row is known as changed.
    with psycopg.connect(new) as asked:
        assert asked.execute("SELECT count(*) FROM task").fetchone() == (0,)
        assert asked.execute("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'").fetchone() == (0,)
        assert asked.execute(
            "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
        ).fetchone() == (0,)
        assert asked.execute("SELECT to_regclass('move_progress')").fetchone() == (None,)
        ours = "relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'schema_migration'"
        assert asked.execute(f"SELECT relname FROM pg_class WHERE reltuples < 0 AND {ours}").fetchall() == []
    # The next row has a number that was never given, and people are found by parts of their names.
    with inside(Organization.get(Organization.slug == "acme-festival")):
        assert write(lambda: Task.create(user=1, title="Next")).id == last.id + 1
    with psycopg.connect(new) as asked:
        assert asked.execute('SELECT count(*) FROM "user" WHERE parts IS NULL').fetchone() == (0,)
    assert write(lambda: audit.record("settings.updated", "The first event there")) is None
    assert audit.verify().is_whole


def test_while_it_moves_pages_are_read_and_writes_told_to_wait(cast, browse):
    client = browse("alice")
    freezing.freeze(configuration.active.data / "guildhall.db")
    assert client.get("/acme/tasks").status_code == 200
    assert client.get("/health").status_code == 200
    answer = client.post("/acme/tasks", data={"title": "Late"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "moving to another database" in answer.text
    assert moving.let_go()
    assert client.post("/acme/tasks", data={"title": "In time"}).status_code < 400
    assert not moving.let_go()


def test_what_cant_be_moved_to_leaves_the_site_as_it_is_written(cast, to, server, monkeypatch):
    mark, quiet = freezing.mark_of(configuration.active.data / "guildhall.db"), {"say": lambda line: None}
    for url, why in (
        (to.replace("/moved", "/no_such"), ""),
        (server.get_uri("moved"), "bypasses row security"),
        ("postgresql://x@127.0.0.1:1/y", ""),
    ):
        with pytest.raises(moving.CantMove) as refused:
            moving.move(url, **quiet)
        assert why in str(refused.value)
        assert "frozen" not in str(refused.value)
        assert not mark.exists()
    opening.open_again(home())
    monkeypatch.setattr(moving, "_look", _second_look(moving._look))
    with pytest.raises(moving.CantMove, match="Too late"):
        moving.move(to, **quiet)
    assert not mark.exists()
    monkeypatch.undo()
    monkeypatch.setattr(copying, "settle", _fails)
    with pytest.raises(moving.CantMove, match="stays frozen: called again, the move goes on; --let-go ends it"):
        moving.move(to, **quiet)
    assert mark.exists()
    monkeypatch.undo()
    assert moving.move(to, **quiet).is_well
    with pytest.raises(moving.CantMove, match="isn't empty"):
        moving.move(to, **quiet)


def _second_look(real):
    """It refuses what it took the first time: somebody wrote in between."""
    looks = []

    def look(carrying):
        looks.append(carrying)
        if len(looks) == 2:
            raise moving.CantMove("Too late.")
        real(carrying)

    return look


def _fails(carrying):
    raise psycopg.OperationalError("gone")


DYING = """
from database.moving import copying
from domain.operations.moving import moving
from tests.fixtures import deaths
about = deaths.awake()
copying.PIECE, copying.LARGE = 3, 5
deaths.dies_at(copying, about["at"])
moving.move(about["to"], say=lambda line: None)
"""


def test_a_killed_move_goes_on_exactly(cast, to):
    before, whole = rows(), keys_of(to)
    for at, nth in (("_next", 5), ("_next", 40), ("_make_again", 2), ("_make_again", 5), ("settle", 2), ("compare", 9)):
        _shut()
        deaths.die(DYING, to=to, at=at, nth=nth)
    with pytest.raises(housekeeping.CannotStart, match="isn't done"):
        opening.open_house(to, configuration.active.data)
    said = []
    assert moving.move(to, say=said.append).is_well
    assert [line for line in said if "are there already" in line]
    assert opened(to) == before
    assert keys_of(to) == whole, "each index and foreign key was made again"


OF_BEFORE = "UPDATE schema_migration SET name = '{}' WHERE name = '{}'"


def test_a_move_that_another_version_began_is_gone_on_with_by_that_one_alone(cast, to):
    file, newest = configuration.active.data / "guildhall.db", migrations.newest()

    def call_it(was, name):
        """As if the version that began the move, or this one, had run a migration of this name last."""
        with closing(sqlite3.connect(file)) as here, psycopg.connect(to, autocommit=True) as there:
            for database_of in (here, there):
                database_of.execute(OF_BEFORE.format(name, was))
            here.commit()

    _shut()
    deaths.die(DYING, to=to, at="_next", nth=40)
    bare = keys_of(to)
    call_it(newest, "0000_before")
    with pytest.raises(moving.CantMove, match="another version of Guildhall began") as refused:
        moving.move(to, say=lambda line: None)
    assert "name an empty database" in str(refused.value)
    assert keys_of(to) == bare, "no migration met it"
    call_it("0000_before", newest)
    assert moving.move(to, say=lambda line: None).is_well


def keys_of(url):
    """Indexes and foreign keys, as what they are made by."""
    with psycopg.connect(url) as asked:
        return sorted(
            asked.execute("""SELECT pg_get_indexdef(indexrelid) FROM pg_index
                JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = current_schema()::regnamespace
                UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
                FROM pg_constraint WHERE contype = 'f'""").fetchall()
        )


def _shut():
    transactions.writer.stop()
    database.close_all()


def test_what_changed_since_a_rehearsal_is_copied_anew(cast, to):
    assert moving.move(to, is_rehearsal=True, say=lambda line: None).is_well
    opening.open_again(home())
    write(lambda: Organization.update(name="Renamed").where(Organization.slug == "acme").execute())
    before = rows()
    assert moving.move(to, say=lambda line: None).is_well
    assert opened(to) == before


def test_a_rehearsal_ends_well_where_the_server_seals_its_log_meanwhile(cast, to, monkeypatch):
    def settle(carrying, real=copying.settle):
        audit.seal({"": (99, "of an event that came after the copy")})
        real(carrying)

    monkeypatch.setattr(copying, "settle", settle)
    assert moving.move(to, is_rehearsal=True, say=lambda line: None).is_well


def test_operations_case_34_a_row_that_differs_and_one_that_was_left_out_are_found(cast, to, monkeypatch):
    real, following = copying.settle, copying._next

    def settle(carrying):
        carrying.target.execute("""UPDATE "user" SET timezone = 'Europe/Warsaw' WHERE email = 'bob@example.org'""")
        real(carrying)

    def without_the_last(source, shape, last):
        rows = following(source, shape, last)
        return rows[:-1] if shape.table == "audit_event" else rows

    monkeypatch.setattr(copying, "settle", settle)
    monkeypatch.setattr(copying, "_next", without_the_last)
    report = moving.move(to, say=lambda line: None)
    assert {finding.split(":")[0] for finding in report.findings} == {"user", "audit_event"}
    with pytest.raises(housekeeping.CannotStart):
        opening.open_house(to, configuration.active.data)


MISFITS = {
    "UPDATE profile SET bio = 'a' || char(0)": "profile.bio: 6 values",
    "UPDATE user SET backer_id = 3000000000 WHERE id = 1": "user.backer_id: 1 values",
    """UPDATE audit_event SET metadata = '{"a": "\\u0000"}' WHERE id = 1""": "audit_event.metadata: 1 values",
    "UPDATE setting SET value = '\"\\ud800\"'": "setting.value: 1 values with a character",
    "UPDATE user SET created_at = 'yesterday' WHERE id = 2": "user.created_at: 1 values",
    "UPDATE profile SET user_id = 99 WHERE user_id = 1": "profile: 1 rows point to rows of user",
    "UPDATE user SET totp_secret = 'another key' WHERE id = 1": "SECRET_KEY opens nothing",
}


def test_operations_case_34_what_postgres_would_not_take_is_said_first(cast, to):
    write(lambda: Setting.create(key="odd", value="x"))
    _shut()

    def asked(*statements):
        with closing(sqlite3.connect(configuration.active.data / "guildhall.db")) as spoilt:
            spoilt.execute("DROP TRIGGER IF EXISTS audit_event_write_once")
            for statement in statements:
                spoilt.execute(statement)
            spoilt.commit()
        with pytest.raises(moving.CantMove) as refused:
            moving.move(to, is_rehearsal=True, say=lambda line: None)
        return str(refused.value)

    said = asked(*MISFITS)
    assert [sentence for sentence in MISFITS.values() if sentence not in said] == []
    assert said.count("  - ") == len(MISFITS)
    assert "isn't up to date" in asked("DELETE FROM schema_migration WHERE id = (SELECT max(id) FROM schema_migration)")
    with psycopg.connect(to) as looked:
        assert looked.execute('SELECT count(*) FROM "user"').fetchone() == (0,)


def test_the_command_says_how_it_ended(cast, to):
    _shut()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"GUILDHALL_DATA": str(configuration.active.data), "SECRET_KEY": "k" * 40}

    def asked(*words):
        command = [sys.executable, "-m", "jobs.move", *words]
        done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout + done.stderr

    code, said = asked(to)
    assert (code, "Moved." in said) == (0, True), said
    assert asked("--let-go") == (0, "It is written again.\n")
