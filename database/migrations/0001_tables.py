"""Every table of 0.3.0, and what the database itself keeps about them. Frozen, unlike models.py."""

from database.migrations import add_search, keep_updated, run_sql, secure, tables_of, write_once

LOG = [
    *("id", "created_at", "at", "category", "action", "result", "actor_email", "target_type", "target_id"),
    *("summary", "metadata", "ip", "request_id", "previous", "hash"),
]
LEDGER = ["id", "account_id", "delta", "balance_after", "reason", "idempotency_key"]
OWNED = [
    *("workspace", "workspace_member", "invitation", "ownership_transfer", "change", "task", "billing_customer"),
    *("billing_checkout", "subscription", "billing_payment", "licence", "billing_grant"),
    *("credit_account", "credit_bucket", "credit_hold", "credit_entry"),
]
# Whose task it is (o7 u12 a15), so that the words of one organization never cost another time.
PLACE = "'o' || {0}.organization_id || ' u' || {0}.user_id || coalesce(' a' || {0}.assigned_to_id, '')"
TEXT = "{0}.title || ' ' || coalesce({0}.description, '')"


def up(migrator, db):
    run_sql(db, "0001_tables")
    if db.dialect == "postgres":
        db.execute_sql("""
            CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$""")
    for table in tables_of("0001_tables"):
        if table != "audit_event":
            keep_updated(db, table)
    # Who did it may be forgotten (their account was deleted), and nobody may take their place.
    write_once(db, "audit_event", "write_once", "the audit log", LOG, forgets=["actor_id", "organization_id"])
    write_once(db, "credit_entry", "credit_entry_write_once", "the credit ledger", LEDGER)
    add_search(db, "task", TEXT, PLACE)
    for table in OWNED:
        secure(db, table)


def down(migrator, db):
    if db.dialect == "sqlite":
        db.execute_sql("DROP TABLE task_search")
    for table in reversed(tables_of("0001_tables")):
        db.execute_sql(f'DROP TABLE "{table}"')
    if db.dialect == "postgres":
        for function in ("touch", "write_once", "credit_entry_write_once"):
            db.execute_sql(f"DROP FUNCTION {function}()")
