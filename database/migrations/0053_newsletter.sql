-- The newsletter: who reads it, how they agreed, what is written to them, and one row for each letter of it.
CREATE TABLE "subscriber" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('unconfirmed', 'confirmed', 'unsubscribed')),
    "source" VARCHAR(30) NOT NULL CHECK ("source" IN ('form', 'import')),
    "round" INTEGER NOT NULL,
    "asked_at" MOMENT,
    "reminded_at" MOMENT,
    "confirmed_at" MOMENT,
    "unsubscribed_at" MOMENT
);
CREATE UNIQUE INDEX "subscriber_public_id" ON "subscriber" ("public_id");
CREATE UNIQUE INDEX "subscriber_email_norm" ON "subscriber" ("email_norm");
CREATE INDEX "subscriber_status_id" ON "subscriber" ("status", "id");

CREATE TABLE "campaign" (STAMPED,
    "subject" VARCHAR(200) NOT NULL,
    "body" TEXT NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('draft', 'scheduled', 'preparing', 'sending', 'paused', 'done', 'stopped')),
    "why" TEXT,
    "scheduled_at" MOMENT,
    "prepared_to" INTEGER NOT NULL,
    "prepared_at" MOMENT,
    "began_at" MOMENT,
    "finished_at" MOMENT,
    "figures" JSON NOT NULL,
    "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "campaign_status_scheduled_at" ON "campaign" ("status", "scheduled_at");
CREATE INDEX "campaign_made_by_id" ON "campaign" ("made_by_id");

CREATE TABLE "consent" (STAMPED,
    "subscriber_id" INTEGER NOT NULL REFERENCES "subscriber" ("id") ON DELETE CASCADE,
    "act" VARCHAR(30) NOT NULL CHECK ("act" IN ('asked', 'reminded', 'confirmed', 'imported', 'unsubscribed')),
    "text_version" VARCHAR(20) NOT NULL,
    "place_hash" VARCHAR(64),
    "note" TEXT,
    "campaign_id" INTEGER REFERENCES "campaign" ("id") ON DELETE SET NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "consent_subscriber_id" ON "consent" ("subscriber_id");
CREATE INDEX "consent_campaign_id" ON "consent" ("campaign_id");
CREATE INDEX "consent_by_id" ON "consent" ("by_id");

CREATE TABLE "campaign_recipient" (STAMPED,
    "campaign_id" INTEGER NOT NULL REFERENCES "campaign" ("id") ON DELETE CASCADE,
    "subscriber_id" INTEGER REFERENCES "subscriber" ("id") ON DELETE SET NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('waiting', 'handed', 'skipped')),
    "why" TEXT,
    "letter_id" INTEGER REFERENCES "letter" ("id") ON DELETE SET NULL,
    "unsubscribed_at" MOMENT
);
CREATE UNIQUE INDEX "campaign_recipient_campaign_id_email_norm" ON "campaign_recipient" ("campaign_id", "email_norm");
CREATE INDEX "campaign_recipient_campaign_id_state_id" ON "campaign_recipient" ("campaign_id", "state", "id");
CREATE INDEX "campaign_recipient_subscriber_id" ON "campaign_recipient" ("subscriber_id");
CREATE INDEX "campaign_recipient_letter_id" ON "campaign_recipient" ("letter_id");
