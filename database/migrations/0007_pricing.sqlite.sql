CREATE TABLE "pricing_catalog" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "key" VARCHAR(20) NOT NULL CHECK (key = 'catalog'),
    "products" TEXT NOT NULL,
    "prices" TEXT NOT NULL,
    "last_synced_at" TEXT,
    "last_sync_error" TEXT,
    "last_sync_failed_at" TEXT
)
--
CREATE UNIQUE INDEX "pricing_catalog_key" ON "pricing_catalog" ("key")
--
CREATE TABLE "plan" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "key" VARCHAR(40) NOT NULL,
    "name" VARCHAR(60),
    "gives" TEXT,
    "capabilities" TEXT,
    "position" INTEGER,
    "updated_by_id" INTEGER,
    FOREIGN KEY ("updated_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE UNIQUE INDEX "plan_key" ON "plan" ("key")
--
CREATE INDEX "plan_updated_by_id" ON "plan" ("updated_by_id")
--
CREATE TABLE "long_work" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "kind" VARCHAR(40) NOT NULL,
    "subject" VARCHAR(80) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('waiting', 'running', 'done', 'failed', 'replaced')),
    "done" INTEGER NOT NULL,
    "total" INTEGER,
    "facts" TEXT NOT NULL,
    "error" TEXT,
    "attempts" INTEGER NOT NULL,
    "taker" VARCHAR(40),
    "asked_by_id" INTEGER,
    "finished_at" TEXT,
    FOREIGN KEY ("asked_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "long_work_asked_by_id" ON "long_work" ("asked_by_id")
--
CREATE INDEX "long_work_kind_subject_id" ON "long_work" ("kind", "subject", "id")
--
CREATE UNIQUE INDEX "long_work_one_open" ON "long_work" ("kind", "subject") WHERE status IN ('waiting', 'running')
