"""Credits get buckets and holds; a ledger row keeps where it drew from, and its figures are write-once."""

from importlib import import_module

from database.migrations import HERE, run_sql

inside = import_module("database.migrations.0004_row_security").INSIDE
stamp = import_module("database.migrations.0002_triggers").STAMP

NEW = ["credit_bucket", "credit_hold"]
REASONS = ["grant", "reset", "spend", "refund", "adjust"]
HELD = """
    "id", "created_at", "updated_at", "organization_id", "account_id", "delta", "balance_after", "reason",
    "feature", "actor_id", "idempotency_key"
"""
FIGURES = ["id", "account_id", "delta", "balance_after", "reason", "idempotency_key"]
OLD_INDEXES = ["credit_entry_organization_id", "credit_entry_account_id"]
INDEXES = {
    "credit_entry_organization_id_id": '("organization_id", "id")',
    "credit_entry_organization_id_created_at": '("organization_id", "created_at")',
}


def up(migrator, db):
    moment = "TEXT" if db.dialect == "sqlite" else "TIMESTAMPTZ"
    db.execute_sql("""
        ALTER TABLE credit_account
        ADD COLUMN "held" INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0 AND held <= balance)""")
    db.execute_sql(f'ALTER TABLE credit_account ADD COLUMN "lapses_at" {moment}')
    db.execute_sql('CREATE INDEX "credit_account_last_reset_at" ON "credit_account" ("last_reset_at")')
    db.execute_sql('CREATE INDEX "credit_account_lapses" ON "credit_account" ("lapses_at") WHERE lapses_at IS NOT NULL')
    run_sql(db, "0006_credits")
    for table in NEW:
        _updated(db, table)
    if db.dialect == "sqlite":
        _remake_ledger(db, new=True)
    else:
        _alter_ledger(db)
    _write_once(db)
    if db.dialect == "postgres":
        for table in NEW:
            db.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            db.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            db.execute_sql(f'CREATE POLICY organization ON "{table}" USING ({inside}) WITH CHECK ({inside})')
        db.execute_sql("SELECT set_config('guildhall.organization', 'everywhere', false)")
    # Until now all credits came with the month.
    db.execute_sql("""
        INSERT INTO credit_bucket
            (created_at, updated_at, organization_id, account_id, kind, amount, remaining)
        SELECT last_reset_at, last_reset_at, organization_id, id, 'monthly', balance, balance
        FROM credit_account WHERE balance > 0""")
    if db.dialect == "postgres":
        db.execute_sql("SELECT set_config('guildhall.organization', '', false)")


