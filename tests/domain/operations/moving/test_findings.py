"""What stands in the way of a file, said before anything of it is brought in; and files that only look like one."""

import json
import zipfile

import pytest

from domain import Invalid
from domain.operations.moving import findings, packages
from domain.organizations import organizations
from tests.fixtures.travels import elsewhere, forged, taken_out


@pytest.fixture
def taken(cast, at, proven, houses, house, password_hash, tmp_path):
    path = taken_out(at("alice"), proven, tmp_path)
    elsewhere(houses, house, password_hash)
    return path


@pytest.mark.parametrize("slug", ["admin", "health", "new"])
def test_an_address_of_the_site_itself_is_taken(taken, slug):
    assert slug in organizations.RESERVED
    with zipfile.ZipFile(taken) as packed:
        about = json.loads(packed.read("organization.json")) | {"slug": slug}
    wrong = forged(taken, **{"organization.json": json.dumps(about).encode()})
    assert findings.look(wrong)["findings"] == [f"The address /{slug} is taken here. Choose another one."]
    assert findings.look(wrong, "acme")["findings"] == []


ODD = (b"[]", b"{}", b"x", b'"x"', b"null", b"[" * 2000, b'{"a": ' * 2000, b'{"name": "\\ud800"}', b"\xff")


def test_parts_that_are_something_else_are_refused(taken):
    for name in ("organization.json", "people.jsonl"):
        for data in ODD:
            with pytest.raises(Invalid):
                findings.look(forged(taken, **{name: data}))
    with zipfile.ZipFile(taken) as packed:
        whole = json.loads(packed.read("organization.json"))
    for change in ({"name": 5}, {"slug": None}, {"timezone": ["UTC"]}, {"name": "\0"}, {"timezone": "No/Where"}):
        with pytest.raises(Invalid):
            findings.look(forged(taken, **{"organization.json": json.dumps(whole | change).encode()}))


def test_a_manifest_that_says_nonsense_is_refused(taken, tmp_path):
    with zipfile.ZipFile(taken) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    manifest = json.loads(held["manifest.json"])
    odd = (
        *(manifest | {"counts": value} for value in (None, [], {}, manifest["counts"] | {"task": "many"})),
        *(manifest | {"install": value} for value in (None, 5, "", "x" * 41, "a b")),
        *(manifest | {"organization": value} for value in (None, "x", -1, 2**31, 1.5)),
        *(manifest | {"sha256": value} for value in (None, [], {})),
        *([], None, "x"),
    )
    for told in odd:
        with zipfile.ZipFile(tmp_path / "odd.zip", "w") as out:
            for name, data in (held | {"manifest.json": json.dumps(told).encode()}).items():
                out.writestr(name, data)
        with pytest.raises(Invalid):
            findings.look(tmp_path / "odd.zip")
    many = manifest | {"counts": manifest["counts"] | {"task": packages.MOST_ROWS + 1}}
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as out:
        for name, data in (held | {"manifest.json": json.dumps(many).encode()}).items():
            out.writestr(name, data)
    with pytest.raises(Invalid, match="more rows than"):
        findings.look(tmp_path / "odd.zip")
