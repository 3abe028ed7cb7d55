-- The log of letters: what became of each, and no word of what it says.
CREATE TABLE "letter" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL,
    "queued_as" INTEGER NOT NULL,
    "template" VARCHAR(60) NOT NULL,
    "kind" VARCHAR(40) NOT NULL,
    "recipient" VARCHAR(320) NOT NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('queued', 'uncertain', 'sent', 'delayed', 'delivered', 'withheld', 'failed', 'suppressed', 'bounced', 'complained')),
    "rank" INTEGER NOT NULL,
    "reason" TEXT,
    "bounce" VARCHAR(30),
    "provider" VARCHAR(20),
    "provider_id" VARCHAR(160),
    "sent_at" MOMENT,
    "changed_at" MOMENT NOT NULL
);
CREATE UNIQUE INDEX "letter_public_id" ON "letter" ("public_id");
CREATE UNIQUE INDEX "letter_queued_as" ON "letter" ("queued_as");
CREATE INDEX "letter_status_id" ON "letter" ("status", "id");
CREATE INDEX "letter_email_norm_id" ON "letter" ("email_norm", "id");
CREATE INDEX "letter_provider_sent_at" ON "letter" ("provider", "sent_at");
CREATE UNIQUE INDEX "letter_provider_id" ON "letter" ("provider_id") WHERE provider_id IS NOT NULL;

CREATE TABLE "suppression" (STAMPED,
    "email_norm" VARCHAR(320) NOT NULL,
    "scope" VARCHAR(30) NOT NULL CHECK ("scope" IN ('all', 'news')),
    "reason" VARCHAR(30) NOT NULL CHECK ("reason" IN ('bounced', 'complained', 'manual', 'unsubscribed')),
    "note" TEXT,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('active', 'lifted', 'blocked_there')),
    "since_at" MOMENT NOT NULL,
    "letter_id" INTEGER REFERENCES "letter" ("id") ON DELETE SET NULL,
    "added_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "suppression_email_norm_scope" ON "suppression" ("email_norm", "scope");
CREATE INDEX "suppression_letter_id" ON "suppression" ("letter_id");
CREATE INDEX "suppression_added_by_id" ON "suppression" ("added_by_id");

CREATE TABLE "mail_pause" (STAMPED,
    "provider" VARCHAR(20) NOT NULL,
    "until_at" MOMENT NOT NULL,
    "reason" TEXT NOT NULL
);
CREATE UNIQUE INDEX "mail_pause_provider" ON "mail_pause" ("provider");
