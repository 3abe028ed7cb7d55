CREATE TABLE "user" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "password_hash" TEXT,
    "email_verified_at" TEXT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('active', 'suspended', 'deleted')),
    "suspended_reason" TEXT,
    "timezone" VARCHAR(60) NOT NULL,
    "active_organization_id" INTEGER,
    "last_seen_alert_at" TEXT
)
--
CREATE UNIQUE INDEX "user_public_id" ON "user" ("public_id")
--
CREATE UNIQUE INDEX "user_email_norm" ON "user" ("email_norm")
--
CREATE INDEX "user_status" ON "user" ("status")
--
CREATE TABLE "profile" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "full_name" VARCHAR(320),
    "avatar_url" TEXT,
    "bio" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE UNIQUE INDEX "profile_user_id" ON "profile" ("user_id")
--
CREATE TABLE "auth_token" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "purpose" VARCHAR(30) NOT NULL CHECK ("purpose" IN ('verify_email', 'reset', 'setup')),
    "email_norm" VARCHAR(320) NOT NULL,
    "user_id" INTEGER,
    "public_id" VARCHAR(40) NOT NULL,
    "secret_hash" VARCHAR(128) NOT NULL,
    "salt" VARCHAR(64) NOT NULL,
    "attempts" INTEGER NOT NULL,
    "expires_at" TEXT NOT NULL,
    "consumed_at" TEXT,
    "payload" TEXT NOT NULL,
    "next_url" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "auth_token_user_id" ON "auth_token" ("user_id")
--
CREATE UNIQUE INDEX "auth_token_public_id" ON "auth_token" ("public_id")
--
CREATE INDEX "auth_token_expires_at" ON "auth_token" ("expires_at")
--
CREATE INDEX "auth_token_purpose_email_norm" ON "auth_token" ("purpose", "email_norm")
--
CREATE TABLE "user_session" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL,
    "last_seen_at" TEXT NOT NULL,
    "expires_at" TEXT NOT NULL,
    "ip" VARCHAR(64),
    "user_agent" TEXT,
    "device" VARCHAR(120) NOT NULL,
    "ended_at" TEXT,
    "end_reason" VARCHAR(30) CHECK ("end_reason" IN ('signed_out', 'replaced', 'revoked', 'suspended', 'password_changed', 'expired')),
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "user_session_user_id" ON "user_session" ("user_id")
--
CREATE UNIQUE INDEX "user_session_token_hash" ON "user_session" ("token_hash")
--
CREATE INDEX "user_session_user_id_ended_at" ON "user_session" ("user_id", "ended_at")
--
CREATE TABLE "admin" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "note" TEXT,
    "added_by_id" INTEGER,
    FOREIGN KEY ("added_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE UNIQUE INDEX "admin_email_norm" ON "admin" ("email_norm")
--
CREATE INDEX "admin_added_by_id" ON "admin" ("added_by_id")
--
CREATE TABLE "organization" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "name" VARCHAR(320) NOT NULL,
    "slug" VARCHAR(80) NOT NULL,
    "is_personal" INTEGER NOT NULL,
    "owner_id" INTEGER NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('active', 'suspended', 'deleted')),
    "suspended_at" TEXT,
    "suspended_reason" TEXT,
    "deleted_at" TEXT,
    "default_currency" VARCHAR(3) NOT NULL,
    "timezone" VARCHAR(60) NOT NULL,
    FOREIGN KEY ("owner_id") REFERENCES "user" ("id") ON DELETE RESTRICT
)
--
CREATE UNIQUE INDEX "organization_public_id" ON "organization" ("public_id")
--
CREATE UNIQUE INDEX "organization_slug" ON "organization" ("slug")
--
CREATE INDEX "organization_owner_id" ON "organization" ("owner_id")
--
CREATE INDEX "organization_status" ON "organization" ("status")
--
CREATE INDEX "organization_owner_id_is_personal" ON "organization" ("owner_id", "is_personal")
--
CREATE UNIQUE INDEX "organization_one_personal" ON "organization" ("owner_id") WHERE is_personal = true
--
CREATE TABLE "organization_member" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "user_id" INTEGER NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('owner', 'admin', 'member', 'viewer')),
    "joined_at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "organization_member_organization_id" ON "organization_member" ("organization_id")
