"""The database in trouble that nobody made: told as 503 with a sentence, and the rest of the site goes on."""

import errno
import json
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import peewee
import psycopg
import pytest

from database import connections, housekeeping, logs, migrations, opening, transactions, troubles
from database.clock import now
from database.connections import database
from database.transactions import writer, writes
from database.troubles import Unavailable
from domain.base import configuration
from jobs import verifications
from models import Notification, Session, Setting
from tests.browser.server import TOP, Server, free_port
from tests.fixtures.threads import write


@pytest.fixture(autouse=True)
def no_trouble():
    yield
    troubles.forget()


@pytest.fixture
def sqlite(house):
    """The file of a house."""
    return house / "guildhall.db"


@writes
def put(key):
    Setting.create(key=key, value="x" * 100_000)


@contextmanager
def full_disk():
    """As far as SQLite can tell: no page more."""

    @writes
    def limit(pages):
        database.connection().execute(f"PRAGMA max_page_count = {pages}")

    @writes
    def fill():
        ((free,),) = database.execute_sql("PRAGMA freelist_count").fetchall()
        Setting.create(key="filler", value="x" * 4096 * free)

    fill()  # what indexes had that are gone
    limit(1)  # SQLite takes what it has as the least
    try:
        yield
    finally:
        limit(2**30)


def test_attack_a5_a_full_disk_is_said_and_reading_and_signing_out_go_on(sqlite, browse):
    alice = browse("alice")
    write(Session.update(last_seen_at=now() - timedelta(hours=1)).execute)
    with full_disk():
        answer = alice.post("/acme/tasks", data={"title": "x" * 200, "description": "y" * 9000})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "The disk of this site is full" in answer.text
        assert "Nothing was changed" in answer.text
        assert answer.headers["X-Request-Id"]
        assert browse(None).get("/health").status_code == 503
        for path in ("/acme", "/acme/tasks", "/account"):
            assert alice.get(path).status_code == 200
        out = alice.post("/sign-out")
        assert out.status_code == 303
        assert alice.get("/account").status_code == 303, "this browser has forgotten its session"
    troubles.forget()
    assert browse(None).get("/health").status_code == 200
    put("now there is room")


def test_attack_a5_the_others_of_a_group_hear_of_the_full_disk_too(sqlite):
    with full_disk(), pytest.raises(Unavailable, match="full"):
        put("too much")
    assert Setting.select().where(Setting.key != "filler").count() == 0


