"""Files of organizations that are none, or were changed: each is refused with a sentence, and none is a failure."""

import io
import json
import shutil
import zipfile

import pytest

import jobs
from database.scope import inside
from domain import Invalid
from domain.files import made_files
from domain.lists import rows
from domain.operations.moving import departures, packages
from domain.tasks import tasks
from models import Task


@pytest.fixture
def whole(cast, at, proven, tmp_path):
    with inside(cast.acme):
        for title in ("One", "Two", "Three"):
            rows.create(tasks.rules, {"title": title}, by=at("alice"))
        proven("alice", "organization.export", cast.acme.id)
        departures.ask(by=at("alice"))
        jobs.run("organization_export")
        return shutil.copy(made_files.path(departures.newest(at("alice"))), tmp_path / "whole.zip")


def changed(whole, **entries):
    """The same file with some of its parts replaced, left out (None) or added."""
    out, named = (
        whole.with_name("changed.zip"),
        {name.replace("__", "/").replace("_dot_", "."): v for name, v in entries.items()},
    )
    with zipfile.ZipFile(whole) as was, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as now:
        for name in was.namelist():
            if name not in named:
                now.writestr(name, was.read(name))
        for name, data in named.items():
            if data is not None:
                now.writestr(name, data)
    return out


def refusal(path):
    with pytest.raises(Invalid) as refused:
        packages.opened(path)
    return refused.value.fields["file"]


def test_a_whole_one_opens(whole):
    packed, manifest = packages.opened(whole)
    with packed:
        assert manifest["slug"] == "acme"
        assert packages.about(packed)["name"] == "Acme"
        assert {person["name"] for person in packages.people(packed)} >= {"Alice", "Vera"}


def test_a_list_of_parts_without_end_is_refused_before_it_is_read(whole, monkeypatch):
    monkeypatch.setattr(packages, "MOST_DIRECTORY", 100)
    monkeypatch.setattr(packages.zipfile, "ZipFile", None)
    assert "larger than an organization's file may be" in refusal(whole)


def test_what_was_changed_is_named(whole, tmp_path):
    assert "“rows/task.jsonl” isn't what it was" in refusal(changed(whole, rows__task_dot_jsonl=b'{"id": 1}\n'))
    assert "Something is missing in it: people.jsonl" in refusal(changed(whole, people_dot_jsonl=None))
    assert "a part that no file of an organization has" in refusal(changed(whole, **{"../evil": b"x"}))
    assert "unpacks to far more" in refusal(changed(whole, rows__task_dot_jsonl=b"0" * 3_000_000))
    manifest = json.loads(zipfile.ZipFile(whole).read("manifest.json"))
    later = json.dumps(manifest | {"migration": "9999_later", "version": "9.9"})
    assert "made by Guildhall 9.9" in refusal(changed(whole, manifest_dot_json=later))
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:-200])
    (tmp_path / "none.zip").write_bytes(b"no zip")
    for name in ("cut.zip", "none.zip"):
        assert "This is no whole file of an organization" in refusal(tmp_path / name)


def test_more_than_it_may_hold_is_refused_before_it_is_read(whole, monkeypatch):
    monkeypatch.setattr(packages, "MOST_BYTES", 1000)
    assert "larger than an organization's file may be" in refusal(whole)
    monkeypatch.setattr(packages, "MOST_BYTES", 10**9)
    monkeypatch.setattr(packages, "MOST_ENTRIES", 3)
    assert "larger than an organization's file may be" in refusal(whole)
    assert io


def test_one_flipped_byte_anywhere_is_a_sentence(whole, tmp_path):
    data, odd = whole.read_bytes(), tmp_path / "odd.zip"
    for at in range(0, len(data), max(1, len(data) // 150)):
        odd.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            packages.opened(odd)[0].close()
        except Invalid:
            continue


def test_parts_are_bounded_and_people_too(whole):
    many = b'{"name": "x"}\n' * 2_000_000
    assert "“people.jsonl” is larger than one may be" in refusal(changed(whole, people_dot_jsonl=many))
    assert "“organization.json” is larger" in refusal(changed(whole, organization_dot_json=b"0" * 20_001))
    packed = whole.with_name("bzip.zip")
    with zipfile.ZipFile(whole) as was, zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as now:
        for name in was.namelist():
            now.writestr(name, was.read(name))
    assert "packed in a way" in refusal(packed)


def test_rows_come_in_pieces_of_so_many_bytes(whole, monkeypatch):
    monkeypatch.setattr(packages, "MOST_AT_ONCE", 10)
    packed, _ = packages.opened(whole)
    with packed:
        assert [len(some) for some in packages.rows(packed, Task)] == [1, 1, 1]
