-- Passes that are passed on, seats in sessions, and what went wrong at an event.
CREATE TABLE "pass_transfer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "pass_id" INTEGER NOT NULL REFERENCES "pass" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('open', 'accepted', 'withdrawn', 'lapsed')),
    "until_at" MOMENT NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "pass_transfer_organization_id" ON "pass_transfer" ("organization_id");
CREATE INDEX "pass_transfer_pass_id" ON "pass_transfer" ("pass_id");
CREATE UNIQUE INDEX "pass_transfer_public_id" ON "pass_transfer" ("public_id");
CREATE INDEX "pass_transfer_by_id" ON "pass_transfer" ("by_id");
CREATE UNIQUE INDEX "pass_transfer_one_open" ON "pass_transfer" ("pass_id") WHERE state = 'open';
CREATE INDEX "pass_transfer_due" ON "pass_transfer" ("until_at") WHERE state = 'open';

CREATE TABLE "session_seat" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "session_id" INTEGER NOT NULL REFERENCES "event_session" ("id") ON DELETE CASCADE,
    "pass_id" INTEGER NOT NULL REFERENCES "pass" ("id") ON DELETE CASCADE
);
CREATE INDEX "session_seat_organization_id" ON "session_seat" ("organization_id");
CREATE INDEX "session_seat_session_id" ON "session_seat" ("session_id");
CREATE UNIQUE INDEX "session_seat_pass_id_session_id" ON "session_seat" ("pass_id", "session_id");

CREATE TABLE "incident" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "title" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('open', 'settled')),
    "severity" VARCHAR(30) NOT NULL CHECK ("severity" IN ('minor', 'major', 'grave')),
    "happened_at" MOMENT,
    "place" VARCHAR(120),
    "about" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "incident_organization_id" ON "incident" ("organization_id");
CREATE INDEX "incident_by_id" ON "incident" ("by_id");
CREATE INDEX "incident_event_id_id" ON "incident" ("event_id", "id");
CREATE INDEX "incident_event_id_state_id" ON "incident" ("event_id", "state", "id");
