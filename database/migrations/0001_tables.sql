-- Every table, once for both databases: STAMPED, MOMENT, BOOLEAN, JSON and BYTES are words of TYPES in __init__.py.
-- Triggers, search and row security are in 0001_tables.py. Frozen: what changes later has a file of its own.

CREATE TABLE "user" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL, "email" VARCHAR(320) NOT NULL, "email_norm" VARCHAR(320) NOT NULL,
    "password_hash" TEXT, "email_verified_at" MOMENT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('active', 'suspended', 'deleted')),
    "suspended_reason" TEXT, "timezone" VARCHAR(60) NOT NULL, "active_organization_id" INTEGER,
    "last_seen_alert_at" MOMENT, "active_session_id" INTEGER, "second_factor_at" MOMENT, "totp_secret" TEXT,
    "totp_step" BIGINT, "deleted_at" MOMENT, "backer_id" INTEGER, "backer_access_granted_at" MOMENT,
    "backer_access_until" MOMENT
);
CREATE UNIQUE INDEX "user_public_id" ON "user" ("public_id");
CREATE UNIQUE INDEX "user_email_norm" ON "user" ("email_norm");
CREATE INDEX "user_status" ON "user" ("status");
CREATE UNIQUE INDEX "user_backer_id" ON "user" ("backer_id") WHERE backer_id IS NOT NULL;

CREATE TABLE "profile" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "full_name" VARCHAR(320), "avatar_url" TEXT, "bio" TEXT
);
CREATE UNIQUE INDEX "profile_user_id" ON "profile" ("user_id");

CREATE TABLE "auth_token" (STAMPED,
    "purpose" VARCHAR(30) NOT NULL CHECK ("purpose" IN ('verify_email', 'reset', 'setup', 'sign_in', 'magic_link', 'change_email', 'second_factor', 'identity')),
    "email_norm" VARCHAR(320) NOT NULL,
    "user_id" INTEGER REFERENCES "user" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL, "secret_hash" VARCHAR(128) NOT NULL, "salt" VARCHAR(64) NOT NULL,
    "attempts" INTEGER NOT NULL, "expires_at" MOMENT NOT NULL, "consumed_at" MOMENT, "payload" JSON NOT NULL,
    "next_url" TEXT
);
CREATE INDEX "auth_token_user_id" ON "auth_token" ("user_id");
CREATE UNIQUE INDEX "auth_token_public_id" ON "auth_token" ("public_id");
CREATE INDEX "auth_token_expires_at" ON "auth_token" ("expires_at");
CREATE INDEX "auth_token_purpose_email_norm" ON "auth_token" ("purpose", "email_norm");

CREATE TABLE "user_session" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "token_hash" VARCHAR(64) NOT NULL, "last_seen_at" MOMENT NOT NULL, "expires_at" MOMENT NOT NULL,
    "ip" VARCHAR(64), "user_agent" TEXT, "device" VARCHAR(120) NOT NULL, "ended_at" MOMENT,
    "end_reason" VARCHAR(30) CHECK ("end_reason" IN ('signed_out', 'replaced', 'revoked', 'suspended', 'password_changed', 'expired')),
    "way" VARCHAR(30), "device_hash" VARCHAR(64), "active_organization_id" INTEGER, "staff_id" INTEGER,
    "staff_reason" TEXT
);
CREATE INDEX "user_session_user_id" ON "user_session" ("user_id");
CREATE UNIQUE INDEX "user_session_token_hash" ON "user_session" ("token_hash");
CREATE INDEX "user_session_user_id_ended_at" ON "user_session" ("user_id", "ended_at");
CREATE INDEX "user_session_user_id_device_hash" ON "user_session" ("user_id", "device_hash");

CREATE TABLE "oauth_account" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "provider" VARCHAR(30) NOT NULL, "subject" VARCHAR(320) NOT NULL, "email" VARCHAR(320) NOT NULL,
    "last_used_at" MOMENT
);
CREATE INDEX "oauth_account_user_id" ON "oauth_account" ("user_id");
CREATE UNIQUE INDEX "oauth_account_provider_subject" ON "oauth_account" ("provider", "subject");