--
CREATE INDEX "organization_member_user_id" ON "organization_member" ("user_id")
--
CREATE UNIQUE INDEX "organization_member_organization_id_user_id" ON "organization_member" ("organization_id", "user_id")
--
CREATE TABLE "change" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "table_name" VARCHAR(40) NOT NULL,
    "row_id" INTEGER,
    "verb" VARCHAR(30) NOT NULL CHECK ("verb" IN ('created', 'updated', 'deleted')),
    "fields" TEXT NOT NULL,
    "batch" VARCHAR(40) NOT NULL,
    "by_id" INTEGER,
    "at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "change_by_id" ON "change" ("by_id")
--
CREATE INDEX "change_at" ON "change" ("at")
--
CREATE INDEX "change_organization_id_table_name_row_id_id" ON "change" ("organization_id", "table_name", "row_id", "id")
--
CREATE INDEX "change_organization_id_id" ON "change" ("organization_id", "id")
--
CREATE INDEX "change_organization_id_batch" ON "change" ("organization_id", "batch")
--
CREATE TABLE "task" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "user_id" INTEGER NOT NULL,
    "assigned_to_id" INTEGER,
    "title" TEXT NOT NULL,
    "description" TEXT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'in progress', 'completed', 'cancelled')),
    "priority" VARCHAR(30) NOT NULL CHECK ("priority" IN ('low', 'medium', 'high')),
    "category" VARCHAR(60) NOT NULL,
    "due_at" TEXT,
    "completed_at" TEXT,
    "reminded_at" TEXT,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("assigned_to_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "task_organization_id_id" ON "task" ("organization_id", "id")
--
CREATE INDEX "task_organization_id_status_id" ON "task" ("organization_id", "status", "id")
--
CREATE INDEX "task_organization_id_priority_id" ON "task" ("organization_id", "priority", "id")
--
CREATE INDEX "task_organization_id_category_id" ON "task" ("organization_id", "category", "id")
--
CREATE INDEX "task_organization_id_due_at_id" ON "task" ("organization_id", "due_at", "id")
--
CREATE INDEX "task_organization_id_user_id_id" ON "task" ("organization_id", "user_id", "id")
--
CREATE INDEX "task_organization_id_user_id_status_id" ON "task" ("organization_id", "user_id", "status", "id")
--
CREATE INDEX "task_organization_id_user_id_priority_id" ON "task" ("organization_id", "user_id", "priority", "id")
--
CREATE INDEX "task_organization_id_user_id_category_id" ON "task" ("organization_id", "user_id", "category", "id")
--
CREATE INDEX "task_organization_id_user_id_due_at_id" ON "task" ("organization_id", "user_id", "due_at", "id")
--
CREATE INDEX "task_organization_id_assigned_to_id_id" ON "task" ("organization_id", "assigned_to_id", "id")
--
CREATE INDEX "task_organization_id_assigned_to_id_status_id" ON "task" ("organization_id", "assigned_to_id", "status", "id")
--
CREATE INDEX "task_organization_id_assigned_to_id_due_at_id" ON "task" ("organization_id", "assigned_to_id", "due_at", "id")
--
CREATE INDEX "task_user_id" ON "task" ("user_id")
--
CREATE INDEX "task_assigned_to_id" ON "task" ("assigned_to_id")
--
CREATE INDEX "task_to_remind" ON "task" ("due_at") WHERE reminded_at IS NULL AND due_at IS NOT NULL
--
CREATE TABLE "notification" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "recipient_id" INTEGER NOT NULL,
    "organization_id" INTEGER,
    "type" VARCHAR(60) NOT NULL,
    "title" TEXT NOT NULL,
    "body" TEXT,
    "link" TEXT,
    "read_at" TEXT,
    "dedupe_key" VARCHAR(160),
    FOREIGN KEY ("recipient_id") REFERENCES "user" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "notification_organization_id" ON "notification" ("organization_id")
--
CREATE UNIQUE INDEX "notification_dedupe_key" ON "notification" ("dedupe_key")
--
CREATE INDEX "notification_recipient_id_read_at_id" ON "notification" ("recipient_id", "read_at", "id")
--
CREATE INDEX "notification_recipient_id_id" ON "notification" ("recipient_id", "id")
--
CREATE INDEX "notification_read" ON "notification" ("read_at") WHERE read_at IS NOT NULL
--
CREATE TABLE "alert" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "message" VARCHAR(500) NOT NULL,
    "created_by_id" INTEGER,
    "retracted_at" TEXT,
    FOREIGN KEY ("created_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "alert_created_by_id" ON "alert" ("created_by_id")
--
CREATE INDEX "alert_created_at" ON "alert" ("created_at")
--
CREATE TABLE "setting" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "key" VARCHAR(60) NOT NULL,
    "value" TEXT,
    "updated_by_id" INTEGER,
    FOREIGN KEY ("updated_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE UNIQUE INDEX "setting_key" ON "setting" ("key")
--
CREATE INDEX "setting_updated_by_id" ON "setting" ("updated_by_id")
--
CREATE TABLE "audit_event" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "at" TEXT NOT NULL,
    "category" VARCHAR(30) NOT NULL,
    "action" VARCHAR(80) NOT NULL,
    "result" VARCHAR(30) NOT NULL CHECK ("result" IN ('success', 'failure', 'denied')),
    "actor_id" INTEGER,
    "actor_email" VARCHAR(320),
    "organization_id" INTEGER,
    "target_type" VARCHAR(40),
    "target_id" VARCHAR(80),
    "summary" TEXT NOT NULL,
    "metadata" TEXT NOT NULL,
    "ip" VARCHAR(64),
    "request_id" VARCHAR(40),
    FOREIGN KEY ("actor_id") REFERENCES "user" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "audit_event_at" ON "audit_event" ("at")
--
CREATE INDEX "audit_event_actor_id" ON "audit_event" ("actor_id")
--
CREATE INDEX "audit_event_organization_id" ON "audit_event" ("organization_id")
--
CREATE INDEX "audit_event_organization_id_at" ON "audit_event" ("organization_id", "at")
--
CREATE INDEX "audit_event_actor_email_at" ON "audit_event" ("actor_email", "at")
--
CREATE INDEX "audit_event_action_at" ON "audit_event" ("action", "at")
--
CREATE INDEX "audit_event_category_at" ON "audit_event" ("category", "at")
--
CREATE INDEX "audit_event_target_type_target_id_at" ON "audit_event" ("target_type", "target_id", "at")
--
CREATE TABLE "billing_customer" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "provider" VARCHAR(30) NOT NULL,
    "provider_customer_id" VARCHAR(120) NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "billing_customer_organization_id" ON "billing_customer" ("organization_id")
--
CREATE UNIQUE INDEX "billing_customer_organization_id_provider" ON "billing_customer" ("organization_id", "provider")
--
CREATE UNIQUE INDEX "billing_customer_provider_provider_customer_id" ON "billing_customer" ("provider", "provider_customer_id")
--
CREATE TABLE "subscription" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "purchaser_id" INTEGER,
    "provider" VARCHAR(30) NOT NULL,
    "provider_subscription_id" VARCHAR(120) NOT NULL,
    "provider_customer_id" VARCHAR(120) NOT NULL,
    "plan_key" VARCHAR(40) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
    "current_period_end_at" TEXT,
    "cancel_at_period_end" INTEGER NOT NULL,
    "last_event_at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("purchaser_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "subscription_organization_id" ON "subscription" ("organization_id")
--
CREATE INDEX "subscription_purchaser_id" ON "subscription" ("purchaser_id")
--
CREATE INDEX "subscription_provider_customer_id" ON "subscription" ("provider_customer_id")
--
CREATE UNIQUE INDEX "subscription_provider_provider_subscription_id" ON "subscription" ("provider", "provider_subscription_id")
--
CREATE TABLE "billing_grant" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "plan_key" VARCHAR(40) NOT NULL,
    "capability" VARCHAR(60) NOT NULL,
    "source" VARCHAR(160) NOT NULL,
    "source_type" VARCHAR(30) NOT NULL CHECK ("source_type" IN ('subscription', 'one_time', 'manual')),
    "provider" VARCHAR(30),
    "expires_at" TEXT,
    "revoked_at" TEXT,
    "revoke_reason" TEXT,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE
)
--
CREATE UNIQUE INDEX "billing_grant_organization_id_capability_source" ON "billing_grant" ("organization_id", "capability", "source")
--
CREATE INDEX "billing_grant_organization_id_revoked_at_expires_at" ON "billing_grant" ("organization_id", "revoked_at", "expires_at")
--
CREATE TABLE "billing_source" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "source" VARCHAR(160) NOT NULL,
    "last_event_id" VARCHAR(160) NOT NULL,
    "last_event_at" TEXT NOT NULL
)
--
CREATE UNIQUE INDEX "billing_source_source" ON "billing_source" ("source")
--
CREATE TABLE "credit_account" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "balance" INTEGER NOT NULL CHECK (balance >= 0),
    "monthly_allowance" INTEGER NOT NULL,
    "last_reset_at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE
)
--
CREATE UNIQUE INDEX "credit_account_organization_id" ON "credit_account" ("organization_id")
--
CREATE TABLE "credit_entry" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "account_id" INTEGER NOT NULL,
    "delta" INTEGER NOT NULL,
    "balance_after" INTEGER NOT NULL,
    "reason" VARCHAR(30) NOT NULL CHECK ("reason" IN ('grant', 'reset', 'spend', 'refund', 'adjust')),
    "feature" VARCHAR(60),
    "actor_id" INTEGER,
    "idempotency_key" VARCHAR(160) NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("account_id") REFERENCES "credit_account" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("actor_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "credit_entry_organization_id" ON "credit_entry" ("organization_id")
--
CREATE INDEX "credit_entry_account_id" ON "credit_entry" ("account_id")
--
CREATE INDEX "credit_entry_actor_id" ON "credit_entry" ("actor_id")
--
CREATE UNIQUE INDEX "credit_entry_account_id_idempotency_key" ON "credit_entry" ("account_id", "idempotency_key")
--
CREATE TABLE "webhook_event" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "channel" VARCHAR(30) NOT NULL,
    "event_id" VARCHAR(160) NOT NULL,
    "type" VARCHAR(120) NOT NULL,
    "subject" VARCHAR(160) NOT NULL,
    "payload" BLOB NOT NULL,
    "happened_at" TEXT NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('received', 'processed', 'ignored', 'failed', 'buried')),
    "attempts" INTEGER NOT NULL,
    "next_attempt_at" TEXT,
    "error" TEXT
)
--
CREATE UNIQUE INDEX "webhook_event_channel_event_id" ON "webhook_event" ("channel", "event_id")
--
CREATE INDEX "webhook_event_status_created_at" ON "webhook_event" ("status", "created_at")
--
CREATE INDEX "webhook_event_unsettled" ON "webhook_event" ("channel", "subject", "id") WHERE status IN ('received', 'failed')
--
CREATE TABLE "outgoing" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "kind" VARCHAR(30) NOT NULL,
    "key" VARCHAR(160) NOT NULL,
    "recipient" VARCHAR(320),
    "subject" TEXT,
    "payload" TEXT NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('queued', 'sent', 'buried')),
    "attempts" INTEGER NOT NULL,
    "next_attempt_at" TEXT NOT NULL,
    "sent_at" TEXT,
    "error" TEXT
)
--
CREATE UNIQUE INDEX "outgoing_key" ON "outgoing" ("key")
--
CREATE INDEX "outgoing_status_sent_at" ON "outgoing" ("status", "sent_at")
--
CREATE INDEX "outgoing_due" ON "outgoing" ("next_attempt_at", "id") WHERE status = 'queued'
--
CREATE TABLE "job_run" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "job" VARCHAR(60) NOT NULL,
    "started_at" TEXT NOT NULL,
    "finished_at" TEXT,
    "ok" INTEGER,
    "affected" INTEGER NOT NULL,
    "error" TEXT,
    "asked_by_id" INTEGER,
    FOREIGN KEY ("asked_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "job_run_asked_by_id" ON "job_run" ("asked_by_id")
--
CREATE INDEX "job_run_job_started_at" ON "job_run" ("job", "started_at")
--
CREATE TABLE "job_lock" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "job" VARCHAR(60) NOT NULL,
    "owner" VARCHAR(80) NOT NULL,
    "until_at" TEXT NOT NULL
)
--
CREATE UNIQUE INDEX "job_lock_job" ON "job_lock" ("job")
--
CREATE TABLE "sandbox_object" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "object_id" VARCHAR(120) NOT NULL,
    "kind" VARCHAR(40) NOT NULL,
    "body" TEXT NOT NULL
)
--
CREATE UNIQUE INDEX "sandbox_object_object_id" ON "sandbox_object" ("object_id")
