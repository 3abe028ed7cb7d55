"""Beside the server, in a process of its own: make a packed copy of the database, and prove one by opening it.

`python -m domain.operations.copies.drill` reads what to do as JSON and answers as JSON. What a drill looks at is
thrown away after it; the database that is in use is only ever read.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from database.clock import now
from domain.base import audit, configuration
from domain.operations.copies import dumps, packing, pages

TOP = Path(__file__).resolve().parents[3]
WITHIN = 3 * 3600  # seconds; a drill of 500 MB takes half a minute on two cores
BOOT = 900  # seconds for migrations, the audit log and the pages
LARGE = 5 * 1024**3  # bytes above which indexes are compared on Sundays only
HALF = ".half-"  # how folders of half done copies begin: what a kill leaves is removed by the next one
HALF_DELTA = ".delta-"  # the same of a delta, which is made while a copy may be
LOOKED_AT = 50  # files of rows whose bytes are read


def ask(task, **given):
    """Have a task done in a process of its own, as niceness allows; returns its answer.
    Refuses with packing.Unreadable as the task does."""
    command = [sys.executable, "-m", "domain.operations.copies.drill"]
    asked = json.dumps({"task": task, "given": given})
    try:
        done = subprocess.run(  # noqa: S603  our own module
            command,
            cwd=TOP,
            input=asked,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            env=configuration.environment(),
        )
    except subprocess.TimeoutExpired:
        raise packing.Unreadable("It took more than three hours.") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise packing.Unreadable(f"It was cut off: {(done.stderr or 'it was ended from outside')[-400:]}") from None
    if "refused" in answer:
        raise packing.Unreadable(answer["refused"])
    return answer["done"]


@contextlib.contextmanager
def room(folder, prefix=HALF):
    """A folder for half done work below `folder`, removed whatever happens; no `sweep` takes it while it is used."""
    while True:
        made = tempfile.TemporaryDirectory(prefix=prefix, dir=folder, ignore_cleanup_errors=True)
        with made as name, _locked(name) as is_mine:
            if is_mine:
                yield Path(name)
                return


def sweep(folder, prefix=HALF):
    """Remove what a kill left half done, and nothing that somebody is at."""
    for left in folder.glob(f"{prefix}*"):
        with _locked(left) as is_free:
            if is_free:
                shutil.rmtree(left, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder):
    """Whether the folder is there and this process's alone, until it ends: a kill lets go of it as well."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield os.path.exists(folder)
    finally:
        os.close(descriptor)


def dump(url, target, recipients, about):
    """The same of a PostgreSQL, as the role in `url`, which reads past row security."""
    target = Path(target)
    with room(target.parent) as here:
        plain = here / "guildhall.dump"
        tables, migration, held = dumps.dump(url, plain)
        told = (
            about | held | {"format": packing.FORMAT, "version": _version(), "migration": migration, "tables": tables}
        )
        told |= {"size": plain.stat().st_size, "recipients": list(recipients)}
        told["sha256"] = packing.pack(plain, target, recipients)
    told |= {"packed": target.stat().st_size, "packed_sha256": packing.sum_of(target)}
    packing.write_manifest(told, f"{target}.json")
    return told


def _refuse_little_room(database, folder):
    free, needed = shutil.disk_usage(folder).free, int(os.path.getsize(database) * packing.ROOM)
    if free < needed:
        words = f"The disk has {free // 1024**2:,} MB left, and a copy needs {needed // 1024**2:,} MB."
        raise packing.Unreadable(words)


def make(database, target, recipients, about):
    """Copy, compress, encrypt; the manifest goes beside it as `.json`, with what is `about`, and the sums of its pages
    as `.pages`. Returns the manifest."""
    target = Path(target)
    _refuse_little_room(database, target.parent)
    with room(target.parent) as here:
        plain, began = here / "guildhall.db", now()
        packing.snapshot(database, plain)
        told = packing.held(began) | about
        with ThreadPoolExecutor(1) as beside:
            packed = beside.submit(packing.pack, plain, target, recipients)
            told |= {
                "format": packing.FORMAT,
                "version": _version(),
                "migration": _migration(plain),
                "size": plain.stat().st_size,
                "tables": packing.tables_of(plain),
                "recipients": list(recipients),
            }
            state, told["sha256"] = pages.state_of(plain, target.name, target.name)
        if packed.result() != told["sha256"]:
            raise packing.Unreadable("What was packed isn't what was read.")
        pages.write_state(state, f"{target}.pages")
    told |= {"packed": target.stat().st_size, "packed_sha256": packing.sum_of(target)}
    packing.write_manifest(told, f"{target}.json")
    return told


