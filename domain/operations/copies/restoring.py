"""An older copy instead of the database, while no server runs on it: proven first, then put in its place. What was
there stays beside it under another name."""

import contextlib
import heapq
import json
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from database import housekeeping, opening, transactions
from database.clock import now
from database.connections import database as connection
from database.transactions import writes
from domain.base import audit, configuration
from domain.base.letters import log as letters
from domain.files import stores
from domain.operations.copies import copies, deltas, drill, erasures, kept_files, packing, pages, places
from domain.people import sessions
from models import Letter, Outgoing, Session, User

ENDS = ("-wal", "-shm")
FAR, FAR_OF_NIGHTS = timedelta(hours=1), timedelta(days=1)  # from the moment asked for, with deltas and without
OPENED = "opened.json"  # when the keeper's own key last opened a copy, beside the copies


class CantRestore(SystemExit):
    """With the sentence for whoever asked for it. Nothing was changed."""


def find(word, here, identity=None, *, older=False, say=print):
    """The path of a copy: a file, `latest`, or a moment (2026-11-27T14:00Z), then the newest one that holds nothing
    after it; from here, else fetched from where copies are brought into the folder `here`. One of a moment between two
    nights is put together there, of a copy and what changed since, which `identity` opens; where a part of that is
    missing, the one before it is taken. Refuses with CantRestore, also where one is far from what was asked for and
    it needn't be an `older` one; and with stores.StoreDown where one can't be fetched."""
    if Path(word).is_file():
        return Path(word).absolute()
    folder, away = copies.folder(), places.away()
    names = [path.name.removesuffix(".json") for path in folder.glob("guildhall-*.json")]
    try:
        names += [name.removesuffix(".json") for name in (away.names() if away else ()) if name.endswith(".json")]
    except stores.StoreDown as down:
        others = f"Without BACKUP_URL one of those in {folder} is taken." if names else f"There is none in {folder}."
        raise CantRestore(f"The copies away from this machine can’t be read. {down} {others}") from None
    asked = None if word == "latest" else _moment(word, say)

    def fetched(name):
        if (folder / name).exists() or (here / name).exists():
            return folder / name if (folder / name).exists() else here / name
        if away is None or not away.get(name, here / name):
            raise CantRestore(f"The copy {name} isn't there any more.")
        return here / name

    wanted = asked and min(asked, now())
    for at, is_delta, name in _not_after(asked, set(names), fetched, say):
        wanted = wanted or at
        if not older and wanted - at > (FAR if deltas.are_kept() else FAR_OF_NIGHTS):
            words = f"The newest copy of {packing.written(wanted)} or before that is here is of {packing.written(at)}."
            raise CantRestore(f"{words} With --older it is taken; it may also be that nothing changed since.")
        try:
            packed = pages.rebuild(name, fetched, here, identity) if is_delta else fetched(name)
        except CantRestore as gap:
            say(f"What is of {packing.written(at)} can't be put together: {gap}")
            continue
        if away is not None and not (folder / name).exists():
            away.get(erasures.LEDGER, here / erasures.LEDGER)
        say(f"The copy is of {packing.written(at)}.")
        return packed
    raise CantRestore(f"There is no copy {'yet' if asked is None else 'of then or before'}.")


def _not_after(asked, names, fetched, say):
    """(moment, whether it is a delta, name) of those that hold nothing after the moment asked for, the newest first. Of
    deltas, which are many, only so many manifests are fetched as are asked for: their names are in their order."""

    def read(some):
        for name in some:
            try:
                yield packing.moment_of(packing.read_manifest(fetched(f"{name}.json"))["made_at"]), name
            except (CantRestore, packing.Unreadable) as error:
                say(f"{name} is passed over: {error}")

    begun = [name for name in names if asked is None or name.split("-")[1] <= f"{asked:%Y%m%dT%H%M%SZ}"]
    parts = sorted(filter(deltas.is_delta, begun), reverse=True)
    whole = sorted(((at, False, name) for at, name in read(set(begun) - set(parts))), reverse=True)
    both = heapq.merge(whole, ((at, True, name) for at, name in read(parts)), reverse=True)
    return (one for one in both if asked is None or one[0] <= asked)


def _moment(word, say):
    try:
        moment = datetime.fromisoformat(word.replace("Z", "+00:00"))
    except ValueError:
        raise CantRestore("Name a file, `latest`, or a moment such as 2026-11-27T14:00Z.") from None
    if moment.tzinfo is None:
        say(f"{word} is read as UTC.")
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def restore(word, identity=None, *, check_only=False, end_sessions=False, older=False, say=print):
    """Prove the copy and put it in the place of the database. Refuses with CantRestore where a server runs on it, and
    where the copy isn't well, and with stores.StoreDown where a part of it can't be fetched; then nothing was
    changed."""
    chosen = configuration.active
    database = housekeeping.file_of(chosen.database_url)
    if database is None:
        raise CantRestore("A PostgreSQL database is restored with pg_restore: docs/deploy.md says how.")
    copies.folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.ExitStack() as held, drill.room(copies.folder(), ".restoring-") as here:
        if not check_only:
            held.callback(_locked(chosen, say).let_go)
        packed = find(word, here, identity, older=older, say=say)
        told = _proven(packed, identity, say)
        if check_only:
            return
        fresh = database.with_name(f".{database.name}.restoring")
        for end in ("", *ENDS):  # of one that was cut off
            fresh.with_name(fresh.name + end).unlink(missing_ok=True)
        packing.unpack(packed, fresh, identity)
        _settle(fresh, told, here, end_sessions, say)
        if missing := kept_files.put_back(_wanted(fresh), copies.folder(), chosen.data, identity):
            say(f"{missing} files on rows couldn't be had; their names stay.")
        _put_in_place(fresh, database, told, say)
    say("Restored. Start Guildhall as ever.")


