"""Files that were brought, in the data folder by what is in them, as long as anything needs them.

A file is shared by all who brought the same: imports name it in a row, a restore in the facts of its job.
"""

import hashlib
import os
import secrets
from contextlib import contextmanager

from database.scope import everywhere
from domain.base import configuration, long_jobs
from domain.imports.reading import SIZE, unreadable
from models import ImportFile

PIECE = 1 << 20


def folder():
    """Where they lie."""
    return configuration.active.data / "imports"


def path(sha256):
    """Where the file with this content lies."""
    return folder() / sha256


def keep(stream):
    """Write a stream to the folder as it comes; returns (its SHA-256, its bytes). Refuses with Invalid beyond SIZE."""
    folder().mkdir(parents=True, exist_ok=True)
    coming, hashed, size = folder() / f"coming-{secrets.token_hex(8)}", hashlib.sha256(), 0
    try:
        with coming.open("wb") as file:
            while piece := stream.read(PIECE):
                size += len(piece)
                if size > SIZE:
                    raise unreadable(
                        f"The file is too large; at most {SIZE // 1_000_000} MB can be brought in at once."
                    )
                hashed.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        coming.replace(path(hashed.hexdigest()))
    finally:
        coming.unlink(missing_ok=True)
    return hashed.hexdigest(), size


@contextmanager
def keeping(stream):
    """As `keep`; at the end of the block the file goes again, unless something was made that needs it."""
    sha256, size = keep(stream)
    try:
        yield sha256, size
    finally:
        drop(sha256)


def drop(sha256):
    """Remove a file, unless an import or open work of any organization still needs it."""
    with everywhere("a file may be another organization's too: it goes when nobody needs it"):
        needed = ImportFile.one(ImportFile.sha256 == sha256, ImportFile.state != "dropped")
    if needed is None and not any(job.facts.get("sha256") == sha256 for job in long_jobs.all_open()):
        path(sha256).unlink(missing_ok=True)
