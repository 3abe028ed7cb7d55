"""A whole site from SQLite to PostgreSQL: looked at, frozen, copied in pieces, held against what it came from."""

import secrets
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import psycopg
from peewee import PeeweeException

from database import housekeeping, migrations, opening, transactions
from database.connections import database as connection
from database.moving import copying, freezing
from domain.base import audit, configuration, keys
from domain.fields.number import counted
from domain.operations.copies import packing
from models import TABLES

ROOM = ".moving"  # the copy that is moved lies in this folder of the data folder


class CantMove(SystemExit):
    """With the sentence for whoever asked for it, which says so where the database stays frozen."""


@dataclass
class Report:
    """How a move ended. `findings` are sentences; it is well without any."""

    rows: int = 0
    tables: int = 0
    findings: list = field(default_factory=list)

    @property
    def is_well(self):
        return not self.findings


def move(url, *, is_rehearsal=False, say=print):
    """Copy the site to the PostgreSQL at `url` and compare the two, row by row by their sums; returns a Report.

    Both sides are looked at first, while all goes on. From then on the SQLite database takes no more writes, and goes
    on being read; a rehearsal copies it as it stands at one moment, and nobody may start on what it made. Called again,
    it goes on where it was cut off, or begins anew where the database was changed since. Refuses with CantMove: as long
    as no row was copied, the database is written as before."""
    file = _file()
    if not url.startswith(("postgresql://", "postgres://")):
        raise CantMove("Name where to: postgresql://role@host/database.")
    sealed = audit.read_seals()  # before the copy: what a server seals meanwhile, a copy needn't have
    thaws = False  # whether it is this call that keeps others from writing, and for nothing yet
    try:
        if not is_rehearsal and not freezing.mark_of(file).exists():
            with _looked_at(_still(file)[0], url, say):
                thaws = True
                freezing.freeze(file)
            say("The database is frozen: pages are read, and whoever writes is told to try again later.")
        moved, mark = _still(file)
        with _looked_at(moved, url, say) as carrying:
            thaws = False
            report = _carry(carrying, mark, say)
            report.findings += _differences(carrying, report, moved, sealed, say)
            if report.is_well and not is_rehearsal:
                copying.release(carrying)
    except (CantMove, psycopg.Error, PeeweeException, ValueError) as error:
        said = str(error).strip() if isinstance(error, CantMove | ValueError) else f"PostgreSQL: {str(error).strip()}"
        if thaws:
            freezing.thaw(file)
        if not is_rehearsal and freezing.mark_of(file).exists():
            said += "\nThe database here stays frozen: called again, the move goes on; --let-go ends it."
        raise CantMove(said) from None
    finally:
        transactions.writer.stop()
        if connection.obj is not None:  # the other database was opened
            connection.close_all()
    return report


@contextmanager
def _looked_at(moved, url, say):
    """The Carrying of a copy, once both sides are fit for it. Refuses with CantMove."""
    _refuse_another_version(moved, url)
    _open_target(url, say)
    with closing(copying.begin(moved, url, tables())) as carrying:
        _look(carrying)
        yield carrying


def tables():
    """What moves, by name: each after those that it refers to."""
    return [table._meta.table_name for table in TABLES]  # type: ignore[attr-defined]


def let_go():
    """Give the SQLite database its writes back; returns whether it was frozen."""
    return freezing.thaw(_file())


def _file():
    file = housekeeping.file_of(configuration.active.database_url)
    if file is None:
        raise CantMove("DATABASE_URL names a PostgreSQL already: what moves is a SQLite database.")
    if not file.exists():
        raise CantMove(f"There is no database at {file}.")
    return file