def _locked(chosen, say):
    try:
        return housekeeping.Hold(chosen.database_url, chosen.data, overlap=0, say=say)
    except housekeeping.CannotStart as running:
        raise CantRestore(f"{running} Nothing was changed.") from None


def _proven(packed, identity, say):
    told = packing.read_manifest(f"{packed}.json")
    asked = {"packed": str(packed), "manifest": f"{packed}.json", "identity": identity}
    lines = drill.ask("prove", **asked, fingerprint=packing.fingerprint())
    for line in lines:
        say(f"{'ok ' if line['ok'] else 'NO '} {line['check']}: {line['words']} ({line['seconds']} s)")
    if not all(line["ok"] for line in lines):
        raise CantRestore("The copy isn't well. Nothing was changed.")
    if identity:
        about = {"name": Path(packed).name, "at": f"{now():%Y-%m-%dT%H:%M:%SZ}"}
        packing.write_manifest(about, copies.folder() / OPENED)
    return told


def _settle(fresh, told, here, end_sessions, say):
    """What must be as it is now, not as it was then; before it is in its place, so that a kill leaves no half of it."""
    opening.open_house(f"sqlite:///{fresh}", configuration.active.data, strict=False)
    try:
        held = _hold_letters()
        say(f"{held} letters and notices that waited then are held: they may have been sent since.")
        copies.adopt()
        for folder in (copies.folder(), here):
            sentences, count = erasures.replay(folder)
            if count:
                say(f"{count} accounts that were closed since are closed again.")
            for sentence in sentences:
                say(sentence)
        if end_sessions:
            _end_sessions()
        _note(told)
    finally:
        transactions.writer.stop()
        connection.close_all()


def _end_sessions():
    live = User.select().join(Session, on=(Session.user == User.id)).where(Session.ended_at.is_null()).distinct()
    for user in live:
        sessions.end_all(user, "revoked", by=user)


def _put_in_place(fresh, database, told, say):
    """One file takes the place of another at once, and what was there has a second name already; the folder, which may
    be a mounted one, keeps its own."""
    stamp = f"{now():%Y%m%dT%H%M%SZ}"
    seals, before = audit.seals_file(), database.with_name(f"{database.name}.before-{stamp}")
    if seals.exists():
        shutil.copy2(seals, seals.with_name(f"{seals.name}.before-{stamp}"))
        seals.write_text(drill.sealed_before(seals, told))
    _in_one_file(fresh)
    if database.exists() and database.stat().st_size:
        with contextlib.suppress(sqlite3.Error):
            _in_one_file(database)
        try:
            os.link(database, before)
        except OSError:  # a disk without links
            shutil.copy2(database, before)
        for end in ENDS:  # of one so damaged that its log couldn't be put into it
            if (log := database.with_name(database.name + end)).exists():
                log.rename(before.with_name(before.name + end))
        say(f"What was there is {before.name} now.")
    os.replace(fresh, database)


def _in_one_file(database):
    """What stands in its log goes into the file, and the log goes."""
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        if opened.execute("PRAGMA journal_mode = DELETE").fetchone() != ("delete",):
            raise sqlite3.OperationalError("its log couldn't be put into it")


@writes
def _hold_letters():
    waiting = (Outgoing.status == "queued") & Outgoing.kind.not_in(("subscription_end", "subscription_double"))
    words = "Held: a copy was restored, and this may have been sent after it was made."
    Letter.update(status="withheld", rank=letters.RANK["withheld"], reason=words).where(Letter.rank == 0).execute()
    return Outgoing.update(status="buried", error=words).where(waiting).execute()


@writes
def _note(told):
    audit.record("system.restored", f"The database of {told['made_at']} was restored", made_at=told["made_at"])


def _wanted(database):
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        found = opened.execute("SELECT DISTINCT organization_id, sha256 FROM stored_file")
        return [f"{organization}/{sha256[:2]}/{sha256}" for organization, sha256 in found]


def opened_at():
    """(moment, name) of the copy that the keeper's own key opened last, or None."""
    try:
        told = json.loads((copies.folder() / OPENED).read_text("utf-8"))
        return packing.moment_of(told["at"]), told["name"]
    except (OSError, ValueError, KeyError):
        return None
