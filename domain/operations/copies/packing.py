"""The files of a copy: the database as it stood at one moment, compressed, encrypted where there is a key to do it
for, and beside it a manifest that says what must come out again.

A packed copy is `guildhall-<time>-<chance>.db.zst`, with `.age` where it is encrypted, and `….json` its manifest:
zstd (RFC 8878) by `zstandard`, age (age-encryption.org/v1) by `pyrage`.
"""

import hashlib
import json
import os
import secrets
import sqlite3
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from database.clock import now
from database.late import Late
from domain.base import keys
from domain.files import stores

pyrage, zstandard = Late("pyrage"), Late("zstandard")

FORMAT = 1
LEVEL = 3  # of zstd: 122 MB of 507 in two seconds; 9 takes nine times as long for a tenth less
PIECE = 1 << 20
ROOM = 2.3  # how many times the database must be free on the disk: the copy, and it packed


class Unreadable(ValueError):
    """What was packed can't be opened: another key's, cut, changed, or of a format that isn't known."""


def new_key():
    """(private, public) key of age."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def snapshot(source, target):
    """Copy the SQLite file as it stands, while it is used. In one step: by several it begins anew with each write. It
    isn't kept, so nobody waits until it lies on the disk, least of all who writes to the database."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live, closing(sqlite3.connect(target)) as copy:
        copy.execute("PRAGMA synchronous = OFF")
        live.backup(copy)


def tables_of(file):
    """table → [rows, a sum over them that no order changes], of a SQLite file."""
    found = {}
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
        for (name,) in opened.execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_s%'"
        ):
            count = total = 0
            for row in opened.execute(f'SELECT * FROM "{name}"'):  # noqa: S608  its own names
                count += 1
                total += int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=8).digest(), "big")
            found[name] = [count, f"{total % 2**64:016x}"]
    return dict(sorted(found.items()))


def sum_of(file):
    """SHA-256 (hex) of a file's bytes."""
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def pack(source, target, recipients=()):
    """Compress the file into `target`, encrypted for the `recipients` (public keys of age). Whole or not there. Returns
    the SHA-256 (hex) of what went in."""
    with open(source, "rb") as file, _lasting(target) as out:
        plain: Any = _Summed(file)  # zstandard asks for a file, and only reads it
        packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).stream_reader(plain, read_size=PIECE)
        if recipients:
            keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
            pyrage.encrypt_io(packed, out, keys)
        else:
            while piece := packed.read(PIECE):
                out.write(piece)
    return plain.sum.hexdigest()


class _Summed:
    """A file that is read, and the SHA-256 of what was."""

    def __init__(self, file):
        self.file, self.sum = file, hashlib.sha256()

    def read(self, size):
        piece = self.file.read(size)
        self.sum.update(piece)
        return piece


def unpack(packed, target, identity=None, *, is_kept=True):
    """What was packed, as a file again; `identity` is the private key of age where it is encrypted. Returns its SHA-256
    (hex). Refuses with Unreadable; nothing is left of what can't be read whole. One that isn't kept needn't lie on the
    disk."""
    is_sealed = str(packed).endswith(".age")
    if is_sealed and not identity:
        raise Unreadable("This copy is encrypted: it opens with the private key (--identity) of one of its recipients.")
    try:
        with open(packed, "rb") as file, _lasting(target, is_kept=is_kept) as out:
            plain = _Plain(out)
            if is_sealed:
                pyrage.decrypt_io(file, plain, [pyrage.x25519.Identity.from_str(identity)])
            else:
                while piece := file.read(PIECE):
                    plain.write(piece)
            plain.end()
    except (pyrage.DecryptError, pyrage.IdentityError, zstandard.ZstdError, OSError) as error:
        raise Unreadable(f"The copy can't be opened: {error}") from None
    return plain.sum.hexdigest()


class _Plain:
    """What is written to it arrives in a file decompressed, and is summed up; `end` refuses where the last of it is
    missing."""

    def __init__(self, out):
        self.out, self.reading, self.sum = out, zstandard.ZstdDecompressor().decompressobj(), hashlib.sha256()

    def write(self, piece):
        plain = self.reading.decompress(piece)
        self.sum.update(plain)
        self.out.write(plain)
        return len(piece)

    def flush(self):
        self.out.flush()

    def end(self):
        if not self.reading.eof:
            raise Unreadable("The copy can't be opened: its end is missing.")


def write(target, data):
    """Bytes into a file that is there once all is written, or not at all."""
    with _lasting(target) as out:
        out.write(data)


def write_manifest(told, target):
    """The manifest beside a copy, as JSON."""
    write(target, json.dumps(told, indent=1).encode())


def named(moment, end):
    """What a copy is called that is begun at a moment; its manifest says what it holds (see `held`)."""
    return f"guildhall-{moment:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}{end}"


def written(moment):
    """A moment as manifests have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def held(began):
    """What manifests say of the moment of a snapshot that was begun then and is whole now: nothing later is in it, and
    all that was before it began."""
    return {"began_at": written(began), "made_at": written(now())}


def moment_of(text):
    """A moment as manifests write it; None for none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def fingerprint():
    """By which a copy tells whether SECRET_KEY is the one that it was made under, and nobody what that is."""
    return keys.keyed("backup", "the key of this site")[:32]


def read_manifest(file):
    """What was written. Refuses with Unreadable, also for a format that a later version made."""
    try:
        told = json.loads(Path(file).read_text("utf-8"))
        known = told["format"] <= FORMAT
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"The manifest of the copy can't be read: {error}") from None
    if not known:
        raise Unreadable("This copy was made by a later Guildhall. Restore it with that one.")
    return told


@contextmanager
def _lasting(target, *, is_kept=True):
    """The same as stores.whole, of whose name the folder is told too, and that is its keeper's alone."""
    with stores.whole(target := Path(target), is_kept=is_kept) as out:
        os.fchmod(out.fileno(), 0o600)
        yield out
    if is_kept:
        _sync(target.parent)


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
