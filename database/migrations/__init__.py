"""Brings a database up to date: ordered files, up and down, behind a lock, after a backup.

What the files need for both databases is here: types, triggers, search, row security.
"""

import fcntl
import logging
import re
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

from playhouse.migrations import Runner

from database.clock import now
from database.connections import database
from database.housekeeping import CannotStart
from database.scope import everywhere

log = logging.getLogger("guildhall.migrations")
HERE = Path(__file__).parent

# What a database of 0.3.0 has run. 0001_tables makes the same, so it counts as run there.
OF_0_3_0 = {
    *("0001_house", "0002_triggers", "0003_task_search", "0004_row_security", "0005_people", "0006_credits"),
    *("0007_pricing", "0008_backers", "0009_billing"),
}
FIRST = "0001_tables"


class TooOld(SystemExit):
    """The database was made before 0.3.0, or stopped on the way there."""


def migrate(data, target=None):
    """Apply what is pending to the open database and return the names. `data` takes lock and backups.

    A database of 0.3.0 goes on from there; an older one is refused with TooOld.
    """
    db = database.obj
    with _alone(db, Path(data)), db.connection_context(), everywhere("migrations change the rows of all"):
        db.may_write()
        runner = Runner(db, str(HERE))
        before = set(runner.applied())
        if before & OF_0_3_0 and not before >= OF_0_3_0:
            raise TooOld(
                "Guildhall can't start: this database is older than 0.3.0. Start Guildhall 0.3.0 with it once, "
                "which brings it up to date; then start this one again. Nothing was changed."
            )
        pending = [m.name for m in runner.status() if not m.applied]
        if not pending:
            return []
        if before:
            _backup(db, Path(data), pending[0])
        if before & OF_0_3_0:
            _carry_over(runner)
        applied = runner.up(target)
        log.info("migrated", extra={"migrations": applied})
    _forget_connections(db)
    return applied


def _carry_over(runner):
    with runner.database.atomic():
        runner.History.delete().where(runner.History.name.in_(OF_0_3_0)).execute()
        runner.History.create(name=FIRST)


def newest():
    """The last migration of this program."""
    return max(path.stem for path in HERE.glob("0*.py"))


def revert(data, target):
    """Undo migrations back through `target` (never all of them by accident)."""
    db = database.obj
    with _alone(db, Path(data)), db.connection_context(), everywhere("migrations change the rows of all"):
        db.may_write()
        reverted = Runner(db, str(HERE)).down(target)
    _forget_connections(db)
    return reverted


# --- what a migration is written with -----------------------------------------------------------------

TYPES = {
    "sqlite": {"ID": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "MOMENT": "TEXT", "JSON": "TEXT"}
    | {"BOOLEAN": "INTEGER", "FALSE": "0", "BYTES": "BLOB", "CTEXT": "TEXT", "PIVOT": "WITHOUT ROWID"},
    "postgres": {"ID": "SERIAL NOT NULL PRIMARY KEY", "MOMENT": "TIMESTAMPTZ", "JSON": "JSONB", "BYTES": "BYTEA"}
    | {"CTEXT": 'TEXT COLLATE "C"', "PIVOT": ""},
}
STAMPED = '"id" ID, "created_at" MOMENT NOT NULL, "updated_at" MOMENT NOT NULL'
_WORDS = re.compile(r"\b(ID|MOMENT|JSON|BOOLEAN|FALSE|BYTES|CTEXT|PIVOT)\b")


def run(db, statement):
    """Execute one statement with the words of TYPES in it; STAMPED is what every table begins with."""
    types = TYPES[db.dialect]
    text = _WORDS.sub(lambda word: types.get(word[0], word[0]), statement.replace("STAMPED", STAMPED))
    db.execute_sql(text.replace("%", "%%") if db.dialect == "postgres" else text)


def run_sql(db, name):
    """Execute the file `name.sql`, whose statements end with a semicolon at the end of a line."""
    for statement in re.sub(r"^--.*\n", "", (HERE / f"{name}.sql").read_text(), flags=re.M).split(";\n"):
        if statement.strip():
            run(db, statement)


def tables_of(name):
    """The tables that the file `name.sql` makes, in its order."""
    return re.findall(r'^CREATE TABLE "(\w+)"', (HERE / f"{name}.sql").read_text(), flags=re.M)