CREATE TABLE "passkey" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "credential_id" VARCHAR(1400) NOT NULL, "public_key" BYTES NOT NULL, "sign_count" BIGINT NOT NULL,
    "name" VARCHAR(320) NOT NULL, "transports" JSON NOT NULL, "last_used_at" MOMENT
);
CREATE INDEX "passkey_user_id" ON "passkey" ("user_id");
CREATE UNIQUE INDEX "passkey_credential_id" ON "passkey" ("credential_id");

CREATE TABLE "backup_code" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "code_hash" VARCHAR(64) NOT NULL, "used_at" MOMENT
);
CREATE INDEX "backup_code_user_id" ON "backup_code" ("user_id");
CREATE UNIQUE INDEX "backup_code_user_id_code_hash" ON "backup_code" ("user_id", "code_hash");

CREATE TABLE "admin" (STAMPED,
    "email" VARCHAR(320) NOT NULL, "email_norm" VARCHAR(320) NOT NULL, "note" TEXT,
    "added_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "admin_email_norm" ON "admin" ("email_norm");
CREATE INDEX "admin_added_by_id" ON "admin" ("added_by_id");

CREATE TABLE "user_platform_role" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('super_admin', 'support', 'finance', 'moderator', 'release_manager', 'content')),
    "granted_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "user_platform_role_user_id" ON "user_platform_role" ("user_id");
CREATE INDEX "user_platform_role_granted_by_id" ON "user_platform_role" ("granted_by_id");
CREATE UNIQUE INDEX "user_platform_role_user_id_role" ON "user_platform_role" ("user_id", "role");

CREATE TABLE "stepup_challenge" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "action" VARCHAR(60) NOT NULL, "target" VARCHAR(80) NOT NULL,
    "method" VARCHAR(30) NOT NULL CHECK ("method" IN ('email', 'password', 'totp', 'passkey')),
    "secret_hash" VARCHAR(128), "salt" VARCHAR(64), "attempts" INTEGER NOT NULL, "expires_at" MOMENT NOT NULL,
    "consumed_at" MOMENT
);
CREATE INDEX "stepup_challenge_user_id" ON "stepup_challenge" ("user_id");
CREATE INDEX "stepup_challenge_expires_at" ON "stepup_challenge" ("expires_at");
CREATE INDEX "stepup_challenge_user_id_action" ON "stepup_challenge" ("user_id", "action");

CREATE TABLE "stepup_grant" (STAMPED,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "session_id" INTEGER NOT NULL REFERENCES "user_session" ("id") ON DELETE CASCADE,
    "action" VARCHAR(60) NOT NULL, "target" VARCHAR(80) NOT NULL, "level" INTEGER NOT NULL,
    "single_use" BOOLEAN NOT NULL, "expires_at" MOMENT NOT NULL, "consumed_at" MOMENT
);
CREATE INDEX "stepup_grant_user_id" ON "stepup_grant" ("user_id");
CREATE INDEX "stepup_grant_session_id" ON "stepup_grant" ("session_id");
CREATE INDEX "stepup_grant_expires_at" ON "stepup_grant" ("expires_at");
CREATE INDEX "stepup_grant_user_id_action_target" ON "stepup_grant" ("user_id", "action", "target");

CREATE TABLE "organization" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL, "name" VARCHAR(320) NOT NULL, "slug" VARCHAR(80) NOT NULL,
    "is_personal" BOOLEAN NOT NULL,
    "owner_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE RESTRICT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('active', 'suspended', 'deleted')),
    "suspended_at" MOMENT, "suspended_reason" TEXT, "deleted_at" MOMENT,
    "default_currency" VARCHAR(3) NOT NULL, "timezone" VARCHAR(60) NOT NULL
);
CREATE UNIQUE INDEX "organization_public_id" ON "organization" ("public_id");
CREATE UNIQUE INDEX "organization_slug" ON "organization" ("slug");
CREATE INDEX "organization_owner_id" ON "organization" ("owner_id");
CREATE INDEX "organization_status" ON "organization" ("status");
CREATE INDEX "organization_owner_id_is_personal" ON "organization" ("owner_id", "is_personal");
CREATE UNIQUE INDEX "organization_one_personal" ON "organization" ("owner_id") WHERE is_personal = true;

CREATE TABLE "organization_member" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('owner', 'admin', 'member', 'viewer')),
    "joined_at" MOMENT NOT NULL
);
CREATE INDEX "organization_member_organization_id" ON "organization_member" ("organization_id");
CREATE INDEX "organization_member_user_id" ON "organization_member" ("user_id");
CREATE UNIQUE INDEX "organization_member_organization_id_user_id" ON "organization_member" ("organization_id", "user_id");

