"""PostgreSQL finds an address by its first letters in an index of its own: the other one follows its locale."""


def up(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql('CREATE INDEX user_email_norm_begins ON "user" (email_norm COLLATE "C")')


def down(migrator, db):
    if db.dialect == "postgres":
        db.execute_sql("DROP INDEX user_email_norm_begins")
