-- Sales that were rehearsed.
CREATE TABLE "sale_rehearsal" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "title" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    "buyers" INTEGER NOT NULL,
    "minutes" INTEGER NOT NULL,
    "arrival" VARCHAR(30) NOT NULL CHECK ("arrival" IN ('rush', 'steady')),
    "vanish" INTEGER NOT NULL,
    "late" INTEGER NOT NULL,
    "twice" INTEGER NOT NULL,
    "seed" INTEGER NOT NULL,
    "sold" INTEGER,
    "gone_after" INTEGER,
    "report" JSON,
    "error" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "sale_rehearsal_organization_id" ON "sale_rehearsal" ("organization_id");
CREATE INDEX "sale_rehearsal_by_id" ON "sale_rehearsal" ("by_id");
CREATE INDEX "sale_rehearsal_event_id_id" ON "sale_rehearsal" ("event_id", "id");
CREATE INDEX "sale_rehearsal_event_id_state_id" ON "sale_rehearsal" ("event_id", "state", "id");
