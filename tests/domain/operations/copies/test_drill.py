"""What a drill finds: each kind of damage, in a copy that says of itself that it is well."""

import os
import shutil
import sqlite3
import types
from contextlib import closing
from pathlib import Path

import pytest

from domain.base import configuration
from domain.operations.copies import copies, drill, packing

pytestmark = pytest.mark.usefixtures("sqlite")


def here(name=None):
    return copies.folder() / name if name else copies.folder()


@pytest.fixture
def packed(cast):
    """A copy and its manifest, not yet proven; it is small, so that a drill is quick."""
    here().mkdir()
    path = here("guildhall-20260601T000000Z-00000000.db.zst")
    about = {"made_at": "2026-06-01T00:00:00Z", "key": packing.fingerprint()}
    database = configuration.active.database_url.removeprefix("sqlite:///")
    drill.make(database, path, (), about)
    return path


def wrong(path, **more):
    """(check, words) of the first that isn't well, in the drill of a copy."""
    lines = drill.prove(str(path), f"{path}.json", fingerprint=packing.fingerprint(), **more)
    return next(((line["check"], line["words"]) for line in lines if not line["ok"]), None)


def repack(path, change):
    """Change the database in a copy, and say in its manifest what its bytes are now, as a thief would."""
    plain = path.with_name("plain.db")
    packing.unpack(path, plain)
    with closing(sqlite3.connect(plain, isolation_level=None)) as opened:
        change(opened)
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    packing.pack(plain, path)
    told = packing.read_manifest(f"{path}.json")
    told |= {"sha256": packing.sum_of(plain), "packed_sha256": packing.sum_of(path)}
    packing.write_manifest(told, f"{path}.json")


def test_what_a_drill_throws_away_is_not_forced_to_the_disk(packed, monkeypatch):
    forced, real = [], os.fsync

    def fsync(descriptor):
        forced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name.split(".db")[0])
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    again = here("guildhall-20260602T000000Z-00000000.db.zst")
    drill.make(configuration.active.database_url.removeprefix("sqlite:///"), again, (), {"key": packing.fingerprint()})
    assert wrong(again) is None
    assert set(forced) == {"guildhall-20260602T000000Z-00000000", here().name}


@pytest.mark.parametrize("where", [0, 200, -1])
def test_operations_case_27_a_flipped_byte_is_found(packed, where):
    data = bytearray(packed.read_bytes())
    data[where] ^= 1
    packed.write_bytes(data)
    assert wrong(packed)[0] == "Its bytes"


def test_operations_case_27_a_cut_copy_is_found_though_its_manifest_fits(packed):
    packed.write_bytes(packed.read_bytes()[:-9])
    told = packing.read_manifest(f"{packed}.json") | {"packed_sha256": packing.sum_of(packed)}
    packing.write_manifest(told, f"{packed}.json")
    assert wrong(packed) == ("Opens", "The copy can't be opened: its end is missing.")


def test_a_row_that_was_changed_is_found(packed):
    repack(packed, lambda opened: opened.execute("UPDATE user SET email_norm = 'eve@example.org' WHERE id = 1"))
    check, words = wrong(packed)
    assert (check, "user" in words) == ("Rows", True)


def test_a_row_that_points_nowhere_is_found(packed):
    repack(packed, lambda opened: opened.execute("UPDATE profile SET user_id = 999 WHERE id = 1"))
    assert wrong(packed) == ("File is whole", "A row of profile points to one of user that isn't there.")


def test_operations_case_31_a_copy_of_another_key_is_named_before_it_is_begun(packed):
    told = packing.read_manifest(f"{packed}.json") | {"key": "0" * 32}
    packing.write_manifest(told, f"{packed}.json")
    assert wrong(packed)[0] == "Key"


def test_operations_case_30_a_later_format_is_refused(packed):
    told = packing.read_manifest(f"{packed}.json") | {"format": packing.FORMAT + 1}
    packing.write_manifest(told, f"{packed}.json")
    with pytest.raises(packing.Unreadable, match="later Guildhall"):
        wrong(packed)


def test_a_file_on_a_row_that_is_missing_or_changed_is_found(packed, tmp_path):
    sha256 = "0" * 64

    def point(opened):
        columns = (
            "organization_id, sha256, size, type, name, table_name, row_id, place, thumbnail, created_at, updated_at"
        )
        organization = opened.execute("SELECT id FROM organization").fetchone()[0]
        values = (organization, sha256, 1, "text/plain", "a.txt", "task", 1, 0, "none", "", "")
        opened.execute(f"INSERT INTO stored_file ({columns}) VALUES ({', '.join('?' * 11)})", values)

    repack(packed, point)
    plain = packed.with_name("plain.db")
    told = packing.read_manifest(f"{packed}.json") | {"tables": packing.tables_of(plain)}
    packing.write_manifest(told, f"{packed}.json")
    (tmp_path / "kept").mkdir()
    assert wrong(packed, files=str(tmp_path / "kept"))[1].startswith("1 of 1 files aren't kept")
    with closing(sqlite3.connect(plain)) as opened:
        (organization,) = opened.execute("SELECT organization_id FROM stored_file").fetchone()
    file = tmp_path / "kept" / str(organization) / "00" / sha256
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert wrong(packed, files=str(tmp_path / "kept"))[1] == "The file 000000000000… isn't what it was."


def test_a_disk_without_room_is_said_before_anything_is_written(cast, monkeypatch):
    here().mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=1024))
    database = configuration.active.database_url.removeprefix("sqlite:///")
    with pytest.raises(packing.Unreadable, match="The disk has 0 MB left"):
        drill.make(database, here("guildhall-x.db.zst"), (), {})
    assert list(here().iterdir()) == []
