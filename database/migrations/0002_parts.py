"""Parts of people's names and addresses, and of what the audit log says, found among millions."""

from database.migrations import add_parts

EVENT = "{0}.summary || ' ' || {0}.action || ' ' || coalesce({0}.actor_email, '') || ' ' || coalesce({0}.target_id, '')"
# A person's words stand in two tables.
PERSON = """email || ' ' || coalesce((SELECT full_name FROM profile WHERE user_id = {0}), '')"""


def up(migrator, db):
    if db.dialect == "postgres":
        # pg_trgm isn't on every server; three letters as lexemes are found by the same kind of index.
        db.execute_sql("""
            CREATE FUNCTION parts_of(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
            SELECT array_to_tsvector(coalesce(array_agg(DISTINCT substr(lower(words), n, 3)), '{}'))
            FROM generate_series(1, length(words) - 2) n $$""")
    add_parts(db, "audit_event", EVENT)
    (_on_postgres if db.dialect == "postgres" else _on_sqlite)(db)


def _on_sqlite(db):
    db.execute_sql("CREATE VIRTUAL TABLE user_parts USING fts5 (text, tokenize='trigram')")
    text = f'(SELECT {PERSON} FROM "user" WHERE id = {{0}})'
    for table, key, columns in (("user", "id", "email"), ("profile", "user_id", "user_id, full_name")):
        put = f"INSERT OR REPLACE INTO user_parts (rowid, text) VALUES (NEW.{key}, {text})".format(f"NEW.{key}")
        for name, event in (("add", "INSERT"), ("change", f"UPDATE OF {columns}")):
            db.execute_sql(f'CREATE TRIGGER user_parts_{table}_{name} AFTER {event} ON "{table}" BEGIN {put}; END')
    db.execute_sql("""
        CREATE TRIGGER user_parts_remove AFTER DELETE ON "user"
        BEGIN DELETE FROM user_parts WHERE rowid = OLD.id; END""")
    each = PERSON.format('"user".id')
    db.execute_sql(f'INSERT INTO user_parts (rowid, text) SELECT id, {each} FROM "user"')


def _on_postgres(db):
    db.execute_sql('ALTER TABLE "user" ADD COLUMN parts tsvector')
    each = PERSON.format('"user".id')
    db.execute_sql(f'UPDATE "user" SET parts = parts_of({each})')
    db.execute_sql('CREATE INDEX user_parts ON "user" USING gin (parts)')
    each = PERSON.format("NEW.id")
    db.execute_sql(f"""
        CREATE FUNCTION user_parts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN NEW.parts := parts_of(NEW.{each}); RETURN NEW; END $$""")
    db.execute_sql("""
        CREATE TRIGGER user_parts BEFORE INSERT OR UPDATE OF email, parts ON "user"
        FOR EACH ROW EXECUTE FUNCTION user_parts()""")
    db.execute_sql("""
        CREATE FUNCTION profile_parts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN UPDATE "user" SET parts = NULL, updated_at = updated_at WHERE id = NEW.user_id; RETURN NEW; END $$""")
    db.execute_sql("""
        CREATE TRIGGER user_parts AFTER INSERT OR UPDATE OF full_name ON profile
        FOR EACH ROW EXECUTE FUNCTION profile_parts()""")


def down(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("DROP TRIGGER user_parts ON profile")
        db.execute_sql('DROP TRIGGER user_parts ON "user"')
        for table in ("user", "audit_event"):
            db.execute_sql(f'ALTER TABLE "{table}" DROP COLUMN parts')
        for function in ("user_parts()", "profile_parts()", "parts_of(text)"):
            db.execute_sql(f"DROP FUNCTION {function}")
        return
    for name in ("user_add", "user_change", "profile_add", "profile_change", "remove"):
        db.execute_sql(f"DROP TRIGGER user_parts_{name}")
    for name in ("add", "change", "remove"):
        db.execute_sql(f"DROP TRIGGER audit_event_parts_{name}")
    db.execute_sql("DROP TABLE user_parts")
    db.execute_sql("DROP TABLE audit_event_parts")
