"""PostgreSQL's side of copies: a dump by pg_dump with the sums of all rows in the same snapshot, and a scratch database
in which it is brought back.

The dump is taken as the role of BACKUP_DATABASE_URL, which reads past row security and needs no more. It is brought
back as the site's own role, which has to be allowed to create databases.
"""

import contextlib
import hashlib
import secrets
import subprocess
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import conninfo, sql

from database.clock import now
from domain.base import configuration
from domain.operations.copies import packing

SCRATCH = "guildhall_drill_"
PATIENCE = 10  # seconds in which the server must answer


def dump(url, target):
    """Dump the database into the file `target`; returns (table → [rows, a sum over them that no order changes], the
    last migration, packing.held) as of the same moment. Refuses with packing.Unreadable, and then no file counts."""
    began = now()
    with psycopg.connect(url, connect_timeout=PATIENCE) as connection:
        connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        if not _reads_all(connection):
            raise packing.Unreadable("The role of BACKUP_DATABASE_URL is bound by row security: give it BYPASSRLS.")
        ((snapshot,),) = connection.execute("SELECT pg_export_snapshot()").fetchall()
        held = packing.held(began)
        _run(
            "pg_dump",
            url,
            "--format=custom",
            "--compress=0",
            "--schema=public",
            f"--snapshot={snapshot}",
            f"--file={target}",
        )
        ((last,),) = connection.execute("SELECT max(name) FROM schema_migration").fetchall()
        tables = _tables_of(connection)
    listed = _run("pg_restore", None, "--list", str(target))
    if listed.count(" TABLE DATA ") < len(tables):
        raise packing.Unreadable("The dump lacks tables.")
    return tables, last, held


@contextlib.contextmanager
def scratch(url):
    """The address of a new database beside the site's, gone afterwards; also those of this site that a kill left go,
    and no other site's of the same server. Refuses with packing.Unreadable where the role may not create one."""
    ours = ours_of(url)
    name = f"{ours}{secrets.token_hex(6)}"
    with _connected(url) as connection:
        try:
            left = connection.execute(
                """SELECT datname FROM pg_database WHERE starts_with(datname, %s)
                AND pg_get_userbyid(datdba) = current_user""",
                (ours,),
            )
            for (old,) in left.fetchall():
                _drop(connection, old)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            words = "It can't be proven: the role of DATABASE_URL may not create databases (ALTER ROLE … CREATEDB)."
            raise packing.Unreadable(words) from None
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            _drop(connection, name)


def ours_of(url):
    """How the scratch databases of a site begin, whose own is at the address."""
    own = str(conninfo.conninfo_to_dict(url).get("dbname", ""))
    return f"{SCRATCH}{hashlib.sha256(own.encode()).hexdigest()[:12]}_"


def _drop(connection, name):
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def load(file, url):
    """Bring a dump back into an empty database, and say so. Refuses with packing.Unreadable at whatever fails."""
    _run("pg_restore", url, "--no-owner", "--no-privileges", "--exit-on-error", "--schema=public", str(file))
    return "pg_restore brought all of it back"


def tables_of(url):
    """The same of a database as `dump` returns, whoever its rows belong to."""
    with _connected(url) as connection:
        connection.execute("SELECT set_config('guildhall.organization', 'everywhere', false)")
        return _tables_of(connection)


def files_of(url):
    """[(organization's id, sha256)] of all files on rows."""
    with _connected(url) as connection:
        connection.execute("SELECT set_config('guildhall.organization', 'everywhere', false)")
        return connection.execute("SELECT DISTINCT organization_id, sha256 FROM stored_file").fetchall()


def _connected(url):
    return psycopg.connect(url, autocommit=True, connect_timeout=PATIENCE)


def _reads_all(connection):
    role = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    return connection.execute(role).fetchall() == [(True,)]


def _tables_of(connection):
    """Rows as text, by which they are summed, depend on how a connection writes times and numbers."""
    connection.execute("SET TimeZone TO 'UTC'; SET DateStyle TO 'ISO'; SET extra_float_digits TO 1")
    names = connection.execute(
        """SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
        ORDER BY relname COLLATE "C" """
    ).fetchall()
    found = {}
    for (name,) in names:
        summed = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t")
        count, total = connection.execute(summed.format(sql.Identifier(name))).fetchone()
        found[name] = [count, total]
    return found


def _run(program, url, *words):
    """What one of PostgreSQL's programs says; the password is in its environment, where others can't read it."""
    environment = configuration.environment()
    if url is not None:
        parts: dict[str, Any] = dict(conninfo.conninfo_to_dict(url))
        if password := parts.pop("password", None):
            environment = configuration.environment(PGPASSWORD=str(password))
        words = (f"--dbname={conninfo.make_conninfo(**parts)}", *words)
    try:
        done = subprocess.run(  # noqa: S603  PostgreSQL's own
            [program, *words], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise packing.Unreadable(f"{program} isn't installed here: it comes with PostgreSQL's client.") from None
    if done.returncode:
        said = (done.stderr.strip() or "it ended without a word").splitlines()
        raise packing.Unreadable(f"{program}: {' '.join(said)[:400]}")
    return done.stdout
