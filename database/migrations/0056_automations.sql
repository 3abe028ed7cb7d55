-- What is done by itself, and what is told outside.
CREATE TABLE "automation" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "name" VARCHAR(80) NOT NULL,
    "source" VARCHAR(40) NOT NULL,
    "trigger" VARCHAR(30) NOT NULL CHECK ("trigger" IN ('made', 'changed', 'entered', 'form', 'date', 'schedule', 'button')),
    "number" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('on', 'off', 'paused')),
    "acts_as_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "paused_reason" TEXT,
    "due_at" MOMENT,
    "removed_at" MOMENT
);
CREATE INDEX "automation_organization_id_id" ON "automation" ("organization_id", "id");
CREATE INDEX "automation_acts_as_id" ON "automation" ("acts_as_id");
CREATE INDEX "automation_listens" ON "automation" ("organization_id", "source") WHERE state = 'on';
CREATE INDEX "automation_due" ON "automation" ("due_at") WHERE state = 'on' AND due_at IS NOT NULL;
CREATE TABLE "automation_version" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "automation_id" INTEGER NOT NULL REFERENCES "automation" ("id") ON DELETE CASCADE,
    "number" INTEGER NOT NULL,
    "body" JSON NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "automation_version_organization_id" ON "automation_version" ("organization_id");
CREATE UNIQUE INDEX "automation_version_automation_id_number" ON "automation_version" ("automation_id", "number");
CREATE INDEX "automation_version_by_id" ON "automation_version" ("by_id");
CREATE TABLE "automation_run" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "automation_id" INTEGER NOT NULL REFERENCES "automation" ("id") ON DELETE CASCADE,
    "version_id" INTEGER NOT NULL REFERENCES "automation_version" ("id") ON DELETE CASCADE,
    "cause" VARCHAR(120) NOT NULL,
    "chain" VARCHAR(40) NOT NULL,
    "depth" INTEGER NOT NULL,
    "row_id" INTEGER,
    "fields" JSON NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('waiting', 'done', 'failed', 'stopped')),
    "step" INTEGER NOT NULL,
    "results" JSON NOT NULL,
    "attempts" INTEGER NOT NULL,
    "next_at" MOMENT NOT NULL,
    "error" TEXT,
    "finished_at" MOMENT
);
CREATE UNIQUE INDEX "automation_run_automation_id_cause" ON "automation_run" ("automation_id", "cause");
CREATE UNIQUE INDEX "automation_run_automation_id_chain_row_id" ON "automation_run" ("automation_id", "chain", "row_id");
CREATE INDEX "automation_run_automation_id_created_at" ON "automation_run" ("automation_id", "created_at");
CREATE INDEX "automation_run_organization_id_id" ON "automation_run" ("organization_id", "id");
CREATE INDEX "automation_run_version_id" ON "automation_run" ("version_id");
CREATE INDEX "automation_run_by_id" ON "automation_run" ("by_id");
CREATE INDEX "automation_run_due" ON "automation_run" ("next_at", "id") WHERE state = 'waiting';
CREATE TABLE "webhook_endpoint" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "name" VARCHAR(80) NOT NULL,
    "url" TEXT NOT NULL,
    "secret" TEXT NOT NULL,
    "old_secret" TEXT,
    "old_until_at" MOMENT,
    "failing_since_at" MOMENT,
    "disabled_at" MOMENT,
    "removed_at" MOMENT,
    "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "webhook_endpoint_organization_id_id" ON "webhook_endpoint" ("organization_id", "id");
CREATE INDEX "webhook_endpoint_made_by_id" ON "webhook_endpoint" ("made_by_id");
CREATE TABLE "webhook_delivery" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "endpoint_id" INTEGER NOT NULL REFERENCES "webhook_endpoint" ("id") ON DELETE CASCADE,
    "run_id" INTEGER REFERENCES "automation_run" ("id") ON DELETE SET NULL,
    "message_id" VARCHAR(40) NOT NULL,
    "cause" VARCHAR(80) NOT NULL,
    "body" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('queued', 'taken', 'failed')),
    "attempts" INTEGER NOT NULL,
    "next_at" MOMENT NOT NULL,
    "status_code" INTEGER,
    "answer" TEXT,
    "error" TEXT,
    "taken_at" MOMENT
);
CREATE UNIQUE INDEX "webhook_delivery_message_id" ON "webhook_delivery" ("message_id");
CREATE UNIQUE INDEX "webhook_delivery_cause" ON "webhook_delivery" ("cause");
CREATE INDEX "webhook_delivery_organization_id_id" ON "webhook_delivery" ("organization_id", "id");
CREATE INDEX "webhook_delivery_endpoint_id_id" ON "webhook_delivery" ("endpoint_id", "id");
CREATE INDEX "webhook_delivery_run_id" ON "webhook_delivery" ("run_id");
CREATE INDEX "webhook_delivery_due" ON "webhook_delivery" ("next_at", "id") WHERE state = 'queued';
