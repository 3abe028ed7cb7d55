"""Payments, licences, checkouts and prices with their plans; subscriptions and the inbox know more.

Nothing is filled in: a subscription of before learns the rest from its next event, or from the reconcile.
"""

from importlib import import_module

from database.migrations import run_sql

inside = import_module("database.migrations.0004_row_security").INSIDE
updated = import_module("database.migrations.0005_people")._updated

NEW = ["plan_price", "billing_checkout", "billing_payment", "licence"]
OWNED = ["billing_checkout", "billing_payment", "licence"]
COLUMNS = {
    "billing_customer": {"deleted_at": "MOMENT"},
    "billing_source": {"asked_at": "MOMENT"},
    "subscription": {
        "provider_price_id": "VARCHAR(120) NOT NULL DEFAULT ''",
        "quantity": "INTEGER NOT NULL DEFAULT 1",
        "started_at": "MOMENT",
        "current_period_start_at": "MOMENT",
        "trial_ends_at": "MOMENT",
        "cancel_at": "MOMENT",
        "unpaid_since_at": "MOMENT",
        "unpaid_url": "TEXT",
        "collection_paused": "BOOLEAN NOT NULL DEFAULT FALSE",
        "resumes_at": "MOMENT",
        "ended_at": "MOMENT",
        "pending_plan_key": "VARCHAR(40)",
    },
    "webhook_event": {
        "headers": "JSON NOT NULL DEFAULT '{}'",
        "facts": "JSON",
        "history": "JSON NOT NULL DEFAULT '[]'",
    },
    "sandbox_object": {"owner": "VARCHAR(120) NOT NULL DEFAULT ''"},
}
TYPES = {
    "sqlite": {"MOMENT": "TEXT", "JSON": "TEXT", "BOOLEAN": "INTEGER", "FALSE": "0"},
    "postgres": {"MOMENT": "TIMESTAMPTZ", "JSON": "JSONB"},
}


def up(migrator, db):
    for table, columns in COLUMNS.items():
        for name, kind in columns.items():
            for word, meant in TYPES[db.dialect].items():
                kind = kind.replace(word, meant)
            db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{name}" {kind}')
    db.execute_sql('CREATE INDEX "sandbox_object_kind_owner_id" ON "sandbox_object" ("kind", "owner", "id")')
    run_sql(db, "0009_billing")
    for table in NEW:
        updated(db, table)
    if db.dialect == "postgres":
        for table in OWNED:
            db.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            db.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            db.execute_sql(f'CREATE POLICY organization ON "{table}" USING ({inside}) WITH CHECK ({inside})')


def down(migrator, db):
    for table in reversed(NEW):
        db.execute_sql(f'DROP TABLE "{table}"')
    db.execute_sql('DROP INDEX "sandbox_object_kind_owner_id"')
    for table, columns in COLUMNS.items():
        for name in columns:
            db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
