"""The files of rows beside the copies."""

from datetime import timedelta

from database.clock import now
from domain.base import configuration
from domain.operations.copies import copies, kept_files


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
