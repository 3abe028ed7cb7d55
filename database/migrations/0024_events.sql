-- Events, their stock, orders and passes.
CREATE TABLE "event" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "title" TEXT NOT NULL,
    "slug" VARCHAR(80) NOT NULL,
    "about" TEXT,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('draft', 'published', 'cancelled', 'archived')),
    "visibility" VARCHAR(30) NOT NULL CHECK ("visibility" IN ('public', 'unlisted', 'private')),
    "starts_at" MOMENT NOT NULL,
    "ends_at" MOMENT NOT NULL,
    "timezone" VARCHAR(60) NOT NULL,
    "venue" TEXT,
    "address" TEXT,
    "online_url" TEXT,
    "capacity" INTEGER,
    "currency" VARCHAR(3) NOT NULL,
    "tax_bps" INTEGER NOT NULL,
    "prices_include_tax" BOOLEAN NOT NULL,
    "hold_minutes" INTEGER NOT NULL,
    "most_each" INTEGER,
    "opening" VARCHAR(30) NOT NULL CHECK ("opening" IN ('first', 'draw')),
    "arrivals" INTEGER NOT NULL,
    "door_minutes" INTEGER NOT NULL,
    "refund_policy" TEXT,
    "age_policy" TEXT,
    "entry_policy" TEXT,
    "transfer_about" TEXT,
    "transfer_days" INTEGER NOT NULL,
    "published_at" MOMENT,
    "cancelled_at" MOMENT,
    "cancel_reason" TEXT,
    "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE UNIQUE INDEX "event_public_id" ON "event" ("public_id");
CREATE INDEX "event_made_by_id" ON "event" ("made_by_id");
CREATE INDEX "event_organization_id_id" ON "event" ("organization_id", "id");
CREATE INDEX "event_organization_id_state_id" ON "event" ("organization_id", "state", "id");
CREATE INDEX "event_organization_id_starts_at_id" ON "event" ("organization_id", "starts_at", "id");
CREATE INDEX "event_by_title" ON "event" ("organization_id", lower("title"), "id");

CREATE TABLE "event_slug" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "slug" VARCHAR(80) NOT NULL
);
CREATE INDEX "event_slug_organization_id" ON "event_slug" ("organization_id");
CREATE INDEX "event_slug_event_id" ON "event_slug" ("event_id");
CREATE UNIQUE INDEX "event_slug_slug" ON "event_slug" ("slug");

CREATE TABLE "stock" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('event', 'tier', 'session', 'voucher')),
    "thing" INTEGER NOT NULL,
    "size" INTEGER CHECK (size >= 0),
    "over" INTEGER NOT NULL CHECK ("over" >= 0),
    "held" INTEGER NOT NULL CHECK (held >= 0),
    "sold" INTEGER NOT NULL CHECK (sold >= 0) CHECK (size IS NULL OR held + sold <= size + "over")
);
CREATE INDEX "stock_organization_id" ON "stock" ("organization_id");
CREATE UNIQUE INDEX "stock_event_id_kind_thing" ON "stock" ("event_id", "kind", "thing");

CREATE TABLE "tier" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('admission', 'addon')),
    "about" TEXT,
    "price_cents" BIGINT NOT NULL,
    "size" INTEGER,
    "sale_from_at" MOMENT,
    "sale_until_at" MOMENT,
    "least" INTEGER NOT NULL,
    "most" INTEGER NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('on', 'paused', 'archived')),
    "code_hash" VARCHAR(64),
    "place" INTEGER NOT NULL
);
CREATE INDEX "tier_organization_id" ON "tier" ("organization_id");
CREATE INDEX "tier_event_id_id" ON "tier" ("event_id", "id");
CREATE INDEX "tier_event_id_place_id" ON "tier" ("event_id", "place", "id");

