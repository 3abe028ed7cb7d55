"""Whole tables as one ZIP: all of it with its hashes, or none."""

import hashlib
import io
import json
import zipfile

import pytest

from database.scope import inside
from domain import Forbidden, Invalid, Refused
from domain.base import configuration
from domain.files import made_files, stores
from domain.lists import attachments, rows
from domain.records import collections, listings
from domain.records.archives import leaving
from models import StoredFile


@pytest.fixture
def by(cast, at):
    with inside(cast.acme):
        yield at("alice")


@pytest.fixture
def table(by):
    made = collections.make("Things", by=by)
    rules = listings.of(made, by)
    row = rows.create(rules, {"f1": "Bolt"}, by=by)
    attachments.add(rules, row.id, io.BytesIO(b"content"), "Überblick.txt", by=by)
    return made


def test_each_part_is_there_with_its_hash(by, table):
    leaving.ask([table.slug], by=by)
    with pytest.raises(Refused, match="already"):
        leaving.ask([table.slug], by=by)
    assert leaving.work() == 1
    with zipfile.ZipFile(made_files.path(leaving.newest(by))) as packed:
        manifest = json.loads(packed.read("manifest.json"))
        (about,) = manifest["tables"]
        assert (about["name"], about["rows"], about["files"], about["comments"]) == ("Things", 1, 1, 0)
        for name, sha256 in manifest["sha256"].items():
            assert hashlib.sha256(packed.read(name)).hexdigest() == sha256
        assert packed.read(f"files/{hashlib.sha256(b'content').hexdigest()}") == b"content"
        (line,) = packed.read(f"tables/{table.id}/records.jsonl").splitlines()
        assert json.loads(line)["cells"] == {"1": "Bolt"}


def test_records_38_a_file_that_is_missing_makes_the_zip_fail_not_the_way_back(by, table):
    stores.active().remove(attachments.key(by.organization.id, StoredFile.get().sha256))
    leaving.ask([table.slug], by=by)
    leaving.work()
    said = "The content of “Überblick.txt” is missing, so no ZIP was made: remove it first."
    assert leaving.newest(by).error == said
    assert list((configuration.active.data / "archives").iterdir()) == []


def test_who_builds_has_a_zip_made_of_tables(by, table, at):
    with pytest.raises(Forbidden):
        leaving.ask([table.slug], by=at("bob"))
    with pytest.raises(Invalid):
        leaving.ask([], by=by)
