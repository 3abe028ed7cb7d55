"""Copies of the database, each proven by being opened: made at night, by a button or a command, brought away where
BACKUP_URL says, brought back, booted. Only a proven one counts. Why so: docs/decisions/copies.md
"""

from datetime import timedelta
from pathlib import Path

from database import housekeeping
from database.clock import now
from database.transactions import wake, writes
from domain import Refused
from domain.base import audit, configuration
from domain.operations.copies import deltas, drill, erasures, kept_files, packing, places
from domain.people import admins
from models import Backup

GREEN, AMBER = timedelta(hours=26), timedelta(hours=50)  # the age of what was proven last
LEAST = 3  # proven ones that are always kept
DAYS, WEEKS, MONTHS = 7, 4, 12  # of each of these, the newest proven one is kept
FAILED_KEPT = timedelta(days=7)
TRIES = 2  # one that is cut off is begun anew once
DUMP = ".dump.zst"  # how names of PostgreSQL's end
OPEN = ("waiting", "making", "sending", "proving")


def folder():
    """Where copies lie on this machine."""
    return places.here()


def is_possible():
    """Whether this install's copies are made here: on SQLite, and of a PostgreSQL by the role that reads all of it."""
    return _file() is not None or bool(configuration.active.backup_database_url)


def _file():
    return housekeeping.file_of(configuration.active.database_url)


@writes
def begin(*, by=None):
    """Ask for a copy; returns its row. Refuses on PostgreSQL without BACKUP_DATABASE_URL, and while one is made."""
    if not is_possible():
        raise Refused("PostgreSQL is copied as the role of BACKUP_DATABASE_URL, which isn't set.")
    if Backup.select().where(Backup.state.in_(OPEN)).exists():
        raise Refused("A copy is being made already.")
    moment = now()
    end = ".age" if configuration.active.backup_recipients else ""
    name = packing.named(moment, f"{'.db.zst' if _file() else DUMP}{end}")
    made = Backup.create(name=name, made_at=moment, asked_by=by and by.user)
    if by is not None:
        audit.record("admin.backup_asked", "A copy was asked for", by=by.user, target=made)
    wake("backup")
    return made


def outcome(row):
    """What became of a copy that was asked for: (sentence, whether it is proven), or None while it is open."""
    row = Backup.get_by_id(row.id)
    told = f"{folder() / row.name}: {row.error or 'proven'}", row.state == "proven"
    return None if row.state in OPEN else told


def nightly():
    """Begin the night's copy where copies are made here, and there is more to lose than a demo; returns how many."""
    if (
        not is_possible()
        or configuration.active.env == "demo"
        or Backup.select().where(Backup.state.in_(OPEN)).exists()
    ):
        return 0
    begin()
    return 1


def note_erasures():
    """Write beside the copies who was closed for good; returns how many."""
    return erasures.note(folder()) if is_possible() else 0


def is_due():
    """Whether a copy waits."""
    return Backup.select().where(Backup.state.in_(OPEN)).exists()


def work():
    """Make, bring away and prove the copy that waits; returns how many. Tells the admins where it isn't proven."""
    row = Backup.select().where(Backup.state.in_(OPEN)).order_by(Backup.id).first()
    if row is None:
        return 0
    if row.attempts >= TRIES:
        _failed(row, "It was cut off several times: the server ended meanwhile.")
        return 1
    try:
        _do(row)
    except (packing.Unreadable, Refused, OSError) as error:
        _failed(row, str(error))
        return 1
    prune()
    return 1


