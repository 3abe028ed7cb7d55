"""Rows that were there before a field stand in its order, too."""

from database.migrations import run


def up(migrator, db):
    run(
        db,
        """INSERT INTO "record_key" ("organization_id", "slot_id", "key", "record_id")
           SELECT "organization_id", "slot_id", '2', "id" FROM (
             SELECT r."organization_id", f."slot_id", r."id" FROM "record_field" f
             JOIN "record" r ON r."collection_id" = f."collection_id" AND r."archived_at" IS NULL
             WHERE f."is_keyed" AND f."slot_id" IS NOT NULL
             EXCEPT SELECT "organization_id", "slot_id", "record_id" FROM "record_key") AS missing""",
    )


def down(migrator, db):
    """They stay: without them a list in that order would be without its rows."""
