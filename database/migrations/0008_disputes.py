"""Each dispute is a row, an organization may have several customers, and a checkout says when it was settled."""

from database.migrations import keep_updated, run, secure

CUSTOMERS = 'INDEX "billing_customer_organization_id_provider" ON "billing_customer" ("organization_id", "provider")'


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "billing_dispute" (STAMPED,
            "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
            "provider" VARCHAR(30) NOT NULL, "provider_dispute_id" VARCHAR(120) NOT NULL,
            "payment_id" INTEGER NOT NULL REFERENCES "billing_payment" ("id") ON DELETE CASCADE,
            "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('open', 'won', 'lost')))""",
    )
    for column in ("organization_id", "payment_id"):
        run(db, f'CREATE INDEX "billing_dispute_{column}" ON "billing_dispute" ("{column}")')
    unique = '"billing_dispute" ("provider", "provider_dispute_id")'
    run(db, f'CREATE UNIQUE INDEX "billing_dispute_provider_provider_dispute_id" ON {unique}')
    keep_updated(db, "billing_dispute")
    secure(db, "billing_dispute")
    run(db, 'DROP INDEX "billing_customer_organization_id_provider"')
    run(db, f"CREATE {CUSTOMERS}")
    run(db, 'ALTER TABLE "billing_checkout" ADD COLUMN "settled_at" MOMENT')


def down(migrator, db):
    run(db, 'ALTER TABLE "billing_checkout" DROP COLUMN "settled_at"')
    run(db, 'DROP INDEX "billing_customer_organization_id_provider"')
    run(db, f"CREATE UNIQUE {CUSTOMERS}")
    run(db, 'DROP TABLE "billing_dispute"')
