"""What this site itself took for tickets is added up out of an index; columns of batches that nothing used go."""

from database.migrations import run

UP = (
    """CREATE INDEX "ticket_payment_here" ON "ticket_payment"
           ("organization_id", "currency", "dispute", "amount_cents", "refunded_cents", "account", "state", "provider")
           WHERE account = '' AND state = 'paid' AND provider <> 'transfer'""",
    'DROP INDEX "flyer_batch_zip_until_at"',
    'ALTER TABLE "flyer_batch" DROP COLUMN "zip_until_at"',
    'ALTER TABLE "flyer_batch" DROP COLUMN "zip"',
)
DOWN = (
    'ALTER TABLE "flyer_batch" ADD COLUMN "zip" VARCHAR(64)',
    'ALTER TABLE "flyer_batch" ADD COLUMN "zip_until_at" MOMENT',
    'CREATE INDEX "flyer_batch_zip_until_at" ON "flyer_batch" ("zip_until_at")',
    'DROP INDEX "ticket_payment_here"',
)


def up(migrator, db):
    for statement in UP:
        run(db, statement)


def down(migrator, db):
    for statement in DOWN:
        run(db, statement)
