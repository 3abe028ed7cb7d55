-- Flyers: templates and their versions, campaigns, people's pictures, what became of them; and reports of anything public.
CREATE TABLE "flyer_picture" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "sha256" VARCHAR(64) NOT NULL,
    "type" VARCHAR(40) NOT NULL,
    "width" INTEGER NOT NULL,
    "height" INTEGER NOT NULL,
    "size" INTEGER NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "flyer_picture_by_id" ON "flyer_picture" ("by_id");
CREATE UNIQUE INDEX "flyer_picture_organization_id_sha256" ON "flyer_picture" ("organization_id", "sha256");
CREATE TABLE "flyer_template" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "event_id" INTEGER REFERENCES "event" ("id") ON DELETE SET NULL,
    "name" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('draft', 'published', 'archived')),
    "draft" JSON NOT NULL,
    "live_version" INTEGER,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "flyer_template_public_id" ON "flyer_template" ("public_id");
CREATE INDEX "flyer_template_event_id" ON "flyer_template" ("event_id");
CREATE INDEX "flyer_template_by_id" ON "flyer_template" ("by_id");
CREATE INDEX "flyer_template_organization_id_id" ON "flyer_template" ("organization_id", "id");
CREATE INDEX "flyer_template_organization_id_state_id" ON "flyer_template" ("organization_id", "state", "id");
CREATE TABLE "flyer_version" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "template_id" INTEGER NOT NULL REFERENCES "flyer_template" ("id") ON DELETE CASCADE,
    "number" INTEGER NOT NULL,
    "spec" JSON NOT NULL,
    "files" JSON NOT NULL,
    "renderer" INTEGER NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "flyer_version_organization_id" ON "flyer_version" ("organization_id");
CREATE INDEX "flyer_version_by_id" ON "flyer_version" ("by_id");
CREATE UNIQUE INDEX "flyer_version_template_id_number" ON "flyer_version" ("template_id", "number");
CREATE TABLE "flyer_campaign" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER REFERENCES "event" ("id") ON DELETE SET NULL,
    "template_id" INTEGER REFERENCES "flyer_template" ("id") ON DELETE SET NULL,
    "name" TEXT NOT NULL,
    "slug" VARCHAR(80) NOT NULL,
    "zone" VARCHAR(60) NOT NULL,
    "starts_at" MOMENT NOT NULL,
    "ends_at" MOMENT NOT NULL CHECK (ends_at > starts_at),
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('draft', 'scheduled', 'active', 'paused', 'ended')),
    "paused_why" TEXT,
    "visibility" VARCHAR(30) NOT NULL CHECK ("visibility" IN ('public', 'link')),
    "hub_ok" BOOLEAN NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "flyer_campaign_event_id" ON "flyer_campaign" ("event_id");
