"""Releases as whoever deploys tells of them, how requests go each minute, what needs attention, and the status page."""

from database.migrations import keep_updated, run

STATUSES = ("unknown", "queued", "initializing", "building", "deploying", "success", "failed", "crashed", "removed")
TABLES = {
    "release": (
        """"deployment_id" VARCHAR(120) NOT NULL, "service" VARCHAR(120) NOT NULL, "environment" VARCHAR(120) NOT NULL,
        "is_ephemeral" BOOLEAN NOT NULL, "status" VARCHAR(30) NOT NULL CHECK ("status" IN ({statuses})),
        "rank" INTEGER NOT NULL, "said" VARCHAR(60) NOT NULL, "branch" VARCHAR(200) NOT NULL,
        "commit_sha" VARCHAR(80) NOT NULL, "commit_message" TEXT NOT NULL, "commit_author" VARCHAR(200) NOT NULL,
        "url" VARCHAR(500) NOT NULL, "began_at" MOMENT NOT NULL, "happened_at" MOMENT NOT NULL, "succeeded_at" MOMENT,
        "events" JSON NOT NULL,
        "verdict" VARCHAR(30) NOT NULL CHECK ("verdict" IN ('unknown', 'well', 'worse')), "notes" TEXT NOT NULL,
        "rolled_back_at" MOMENT, "rolled_back_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
        "rolled_back_why" TEXT NOT NULL""",
        (
            ("UNIQUE ", "release_deployment_id", '"deployment_id"'),
            ("", "release_rolled_back_by_id", '"rolled_back_by_id"'),
            ("", "release_environment_began_at", '"environment", "began_at"'),
            ("", "release_began_at", '"began_at"'),
        ),
    ),
    "release_health": (
        """"release" VARCHAR(80) NOT NULL, "process" VARCHAR(60) NOT NULL, "minute" MOMENT NOT NULL,
        "requests" INTEGER NOT NULL, "errors" INTEGER NOT NULL, "buckets" JSON NOT NULL""",
        (("UNIQUE ", "release_health_minute_release_process", '"minute", "release", "process"'),),
    ),
    "attention": (
        '"key" VARCHAR(30) NOT NULL, "lines" JSON NOT NULL, "looked_at" MOMENT NOT NULL',
        (("UNIQUE ", "attention_key", '"key"'),),
    ),
    "outage": (
        """"title" VARCHAR(120) NOT NULL, "words" TEXT NOT NULL,
        "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('looking', 'known', 'watching', 'over')),
        "component" VARCHAR(30) NOT NULL CHECK ("component" IN ({components})),
        "began_at" MOMENT NOT NULL, "ended_at" MOMENT""",
        (("", "outage_began_at", '"began_at"'),),
    ),
    "status_hour": (
        """"component" VARCHAR(30) NOT NULL, "hour" MOMENT NOT NULL, "last_minute" MOMENT NOT NULL,
        "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('good', 'slow', 'bad')), "good" INTEGER NOT NULL, "slow" INTEGER NOT NULL, "bad" INTEGER NOT NULL""",
        (("UNIQUE ", "status_hour_component_hour", '"component", "hour"'),),
    ),
}
COMPONENTS = "'all', 'pages', 'letters', 'payments', 'jobs'"


def up(migrator, db):
    statuses = ", ".join(f"'{status}'" for status in STATUSES)
    for table, (columns, indexes) in TABLES.items():
        columns = columns.replace("{statuses}", statuses).replace("{components}", COMPONENTS)
        run(db, f'CREATE TABLE "{table}" (STAMPED, {columns})')
        for unique, name, of in indexes:
            run(db, f'CREATE {unique}INDEX "{name}" ON "{table}" ({of})')
        keep_updated(db, table)


def down(migrator, db):
    for table in reversed(TABLES):
        run(db, f'DROP TABLE "{table}"')