CREATE TABLE "workspace" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "name" VARCHAR(320) NOT NULL, "slug" VARCHAR(80) NOT NULL, "is_default" BOOLEAN NOT NULL,
    "archived_at" MOMENT
);
CREATE INDEX "workspace_organization_id" ON "workspace" ("organization_id");
CREATE UNIQUE INDEX "workspace_organization_id_slug" ON "workspace" ("organization_id", "slug");
CREATE UNIQUE INDEX "workspace_one_default" ON "workspace" ("organization_id") WHERE is_default = true;

CREATE TABLE "workspace_member" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "workspace_id" INTEGER NOT NULL REFERENCES "workspace" ("id") ON DELETE CASCADE,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('manager', 'staff', 'scanner'))
);
CREATE INDEX "workspace_member_organization_id" ON "workspace_member" ("organization_id");
CREATE INDEX "workspace_member_workspace_id" ON "workspace_member" ("workspace_id");
CREATE INDEX "workspace_member_user_id" ON "workspace_member" ("user_id");
CREATE UNIQUE INDEX "workspace_member_workspace_id_user_id" ON "workspace_member" ("workspace_id", "user_id");

CREATE TABLE "invitation" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "workspace_id" INTEGER REFERENCES "workspace" ("id") ON DELETE CASCADE,
    "email" VARCHAR(320) NOT NULL, "email_norm" VARCHAR(320) NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('admin', 'member', 'viewer', 'manager', 'staff', 'scanner')),
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'accepted', 'cancelled', 'expired')),
    "invited_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "expires_at" MOMENT NOT NULL,
    "accepted_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "accepted_at" MOMENT
);
CREATE UNIQUE INDEX "invitation_public_id" ON "invitation" ("public_id");
CREATE INDEX "invitation_organization_id" ON "invitation" ("organization_id");
CREATE INDEX "invitation_workspace_id" ON "invitation" ("workspace_id");
CREATE INDEX "invitation_invited_by_id" ON "invitation" ("invited_by_id");
CREATE INDEX "invitation_expires_at" ON "invitation" ("expires_at");
CREATE INDEX "invitation_accepted_by_id" ON "invitation" ("accepted_by_id");
CREATE UNIQUE INDEX "invitation_one_pending" ON "invitation" ("organization_id", "email_norm") WHERE status = 'pending';

CREATE TABLE "ownership_transfer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "from_user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "to_user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'accepted', 'cancelled', 'expired')),
    "expires_at" MOMENT NOT NULL
);
CREATE INDEX "ownership_transfer_organization_id" ON "ownership_transfer" ("organization_id");
CREATE INDEX "ownership_transfer_from_user_id" ON "ownership_transfer" ("from_user_id");
CREATE INDEX "ownership_transfer_to_user_id" ON "ownership_transfer" ("to_user_id");
CREATE INDEX "ownership_transfer_expires_at" ON "ownership_transfer" ("expires_at");
CREATE UNIQUE INDEX "transfer_one_pending" ON "ownership_transfer" ("organization_id") WHERE status = 'pending'
;

CREATE TABLE "change" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "table_name" VARCHAR(40) NOT NULL, "row_id" INTEGER,
    "verb" VARCHAR(30) NOT NULL CHECK ("verb" IN ('created', 'updated', 'deleted')),
    "fields" JSON NOT NULL, "batch" VARCHAR(40) NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "at" MOMENT NOT NULL
);
CREATE INDEX "change_by_id" ON "change" ("by_id");
CREATE INDEX "change_at" ON "change" ("at");
CREATE INDEX "change_organization_id_table_name_row_id_id" ON "change" ("organization_id", "table_name", "row_id", "id");
CREATE INDEX "change_organization_id_id" ON "change" ("organization_id", "id");
CREATE INDEX "change_organization_id_batch" ON "change" ("organization_id", "batch");