CREATE TABLE "price_phase" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "tier_id" INTEGER NOT NULL REFERENCES "tier" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "price_cents" BIGINT NOT NULL,
    "until_at" MOMENT,
    "until_sold" INTEGER
);
CREATE INDEX "price_phase_organization_id" ON "price_phase" ("organization_id");
CREATE INDEX "price_phase_tier_id" ON "price_phase" ("tier_id");
CREATE INDEX "price_phase_event_id_id" ON "price_phase" ("event_id", "id");

CREATE TABLE "event_session" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "title" TEXT NOT NULL,
    "about" TEXT,
    "room" VARCHAR(120),
    "starts_at" MOMENT NOT NULL,
    "ends_at" MOMENT NOT NULL,
    "seats" INTEGER
);
CREATE INDEX "event_session_organization_id" ON "event_session" ("organization_id");
CREATE INDEX "event_session_event_id_id" ON "event_session" ("event_id", "id");
CREATE INDEX "event_session_event_id_starts_at_id" ON "event_session" ("event_id", "starts_at", "id");

CREATE TABLE "speaker" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "name" TEXT NOT NULL,
    "role" TEXT,
    "about" TEXT
);
CREATE INDEX "speaker_organization_id" ON "speaker" ("organization_id");
CREATE INDEX "speaker_event_id_id" ON "speaker" ("event_id", "id");

CREATE TABLE "session_speaker" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "session_id" INTEGER NOT NULL REFERENCES "event_session" ("id") ON DELETE CASCADE,
    "speaker_id" INTEGER NOT NULL REFERENCES "speaker" ("id") ON DELETE CASCADE
);
CREATE INDEX "session_speaker_organization_id" ON "session_speaker" ("organization_id");
CREATE INDEX "session_speaker_speaker_id" ON "session_speaker" ("speaker_id");
CREATE UNIQUE INDEX "session_speaker_session_id_speaker_id" ON "session_speaker" ("session_id", "speaker_id");

CREATE TABLE "voucher" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "code" VARCHAR(40) NOT NULL,
    "code_norm" VARCHAR(40) NOT NULL,
    "note" TEXT,
    "tier_id" INTEGER REFERENCES "tier" ("id") ON DELETE CASCADE,
    "discount" VARCHAR(30) NOT NULL CHECK ("discount" IN ('none', 'percent', 'amount', 'price')),
    "value" INTEGER NOT NULL,
    "uses" INTEGER,
    "counts" VARCHAR(30) NOT NULL CHECK ("counts" IN ('tickets', 'orders')),
    "most" INTEGER,
    "shows_hidden" BOOLEAN NOT NULL,
    "from_at" MOMENT,
    "until_at" MOMENT,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('on', 'paused', 'archived'))
);
CREATE INDEX "voucher_organization_id" ON "voucher" ("organization_id");
CREATE INDEX "voucher_tier_id" ON "voucher" ("tier_id");
CREATE UNIQUE INDEX "voucher_event_id_code_norm" ON "voucher" ("event_id", "code_norm");
CREATE INDEX "voucher_event_id_id" ON "voucher" ("event_id", "id");

CREATE TABLE "buyer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "key" VARCHAR(64) NOT NULL,
    "taken" INTEGER NOT NULL CHECK (taken >= 0)
);
CREATE INDEX "buyer_organization_id" ON "buyer" ("organization_id");
CREATE UNIQUE INDEX "buyer_event_id_key" ON "buyer" ("event_id", "key");

