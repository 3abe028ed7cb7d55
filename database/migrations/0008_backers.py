"""Crowdfunding backers, their tiers and imports; what a claimed code gave stands on the user."""

from importlib import import_module

from database.migrations import run_sql

updated = import_module("database.migrations.0005_people")._updated

NEW = ["backer_tier", "crowdfunding_backer", "backer_import"]
COLUMNS = [("backer_id", "INTEGER"), ("backer_access_granted_at", "MOMENT"), ("backer_access_until", "MOMENT")]


def up(migrator, db):
    moment = "TEXT" if db.dialect == "sqlite" else "TIMESTAMPTZ"
    for name, kind in COLUMNS:
        db.execute_sql(f'ALTER TABLE "user" ADD COLUMN "{name}" {kind.replace("MOMENT", moment)}')
    db.execute_sql('CREATE UNIQUE INDEX "user_backer_id" ON "user" ("backer_id") WHERE backer_id IS NOT NULL')
    run_sql(db, "0008_backers")
    for table in NEW:
        updated(db, table)


def down(migrator, db):
    for table in reversed(NEW):
        db.execute_sql(f'DROP TABLE "{table}"')
    db.execute_sql('DROP INDEX "user_backer_id"')
    for name, _ in COLUMNS:
        db.execute_sql(f'ALTER TABLE "user" DROP COLUMN "{name}"')
