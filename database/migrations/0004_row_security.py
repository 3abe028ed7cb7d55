"""The second net on PostgreSQL: the server itself shows an organization's rows only inside it.

The setting is told by models.Postgres before the first statement of each scope. FORCE binds the owner
of the tables too; a superuser stays above it, so the application must not connect as one.
"""

TABLES = ["change", "task", "billing_customer", "subscription", "billing_grant", "credit_account", "credit_entry"]
INSIDE = """
    current_setting('guildhall.organization', true) = 'everywhere'
    OR organization_id = nullif(nullif(current_setting('guildhall.organization', true), 'everywhere'), '')::integer
"""


def up(migrator, db):
    if db.dialect == "postgres":
        for table in TABLES:
            db.execute_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            db.execute_sql(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            db.execute_sql(f'CREATE POLICY organization ON "{table}" USING ({INSIDE}) WITH CHECK ({INSIDE})')


def down(migrator, db):
    if db.dialect == "postgres":
        for table in TABLES:
            db.execute_sql(f'DROP POLICY organization ON "{table}"')
            db.execute_sql(f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY')
            db.execute_sql(f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY')