CREATE TABLE "task" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "user_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "assigned_to_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "title" TEXT NOT NULL, "description" TEXT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'in progress', 'completed', 'cancelled')),
    "priority" VARCHAR(30) NOT NULL CHECK ("priority" IN ('low', 'medium', 'high')),
    "category" VARCHAR(60) NOT NULL, "due_at" MOMENT, "completed_at" MOMENT, "reminded_at" MOMENT
);
CREATE INDEX "task_organization_id_id" ON "task" ("organization_id", "id");
CREATE INDEX "task_organization_id_status_id" ON "task" ("organization_id", "status", "id");
CREATE INDEX "task_organization_id_priority_id" ON "task" ("organization_id", "priority", "id");
CREATE INDEX "task_organization_id_category_id" ON "task" ("organization_id", "category", "id");
CREATE INDEX "task_organization_id_due_at_id" ON "task" ("organization_id", "due_at", "id");
CREATE INDEX "task_organization_id_user_id_id" ON "task" ("organization_id", "user_id", "id");
CREATE INDEX "task_organization_id_user_id_status_id" ON "task" ("organization_id", "user_id", "status", "id");
CREATE INDEX "task_organization_id_user_id_priority_id" ON "task" ("organization_id", "user_id", "priority", "id");
CREATE INDEX "task_organization_id_user_id_category_id" ON "task" ("organization_id", "user_id", "category", "id");
CREATE INDEX "task_organization_id_user_id_due_at_id" ON "task" ("organization_id", "user_id", "due_at", "id");
CREATE INDEX "task_organization_id_assigned_to_id_id" ON "task" ("organization_id", "assigned_to_id", "id");
CREATE INDEX "task_organization_id_assigned_to_id_status_id" ON "task" ("organization_id", "assigned_to_id", "status", "id");
CREATE INDEX "task_organization_id_assigned_to_id_due_at_id" ON "task" ("organization_id", "assigned_to_id", "due_at", "id");
CREATE INDEX "task_user_id" ON "task" ("user_id");
CREATE INDEX "task_assigned_to_id" ON "task" ("assigned_to_id");
CREATE INDEX "task_to_remind" ON "task" ("due_at") WHERE reminded_at IS NULL AND due_at IS NOT NULL;

CREATE TABLE "notification" (STAMPED,
    "recipient_id" INTEGER NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
    "organization_id" INTEGER REFERENCES "organization" ("id") ON DELETE CASCADE,
    "type" VARCHAR(60) NOT NULL, "title" TEXT NOT NULL, "body" TEXT, "link" TEXT, "read_at" MOMENT,
    "dedupe_key" VARCHAR(160)
);
CREATE INDEX "notification_organization_id" ON "notification" ("organization_id");
CREATE UNIQUE INDEX "notification_dedupe_key" ON "notification" ("dedupe_key");
CREATE INDEX "notification_recipient_id_read_at_id" ON "notification" ("recipient_id", "read_at", "id");
CREATE INDEX "notification_recipient_id_id" ON "notification" ("recipient_id", "id");
CREATE INDEX "notification_read" ON "notification" ("read_at") WHERE read_at IS NOT NULL;

CREATE TABLE "alert" (STAMPED,
    "message" VARCHAR(500) NOT NULL,
    "created_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "retracted_at" MOMENT
);
CREATE INDEX "alert_created_by_id" ON "alert" ("created_by_id");
CREATE INDEX "alert_created_at" ON "alert" ("created_at");