CREATE INDEX "flyer_campaign_template_id" ON "flyer_campaign" ("template_id");
CREATE UNIQUE INDEX "flyer_campaign_slug" ON "flyer_campaign" ("slug");
CREATE INDEX "flyer_campaign_by_id" ON "flyer_campaign" ("by_id");
CREATE INDEX "flyer_campaign_organization_id_id" ON "flyer_campaign" ("organization_id", "id");
CREATE INDEX "flyer_campaign_organization_id_state_id" ON "flyer_campaign" ("organization_id", "state", "id");
CREATE INDEX "flyer_campaign_state_starts_at" ON "flyer_campaign" ("state", "starts_at");
CREATE INDEX "flyer_campaign_state_visibility_id" ON "flyer_campaign" ("state", "visibility", "id");
CREATE TABLE "flyer_phase" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "campaign_id" INTEGER NOT NULL REFERENCES "flyer_campaign" ("id") ON DELETE CASCADE,
    "key" VARCHAR(30) NOT NULL CHECK ("key" IN ('teaser', 'main', 'last_call', 'thank_you')),
    "starts_at" MOMENT NOT NULL,
    "ends_at" MOMENT NOT NULL CHECK (ends_at > starts_at),
    "template_id" INTEGER NOT NULL REFERENCES "flyer_template" ("id") ON DELETE CASCADE
);
CREATE INDEX "flyer_phase_organization_id" ON "flyer_phase" ("organization_id");
CREATE INDEX "flyer_phase_template_id" ON "flyer_phase" ("template_id");
CREATE UNIQUE INDEX "flyer_phase_campaign_id_key" ON "flyer_phase" ("campaign_id", "key");
CREATE TABLE "flyer_via" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "code" VARCHAR(8) NOT NULL,
    "user_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "email_norm" VARCHAR(320),
    "parent_id" INTEGER REFERENCES "flyer_via" ("id") ON DELETE SET NULL
);
CREATE INDEX "flyer_via_organization_id" ON "flyer_via" ("organization_id");
CREATE INDEX "flyer_via_event_id" ON "flyer_via" ("event_id");
CREATE UNIQUE INDEX "flyer_via_code" ON "flyer_via" ("code");
CREATE INDEX "flyer_via_user_id" ON "flyer_via" ("user_id");
CREATE INDEX "flyer_via_parent_id" ON "flyer_via" ("parent_id");
CREATE UNIQUE INDEX "flyer_via_user" ON "flyer_via" ("event_id", "user_id") WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX "flyer_via_email" ON "flyer_via" ("event_id", "email_norm") WHERE user_id IS NULL AND email_norm IS NOT NULL;
CREATE TABLE "flyer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "version_id" INTEGER NOT NULL REFERENCES "flyer_version" ("id") ON DELETE CASCADE,
    "campaign_id" INTEGER REFERENCES "flyer_campaign" ("id") ON DELETE SET NULL,
    "user_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "pass_id" INTEGER REFERENCES "pass" ("id") ON DELETE SET NULL,
    "via_id" INTEGER REFERENCES "flyer_via" ("id") ON DELETE SET NULL,
    "fields" JSON NOT NULL,
    "crop" JSON NOT NULL,
    "photo" VARCHAR(64) CHECK (photo IS NULL OR state = 'pending'),
    "file" VARCHAR(64) CHECK (file IS NULL OR state IN ('pending', 'ready', 'flagged')),
    "og" VARCHAR(64) CHECK (og IS NULL OR state IN ('pending', 'ready', 'flagged')),
    "thumb" VARCHAR(64) CHECK (thumb IS NULL OR state IN ('pending', 'ready', 'flagged')),
    "content_hash" VARCHAR(64) NOT NULL,
    "address_hash" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('pending', 'ready', 'flagged', 'removed', 'expired')),
    "why" VARCHAR(30) CHECK ("why" IN ('owner', 'failed', 'moderation', 'organizer', 'template', 'account')),
    "tries" INTEGER NOT NULL,
    "ready_at" MOMENT,
    "secret_hash" VARCHAR(64) NOT NULL,
    "attempt" VARCHAR(40),
    "in_hub" BOOLEAN NOT NULL,
    "is_unscreened" BOOLEAN NOT NULL,
    "email" VARCHAR(320),
    "told_at" MOMENT,
    "extended_at" MOMENT,
    "expires_at" MOMENT NOT NULL,
    "forgotten_at" MOMENT
);
CREATE INDEX "flyer_organization_id" ON "flyer" ("organization_id");
CREATE UNIQUE INDEX "flyer_public_id" ON "flyer" ("public_id");
CREATE INDEX "flyer_user_id" ON "flyer" ("user_id");
CREATE INDEX "flyer_pass_id" ON "flyer" ("pass_id");
CREATE INDEX "flyer_via_id" ON "flyer" ("via_id");
CREATE UNIQUE INDEX "flyer_version_id_content_hash_address_hash" ON "flyer" ("version_id", "content_hash", "address_hash");
CREATE INDEX "flyer_campaign_id_created_at" ON "flyer" ("campaign_id", "created_at");
CREATE INDEX "flyer_expires" ON "flyer" ("expires_at") WHERE file IS NOT NULL;
CREATE INDEX "flyer_pending" ON "flyer" ("id") WHERE state = 'pending';
CREATE INDEX "flyer_unforgotten" ON "flyer" ("id") WHERE state IN ('removed', 'expired') AND forgotten_at IS NULL;
CREATE INDEX "flyer_hub" ON "flyer" ("campaign_id", "id") WHERE state = 'ready' AND in_hub;
CREATE TABLE "referral" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "order_id" INTEGER NOT NULL REFERENCES "ticket_order" ("id") ON DELETE CASCADE,
    "via_id" INTEGER NOT NULL REFERENCES "flyer_via" ("id") ON DELETE CASCADE,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('counted', 'self')),
    "shows_name" BOOLEAN NOT NULL
);
CREATE INDEX "referral_organization_id" ON "referral" ("organization_id");
CREATE UNIQUE INDEX "referral_order_id" ON "referral" ("order_id");
CREATE INDEX "referral_via_id" ON "referral" ("via_id");
CREATE TABLE "flyer_salt" (STAMPED,
    "day" VARCHAR(10) NOT NULL,
    "salt" BYTES NOT NULL
);
CREATE UNIQUE INDEX "flyer_salt_day" ON "flyer_salt" ("day");
CREATE TABLE "flyer_event" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "campaign_id" INTEGER REFERENCES "flyer_campaign" ("id") ON DELETE SET NULL,
    "template_id" INTEGER NOT NULL REFERENCES "flyer_template" ("id") ON DELETE CASCADE,
    "version" INTEGER,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('view', 'open', 'upload', 'generate', 'download', 'share', 'arrive')),
    "at" MOMENT NOT NULL,
    "day" VARCHAR(10) NOT NULL,
    "source" VARCHAR(30) NOT NULL,
    "key" BYTES NOT NULL
);
CREATE INDEX "flyer_event_organization_id" ON "flyer_event" ("organization_id");
CREATE INDEX "flyer_event_campaign_id" ON "flyer_event" ("campaign_id");
CREATE INDEX "flyer_event_at" ON "flyer_event" ("at");
CREATE UNIQUE INDEX "flyer_event_key" ON "flyer_event" ("key");
CREATE INDEX "flyer_event_template_id_kind_at" ON "flyer_event" ("template_id", "kind", "at");
CREATE TABLE "flyer_count" (STAMPED,
    "scope" VARCHAR(30) NOT NULL CHECK ("scope" IN ('campaign', 'template')),
    "scope_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('view', 'open', 'upload', 'generate', 'download', 'share', 'arrive')),
    "hour" MOMENT NOT NULL,
    "n" INTEGER NOT NULL
);
CREATE UNIQUE INDEX "flyer_count_scope_scope_id_kind_hour" ON "flyer_count" ("scope", "scope_id", "kind", "hour");
CREATE INDEX "flyer_count_kind_hour" ON "flyer_count" ("kind", "hour");
CREATE TABLE "flyer_gap" (STAMPED,
    "from_at" MOMENT NOT NULL,
    "until_at" MOMENT NOT NULL,
    "lost" INTEGER NOT NULL
);
CREATE INDEX "flyer_gap_until_at" ON "flyer_gap" ("until_at");
CREATE TABLE "flyer_batch" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "version_id" INTEGER NOT NULL REFERENCES "flyer_version" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "total" INTEGER NOT NULL,
    "hold_key" VARCHAR(64),
    "zip" VARCHAR(64),
    "zip_until_at" MOMENT,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('queued', 'running', 'stopping', 'done', 'failed')),
    "error" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "done_at" MOMENT
);
CREATE UNIQUE INDEX "flyer_batch_public_id" ON "flyer_batch" ("public_id");
CREATE INDEX "flyer_batch_version_id" ON "flyer_batch" ("version_id");
CREATE INDEX "flyer_batch_zip_until_at" ON "flyer_batch" ("zip_until_at");
CREATE INDEX "flyer_batch_by_id" ON "flyer_batch" ("by_id");
CREATE INDEX "flyer_batch_organization_id_id" ON "flyer_batch" ("organization_id", "id");
CREATE INDEX "flyer_batch_organization_id_state_id" ON "flyer_batch" ("organization_id", "state", "id");
CREATE INDEX "flyer_batch_open" ON "flyer_batch" ("id") WHERE state IN ('queued', 'running', 'stopping');
CREATE TABLE "flyer_batch_row" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "batch_id" INTEGER NOT NULL REFERENCES "flyer_batch" ("id") ON DELETE CASCADE,
    "n" INTEGER NOT NULL,
    "fields" JSON NOT NULL,
    "photo" VARCHAR(64),
    "file" VARCHAR(64),
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('waiting', 'done', 'failed')),
    "error" TEXT
);
CREATE INDEX "flyer_batch_row_organization_id" ON "flyer_batch_row" ("organization_id");
CREATE UNIQUE INDEX "flyer_batch_row_batch_id_n" ON "flyer_batch_row" ("batch_id", "n");
CREATE INDEX "flyer_batch_row_batch_id_state_n" ON "flyer_batch_row" ("batch_id", "state", "n");
CREATE TABLE "moderation_item" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "subject" VARCHAR(30) NOT NULL CHECK ("subject" IN ('flyer', 'template', 'campaign', 'event', 'organization', 'record')),
    "subject_id" INTEGER NOT NULL,
    "source" VARCHAR(30) NOT NULL CHECK ("source" IN ('report', 'auto', 'appeal')),
    "reason" VARCHAR(30) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('open', 'approved', 'removed')),
    "is_urgent" BOOLEAN NOT NULL,
    "is_for_platform" BOOLEAN NOT NULL,
    "is_hidden" BOOLEAN NOT NULL,
    "appeal" TEXT,
    "reviewer_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "decided_at" MOMENT,
    "note" TEXT
);
CREATE INDEX "moderation_item_reviewer_id" ON "moderation_item" ("reviewer_id");
CREATE INDEX "moderation_item_organization_id_id" ON "moderation_item" ("organization_id", "id");
CREATE INDEX "moderation_item_organization_id_state_id" ON "moderation_item" ("organization_id", "state", "id");
CREATE INDEX "moderation_item_state_is_for_platform_id" ON "moderation_item" ("state", "is_for_platform", "id");
CREATE INDEX "moderation_item_subject_subject_id_id" ON "moderation_item" ("subject", "subject_id", "id");
CREATE UNIQUE INDEX "moderation_item_open" ON "moderation_item" ("subject", "subject_id") WHERE state = 'open';
CREATE TABLE "moderation_report" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "item_id" INTEGER NOT NULL REFERENCES "moderation_item" ("id") ON DELETE CASCADE,
    "reporter" VARCHAR(64) NOT NULL,
    "reason" VARCHAR(30) NOT NULL,
    "note" TEXT,
    "reply_to" VARCHAR(320),
    "replied_at" MOMENT,
    "withdrawn_at" MOMENT
);
CREATE INDEX "moderation_report_organization_id" ON "moderation_report" ("organization_id");
CREATE UNIQUE INDEX "moderation_report_item_id_reporter" ON "moderation_report" ("item_id", "reporter");
