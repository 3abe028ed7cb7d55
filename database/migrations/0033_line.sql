-- The line for an event's tickets: who waits, who was called, and what came of it.
CREATE TABLE "place" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "event_id" INTEGER NOT NULL REFERENCES "event" ("id") ON DELETE CASCADE,
    "public_id" VARCHAR(40) NOT NULL,
    "form_key" VARCHAR(64),
    "number" INTEGER,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('drawn', 'waiting', 'called', 'taken', 'lapsed', 'left')),
    "wishes" JSON NOT NULL,
    "tiers" TEXT NOT NULL,
    "needs" INTEGER NOT NULL,
    "is_less_fine" BOOLEAN NOT NULL,
    "code" VARCHAR(40),
    "block" VARCHAR(64),
    "email" VARCHAR(320),
    "buyer_id" INTEGER REFERENCES "buyer" ("id") ON DELETE SET NULL,
    "user_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "order_id" INTEGER REFERENCES "ticket_order" ("id") ON DELETE SET NULL,
    "called_at" MOMENT,
    "seen_at" MOMENT NOT NULL
);
CREATE UNIQUE INDEX "place_public_id" ON "place" ("public_id");
CREATE UNIQUE INDEX "place_event_id_number" ON "place" ("event_id", "number");
CREATE UNIQUE INDEX "place_event_id_form_key" ON "place" ("event_id", "form_key");
CREATE INDEX "place_event_id_id" ON "place" ("event_id", "id");
CREATE INDEX "place_organization_id" ON "place" ("organization_id");
CREATE INDEX "place_buyer_id" ON "place" ("buyer_id");
CREATE INDEX "place_user_id" ON "place" ("user_id");
CREATE INDEX "place_order_id" ON "place" ("order_id");
CREATE INDEX "place_waiting" ON "place" ("event_id", "number") WHERE state = 'waiting';
CREATE INDEX "place_drawn" ON "place" ("event_id") WHERE state = 'drawn';
CREATE INDEX "place_block" ON "place" ("event_id", "block") WHERE state IN ('drawn', 'waiting', 'called');
CREATE UNIQUE INDEX "place_one_live" ON "place" ("event_id", "buyer_id") WHERE state IN ('drawn', 'waiting', 'called') AND buyer_id IS NOT NULL;
