"""Money of tickets that is nobody's yet; payouts as providers tell them, and what of each event is in one; codes that
prove who gets free tickets."""

from database.migrations import keep_updated, run, secure

COLUMNS = (
    ("event", '"proves_free" BOOLEAN NOT NULL DEFAULT FALSE'),
    ("ticket_order", '"code_at" MOMENT'),
    ("ticket_order", '"code_tries" INTEGER NOT NULL DEFAULT 0'),
    ("ticket_payment", '"note" TEXT'),
    ("ticket_payment", '"trouble" TEXT'),
    ("ticket_payment", '"sent_back_at" MOMENT'),
    ("payment_account", '"paid_out_at" MOMENT'),
    ("payout", "\"provider\" VARCHAR(30) NOT NULL DEFAULT ''"),
    ("payout", "\"account\" VARCHAR(40) NOT NULL DEFAULT ''"),
    (
        "payout",
        """"state" VARCHAR(30) NOT NULL DEFAULT 'paid' CHECK ("state" IN ('pending', 'paid', 'failed'))""",
    ),
)


def up(migrator, db):
    for table, column in COLUMNS:
        run(db, f'ALTER TABLE "{table}" ADD COLUMN {column}')
    run(
        db,
        'CREATE UNIQUE INDEX "payout_of_provider" ON "payout" ("provider", "account", "reference")'
        " WHERE provider <> ''",
    )
    run(
        db,
        """CREATE TABLE "payout_part" (STAMPED,
        "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "payout_id" INTEGER NOT NULL REFERENCES "payout" ("id") ON DELETE CASCADE,
        "event_id" INTEGER REFERENCES "event" ("id") ON DELETE SET NULL,
        "amount_cents" BIGINT NOT NULL, "refunded_cents" BIGINT NOT NULL, "fee_cents" BIGINT NOT NULL,
        "net_cents" BIGINT NOT NULL)""",
    )
    for column in ("organization_id", "payout_id", "event_id"):
        run(db, f'CREATE INDEX "payout_part_{column}" ON "payout_part" ("{column}")')
    keep_updated(db, "payout_part")
    secure(db, "payout_part")


def down(migrator, db):
    run(db, 'DROP TABLE "payout_part"')
    run(db, 'DROP INDEX "payout_of_provider"')
    for table, column in reversed(COLUMNS):
        run(db, f'ALTER TABLE "{table}" DROP COLUMN {column.split()[0]}')
