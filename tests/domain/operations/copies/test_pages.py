import random
import sqlite3
from contextlib import closing

import pytest

from domain.operations.copies import packing, pages


@pytest.fixture
def file(tmp_path):
    with closing(sqlite3.connect(tmp_path / "one.db")) as made:
        made.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, words TEXT)")
        made.executemany("INSERT INTO line (words) VALUES (?)", [(f"line {n}" * 20,) for n in range(2000)])
        made.commit()
    return tmp_path / "one.db"


def copied(file, name):
    target = file.with_name(name)
    packing.snapshot(file, target)
    return target


def change(file, *statements):
    with closing(sqlite3.connect(file)) as opened:
        for statement in statements:
            opened.execute(statement)
            opened.commit()


SOME = "UPDATE line SET words = 'other' WHERE id % 500 = 7"
MORE = "INSERT INTO line (words) SELECT words || id FROM line"
FEWER = "DELETE FROM line WHERE id > 40"


@pytest.mark.parametrize("statements", [(SOME,), (MORE,), (FEWER, "VACUUM"), (SOME, MORE, FEWER), ()])
def test_the_pages_that_changed_make_the_older_file_the_newer_one_byte_for_byte(file, statements):
    older = copied(file, "older.db")
    change(file, *statements)
    newer = copied(file, "newer.db")
    before, after = pages.state_of(older, "a", "a")[0], pages.state_of(newer, "b", "a")[0]
    count = pages.write_delta(newer, before, after, file.with_name("delta"))
    assert (count == 0) == (not statements)
    pages.refuse_other(file.with_name("delta"), after)
    pages.apply(file.with_name("delta"), older, after.page, after.count)
    assert older.read_bytes() == newer.read_bytes()


def test_few_changed_rows_are_few_pages(file):
    older = copied(file, "older.db")
    change(file, SOME)
    newer = copied(file, "newer.db")
    before, after = pages.state_of(older, "a", "a")[0], pages.state_of(newer, "b", "a")[0]
    assert pages.write_delta(newer, before, after, file.with_name("delta")) <= 6 < after.count / 5


def test_a_state_is_kept_whole_and_what_is_none_is_none(file, tmp_path):
    state, sha256 = pages.state_of(file, "name", "base")
    assert sha256 == packing.sum_of(file)
    pages.write_state(state, tmp_path / "pages")
    assert pages.read_state(tmp_path / "pages") == state
    (tmp_path / "pages").write_bytes(b"[]\nxx")
    assert pages.read_state(tmp_path / "pages") is None
    assert pages.read_state(tmp_path / "nothing") is None


def test_a_delta_that_was_cut_or_changed_is_refused(file):
    older, delta = copied(file, "older.db"), file.with_name("delta")
    change(file, SOME)
    newer = copied(file, "newer.db")
    before, after = pages.state_of(older, "a", "a")[0], pages.state_of(newer, "b", "a")[0]
    pages.write_delta(newer, before, after, delta)
    whole = delta.read_bytes()
    delta.write_bytes(whole[:-1])
    with pytest.raises(packing.Unreadable, match="cut"):
        pages.apply(delta, older, after.page, after.count)
    at = random.Random(7).randrange(4, 4096)
    delta.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(packing.Unreadable, match="isn't what went in"):
        pages.refuse_other(delta, after)
    with pytest.raises(packing.Unreadable, match="hasn't got"):
        pages.apply(delta, older, after.page, 1)
