-- What of people's tables the public sees: links, what was answered by them, and files that wait to be looked at.
CREATE TABLE "public_link" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "collection_id" INTEGER NOT NULL REFERENCES "collection" ("id") ON DELETE CASCADE,
    "purpose" VARCHAR(30) NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "name" VARCHAR(120) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL,
    "turn" INTEGER NOT NULL,
    "settings" JSON NOT NULL,
    "made_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "opens_at" MOMENT,
    "ends_at" MOMENT,
    "stopped_at" MOMENT,
    "password_hash" VARCHAR(200),
    "most" INTEGER,
    "taken" INTEGER NOT NULL,
    "used_at" MOMENT
);
CREATE UNIQUE INDEX "public_link_public_id" ON "public_link" ("public_id");
CREATE UNIQUE INDEX "public_link_token_hash" ON "public_link" ("token_hash");
CREATE INDEX "public_link_organization_id" ON "public_link" ("organization_id");
CREATE INDEX "public_link_collection_id" ON "public_link" ("collection_id");
CREATE INDEX "public_link_made_by_id" ON "public_link" ("made_by_id");
CREATE TABLE "public_answer" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "link_id" INTEGER NOT NULL REFERENCES "public_link" ("id") ON DELETE CASCADE,
    "form_key" VARCHAR(64) NOT NULL,
    "secret_hash" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('in', 'held', 'thrown')),
    "reasons" TEXT NOT NULL,
    "words" TEXT NOT NULL,
    "record_id" INTEGER REFERENCES "record" ("id") ON DELETE SET NULL,
    "decided_by_id" INTEGER REFERENCES "user" ("id") ON DELETE SET NULL,
    "decided_at" MOMENT
);
CREATE UNIQUE INDEX "public_answer_link_id_form_key" ON "public_answer" ("link_id", "form_key");
CREATE UNIQUE INDEX "public_answer_secret_hash" ON "public_answer" ("secret_hash");
CREATE INDEX "public_answer_link_id_state_id" ON "public_answer" ("link_id", "state", "id");
CREATE INDEX "public_answer_organization_id" ON "public_answer" ("organization_id");
CREATE INDEX "public_answer_record_id" ON "public_answer" ("record_id");
CREATE INDEX "public_answer_decided_by_id" ON "public_answer" ("decided_by_id");
CREATE INDEX "public_answer_thrown" ON "public_answer" ("decided_at") WHERE state = 'thrown';
CREATE TABLE "public_file" (STAMPED,
    "organization_id" INTEGER NOT NULL REFERENCES "organization" ("id") ON DELETE CASCADE,
    "answer_id" INTEGER NOT NULL REFERENCES "public_answer" ("id") ON DELETE CASCADE,
    "field_id" INTEGER NOT NULL,
    "public_id" VARCHAR(40) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "type" VARCHAR(120) NOT NULL,
    "size" INTEGER NOT NULL,
    "sha256" VARCHAR(64) NOT NULL,
    "state" VARCHAR(30) NOT NULL CHECK ("state" IN ('coming', 'waiting', 'gone'))
);
CREATE UNIQUE INDEX "public_file_public_id" ON "public_file" ("public_id");
CREATE INDEX "public_file_organization_id" ON "public_file" ("organization_id");
CREATE INDEX "public_file_answer_id" ON "public_file" ("answer_id");
CREATE INDEX "public_file_passing" ON "public_file" ("created_at") WHERE state <> 'waiting';
