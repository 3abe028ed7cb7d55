CREATE TABLE "plan_price" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "provider" VARCHAR(30) NOT NULL,
    "price_id" VARCHAR(120) NOT NULL,
    "plan_key" VARCHAR(40) NOT NULL,
    "by_id" INTEGER,
    FOREIGN KEY ("by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "plan_price_by_id" ON "plan_price" ("by_id")
--
CREATE UNIQUE INDEX "plan_price_provider_price_id" ON "plan_price" ("provider", "price_id")
--
CREATE TABLE "billing_checkout" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "by_id" INTEGER,
    "provider" VARCHAR(30) NOT NULL,
    "provider_checkout_id" VARCHAR(160),
    "plan_key" VARCHAR(40) NOT NULL,
    "quantity" INTEGER NOT NULL,
    "trial_days" INTEGER NOT NULL,
    "url" TEXT,
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'completed', 'expired')),
    "expires_at" TEXT NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("by_id") REFERENCES "user" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "billing_checkout_organization_id" ON "billing_checkout" ("organization_id")
--
CREATE UNIQUE INDEX "billing_checkout_public_id" ON "billing_checkout" ("public_id")
--
CREATE INDEX "billing_checkout_by_id" ON "billing_checkout" ("by_id")
--
CREATE UNIQUE INDEX "billing_checkout_one_open" ON "billing_checkout" ("organization_id") WHERE status = 'open'
--
CREATE TABLE "billing_payment" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "provider" VARCHAR(30) NOT NULL,
    "provider_payment_id" VARCHAR(120) NOT NULL,
    "subscription_id" INTEGER,
    "plan_key" VARCHAR(40),
    "reason" VARCHAR(30) NOT NULL CHECK ("reason" IN ('create', 'cycle', 'update', 'once', 'other')),
    "status" VARCHAR(30) NOT NULL CHECK ("status" IN ('open', 'failed', 'paid', 'void')),
    "amount" INTEGER NOT NULL,
    "amount_refunded" INTEGER NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "period_start_at" TEXT,
    "period_end_at" TEXT,
    "paid_at" TEXT,
    "dispute" VARCHAR(30) NOT NULL CHECK ("dispute" IN ('none', 'open', 'won', 'lost')),
    "url" TEXT,
    "credited" INTEGER NOT NULL,
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("subscription_id") REFERENCES "subscription" ("id") ON DELETE SET NULL
)
--
CREATE INDEX "billing_payment_organization_id" ON "billing_payment" ("organization_id")
--
CREATE INDEX "billing_payment_subscription_id" ON "billing_payment" ("subscription_id")
--
CREATE UNIQUE INDEX "billing_payment_provider_provider_payment_id" ON "billing_payment" ("provider", "provider_payment_id")
--
CREATE INDEX "billing_payment_subscription_id_period_start_at" ON "billing_payment" ("subscription_id", "period_start_at")
--
CREATE TABLE "licence" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" TEXT NOT NULL,
    "updated_at" TEXT NOT NULL,
    "organization_id" INTEGER NOT NULL,
    "purchaser_id" INTEGER,
    "payment_id" INTEGER NOT NULL,
    "plan_key" VARCHAR(40) NOT NULL,
    "tier" VARCHAR(30) NOT NULL CHECK ("tier" IN ('personal', 'commercial')),
    "ended_at" TEXT,
    "end_reason" VARCHAR(40),
    FOREIGN KEY ("organization_id") REFERENCES "organization" ("id") ON DELETE CASCADE,
    FOREIGN KEY ("purchaser_id") REFERENCES "user" ("id") ON DELETE SET NULL,
    FOREIGN KEY ("payment_id") REFERENCES "billing_payment" ("id") ON DELETE CASCADE
)
--
CREATE INDEX "licence_organization_id" ON "licence" ("organization_id")
--
CREATE INDEX "licence_purchaser_id" ON "licence" ("purchaser_id")
--
CREATE UNIQUE INDEX "licence_payment_id" ON "licence" ("payment_id")
