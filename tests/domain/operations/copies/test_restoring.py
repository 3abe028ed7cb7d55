"""`python -m jobs.restore`, as whoever runs the site types it: an older copy comes back, and what must not, doesn't."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from database import housekeeping, transactions
from database.clock import now
from database.connections import database
from domain.base import audit, configuration, outgoing
from domain.operations.copies import copies, drill, packing
from domain.people import accounts, sessions
from tests.browser.server import free_port
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("sqlite")
TOP = Path(__file__).parents[4]


@pytest.fixture
def copied(cast):
    """A house of which there is a proven copy. Since then bob was closed for good, and acme has another name."""
    write(lambda: outgoing.letter("test_letter", "alice@example.org", "then", name="Alice"))
    sessions.start(cast.vera)
    row = copies.begin()
    about = {"made_at": f"{row.made_at:%Y-%m-%dT%H:%M:%SZ}", "key": packing.fingerprint()}
    copies.folder().mkdir()
    told = drill.make(configuration.active.data / "guildhall.db", copies.folder() / row.name, (), about)
    packing.write_manifest(told | {"proven_at": about["made_at"]}, copies.folder() / f"{row.name}.json")
    write(accounts.erase_again, cast.bob)
    copies.note_erasures()
    write(lambda: cast.acme.__class__.update(name="Renamed").where(cast.acme.__class__.id == cast.acme.id).execute())
    audit.seals_file().write_text(
        json.dumps({"at": "2020-01-01T00:00:00Z", "id": 1, "hash": first_hash()})
        + "\n"
        + json.dumps({"at": f"{now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}", "id": 10_000, "hash": "later"})
        + "\n"
    )
    return configuration.active.data


def first_hash():
    return database.execute_sql("SELECT hash FROM audit_event WHERE id = 1").fetchone()[0]


def restored(data, *words, **variables):
    """(code, what it said) of the command; the house is shut before."""
    transactions.writer.stop()
    database.close_all()
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "-m", "jobs.restore", *words],
        cwd=TOP,
        env=environment | {"GUILDHALL_DATA": str(data), "SECRET_KEY": "k" * 40} | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def asked(data, question, name="guildhall.db"):
    with closing(sqlite3.connect(data / name)) as opened:
        return opened.execute(question).fetchall()


def test_operations_case_32_an_older_copy_comes_back_with_the_closed_shut(copied):
    code, said = restored(copied, "latest", "--end-sessions")
    assert (code, said.count("ok ")) == (0, 6), said
    assert_the_closed_stay_closed(copied, said)
    assert asked(copied, "SELECT name FROM organization WHERE slug = 'acme'") == [("Acme",)]
    (old,) = copied.glob("guildhall.db.before-*Z")
    assert asked(copied, "SELECT name FROM organization WHERE slug = 'acme'", old.name) == [("Renamed",)]
    # Letters that may have gone out since are held, and everybody is signed out.
    assert asked(copied, "SELECT DISTINCT status FROM outgoing") == [("buried",)]
    assert asked(copied, "SELECT count(*) FROM user_session WHERE ended_at IS NULL") == [(0,)]
    # The copy that is in use now is known as proven, and nothing is being made.
    assert asked(copied, "SELECT state, count(*) FROM backup GROUP BY 1") == [("proven", 1)]
    assert asked(copied, "SELECT count(*) FROM audit_event WHERE action = 'system.restored'") == [(1,)]
    # What was sealed after the copy was made isn't looked for in it.
    assert [json.loads(line)["id"] for line in (copied / "audit.seals").read_text().splitlines()] == [1]


def assert_the_closed_stay_closed(copied, said):
    """Case 32 of operations: who was closed for good stays so."""
    assert "1 accounts that were closed since are closed again." in said
    assert asked(copied, "SELECT status, email_norm LIKE 'deleted-%' FROM user WHERE id = 2") == [("deleted", 1)]
    assert asked(copied, "SELECT count(*) FROM organization_member WHERE user_id = 2") == [(0,)]
    assert asked(copied, "SELECT status FROM user WHERE id = 1") == [("active",)]


def test_a_copy_that_is_not_well_changes_nothing(copied):
    (path,) = (copied / "backups").glob("*.db.zst")
    path.write_bytes(path.read_bytes()[:-1])
    code, said = restored(copied, "latest")
    assert (code, "Nothing was changed." in said) == (1, True), said
    assert asked(copied, "SELECT name FROM organization WHERE slug = 'acme'") == [("Renamed",)]
    assert list(copied.glob("*before*")) == []


def test_where_copies_away_cant_be_reached_it_says_so_and_what_to_do(copied):
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    away = {"BACKUP_URL": f"s3://key:secret@127.0.0.1:{free_port()}/bucket", "BACKUP_RECIPIENTS": recipient}
    code, said = restored(copied, "latest", **away)
    assert (code, "Traceback" in said) == (1, False), said
    assert f"Without BACKUP_URL one of those in {copied / 'backups'} is taken." in said
    assert asked(copied, "SELECT name FROM organization WHERE slug = 'acme'") == [("Renamed",)]


def test_it_is_refused_while_a_server_runs_on_it(copied):
    hold = housekeeping.Hold(configuration.active.database_url, copied)
    try:
        code, said = restored(copied, "latest")
    finally:
        hold.let_go()
    assert (code, "is running on" in said, list(copied.glob("*before*"))) == (1, True, []), said


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("2020-01-01T00:00Z", "There is no copy of then or before."), ("yesterday", "Name a file, `latest`, or a moment")],
)
def test_a_moment_without_a_copy_is_said_so(house, word, sentence):
    code, said = restored(house, word)
    assert (code, sentence in said) == (1, True), said


def test_what_is_encrypted_opens_with_the_keepers_key_and_that_is_noted(cast):
    private, public = packing.new_key()
    configuration.use(replace(configuration.active, backup_recipients=(public,)))
    row = copies.begin()
    copies.work()
    data = configuration.active.data
    (data / "key.txt").write_text(f"# created: today\n{private}\n")
    code, said = restored(data, "latest", "--check")
    assert (code, "encrypted" in said) == (1, True), said
    code, said = restored(data, "latest", "--check", "--identity", str(data / "key.txt"))
    assert code == 0, said
    assert json.loads((data / "backups" / "opened.json").read_text())["name"] == row.name
