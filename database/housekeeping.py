"""The files of a SQLite database: who may read them, that one server alone has them, that they are whole."""

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

ROOM = 16 * 1024 * 1024  # bytes that must be free for the database to be called well
OVERLAP = 60  # seconds in which the one before may still be stopping


class CannotStart(SystemExit):
    """With the sentence for whoever starts it."""


def file_of(url):
    """The path of a SQLite database, or None for PostgreSQL."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def make_private(url, folder):
    """The folder and the database's files are its owner's alone. Refuses with CannotStart where one may not write."""
    file = file_of(url)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() not in (Path.cwd(), Path.home(), Path("/")):
            folder.chmod(0o700)
        if file is not None:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
                if part.exists():
                    part.chmod(0o600)
    except OSError as error:
        raise CannotStart(
            f"Guildhall can't start: it may not write in {file.parent if file else folder} "
            f"({error.strerror or error}). The database, its log and its copies are kept there: "
            "give the folder to the user who runs Guildhall, or name another one in GUILDHALL_DATA."
        ) from None


class Hold:
    """The lock on a SQLite database, for as long as the server and its workers live."""

    def __init__(self, url, folder, overlap=OVERLAP, say=print):
        """Waits for one that is stopping, then refuses with CannotStart. `was_killed`: the last one didn't end well."""
        make_private(url, folder)
        self.was_killed, self.pid, self.descriptor, file = False, os.getpid(), -1, file_of(url)
        if file is None:
            return
        self.descriptor = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        until, told = time.monotonic() + overlap, False
        while not self._take():
            if time.monotonic() > until:
                raise CannotStart(
                    f"Guildhall can't start: another one (process {self._noted() or 'unknown'}) is running on {file}, "
                    "and two on one SQLite file would damage each other's work. Stop that one first, or give this one "
                    "a folder of its own (GUILDHALL_DATA)."
                )
            if not told:
                say(f"Another Guildhall is running on {file}; waiting {overlap:g} seconds for it to end.")
                told = True
            time.sleep(0.2)
        self.was_killed = bool(self._noted())
        self._note(str(self.pid))

    def _take(self):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def _noted(self):
        return os.pread(self.descriptor, 20, 0).decode().strip()

    def _note(self, text):
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)

    def let_go(self):
        """All is written and closed; a worker, which has the lock by its birth, can't say so."""
        if self.descriptor >= 0 and os.getpid() == self.pid:
            self._note("")
            os.close(self.descriptor)
            self.descriptor = -1


def has_room(url):
    """Whether the disk of a SQLite database isn't full."""
    file = file_of(url)
    return file is None or shutil.disk_usage(file.parent).free >= ROOM


def room(url):
    """The bytes that are left on the disk of a SQLite database; None for PostgreSQL."""
    file = file_of(url)
    return None if file is None else shutil.disk_usage(file.parent).free


def short_of_room(url):
    """The bytes that are left on the disk of a SQLite database, where they are less than 15 of 100 or than twice the
    database; else None."""
    file = file_of(url)
    if file is None or not file.exists():
        return None
    disk = shutil.disk_usage(file.parent)
    return disk.free if disk.free < max(disk.total * 0.15, 2 * file.stat().st_size) else None


def log_size(url):
    """The bytes of a SQLite database's log (WAL)."""
    file = file_of(url)
    log = file and file.with_name(file.name + "-wal")
    return log.stat().st_size if log is not None and log.exists() else 0