CREATE TABLE "ticket_order" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "form_key" VARCHAR(64),
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('held', 'paying', 'paid', 'expired', 'cancelled')),
    "hold_until_at" MOMENT NOT NULL,
    "name" TEXT,
    "email" VARCHAR(320),
    "buyer_id" INTEGER REFERENCES "buyer" ("id") ON DELETE SET NULL,
    "user_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "voucher_id" INTEGER REFERENCES "voucher" ("id") ON DELETE SET NULL,
    "currency" VARCHAR(3) NOT NULL,
    "discount_cents" BIGINT NOT NULL,
    "tax_cents" BIGINT NOT NULL,
    "total_cents" BIGINT NOT NULL,
    "paid_cents" BIGINT NOT NULL,
    "refunded_cents" BIGINT NOT NULL,
    "trouble" TEXT,
    "note" TEXT,
    "paid_at" MOMENT,
    "ended_at" MOMENT
);
CREATE INDEX "ticket_order_organization_id" ON "ticket_order" ("organization_id");
CREATE UNIQUE INDEX "ticket_order_public_id" ON "ticket_order" ("public_id");
CREATE INDEX "ticket_order_buyer_id" ON "ticket_order" ("buyer_id");
CREATE INDEX "ticket_order_user_id" ON "ticket_order" ("user_id");
CREATE INDEX "ticket_order_voucher_id" ON "ticket_order" ("voucher_id");
CREATE INDEX "ticket_order_event_id_id" ON "ticket_order" ("event_id", "id");
CREATE INDEX "ticket_order_event_id_state_id" ON "ticket_order" ("event_id", "state", "id");
CREATE UNIQUE INDEX "ticket_order_event_id_form_key" ON "ticket_order" ("event_id", "form_key");
CREATE INDEX "ticket_order_live" ON "ticket_order" ("event_id", "hold_until_at") WHERE state IN ('held', 'paying');

CREATE TABLE "order_item" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "order_id" INTEGER NOT NULL REFERENCES "ticket_order" ("id") ON DELETE CASCADE,
    "tier_id" INTEGER NOT NULL REFERENCES "tier" ("id") ON DELETE RESTRICT,
    "quantity" INTEGER NOT NULL CHECK (quantity > 0),
    "standing" INTEGER NOT NULL CHECK (standing >= 0 AND standing <= quantity),
    "unit_cents" BIGINT NOT NULL,
    "discount_cents" BIGINT NOT NULL,
    "tax_cents" BIGINT NOT NULL,
    "total_cents" BIGINT NOT NULL,
    "is_vouched" BOOLEAN NOT NULL
);
CREATE INDEX "order_item_organization_id" ON "order_item" ("organization_id");
CREATE INDEX "order_item_order_id" ON "order_item" ("order_id");
CREATE INDEX "order_item_tier_id" ON "order_item" ("tier_id");

CREATE TABLE "stock_move" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "stock_id" INTEGER NOT NULL REFERENCES "stock" ("id") ON DELETE CASCADE,
    "order_id" INTEGER REFERENCES "ticket_order" ("id") ON DELETE SET NULL,
    "kind" VARCHAR(30) NOT NULL CHECK ("kind" IN ('hold', 'sell', 'release', 'expire', 'refund', 'retake', 'resize', 'override')),
    "d_held" INTEGER NOT NULL,
    "d_sold" INTEGER NOT NULL,
    "d_size" INTEGER NOT NULL,
    "d_over" INTEGER NOT NULL,
    "why" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "stock_move_organization_id" ON "stock_move" ("organization_id");
CREATE INDEX "stock_move_stock_id" ON "stock_move" ("stock_id");
CREATE INDEX "stock_move_order_id" ON "stock_move" ("order_id");
CREATE INDEX "stock_move_by_id" ON "stock_move" ("by_id");
CREATE INDEX "stock_move_event_id_id" ON "stock_move" ("event_id", "id");

CREATE TABLE "payment_attempt" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "order_id" INTEGER NOT NULL REFERENCES "ticket_order" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "provider" VARCHAR(30) NOT NULL,
    "reference" VARCHAR(160),
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('open', 'succeeded', 'failed', 'expired', 'abandoned')),
    "amount_cents" BIGINT NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "url" TEXT,
    "expires_at" MOMENT NOT NULL
);
CREATE INDEX "payment_attempt_organization_id" ON "payment_attempt" ("organization_id");
CREATE INDEX "payment_attempt_order_id" ON "payment_attempt" ("order_id");
CREATE UNIQUE INDEX "payment_attempt_public_id" ON "payment_attempt" ("public_id");
CREATE UNIQUE INDEX "payment_attempt_provider_reference" ON "payment_attempt" ("provider", "reference");
CREATE UNIQUE INDEX "payment_attempt_one_open" ON "payment_attempt" ("order_id") WHERE state = 'open';

