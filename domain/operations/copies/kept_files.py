"""The files of rows beside the copies: the same bytes under a second name on this machine, so that a purge between two
copies loses nothing that a copy speaks of; and encrypted where copies are brought."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from database.clock import now
from domain.files import stores
from domain.operations.copies import drill, packing, places

FOLDER, LIST = "files", "files.sent"


def keep(backups, chosen):
    """Give each file of the data folder a second name below the copies'; returns the folder, or None where files lie
    in storage of their own (FILES_URL), which keeps its own versions."""
    if chosen.files_url:
        return None
    live, kept = chosen.data / FOLDER, backups / FOLDER
    kept.mkdir(mode=0o700, exist_ok=True)
    for file in _files(live):
        target = kept / file.relative_to(live)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file, target)
            except FileNotFoundError:  # purged this moment
                continue
            except OSError:  # another disk, or one without links
                shutil.copy2(file, target)
    moment = now().timestamp()
    for file in _files(kept):
        gone = file.with_name(f"{file.name}.gone")
        if (live / file.relative_to(kept)).exists():
            gone.unlink(missing_ok=True)
        elif not gone.exists():
            gone.touch()
            os.utime(gone, (moment, moment))
    return kept


def prune(backups, oldest, away=None):
    """Let go of files that no kept copy can speak of, here and away: they were gone before the oldest was made."""
    sent = _sent(backups)
    for gone in (backups / FOLDER).rglob("*.gone"):
        if datetime.fromtimestamp(gone.stat().st_mtime, UTC) >= oldest:
            continue
        file = gone.with_suffix("")
        name = file.relative_to(backups).as_posix()
        if away is not None and name in sent:
            away.remove(f"{name}.zst.age")
            sent.discard(name)
            with stores.whole(backups / LIST) as noted:
                noted.write("".join(f"{one}\n" for one in sorted(sent)).encode())
        file.unlink(missing_ok=True)
        gone.unlink()


def _sent(backups):
    note = backups / LIST
    return set(note.read_text("utf-8").split()) if note.exists() else set()


def send(backups, away, recipients):
    """Bring each kept file away once, encrypted. What was brought is noted; without the note it is brought again."""
    sent = _sent(backups)
    with (backups / LIST).open("a", encoding="utf-8") as noted, drill.room(backups) as here:
        for file in _files(backups / FOLDER):
            name = file.relative_to(backups).as_posix()
            if name in sent:
                continue
            packing.pack(file, here / "packed.age", recipients)
            away.put(f"{name}.zst.age", here / "packed.age")
            noted.write(f"{name}\n")
            noted.flush()


def put_back(wanted, backups, data, identity=None):
    """Give files that a restored copy speaks of back to the data folder: from here, else from where they were brought,
    opened with the private key. Returns how many couldn't be had."""
    away, missing = places.away(), 0
    for name in wanted:
        target, kept = data / FOLDER / name, backups / FOLDER / name
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if kept.exists():
            shutil.copy2(kept, target)
        elif not (away and identity and _fetched(away, f"{FOLDER}/{name}.zst.age", backups, target, identity)):
            missing += 1
    return missing


def _fetched(away, name, backups, target, identity):
    with drill.room(backups) as here:
        packed = here / "packed.age"
        if not away.get(name, packed):
            return False
        packing.unpack(packed, target, identity)
    return True


def _files(folder):
    for path in sorted(Path(folder).rglob("*")) if folder.exists() else ():
        if path.is_file() and path.suffix != ".gone" and "." not in path.name:
            yield path
