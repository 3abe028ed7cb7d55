CREATE TABLE "oauth_account" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "provider" VARCHAR(30) NOT NULL,
    "subject" VARCHAR(320) NOT NULL,
    "email" VARCHAR(320) NOT NULL,
    "last_used_at" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "oauth_account_user_id" ON "oauth_account" ("user_id")
--
CREATE UNIQUE INDEX "oauth_account_provider_subject" ON "oauth_account" ("provider", "subject")
--
CREATE TABLE "passkey" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "credential_id" VARCHAR(1400) NOT NULL,
    "public_key" BLOB NOT NULL,
    "sign_count" INTEGER NOT NULL,
    "name" VARCHAR(320) NOT NULL,
    "transports" TEXT NOT NULL,
    "last_used_at" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "passkey_user_id" ON "passkey" ("user_id")
--
CREATE UNIQUE INDEX "passkey_credential_id" ON "passkey" ("credential_id")
--
CREATE TABLE "backup_code" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "code_hash" VARCHAR(64) NOT NULL,
    "used_at" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "backup_code_user_id" ON "backup_code" ("user_id")
--
CREATE UNIQUE INDEX "backup_code_user_id_code_hash" ON "backup_code" ("user_id", "code_hash")
--
CREATE TABLE "user_platform_role" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('super_admin', 'support', 'finance', 'moderator', 'release_manager', 'content')),
    "granted_by_id" INTEGER,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("granted_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "user_platform_role_user_id" ON "user_platform_role" ("user_id")
--
CREATE INDEX "user_platform_role_granted_by_id" ON "user_platform_role" ("granted_by_id")
--
CREATE UNIQUE INDEX "user_platform_role_user_id_role" ON "user_platform_role" ("user_id", "role")
--
CREATE TABLE "stepup_challenge" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "action" VARCHAR(60) NOT NULL,
    "target" VARCHAR(80) NOT NULL,
    "method" VARCHAR(30) NOT NULL CHECK ("method" IN ('email', 'password', 'totp', 'passkey')),
    "secret_hash" VARCHAR(128),
    "salt" VARCHAR(64),
    "attempts" INTEGER NOT NULL,
    "expires_at" TEXT NOT NULL,
    "consumed_at" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "stepup_challenge_user_id" ON "stepup_challenge" ("user_id")
--
CREATE INDEX "stepup_challenge_expires_at" ON "stepup_challenge" ("expires_at")
--
CREATE INDEX "stepup_challenge_user_id_action" ON "stepup_challenge" ("user_id", "action")
--
CREATE TABLE "stepup_grant" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "session_id" INTEGER NOT NULL,
    "action" VARCHAR(60) NOT NULL,
    "target" VARCHAR(80) NOT NULL,
    "level" INTEGER NOT NULL,
    "single_use" INTEGER NOT NULL,
    "expires_at" TEXT NOT NULL,
    "consumed_at" TEXT,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("session_id") REFERENCES "user_session" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "stepup_grant_user_id" ON "stepup_grant" ("user_id")
--
CREATE INDEX "stepup_grant_session_id" ON "stepup_grant" ("session_id")
--
CREATE INDEX "stepup_grant_expires_at" ON "stepup_grant" ("expires_at")
--
CREATE INDEX "stepup_grant_user_id_action_target" ON "stepup_grant" ("user_id", "action", "target")
--
CREATE TABLE "workspace" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "name" VARCHAR(320) NOT NULL,
    "slug" VARCHAR(80) NOT NULL,
    "is_default" INTEGER NOT NULL,
    "archived_at" TEXT,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "workspace_organization_id" ON "workspace" ("organization_id")
--
CREATE UNIQUE INDEX "workspace_organization_id_slug" ON "workspace" ("organization_id", "slug")
--
CREATE UNIQUE INDEX "workspace_one_default" ON "workspace" ("organization_id") WHERE is_default = true
--
CREATE TABLE "workspace_member" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "workspace_id" INTEGER NOT NULL,
    "user_id" INTEGER NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('manager', 'staff', 'scanner')),
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("workspace_id") REFERENCES "workspace" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "workspace_member_organization_id" ON "workspace_member" ("organization_id")
--
CREATE INDEX "workspace_member_workspace_id" ON "workspace_member" ("workspace_id")
--
CREATE INDEX "workspace_member_user_id" ON "workspace_member" ("user_id")
--
CREATE UNIQUE INDEX "workspace_member_workspace_id_user_id" ON "workspace_member" ("workspace_id", "user_id")
--
CREATE TABLE "invitation" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "workspace_id" INTEGER,
    "email" VARCHAR(320) NOT NULL,
    "email_norm" VARCHAR(320) NOT NULL,
    "role" VARCHAR(30) NOT NULL CHECK ("role" IN ('admin', 'member', 'viewer', 'manager', 'staff', 'scanner')),
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'accepted', 'cancelled', 'expired')),
    "invited_by_id" INTEGER,
    "expires_at" TEXT NOT NULL,
    "accepted_by_id" INTEGER,
    "accepted_at" TEXT,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("workspace_id") REFERENCES "workspace" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("invited_by_id") REFERENCES "user" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("accepted_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE UNIQUE INDEX "invitation_public_id" ON "invitation" ("public_id")
--
CREATE INDEX "invitation_organization_id" ON "invitation" ("organization_id")
--
CREATE INDEX "invitation_workspace_id" ON "invitation" ("workspace_id")
--
CREATE INDEX "invitation_invited_by_id" ON "invitation" ("invited_by_id")
--
CREATE INDEX "invitation_expires_at" ON "invitation" ("expires_at")
--
CREATE INDEX "invitation_accepted_by_id" ON "invitation" ("accepted_by_id")
--
CREATE UNIQUE INDEX "invitation_one_pending" ON "invitation" ("organization_id", "email_norm") WHERE status = 'pending'
--
CREATE TABLE "ownership_transfer" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "from_user_id" INTEGER NOT NULL,
    "to_user_id" INTEGER NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('pending', 'accepted', 'cancelled', 'expired')),
    "expires_at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("from_user_id") REFERENCES "user" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("to_user_id") REFERENCES "user" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "ownership_transfer_organization_id" ON "ownership_transfer" ("organization_id")
--
CREATE INDEX "ownership_transfer_from_user_id" ON "ownership_transfer" ("from_user_id")
--
CREATE INDEX "ownership_transfer_to_user_id" ON "ownership_transfer" ("to_user_id")
--
CREATE INDEX "ownership_transfer_expires_at" ON "ownership_transfer" ("expires_at")
--
CREATE UNIQUE INDEX "transfer_one_pending" ON "ownership_transfer" ("organization_id") WHERE status = 'pending'