CREATE TABLE "setting" (STAMPED,
    "key" VARCHAR(60) NOT NULL, "value" JSON,
    "updated_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "setting_key" ON "setting" ("key");
CREATE INDEX "setting_updated_by_id" ON "setting" ("updated_by_id");

CREATE TABLE "audit_event" (STAMPED,
    "at" MOMENT NOT NULL, "category" VARCHAR(30) NOT NULL, "action" VARCHAR(80) NOT NULL,
    "result" VARCHAR(30) NOT NULL CHECK ("result" IN ('success', 'failure', 'denied')),
    "actor_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "actor_email" VARCHAR(320),
    "organization_id" INTEGER REFERENCES "organization" ("id") ON DELETE SET NULL,
    "target_type" VARCHAR(40), "target_id" VARCHAR(80), "summary" TEXT NOT NULL, "metadata" JSON NOT NULL,
    "ip" VARCHAR(64), "request_id" VARCHAR(40), "previous" VARCHAR(64), "hash" VARCHAR(64)
);
CREATE INDEX "audit_event_at" ON "audit_event" ("at");
CREATE INDEX "audit_event_actor_id" ON "audit_event" ("actor_id");
CREATE INDEX "audit_event_organization_id" ON "audit_event" ("organization_id");
CREATE INDEX "audit_event_organization_id_at" ON "audit_event" ("organization_id", "at");
CREATE INDEX "audit_event_actor_email_at" ON "audit_event" ("actor_email", "at");
CREATE INDEX "audit_event_action_at" ON "audit_event" ("action", "at");
CREATE INDEX "audit_event_category_at" ON "audit_event" ("category", "at");
CREATE INDEX "audit_event_target_type_target_id_at" ON "audit_event" ("target_type", "target_id", "at");

CREATE TABLE "billing_customer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "provider" VARCHAR(30) NOT NULL, "provider_customer_id" VARCHAR(120) NOT NULL,
    "email" VARCHAR(320) NOT NULL, "deleted_at" MOMENT
);
CREATE INDEX "billing_customer_organization_id" ON "billing_customer" ("organization_id");
CREATE UNIQUE INDEX "billing_customer_organization_id_provider" ON "billing_customer" ("organization_id", "provider");
CREATE UNIQUE INDEX "billing_customer_provider_provider_customer_id" ON "billing_customer" ("provider", "provider_customer_id");

CREATE TABLE "plan_price" (STAMPED,
    "provider" VARCHAR(30) NOT NULL, "price_id" VARCHAR(120) NOT NULL, "plan_key" VARCHAR(40) NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "plan_price_by_id" ON "plan_price" ("by_id");
CREATE UNIQUE INDEX "plan_price_provider_price_id" ON "plan_price" ("provider", "price_id");

CREATE TABLE "billing_checkout" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "provider" VARCHAR(30) NOT NULL, "provider_checkout_id" VARCHAR(160), "plan_key" VARCHAR(40) NOT NULL,
    "quantity" INTEGER NOT NULL, "trial_days" INTEGER NOT NULL, "url" TEXT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'completed', 'expired')),
    "expires_at" MOMENT NOT NULL
);
CREATE INDEX "billing_checkout_organization_id" ON "billing_checkout" ("organization_id");
CREATE UNIQUE INDEX "billing_checkout_public_id" ON "billing_checkout" ("public_id");
CREATE INDEX "billing_checkout_by_id" ON "billing_checkout" ("by_id");
CREATE UNIQUE INDEX "billing_checkout_one_open" ON "billing_checkout" ("organization_id") WHERE status = 'open';

CREATE TABLE "subscription" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "purchaser_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "provider" VARCHAR(30) NOT NULL, "provider_subscription_id" VARCHAR(120) NOT NULL,
    "provider_customer_id" VARCHAR(120) NOT NULL, "plan_key" VARCHAR(40) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
    "current_period_end_at" MOMENT, "cancel_at_period_end" BOOLEAN NOT NULL, "last_event_at" MOMENT NOT NULL,
    "provider_price_id" VARCHAR(120) NOT NULL DEFAULT '', "quantity" INTEGER NOT NULL DEFAULT 1,
    "started_at" MOMENT, "current_period_start_at" MOMENT, "trial_ends_at" MOMENT, "cancel_at" MOMENT,
    "unpaid_since_at" MOMENT, "unpaid_url" TEXT, "collection_paused" BOOLEAN NOT NULL DEFAULT FALSE,
    "resumes_at" MOMENT, "ended_at" MOMENT, "pending_plan_key" VARCHAR(40)
);
CREATE INDEX "subscription_organization_id" ON "subscription" ("organization_id");
CREATE INDEX "subscription_purchaser_id" ON "subscription" ("purchaser_id");
CREATE INDEX "subscription_provider_customer_id" ON "subscription" ("provider_customer_id");
CREATE UNIQUE INDEX "subscription_provider_provider_subscription_id" ON "subscription" ("provider", "provider_subscription_id");