def _do(row):
    path, away, key = folder() / row.name, places.away(), None
    recipients = configuration.active.backup_recipients
    if row.name.endswith(".age"):  # the server has no key that opens it: one is made for the drill and then forgotten
        if not recipients:
            raise packing.Unreadable("BACKUP_RECIPIENTS names nobody any more, so nobody could open it.")
        key, own = packing.new_key()
        recipients = (*recipients, own)
    told = _make(row, path, recipients)
    files = kept_files.keep(folder(), configuration.active)
    if away is not None:
        _send(row, path, away)
    lines = _prove(row, path, away, key, files)
    if wrong := next((line for line in lines if not line["ok"]), None):
        _move(row, "proving", proof=lines)
        raise packing.Unreadable(f"{wrong['check']}: {wrong['words']}")
    moment = now()
    packing.write_manifest(told | {"proven_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}, f"{path}.json")
    if away is not None:
        away.put(f"{row.name}.json", Path(f"{path}.json"))
    _move(row, "proven", proof=lines, proven_at=moment, error=None)
    deltas.begin_from(row.name)


def _make(row, path, recipients):
    folder().mkdir(mode=0o700, exist_ok=True)
    drill.sweep(folder())
    _move(row, "making", attempts=row.attempts + 1)
    packed = {"target": str(path), "recipients": recipients, "about": {"key": packing.fingerprint()}}
    if DUMP in row.name:
        told = drill.ask("dump", url=configuration.active.backup_database_url, **packed)
    else:
        told = drill.ask("make", database=str(_file()), **packed)
    _move(row, "making", size=told["size"], packed=told["packed"], made_at=packing.moment_of(told["made_at"]))
    return told


def _send(row, path, away):
    _move(row, "sending")
    kept_files.send(folder(), away, configuration.active.backup_recipients)
    erasures.note(folder())
    if (ledger := folder() / erasures.LEDGER).exists():
        away.put(erasures.LEDGER, ledger)
    away.put(row.name, path)
    away.put(f"{row.name}.json", Path(f"{path}.json"))
    _move(row, "sending", sent_at=now())


def _prove(row, path, away, key, files):
    """What the drill found, on the bytes that were brought back from away where there is such a place."""
    _move(row, "proving")
    about = {"manifest": f"{path}.json", "identity": key, "fingerprint": packing.fingerprint()}
    about |= {"files": files and str(files)}
    with drill.room(folder()) as here:
        if away is not None and not away.get(row.name, here / row.name):
            raise packing.Unreadable("It isn't where it was brought.")
        about["packed"] = str(path if away is None else here / row.name)
        if DUMP in row.name:
            return drill.ask("prove_dump", url=configuration.active.database_url, **about)
        return drill.ask("prove", is_sunday=now().weekday() == 6, **about)


@writes
def _move(row, state, **values):
    Backup.update(state=state, **values).where(Backup.id == row.id).execute()
    for name, value in values.items():
        setattr(row, name, value)


@writes
def _failed(row, error):
    Backup.update(state="failed", error=error[:500]).where(Backup.id == row.id).execute()
    admins.warn_of_backup([f"{row.name}: {error}"])


@writes
def adopt():
    """After an older database came back: know the copies that lie here again, also those that were made since, and end
    what was being made then. Returns how many it didn't know."""
    known, new = {row.name: row for row in Backup.select()}, 0
    for path in sorted(folder().glob("guildhall-*.json")):
        name, told = path.name.removesuffix(".json"), packing.read_manifest(path)
        if deltas.is_delta(name):
            continue
        if name in known and known[name].state not in OPEN:
            continue
        values = {
            "state": "proven" if told.get("proven_at") else "failed",
            "made_at": packing.moment_of(told["made_at"]),
            "proven_at": packing.moment_of(told.get("proven_at")),
            "size": told["size"],
            "packed": told["packed"],
            "error": None if told.get("proven_at") else "It was not proven before an older copy was restored.",
        }
        Backup.insert(name=name, **values).on_conflict(conflict_target=[Backup.name], update=values).execute()
        new += name not in known
    broken = "It was being made when the copy was made that is in use now."
    Backup.update(state="failed", error=broken).where(Backup.state.in_(OPEN)).execute()
    return new


# --- what is kept -------------------------------------------------------------------------------------------


def to_keep(rows):
    """Of proven rows (name, made_at), the newest first, those that stay: the newest of each of the last 7 days, 4 weeks
    and 12 months that have one, and never fewer than three."""
    stay = set(rows[:LEAST])
    for most, period in (
        (DAYS, lambda at: at.date()),
        (WEEKS, lambda at: at.isocalendar()[:2]),
        (MONTHS, lambda at: (at.year, at.month)),
    ):
        newest = {}
        for row in rows:
            newest.setdefault(period(row.made_at), row)
        stay |= set(list(newest.values())[:most])
    return stay


def prune():
    """Remove what needn't be kept, after a success only: with none proven nothing goes, and nothing that deltas which
    are still kept begin from. Returns how many went."""
    here = list(Backup.select().where(Backup.removed_at.is_null()).order_by(Backup.made_at.desc(), Backup.id.desc()))
    proven = [row for row in here if row.state == "proven"]
    if not proven:
        return 0
    begun_from = deltas.bases()
    stay = to_keep(proven) | {row for row in proven if row.name in begun_from}
    over = [row for row in proven if row not in stay]
    over += [row for row in here if row.state == "failed" and row.made_at < now() - FAILED_KEPT]
    for row in over:
        _remove(row)
    kept_files.prune(folder(), min(row.made_at for row in stay), places.away())
    deltas.prune({row.name for row in stay})
    return len(over)


def _remove(row):
    away = places.away()
    for name in (row.name, f"{row.name}.json"):
        (folder() / name).unlink(missing_ok=True)
        if away is not None and row.sent_at:
            away.remove(name)
    deltas.forget(row.name)
    _gone(row)


@writes
def _gone(row):
    Backup.update(removed_at=now()).where(Backup.id == row.id).execute()


# --- how it stands ------------------------------------------------------------------------------------------


def newest(*conditions):
    """The copy that was proven last (of those that meet the conditions), or None."""
    return (
        Backup.select()
        .where(Backup.state == "proven", Backup.removed_at.is_null(), *conditions)
        .order_by(Backup.made_at.desc())
        .first()
    )


def standing():
    """(tone, sentence) of the newest proven copy: good within 26 hours, warn within 50, else bad."""
    row = newest()
    if row is None:
        return "bad", "No copy of the database was ever proven."
    age = now() - row.made_at
    hours = int(age.total_seconds() // 3600)
    words = f"The newest proven copy is {hours} hours old." if hours else "The newest proven copy is of this hour."
    return ("good" if age < GREEN else "warn" if age < AMBER else "bad"), words


def ages():
    """What machines that watch are told of it: its age in seconds, and its moments; None without one."""
    row = newest()
    if row is None:
        return None
    return {
        "age_s": int((now() - row.made_at).total_seconds()),
        "made_at": f"{row.made_at:%Y-%m-%dT%H:%M:%SZ}",
        "proven_at": f"{row.proven_at:%Y-%m-%dT%H:%M:%SZ}",
        "offsite_at": row.sent_at and f"{row.sent_at:%Y-%m-%dT%H:%M:%SZ}",
    }
