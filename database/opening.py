"""Opening the database: what the server, `python -m jobs` and the tests begin with, before anything is asked."""

from database import locks, migrations, transactions
from database.connections import database, open_database


class AboveRowSecurity(SystemExit):
    """The app must not start: PostgreSQL would not keep organizations apart."""


def open_house(url, folder, strict=True):
    """Open the database that `url` names and bring it up to date; copies of it go into `folder`.

    Where it is `strict`, a lock that is asked for in a wrong order is an error.
    Refuses with AboveRowSecurity where PostgreSQL's row security doesn't bind the role.
    """
    folder.mkdir(parents=True, exist_ok=True)
    open_again(url)
    if database.dialect == "postgres" and database.is_above_row_security():
        database.close()
        raise AboveRowSecurity(
            "Guildhall can't start. Mend these:\n"
            "  - DATABASE_URL: its role is a superuser or bypasses row security, which keeps organizations apart"
        )
    migrations.migrate(folder)
    locks.be_strict(strict)
    transactions.wake_everybody()


def open_again(url, **options):
    """Open a database that is up to date: in a worker's process after the fork, or another one in a test."""
    transactions.writer.stop()
    transactions.writer.restart()
    open_database(url, **options)
    transactions.wake_everybody()
