"""Files that were brought, in the data folder by what is in them, as long as an import needs them."""

import hashlib
import os
import secrets

from domain.base import configuration
from domain.imports.reading import SIZE, unreadable

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


def drop(sha256):
    """Remove a file that nothing needs any more."""
    path(sha256).unlink(missing_ok=True)
