"""Words in tasks: FTS5 on SQLite, a GIN index on PostgreSQL.

`place` holds whose row it is (o7 u12 a15), so that the words of one organization never cost another time.
"""

PLACE = "'o' || {0}.organization_id || ' u' || {0}.user_id || coalesce(' a' || {0}.assigned_to_id, '')"
TEXT = "{0}.title || ' ' || coalesce({0}.description, '')"


def up(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("""
            ALTER TABLE task ADD COLUMN search tsvector GENERATED ALWAYS AS
            (to_tsvector('simple', regexp_replace(title || ' ' || coalesce(description, ''),
            '[^[:alnum:]]+', ' ', 'g'))) STORED""")
        db.execute_sql("CREATE INDEX task_search ON task USING gin (search)")
        return
    db.execute_sql("""
        CREATE VIRTUAL TABLE task_search USING fts5
        (place, text, content='', prefix='2 3 4 5 6 7 8', tokenize="unicode61 remove_diacritics 2")""")
    add = f"INSERT INTO task_search (rowid, place, text) VALUES (NEW.id, {PLACE}, {TEXT})".format("NEW")
    remove = (
        f"INSERT INTO task_search (task_search, rowid, place, text) VALUES ('delete', OLD.id, {PLACE}, {TEXT})"
    ).format("OLD")
    db.execute_sql(f"CREATE TRIGGER task_search_add AFTER INSERT ON task BEGIN {add}; END")
    db.execute_sql(f"CREATE TRIGGER task_search_remove AFTER DELETE ON task BEGIN {remove}; END")
    db.execute_sql(f"""
        CREATE TRIGGER task_search_change AFTER UPDATE OF title, description, user_id, assigned_to_id ON task
        BEGIN {remove}; {add}; END""")
    db.execute_sql(f"INSERT INTO task_search (rowid, place, text) SELECT id, {PLACE}, {TEXT} FROM task".format("task"))


def down(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("ALTER TABLE task DROP COLUMN search")
        return
    for name in ("add", "remove", "change"):
        db.execute_sql(f"DROP TRIGGER task_search_{name}")
    db.execute_sql("DROP TABLE task_search")
