"""What changed between two copies of a SQLite file, page by page: SQLite's backup keeps each page in its place, so few
written rows are few changed pages.

A delta is, one behind the other, each changed page behind its number in four bytes. How many pages the file has, and
what its bytes come to, stands in the delta's manifest.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path

from domain.operations.copies import packing

DELTA = ".delta"  # in the name of one
SUM = 16  # bytes of BLAKE2b by which a page is known
NUMBER = struct.Struct(">I")


@dataclass(frozen=True)
class State:
    """The sums of all pages of a copy, by which the next delta is told."""

    name: str  # of the copy or delta that left the file so
    base: str  # the whole copy that it goes back to
    page: int  # bytes of a page
    sums: bytes

    @property
    def count(self):
        return len(self.sums) // SUM

    def sum_of(self, number):
        return self.sums[number * SUM : (number + 1) * SUM]


def state_of(file, name, base):
    """(the State of a SQLite file as it lies there, its SHA-256 in hex): read once, for both."""
    whole = hashlib.sha256()
    with open(file, "rb") as opened:
        size = int.from_bytes(opened.read(18)[16:18], "big")
        page = 65536 if size == 1 else size  # https://www.sqlite.org/fileformat.html#page_size
        opened.seek(0)
        sums = bytearray()
        while piece := opened.read(page * (packing.PIECE // page)):
            whole.update(piece)
            for at in range(0, len(piece), page):
                sums += _sum(piece[at : at + page])
    return State(name, base, page, bytes(sums)), whole.hexdigest()


def _sum(data):
    return hashlib.blake2b(data, digest_size=SUM).digest()


def write_state(state, target):
    """Keep it, whole or not at all."""
    about = json.dumps({"name": state.name, "base": state.base, "page": state.page}).encode()
    packing.write(target, about + b"\n" + state.sums)


def read_state(file):
    """What was kept, or None where nothing is or it can't be read."""
    try:
        about, _, sums = Path(file).read_bytes().partition(b"\n")
        told = json.loads(about)
        return State(str(told["name"]), str(told["base"]), int(told["page"]), sums)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_delta(file, before, after, target):
    """What has to be put into the file of the state `before` for it to be `file`, of the state `after`; returns how
    many pages."""
    count = 0
    with open(file, "rb") as opened, open(target, "wb") as out:
        for number in range(after.count):
            if number >= before.count or before.sum_of(number) != after.sum_of(number):
                opened.seek(number * after.page)
                out.write(NUMBER.pack(number) + opened.read(after.page))
                count += 1
    return count


def apply(delta, file, page, count):
    """Put the pages of a delta into the file, which has `count` pages then. Refuses with packing.Unreadable."""
    with open(delta, "rb") as opened, open(file, "r+b") as out:
        for number, data in _pages(opened, page):
            if number >= count:
                raise packing.Unreadable("The delta speaks of pages that its file hasn't got.")
            out.seek(number * page)
            out.write(data)
        out.truncate(count * page)


def refuse_other(delta, after):
    """Refuses with packing.Unreadable where a delta's pages aren't those of the state it leads to."""
    with open(delta, "rb") as opened:
        for number, data in _pages(opened, after.page):
            if after.sum_of(number) != _sum(data):
                raise packing.Unreadable("What comes out of the delta isn't what went in.")


def _pages(opened, page):
    while head := opened.read(NUMBER.size):
        data = opened.read(page)
        if len(head) < NUMBER.size or len(data) < page:
            raise packing.Unreadable("The delta is cut.")
        yield NUMBER.unpack(head)[0], data


def rebuild(name, fetch, here, identity=None):
    """A whole copy, not encrypted, of the moment of a delta, in the folder `here`: its path. `fetch(name)` gives the
    path of a file of the copies. Refuses with packing.Unreadable where a link of it is missing or isn't as it was."""
    chain, at = [], name
    while DELTA in at:
        told = packing.read_manifest(fetch(f"{at}.json"))
        chain.append((at, told))
        at = told["parent"]
    base = packing.read_manifest(fetch(f"{at}.json"))
    plain = here / "rebuilt.db"
    packing.unpack(fetch(at), plain, identity, is_kept=False)
    for delta, told in reversed(chain):
        packing.unpack(fetch(delta), here / "delta", identity, is_kept=False)
        apply(here / "delta", plain, told["page"], told["count"])
    if packing.sum_of(plain) != told["sha256"]:
        raise packing.Unreadable("What comes out of the deltas isn't the database of that moment.")
    target = here / f"{name.partition(DELTA)[0]}.db.zst"
    packing.pack(plain, target)
    about = {key: told[key] for key in ("made_at", "key", "sha256", "size", "version", "migration", "format")}
    about["began_at"] = told.get("began_at", told["made_at"])
    about |= {"tables": packing.tables_of(plain), "recipients": [], "packed_sha256": packing.sum_of(target)}
    packing.write_manifest(base | about | {"packed": target.stat().st_size}, f"{target}.json")
    plain.unlink()
    return target
