"""Rules of people's tables: who builds and shares besides, and conditions of every kind that keys tell."""

import json

from database.migrations import run

MOVED = (("builds", "0"), ("shares", "1"))


def up(migrator, db):
    for column, usual in MOVED:
        usual = usual if db.dialect == "sqlite" else ("FALSE", "TRUE")[int(usual)]
        run(db, f'ALTER TABLE "record_rule" ADD COLUMN "{column}" BOOLEAN NOT NULL DEFAULT {usual}')
    _write_anew(db, _widened)


def down(migrator, db):
    _write_anew(db, _narrowed)
    for column, _ in MOVED:
        run(db, f'ALTER TABLE "record_rule" DROP COLUMN "{column}"')


def _write_anew(db, change):
    sign = "?" if db.dialect == "sqlite" else "%s"
    for id, where in db.execute_sql('SELECT "id", "where" FROM "record_rule"').fetchall():
        where = json.loads(where) if isinstance(where, str) else where
        changed = json.dumps([change(one) for one in where])
        db.execute_sql(f'UPDATE "record_rule" SET "where" = {sign} WHERE "id" = {sign}', (changed, id))


def _widened(one):
    what, value = one
    kind = "person" if value == "me" else "choice"
    return {"is_or": True, "about": str(what), "kind": kind, "operator": "any_of", "texts": [str(value)]}


def _narrowed(one):
    """As well as it can be said: what it can't say is about a field that isn't there, and lets nobody through."""
    texts, about = one["texts"], one["about"]
    if one["operator"] != "any_of" or len(texts) != 1 or not one["is_or"]:
        return [0, 0]
    return [int(about) if about.isdigit() else about, int(texts[0]) if texts[0].isdigit() else texts[0]]
