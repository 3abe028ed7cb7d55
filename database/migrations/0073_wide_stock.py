"""Stock of what is counted in minor units of money: what codes took off may be more than four bytes hold."""

COLUMNS = {"stock": ("size", "over", "held", "sold"), "stock_move": ("d_held", "d_sold", "d_size", "d_over")}


def _change(db, type):
    if db.dialect == "postgres":  # SQLite's integers have eight bytes
        for table, names in COLUMNS.items():
            changes = ", ".join(f'ALTER COLUMN "{name}" TYPE {type}' for name in names)
            db.execute_sql(f'ALTER TABLE "{table}" {changes}')


def up(migrator, db):
    _change(db, "BIGINT")


def down(migrator, db):
    _change(db, "INTEGER")
