"""The audit log becomes several chains side by side, so that who writes in one doesn't wait for the others.

What was written before is chain 0, whose rows stay as they are.
"""

from database.migrations import drop_write_once, run, write_once

LOG = [
    *("id", "created_at", "at", "category", "action", "result", "actor_email", "target_type", "target_id"),
    *("summary", "metadata", "ip", "request_id", "previous", "hash"),
]
FORGOTTEN = ["actor_id", "organization_id"]


def up(migrator, db):
    run(db, 'ALTER TABLE "audit_event" ADD COLUMN "chain" INTEGER NOT NULL DEFAULT 0')
    run(db, 'CREATE INDEX "audit_event_chain_id" ON "audit_event" ("chain", "id")')
    drop_write_once(db, "audit_event", "write_once")
    write_once(db, "audit_event", "write_once", "the audit log", [*LOG, "chain"], forgets=FORGOTTEN)


def down(migrator, db):
    drop_write_once(db, "audit_event", "write_once")
    run(db, 'DROP INDEX "audit_event_chain_id"')
    run(db, 'ALTER TABLE "audit_event" DROP COLUMN "chain"')
    write_once(db, "audit_event", "write_once", "the audit log", LOG, forgets=FORGOTTEN)