def down(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("SELECT set_config('guildhall.organization', 'everywhere', false)")
        db.execute_sql("DROP TRIGGER credit_entry_write_once ON credit_entry")
        db.execute_sql("DROP FUNCTION credit_entry_write_once()")
        for name in INDEXES:
            db.execute_sql(f'DROP INDEX "{name}"')
        db.execute_sql("UPDATE credit_entry SET reason = 'adjust' WHERE reason = 'expire'")
        db.execute_sql("ALTER TABLE credit_entry DROP CONSTRAINT credit_entry_reason_check")
        _check_reasons(db, REASONS)
        db.execute_sql("ALTER TABLE credit_entry DROP CONSTRAINT credit_entry_balance_after_check")
        for column in ("note", "drawn"):
            db.execute_sql(f'ALTER TABLE credit_entry DROP COLUMN "{column}"')
        for column in ("organization_id", "account_id"):
            db.execute_sql(f'CREATE INDEX "credit_entry_{column}" ON "credit_entry" ("{column}")')
        db.execute_sql("SELECT set_config('guildhall.organization', '', false)")
    else:
        _remake_ledger(db, new=False)
    for table in reversed(NEW):
        db.execute_sql(f'DROP TABLE "{table}"')
    for name in ("credit_account_last_reset_at", "credit_account_lapses"):
        db.execute_sql(f'DROP INDEX "{name}"')
    for column in ("held", "lapses_at"):
        db.execute_sql(f'ALTER TABLE credit_account DROP COLUMN "{column}"')


def _updated(db, table):
    if db.dialect == "sqlite":
        db.execute_sql(f"""
            CREATE TRIGGER "{table}_updated" AFTER UPDATE ON "{table}"
            WHEN NEW.updated_at = OLD.updated_at
            BEGIN UPDATE "{table}" SET updated_at = {stamp} WHERE id = NEW.id; END""")
    else:
        db.execute_sql(f"""
            CREATE TRIGGER "{table}_updated" BEFORE UPDATE ON "{table}"
            FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION touch()""")


def _check_reasons(db, reasons):
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    db.execute_sql(f'ALTER TABLE credit_entry ADD CHECK ("reason" IN ({listed}))')


def _alter_ledger(db):
    db.execute_sql("ALTER TABLE credit_entry DROP CONSTRAINT credit_entry_reason_check")
    _check_reasons(db, [*REASONS, "expire"])
    db.execute_sql("ALTER TABLE credit_entry ADD CHECK (balance_after >= 0)")
    db.execute_sql('ALTER TABLE credit_entry ADD COLUMN "note" TEXT')
    db.execute_sql("ALTER TABLE credit_entry ADD COLUMN \"drawn\" JSONB NOT NULL DEFAULT '[]'")
    for name in OLD_INDEXES:
        db.execute_sql(f'DROP INDEX "{name}"')
    for name, columns in INDEXES.items():
        db.execute_sql(f'CREATE INDEX "{name}" ON "credit_entry" {columns}')


def _remake_ledger(db, *, new):
    """Why an entry was made is a CHECK, and SQLite changes none: the table is made anew."""
    text = (HERE / "0001_house.sqlite.sql").read_text().split("\n--\n")
    table, *indexes = [part.strip() for part in text if '"credit_entry"' in part]
    if new:
        table = _changed(table, "'adjust')", "'adjust', 'expire')")
        table = _changed(
            table, '"balance_after" INTEGER NOT NULL', '"balance_after" INTEGER NOT NULL CHECK (balance_after >= 0)'
        )
        table = _changed(
            table,
            '"actor_id" INTEGER,',
            '"note" TEXT,\n    "drawn" TEXT NOT NULL DEFAULT \'[]\',\n    "actor_id" INTEGER,',
        )
        indexes = [index for index in indexes if index.split('"')[1] not in OLD_INDEXES]
        indexes += [f'CREATE INDEX "{name}" ON "credit_entry" {columns}' for name, columns in INDEXES.items()]
    used = db.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = 'credit_entry'").fetchone()
    db.execute_sql("CREATE TEMP TABLE kept_entry AS SELECT * FROM credit_entry")
    db.execute_sql("DROP TABLE credit_entry")
    db.execute_sql(table)
    if not new:  # the sum of the ledger stays the balance
        db.execute_sql("UPDATE kept_entry SET reason = 'adjust' WHERE reason = 'expire'")
    db.execute_sql(f"INSERT INTO credit_entry ({HELD}) SELECT {HELD} FROM kept_entry")
    db.execute_sql("DROP TABLE kept_entry")
    if used:
        db.execute_sql("DELETE FROM sqlite_sequence WHERE name = 'credit_entry'")
        db.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('credit_entry', ?)", used)
    for index in indexes:
        db.execute_sql(index)
    _updated(db, "credit_entry")


def _changed(text, old, new):
    assert text.count(old) == 1, old
    return text.replace(old, new)


def _write_once(db):
    """Whoever did it may be forgotten; what it moved may not."""
    if db.dialect == "sqlite":
        changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIGURES)
        db.execute_sql(f"""
            CREATE TRIGGER credit_entry_write_once BEFORE UPDATE ON credit_entry WHEN {changed}
            BEGIN SELECT RAISE(ABORT, 'the credit ledger is write-once'); END""")
        return
    changed = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIGURES)
    db.execute_sql(f"""
        CREATE FUNCTION credit_entry_write_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF {changed} THEN
                RAISE EXCEPTION 'the credit ledger is write-once' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$""")
    db.execute_sql("""
        CREATE TRIGGER credit_entry_write_once BEFORE UPDATE ON credit_entry
        FOR EACH ROW EXECUTE FUNCTION credit_entry_write_once()""")
