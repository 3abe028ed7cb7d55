"""The size of a ZIP's list of files, as whichever zipfile would read it."""

import struct
import zipfile

import pytest

from domain.files import zips


@pytest.fixture
def made(tmp_path):
    """(the path of a ZIP of two files, where its list begins, and the list itself)."""
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", b"a" * 100)
        packed.writestr("b.txt", b"b")
    data = path.read_bytes()
    size, at = struct.unpack("<LL", data[-10:-2])
    return path, at, data[at : at + size]


def wide(at, size, gap=b""):
    """The ZIP64 records after a list of files, and the plain end that says nothing of it."""
    record = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44 + len(gap), 45, 45, 0, 0, 2, 2, size, at) + gap
    locator = b"PK\6\7" + struct.pack("<LQL", 0, at + size, 1)
    return record + locator + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 2, 2, 0, at, 0)


def test_it_is_what_the_end_says(made):
    path, _, listed = made
    assert zips.directory(path) == len(listed)


@pytest.mark.parametrize("comment", [b"x", b"x" * 65_535, b"PK\6\7" * 10])
def test_a_comment_hides_nothing(made, comment):
    path, _, listed = made
    with zipfile.ZipFile(path, "a") as packed:
        packed.comment = comment
    assert zips.directory(path) == len(listed)


@pytest.mark.parametrize("gap", [b"", b"further data"])
def test_zip64_hides_nothing(made, gap):
    path, at, listed = made
    path.write_bytes(path.read_bytes()[:at] + listed + wide(at, len(listed), gap))
    assert zips.directory(path) == len(listed)
    if not gap:
        assert zipfile.ZipFile(path).namelist() == ["a.txt", "b.txt"]  # so it is read


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\5\6", b"x" * 70_000, b"PK\6\7" + b"\xff" * 16 + b"PK\5\6" + bytes(18)]
)
def test_what_is_no_zip_has_none(tmp_path, data):
    (tmp_path / "none").write_bytes(data)
    assert zips.directory(tmp_path / "none") == 0