def test_report_22_a_lock_of_another_program_is_waited_for_and_then_said(sqlite, browse, monkeypatch):
    alice = browse("alice")
    writer.stop()
    database.close_all()
    monkeypatch.setattr(connections, "BUSY", 300)
    opening.open_again(f"sqlite:///{sqlite}")
    with closing(sqlite3.connect(sqlite)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        answer = alice.post("/acme/tasks", data={"title": "Late"}, headers={"Accept": "application/json"})
        assert 0.25 < time.monotonic() - began < 20
        assert (answer.status_code, answer.json["code"]) == (503, "UNAVAILABLE")
        assert answer.json["retry_after"] > 0
        assert alice.get("/acme/tasks").status_code == 200
        other.rollback()
    assert alice.post("/acme/tasks", data={"title": "In time"}).status_code in (200, 303)


def test_report_22_a_short_lock_of_another_program_is_waited_for(sqlite):
    other = sqlite3.connect(sqlite, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.5, other.rollback)
    timer.start()
    put("waited")
    timer.join()
    other.close()


def test_report_22_the_log_is_cut_once_nobody_reads_from_it(sqlite, monkeypatch):
    monkeypatch.setattr(transactions, "IDLE", 0.1)
    log = sqlite.resolve().with_name("guildhall.db-wal")
    with closing(sqlite3.connect(sqlite)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM setting").fetchone()
        for n in range(30):
            put(f"row {n}")
        assert log.stat().st_size > 2_000_000
        time.sleep(0.3)
        assert log.stat().st_size > 2_000_000, "somebody reads"
        put("writing goes on meanwhile")
    until = time.monotonic() + 30
    while log.stat().st_size and time.monotonic() < until:
        time.sleep(0.05)
    assert log.stat().st_size == 0
    assert database.execute_sql("PRAGMA journal_size_limit").fetchone() == (connections.LOG,)


def test_a_mistake_of_ours_is_no_trouble(house):
    for statement in ("SELECT nothing FROM setting", "SELECT 1 FROM no_table"):
        with pytest.raises(peewee.DatabaseError) as mistake:
            database.execute_sql(statement)
        assert troubles.of(mistake.value) is None
        database.close()
    assert troubles.of(ValueError("clos")) is None


def test_a_full_disk_is_trouble_whichever_file_finds_it():
    for number in (errno.ENOSPC, errno.EDQUOT):
        assert str(troubles.of(OSError(number, "no room"))) == troubles.FULL
    assert troubles.of(OSError(errno.EACCES, "denied")) is None


def test_a_reader_that_writes_is_a_mistake_and_a_file_that_the_writer_may_not_write_is_trouble(sqlite):
    with pytest.raises(peewee.OperationalError) as refused:
        Setting.create(key="b", value=1)
    assert troubles.of(refused.value) is None
    assert str(troubles.of(refused.value, writing=True)) == troubles.READ_ONLY


class Gone(psycopg.OperationalError):
    pass


@pytest.fixture
def away(monkeypatch):
    """From here on every statement fails as it does while PostgreSQL restarts."""

    def switch():
        def fail(*args, **kwargs):
            raise peewee.OperationalError(Gone("connection to server at db failed"))

        monkeypatch.setattr(type(database.obj), "execute_sql", fail)
        monkeypatch.setattr(type(database.obj), "execute", fail)

    return switch


@pytest.mark.parametrize("who", ["alice", None])
@pytest.mark.parametrize("path", ["/acme/tasks", "/sign-in/link/" + "s" * 43 + "?code=123456", "/no/such/place"])
def test_attack_a4_with_the_database_away_the_answer_is_whole_and_logs_hold_no_secret(
    browse, away, caplog, who, path, monkeypatch
):
    client = browse(who)
    away()
    with caplog.at_level(logging.INFO):
        answer = client.get(path)
    assert answer.status_code in ((503, 404, 303) if who is None else (503,))
    if answer.status_code == 503:
        assert "The database can&#39;t be reached." in answer.text or "can't be reached" in answer.text
        assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["X-Request-Id"]
    assert answer.headers["Content-Security-Policy"]
    assert "s" * 43 not in "".join(map(logs.JsonLines().format, caplog.records))


def test_attack_a4_machines_and_htmx_hear_it_in_their_way(browse, away):
    alice = browse("alice")
    away()
    told = alice.get("/acme/tasks", headers={"Accept": "application/json"})
    assert (told.status_code, told.json["code"]) == (503, "UNAVAILABLE")
    told = alice.get("/acme/tasks", headers={"HX-Request": "true", "HX-Target": "list"})
    assert (told.status_code, told.headers["HX-Retarget"]) == (503, "#notice")
    told = alice.post("/acme/tasks", data={"title": "x"})
    assert "whether your change was made" in told.text


def test_attack_a4_what_links_hold_secret_is_left_out_of_every_line(web, unhoused):
    record = logging.makeLogRecord({"msg": '"%s"', "args": ("GET /sign-in/link/abc-DEF_9?next=/x&code=77 HTTP/1.1",)})
    record.at = "/setup/topsecret and http://h.example/organization/invitation?invitationId=abc#x"
    try:
        raise RuntimeError("/sign-in/link/abc-DEF_9?code=77")
    except RuntimeError:
        record.exc_info = sys.exc_info()
    line = logs.JsonLines().format(record)
    json.loads(line)
    for secret in ("abc-DEF_9", "77", "topsecret", "=abc"):
        assert secret not in line
    assert "/sign-in/link/***" in line


def test_attack_a10_the_files_are_their_owners_alone(tmp_path, sqlite):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    (folder / "guildhall.db").touch(mode=0o644)
    housekeeping.make_private(f"sqlite:///{folder}/guildhall.db", folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "guildhall.db").stat().st_mode) == 0o600


def test_attack_a10_two_servers_on_one_file_are_refused_with_a_sentence(tmp_path, unhoused):
    url, said = f"sqlite:///{tmp_path}/guildhall.db", []
    first = housekeeping.Hold(url, tmp_path)
    with pytest.raises(housekeeping.CannotStart, match=f"process {os.getpid()}"):
        housekeeping.Hold(url, tmp_path, overlap=0.1, say=said.append)
    assert "waiting" in said[0]
    first.let_go()
    second = housekeeping.Hold(url, tmp_path, overlap=0.1)
    assert not second.was_killed
    os.close(second.descriptor)  # as a kill does: the lock goes, the note stays
    third = housekeeping.Hold(url, tmp_path, overlap=0.1)
    assert third.was_killed
    third.let_go()


def damaged(file):
    with open(file, "r+b") as opened:
        for page in range(3, 60):
            opened.seek(4096 * page)
            opened.write(b"\xff" * 200)


def test_attack_a10_a_damaged_file_is_found_at_night_and_after_a_crash(sqlite, cast):
    url = f"sqlite:///{sqlite}"
    assert opening.damage() == opening.damage(quick=True) == []
    assert verifications.check_file() == 0
    writer.stop()
    database.close_all()
    damaged(sqlite)
    with pytest.raises(housekeeping.CannotStart, match="damaged"):
        opening.open_house(url, sqlite.parent, was_killed=True)
    assert opening.damage()


def test_report_22_a_copy_is_made_as_often_as_one_likes(sqlite, cast):
    made = [migrations.copy(sqlite.parent, "copy") for _ in range(3)]
    assert [path.exists() for path in made] == [True, True, True]
    assert stat.S_IMODE(made[2].stat().st_mode) == 0o600
    with closing(sqlite3.connect(made[2])) as copy:
        assert copy.execute('SELECT count(*) FROM "user"').fetchone() == (6,)


def test_attack_a10_admins_hear_of_damage(cast, letters, monkeypatch):
    monkeypatch.setattr(opening, "damage", lambda: ["Page 7 is gone."])
    for _ in range(2):
        with pytest.raises(verifications.Broken):
            verifications.check_file()
    assert [(to, subject) for to, subject, _ in letters()] == [
        ("stella@example.org", "The database of Guildhall is damaged")
    ]
    assert Notification.select().where(Notification.type == "system.file_damaged").count() == 1


def test_attack_a10_where_nothing_may_be_written_it_says_so(tmp_path, unhoused):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    environment = {"PATH": os.environ["PATH"], "GUILDHALL_DATA": str(folder), "PORT": str(free_port())}
    for more in ({}, {"SECRET_KEY": "k" * 40}):
        done = subprocess.run(
            [sys.executable, "app.py"], cwd=TOP, env=environment | more, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "Guildhall can't start" in done.stderr
        assert "GUILDHALL_DATA" in done.stderr


def test_a_server_whose_database_is_away_ends_with_the_sentence(tmp_path, unhoused):
    environment = {"PATH": os.environ["PATH"], "GUILDHALL_DATA": str(tmp_path), "PORT": str(free_port())}
    environment["DATABASE_URL"] = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=TOP, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode
    assert "Traceback" not in done.stderr
    assert f"Guildhall can't start: {troubles.AWAY}" in done.stderr


def test_attack_a10_a_real_server_keeps_its_files_to_itself_and_a_second_one_is_refused(tmp_path):
    with Server(tmp_path, "development"):
        files = list((tmp_path / "data").iterdir())
        assert {"guildhall.db", "guildhall.db-wal", "guildhall.db.lock"} <= {file.name for file in files}
        for file in files:
            assert stat.S_IMODE(file.stat().st_mode) in ((0o700,) if file.is_dir() else (0o600,)), file.name
        second = "from database import housekeeping as h; import sys; from pathlib import Path\n"
        second += "h.Hold(sys.argv[1], Path(sys.argv[2]), overlap=0.3)"
        url = f"sqlite:///{tmp_path}/data/guildhall.db"
        done = subprocess.run(
            [sys.executable, "-c", second, url, tmp_path / "data"], cwd=TOP, capture_output=True, text=True
        )
        assert "another one (process" in done.stderr
        assert done.returncode == 1
    assert (tmp_path / "data" / "guildhall.db.lock").read_text() == "", "it ended well"


@pytest.mark.parametrize("path", ["/", "/sign-in", "/dev/mail"])
def test_attack_a10_only_its_own_names_are_answered(web, path):
    asked = lambda host, path=path: web.test_client().get(path, headers={"Host": host}).status_code  # noqa: E731
    assert asked("evil.example") == asked("evil.example:8000") == asked("localhost.evil.example") == 400
    assert 400 not in {asked("localhost"), asked("localhost:8000"), asked("127.0.0.1:8000"), asked("[::1]:8000")}
    assert asked("10.0.0.7:8000", "/health") == 200


def test_attack_a10_in_production_only_the_one_of_its_address(web):
    configuration.use(
        replace(configuration.active, env="production", site_url="https://hall.example.org", smtp_url="smtp://x")
    )
    asked = lambda host, path="/sign-in": web.test_client().get(path, headers={"Host": host}).status_code  # noqa: E731
    assert asked("hall.example.org") == 200
    assert asked("localhost") == asked("127.0.0.1") == asked("evil.example") == 400
    assert asked("10.0.0.7:8000", "/health") == 200
