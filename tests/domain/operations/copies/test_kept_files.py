"""The files of rows beside the copies."""

from datetime import timedelta

from database.clock import now
from domain.base import configuration
from domain.operations.copies import copies, kept_files, packing, places


def here():
    return copies.folder()


def test_files_are_kept_as_long_as_a_copy_speaks_of_them(house):
    chosen = configuration.active
    file = chosen.data / "files" / "7" / "ab" / ("ab" * 32)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    here().mkdir()
    kept_files.keep(here(), chosen)
    file.unlink()
    kept_files.keep(here(), chosen)
    name = here() / "files" / "7" / "ab" / ("ab" * 32)
    kept_files.prune(here(), now() - timedelta(days=1))
    assert name.read_bytes() == b"x"
    kept_files.prune(here(), now() + timedelta(days=1))
    assert [path for path in (here() / "files").rglob("*") if path.is_file()] == []


def test_what_was_brought_away_goes_there_too(unhoused, bucket):
    away, (_, public) = places.Place(bucket.url), packing.new_key()
    for name in ("ab", "cd"):
        file = unhoused.data / "files" / "7" / name / (name * 32)
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x")
    here().mkdir()
    kept_files.keep(here(), unhoused)
    for _ in range(2):  # each once
        kept_files.send(here(), away, (public,))
    (unhoused.data / "files" / "7" / "ab" / ("ab" * 32)).unlink()
    kept_files.keep(here(), unhoused)
    kept_files.prune(here(), now() + timedelta(days=1), away)
    assert away.size(f"files/7/ab/{'ab' * 32}.zst.age") is None
    assert away.size(f"files/7/cd/{'cd' * 32}.zst.age") > 0
    assert (here() / kept_files.LIST).read_text().split() == [f"files/7/cd/{'cd' * 32}"]
