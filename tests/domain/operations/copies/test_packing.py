"""Packed and unpacked: the same bytes, or a sentence."""

import sqlite3
from contextlib import closing

import pytest

from domain.operations.copies import packing


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.db"
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x)")
        opened.executemany("INSERT INTO t (x) VALUES (?)", [(None,), (b"\0\1",), (0.1,), ("ü",), (2**62,)])
        opened.commit()
    return path


@pytest.mark.parametrize("is_sealed", [False, True])
def test_what_is_packed_comes_out_again(plain, tmp_path, is_sealed):
    private, public = packing.new_key()
    packed = tmp_path / ("p.db.zst.age" if is_sealed else "p.db.zst")
    went_in = packing.pack(plain, packed, [public] if is_sealed else ())
    assert (b"SQLite" in packed.read_bytes(), packed.stat().st_mode & 0o077) == (False, 0)
    assert packing.unpack(packed, tmp_path / "back.db", private) == went_in
    assert packing.sum_of(tmp_path / "back.db") == packing.sum_of(plain) == went_in
    assert packing.tables_of(tmp_path / "back.db") == packing.tables_of(plain)


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("spoil", [lambda data: data[:-9], lambda data: b"", lambda data: data[:60] + b"?" + data[61:]])
def test_what_is_spoilt_is_refused_and_leaves_nothing(plain, tmp_path, is_sealed, spoil):
    private, public = packing.new_key()
    packed = tmp_path / ("p.db.zst.age" if is_sealed else "p.db.zst")
    packing.pack(plain, packed, [public] if is_sealed else ())
    packed.write_bytes(spoil(packed.read_bytes()))
    with pytest.raises(packing.Unreadable, match="can't be opened"):
        packing.unpack(packed, tmp_path / "back.db", private)
    assert not (tmp_path / "back.db").exists()
    assert list(tmp_path.glob(".back*")) == []


def test_rows_in_another_order_have_the_same_sum_and_another_row_another(plain, tmp_path):
    before = packing.tables_of(plain)
    with closing(sqlite3.connect(plain)) as opened:
        opened.execute("CREATE INDEX i ON t (x)")
        opened.commit()
    assert packing.tables_of(plain) == before
    with closing(sqlite3.connect(plain)) as opened:
        opened.execute("UPDATE t SET x = '' WHERE x IS NULL")
        opened.commit()
    assert packing.tables_of(plain) != before


def test_a_copy_is_of_one_moment_while_others_write(plain, tmp_path):
    with closing(sqlite3.connect(plain)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("INSERT INTO t (x) VALUES ('not committed')")
        packing.snapshot(plain, tmp_path / "copy.db")
        writing.commit()
    assert packing.tables_of(tmp_path / "copy.db")["t"][0] == 5
