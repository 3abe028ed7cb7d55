"""What the site says (blog, legal pages), what people say to it, and organizations whose name was looked at."""

from database.migrations import keep_updated, run

TABLES = {
    "article": (
        """"kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('post', 'legal')), "slug" VARCHAR(80) NOT NULL,
        "title" VARCHAR(120) NOT NULL, "summary" VARCHAR(300) NOT NULL, "body" TEXT NOT NULL,
        "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('draft', 'published')), "published_at" MOMENT,
        "author_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL""",
        (
            ("UNIQUE ", "article_kind_slug", '"kind", "slug"'),
            ("", "article_author_id", '"author_id"'),
            ("", "article_kind_published_at", '"kind", "published_at"'),
        ),
    ),
    "feedback": (
        """"user_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL, "email" VARCHAR(200),
        "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('feedback', 'complaint')), "category" VARCHAR(30) NOT NULL,
        "title" VARCHAR(120) NOT NULL, "body" TEXT NOT NULL,
        "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'in_review', 'resolved', 'dismissed')),
        "reply" TEXT, "decided_at" MOMENT, "decided_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
        "form_key" VARCHAR(40)""",
        (
            ("UNIQUE ", "feedback_form_key", '"form_key"'),
            ("", "feedback_user_id", '"user_id"'),
            ("", "feedback_decided_by_id", '"decided_by_id"'),
            ("", "feedback_status", '"status"'),
        ),
    ),
    "verification": (
        """"organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
        "asked_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL, "name" VARCHAR(120) NOT NULL,
        "words" TEXT NOT NULL, "links" TEXT NOT NULL,
        "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('pending', 'approved', 'rejected', 'withdrawn')),
        "reason" TEXT, "decided_at" MOMENT, "decided_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL""",
        (
            ("", "verification_organization_id", '"organization_id"'),
            ("", "verification_asked_by_id", '"asked_by_id"'),
            ("", "verification_decided_by_id", '"decided_by_id"'),
            ("", "verification_state", '"state"'),
        ),
    ),
}


def up(migrator, db):
    for table, (columns, indexes) in TABLES.items():
        run(db, f'CREATE TABLE "{table}" (STAMPED, {columns})')
        for unique, name, of in indexes:
            run(db, f'CREATE {unique}INDEX "{name}" ON "{table}" ({of})')
        keep_updated(db, table)
    pending = """CREATE UNIQUE INDEX "verification_one_pending" ON "verification" ("organization_id") WHERE state = 'pending'"""
    run(db, pending)
    run(db, 'ALTER TABLE "organization" ADD COLUMN "verified_as" VARCHAR(120)')


def down(migrator, db):
    run(db, 'ALTER TABLE "organization" DROP COLUMN "verified_as"')
    for table in reversed(TABLES):
        run(db, f'DROP TABLE "{table}"')
