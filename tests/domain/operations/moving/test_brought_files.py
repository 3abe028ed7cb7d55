"""A file that staff brought: looked at for a day, asked for after proving who one is."""

import os

import pytest

import jobs
from database.scope import inside
from domain import Invalid, NotFound
from domain.base import stepup
from domain.files import made_files
from domain.operations.moving import arrivals, brought_files, departures
from models import Organization


@pytest.fixture
def brought(cast, at, proven):
    with inside(cast.acme):
        proven("alice", "organization.export", cast.acme.id)
        departures.ask(by=at("alice"))
        jobs.run("organization_export")
        path = made_files.path(departures.newest(at("alice")))
    with open(path, "rb") as file:
        return brought_files.keep(file)


def test_it_is_asked_for_by_whoever_proves_who_they_are(brought, cast, proven, signed_in_as):
    with pytest.raises(Invalid, match="taken here"):
        brought_files.ask(brought, "", by=cast.stella)
    signed_in_as("stella")
    with pytest.raises(stepup.VerificationRequired):
        brought_files.ask(brought, "copy", by=cast.stella)
    assert arrivals.newest() == []
    proven("stella", "admin.import_organization")
    brought_files.ask(brought, "copy", by=cast.stella)
    jobs.run("organization_import")
    assert Organization.get(Organization.slug == "copy").owner == cast.stella
    with pytest.raises(NotFound):
        brought_files.path(brought)


def test_it_is_kept_for_a_day_and_names_nothing_else(brought, cast, tmp_path):
    for word in ("../../guildhall.db", "x", "a" * 64):
        with pytest.raises(NotFound):
            brought_files.path(word)
    os.utime(brought_files.path(brought), (0, 0))
    (tmp_path / "none").write_bytes(b"no zip")
    with open(tmp_path / "none", "rb") as file, pytest.raises(Invalid, match="no whole file"):
        brought_files.keep(file)
    assert list(brought_files.folder().iterdir()) == []
