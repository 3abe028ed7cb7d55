"""When time next changes an organization's monthly credits: a plan that is paid monthly doesn't follow the calendar.

Every account is looked at once; which payments brought their credits stands in the ledger.
"""

from database.migrations import run


def up(migrator, db):
    run(
        db,
        """ALTER TABLE "credit_account" ADD COLUMN "resets_at" MOMENT NOT NULL DEFAULT '2026-01-01T00:00:00.000000Z'""",
    )
    run(db, 'CREATE INDEX "credit_account_resets_at" ON "credit_account" ("resets_at")')
    run(db, 'DROP INDEX "credit_account_last_reset_at"')
    run(db, 'ALTER TABLE "billing_payment" DROP COLUMN "credited"')


def down(migrator, db):
    run(db, 'ALTER TABLE "billing_payment" ADD COLUMN "credited" BOOLEAN NOT NULL DEFAULT FALSE')
    run(db, 'CREATE INDEX "credit_account_last_reset_at" ON "credit_account" ("last_reset_at")')
    run(db, 'DROP INDEX "credit_account_resets_at"')
    run(db, 'ALTER TABLE "credit_account" DROP COLUMN "resets_at"')