CREATE TABLE "billing_payment" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "provider" VARCHAR(30) NOT NULL, "provider_payment_id" VARCHAR(120) NOT NULL,
    "subscription_id" INTEGER REFERENCES "subscription" ("id") ON DELETE SET NULL,
    "plan_key" VARCHAR(40),
    "reason" VARCHAR(30) NOT NULL CHECK ("reason" IN ('create', 'cycle', 'update', 'once', 'other')),
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'failed', 'paid', 'void')),
    "amount" BIGINT NOT NULL, "amount_refunded" BIGINT NOT NULL, "currency" VARCHAR(3) NOT NULL,
    "period_start_at" MOMENT, "period_end_at" MOMENT, "paid_at" MOMENT,
    "dispute" VARCHAR(30) NOT NULL CHECK ("dispute" IN ('none', 'open', 'won', 'lost')),
    "url" TEXT, "credited" BOOLEAN NOT NULL
);
CREATE INDEX "billing_payment_organization_id" ON "billing_payment" ("organization_id");
CREATE INDEX "billing_payment_subscription_id" ON "billing_payment" ("subscription_id");
CREATE UNIQUE INDEX "billing_payment_provider_provider_payment_id" ON "billing_payment" ("provider", "provider_payment_id");
CREATE INDEX "billing_payment_subscription_id_period_start_at" ON "billing_payment" ("subscription_id", "period_start_at");

CREATE TABLE "licence" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "purchaser_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "payment_id" INTEGER NOT NULL REFERENCES "billing_payment" ("id") ON DELETE CASCADE,
    "plan_key" VARCHAR(40) NOT NULL,
    "tier" VARCHAR(30) NOT NULL CHECK ("tier" IN ('personal', 'commercial')),
    "ended_at" MOMENT, "end_reason" VARCHAR(40)
);
CREATE INDEX "licence_organization_id" ON "licence" ("organization_id");
CREATE INDEX "licence_purchaser_id" ON "licence" ("purchaser_id");
CREATE UNIQUE INDEX "licence_payment_id" ON "licence" ("payment_id")
;

CREATE TABLE "billing_grant" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "plan_key" VARCHAR(40) NOT NULL, "capability" VARCHAR(60) NOT NULL, "source" VARCHAR(160) NOT NULL,
    "source_type" VARCHAR(30) NOT NULL CHECK ("source_type" IN ('subscription', 'one_time', 'manual')),
    "provider" VARCHAR(30), "expires_at" MOMENT, "revoked_at" MOMENT, "revoke_reason" TEXT
);
CREATE UNIQUE INDEX "billing_grant_organization_id_capability_source" ON "billing_grant" ("organization_id", "capability", "source");
CREATE INDEX "billing_grant_organization_id_revoked_at_expires_at" ON "billing_grant" ("organization_id", "revoked_at", "expires_at");

CREATE TABLE "billing_source" (STAMPED,
    "source" VARCHAR(160) NOT NULL, "last_event_id" VARCHAR(160) NOT NULL, "last_event_at" MOMENT NOT NULL,
    "asked_at" MOMENT
);
CREATE UNIQUE INDEX "billing_source_source" ON "billing_source" ("source");

CREATE TABLE "pricing_catalog" (STAMPED,
    "key" VARCHAR(20) NOT NULL CHECK (key = 'catalog'),
    "products" JSON NOT NULL, "prices" JSON NOT NULL, "last_synced_at" MOMENT, "last_sync_error" TEXT,
    "last_sync_failed_at" MOMENT
);
CREATE UNIQUE INDEX "pricing_catalog_key" ON "pricing_catalog" ("key");

CREATE TABLE "plan" (STAMPED,
    "key" VARCHAR(40) NOT NULL, "name" VARCHAR(60), "gives" JSON, "capabilities" JSON, "position" INTEGER,
    "updated_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "plan_key" ON "plan" ("key");
CREATE INDEX "plan_updated_by_id" ON "plan" ("updated_by_id");

CREATE TABLE "credit_account" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "balance" INTEGER NOT NULL CHECK (balance >= 0),
    "monthly_allowance" INTEGER NOT NULL, "last_reset_at" MOMENT NOT NULL,
    "held" INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0 AND held <= balance),
    "lapses_at" MOMENT
);
CREATE UNIQUE INDEX "credit_account_organization_id" ON "credit_account" ("organization_id");
CREATE INDEX "credit_account_last_reset_at" ON "credit_account" ("last_reset_at");
CREATE INDEX "credit_account_lapses" ON "credit_account" ("lapses_at") WHERE lapses_at IS NOT NULL;

