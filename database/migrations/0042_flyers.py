"""Flyers, campaigns, referrals, and reports of what is public."""

from database.migrations import drop_write_once, keep_updated, run, run_sql, secure, tables_of, write_once

SHARED = ("flyer_salt", "flyer_event", "flyer_count", "flyer_gap")  # not an organization's, or written for all at once
FROZEN = ("organization_id", "template_id", "number", "spec", "files", "renderer")


def up(migrator, db):
    run_sql(db, "0042_flyers")
    for table in tables_of("0042_flyers"):
        keep_updated(db, table)
        if table not in SHARED:
            secure(db, table)
    write_once(db, "flyer_version", "freeze_flyer_version", "a version of a template", FROZEN, forgets=("by_id",))


def down(migrator, db):
    drop_write_once(db, "flyer_version", "freeze_flyer_version")
    for table in reversed(tables_of("0042_flyers")):
        run(db, f'DROP TABLE "{table}"')
