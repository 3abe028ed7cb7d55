"""Ways in, proofs, invitations and workspaces; the audit log becomes a chain."""

from importlib import import_module

from database.migrations import HERE, run_sql

inside = import_module("database.migrations.0004_row_security").INSIDE
stamp = import_module("database.migrations.0002_triggers").STAMP

NEW = [
    "oauth_account",
    "passkey",
    "backup_code",
    "user_platform_role",
    "stepup_challenge",
    "stepup_grant",
    "workspace",
    "workspace_member",
    "invitation",
    "ownership_transfer",
]
OWNED = ["workspace", "workspace_member", "invitation", "ownership_transfer"]
COLUMNS = {
    "user": [
        ("active_session_id", "INTEGER"),
        ("second_factor_at", "MOMENT"),
        ("totp_secret", "TEXT"),
        ("totp_step", "BIGINT"),
        ("deleted_at", "MOMENT"),
    ],
    "user_session": [
        ("way", "VARCHAR(30)"),
        ("device_hash", "VARCHAR(64)"),
        ("active_organization_id", "INTEGER"),
        ("staff_id", "INTEGER"),
        ("staff_reason", "TEXT"),
    ],
    "audit_event": [("previous", "VARCHAR(64)"), ("hash", "VARCHAR(64)")],
}
PURPOSES = ["verify_email", "reset", "setup"]
MORE_PURPOSES = [*PURPOSES, "sign_in", "magic_link", "change_email", "second_factor", "identity"]
KEPT = [
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
HELD = """
    "id", "created_at", "updated_at", "purpose", "email_norm", "user_id", "public_id", "secret_hash", "salt",
    "attempts", "expires_at", "consumed_at", "payload", "next_url"
"""


def up(migrator, db):
    run_sql(db, "0005_people")
    moment = "TEXT" if db.dialect == "sqlite" else "TIMESTAMPTZ"
    for table, columns in COLUMNS.items():
        for name, kind in columns:
            kind = kind.replace("MOMENT", moment)
            db.execute_sql(f'ALTER TABLE "{table}" ADD COLUMN "{name}" {kind}')
    db.execute_sql('CREATE INDEX "user_session_user_id_device_hash" ON "user_session" ("user_id", "device_hash")')
    _purposes(db, MORE_PURPOSES)
    for table in NEW:
        _updated(db, table)
    _write_once(db, [*KEPT, "previous", "hash"])
    if db.dialect == "postgres":
        for table in OWNED:
            db.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            db.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            db.execute_sql(f'CREATE POLICY organization ON "{table}" USING ({inside}) WITH CHECK ({inside})')
        db.execute_sql("SELECT set_config('guildhall.organization', 'everywhere', false)")
    db.execute_sql("""
        INSERT INTO workspace (created_at, updated_at, organization_id, name, slug, is_default)
        SELECT created_at, created_at, id, 'General', 'general', true FROM organization""")
    db.execute_sql("""
        UPDATE "user" SET active_session_id = (
            SELECT max(id) FROM user_session WHERE user_id = "user".id AND ended_at IS NULL)""")
    if db.dialect == "postgres":
        db.execute_sql("SELECT set_config('guildhall.organization', '', false)")


def down(migrator, db):
    for table in reversed(NEW):
        db.execute_sql(f'DROP TABLE "{table}"')
    _purposes(db, PURPOSES)
    db.execute_sql('DROP INDEX "user_session_user_id_device_hash"')
    if db.dialect == "sqlite":
        db.execute_sql("DROP TRIGGER audit_event_write_once")
    for table, columns in COLUMNS.items():
        for name, _ in columns:
            db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN "{name}"')
    if db.dialect == "sqlite":
        _make_write_once(db, KEPT)


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


def _purposes(db, allowed):
    """What a token may be for is a CHECK, and SQLite changes none: there the table is made anew."""
    listed = ", ".join(f"'{purpose}'" for purpose in allowed)
    if db.dialect == "postgres":
        db.execute_sql(f"DELETE FROM auth_token WHERE purpose NOT IN ({listed})")
        db.execute_sql("ALTER TABLE auth_token DROP CONSTRAINT auth_token_purpose_check")
        db.execute_sql(f'ALTER TABLE auth_token ADD CHECK ("purpose" IN ({listed}))')
        return
    text = (HERE / "0001_house.sqlite.sql").read_text().split("\n--\n")
    table, *indexes = [part.strip() for part in text if '"auth_token"' in part]
    old = ", ".join(f"'{purpose}'" for purpose in PURPOSES)
    assert old in table
    used = db.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = 'auth_token'").fetchone()
    db.execute_sql("CREATE TEMP TABLE kept_token AS SELECT * FROM auth_token")
    db.execute_sql("DROP TABLE auth_token")
    db.execute_sql(table.replace(old, listed))
    db.execute_sql(f"INSERT INTO auth_token ({HELD}) SELECT {HELD} FROM kept_token WHERE purpose IN ({listed})")
    db.execute_sql("DROP TABLE kept_token")
    if used:  # letters are keyed by these ids: none may come twice
        db.execute_sql("DELETE FROM sqlite_sequence WHERE name = 'auth_token'")
        db.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('auth_token', ?)", used)
    for index in indexes:
        db.execute_sql(index)
    _updated(db, "auth_token")


def _write_once(db, columns):
    if db.dialect == "sqlite":  # PostgreSQL's compares whole rows already
        db.execute_sql("DROP TRIGGER audit_event_write_once")
        _make_write_once(db, columns)


def _make_write_once(db, columns):
    changed = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in columns)
    db.execute_sql(f"""
        CREATE TRIGGER audit_event_write_once BEFORE UPDATE ON audit_event
        WHEN {changed} OR NEW.actor_id IS NOT NULL AND NEW.actor_id IS NOT OLD.actor_id
          OR NEW.organization_id IS NOT NULL AND NEW.organization_id IS NOT OLD.organization_id
        BEGIN SELECT RAISE(ABORT, 'the audit log is write-once'); END""")