CREATE TABLE "credit_bucket" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "account_id" INTEGER NOT NULL REFERENCES "credit_account" ("id") ON DELETE CASCADE,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('monthly', 'purchased', 'gift')),
    "amount" INTEGER NOT NULL,
    "remaining" INTEGER NOT NULL CHECK (remaining >= 0 AND remaining <= amount),
    "expires_at" MOMENT, "closed_at" MOMENT, "note" TEXT
);
CREATE INDEX "credit_bucket_organization_id" ON "credit_bucket" ("organization_id");
CREATE INDEX "credit_bucket_account_id" ON "credit_bucket" ("account_id");
CREATE INDEX "credit_bucket_open" ON "credit_bucket" ("account_id") WHERE closed_at IS NULL;
CREATE UNIQUE INDEX "credit_bucket_one_monthly" ON "credit_bucket" ("organization_id") WHERE kind = 'monthly' AND closed_at IS NULL;

CREATE TABLE "credit_hold" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "account_id" INTEGER NOT NULL REFERENCES "credit_account" ("id") ON DELETE CASCADE,
    "key" VARCHAR(160) NOT NULL,
    "amount" INTEGER NOT NULL CHECK (amount > 0),
    "drawn" JSON NOT NULL, "feature" VARCHAR(60) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'settled', 'released', 'lapsed')),
    "expires_at" MOMENT NOT NULL,
    "actor_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "credit_hold_organization_id" ON "credit_hold" ("organization_id");
CREATE INDEX "credit_hold_actor_id" ON "credit_hold" ("actor_id");
CREATE UNIQUE INDEX "credit_hold_account_id_key" ON "credit_hold" ("account_id", "key");
CREATE INDEX "credit_hold_open" ON "credit_hold" ("account_id") WHERE status = 'open'
;

CREATE TABLE "credit_entry" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "account_id" INTEGER NOT NULL REFERENCES "credit_account" ("id") ON DELETE RESTRICT,
    "delta" INTEGER NOT NULL,
    "balance_after" INTEGER NOT NULL CHECK (balance_after >= 0),
    "reason" VARCHAR(30) NOT NULL CHECK ("reason" IN ('grant', 'reset', 'spend', 'refund', 'adjust', 'expire')),
    "feature" VARCHAR(60), "note" TEXT, "drawn" JSON NOT NULL DEFAULT '[]',
    "actor_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "idempotency_key" VARCHAR(160) NOT NULL
);
CREATE INDEX "credit_entry_actor_id" ON "credit_entry" ("actor_id");
CREATE UNIQUE INDEX "credit_entry_account_id_idempotency_key" ON "credit_entry" ("account_id", "idempotency_key");
CREATE INDEX "credit_entry_organization_id_id" ON "credit_entry" ("organization_id", "id");
CREATE INDEX "credit_entry_organization_id_created_at" ON "credit_entry" ("organization_id", "created_at");

CREATE TABLE "backer_tier" (STAMPED,
    "key" VARCHAR(40) NOT NULL, "name" VARCHAR(80) NOT NULL, "plan_key" VARCHAR(40),
    "months" INTEGER CHECK (months > 0),
    "credits" INTEGER NOT NULL CHECK (credits >= 0)
);
CREATE UNIQUE INDEX "backer_tier_key" ON "backer_tier" ("key");

CREATE TABLE "crowdfunding_backer" (STAMPED,
    "username" VARCHAR(80) NOT NULL, "username_lower" VARCHAR(80), "code_hash" VARCHAR(64) NOT NULL,
    "tier_id" INTEGER NOT NULL REFERENCES "backer_tier" ("id") ON DELETE RESTRICT,
    "used_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "used_at" MOMENT, "claim_hash" VARCHAR(64), "claim_expires_at" MOMENT, "access_granted_at" MOMENT,
    "access_until" MOMENT
);
CREATE INDEX "crowdfunding_backer_tier_id" ON "crowdfunding_backer" ("tier_id");
CREATE UNIQUE INDEX "crowdfunding_backer_username_lower_code_hash" ON "crowdfunding_backer" ("username_lower", "code_hash");
CREATE INDEX "crowdfunding_backer_username_code_hash" ON "crowdfunding_backer" ("username", "code_hash");
CREATE UNIQUE INDEX "crowdfunding_backer_used_by" ON "crowdfunding_backer" ("used_by_id") WHERE used_by_id IS NOT NULL;
CREATE INDEX "crowdfunding_backer_legacy" ON "crowdfunding_backer" ("code_hash") WHERE username_lower IS NULL;

