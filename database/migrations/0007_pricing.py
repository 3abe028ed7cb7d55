"""The pricing catalog, what admins changed of the plans, and long work with its progress.

Nothing is filled in: a plan without a row here is what domain/entitlements/plans.py says, as before.
"""

from importlib import import_module

from database.migrations import run_sql

updated = import_module("database.migrations.0005_people")._updated

NEW = ["pricing_catalog", "plan", "long_work"]


def up(migrator, db):
    run_sql(db, "0007_pricing")
    for table in NEW:
        updated(db, table)


def down(migrator, db):
    for table in reversed(NEW):
        db.execute_sql(f'DROP TABLE "{table}"')
