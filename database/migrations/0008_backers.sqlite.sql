CREATE TABLE "backer_tier" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "key" VARCHAR(40) NOT NULL,
    "name" VARCHAR(80) NOT NULL,
    "plan_key" VARCHAR(40),
    "months" INTEGER CHECK (months > 0),
    "credits" INTEGER NOT NULL CHECK (credits >= 0)
)
--
CREATE UNIQUE INDEX "backer_tier_key" ON "backer_tier" ("key")
--
CREATE TABLE "crowdfunding_backer" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "username" VARCHAR(80) NOT NULL,
    "username_lower" VARCHAR(80),
    "code_hash" VARCHAR(64) NOT NULL,
    "tier_id" INTEGER NOT NULL,
    "used_by_id" INTEGER,
    "used_at" TEXT,
    "claim_hash" VARCHAR(64),
    "claim_expires_at" TEXT,
    "access_granted_at" TEXT,
    "access_until" TEXT,
    FOREIGN KEY ("tier_id") REFERENCES "backer_tier" ("id") ON DELETE RESTRICT,
    FOREIGN KEY ("used_by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "crowdfunding_backer_tier_id" ON "crowdfunding_backer" ("tier_id")
--
CREATE UNIQUE INDEX "crowdfunding_backer_username_lower_code_hash" ON "crowdfunding_backer" ("username_lower", "code_hash")
--
CREATE INDEX "crowdfunding_backer_username_code_hash" ON "crowdfunding_backer" ("username", "code_hash")
--
CREATE UNIQUE INDEX "crowdfunding_backer_used_by" ON "crowdfunding_backer" ("used_by_id") WHERE used_by_id IS NOT NULL
--
CREATE INDEX "crowdfunding_backer_legacy" ON "crowdfunding_backer" ("code_hash") WHERE username_lower IS NULL
--
CREATE TABLE "backer_import" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "name" VARCHAR(120) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('checked', 'confirmed', 'done')),
    "rows" TEXT NOT NULL,
    "new" INTEGER NOT NULL,
    "known" INTEGER NOT NULL,
    "wrong" INTEGER NOT NULL,
    "made" INTEGER NOT NULL,
    "added" INTEGER,
    "codes_shown_at" TEXT,
    "by_id" INTEGER,
    FOREIGN KEY ("by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE UNIQUE INDEX "backer_import_public_id" ON "backer_import" ("public_id")
--
CREATE INDEX "backer_import_by_id" ON "backer_import" ("by_id")