def set_words(db, table, column, before, after):
    """Let a column have other words than before; the rows with a word that goes must be gone.

    SQLite has no statement for this: the table's own text is changed, as https://sqlite.org/lang_altertable.html (7)
    describes for constraints that change nothing on the disk.
    """
    old, new = (f"""CHECK ("{column}" IN ({", ".join(f"'{word}'" for word in words)}))""" for words in (before, after))
    if db.dialect == "postgres":
        db.execute_sql(f'ALTER TABLE "{table}" DROP CONSTRAINT "{table}_{column}_check"')
        db.execute_sql(f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_{column}_check" {new}')
        return
    (text,) = db.execute_sql("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table,)).fetchone()
    if old not in text:
        raise LookupError(f"{table}.{column} hasn't the words {', '.join(before)}")
    db.execute_sql("PRAGMA writable_schema = ON")
    change = "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?"
    db.execute_sql(change, (text.replace(old, new), table))
    db.execute_sql("PRAGMA writable_schema = RESET")


def keep_updated(db, table):
    """`updated_at` moves with every change of a row, also in bulk."""
    if db.dialect == "postgres":
        db.execute_sql(f"""
            CREATE TRIGGER "{table}_updated" BEFORE UPDATE ON "{table}"
            FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION touch()""")
        return
    stamp = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"
    db.execute_sql(f"""
        CREATE TRIGGER "{table}_updated" AFTER UPDATE ON "{table}"
        WHEN NEW.updated_at = OLD.updated_at
        BEGIN UPDATE "{table}" SET updated_at = {stamp} WHERE id = NEW.id; END""")


def write_once(db, table, function, called, columns, *, forgets=()):
    """No row's `columns` may change; those in `forgets` may only become empty."""
    differs = "IS NOT" if db.dialect == "sqlite" else "IS DISTINCT FROM"
    changed = " OR ".join(
        [f"NEW.{column} {differs} OLD.{column}" for column in columns]
        + [f"NEW.{column} IS NOT NULL AND NEW.{column} {differs} OLD.{column}" for column in forgets]
    )
    if db.dialect == "sqlite":
        db.execute_sql(f"""
            CREATE TRIGGER {table}_write_once BEFORE UPDATE ON {table} WHEN {changed}
            BEGIN SELECT RAISE(ABORT, '{called} is write-once'); END""")
        return
    db.execute_sql(f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {changed} THEN
                RAISE EXCEPTION '{called} is write-once' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$""")
    db.execute_sql(f"""
        CREATE TRIGGER {table}_write_once BEFORE UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION {function}()""")


def drop_write_once(db, table, function):
    db.execute_sql(f"DROP TRIGGER {table}_write_once" + (f" ON {table}" if db.dialect == "postgres" else ""))
    if db.dialect == "postgres":
        db.execute_sql(f"DROP FUNCTION {function}()")


def add_search(db, table, text, place, prefix="2 3 4 5 6 7 8", more=""):
    """Words of a table's rows: FTS5 on SQLite, a GIN index on PostgreSQL.

    `text` and `place` are expressions over the columns of `{0}`; `place` says whose row it is. Beginnings of words of
    the lengths in `prefix` have an index of their own. `more` are words that not all may search.
    """
    if db.dialect == "postgres":
        for column, words in (("search", text), ("search_more", more and f"{text} || ' ' || {more}")):
            if words:
                words = words.replace("{0}.", "")
                db.execute_sql(f"""
                    ALTER TABLE {table} ADD COLUMN {column} tsvector GENERATED ALWAYS AS
                    (to_tsvector('simple', regexp_replace({words}, '[^[:alnum:]]+', ' ', 'g'))) STORED""")
                db.execute_sql(f"CREATE INDEX {table}_{column} ON {table} USING gin ({column})")
        return
    names, values = ("place, text, more", f"{place}, {text}, {more}") if more else ("place, text", f"{place}, {text}")
    db.execute_sql(f"""
        CREATE VIRTUAL TABLE {table}_search USING fts5
        ({names}, content=''{f", prefix='{prefix}'" if prefix else ""}, tokenize="unicode61 remove_diacritics 2")""")
    add = f"INSERT INTO {table}_search (rowid, {names}) VALUES (NEW.id, {values})".format("NEW")
    remove = (
        f"INSERT INTO {table}_search ({table}_search, rowid, {names}) VALUES ('delete', OLD.id, {values})"
    ).format("OLD")
    columns = [c for c in dict.fromkeys(re.findall(r"\{0\}\.(\w+)", values)) if c != "organization_id"]
    db.execute_sql(f"CREATE TRIGGER {table}_search_add AFTER INSERT ON {table} BEGIN {add}; END")
    db.execute_sql(f"CREATE TRIGGER {table}_search_remove AFTER DELETE ON {table} BEGIN {remove}; END")
    db.execute_sql(f"""
        CREATE TRIGGER {table}_search_change AFTER UPDATE OF {", ".join(columns)} ON {table}
        BEGIN {remove}; {add}; END""")
    filled = f"INSERT INTO {table}_search (rowid, {names}) SELECT id, {values} FROM {table}"
    db.execute_sql(filled.format(table))


def add_parts(db, table, text):
    """Parts of words in a table's rows: three letters each, in FTS5 on SQLite and in a GIN index on PostgreSQL.

    `text` is an expression over the columns of `{0}`.
    """
    index = f"{table}_parts"
    if db.dialect == "postgres":
        made = text.replace("{0}.", "")
        db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN parts tsvector GENERATED ALWAYS AS (parts_of({made})) STORED')
        db.execute_sql(f'CREATE INDEX {index} ON "{table}" USING gin (parts)')
        return
    db.execute_sql(f"CREATE VIRTUAL TABLE {index} USING fts5 (text, content='', tokenize='trigram')")
    add = f"INSERT INTO {index} (rowid, text) VALUES (NEW.id, {text})".format("NEW")
    remove = f"INSERT INTO {index} ({index}, rowid, text) VALUES ('delete', OLD.id, {text})".format("OLD")
    columns = ", ".join(dict.fromkeys(re.findall(r"\{0\}\.(\w+)", text)))
    db.execute_sql(f"CREATE TRIGGER {index}_add AFTER INSERT ON {table} BEGIN {add}; END")
    db.execute_sql(f"CREATE TRIGGER {index}_remove AFTER DELETE ON {table} BEGIN {remove}; END")
    db.execute_sql(f"CREATE TRIGGER {index}_change AFTER UPDATE OF {columns} ON {table} BEGIN {remove}; {add}; END")
    db.execute_sql(f"INSERT INTO {index} (rowid, text) SELECT id, {text} FROM {table}".format(table))


def secure(db, table):
    """The second net on PostgreSQL: the server itself shows an organization's rows only inside it.

    The setting is told by connections.Postgres before the first statement of each scope. FORCE binds the
    owner of the tables too; a superuser stays above it, so the application must not connect as one.
    """
    if db.dialect == "sqlite":
        return
    told = "current_setting('guildhall.organization', true)"
    inside = f"{told} = 'everywhere' OR organization_id = nullif(nullif({told}, 'everywhere'), '')::integer"
    db.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    db.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    db.execute_sql(f'CREATE POLICY organization ON "{table}" USING ({inside}) WITH CHECK ({inside})')


# --- alone, and with a copy -------------------------------------------------------------------------


def _forget_connections(database):
    """The pool must not lend out a connection that was allowed to write."""
    database.close_idle()


@contextmanager
def _alone(database, data):
    if database.dialect == "postgres":
        with database.connection_context():
            database.execute_sql("SELECT pg_advisory_lock(7263)")
            try:
                yield
            finally:
                database.execute_sql("SELECT pg_advisory_unlock(7263)")
        return
    data.mkdir(parents=True, exist_ok=True)
    with open(data / ".migrating", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _backup(database, data, before):
    if database.dialect != "sqlite":
        return  # a server's backups are its keeper's: docs/deploy.md
    target = copy(data, f"before-{before}")
    log.info("backed up", extra={"backup": target.name})


def copy(folder, word):
    """A whole copy of the open SQLite file as of now, while it is used, below `folder`/backups; returns its path.
    Refuses with CannotStart on PostgreSQL."""
    if database.dialect != "sqlite":
        raise CannotStart("PostgreSQL is copied with pg_dump: docs/deploy.md says how.")
    backups = folder / "backups"
    backups.mkdir(mode=0o700, exist_ok=True)
    target = backups / f"{now():%Y%m%dT%H%M%S%f}-{word}.db"
    target.touch(mode=0o600)
    with closing(sqlite3.connect(database.database)) as source:
        source.execute("VACUUM INTO ?", (str(target),))
    return target