CREATE TABLE "backer_import" (STAMPED,
    "public_id" VARCHAR(40) NOT NULL, "name" VARCHAR(120) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('checked', 'confirmed', 'done')),
    "rows" JSON NOT NULL, "new" INTEGER NOT NULL, "known" INTEGER NOT NULL, "wrong" INTEGER NOT NULL,
    "made" INTEGER NOT NULL, "added" INTEGER, "codes_shown_at" MOMENT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "backer_import_public_id" ON "backer_import" ("public_id");
CREATE INDEX "backer_import_by_id" ON "backer_import" ("by_id")
;

CREATE TABLE "webhook_event" (STAMPED,
    "channel" VARCHAR(30) NOT NULL, "event_id" VARCHAR(160) NOT NULL, "type" VARCHAR(120) NOT NULL,
    "subject" VARCHAR(160) NOT NULL, "payload" BYTES NOT NULL, "happened_at" MOMENT NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('received', 'processed', 'ignored', 'failed', 'buried')),
    "attempts" INTEGER NOT NULL, "next_attempt_at" MOMENT, "error" TEXT, "headers" JSON NOT NULL DEFAULT '{}',
    "facts" JSON, "history" JSON NOT NULL DEFAULT '[]'
);
CREATE UNIQUE INDEX "webhook_event_channel_event_id" ON "webhook_event" ("channel", "event_id");
CREATE INDEX "webhook_event_status_created_at" ON "webhook_event" ("status", "created_at");
CREATE INDEX "webhook_event_unsettled" ON "webhook_event" ("channel", "subject", "id") WHERE status IN ('received', 'failed');

CREATE TABLE "outgoing" (STAMPED,
    "kind" VARCHAR(30) NOT NULL, "key" VARCHAR(160) NOT NULL, "recipient" VARCHAR(320), "subject" TEXT,
    "payload" JSON NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('queued', 'sent', 'buried')),
    "attempts" INTEGER NOT NULL, "next_attempt_at" MOMENT NOT NULL, "sent_at" MOMENT, "error" TEXT
);
CREATE UNIQUE INDEX "outgoing_key" ON "outgoing" ("key");
CREATE INDEX "outgoing_status_sent_at" ON "outgoing" ("status", "sent_at");
CREATE INDEX "outgoing_due" ON "outgoing" ("next_attempt_at", "id") WHERE status = 'queued';

CREATE TABLE "job_run" (STAMPED,
    "job" VARCHAR(60) NOT NULL, "started_at" MOMENT NOT NULL, "finished_at" MOMENT, "ok" BOOLEAN,
    "affected" INTEGER NOT NULL, "error" TEXT,
    "asked_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "job_run_asked_by_id" ON "job_run" ("asked_by_id");
CREATE INDEX "job_run_job_started_at" ON "job_run" ("job", "started_at");

CREATE TABLE "long_work" (STAMPED,
    "kind" VARCHAR(40) NOT NULL, "subject" VARCHAR(80) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('waiting', 'running', 'done', 'failed', 'replaced')),
    "done" INTEGER NOT NULL, "total" INTEGER, "facts" JSON NOT NULL, "error" TEXT,
    "attempts" INTEGER NOT NULL, "taker" VARCHAR(40),
    "asked_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "finished_at" MOMENT
);
CREATE INDEX "long_work_asked_by_id" ON "long_work" ("asked_by_id");
CREATE INDEX "long_work_kind_subject_id" ON "long_work" ("kind", "subject", "id");
CREATE UNIQUE INDEX "long_work_one_open" ON "long_work" ("kind", "subject") WHERE status IN ('waiting', 'running')
;

CREATE TABLE "job_lock" (STAMPED,
    "job" VARCHAR(60) NOT NULL, "owner" VARCHAR(80) NOT NULL, "until_at" MOMENT NOT NULL
);
CREATE UNIQUE INDEX "job_lock_job" ON "job_lock" ("job");

CREATE TABLE "sandbox_object" (STAMPED,
    "object_id" VARCHAR(120) NOT NULL, "kind" VARCHAR(40) NOT NULL, "body" JSON NOT NULL,
    "owner" VARCHAR(120) NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX "sandbox_object_object_id" ON "sandbox_object" ("object_id")
;
CREATE INDEX "sandbox_object_kind_owner_id" ON "sandbox_object" ("kind", "owner", "id");
