"""Every table the house stands on, as SQL for each database: frozen, unlike models.py."""

import re

from database.migrations import HERE, run_sql


def up(migrator, db):
    run_sql(db, "0001_house")


def down(migrator, db):
    text = (HERE / f"0001_house.{db.dialect}.sql").read_text()
    for table in reversed(re.findall(r'CREATE TABLE "(\w+)"', text)):
        db.execute_sql(f'DROP TABLE "{table}"')