def delta(database, state, target, recipients, about):
    """Pack what changed in the database since the `state`, with its manifest beside it, and note the new state. Each
    delta is opened again before it counts, with a key that is made for that and forgotten. Returns the manifest;
    nothing is left where nothing changed."""
    target, before = Path(target), pages.read_state(state)
    _refuse_little_room(database, target.parent)
    key, own = packing.new_key() if recipients else (None, None)
    with room(target.parent, HALF_DELTA) as here:
        plain, changed, began = here / "guildhall.db", here / "delta", now()
        packing.snapshot(database, plain)
        about = packing.held(began) | about
        after, sha256 = pages.state_of(plain, target.name, before.base)
        told = about | {"format": packing.FORMAT, "version": _version(), "migration": _migration(plain)}
        told |= {"base": before.base, "parent": before.name, "page": after.page, "count": after.count}
        told |= {"size": plain.stat().st_size, "sha256": sha256, "recipients": list(recipients)}
        told["pages"] = pages.write_delta(plain, before, after, changed)
        if not told["pages"] and before.count == after.count:
            return told
        half = here / target.name
        packing.pack(changed, half, (*recipients, own) if recipients else ())
        packing.unpack(half, here / "opened", key, is_kept=False)
        pages.refuse_other(here / "opened", after)
        told |= {"packed": half.stat().st_size, "packed_sha256": packing.sum_of(half)}
        half.replace(target)
    packing.write_manifest(told, f"{target}.json")
    pages.write_state(after, state)
    return told


def rebuild(folder, name):
    """Put the moment of a delta together, of files in the folder that aren't encrypted, and look at it."""
    with room(folder, HALF_DELTA) as here:
        packed = pages.rebuild(name, lambda one: Path(folder) / one, here)
        packing.unpack(packed, here / "guildhall.db", is_kept=False)
        return _whole(here / "guildhall.db", is_sunday=False)


def prove(packed, manifest, identity=None, fingerprint="", files=None, is_sunday=True):
    """Bring a packed copy back and look whether a Guildhall runs on it: [{check, ok, words, seconds}], up to the
    first that isn't well. `files` is the folder with the files of rows, where they are kept with it."""
    told = packing.read_manifest(manifest)
    with room(Path(packed).parent) as here, ThreadPoolExecutor(1) as beside:
        plain, rows = here / "guildhall.db", []

        def whole():  # which is SQLite's work: rows can be read meanwhile
            rows.append(beside.submit(packing.tables_of, plain))
            return _whole(plain, is_sunday)

        return _lines(
            ("Its bytes", lambda: _bytes(packed, told["packed_sha256"])),
            ("Opens", lambda: _opens(packed, plain, identity, told)),
            ("File is whole", whole),
            ("Rows", lambda: _rows(rows[0].result(), told["tables"])),
            ("Files on rows", lambda: _files(_kept_by(plain), files)),
            ("Key", lambda: _same_key(told, fingerprint)),
            ("Runs", lambda: _runs(here, told, f"sqlite:///{plain}")),
        )


def prove_dump(url, packed, manifest, identity=None, fingerprint="", files=None):
    """The same of a dump, in a database of its own beside the site's (`url`), which is removed again."""
    told = packing.read_manifest(manifest)
    with room(Path(packed).parent) as here, dumps.scratch(url) as scratch:
        plain = here / "guildhall.dump"
        return _lines(
            ("Its bytes", lambda: _bytes(packed, told["packed_sha256"])),
            ("Opens", lambda: _opens(packed, plain, identity, told)),
            ("Comes back", lambda: dumps.load(plain, scratch)),
            ("Rows", lambda: _rows(dumps.tables_of(scratch), told["tables"])),
            ("Files on rows", lambda: _files(dumps.files_of(scratch), files)),
            ("Key", lambda: _same_key(told, fingerprint)),
            ("Runs", lambda: _runs(here, told, scratch)),
        )


def _lines(*checks):
    """What each check says, up to the first that isn't well."""
    lines = []
    for check, look in checks:
        began = time.monotonic()
        try:
            words, ok = look(), True
        except (packing.Unreadable, sqlite3.Error, psycopg.Error, OSError, subprocess.SubprocessError) as error:
            words, ok = str(error), False
        if words is not None:
            spent = round(time.monotonic() - began, 1)
            lines.append({"check": check, "ok": ok, "words": words, "seconds": spent})
        if not ok:
            break
    return lines


def _bytes(packed, sha256):
    if packing.sum_of(packed) != sha256:
        raise packing.Unreadable("They aren't what was written: the copy was cut or changed.")
    return f"{os.path.getsize(packed):,} bytes, as they were written"


