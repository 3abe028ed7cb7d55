"""Copies at a server that speaks SFTP: whole or not there, only at the right one, and the sentence why not."""

import os
import re
import time
from dataclasses import replace

import asyncssh
import pytest

from domain.base import configuration
from domain.operations.copies import copies, packing, places, sftp
from models import Backup
from tests.peers.sftp import ROOM, Peer


@pytest.fixture
def peer(tmp_path_factory):
    made = Peer(tmp_path_factory.mktemp("peer"))
    yield made
    made.stop()


@pytest.fixture
def place(peer):
    return sftp.Folder(peer.url, peer.key, peer.host_key)


def sized(tmp_path, size, name="copy"):
    path = tmp_path / name
    path.write_bytes(os.urandom(size))
    return path


def lying(peer):
    return {path.relative_to(peer.folder).as_posix() for path in peer.folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mood", ["well", "old"])
def test_what_is_brought_there_comes_back_is_listed_replaced_and_removed(place, peer, tmp_path, mood):
    peer.mood = mood
    assert (list(place.names()), place.size("a.json"), place.get("a.json", tmp_path / "none")) == ([], None, False)
    large = sized(tmp_path, sftp.PIECE + 100_000)
    place.put("a.json", sized(tmp_path, 0, "empty"))
    place.put("a.json", large)
    place.put("files/7/ab/cd.age", sized(tmp_path, 10, "small"))
    assert lying(peer) == {"far/a.json", "far/files/7/ab/cd.age"}
    assert (place.names(), place.size("a.json")) == (["a.json"], large.stat().st_size)
    assert place.get("a.json", tmp_path / "back")
    assert packing.sum_of(tmp_path / "back") == packing.sum_of(large)
    place.remove("a.json")
    place.remove("a.json")
    assert place.names() == []


def refusal(work):
    with pytest.raises(sftp.Unreached) as found:
        work()
    return found.value.sentence


@pytest.mark.parametrize(("mood", "why"), [("cut", "stopped answering"), ("full", "no room left")])
def test_one_that_is_cut_off_is_not_seen_and_what_was_there_stays(place, peer, tmp_path, mood, why):
    small, large = sized(tmp_path, 1000, "small"), sized(tmp_path, ROOM * 2)
    place.put("copy", small)
    peer.mood = mood
    assert why in refusal(lambda: place.put("copy", large))
    peer.mood = "well"
    assert (place.names(), place.size("copy")) == (["copy"], 1000)
    left = lying(peer) - {"far/copy"}
    assert all(name.endswith(sftp.HALF) for name in left)
    for name in left:  # what was cut off a day ago goes
        os.utime(peer.folder / name, (time.time() - 2 * sftp.OLD,) * 2)
    place.put("copy", large)
    assert lying(peer) == {"far/copy"}
    assert place.size("copy") == large.stat().st_size


def test_a_server_with_another_key_is_sent_nothing(peer, tmp_path):
    # Of another kind of key the server may notice first, and hang up.
    for kind, said in (
        ("ssh-ed25519", "nothing was sent"),
        ("ecdsa-sha2-nistp256", r"nothing was sent|stopped answering"),
    ):
        other = asyncssh.generate_private_key(kind).export_public_key().decode()
        place = sftp.Folder(peer.url, peer.key, other)
        assert re.search(said, refusal(lambda place=place: place.put("copy", sized(tmp_path, 10))))
    assert lying(peer) == set()


def test_why_it_was_not_let_in_or_found_is_said(peer, tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    assert "doesn't let keeper in" in refusal(sftp.Folder(peer.url, other, peer.host_key).names)
    for keys in (("no key", peer.host_key), (peer.key, "ssh-ed25519 AAAA")):
        assert "can't be read" in refusal(sftp.Folder(peer.url, *keys).names)
    assert "can't be reached" in refusal(sftp.Folder("sftp://keeper@127.0.0.1:9/far", peer.key, peer.host_key).names)


def test_a_copy_is_brought_there_and_proven_from_there(cast, sqlite, peer):
    _, public = packing.new_key()
    about = {"backup_url": peer.url, "backup_ssh_key": peer.key, "backup_ssh_host_key": peer.host_key}
    configuration.use(replace(configuration.active, **about, backup_recipients=(public,)))
    row = copies.begin()
    copies.work()
    row = Backup.get_by_id(row.id)
    assert (row.state, row.error) == ("proven", None)
    assert set(places.away().names()) == {row.name, f"{row.name}.json"}
    configuration.use(replace(configuration.active, backup_ssh_host_key="ssh-ed25519 AAAA"))
    again = copies.begin()
    copies.work()
    assert Backup.get_by_id(again.id).state == "failed"
    assert Backup.get_by_id(row.id).removed_at is None
