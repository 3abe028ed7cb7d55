-- Doors of events: where passes are looked at, on which phones, and what came of it.
CREATE TABLE "checkpoint" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "rule" VARCHAR(30) NOT NULL CHECK ("rule" IN ('once', 'daily', 'in_out', 'free')),
    "tier_id" INTEGER REFERENCES "tier" ("id") ON DELETE CASCADE,
    "session_id" INTEGER REFERENCES "event_session" ("id") ON DELETE CASCADE,
    "is_closed" BOOLEAN NOT NULL
);
CREATE INDEX "checkpoint_organization_id" ON "checkpoint" ("organization_id");
CREATE INDEX "checkpoint_tier_id" ON "checkpoint" ("tier_id");
CREATE INDEX "checkpoint_session_id" ON "checkpoint" ("session_id");
CREATE INDEX "checkpoint_event_id_id" ON "checkpoint" ("event_id", "id");

CREATE TABLE "device" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "checkpoint_id" INTEGER REFERENCES "checkpoint" ("id") ON DELETE CASCADE,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL,
    "seen_at" MOMENT,
    "waiting" INTEGER NOT NULL,
    "revoked_at" MOMENT
);
CREATE UNIQUE INDEX "device_token_hash" ON "device" ("token_hash");
CREATE INDEX "device_organization_id" ON "device" ("organization_id");
CREATE INDEX "device_checkpoint_id" ON "device" ("checkpoint_id");
CREATE INDEX "device_user_id" ON "device" ("user_id");
CREATE INDEX "device_event_id_id" ON "device" ("event_id", "id");

CREATE TABLE "scan" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "device_id" INTEGER NOT NULL REFERENCES "device" ("id") ON DELETE CASCADE,
    "nonce" VARCHAR(40) NOT NULL,
    "checkpoint_id" INTEGER NOT NULL REFERENCES "checkpoint" ("id") ON DELETE CASCADE,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('entry', 'exit', 'undo')),
    "pass_id" INTEGER REFERENCES "pass" ("id") ON DELETE CASCADE,
    "first_id" INTEGER REFERENCES "scan" ("id") ON DELETE SET NULL,
    "scanned_at" MOMENT NOT NULL,
    "drift_ms" INTEGER NOT NULL,
    "is_late" BOOLEAN NOT NULL,
    "result" VARCHAR(20) NOT NULL,
    "note" TEXT
);
CREATE INDEX "scan_organization_id" ON "scan" ("organization_id");
CREATE INDEX "scan_checkpoint_id" ON "scan" ("checkpoint_id");
CREATE INDEX "scan_pass_id" ON "scan" ("pass_id");
CREATE INDEX "scan_first_id" ON "scan" ("first_id");
CREATE UNIQUE INDEX "scan_device_id_nonce" ON "scan" ("device_id", "nonce");
CREATE INDEX "scan_event_id_id" ON "scan" ("event_id", "id");
CREATE INDEX "scan_event_id_result_id" ON "scan" ("event_id", "result", "id");

CREATE TABLE "presence" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "pass_id" INTEGER NOT NULL REFERENCES "pass" ("id") ON DELETE CASCADE,
    "checkpoint_id" INTEGER NOT NULL REFERENCES "checkpoint" ("id") ON DELETE CASCADE,
    "day" VARCHAR(10) NOT NULL,
    "is_inside" BOOLEAN NOT NULL,
    "entries" INTEGER NOT NULL,
    "first_id" INTEGER REFERENCES "scan" ("id") ON DELETE SET NULL,
    "last_id" INTEGER REFERENCES "scan" ("id") ON DELETE SET NULL
);
CREATE INDEX "presence_organization_id" ON "presence" ("organization_id");
CREATE INDEX "presence_checkpoint_id" ON "presence" ("checkpoint_id");
CREATE INDEX "presence_first_id" ON "presence" ("first_id");
CREATE INDEX "presence_last_id" ON "presence" ("last_id");
CREATE UNIQUE INDEX "presence_pass_id_checkpoint_id_day" ON "presence" ("pass_id", "checkpoint_id", "day");
