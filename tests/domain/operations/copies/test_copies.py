"""A copy counts once it was opened: made, encrypted, brought away, brought back, booted; and what is kept of them."""

import json
import sqlite3
import types
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from database.clock import now
from domain import Refused
from domain.base import configuration
from domain.operations import attention
from domain.operations.copies import copies, drill, packing, places
from domain.people import admins
from models import Backup, Notification
from tests.fixtures.threads import write

pytestmark = pytest.mark.usefixtures("sqlite")


def here(name=None):
    return copies.folder() / name if name else copies.folder()


def made(row):
    return Backup.get_by_id(row.id)


def test_a_copy_is_proven_by_a_guildhall_that_runs_on_it(cast):
    row = copies.begin(by=admins.staff(cast.stella))
    assert (copies.standing()[0], copies.ages()) == ("bad", None)
    assert copies.work() == 1
    row = made(row)
    assert (row.state, row.error) == ("proven", None)
    assert [line["check"] for line in row.proof] == ["Its bytes", "Opens", "File is whole", "Rows", "Key", "Runs"]
    assert "/acme/tasks answers its owner" in row.proof[-1]["words"]
    assert copies.standing()[0] == "good"
    assert copies.ages()["offsite_at"] is None
    assert (copies.work(), list(here().glob(".half-*"))) == (0, [])
    assert Path(here()).name == "backups"  # its keeper's alone, with all that is in it
    assert {path.stat().st_mode & 0o077 for path in (here(), *here().glob("guildhall-*"))} == {0}
    packing.unpack(here(row.name), here("opened.db"))
    with closing(sqlite3.connect(here("opened.db"))) as opened:
        assert opened.execute('SELECT count(*) FROM "user"').fetchone() == (6,)


def test_what_is_brought_away_is_encrypted_and_proven_from_there(cast, bucket):
    private, public = packing.new_key()
    chosen = replace(configuration.active, backup_url=f"{bucket.url}/hall", backup_recipients=(public,))
    configuration.use(chosen)
    file = chosen.data / "files" / "7" / "ab" / ("ab" * 32)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a picture")
    row = copies.begin()
    copies.work()
    row = made(row)
    assert (row.state, row.error, row.name.endswith(".db.zst.age")) == ("proven", None, True)
    assert row.sent_at is not None
    away = places.away()
    assert set(away.names()) == {row.name, f"{row.name}.json"}
    assert away.size(row.name) == here(row.name).stat().st_size
    assert public in json.loads(here(f"{row.name}.json").read_text())["recipients"]
    back = chosen.data / "back.db.zst.age"
    assert away.get(row.name, back)
    packing.unpack(back, chosen.data / "back.db", private)  # the keeper's own key opens it
    assert packing.sum_of(chosen.data / "back.db") == json.loads(here(f"{row.name}.json").read_text())["sha256"]
    assert away.get(f"files/7/ab/{'ab' * 32}.zst.age", back)
    packing.unpack(back, chosen.data / "picture", private)
    assert (chosen.data / "picture").read_bytes() == b"a picture"
    with pytest.raises(packing.Unreadable, match="No matching keys"):
        packing.unpack(back, chosen.data / "picture", packing.new_key()[0])


def test_a_copy_that_nobody_could_open_is_not_made(cast):
    configuration.use(replace(configuration.active, backup_recipients=(new_public(),)))
    row = copies.begin()
    configuration.use(replace(configuration.active, backup_recipients=()))
    copies.work()
    assert (made(row).state, here().exists()) == ("failed", False)


def test_storage_that_is_away_leaves_the_copy_unproven_and_the_older_ones_kept(cast, letters):
    old = kept(now() - timedelta(days=900))
    chosen = replace(configuration.active, backup_url="s3+http://k:s@127.0.0.1:9/x", backup_recipients=(new_public(),))
    configuration.use(chosen)
    row = copies.begin()
    copies.work()
    assert (made(row).state, made(old).removed_at) == ("failed", None)
    assert "can't be reached" in made(row).error
    assert [subject for to, subject, _ in letters() if to == "stella@example.org"] == [
        "A copy of the database of Guildhall isn't proven"
    ]
    assert Notification.select().where(Notification.type == "system.backup_failed").count() == 1


def new_public():
    return packing.new_key()[1]


# --- once killed, what is kept, who asks --------------------------------------------------------------------


