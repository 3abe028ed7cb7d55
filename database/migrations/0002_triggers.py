"""What the database itself keeps: `updated_at` moves with every change, the audit log is write-once."""

import re

from database.migrations import HERE

STAMP = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"


def tables():
    text = (HERE / "0001_house.sqlite.sql").read_text()
    return re.findall(r'CREATE TABLE "(\w+)"', text)


def up(migrator, db):
    if db.dialect == "sqlite":
        for table in tables():
            if table == "audit_event":
                continue
            db.execute_sql(f"""
                CREATE TRIGGER "{table}_updated" AFTER UPDATE ON "{table}"
                WHEN NEW.updated_at = OLD.updated_at
                BEGIN UPDATE "{table}" SET updated_at = {STAMP} WHERE id = NEW.id; END""")
        # An actor may be forgotten (their account was deleted); nothing else about a row may change.
        kept = " OR ".join(
            f"NEW.{c} IS NOT OLD.{c}"
            for c in [
                "id",
                "created_at",
                "at",
                "category",
                "action",
                "result",
                "actor_email",
                "target_type",
                "target_id",
                "summary",
                "metadata",
                "ip",
                "request_id",
            ]
        )
        db.execute_sql(f"""
            CREATE TRIGGER audit_event_write_once BEFORE UPDATE ON audit_event
            WHEN {kept} OR NEW.actor_id IS NOT NULL AND NEW.actor_id IS NOT OLD.actor_id
              OR NEW.organization_id IS NOT NULL AND NEW.organization_id IS NOT OLD.organization_id
            BEGIN SELECT RAISE(ABORT, 'the audit log is write-once'); END""")
        return
    db.execute_sql("""
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.updated_at := clock_timestamp(); RETURN NEW; END $$""")
    for table in tables():
        if table != "audit_event":
            db.execute_sql(f"""
                CREATE TRIGGER "{table}_updated" BEFORE UPDATE ON "{table}"
                FOR EACH ROW WHEN (NEW.updated_at = OLD.updated_at) EXECUTE FUNCTION touch()""")
    db.execute_sql("""
        CREATE FUNCTION write_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF to_jsonb(NEW) - 'actor_id' - 'organization_id' <> to_jsonb(OLD) - 'actor_id' - 'organization_id'
               OR NEW.actor_id IS NOT NULL AND NEW.actor_id IS DISTINCT FROM OLD.actor_id
               OR NEW.organization_id IS NOT NULL AND NEW.organization_id IS DISTINCT FROM OLD.organization_id
            THEN RAISE EXCEPTION 'the audit log is write-once'; END IF;
            RETURN NEW;
        END $$""")
    db.execute_sql("""
        CREATE TRIGGER audit_event_write_once BEFORE UPDATE ON audit_event
        FOR EACH ROW EXECUTE FUNCTION write_once()""")


def down(migrator, db):
    for table in tables():
        name = "audit_event_write_once" if table == "audit_event" else f"{table}_updated"
        db.execute_sql(f'DROP TRIGGER "{name}"' + (f' ON "{table}"' if db.dialect == "postgres" else ""))
    if db.dialect == "postgres":
        db.execute_sql("DROP FUNCTION touch()")
        db.execute_sql("DROP FUNCTION write_once()")
