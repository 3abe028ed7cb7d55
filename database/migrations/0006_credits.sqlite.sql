CREATE TABLE "credit_bucket" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "account_id" INTEGER NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('monthly', 'purchased', 'gift')),
    "amount" INTEGER NOT NULL,
    "remaining" INTEGER NOT NULL CHECK (remaining >= 0 AND remaining <= amount),
    "expires_at" TEXT,
    "closed_at" TEXT,
    "note" TEXT,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("account_id") REFERENCES "credit_account" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "credit_bucket_organization_id" ON "credit_bucket" ("organization_id")
--
CREATE INDEX "credit_bucket_account_id" ON "credit_bucket" ("account_id")
--
CREATE INDEX "credit_bucket_open" ON "credit_bucket" ("account_id") WHERE closed_at IS NULL
--
CREATE UNIQUE INDEX "credit_bucket_one_monthly" ON "credit_bucket" ("organization_id") WHERE kind = 'monthly' AND closed_at IS NULL
--
CREATE TABLE "credit_hold" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "account_id" INTEGER NOT NULL,
    "key" VARCHAR(160) NOT NULL,
    "amount" INTEGER NOT NULL CHECK (amount > 0),
    "drawn" TEXT NOT NULL,
    "feature" VARCHAR(60) NOT NULL,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'settled', 'released', 'lapsed')),
    "expires_at" TEXT NOT NULL,
    "actor_id" INTEGER,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("account_id") REFERENCES "credit_account" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("actor_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "credit_hold_organization_id" ON "credit_hold" ("organization_id")
--
CREATE INDEX "credit_hold_actor_id" ON "credit_hold" ("actor_id")
--
CREATE UNIQUE INDEX "credit_hold_account_id_key" ON "credit_hold" ("account_id", "key")
--
CREATE INDEX "credit_hold_open" ON "credit_hold" ("account_id") WHERE status = 'open'