def _opens(packed, plain, identity, told):
    if packing.unpack(packed, plain, identity, is_kept=False) != told["sha256"]:
        raise packing.Unreadable("What comes out of it isn't what went in.")
    return "Decrypted and decompressed" if told["recipients"] else "Decompressed"


def _whole(plain, is_sunday):
    check = "integrity_check" if is_sunday or plain.stat().st_size < LARGE else "quick_check"
    with closing(sqlite3.connect(plain)) as opened:
        found = [text for (text,) in opened.execute(f"PRAGMA {check}(20)")]
        if found != ["ok"]:
            raise packing.Unreadable(found[0])
        if orphan := opened.execute("PRAGMA foreign_key_check").fetchone():
            raise packing.Unreadable(f"A row of {orphan[0]} points to one of {orphan[2]} that isn't there.")
    return f"{check} and foreign keys"


def _rows(found, tables):
    if wrong := sorted(name for name in found.keys() | tables.keys() if found.get(name) != tables.get(name)):
        raise packing.Unreadable(f"These aren't as they were: {', '.join(wrong[:5])}.")
    return f"{sum(count for count, _ in found.values()):,} rows of {len(found)} tables, each by its sum"


def _kept_by(plain):
    with closing(sqlite3.connect(plain)) as opened:
        return opened.execute("SELECT DISTINCT organization_id, sha256 FROM stored_file").fetchall()


def _files(kept, files):
    """Each file on a row is kept, and of some the bytes are what they are called by."""
    if files is None or not kept:
        return None
    paths = {Path(files) / f"{organization}/{sha256[:2]}/{sha256}": sha256 for organization, sha256 in kept}
    if missing := [path for path in paths if not path.exists()]:
        raise packing.Unreadable(f"{len(missing)} of {len(paths)} files aren't kept, such as {missing[0].name[:12]}….")
    for path in random.sample(sorted(paths), min(len(paths), LOOKED_AT)):
        if packing.sum_of(path) != paths[path]:
            raise packing.Unreadable(f"The file {path.name[:12]}… isn't what it was.")
    return f"{len(paths):,} files are kept, and {min(len(paths), LOOKED_AT)} were read"


def _same_key(told, fingerprint):
    if told["key"] != fingerprint:
        raise packing.Unreadable("It was made under another SECRET_KEY; what is encrypted in it stays shut.")
    return "SECRET_KEY is the one it was made under"


def _runs(here, told, url):
    """The application itself, on the copy: it is brought up to date, and pages are asked of it."""
    environment = configuration.environment(
        GUILDHALL_DATA=str(here),
        DATABASE_URL=url,
        RATE_LIMIT_STORAGE="memory://",
        WORKERS="1",
        JOBS="0",
    )
    seals = audit.seals_file()
    if seals.exists():
        (here / seals.name).write_text(sealed_before(seals, told))
    done = subprocess.run(
        [sys.executable, "app.py", "--check"], cwd=TOP, capture_output=True, text=True, timeout=BOOT, env=environment
    )
    said = done.stdout.strip().splitlines()
    if done.returncode:
        raise packing.Unreadable((said or [done.stderr[-400:] or "It doesn't start."])[-1])
    return "; ".join(said)


def sealed_before(seals, told):
    """The lines of the audit log's seals that the copy of which a manifest tells must know: what was sealed later can't
    be in it."""
    until = told.get("began_at", told["made_at"])
    return "".join(f"{line}\n" for line in seals.read_text("utf-8").splitlines() if _sealed_at(line) <= until)


def _sealed_at(line):
    """When a line of the audit log's seals was written, as text; empty where it can't be read."""
    try:
        return json.loads(line)["at"]
    except (ValueError, KeyError, TypeError):
        return ""


def _version():
    return tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def _migration(plain):
    with closing(sqlite3.connect(plain)) as opened:
        return opened.execute("SELECT max(name) FROM schema_migration").fetchone()[0]


PR_SET_PDEATHSIG = 1
TASKS: dict[str, Callable[..., Any]] = {task.__name__: task for task in (make, dump, delta, rebuild, prove, prove_dump)}


def main():
    """The child's side."""
    os.nice(19)
    os.umask(0o077)
    with contextlib.suppress(OSError, AttributeError):  # Linux: it doesn't outlive who waits for it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    configuration.use(configuration.load())
    asked = json.load(sys.stdin)
    try:
        answer = {"done": TASKS[asked["task"]](**asked["given"])}
    except (packing.Unreadable, sqlite3.Error, psycopg.Error, OSError) as error:
        answer = {"refused": str(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
