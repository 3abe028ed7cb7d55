"""Payments of tickets at providers: accounts of organizations, disputes, payouts."""

from database.migrations import keep_updated, run, secure

ACCOUNT = "\"account\" VARCHAR(40) NOT NULL DEFAULT ''"
COLUMNS = (
    ("payment_attempt", ACCOUNT),
    ("payment_attempt", '"looked_at" MOMENT'),
    ("ticket_payment", ACCOUNT),
    ("ticket_payment", """"dispute" VARCHAR(30) CHECK ("dispute" IN ('open', 'won', 'lost'))"""),
    ("ticket_refund", '"asked_at" MOMENT'),
    ("ticket_refund", '"tries" INTEGER NOT NULL DEFAULT 0'),
)
UNIQUE = 'CREATE UNIQUE INDEX "{0}" ON "ticket_payment" ({1}"provider_payment_id")'
BEFORE = "ticket_payment_provider_provider_payment_id", '"provider", '
AFTER = "ticket_payment_provider_account_provider_payment_id", '"provider", "account", '


def up(migrator, db):
    run(
        db,
        """CREATE TABLE "payment_account" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "public_id" VARCHAR(40) NOT NULL, "provider" VARCHAR(30) NOT NULL, "label" TEXT NOT NULL,
        "key" TEXT NOT NULL, "secret" TEXT, "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('on', 'off')))""",
    )
    run(db, 'CREATE INDEX "payment_account_organization_id" ON "payment_account" ("organization_id")')
    run(db, 'CREATE UNIQUE INDEX "payment_account_public_id" ON "payment_account" ("public_id")')
    run(
        db,
        """CREATE TABLE "payout" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "amount_cents" BIGINT NOT NULL CHECK (amount_cents > 0), "currency" VARCHAR(3) NOT NULL,
        "reference" TEXT NOT NULL, "note" TEXT, "sent_at" MOMENT NOT NULL,
        "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL)""",
    )
    run(db, 'CREATE INDEX "payout_organization_id" ON "payout" ("organization_id")')
    run(db, 'CREATE INDEX "payout_by_id" ON "payout" ("by_id")')
    for table in ("payment_account", "payout"):
        keep_updated(db, table)
        secure(db, table)
    for table, column in COLUMNS:
        run(db, f'ALTER TABLE "{table}" ADD COLUMN {column}')
    run(db, "UPDATE ticket_payment SET dispute = 'open' WHERE is_disputed")
    run(db, 'ALTER TABLE "ticket_payment" DROP COLUMN "is_disputed"')
    run(db, f'DROP INDEX "{BEFORE[0]}"')
    run(db, UNIQUE.format(*AFTER))


def down(migrator, db):
    run(db, f'DROP INDEX "{AFTER[0]}"')
    run(db, UNIQUE.format(*BEFORE))
    run(db, 'ALTER TABLE "ticket_payment" ADD COLUMN "is_disputed" BOOLEAN NOT NULL DEFAULT FALSE')
    run(db, "UPDATE ticket_payment SET is_disputed = TRUE WHERE dispute = 'open'")
    for table, column in reversed(COLUMNS):
        run(db, f'ALTER TABLE "{table}" DROP COLUMN {column.split()[0]}')
    for table in ("payout", "payment_account"):
        run(db, f'DROP TABLE "{table}"')
