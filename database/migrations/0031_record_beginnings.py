"""Beginnings of words have an index of their own in tables that people make, as tasks have: a word that began many
rows was gathered from all of them for one page (`records_growth`)."""

from database.migrations import add_search, run


def up(migrator, db):
    _anew(db, "2 3 4 5 6 7 8")


def down(migrator, db):
    _anew(db, "")


def _anew(db, prefix):
    if db.dialect == "postgres":  # whose index finds beginnings of any length
        return
    for what in ("add", "remove", "change"):
        run(db, f"DROP TRIGGER record_search_{what}")
    run(db, "DROP TABLE record_search")
    place = "'o' || {0}.organization_id || ' c' || {0}.collection_id"
    add_search(db, "record", "{0}.words", place, prefix, "{0}.words_more")