def _still(file):
    """A copy of the database in one step, and its hash: by that a move knows the one that it had begun with."""
    room = configuration.active.data / ROOM
    room.mkdir(mode=0o700, exist_ok=True)
    moved, fresh = room / "guildhall.db", room / f"fresh-{secrets.token_hex(4)}.db"
    for left in (*room.glob("fresh-*"), *room.glob("guildhall.db-*")):  # of a run that was killed
        left.unlink()
    packing.snapshot(file, fresh)
    fresh.replace(moved)
    return moved, packing.sum_of(moved)


def _refuse_another_version(moved, url):
    """What one version of Guildhall began, that one ends: before a later one's migrations meet half of a copy."""
    with closing(psycopg.connect(url, autocommit=True)) as target:
        if copying.is_bare(target) and copying.newest(target) != migrations.newest():
            raise CantMove(
                "A move that another version of Guildhall began lies half done there. Put that version back and call "
                "it again; or end the move (--let-go), start this version once, and name an empty database."
            )
    with closing(sqlite3.connect(f"file:{moved}?mode=ro", uri=True)) as source:
        if copying.newest(source) != migrations.newest():
            raise CantMove("The database isn't up to date. Start this Guildhall with it once, and move it then.")


def _open_target(url, say):
    """Bring the schema there up to date by the migrations, as the role that will run the site."""
    opening.open_again(url)
    if connection.is_above_row_security():
        raise CantMove(
            "The role is a superuser or bypasses row security, which keeps organizations apart. Name the role that "
            "will run Guildhall: it makes the tables, and sets row security aside for the copy alone."
        )
    if made := migrations.migrate(configuration.active.data):
        say(f"The tables were made there: {counted(len(made), 'migration')}.")


def _look(carrying):
    """What must be so before a row is copied. Refuses with CantMove, all reasons together."""
    if not copying.is_begun(carrying.target) and (held := copying.taken(carrying)):
        raise CantMove(f"The database there isn't empty: {', '.join(held[:5])} have rows. Name an empty one.")
    wrong = copying.orphans(carrying) + copying.misfits(carrying)
    if (sealed := _sealed(carrying.source)) and not any(map(keys.unseal, sealed)):
        wrong.append("SECRET_KEY opens nothing of what is encrypted in it: it is another one's.")
    if wrong:
        raise CantMove("\n".join(["Mend these first; nothing was copied:", *(f"  - {one}" for one in wrong)]))


def _sealed(source: sqlite3.Connection):
    asked = 'SELECT totp_secret FROM "user" WHERE totp_secret IS NOT NULL LIMIT 20'
    return [text for (text,) in source.execute(asked)]


def _carry(carrying, mark, say):
    there, report = copying.prepare(carrying, mark), Report(tables=len(carrying.shapes))
    if there:
        say(f"Going on: {counted(sum(there.values()), 'row')} are there already.")
    for shape in carrying.shapes:
        rows = there.get(shape.table, 0)
        for rows in copying.carry(carrying, shape):
            say(f"{shape.table}: {counted(rows, 'row')}")
        report.rows += rows
    say("Indexes and foreign keys of large tables are made.")
    copying.settle(carrying)
    return report


def _differences(carrying, report, moved, sealed, say):
    found = []
    for shape in carrying.shapes:
        here, there = copying.compare(carrying, shape)
        if here != there:
            found.append(f"{shape.table}: {here[0]} rows ({here[1]:x}) here, {there[0]} ({there[1]:x}) there.")
    found += copying.orphans_there(carrying)
    told = audit.verify(sealed)
    known = _known(moved, sealed) if told.findings else ()
    for sentence in told.findings:
        if sentence in known:
            say(f"Here as there: {sentence}")
        else:
            found.append(f"Audit log: {sentence}")
    if not found:
        say(f"Compared: {counted(report.rows, 'row')} of {report.tables} tables are the same, each by its sum.")
        say(f"No row points to one that isn't there; the audit log has {counted(told.rows, 'event')}, as before.")
    return found


def _known(moved, sealed):
    """What is wrong with the audit log of the copy that was moved."""
    opening.open_again(f"sqlite:///{moved}")
    return audit.verify(sealed).findings