def test_what_another_one_is_at_stays(tmp_path):
    (tmp_path / ".half-old").mkdir()
    with drill.room(tmp_path) as here:
        drill.sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [here]
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_cut_off_is_begun_anew_once(cast, letters):
    row = copies.begin()
    write(Backup.update(state="making", attempts=1).where(Backup.id == row.id).execute)
    (here() / ".half-old").mkdir(parents=True)
    copies.work()
    assert (made(row).state, (here() / ".half-old").exists()) == ("proven", False)
    again = copies.begin()
    write(Backup.update(state="proving", attempts=2).where(Backup.id == again.id).execute)
    copies.work()
    assert (made(again).state, made(row).removed_at) == ("failed", None)


def test_one_is_made_at_a_time_and_the_night_makes_its_own(cast):
    chosen = configuration.active
    configuration.use(replace(chosen, env="demo"))
    assert copies.nightly() == 0
    configuration.use(chosen)
    assert copies.nightly() == 1
    assert copies.nightly() == 0
    with pytest.raises(Refused, match="being made already"):
        copies.begin(by=admins.staff(cast.stella))


def kept(moment, state="proven"):
    name = f"guildhall-{moment:%Y%m%dT%H%M%SZ}-{Backup.select().count():08}.db.zst"
    here().mkdir(exist_ok=True)
    here(name).write_bytes(b"packed")
    here(f"{name}.json").write_text("{}")
    proven_at = moment if state == "proven" else None
    return write(Backup.create, name=name, state=state, made_at=moment, proven_at=proven_at)


def test_of_a_year_of_nights_seven_days_four_weeks_and_twelve_months_stay(house):
    nights = [datetime(2026, 6, 30, 3, tzinfo=UTC) - timedelta(days=n) for n in range(400)]
    rows = [Row(at) for at in nights]
    stay = sorted((row.made_at for row in copies.to_keep(rows)), reverse=True)
    assert [f"{at:%d.%m.}" for at in stay[:9]] == [
        *("30.06.", "29.06.", "28.06.", "27.06.", "26.06.", "25.06.", "24.06."),
        *("21.06.", "14.06."),
    ]
    assert len(stay) == 7 + 2 + 11
    assert stay[-1].month == 7


class Row(types.SimpleNamespace):
    def __init__(self, made_at):
        super().__init__(made_at=made_at)

    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_operations_case_27_what_failed_removes_nothing_and_three_proven_stay(cast):
    old = [kept(now() - timedelta(days=800 + n)) for n in range(20)]
    bad = kept(now() - timedelta(days=1), "failed")
    write(Backup.update(state="failed").where(Backup.id << [row.id for row in old]).execute)
    assert copies.prune() == 0  # nothing is proven
    write(Backup.update(state="proven").where(Backup.id << [row.id for row in old]).execute)
    assert copies.prune() == 20 - len(left := stays(old))
    assert len(left) >= 7
    assert made(bad).removed_at is None
    assert {row.name for row in old if here(row.name).exists()} == {row.name for row in left}
    write(Backup.update(made_at=now() - timedelta(days=8)).where(Backup.id == bad.id).execute)
    copies.prune()
    assert made(bad).removed_at is not None


def stays(rows):
    return [row for row in rows if made(row).removed_at is None]


def test_it_grows_amber_after_a_day_and_red_after_two(cast, clock):
    kept(clock.moment)
    tones = []
    for hours in (0, 25, 2, 24):
        clock.forward(hours=hours)
        tones.append(copies.standing()[0])
    assert tones == ["good", "good", "warn", "bad"]


def test_machines_that_watch_are_told_its_age_and_strangers_nothing(web, cast):
    configuration.use(replace(configuration.active, metrics_token="watch-me"))
    client, token = web.test_client(), {"Authorization": "Bearer watch-me"}
    assert client.get("/health", headers=token).json == {"ok": True, "backup": None}
    kept(now() - timedelta(hours=80))
    told = client.get("/health", headers=token)
    assert (told.status_code, told.json["backup"]["age_s"] // 3600) == (200, 80)
    assert client.get("/health").json == {"ok": True}
    assert "guildhall_backup_age_seconds 288" in client.get("/metrics", headers=token).get_data(as_text=True)


def test_the_overview_asks_for_copies_in_production(cast):
    staff = admins.staff(cast.stella)
    configuration.use(replace(configuration.active, env="production"))
    assert "No copy of the database was ever proven." in [need.words for need in attention.needs(staff, 0)]
