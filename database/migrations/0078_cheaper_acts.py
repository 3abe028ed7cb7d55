"""What every write pays for: indexes that another begins with go, and on PostgreSQL an audited act asks for its chain and
the end of it at once, and parts of words are made without a query for each letter (`verbs_two_processes`)."""

from database.migrations import run

# What stays begins with the same column and tells more.
DROPPED = (
    ("audit_event", "organization_id"),
    ("backup_code", "user_id"),
    ("billing_customer", "organization_id"),
    ("billing_payment", "subscription_id"),
    ("organization", "owner_id"),
    ("organization_member", "organization_id"),
    ("stepup_challenge", "user_id"),
    ("stepup_grant", "user_id"),
    ("user_platform_role", "user_id"),
    ("user_session", "user_id"),
    ("workspace", "organization_id"),
    ("workspace_member", "workspace_id"),
)


def up(migrator, db):
    for table, column in DROPPED:
        run(db, f'DROP INDEX "{table}_{column}"')
    if db.dialect == "postgres":
        # Each statement in it sees what was committed before it began, so also what the last holder of the lock wrote.
        db.execute_sql("""
            CREATE FUNCTION free_chain(chains integer, OUT chain integer, OUT newest text) LANGUAGE plpgsql AS $$
            BEGIN
                FOR n IN 0 .. chains - 1 LOOP
                    IF pg_try_advisory_xact_lock(7266, hashtext('audit') + n) THEN
                        chain := n;
                        newest := (SELECT e.hash FROM audit_event e WHERE e.chain = n ORDER BY e.id DESC LIMIT 1);
                        RETURN;
                    END IF;
                END LOOP;
            END $$""")
        db.execute_sql("""
            CREATE OR REPLACE FUNCTION parts_of(words text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE AS $$
            DECLARE plain text := lower(words); parts text[] := '{}';
            BEGIN
                FOR n IN 1 .. length(words) - 2 LOOP parts[n] := substr(plain, n, 3); END LOOP;
                RETURN array_to_tsvector(parts);
            END $$""")


def down(migrator, db):
    for table, column in DROPPED:
        run(db, f'CREATE INDEX "{table}_{column}" ON "{table}" ("{column}")')
    if db.dialect == "postgres":
        db.execute_sql("DROP FUNCTION free_chain(integer)")
        db.execute_sql("""
            CREATE OR REPLACE FUNCTION parts_of(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $$
            SELECT array_to_tsvector(coalesce(array_agg(DISTINCT substr(lower(words), n, 3)), '{}'))
            FROM generate_series(1, length(words) - 2) n $$""")