CREATE TABLE "ticket_payment" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "order_id" INTEGER REFERENCES "ticket_order" ("id") ON DELETE SET NULL,
    "attempt_id" INTEGER REFERENCES "payment_attempt" ("id") ON DELETE SET NULL,
    "provider" VARCHAR(30) NOT NULL,
    "provider_payment_id" VARCHAR(160) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('pending', 'paid', 'failed')),
    "amount_cents" BIGINT NOT NULL,
    "refunded_cents" BIGINT NOT NULL CHECK (refunded_cents >= 0 AND refunded_cents <= amount_cents),
    "currency" VARCHAR(3) NOT NULL,
    "is_disputed" BOOLEAN NOT NULL,
    "paid_at" MOMENT
);
CREATE INDEX "ticket_payment_organization_id" ON "ticket_payment" ("organization_id");
CREATE INDEX "ticket_payment_order_id" ON "ticket_payment" ("order_id");
CREATE INDEX "ticket_payment_attempt_id" ON "ticket_payment" ("attempt_id");
CREATE UNIQUE INDEX "ticket_payment_provider_provider_payment_id" ON "ticket_payment" ("provider", "provider_payment_id");

CREATE TABLE "ticket_refund" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "order_id" INTEGER NOT NULL REFERENCES "ticket_order" ("id") ON DELETE CASCADE,
    "payment_id" INTEGER NOT NULL REFERENCES "ticket_payment" ("id") ON DELETE CASCADE,
    "key" VARCHAR(160) NOT NULL,
    "amount_cents" BIGINT NOT NULL CHECK (amount_cents > 0),
    "reason" TEXT NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('requested', 'approved', 'declined', 'sent', 'succeeded', 'failed')),
    "provider_refund_id" VARCHAR(160),
    "error" TEXT,
    "by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL
);
CREATE INDEX "ticket_refund_organization_id" ON "ticket_refund" ("organization_id");
CREATE INDEX "ticket_refund_order_id" ON "ticket_refund" ("order_id");
CREATE INDEX "ticket_refund_payment_id" ON "ticket_refund" ("payment_id");
CREATE UNIQUE INDEX "ticket_refund_key" ON "ticket_refund" ("key");
CREATE INDEX "ticket_refund_by_id" ON "ticket_refund" ("by_id");

CREATE TABLE "pass" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "item_id" INTEGER NOT NULL REFERENCES "order_item" ("id") ON DELETE CASCADE,
    "tier_id" INTEGER NOT NULL REFERENCES "tier" ("id") ON DELETE RESTRICT,
    "seq" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "serial" VARCHAR(40) NOT NULL,
    "holder" TEXT,
    "email" VARCHAR(320),
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('active', 'suspended', 'void')),
    "void_reason" VARCHAR(30) CHECK ("void_reason" IN ('refunded', 'transferred', 'cancelled', 'dispute', 'organizer')),
    "refund_id" INTEGER REFERENCES "ticket_refund" ("id") ON DELETE SET NULL,
    "voided_at" MOMENT
);
CREATE INDEX "pass_organization_id" ON "pass" ("organization_id");
CREATE INDEX "pass_tier_id" ON "pass" ("tier_id");
CREATE UNIQUE INDEX "pass_serial" ON "pass" ("serial");
CREATE INDEX "pass_refund_id" ON "pass" ("refund_id");
CREATE UNIQUE INDEX "pass_item_id_seq_generation" ON "pass" ("item_id", "seq", "generation");
CREATE INDEX "pass_event_id_id" ON "pass" ("event_id", "id");
