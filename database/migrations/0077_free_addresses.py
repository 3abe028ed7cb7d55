"""What was called like a page of ours before that was refused gets an address where no such page stands."""

from database.migrations import run

# table → what each address is one of, and the pages, as when it was written
BESIDE = {
    "collection": ("organization_id", ("archives", "back")),
    "workspace": ("organization_id", ("condition",)),
    "flyer_campaign": ("NULL", ("e", "spec")),
}


def up(migrator, db):
    for table, (within, pages) in BESIDE.items():
        found = db.execute_sql(f'SELECT id, slug, {within} FROM "{table}" ORDER BY id').fetchall()
        taken = {(slug, whole) for _, slug, whole in found}
        for id, page, whole in found:
            if page in pages:
                number = next(n for n in range(2, len(found) + 3) if (f"{page}-{n}", whole) not in taken)
                taken.add((f"{page}-{number}", whole))
                run(db, f"""UPDATE "{table}" SET slug = '{page}-{number}' WHERE id = {id}""")
                if table == "collection":
                    run(
                        db,
                        f"""UPDATE "calendar_feed" SET path = '/records/{page}-{number}'
                        WHERE table_name = 'record:{id}' AND path = '/records/{page}'""",
                    )


def down(migrator, db):
    """The addresses are good for what was before, too."""
